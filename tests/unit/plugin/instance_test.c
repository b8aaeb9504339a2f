/* SPDX-License-Identifier: MIT
 *
 * Instances of embedded descriptors: the order of calls, state, failures, figures, and the rules
 * that are asserted. One thread plays both main thread and worker.
 */
#include "plugin/instance.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "leaks.h"
#include "loop/worker.h"

static char error[1024], calls[256];
static struct evf__figure_registry figures;
static evf_instance *instance;
static evf_worker *worker;
static int start_code, worker_start_code;
static struct evf_timer forgotten_outside;
static evf_counter *counter;
static evf_gauge *gauge;

static void called(const char *what)
{
    strcat(calls, what);
    strcat(calls, " ");
}

static int on_start(evf_instance *self)
{
    called("start");
    cr_assert_null(evf_worker_at(self, 0));
    cr_assert_eq(evf_worker_count(self), 3);
    if (start_code == EVF_EFAILED)
        return evf_fail(self, "no %s\n", "luck");
    return start_code;
}

static int on_worker_start(evf_instance *self, evf_worker *on)
{
    called("worker_start");
    cr_assert_eq(on->callback, EVF__CALLBACK_WORKER_START);
    cr_assert_str_eq(on->callback_plugin, "plugin");
    uint64_t *state = evf_worker_state(self, on);
    cr_assert_eq(*state, 0);
    *state = 17;
    if (worker_start_code == EVF_EFAILED)
        return evf_fail(self, "worker %u: no luck", evf_worker_index(on));
    return worker_start_code;
}

static void on_worker_stop(evf_instance *self, evf_worker *on)
{
    called("worker_stop");
    cr_assert_eq(on->callback, EVF__CALLBACK_WORKER_STOP);
    cr_assert_eq(*(uint64_t *)evf_worker_state(self, on), 17);
}

static void on_stop(evf_instance *self)
{
    called("stop");
    cr_assert_eq(((uint8_t *)evf_instance_state(self))[9], 5);
}

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };
static const struct evf_option options[] = { { .name = "depth", .type = EVF_OPTION_INT },
                                             { .name = "body", .type = EVF_OPTION_STRING },
                                             { 0 } };
static struct evf_plugin plugin;

static void make_worker(void)
{
    const struct evf__worker_settings settings = { .index = 1, .mailbox = 16, .page_size = 16384 };
    cr_assert_eq(posix_memalign((void **)&worker, 64, sizeof(*worker)), 0);
    memset(worker, 0, sizeof(*worker));
    cr_assert_eq(evf__worker_init(worker, &settings), 0);
}

static int create(const char *text)
{
    const struct evf__instance_spec spec = { .address = "unix:/run/x",
                                             .descriptor = &plugin,
                                             .options = text };
    return evf__instance_create(&spec, &instance, error, sizeof(error));
}

static void set_up(void)
{
    plugin = (struct evf_plugin){
        EVF_PLUGIN_HEADER,
        .name = "plugin",
        .version = "1.0",
        .options = options,
        .handler = &handler,
        .instance_state_size = 10,
        .worker_state_size = 256,
        .start = on_start,
        .worker_start = on_worker_start,
        .worker_stop = on_worker_stop,
        .stop = on_stop,
    };
    make_worker();
}

static void tear_down(void)
{
    evf__instance_destroy(instance);
    evf__worker_fini(worker);
    free(worker);
    for (unsigned i = 0; i < figures.count; i++) {
        free(figures.entries[i].name);
        free(figures.entries[i].help);
    }
    expect_no_leaks();
}

TestSuite(instance, .init = set_up, .fini = tear_down);

static int start(void)
{
    return evf__instance_start(instance, 3, &figures, error, sizeof(error));
}

static int start_worker(void)
{
    return evf__instance_worker_start(instance, worker, error, sizeof(error));
}

/* ---- Life ---- */

Test(instance, is_started_and_stopped_in_order_with_zeroed_aligned_state)
{
    cr_assert_eq(create(NULL), 0, "%s", error);
    cr_assert_str_eq(instance->label, "unix:/run/x=plugin");
    cr_assert_eq(start(), 0, "%s", error);
    uint8_t *state = evf_instance_state(instance);
    cr_assert_eq((uintptr_t)state % 16, 0);
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(state[i], 0);
    state[9] = 5;

    evf_worker *workers[3] = { NULL, worker, NULL };
    instance->workers = workers;
    cr_assert_eq(start_worker(), 0, "%s", error);
    cr_assert_eq((uintptr_t)evf_worker_state(instance, worker) % 16, 0);
    cr_assert_eq(evf_worker_at(instance, 1), worker);
    cr_assert_null(evf_worker_at(instance, 3));
    cr_assert_eq(worker->callback, EVF__CALLBACK_NONE);

    evf__instance_worker_stop(instance, worker);
    evf__instance_stop(instance);
    evf__instance_stop(instance);
    cr_assert_str_eq(calls, "start worker_start worker_stop stop ");
}

