/* SPDX-License-Identifier: MIT
 *
 * Embedding: a server inside your own program. The launcher uses nothing else.
 *
 *     evf_server *server = evf_server_new(&options);
 *     evf_server_listen(server, "127.0.0.1:0", &my_plugin, NULL, "name=value");
 *     evf_server_start(server);
 *     evf_server_wait(server);
 *     evf_server_free(server);
 *
 * One thread, the caller's 'main thread', makes, starts, waits for and frees a server; start and
 * stop of plugins run on it. Any thread may call evf_server_stop.
 */
#ifndef EVFRAME_SERVER_H
#define EVFRAME_SERVER_H

#include <sys/socket.h>

#include <evframe/log.h>
#include <evframe/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

enum evf_dispatch { EVF_DISPATCH_LEAST, EVF_DISPATCH_ROUND_ROBIN, EVF_DISPATCH_HASH };
enum evf_accept { EVF_ACCEPT_SHARED, EVF_ACCEPT_REUSEPORT };
enum evf_log_format { EVF_LOG_TEXT, EVF_LOG_JSON };

/* Zero in a field means its default. Strings are copied. */
struct evf_server_options {
    uint32_t struct_size; /* sizeof(struct evf_server_options) */
    uint32_t workers;     /* 1 … 256; default: one per usable CPU */
    uint32_t dispatch;    /* enum evf_dispatch */
    uint32_t accept;      /* enum evf_accept */
    uint32_t backlog;     /* default 4096, cut by the system's own limit */
    bool pin;             /* workers to CPUs */

    /* For every listener that does not say otherwise in its own options. */
    uint64_t max_connections; /* default: as many as descriptors allow */
    int64_t idle_timeout_ms;  /* default 60 s; negative: off */
    uint64_t max_frame;       /* default 1 MiB */
    uint64_t write_high;      /* default 256 KiB */
    uint64_t write_max;       /* default 8 MiB */

    uint64_t page_size;       /* default 64 KiB; 16 KiB … 1 MiB, a power of two */
    uint32_t mailbox;         /* posts a worker's mailbox holds; default 4096 */
    uint32_t offload_threads; /* default 4 */
    uint32_t offload_queue;   /* offloaded work that may wait; default 1024 */
    const char *plugin_path;  /* folders for plugin names, separated by ':' */

    /* The log belongs to the process; the server made last sets it. */
    uint32_t log_level;   /* 1 + enum evf_level; 0: info */
    uint32_t log_format;  /* enum evf_log_format */
    const char *log_file; /* default: standard error */

    /* Name look-ups. */
    const char *dns_server;  /* IP addresses with or without port, separated by ','; default: those
                              * of /etc/resolv.conf */
    uint32_t dns_timeout_ms; /* for one look-up, all its queries together; default 5 s */

    /* Since 1.1. A callback that holds its worker for so long is logged as a warning, once, with
     * the stream and a backtrace when evf_crash_report_install was called, without them otherwise.
     * At least 10 ms; default 100 ms; negative: off. */
    int64_t stall_warn_ms;
};

/* Makes a server that does nothing yet. NULL options: all defaults. Never NULL but for lack of
 * memory or descriptors; options out of range are reported by evf_server_start. */
EVF_API evf_server *evf_server_new(const struct evf_server_options *options);

/* Adds a listener, before evf_server_start. address: 8080, :8080, host:port, [v6]:port,
 * unix:/path, unix:@abstract, fd:N. A host that is a name is looked up by evf_server_start, and the
 * listener is bound to each address that it has. The descriptor of fd:N is looked at here, so that
 * one that the server opens itself is not taken for it. The plugin is the descriptor, or when that
 * is NULL the one found by plugin_path: a name looked for in the server's plugin_path, or a path
 * with a slash. options: `name=value,name=value`, a backslash keeping a comma or a backslash
 * literal; NULL for none. The plugin is loaded and its options checked at once. 0, EVF_EADDRESS,
 * EVF_EPLUGIN, EVF_EOPTION, -ENOMEM, -ENOBUFS above 256 listeners, -EBUSY when started, or of fd:N
 * -EBADF, -ENOTSOCK, -EPROTOTYPE (no stream socket) or -EINVAL (it does not listen);
 * evf_server_error tells the rest. */
