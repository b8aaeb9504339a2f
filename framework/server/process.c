/* SPDX-License-Identifier: MIT
 *
 * What a server needs of its process: CPUs, descriptors, threads without signals. Main thread, but
 * for the clock.
 */
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"

/* More CPUs than this do not fit into cpu_set_t; then they are neither counted nor pinned to. */
static bool usable_cpus(cpu_set_t *ret)
{
    CPU_ZERO(ret);
    return sched_getaffinity(0, sizeof *ret, ret) == 0 && CPU_COUNT(ret) > 0;
}

unsigned evf__process_cpus(void)
{
    cpu_set_t set;
    long count = usable_cpus(&set) ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1)
        return 1;
    return count > EVF__WORKERS_MAX ? EVF__WORKERS_MAX : (unsigned)count;
}

int evf__process_cpu(unsigned index)
{
    cpu_set_t set;
    if (!usable_cpus(&set))
        return -1;
    unsigned left = index % (unsigned)CPU_COUNT(&set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set) && left-- == 0)
            return cpu;
    return -1;
}

void evf__process_fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* The lowest free number is this one: those below it are open by now. Not close-on-exec,
         * as standard descriptors are. */
        int got = open("/dev/null", O_RDWR | O_NOCTTY);
        EVF_ASSERT(got == fd || got < 0);
    }
}

void evf__process_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    rlim_t before = limit.rlim_cur;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            evf_log(EVF_WARN, "the limit of open files stays at %llu: %s",
                    (unsigned long long)before, strerror(errno));
            return;
        }
    }
    evf_log(EVF_INFO, "up to %llu open files, the hard limit", (unsigned long long)limit.rlim_cur);
}

int evf__process_somaxconn(void)
{
    int limit = SOMAXCONN;
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
    if (file == NULL)
        return limit;
    int found;
    if (fscanf(file, "%d", &found) == 1 && found > 0)
        limit = found;
    fclose(file);
    return limit;
}

uint64_t evf__process_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

char evf__process_thread_state(pid_t tid)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return '?';
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    /* The name is in brackets and may hold some itself. */
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' && end[2] != '\0' ? end[2] : '?';
}

int evf__process_start_thread(pthread_t *ret, void *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    int status = pthread_sigmask(SIG_SETMASK, &all, &before);
    EVF_ASSERT(status == 0);
    int created = pthread_create(ret, NULL, run, argument);
    status = pthread_sigmask(SIG_SETMASK, &before, NULL);
    EVF_ASSERT(status == 0);
    return -created;
}
