/* SPDX-License-Identifier: MIT
 *
 * Starting and ending the launcher; see server.h.
 */
#define SUPPORT_INSIDE
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server_inside.h"

static struct server *running[16];

/* Shows the end of what every running server logged. */
static void report_logs(void)
{
    for (size_t i = 0; i < sizeof running / sizeof running[0]; i++) {
        const char *log, *from;

        if (running[i] == NULL)
            continue;
        log = (server_log)(running[i]);
        from = strlen(log) > 6000 ? log + strlen(log) - 6000 : log;
        fprintf(stderr, "---- log of server %d ----\n%s---- end ----\n", (int)running[i]->pid,
                from);
    }
}

static const char *program_of(const struct server_spec *spec)
{
    const char *program = spec->program != NULL ? spec->program : getenv("EVF_LAUNCHER");

    if (program == NULL)
        support_fail("EVF_LAUNCHER names no launcher");
    return program;
}

/* In the child: descriptors, limits, environment, then the program. Never returns. */
__attribute__((noreturn)) static void become(const struct server_spec *spec, const char *program,
                                             int out_fd, int error_fd)
{
    char *arguments[SERVER_ARGUMENTS_MAX + 4] = { (char *)(uintptr_t)program };
    int moved[4];
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    unsigned count = 1;

    for (unsigned i = 0; spec->arguments[i] != NULL; i++)
        arguments[count++] = (char *)(uintptr_t)spec->arguments[i];
    if (spec->log_file != NULL) {
        arguments[count++] = (char *)(uintptr_t) "--log-file";
        arguments[count++] = (char *)(uintptr_t)spec->log_file;
    }
    for (unsigned i = 0; i < 8 && spec->environment[i] != NULL; i++)
        putenv((char *)(uintptr_t)spec->environment[i]);

    /* First out of the way, so that no descriptor overwrites another that is still needed. */
    out_fd = fcntl(out_fd, F_DUPFD, 64);
    error_fd = fcntl(error_fd, F_DUPFD, 64);
    for (unsigned i = 0; i < spec->inherit_count; i++)
        moved[i] = fcntl(spec->inherit[i], F_DUPFD, 64);
    if (spec->without_input)
        close(0);
    else
        dup2(open("/dev/null", O_RDONLY), 0);
    dup2(out_fd, 1);
    dup2(error_fd, 2);
    for (unsigned i = 0; i < spec->inherit_count; i++)
        dup2(moved[i], 3 + (int)i);
    syscall(SYS_close_range, 3 + spec->inherit_count, ~0u, 0);

    if (spec->crashes)
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    if (spec->open_files != 0) {
        struct rlimit limit = { spec->open_files, spec->open_files };

        if (spec->open_files_soft != 0)
            limit.rlim_cur = spec->open_files_soft;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    execv(program, arguments);
    dprintf(2, "cannot execute %s: %s\n", program, strerror(errno));
    _exit(127);
}

static int memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    /* Appending, because the server may give each of its writers an offset of its own. */
    if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) != 0)
        support_fail("memfd_create: %m");
    return fd;
}

static pid_t launch(const struct server_spec *spec, int out_fd, int error_fd, int *ret_pid_fd)
{
    const char *program = program_of(spec);
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0)
        support_fail("fork: %m");
    if (pid == 0)
        become(spec, program, out_fd, error_fd);
    *ret_pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (*ret_pid_fd < 0)
        support_fail("pidfd_open: %m");
    return pid;
}

static unsigned listeners_of(const struct server_spec *spec)
{
    unsigned count = 0;

    if (spec->listeners != 0)
        return spec->listeners;
    for (unsigned i = 0; spec->arguments[i] != NULL; i++)
        if (strcmp(spec->arguments[i], "--listen") == 0)
            count++;
    return count == 0 ? 1 : count;
}

/* Takes the addresses from the log: true when all are there. */
static bool addresses_known(void *argument)
{
    struct server *server = argument;
    const char *at = (server_log)(server);
    static const char mark[] = "listening on ";

    server->listener_count = 0;
    while (server->listener_count < SERVER_LISTENERS_MAX && (at = strstr(at, mark)) != NULL) {
        const char *end;

        at += sizeof mark - 1;
        end = strstr(at, " with ");
        if (end == NULL || memchr(at, '\n', (size_t)(end - at)) != NULL)
            continue;
        snprintf(server->addresses[server->listener_count++], sizeof server->addresses[0], "%.*s",
                 (int)(end - at), at);
    }
    return server->listener_count >= server->listeners_wanted || server_has_ended(server);
}

void(server_wait_addresses)(struct server *server, unsigned count)
{
    server->listeners_wanted = count;
    if (!wait_until(deadline_in(20000), addresses_known, server))
        support_fail("the server told only %u of %u addresses", server->listener_count, count);
    if (server_has_ended(server))
        support_fail("the server ended while starting");
}

struct server *(server_start)(const struct server_spec *spec)
{
    struct server *server = test_allocate(sizeof *server);
    size_t slot = 0;