Test(instance, can_be_started_anew_after_its_stop)
{
    cr_assert_eq(create(NULL), 0, "%s", error);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(start(), 0, "%s", error);
        ((uint8_t *)evf_instance_state(instance))[9] = 5;
        cr_assert_eq(start_worker(), 0, "%s", error);
        evf__instance_worker_stop(instance, worker);
        evf__instance_stop(instance);
    }
}

Test(instance, without_callbacks_and_state_is_fine)
{
    plugin = (struct evf_plugin){ EVF_PLUGIN_HEADER, .name = "plugin", .version = "1",
                                  .handler = &handler };
    cr_assert_eq(create(""), 0, "%s", error);
    cr_assert_eq(start(), 0, "%s", error);
    cr_assert_eq(start_worker(), 0, "%s", error);
    cr_assert_null(evf_instance_state(instance));
    cr_assert_null(evf_worker_state(instance, worker));
    evf__instance_worker_stop(instance, worker);
    evf__instance_stop(instance);
}

/* ---- Failures ---- */

Test(instance, is_not_made_from_a_bad_descriptor_or_bad_options)
{
    cr_assert_eq(create("dpeth=1"), EVF_EOPTION);
    cr_assert_not_null(strstr(error, "listener unix:/run/x, plugin plugin: unknown option"));
    cr_assert_eq(create("depth=x"), EVF_EOPTION);
    cr_assert_str_eq(error, "listener unix:/run/x, plugin plugin: option depth: value \"x\" is "
                            "malformed; allowed: a number");
    plugin.handler = NULL;
    cr_assert_eq(create(NULL), EVF_EPLUGIN);
    cr_assert_str_eq(error, "listener unix:/run/x: field handler: expected a struct evf_handler, "
                            "found NULL");
    cr_assert_null(instance);
}

Test(instance, says_what_its_failing_start_said)
{
    cr_assert_eq(create(NULL), 0, "%s", error);
    start_code = EVF_EFAILED;
    cr_assert_eq(start(), EVF_EFAILED);
    cr_assert_str_eq(error, "unix:/run/x=plugin: start failed: no luck\\x0a");
    start_code = -EACCES;
    cr_assert_eq(start(), -EACCES);
    cr_assert_str_eq(error, "unix:/run/x=plugin: start failed: Permission denied");
    cr_assert_null(instance->state);
    evf__instance_stop(instance);
    cr_assert_str_eq(calls, "start start ");
}

Test(instance, keeps_a_workers_state_to_the_end_when_worker_start_fails)
{
    cr_assert_eq(create(NULL), 0, "%s", error);
    cr_assert_eq(start(), 0, "%s", error);
    ((uint8_t *)evf_instance_state(instance))[9] = 5;
    worker_start_code = EVF_EFAILED;
    cr_assert_eq(start_worker(), EVF_EFAILED);
    cr_assert_str_eq(error, "unix:/run/x=plugin: worker_start failed on worker 1: worker 1: no "
                            "luck");
    cr_assert_not_null(instance->worker_states[1], "a `close` may use it");
    evf__instance_worker_end(instance, worker);
    cr_assert_null(instance->worker_states[1]);
    evf__instance_worker_end(instance, worker);
    evf__instance_stop(instance);
    cr_assert_str_eq(calls, "start worker_start stop ");
}

/* ---- Timers that were forgotten ---- */

static void never(evf_worker *on, struct evf_timer *timer, void *argument)
{
    (void)on, (void)timer, (void)argument;
    cr_assert_fail("a timer in freed memory fired");
}

static void stop_with_a_timer_in_the_workers_state(void)
{
    static const uint32_t times_ms[] = { 0, 1, 100, 10000, 1000000, 4000000000u };
    cr_assert_eq(create(NULL), 0, "%s", error);
    cr_assert_eq(start(), 0, "%s", error);
    cr_assert_eq(start_worker(), 0, "%s", error);
    ((uint8_t *)evf_instance_state(instance))[9] = 5;
    evf_timer_start(worker, &forgotten_outside, 100, never, NULL);
    for (unsigned i = 0; i < sizeof(times_ms) / sizeof(times_ms[0]); i++) {
        struct evf_timer *timers = evf_worker_state(instance, worker);
        evf_timer_stop(&timers[1 + i % 3]);
        evf_timer_start(worker, &timers[1 + i % 3], times_ms[i], never, NULL);
    }
    evf__instance_worker_stop(instance, worker);
    evf__instance_stop(instance);
}

