/* SPDX-License-Identifier: MIT
 *
 * dnsmasq as a child; see names.h. It logs to a file without a name, from which the questions are
 * counted; its configuration lies in a folder of the test's.
 */
#define SUPPORT_INSIDE
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "names_inside.h"
#include "server.h"

unsigned names_socket(unsigned port, int *ret_fd)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;

    *ret_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*ret_fd < 0 || bind(*ret_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(*ret_fd, (struct sockaddr *)&address, &len) != 0)
        support_fail("a port for a name server: %m");
    return ntohs(address.sin_port);
}

/* Below those that the kernel gives out, so that nobody takes it by chance. */
static unsigned random_port(void)
{
    static uint64_t state;

    if (state == 0)
        state = (uint64_t)getpid() << 32 ^ clock_ms();
    return 20000 + (unsigned)(test_random(&state) % 12000);
}

struct names *names_new(void)
{
    struct names *names = test_allocate(sizeof *names);

    names->log_fd = memfd_create("names-log", MFD_CLOEXEC);
    if (names->log_fd < 0 || fcntl(names->log_fd, F_SETFL, O_APPEND) != 0)
        support_fail("memfd_create: %m");
    return names;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    /* dnsmasq passes over a last line without its end. */
    if (file == NULL || fputs(text, file) < 0 || fputc('\n', file) < 0 || fclose(file) != 0)
        support_fail("%s: %m", path);
}

static void write_configuration(struct names *names, const struct names_spec *spec)
{
    unsigned ttl = spec->ttl != 0 ? spec->ttl : 60;
    const char *zone = spec->authority
                           ? test_text("auth-server=ns.zone.test,127.0.0.1\nauth-zone=zone.test\n"
                                       "auth-soa=1,admin.zone.test,100,100,100\nauth-ttl=%u\n",
                                       ttl)
                           : "local=/#/\n";

    write_text(names->hosts_path, spec->hosts != NULL ? spec->hosts : "");
    write_text(names->configuration_path,
               test_text("port=%u\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\n"
                         "no-hosts\nno-poll\nkeep-in-foreground\nuser=root\npid-file\n"
                         "log-facility=-\nlog-queries\ncache-size=0\naddn-hosts=%s\n"
                         "local-ttl=%u\n%s%s\n",
                         names->port, names->hosts_path, ttl, zone,
                         spec->options != NULL ? spec->options : ""));
}

__attribute__((noreturn)) static void become_dnsmasq(const struct names *names)
{
    const char *option = test_text("--conf-file=%s", names->configuration_path);

    dup2(names->log_fd, 1);
    dup2(names->log_fd, 2);
    syscall(SYS_close_range, 3, ~0u, 0);
    execlp("dnsmasq", "dnsmasq", option, (char *)NULL);
    execl("/usr/sbin/dnsmasq", "dnsmasq", option, (char *)NULL);
    dprintf(2, "cannot execute dnsmasq: %s\n", strerror(errno));
    _exit(127);
}

/* Waits until the test closes the pipe, or ends, and then ends dnsmasq: it changes its rights, by
 * which the kernel forgets that it is to die with its parent. */
__attribute__((noreturn)) static void guard(int end_fd, int pid_fd)
{
    char byte;

    end_fd = fcntl(end_fd, F_DUPFD, 64);
    pid_fd = fcntl(pid_fd, F_DUPFD, 64);
    dup2(end_fd, 3);
    dup2(pid_fd, 4);
    syscall(SYS_close_range, 5, ~0u, 0); /* above all the pipe's other end */
    while (read(3, &byte, 1) < 0 && errno == EINTR)
        continue;
    syscall(SYS_pidfd_send_signal, 4, SIGKILL, NULL, 0);
    _exit(0);
}

static pid_t fork_or_fail(void)
{
    fflush(NULL);

    pid_t pid = fork();

    if (pid < 0)
        support_fail("fork: %m");
    return pid;
}

static void launch(struct names *names)
{
    int ends[2];

    names->pid = fork_or_fail();
    if (names->pid == 0)
        become_dnsmasq(names);

    int pid_fd = (int)syscall(SYS_pidfd_open, names->pid, 0);

    if (pid_fd < 0 || pipe2(ends, O_CLOEXEC) != 0)
        support_fail("a guard for dnsmasq: %m");
    names->guard = fork_or_fail();
    if (names->guard == 0)
        guard(ends[0], pid_fd);
    close(ends[0]);
    close(pid_fd);
    names->guard_fd = ends[1];
}