    support_on_failure(report_logs);
    while (slot < 16 && running[slot] != NULL)
        slot++;
    if (slot == 16)
        support_fail("too many servers in one test");
    server->log_fd = memory_file("server-log");
    server->pid = launch(spec, server->log_fd, server->log_fd, &server->pid_fd);
    if (spec->log_file != NULL) {
        close(server->log_fd);
        server->log_fd = open(spec->log_file, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
        if (server->log_fd < 0)
            support_fail("%s: %m", spec->log_file);
    }
    running[slot] = server;
    (server_wait_addresses)(server, listeners_of(spec));
    server->open_files = server_open_files(server);
    server->timers = -1;
    return server;
}

struct server *(server_with)(const char *workers, const char *plugin, const char *options)
{
    return (server_start)(&(struct server_spec){
        .arguments = { "--workers", workers, "--listen",
                       test_listen("127.0.0.1:0", plugin, options) },
    });
}

const char *server_address(const struct server *server, unsigned index)
{
    if (index >= server->listener_count)
        support_fail("no listener %u", index);
    return server->addresses[index];
}

unsigned server_port(const struct server *server, unsigned index)
{
    const char *colon = strrchr(server_address(server, index), ':');

    return colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
}

pid_t server_pid(const struct server *server)
{
    return server->pid;
}

bool server_has_ended(struct server *server)
{
    siginfo_t info = { 0 };

    if (server->ended)
        return true;
    if (waitid(P_PIDFD, (id_t)server->pid_fd, &info, WEXITED | WNOHANG) != 0)
        support_fail("waitid: %m");
    if (info.si_pid == 0)
        return false;
    server->ended = true;
    server->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    return true;
}

void server_signal(struct server *server, int signal)
{
    if (kill(server->pid, signal) != 0)
        support_fail("kill: %m");
}

/* What no run may leave in its log; the last only where it was the test's own doing. */
static void check_log(struct server *server, bool crashed)
{
    static const char *const bad[] = { "runtime error:", "Sanitizer", "evframe: rule broken" };
    const char *log = (server_log)(server);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0] - crashed; i++)
        if (strstr(log, bad[i]) != NULL)
            support_fail("the log contains \"%s\"", bad[i]);
}

static void wait_ended(struct server *server, int status, bool crashed)
{
    uint64_t deadline = deadline_in(20000);

    if (!server->ended && !wait_for_fd(server->pid_fd, POLLIN, deadline))
        support_fail("the server does not end");
    if (!server_has_ended(server))
        support_fail("the server neither runs nor has ended");
    check_log(server, crashed);
    if (server->status != status)
        support_fail("the server ended with status %d, not %d", server->status, status);
}

void(server_wait_ended)(struct server *server, int status)
{
    wait_ended(server, status, false);
}

void(server_wait_died)(struct server *server, int signal)
{
    wait_ended(server, 128 + signal, true);
}

void(server_ended)(struct server *server, int status)
{
    (server_wait_ended)(server, status);
    server_forget(server);
}

void server_forget(struct server *server)
{
    for (size_t i = 0; i < sizeof running / sizeof running[0]; i++)
        if (running[i] == server)
            running[i] = NULL;
    close(server->pid_fd);
    close(server->log_fd);
    free(server->log);
    free(server);
}

void(server_stop_cleanly)(struct server *server)
{
    (server_expect_at_rest)(server);
    server_signal(server, SIGTERM);
    (server_ended)(server, 0);
}

static const char *contents(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = test_allocate((size_t)size + 1);

    if (pread(fd, text, (size_t)size, 0) != size)
        support_fail("reading back what the launcher wrote: %m");
    close(fd);
    return text;
}

struct launcher_result(launcher_run)(const struct server_spec *spec)
{
    int out_fd = memory_file("output"), error_fd = memory_file("errors"), pid_fd;
    struct launcher_result result;
    siginfo_t info;
    pid_t pid = launch(spec, out_fd, error_fd, &pid_fd);

    if (!wait_for_fd(pid_fd, POLLIN, deadline_in(20000))) {
        kill(pid, SIGKILL);
        support_fail("the launcher does not end; it wrote: %s%s", contents(out_fd),
                     contents(error_fd));
    }
    if (waitid(P_PIDFD, (id_t)pid_fd, &info, WEXITED) != 0)
        support_fail("waitid: %m");
    close(pid_fd);
    result.status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    result.output = contents(out_fd);
    result.errors = contents(error_fd);
    return result;
}

void(launcher_refuses)(const struct server_spec *spec, int status, const char *text)
{
    struct launcher_result result = (launcher_run)(spec);

    if (result.status != status)
        support_fail("exit status %d, not %d; output: %s%s", result.status, status, result.output,
                     result.errors);
    if (strstr(result.errors, text) == NULL)
        support_fail("nothing says \"%s\" in: %s", text, result.errors);
    if (strstr(result.errors, "Sanitizer") != NULL ||
        strstr(result.errors, "runtime error:") != NULL)
        support_fail("a sanitizer spoke: %s", result.errors);
}