#if defined(EVF_DEBUG_CHECKS)
Test(instance, asserts_that_no_timer_is_left_in_a_workers_state, .signal = SIGABRT)
{
    stop_with_a_timer_in_the_workers_state();
}
#else
Test(instance, drops_timers_that_were_left_in_a_workers_state)
{
    stop_with_a_timer_in_the_workers_state();
    cr_assert_eq(worker->wheel.count, 1, "the timer elsewhere still runs");
    evf_timer_stop(&forgotten_outside);
    evf__wheel_check(&worker->wheel);
}
#endif

/* ---- Figures ---- */

static int make_figures(evf_instance *self)
{
    counter = evf_counter_new(self, "hits_2", "how often");
    gauge = evf_gauge_new(self, "depth", NULL);
    cr_assert(counter != NULL && gauge != NULL);
    cr_assert_eq(evf_counter_new(self, "hits_2", "again"), counter);
    cr_assert_eq(evf_gauge_new(self, "depth", "again"), gauge);
    cr_assert_null(evf_gauge_new(self, "hits_2", "of the other kind"));
    cr_assert_null(evf_counter_new(self, "depth", "of the other kind"));
    static const char *const bad[] = { NULL, "", "Hits", "hits-2", "a b", "h\n" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_null(evf_counter_new(self, bad[i], "a bad name"));
    return 0;
}

Test(instance, makes_figures_in_start_that_workers_write)
{
    plugin.start = make_figures;
    plugin.stop = NULL;
    cr_assert_eq(create(NULL), 0, "%s", error);
    cr_assert_eq(start(), 0, "%s", error);
    cr_assert_eq(figures.count, 2);
    cr_assert_str_eq(figures.entries[0].name, "hits_2");
    cr_assert_str_eq(figures.entries[0].help, "how often");
    cr_assert_str_eq(figures.entries[1].help, "");
    cr_assert_not(figures.entries[0].gauge);
    cr_assert(figures.entries[1].gauge);
    cr_assert_eq(figures.entries[1].instance, instance);

    evf_counter_add(counter, 3);
    evf_counter_add(counter, 4);
    evf_gauge_set(gauge, 10);
    evf_gauge_add(gauge, -12);
    evf_counter_add(NULL, 1);
    evf_gauge_set(NULL, 1);
    evf_gauge_add(NULL, 1);
    cr_assert_eq(evf__figure_get(&worker->figures, EVF__FIGURES_OWN), 7);
    cr_assert_eq((int64_t)evf__figure_get(&worker->figures, EVF__FIGURES_OWN + 1), -2);
    evf__instance_stop(instance);
}

static int make_too_many_figures(evf_instance *self)
{
    for (unsigned i = 0; i <= EVF__PLUGIN_FIGURES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof(name), "figure_%u", i);
        counter = evf_counter_new(self, name, "one of many");
        cr_assert_eq(counter != NULL, i < EVF__PLUGIN_FIGURES_MAX);
    }
    return 0;
}

Test(instance, gets_no_more_figures_than_a_server_has_room_for)
{
    plugin.start = make_too_many_figures;
    plugin.stop = NULL;
    cr_assert_eq(create(NULL), 0, "%s", error);
    cr_assert_eq(start(), 0, "%s", error);
    cr_assert_eq(figures.count, EVF__PLUGIN_FIGURES_MAX);
    evf__instance_stop(instance);
}

/* ---- Rules ---- */

Test(instance, asserts_that_figures_are_made_in_start, .signal = SIGABRT)
{
    cr_assert_eq(create(NULL), 0, "%s", error);
    cr_assert_eq(start(), 0, "%s", error);
    evf_counter_new(instance, "late", "too late");
}

Test(instance, asserts_that_figures_are_changed_on_workers, .signal = SIGABRT)
{
    plugin.start = make_figures;
    cr_assert_eq(create(NULL), 0, "%s", error);
    cr_assert_eq(start(), 0, "%s", error);
    evf__worker_current = NULL;
    evf_counter_add(counter, 1);
}

Test(instance, asserts_that_the_schema_has_the_option, .signal = SIGABRT)
{
    cr_assert_eq(create(NULL), 0, "%s", error);
    evf_option_int(instance, "dpeth");
}

Test(instance, asserts_that_an_option_is_read_as_its_type, .signal = SIGABRT)
{
    cr_assert_eq(create(NULL), 0, "%s", error);
    evf_option_int(instance, "body");
}

Test(instance, asserts_that_a_number_is_not_read_as_text, .signal = SIGABRT)
{
    cr_assert_eq(create(NULL), 0, "%s", error);
    evf_option_string(instance, "depth");
}
