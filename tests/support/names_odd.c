/* SPDX-License-Identifier: MIT
 *
 * A name server that misbehaves as it is asked to; see names.h. A child with one UDP socket and a
 * table of answers that wait for their time.
 */
#define SUPPORT_INSIDE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "names.h"
#include "names_inside.h"

enum { QUERY_MAX = 512, LATE_MAX = 1024, TYPE_A = 1, TYPE_AAAA = 28 };
enum { FORMERR = 1, SERVFAIL = 2, NXDOMAIN = 3, REFUSED = 5 };

struct answer {
    struct sockaddr_in to;
    uint64_t due_ms; /* 0: free */
    size_t len;
    uint8_t bytes[QUERY_MAX + 64];
};

static struct answer late[LATE_MAX];

static void send_answer(int fd, const struct answer *answer)
{
    (void)sendto(fd, answer->bytes, answer->len, 0, (const struct sockaddr *)&answer->to,
                 sizeof answer->to);
}

/* Sends what is due; returns when the next is. */
static uint64_t send_due(int fd)
{
    uint64_t next_ms = UINT64_MAX, now_ms = clock_ms();

    for (unsigned i = 0; i < LATE_MAX; i++) {
        if (late[i].due_ms != 0 && late[i].due_ms <= now_ms) {
            send_answer(fd, &late[i]);
            late[i].due_ms = 0;
        }
        if (late[i].due_ms != 0 && late[i].due_ms < next_ms)
            next_ms = late[i].due_ms;
    }
    return next_ms;
}

/* Reads the question's name; returns its type, 0 when it cannot be read. */
static unsigned read_question(const struct answer *query, char *ret_name, size_t *ret_end)
{
    size_t at = 12, out = 0;

    while (at < query->len && query->bytes[at] != 0) {
        size_t label = query->bytes[at++];

        if (label > 63 || at + label >= query->len || out + label + 2 > 256)
            return 0;
        if (out > 0)
            ret_name[out++] = '.';
        memcpy(ret_name + out, query->bytes + at, label);
        out += label;
        at += label;
    }
    ret_name[out] = '\0';
    if (at + 5 > query->len)
        return 0;
    *ret_end = at + 5;
    return (unsigned)query->bytes[at + 1] << 8 | query->bytes[at + 2];
}

static void add_address(struct answer *answer, unsigned type)
{
    static const uint8_t head[] = { 0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 60, 0, 0 };
    uint8_t *at = answer->bytes + answer->len;
    size_t len = type == TYPE_A ? 4 : 16;

    memcpy(at, head, sizeof head);
    at[3] = (uint8_t)type;
    at[11] = (uint8_t)len;
    memset(at + sizeof head, 0, len);
    if (type == TYPE_A)
        at[sizeof head] = 127;
    at[sizeof head + len - 1] = 1;
    answer->len += sizeof head + len;
    answer->bytes[7] = 1; /* one answer */
}

static void add_garbage(struct answer *answer)
{
    for (unsigned i = 0; i < 40; i++)
        answer->bytes[answer->len++] = (uint8_t)rand();
    answer->bytes[7] = (uint8_t)rand();
    answer->bytes[9] = (uint8_t)rand();
}

static bool starts(const char *name, const char *with)
{
    return strncmp(name, with, strlen(with)) == 0;
}

/* Turns the query into its answer; the delay in ms, or -1 when there is to be none. */
static int make_answer(struct answer *answer, const char *name, unsigned type, size_t end)
{
    static const struct {
        const char *begin;
        uint8_t code;
    } codes[] = {
        { "servfail", SERVFAIL }, { "refused", REFUSED }, { "formerr", FORMERR },
        { "nxdomain", NXDOMAIN }, { "empty", 0 },
    };

    answer->len = end;
    answer->bytes[2] = 0x85; /* a response, authoritative, recursion desired */
    answer->bytes[3] = 0x80;
    memset(answer->bytes + 6, 0, 6);
    if (starts(name, "silent"))
        return -1;
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (starts(name, codes[i].begin)) {
            answer->bytes[3] |= codes[i].code;
            return 0;
        }
    if (starts(name, "garbage"))
        add_garbage(answer);
    else if (type == TYPE_A || type == TYPE_AAAA)
        add_address(answer, type);
    if (starts(name, type == TYPE_A ? "slow4-" : "slow6-"))
        return atoi(name + 6);
    return starts(name, "slow-") ? atoi(name + 5) : 0;
}

static void keep(const struct answer *answer, unsigned ms)
{
    for (unsigned i = 0; i < LATE_MAX; i++)
        if (late[i].due_ms == 0) {
            late[i] = *answer;
            late[i].due_ms = clock_ms() + ms;
            return;
        }
}

static void serve_one(int fd, int log_fd)
{
    struct answer query = { .due_ms = 0 };
    socklen_t len = sizeof query.to;
    ssize_t got = recvfrom(fd, query.bytes, QUERY_MAX, 0, (struct sockaddr *)&query.to, &len);
    char name[256];
    size_t end;

    if (got < 12)
        return;
    query.len = (size_t)got;

    unsigned type = read_question(&query, name, &end);
    if (type == 0)
        return;
    dprintf(log_fd, "odd: query[%s] %s from 127.0.0.1\n",
            type == TYPE_A ? "A" : (type == TYPE_AAAA ? "AAAA" : "other"), name);

    int ms = make_answer(&query, name, type, end);
    if (ms == 0)
        send_answer(fd, &query);
    else if (ms > 0)
        keep(&query, (unsigned)ms);
}

__attribute__((noreturn)) static void serve(int fd, int log_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        uint64_t next_ms = send_due(fd);
        struct pollfd entry = { .fd = fd, .events = POLLIN };

        if (poll(&entry, 1, next_ms == UINT64_MAX ? -1 : deadline_left(next_ms)) > 0)
            serve_one(fd, log_fd);
    }
}

struct names *(names_start_odd)(void)
{
    struct names *names = names_new();
    int fd;

    names->port = names_socket(0, &fd);
    fflush(NULL);
    names->pid = fork();
    if (names->pid < 0)
        support_fail("fork: %m");
    if (names->pid == 0)
        serve(fd, names->log_fd);
    close(fd);
    return names;
}
