/* SPDX-License-Identifier: MIT
 *
 * What the simulated world gives a plugin: connects, names, offloaded work, posts, timers, clocks,
 * random numbers; and that equal seeds are equal runs.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <evframe/testkit.h>

/* A plugin that does what its one-letter commands say, and answers. */

struct state {
    evf_stream *asker;
    uint64_t id;
    char *memory;
};

static unsigned static_count; /* of streams, in the program: kept from one run to the next */

static void say(evf_worker *worker, uint64_t id, const char *text)
{
    evf_stream *stream = evf_stream_find(worker, id);
    if (stream != NULL)
        evf_write(stream, text, strlen(text));
}

struct job {
    uint64_t id;
    bool on_worker;
    evf_worker *worker;
    struct evf_timer timer;
};

static void work(void *argument)
{
    struct job *job = argument;
    job->on_worker = evf_worker_self() != NULL;
}

static void done(evf_worker *worker, void *argument)
{
    struct job *job = argument;
    say(worker, job->id, job->on_worker ? "worker" : "helper");
    free(job);
}

static void posted(evf_worker *worker, void *argument)
{
    struct job *job = argument;
    say(worker, job->id, "posted");
    free(job);
}

static void timed(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct job *job = argument;
    (void)timer;
    say(worker, job->id, "timed");
    free(job);
}

static void resolved(evf_worker *worker, int status, const struct sockaddr_storage *addresses,
                     size_t count, void *argument)
{
    struct job *job = argument;
    char text[64];
    (void)addresses;
    snprintf(text, sizeof text, "%s %zu", status == 0 ? "found" : evf_strerror(status), count);
    say(worker, job->id, text);
    free(job);
}

static void reached(evf_stream *stream)
{
    evf_write(stream, "hello", 5);
}

static size_t answered(evf_stream *stream, evf_slice input)
{
    const struct state *state = evf_stream_state(stream);
    evf_stream *asker = evf_stream_find(evf_stream_worker(stream), state->id);
    if (asker != NULL)
        evf_write(asker, input.data, input.len);
    return input.len;
}

static void out_closed(evf_stream *stream, int reason)
{
    const struct state *state = evf_stream_state(stream);
    if (reason != 0)
        say(evf_stream_worker(stream), state->id, reason == -ETIMEDOUT ? "late" : "refused");
}

static const struct evf_handler out_handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .open = reached,
    .data = answered,
    .close = out_closed,
};

static void connect_out(evf_stream *stream, const char *host)
{
    evf_stream *out;
    const struct evf_connect to = { .struct_size = sizeof to, .host = host, .port = 80 };
    if (evf_connect(evf_stream_worker(stream), &to, &out_handler, evf_stream_instance(stream),
                    &out) == 0)
        ((struct state *)evf_stream_state(out))->id = evf_stream_id(stream);
    else
        evf_write(stream, "none", 4);
}

static void answer(evf_stream *stream, char command)
{
    evf_worker *worker = evf_stream_worker(stream);
    struct job *job = calloc(1, sizeof *job);
    char text[64];
    struct timespec now;
    int status = 0;
    if (job == NULL) {
        evf_close_with(stream, -ENOMEM);
        return;
    }
    job->id = evf_stream_id(stream);
    switch (command) {
    case 'o':
        status = evf_offload(worker, work, done, job);
        break;
    case 'p':
        status = evf_post(worker, posted, job);
        break;
    case 't':
        evf_timer_start(worker, &job->timer, 5000, timed, job);
        break;
    case 'n':
        status = evf_resolve(worker, "name.example", AF_UNSPEC, resolved, job, NULL);
        break;
    case 'c':
        connect_out(stream, "192.0.2.9");
        status = 1;
        break;
    case 'w':
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(text, sizeof text, "%llu %lld", (unsigned long long)evf_wall_ms(worker),
                 (long long)now.tv_sec);
        evf_write(stream, text, strlen(text));
        status = 1;
        break;
    case 'r':
        snprintf(text, sizeof text, "%016llx", (unsigned long long)evf_random(worker));
        evf_write(stream, text, strlen(text));
        status = 1;
        break;
    default:
        evf_write(stream, "?", 1);
        status = 1;
        break;
    }
    if (status != 0)
        free(job);
    if (status < 0)
        evf_close_with(stream, status);
}

static size_t data(evf_stream *stream, evf_slice input)
{
    for (size_t i = 0; i < input.len && evf_ready_state(stream) != EVF_CLOSED; i++)
        answer(stream, (char)input.data[i]);
    return input.len;
}

