/* SPDX-License-Identifier: MIT
 *
 * Whole servers, one after the other in one process: clients that come and go on several threads
 * while the server is stopped under them, workers that post to each other and offload work, both
 * ways of accepting, all policies. Afterwards everything that was accepted was closed, everything
 * that was posted has run, every offloaded piece was answered, and no descriptor is left. Also:
 * starts that fail on a worker, and a stop that is asked for before anybody waits.
 */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <evframe/evframe.h>

#include "expect.h"

enum { ROUNDS = 20, WORKERS = 3, CLIENTS = 3, IDLE = 16, EXCHANGES = 60 };

/* -- the plugin: echoes, and talks to the next worker about every piece of input -- */

struct worker_state {
    struct evf_timer timer;
    unsigned ticks;
    unsigned letters; /* under way, or in other hands */
};

/* From one worker to the next and back, in its own storage on the way back. */
struct letter {
    struct evf_message message;
    evf_instance *instance;
    evf_worker *sender;
    uint64_t stream_id;
};

static atomic_uint greetings, letters_sent, letters_back, worked, answered;
static atomic_uint opened, closed, forced, worker_starts, worker_stops, starts, stops;
static atomic_int failing_worker; /* whose worker_start fails; -1: none */
static evf_counter *pieces;
static evf_gauge *present;

static void greet(evf_worker *worker, void *argument)
{
    struct worker_state *state = evf_worker_state(argument, worker);
    EXPECT(state != NULL, "the state of a worker that was greeted");
    atomic_fetch_add(&greetings, 1);
}

static void work(void *argument)
{
    (void)argument;
    atomic_fetch_add(&worked, 1);
}

static void answer(evf_worker *worker, void *argument)
{
    (void)argument;
    EXPECT(worker == evf_worker_self(), "the answer on the worker that asked");
    atomic_fetch_add(&answered, 1);
}

static void come_back(evf_worker *worker, void *argument)
{
    struct letter *letter = argument;
    EXPECT(worker == letter->sender, "the letter back at its sender");
    evf_stream *stream = evf_stream_find(worker, letter->stream_id);
    if (stream != NULL)
        EXPECT(evf_stream_id(stream) == letter->stream_id, "the stream that was meant");
    struct worker_state *state = evf_worker_state(letter->instance, worker);
    state->letters--;
    atomic_fetch_add(&letters_back, 1);
    free(letter);
}

static void turn_round(evf_worker *worker, void *argument)
{
    struct letter *letter = argument;
    (void)worker;
    int status = evf_post_message(letter->sender, &letter->message, come_back, letter);
    EXPECT(status == 0, "a reply, status %d", status);
}

static void send_letter(evf_stream *stream)
{
    evf_worker *worker = evf_stream_worker(stream);
    evf_instance *instance = evf_stream_instance(stream);
    struct worker_state *state = evf_worker_state(instance, worker);
    unsigned next = (evf_worker_index(worker) + 1) % evf_worker_count(instance);
    struct letter *letter = calloc(1, sizeof *letter);
    EXPECT(letter != NULL, "memory");
    letter->instance = instance;
    letter->sender = worker;
    letter->stream_id = evf_stream_id(stream);
    if (evf_post(evf_worker_at(instance, next), turn_round, letter) != 0) {
        free(letter);
        return;
    }
    state->letters++;
    atomic_fetch_add(&letters_sent, 1);
}

static void on_open(evf_stream *stream)
{
    (void)stream;
    atomic_fetch_add(&opened, 1);
    evf_gauge_add(present, 1);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    evf_counter_add(pieces, 1);
    send_letter(stream);
    if (evf_offload(evf_stream_worker(stream), work, answer, NULL) != 0)
        atomic_fetch_sub(&worked, 1), atomic_fetch_sub(&answered, 1);
    evf_write_slice(stream, input);
    return input.len;
}

static void on_close(evf_stream *stream, int reason)
{
    (void)stream;
    atomic_fetch_add(&closed, 1);
    atomic_fetch_add(&forced, reason == -ESHUTDOWN);
    evf_gauge_add(present, -1);
}

static void tick(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    struct worker_state *state = argument;
    state->ticks++;
    evf_timer_start(worker, timer, 1, tick, state);
}

static int on_start(evf_instance *instance)
{
    EXPECT(evf_worker_at(instance, 0) == NULL, "no worker in start");
    atomic_fetch_add(&starts, 1);
    pieces = evf_counter_new(instance, "pieces", "pieces of input");
    present = evf_gauge_new(instance, "present", "streams");
    EXPECT(pieces != NULL && present != NULL, "figures");
    return 0;
}

static int on_worker_start(evf_instance *instance, evf_worker *worker)
{
    struct worker_state *state = evf_worker_state(instance, worker);
    for (unsigned i = 0; i < evf_worker_count(instance); i++) {
        int status = evf_post(evf_worker_at(instance, i), greet, instance);
        EXPECT(status == 0, "a post in worker_start, status %d", status);
    }
    int status = evf_offload(worker, work, answer, NULL);
    EXPECT(status == 0, "offloading in worker_start, status %d", status);
    if (atomic_load(&failing_worker) == (int)evf_worker_index(worker))
        return evf_fail(instance, "worker %u was told to fail", evf_worker_index(worker));
    evf_timer_start(worker, &state->timer, 1, tick, state);
    atomic_fetch_add(&worker_starts, 1);
    return 0;
}

