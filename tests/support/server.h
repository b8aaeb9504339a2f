/* SPDX-License-Identifier: MIT
 *
 * The real launcher as a child process: starting it, finding its addresses, reading its log and its
 * figures, signals, and the proof that nothing is left.
 *
 *     struct server *server = server_start(&(struct server_spec){
 *         .arguments = { "--workers", "2", "--listen", test_listen("127.0.0.1:0", "probe", NULL) },
 *     });
 *     int peer = peer_connect(server_address(server, 0));
 *     …
 *     server_stop_cleanly(server);
 *
 * The launcher is the file named by EVF_LAUNCHER. Test plugins lie in the folder EVF_TEST_PLUGINS.
 * The child's standard output and error go to a file without a name, read anew by whoever looks
 * for a line; it dies with the test process. Everything has a deadline, and failing tells the end
 * of the log.
 */
#ifndef EVF_TESTS_SUPPORT_SERVER_H
#define EVF_TESTS_SUPPORT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "check.h"

#define SERVER_ARGUMENTS_MAX 48
#define SERVER_LISTENERS_MAX 16

struct server_spec {
    const char *program;                         /* NULL: the launcher */
    const char *arguments[SERVER_ARGUMENTS_MAX]; /* behind argv[0]; ended by NULL */
    const char *environment[8];                  /* NAME=value, added; ended by NULL */
    unsigned long open_files_soft;               /* the soft one where it differs; 0: the same */
    unsigned long open_files; /* RLIMIT_NOFILE of the child, soft and hard; 0: unchanged */
    int inherit[4];           /* these descriptors become 3, 4, … in the child */
    unsigned inherit_count;
    bool without_input;   /* descriptor 0 is closed in the child */
    const char *log_file; /* given as --log-file and read as the log; NULL: standard error */
    bool crashes;         /* it leaves no core file behind */
    unsigned listeners;   /* 'listening on' lines to wait for; 0: as many as --listen, at least 1 */
};

struct server; /* made by server_start; freed by server_stop_cleanly and server_ended */

/* Starts it and waits until every listener has said its address. Fails the test when it ends or
 * says nothing. */
struct server *server_start(const struct server_spec *spec);
#define server_start(...) SUPPORT_HERE((server_start)(__VA_ARGS__))

/* The most usual one: a listener on a port of 127.0.0.1 with a test plugin. */
struct server *server_with(const char *workers, const char *plugin, const char *options);
#define server_with(...) SUPPORT_HERE((server_with)(__VA_ARGS__))

/* `ADDRESS=PLUGIN,options` for --listen, where plugin is a test plugin's name ("probe"); options
 * may be NULL. The text lives as long as the test. */
const char *test_listen(const char *address, const char *plugin, const char *options);

/* The path of a test plugin's file. The text lives as long as the test. */
const char *test_plugin(const char *name);

/* printf into memory that lives as long as the test. */
__attribute__((format(printf, 1, 2))) const char *test_text(const char *format, ...);

/* Waits until so many addresses were told in all, for a program that starts more than one server.
 */
void server_wait_addresses(struct server *server, unsigned count);
#define server_wait_addresses(...) SUPPORT_HERE((server_wait_addresses)(__VA_ARGS__))

/* The address that listener `index` said, as peer_connect takes it, and its port. */
const char *server_address(const struct server *server, unsigned index);
unsigned server_port(const struct server *server, unsigned index);
pid_t server_pid(const struct server *server);

/* ---- The log ---- */

/* Waits for the text anywhere in the log, from the log's start. */
void server_wait_log(struct server *server, const char *text);
#define server_wait_log(...) SUPPORT_HERE((server_wait_log)(__VA_ARGS__))

/* Waits until the text was logged at least `count` times. */
void server_wait_log_count(struct server *server, const char *text, unsigned count);
#define server_wait_log_count(...) SUPPORT_HERE((server_wait_log_count)(__VA_ARGS__))

/* How often the text stands in the log now. */
unsigned server_log_count(struct server *server, const char *text);

/* The whole log as it is now, terminated; valid until the next call on this server. */
const char *server_log(struct server *server);

/* The first line that contains the text, copied without its newline; waits for it. */
void server_log_line(struct server *server, const char *text, char *ret_line, size_t size);
#define server_log_line(...) SUPPORT_HERE((server_log_line)(__VA_ARGS__))

/* ---- What the test plugins report ----
 *
 * They log `event LABEL what;` where LABEL is the peer's port. */

/* Waits until the events of that label are exactly these, joined by "; " ("open; data 5; close 0").
 * Fails at once when they can no longer become so. */
