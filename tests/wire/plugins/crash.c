/* SPDX-License-Identifier: MIT
 *
 * Test plugin: crashes in the way and in the callback that its options say.
 *
 *   how=wild|call|divide|overflow|abort|assert|illegal|bus|kill
 *   where=constructor|start|worker_start|open|data|end|drain|timeout|quiesce|close|timer|post|
 *         offload|done|free|look-up|worker_stop|stop
 *
 * A constructor does not know the options: the environment variable CRASH_CONSTRUCTOR tells it.
 */
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <evframe/evframe.h>

/* Nothing here is put into its caller or called as its last act: the names are looked for. */
#define CALL_OF_ITS_OWN __attribute__((noinline))

static const char *how = "", *where = "";
static _Atomic int sink;
static volatile int zero;

static CALL_OF_ITS_OWN int recurse_for_ever(volatile char *above)
{
    volatile char here[200];

    here[0] = above != NULL ? above[0] : 'x';
    if (zero == 0)
        sink = recurse_for_ever(here) + here[0];
    return sink;
}

static CALL_OF_ITS_OWN void read_behind_a_file(void)
{
    int fd = memfd_create("short", MFD_CLOEXEC);
    volatile const char *bytes = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

    sink = bytes[0];
}

/* Not to address 0, which a sanitizer would see before the processor does. */
static CALL_OF_ITS_OWN void write_wildly(void)
{
    *(volatile int *)(uintptr_t)(16 + zero) = 1;
    sink = 4;
}

static CALL_OF_ITS_OWN void call_nothing(void)
{
    void (*volatile nothing)(void) = NULL;

    nothing();
    sink = 1;
}

static CALL_OF_ITS_OWN void fall_over(void)
{
    if (strcmp(how, "wild") == 0)
        write_wildly();
    else if (strcmp(how, "call") == 0)
        call_nothing();
    else if (strcmp(how, "divide") == 0)
        __asm__ volatile("idivl %0" : : "r"(zero), "a"(1), "d"(0) : "cc");
    else if (strcmp(how, "overflow") == 0)
        recurse_for_ever(NULL);
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "assert") == 0)
        assert(how == NULL && "what the author was sure of");
    else if (strcmp(how, "illegal") == 0)
        __asm__ volatile("ud2");
    else if (strcmp(how, "bus") == 0)
        read_behind_a_file();
    else if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGSEGV);
    sink = 2;
}

static CALL_OF_ITS_OWN void perhaps(const char *here)
{
    if (strcmp(where, here) == 0)
        fall_over();
    sink = 3;
}

__attribute__((constructor)) static void on_constructor(void)
{
    const char *wish = getenv("CRASH_CONSTRUCTOR");

    if (wish == NULL)
        return;
    how = wish;
    fall_over();
}

static int on_start(evf_instance *instance)
{
    how = evf_option_string(instance, "how");
    where = evf_option_string(instance, "where");
    perhaps("start");
    return 0;
}

static void on_stop(evf_instance *instance)
{
    (void)instance;
    perhaps("stop");
}

static int on_worker_start(evf_instance *instance, evf_worker *worker)
{
    (void)instance;
    (void)worker;
    perhaps("worker_start");
    return 0;
}

static void on_worker_stop(evf_instance *instance, evf_worker *worker)
{
    (void)instance;
    (void)worker;
    perhaps("worker_stop");
}

static void on_timer(evf_worker *worker, struct evf_timer *timer, void *argument)
{
    (void)worker;
    (void)timer;
    (void)argument;
    perhaps("timer");
}

static void on_post(evf_worker *worker, void *argument)
{
    (void)worker;
    (void)argument;
    perhaps("post");
}

static void on_work(void *argument)
{
    (void)argument;
    perhaps("offload");
}

static void on_done(evf_worker *worker, void *argument)
{
    (void)worker;
    (void)argument;
    perhaps("done");
}

static void on_free(void *argument)
{
    (void)argument;
    perhaps("free");
}

static void on_resolved(evf_worker *worker, int status, const struct sockaddr_storage *addresses,
                        size_t count, void *argument)
{
    (void)worker;
    (void)status;
    (void)addresses;
    (void)count;
    (void)argument;
    perhaps("look-up");
}

static void on_open(evf_stream *stream)
{
    static struct evf_timer timer;
    evf_worker *worker = evf_stream_worker(stream);

    perhaps("open");
    evf_timer_start(worker, &timer, 1, on_timer, NULL);
    evf_post(worker, on_post, NULL);
    evf_offload(worker, on_work, on_done, NULL);
    evf_write_owned(stream, "x", 1, on_free, NULL);
    evf_resolve(worker, "127.0.0.1", AF_UNSPEC, on_resolved, NULL, NULL);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    static const char much[16 * 1024 * 1024];

    perhaps("data");
    if (strcmp(where, "drain") == 0) /* a debt, until the peer has read it all */
        evf_write_static(stream, much, sizeof much);
    return input.len;
}

static void on_end(evf_stream *stream)
{
    perhaps("end");
    evf_end(stream);
}

static void on_drain(evf_stream *stream)
{
    (void)stream;
    perhaps("drain");
}

static bool on_timeout(evf_stream *stream)
{
    (void)stream;
    perhaps("timeout");
    return false;
}

static void on_quiesce(evf_stream *stream)
{
    perhaps("quiesce");
    evf_close(stream);
}

static void on_close(evf_stream *stream, int reason)
{
    (void)stream;
    (void)reason;
    perhaps("close");
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
    .data = on_data,
    .end = on_end,
    .drain = on_drain,
    .timeout = on_timeout,
    .quiesce = on_quiesce,
    .close = on_close,
};

static const struct evf_option options[] = {
    { .name = "how", .type = EVF_OPTION_STRING, .default_value = "wild" },
    { .name = "where", .type = EVF_OPTION_STRING, .default_value = "data" },
    { .name = NULL },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "crash",
    .version = "1.2.3",
    .summary = "crashes when told to",
    .options = options,
    .handler = &handler,
    .start = on_start,
    .worker_start = on_worker_start,
    .worker_stop = on_worker_stop,
    .stop = on_stop,
};