static void opened(evf_stream *stream)
{
    struct state *state = evf_stream_state(stream);
    state->memory = malloc(10);
    static_count++;
    if (state->memory == NULL)
        evf_close_with(stream, -ENOMEM);
}

static void closed(evf_stream *stream, int reason)
{
    struct state *state = evf_stream_state(stream);
    (void)reason;
    free(state->memory);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .stream_state_size = sizeof(struct state),
    .open = opened,
    .data = data,
    .close = closed,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "world",
    .version = "1.0.0",
    .handler = &handler,
};

static struct evf_sim_options options = {
    .struct_size = sizeof options,
    .plugin = &evf_plugin,
};

static evf_sim *sim;
static evf_sim_peer *peer;

static void setup(void)
{
    sim = evf_sim_new(&options);
    cr_assert_not(evf_sim_failed(sim), "%s", evf_sim_report(sim));
    peer = evf_sim_connect(sim);
}

static void teardown(void)
{
    cr_assert(evf_sim_end(sim), "%s", evf_sim_report(sim));
    evf_sim_free(sim);
}

TestSuite(world, .init = setup, .fini = teardown);

Test(world, runs_offloaded_work_on_no_worker)
{
    evf_sim_send_text(peer, "o");
    cr_assert(evf_sim_expect_text(peer, "helper"));
}

Test(world, runs_posts)
{
    evf_sim_send_text(peer, "p");
    cr_assert(evf_sim_expect_text(peer, "posted"));
}

Test(world, fires_timers_at_their_time)
{
    evf_sim_send_text(peer, "t");
    evf_sim_run(sim);
    evf_sim_advance(sim, 4999);
    cr_assert(evf_sim_expect_nothing(peer));
    evf_sim_advance(sim, 1);
    cr_assert(evf_sim_expect_text(peer, "timed"));
}

Test(world, answers_look_ups_as_the_play_says)
{
    evf_sim_name(sim, "name.example", "192.0.2.1 192.0.2.2 2001:db8::1");
    evf_sim_send_text(peer, "n");
    cr_assert(evf_sim_expect_text(peer, "found 3"));
}

Test(world, knows_no_other_names)
{
    evf_sim_send_text(peer, "n");
    cr_assert(evf_sim_expect_text(peer, "the name does not exist 0"));
}

Test(world, lets_a_look_up_hang_up_to_its_time)
{
    evf_sim_name(sim, "name.example", "hangs");
    evf_sim_send_text(peer, "n");
    cr_assert(evf_sim_expect_nothing(peer));
    evf_sim_advance(sim, 5000);
    cr_assert(evf_sim_expect_until(peer, " 0", 2));
}

Test(world, connects_to_whoever_listens)
{
    evf_sim_upstream *upstream = evf_sim_listen(sim, "192.0.2.9:80");
    evf_sim_send_text(peer, "c");
    evf_sim_peer *other = evf_sim_accept(upstream);
    cr_assert(evf_sim_expect_text(other, "hello"));
    evf_sim_send_text(other, "well");
    cr_assert(evf_sim_expect_text(peer, "well"));
}

Test(world, refuses_where_nobody_listens)
{
    evf_sim_send_text(peer, "c");
    cr_assert(evf_sim_expect_text(peer, "refused"));
}

Test(world, lets_a_connect_hang_up_to_its_time)
{
    evf_sim_set_answer(evf_sim_listen(sim, "192.0.2.9:80"), EVF_SIM_HANGS);
    evf_sim_send_text(peer, "c");
    cr_assert(evf_sim_expect_nothing(peer));
    evf_sim_advance(sim, 10 * 1000);
    cr_assert(evf_sim_expect_text(peer, "late"));
}

Test(world, has_a_calendar_that_stands_with_the_clock)
{
    evf_sim_send_text(peer, "w");
    cr_assert(evf_sim_expect_text(peer, "1767225600000 1767225600"));
    evf_sim_advance(sim, 1500);
    evf_sim_send_text(peer, "w");
    cr_assert(evf_sim_expect_text(peer, "1767225601500 1767225601"));
}

Test(world, a_peer_that_does_not_read_takes_64_kib)
{
    static char commands[70000];
    memset(commands, '?', sizeof commands);
    evf_sim_stop_reading(peer);
    evf_sim_send(peer, commands, sizeof commands);
    evf_sim_run(sim);
    size_t len;
    evf_sim_received(peer, &len);
    cr_assert_eq(len, 64 * 1024);
    cr_assert_eq(evf_queued(evf_sim_stream(peer)), sizeof commands - len);
    evf_sim_read(peer);
    cr_assert(evf_sim_expect(peer, commands, sizeof commands));
}

