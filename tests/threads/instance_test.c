/* SPDX-License-Identifier: MIT
 *
 * One instance used by several workers at the same moment: their states are their own, their
 * failures do not mix, their shares of a counter add up.
 */
#include "plugin/instance.h"

#include <string.h>

#include "expect.h"
#include "loop/worker.h"

enum { WORKERS = 8 };

struct player {
    pthread_barrier_t *barrier;
    evf_instance *instance;
    evf_worker *worker;
    unsigned index;
    unsigned adds;
    int code;
    char error[512];
};

static evf_counter *counter;

static int on_start(evf_instance *instance)
{
    counter = evf_counter_new(instance, "adds", "what the workers added");
    return 0;
}

/* Every second worker fails. */
static int on_worker_start(evf_instance *instance, evf_worker *worker)
{
    unsigned index = evf_worker_index(worker);
    *(unsigned *)evf_worker_state(instance, worker) = index + 1;
    if (index % 2 == 1)
        return evf_fail(instance, "worker %u %0200u has no luck", index, index);
    return 0;
}

static void on_worker_stop(evf_instance *instance, evf_worker *worker)
{
    unsigned state = *(unsigned *)evf_worker_state(instance, worker);
    EXPECT(state == evf_worker_index(worker) + 1, "its own state, not %u", state);
}

static const struct evf_handler handler = { .struct_size = sizeof(struct evf_handler) };
static const struct evf_option options[] = {
    { .name = "depth", .type = EVF_OPTION_INT, .default_value = "3" }, { 0 }
};
static const struct evf_plugin plugin = {
    EVF_PLUGIN_HEADER,
    .name = "threads",
    .version = "1",
    .options = options,
    .handler = &handler,
    .worker_state_size = sizeof(unsigned),
    .start = on_start,
    .worker_start = on_worker_start,
    .worker_stop = on_worker_stop,
};

static void *play(void *argument)
{
    struct player *player = argument;
    const struct evf__worker_settings settings = { .index = player->index,
                                                   .mailbox = 16,
                                                   .page_size = 16384 };
    EXPECT(evf__worker_init(player->worker, &settings) == 0, "a worker");
    pthread_barrier_wait(player->barrier);
    player->code = evf__instance_worker_start(player->instance, player->worker, player->error,
                                              sizeof(player->error));
    if (player->code == 0) {
        for (unsigned i = 0; i < player->adds; i++)
            evf_counter_add(counter, (uint64_t)evf_option_int(player->instance, "depth"));
        evf__instance_worker_stop(player->instance, player->worker);
    } else {
        evf__instance_worker_end(player->instance, player->worker);
    }
    pthread_barrier_wait(player->barrier);
    evf__worker_fini(player->worker);
    return NULL;
}

static uint64_t counted(const struct player players[WORKERS])
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < WORKERS; i++)
        sum += evf__figure_get(&players[i].worker->figures, EVF__FIGURES_OWN);
    return sum;
}

static void expect_outcome(const struct player *player)
{
    static const char begin[] = "127.0.0.1:1=threads: worker_start failed on worker ";
    static const char end[] = " has no luck";
    bool lucky = player->index % 2 == 0;
    EXPECT(player->code == (lucky ? 0 : EVF_EFAILED), "worker %u gives %d", player->index,
           player->code);
    if (lucky)
        return;
    size_t len = strlen(player->error);
    EXPECT(strncmp(player->error, begin, sizeof(begin) - 1) == 0, "the sentence, not %s",
           player->error);
    EXPECT(strcmp(player->error + len - strlen(end), end) == 0, "a whole sentence, not %s",
           player->error);
}

int main(void)
{
    const struct evf__instance_spec spec = { .address = "127.0.0.1:1", .descriptor = &plugin };
    static struct evf__figure_registry figures;
    static struct player players[WORKERS];
    evf_instance *instance;
    pthread_barrier_t barrier;
    pthread_t threads[WORKERS];
    char error[512] = "";
    const unsigned adds = scaled(100000);

    EXPECT(evf__instance_create(&spec, &instance, error, sizeof(error)) == 0, "%s", error);
    EXPECT(evf__instance_start(instance, WORKERS, &figures, error, sizeof(error)) == 0, "%s",
           error);
    pthread_barrier_init(&barrier, NULL, WORKERS + 1);
    for (unsigned i = 0; i < WORKERS; i++) {
        void *memory = NULL;
        EXPECT(posix_memalign(&memory, 64, sizeof(evf_worker)) == 0, "memory");
        memset(memory, 0, sizeof(evf_worker));
        players[i] = (struct player){
            .barrier = &barrier, .instance = instance, .worker = memory, .index = i, .adds = adds
        };
        threads[i] = start_thread(play, &players[i]);
    }
    /* given workers that start together, while this thread reads their figures */
    pthread_barrier_wait(&barrier);
    const uint64_t all = (uint64_t)WORKERS / 2 * adds * 3;
    for (unsigned i = 0; i < 1000; i++)
        EXPECT(counted(players) <= all, "no more than was added");
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < WORKERS; i++)
        join_thread(threads[i]);

    EXPECT(counted(players) == all, "all that was added");
    for (unsigned i = 0; i < WORKERS; i++) {
        expect_outcome(&players[i]);
        free(players[i].worker);
    }
    evf__instance_stop(instance);
    evf__instance_destroy(instance);
    pthread_barrier_destroy(&barrier);
    free(figures.entries[0].name);
    free(figures.entries[0].help);
    return 0;
}