static void on_worker_stop(evf_instance *instance, evf_worker *worker)
{
    struct worker_state *state = evf_worker_state(instance, worker);
    EXPECT(state->letters == 0, "every letter back, %u are not", state->letters);
    evf_timer_stop(&state->timer);
    atomic_fetch_add(&worker_stops, 1);
}

static void on_stop(evf_instance *instance)
{
    (void)instance;
    atomic_fetch_add(&stops, 1);
}

static const struct evf_handler handler = {
    .struct_size = sizeof handler,
    .open = on_open,
    .data = on_data,
    .close = on_close,
};

static const struct evf_plugin plugin = {
    EVF_PLUGIN_HEADER,
    .name = "talker",
    .version = "1",
    .handler = &handler,
    .worker_state_size = sizeof(struct worker_state),
    .start = on_start,
    .worker_start = on_worker_start,
    .worker_stop = on_worker_stop,
    .stop = on_stop,
};

/* -- clients -- */

static struct sockaddr_storage server_address;
static atomic_bool stopping;

static int connect_client(void)
{
    const struct timeval patience = { .tv_sec = patience_ms() / 1000 };
    int fd = socket(server_address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(fd >= 0, "a socket, errno %d", errno);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&server_address, sizeof(struct sockaddr_in)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* True when it came back. */
static bool exchange(int fd, const char *text)
{
    char back[64];
    size_t len = strlen(text), got = 0;
    if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
        return false;
    while (got < len) {
        ssize_t more = recv(fd, back + got, sizeof back - got, 0);
        EXPECT(more >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK), "an answer in time");
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    EXPECT(got == len && memcmp(back, text, len) == 0, "the same bytes");
    return true;
}

/* Comes and goes until the server is gone. */
static void *come_and_go(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < 100000; i++) {
        int fd = connect_client();
        bool served = fd >= 0 && exchange(fd, "short visit");
        if (fd >= 0)
            close(fd);
        if (served)
            continue;
        EXPECT(atomic_load(&stopping), "service until the stop, visit %u", i);
        break;
    }
    return NULL;
}

static void *wait_for_stop(void *argument)
{
    int status = evf_server_wait(argument);
    EXPECT(status == 0, "an orderly stop, status %d", status);
    return NULL;
}

/* -- one server -- */

static unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    EXPECT(folder != NULL, "/proc");
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void forget(void)
{
    atomic_uint *const all[] = { &greetings, &letters_sent,  &letters_back, &worked,
                                 &answered,  &opened,        &closed,       &forced,
                                 &starts,    &worker_starts, &worker_stops, &stops };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        atomic_store(all[i], 0);
    atomic_store(&stopping, false);
    atomic_store(&failing_worker, -1);
}

struct sums {
    int64_t accepted, refused, never_opened, opened, closed, streams, timers, pages, present,
        pieces;
};

static void add_up(const struct evf_figure *figure, void *argument)
{
    struct sums *sums = argument;
    const struct {
        const char *name;
        int64_t *sum;
    } wanted[] = {
        { "connections_accepted", &sums->accepted },
        { "connections_refused_memory", &sums->refused },
        { "connections_never_opened", &sums->never_opened },
        { "streams_opened", &sums->opened },
        { "streams_closed", &sums->closed },
        { "streams", &sums->streams },
        { "timers", &sums->timers },
        { "pages", &sums->pages },
        { "present", &sums->present },
        { "pieces", &sums->pieces },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (strcmp(figure->name, wanted[i].name) == 0)
            *wanted[i].sum += figure->value;
}

static void nothing_is_left(evf_server *server)
{
    struct sums sums = { 0 };
    evf_server_each_figure(server, add_up, &sums);
    EXPECT(sums.accepted == sums.opened + sums.refused + sums.never_opened,
           "every accepted connection accounted for, %lld of %lld", (long long)sums.opened,
           (long long)sums.accepted);
    EXPECT(sums.opened == atomic_load(&opened), "opened as counted");
    EXPECT(sums.opened == sums.closed, "all streams closed");
    EXPECT(sums.streams == 0 && sums.timers == 0 && sums.pages == 0, "nothing in use");
    EXPECT(sums.present == 0, "the plugin's gauge back at 0, not %lld", (long long)sums.present);
    EXPECT(sums.pieces >= atomic_load(&letters_sent), "the plugin's counter");
    EXPECT(atomic_load(&opened) == atomic_load(&closed), "close for every open");
    EXPECT(atomic_load(&letters_sent) == atomic_load(&letters_back), "every letter back");
    EXPECT(atomic_load(&worked) == atomic_load(&answered), "every piece of work answered");
    EXPECT(atomic_load(&greetings) == WORKERS * WORKERS, "every greeting");
    EXPECT(atomic_load(&worker_starts) == WORKERS && atomic_load(&worker_stops) == WORKERS,
           "worker_stop for every worker_start");
    EXPECT(atomic_load(&starts) == 1 && atomic_load(&stops) == 1, "stop for start");
}

static evf_server *make_server(unsigned round)
{
    struct evf_server_options options = {
        .struct_size = sizeof options,
        .workers = WORKERS,
        .accept = round % 4 == 3 ? EVF_ACCEPT_REUSEPORT : EVF_ACCEPT_SHARED,
        .dispatch = round % 4 == 3 ? EVF_DISPATCH_LEAST : round % 4,
        .pin = round % 2 == 1,
        .offload_queue = 16,
        .mailbox = 64,
        .log_level = 1 + EVF_ERROR,
    };
    evf_server *server = evf_server_new(&options);
    EXPECT(server != NULL, "a server");
    int status = evf_server_listen(server, "127.0.0.1:0", &plugin, NULL, NULL);
    EXPECT(status == 0, "a listener: %s", evf_server_error(server));
    return server;
}

static void serve_and_stop(unsigned round)
{
    int idle[IDLE];
    pthread_t clients[CLIENTS];
    forget();
    evf_server *server = make_server(round);
    int status = evf_server_start(server);
    EXPECT(status == 0, "a start: %s", evf_server_error(server));
    status = evf_server_address(server, 0, &server_address);
    EXPECT(status == 0, "an address, status %d", status);

    for (unsigned i = 0; i < IDLE; i++) {
        idle[i] = connect_client();
        EXPECT(idle[i] >= 0 && exchange(idle[i], "hello"), "service");
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = start_thread(come_and_go, NULL);
    for (unsigned i = 0; i < scaled(EXCHANGES); i++)
        EXPECT(exchange(idle[i % IDLE], "again"), "service beside others");

    /* Stopped from another thread than the one that waits, now one and now the other first. */
    atomic_store(&stopping, true);
    if (round % 2 == 0)
        evf_server_stop(server, (uint32_t)patience_ms());
    pthread_t waiting = start_thread(wait_for_stop, server);
    if (round % 2 == 1)
        evf_server_stop(server, (uint32_t)patience_ms());
    for (unsigned i = 0; i < IDLE; i++) {
        char byte;
        ssize_t got = recv(idle[i], &byte, 1, 0);
        EXPECT(got == 0, "an orderly end of an idle stream, not %zd, errno %d", got, errno);
        close(idle[i]);
    }
    join_thread(waiting);
    for (unsigned i = 0; i < CLIENTS; i++)
        join_thread(clients[i]);
    EXPECT(atomic_load(&forced) == 0, "nobody closed by force within the grace");
    nothing_is_left(server);
    evf_server_free(server);
}

/* -- starts that fail -- */

static void fail_to_start(unsigned worker)
{
    forget();
    atomic_store(&failing_worker, (int)worker);
    evf_server *server = make_server(worker);
    int status = evf_server_start(server);
    EXPECT(status < 0, "a failure");
    const char *error = evf_server_error(server);
    EXPECT(strstr(error, "was told to fail") != NULL, "the plugin's reason in '%s'", error);
    EXPECT(atomic_load(&worker_starts) == WORKERS - 1, "the others started");
    EXPECT(atomic_load(&worker_stops) == WORKERS - 1, "and stopped");
    EXPECT(atomic_load(&starts) == 1 && atomic_load(&stops) == 1, "stop for start");
    EXPECT(atomic_load(&greetings) == 0, "no post ran");
    EXPECT(atomic_load(&worked) == WORKERS && atomic_load(&answered) == WORKERS,
           "offloaded work answered");
    evf_server_free(server);
}

/* -- a stop that nobody waited for yet, with a deadline that has passed -- */

static void stop_at_once(void)
{
    forget();
    evf_server *server = make_server(0);
    int status = evf_server_start(server);
    EXPECT(status == 0, "a start: %s", evf_server_error(server));
    evf_server_address(server, 0, &server_address);
    int fd = connect_client();
    EXPECT(fd >= 0 && exchange(fd, "hello"), "service");
    evf_server_stop(server, 0);
    evf_server_stop(server, 0);
    status = evf_server_wait(server);
    EXPECT(status == 0, "a stop, status %d", status);
    EXPECT(atomic_load(&forced) == 1, "the stream closed at the deadline");
    nothing_is_left(server);
    evf_server_free(server);
    close(fd);
}

int main(void)
{
    /* The first server leaves what libraries keep for the process. */
    serve_and_stop(0);
    unsigned before = descriptors();
    for (unsigned round = 1; round < scaled(ROUNDS); round++)
        serve_and_stop(round);
    for (unsigned worker = 0; worker < WORKERS; worker++)
        fail_to_start(worker);
    stop_at_once();
    EXPECT(descriptors() == before, "no descriptor left: %u before, %u now", before, descriptors());
    return 0;
}