EVF_API int evf_server_listen(evf_server *server, const char *address,
                              const struct evf_plugin *descriptor_or_null, const char *plugin_path,
                              const char *options);

/* Checks the server's options without starting anything, as evf_server_start would: 0 or a negative
 * code. Nothing is bound, and no name is looked up. */
EVF_API int evf_server_check(evf_server *server);

/* Looks up what is a name, binds every listener, starts every instance and every worker; then
 * serves. On failure all that was started has been stopped again. 0 or a negative code;
 * evf_server_error tells the rest. */
EVF_API int evf_server_start(evf_server *server);

/* The address that a listener is bound to, so that port 0 works; the first of them when it is a
 * name's. Listeners are counted from 0 in the order of evf_server_listen. 0, -EINVAL for an index
 * that is too high, -ENOTCONN before the start. */
EVF_API int evf_server_address(const evf_server *server, unsigned listener,
                               struct sockaddr_storage *ret);

/* Asks for a graceful stop that takes at most grace_ms and returns at once. Asked again, the
 * earlier deadline wins; from the second request on, a callback that does not return within a
 * second past the deadline is named in the log and given up. Also safe in a signal handler. */
EVF_ANY_THREAD void evf_server_stop(evf_server *server, uint32_t grace_ms);

/* Waits for a stop that was asked for and carries it out. 0 after an orderly stop; EVF_ESTUCK when
 * a callback had to be given up, after which only the end of the process helps; -EINVAL when the
 * server was not started. */
EVF_API int evf_server_wait(evf_server *server);

/* Frees a server that was never started, or whose wait returned 0. NULL is fine. */
EVF_API void evf_server_free(evf_server *server);

/* What went wrong last, as a sentence; "" when nothing did. Valid until the next call for this
 * server. */
EVF_API const char *evf_server_error(const evf_server *server);

/* A figure: one of evframe's own or of a plugin's, summed over all workers. */
struct evf_figure {
    const char
        *instance; /* the listener's address and plugin, "127.0.0.1:80=http"; NULL: evframe's own */
    const char *name;
    const char *help;
    bool gauge; /* goes up and down; else it only grows */
    int64_t value;
};
typedef void evf_figure_fn(const struct evf_figure *figure, void *argument);

/* Calls fn for every figure of a started server. fn runs on the calling thread, its argument is
 * valid until it returns. From evf_server_start until evf_server_free. */
EVF_ANY_THREAD void evf_server_each_figure(const evf_server *server, evf_figure_fn *fn,
                                           void *argument);

/* Opens the log file anew, after it was moved away. Also safe in a signal handler. */
EVF_ANY_THREAD void evf_server_reopen_log(evf_server *server);

/* Lets this process say, before it dies of a crash, what happened where: from now on SIGSEGV,
 * SIGBUS, SIGFPE, SIGILL and SIGABRT (a failed assertion, too) are reported to where the log goes,
 * as lines of plain text that begin with "evframe: crash: ": the signal; the callback, its plugin,
 * version and file; the worker, the stream and its peer; and a backtrace. The process then dies of
 * the signal as it would have, with a core dump where those are on; a handler that was installed
 * before is called first.
 *
 * It takes over the signals of the whole process, so the library never does it by itself. It also
 * takes the highest real-time signal that has no handler, by which a worker that a callback holds
 * up is asked for a backtrace (stall_warn_ms). To be called once, before evf_server_new, by the
 * main thread; threads that a server made before have no part in it. Handlers run on stacks of
 * their own, on the calling thread and on those that servers make, so that a stack overflow is
 * reported; on threads that the program or a plugin makes, unless it gives them one
 * (sigaltstack(2)), it is not. 0, again 0 when repeated, or a negated errno with everything as
 * before. Since ABI 1.1. */
EVF_API int evf_crash_report_install(void);

/* Writes what a plugin file is and which options it takes to out, without starting it. 0 or
 * EVF_EPLUGIN with the reason in error, which holds size bytes. */
EVF_API int evf_plugin_inspect(const char *path, int out_fd, char *error, size_t size);

#ifdef __cplusplus
}
#endif

#endif