Test(world, tells_a_reset_to_the_stream)
{
    evf_sim_run(sim);
    cr_assert_not_null(evf_sim_stream(peer));
    evf_sim_reset(peer);
    evf_sim_run(sim);
    cr_assert_null(evf_sim_stream(peer));
}

Test(world, stops_gracefully)
{
    evf_sim_run(sim);
    evf_sim_stop(sim, 1000);
    cr_assert(evf_sim_expect_end(peer));
    evf_sim_close_write(peer);
    cr_assert(evf_sim_expect_closed(peer));
    cr_assert(evf_sim_expect_closed(evf_sim_connect(sim)));
}

/* -- failures -- */

static void expect_failure(const char *told)
{
    cr_assert_not(evf_sim_end(sim));
    cr_assert_not_null(strstr(evf_sim_report(sim), told), "%s", evf_sim_report(sim));
    evf_sim_free(sim);
}

TestSuite(failing, .init = setup);

Test(failing, tells_what_came_instead)
{
    evf_sim_here(sim, "some.c", 7, "the line");
    evf_sim_send_text(peer, "?");
    cr_assert_not(evf_sim_expect_text(peer, "!"));
    cr_assert_not_null(strstr(evf_sim_report(sim), "some.c:7: the line"));
    expect_failure("expected \"!\"\n  but got \"?\"");
}

Test(failing, tells_what_nobody_expected)
{
    evf_sim_send_text(peer, "???");
    evf_sim_expect_text(peer, "?");
    expect_failure("got 2 bytes that nobody expected: \"??\"");
}

Test(failing, keeps_the_first_failure)
{
    evf_sim_fail(sim, "first %d", 1);
    evf_sim_fail(sim, "second");
    cr_assert_not(evf_sim_expect_nothing(peer));
    expect_failure("first 1");
}

Test(failing, tells_that_nobody_has_connected)
{
    cr_assert_not_null(evf_sim_accept(evf_sim_listen(sim, "192.0.2.9:80")));
    expect_failure("nobody has connected to 192.0.2.9:80");
}

Test(failing, tells_what_is_wrong_with_the_options)
{
    evf_sim_free(sim);
    struct evf_sim_options wrong = options;
    wrong.options = "no-such=1";
    sim = evf_sim_new(&wrong);
    expect_failure("no-such");
}

/* -- seeds -- */

static void play(evf_sim *one, void *argument)
{
    evf_sim_peer *a = evf_sim_connect(one), *b = evf_sim_connect(one);
    evf_sim_upstream *upstream = evf_sim_listen(one, "192.0.2.9:80");
    uint64_t *digests = argument;
    evf_sim_name(one, "name.example", "192.0.2.1");
    evf_sim_send_text(a, "opnc");
    evf_sim_send_text(b, "r?w?");
    evf_sim_peer *c = evf_sim_accept(upstream);
    evf_sim_expect_text(c, "hello");
    evf_sim_send_text(c, "x");
    evf_sim_advance(one, 100);
    evf_sim_ignore(a);
    evf_sim_ignore(b);
    if (digests != NULL)
        digests[evf_sim_seed(one)] = evf_sim_digest(one);
}

enum { SEEDS = 300 };

Test(seeds, equal_ones_are_equal_runs_alone_or_in_a_row)
{
    static uint64_t first[SEEDS], second[SEEDS];
    struct evf_sim_options all = options;
    all.troubles = EVF_SIM_ALL;
    cr_assert_eq(evf_sim_seeds(&all, SEEDS, play, first, NULL), 0);
    unsigned different = 0;
    for (all.seed = SEEDS; all.seed-- > 0;) {
        cr_assert_eq(evf_sim_seeds(&all, 1, play, second, NULL), 0);
        cr_assert_eq(first[all.seed], second[all.seed], "seed %u", (unsigned)all.seed);
        different += first[all.seed] != first[0];
    }
    cr_assert_gt(different, SEEDS * 9 / 10);
}

Test(seeds, an_expectation_is_let_pass_only_after_harm)
{
    struct evf_sim_options all = options;
    all.troubles = EVF_SIM_RESETS;
    unsigned harmed = 0;
    for (all.seed = 0; all.seed < 200; all.seed++) {
        sim = evf_sim_new(&all);
        peer = evf_sim_connect(sim);
        evf_sim_send_text(peer, "?");
        bool met = evf_sim_expect_text(peer, "!");
        cr_assert_not(met && !evf_sim_harmed(sim));
        cr_assert_eq(evf_sim_failed(sim), !evf_sim_harmed(sim));
        harmed += evf_sim_harmed(sim);
        evf_sim_free(sim);
    }
    cr_assert_gt(harmed, 5);
    cr_assert_lt(harmed, 100);
}