void server_expect_events(struct server *server, unsigned label, const char *expected);
#define server_expect_events(...) SUPPORT_HERE((server_expect_events)(__VA_ARGS__))

/* Waits for one event of that label. */
void server_wait_event(struct server *server, unsigned label, const char *event);
#define server_wait_event(...) SUPPORT_HERE((server_wait_event)(__VA_ARGS__))

/* Waits for an event that begins with the text; copies what follows it there. */
void server_event_text(struct server *server, unsigned label, const char *begin, char *ret_text,
                       size_t size);
#define server_event_text(...) SUPPORT_HERE((server_event_text)(__VA_ARGS__))

/* The same as a number. */
uint64_t server_event_number(struct server *server, unsigned label, const char *begin);
#define server_event_number(...) SUPPORT_HERE((server_event_number)(__VA_ARGS__))

/* ---- Figures and accounting ---- */

/* One of evframe's own figures, or of a plugin's, as it is now: asks with SIGUSR1 and waits for the
 * answer in the log. */
int64_t server_figure(struct server *server, const char *name);
#define server_figure(...) SUPPORT_HERE((server_figure)(__VA_ARGS__))

/* Waits until the figure has that value. */
void server_wait_figure(struct server *server, const char *name, int64_t value);
#define server_wait_figure(...) SUPPORT_HERE((server_wait_figure)(__VA_ARGS__))

/* Waits until the figure is at least that. */
void server_wait_figure_from(struct server *server, const char *name, int64_t least);
#define server_wait_figure_from(...) SUPPORT_HERE((server_wait_figure_from)(__VA_ARGS__))

unsigned server_open_files(const struct server *server); /* descriptors it has open */
uint64_t server_cpu_ms(const struct server *server);     /* user and system time so far */
uint64_t server_memory(const struct server *server);     /* resident bytes */

/* Waits until all threads of the process are stopped (after SIGSTOP). */
void server_wait_stopped(struct server *server);
#define server_wait_stopped(...) SUPPORT_HERE((server_wait_stopped)(__VA_ARGS__))

/* Waits until nothing is left of any connection: no stream, queue or block, no timer and no
 * descriptor beyond those at the start, and at most one page for each worker. */
void server_expect_at_rest(struct server *server);
#define server_expect_at_rest(...) SUPPORT_HERE((server_expect_at_rest)(__VA_ARGS__))

/* ---- Ending ---- */

void server_signal(struct server *server, int signal);

/* Waits for the end, fails unless the exit status is that one or when a sanitizer or an assertion
 * spoke, and frees the server. */
void server_ended(struct server *server, int status);
#define server_ended(...) SUPPORT_HERE((server_ended)(__VA_ARGS__))

/* The same without freeing, so that the log can still be read. */
void server_wait_ended(struct server *server, int status);
#define server_wait_ended(...) SUPPORT_HERE((server_wait_ended)(__VA_ARGS__))

/* Waits for the server's death by that signal and fails unless it dies so, or when a sanitizer
 * spoke. The log can still be read; server_forget frees the server. */
void server_wait_died(struct server *server, int signal);
#define server_wait_died(...) SUPPORT_HERE((server_wait_died)(__VA_ARGS__))
void server_forget(struct server *server);

/* For `environment`: sanitizers leave crashes to the server, and say nothing themselves. */
#define SERVER_OWN_CRASHES                                                                         \
    "ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0",   \
        "UBSAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0",             \
        "TSAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:"              \
        "handle_abort=0:report_signal_unsafe=0"

/* The usual end of a test: at rest, SIGTERM, exit status 0, nothing suspicious in the log. */
void server_stop_cleanly(struct server *server);
#define server_stop_cleanly(...) SUPPORT_HERE((server_stop_cleanly)(__VA_ARGS__))

/* ---- Running it for its output alone ---- */

struct launcher_result {
    int status;         /* exit status; 128 + the signal when one ended it */
    const char *output; /* standard output, terminated */
    const char *errors; /* standard error, terminated; both live as long as the test */
};

/* Runs the launcher to its end. */
struct launcher_result launcher_run(const struct server_spec *spec);
#define launcher_run(...) SUPPORT_HERE((launcher_run)(__VA_ARGS__))

/* Runs it and fails unless it ends with that status and its error output contains the text. */
void launcher_refuses(const struct server_spec *spec, int status, const char *text);
#define launcher_refuses(...) SUPPORT_HERE((launcher_refuses)(__VA_ARGS__))

/* ---- A folder for the test's files ---- */

/* Makes an empty folder; its path is short enough for a unix socket's name. */
const char *test_folder(void);

/* Removes it with the files in it. */
void test_folder_remove(const char *folder);

#endif