/* Ends the child, its guard first: that one knows it by a descriptor, not by a number that may be
 * another's by now. */
static void end_child(struct names *names)
{
    if (names->guard != 0) {
        close(names->guard_fd);
        waitpid(names->guard, NULL, 0);
    } else {
        kill(names->pid, SIGKILL);
    }
    waitpid(names->pid, NULL, 0);
}

const char *names_log(struct names *names)
{
    off_t size = lseek(names->log_fd, 0, SEEK_END);

    free(names->log);
    names->log = test_allocate((size_t)size + 1);
    if (pread(names->log_fd, names->log, (size_t)size, 0) != size)
        support_fail("the log of the name server: %m");
    return names->log;
}

static unsigned count_text(const char *text, const char *wanted)
{
    unsigned count = 0;

    for (; (text = strstr(text, wanted)) != NULL; text += strlen(wanted))
        count++;
    return count;
}

enum reading { UNDER_WAY, HAS_READ, NO_PORT };

/* It says so for each of its files, after it has opened its sockets. */
static enum reading look(struct names *names)
{
    const char *log = names_log(names);
    int status;

    if (count_text(log, test_text("read %s - ", names->hosts_path)) >= names->reads)
        return HAS_READ;
    if (waitpid(names->pid, &status, WNOHANG) != names->pid)
        return UNDER_WAY;
    if (strstr(names_log(names), "Address already in use") == NULL)
        support_fail("dnsmasq (package dnsmasq-base) ended: %s", names->log);
    return NO_PORT;
}

static bool is_decided(void *argument)
{
    struct names *names = argument;
    enum reading reading = look(names);

    names->no_port = reading == NO_PORT;
    return reading != UNDER_WAY;
}

/* Waits until it has read its hosts so often. False when somebody else has the port. */
static bool await_reads(struct names *names, unsigned reads)
{
    names->reads = reads;
    if (!wait_until(deadline_usual(), is_decided, names))
        support_fail("dnsmasq does not serve: %s", names_log(names));
    return !names->no_port;
}

struct names *(names_start)(const struct names_spec *spec)
{
    struct names *names = names_new();

    names->folder = test_folder();
    names->hosts_path = test_text("%s/hosts", names->folder);
    names->configuration_path = test_text("%s/dnsmasq.conf", names->folder);
    for (unsigned attempt = 0; attempt < 20; attempt++) {
        names->port = spec->port != 0 ? spec->port : random_port();
        write_configuration(names, spec);
        if (ftruncate(names->log_fd, 0) != 0)
            support_fail("the log of the name server: %m");
        launch(names);
        if (await_reads(names, 1))
            return names;
        end_child(names);
    }
    support_fail("no free port for dnsmasq: %s", names_log(names));
}

void(names_change)(struct names *names, const char *hosts)
{
    write_text(names->hosts_path, hosts);
    if (kill(names->pid, SIGHUP) != 0)
        support_fail("dnsmasq is gone: %m");
    (void)await_reads(names, names->reads + 1);
}

const char *names_address(const struct names *names)
{
    return test_text("127.0.0.1:%u", names->port);
}

unsigned names_port(const struct names *names)
{
    return names->port;
}

/* Lines are "dnsmasq[1]: query[A] NAME from 127.0.0.1", or auth[A] where it is the authority. */
unsigned names_asked(struct names *names, const char *question)
{
    const char *log = names_log(names);
    const char *end = question[0] != '\0' ? " from " : "";

    return count_text(log, test_text(": query%s%s", question, end)) +
           count_text(log, test_text(": auth%s%s", question, end));
}

struct wanted {
    struct names *names;
    const char *question;
    unsigned count;
};

static bool asked_enough(void *argument)
{
    const struct wanted *wanted = argument;

    return names_asked(wanted->names, wanted->question) >= wanted->count;
}

void(names_wait_asked)(struct names *names, const char *question, unsigned count)
{
    struct wanted wanted = { names, question, count };

    if (!wait_until(deadline_usual(), asked_enough, &wanted))
        support_fail("the name server was asked %u times for %s, not %u: %s",
                     names_asked(names, question), question, count, names_log(names));
}

void names_stop(struct names *names)
{
    end_child(names);
    if (names->folder != NULL)
        test_folder_remove(names->folder);
    close(names->log_fd);
    free(names->log);
    free(names);
}
