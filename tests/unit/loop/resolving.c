/* SPDX-License-Identifier: MIT
 *
 * The name server and the worker of resolving.h.
 */
#include "resolving.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../plugin/leaks.h"
#include "stream/stream.h"
#include "stream/turn.h"

evf_worker *worker;
struct query queries[QUERIES_MAX];
unsigned query_count, queries_in_all;

static int server_fd;
static char servers[32];
static char hosts_path[64];

static void read_name(struct query *query)
{
    size_t at = 12, out = 0;
    while (query->bytes[at] != 0) {
        memcpy(query->name + out, query->bytes + at + 1, query->bytes[at]);
        out += query->bytes[at];
        query->name[out++] = '.';
        at += 1 + query->bytes[at];
    }
    query->name[out > 0 ? out - 1 : 0] = '\0';
    query->type = query->bytes[at + 2];
}

static void receive(void)
{
    for (;;) {
        struct query *query = &queries[query_count];
        socklen_t len = sizeof query->from;
        cr_assert_lt(query_count, QUERIES_MAX);
        ssize_t got = recvfrom(server_fd, query->bytes, sizeof query->bytes, MSG_DONTWAIT,
                               (struct sockaddr *)&query->from, &len);
        if (got < 0)
            return;
        query->len = (size_t)got;
        read_name(query);
        query_count++;
        queries_in_all++;
    }
}

static void send_back(const struct query *query)
{
    cr_assert_eq(sendto(server_fd, query->bytes, query->len, 0,
                        (const struct sockaddr *)&query->from, sizeof query->from),
                 (ssize_t)query->len);
}

void reply(unsigned i, unsigned code, unsigned count, unsigned ttl)
{
    struct query query = queries[i];
    queries[i] = queries[--query_count];
    query.bytes[2] |= 0x80;
    query.bytes[3] = (uint8_t)(0x80 | code);
    query.bytes[7] = (uint8_t)count;
    for (unsigned k = 1; k <= count; k++) {
        size_t size = query.type == TYPE_A ? 4 : 16;
        uint8_t record[12] = { 0xc0, 12, 0, (uint8_t)query.type, 0, 1,
                               0,    0,  0, (uint8_t)ttl,        0, (uint8_t)size };
        memcpy(query.bytes + query.len, record, sizeof record);
        query.len += sizeof record;
        memset(query.bytes + query.len, 0, size);
        query.bytes[query.len] = 127;
        query.bytes[query.len + size - 1] = (uint8_t)k;
        query.len += size;
    }
    send_back(&query);
}

void reply_no_name(unsigned i, unsigned ttl)
{
    uint8_t soa[11 + 22] = { 0, 0, 6, 0, 1, 0, 0, 0, (uint8_t)ttl, 0, 22 };
    struct query query = queries[i];
    queries[i] = queries[--query_count];
    soa[sizeof soa - 1] = (uint8_t)ttl;
    query.bytes[2] |= 0x80;
    query.bytes[3] = 0x83;
    query.bytes[9] = 1;
    memcpy(query.bytes + query.len, soa, sizeof soa);
    query.len += sizeof soa;
    send_back(&query);
}

/* -- the worker -- */

static void nothing(evf_worker *w, void *argument)
{
    (void)w;
    (void)argument;
}

void turn(void)
{
    cr_assert_eq(evf_post(worker, nothing, NULL), 0);
    evf__turn(worker);
    receive();
}

void make_worker(uint32_t timeout_ms)
{
    struct evf__worker_settings settings = {
        .mailbox = 16,
        .page_size = 64 * 1024,
        .resolver = { .servers = servers, .timeout_ms = timeout_ms, .hosts_path = hosts_path },
    };
    worker = aligned_alloc(64, (sizeof *worker + 63) & ~(size_t)63);
    memset(worker, 0, sizeof *worker);
    cr_assert_eq(evf__worker_init(worker, &settings), 0);
    cr_assert_eq(evf__streams_init(worker), 0);
}

void unmake_worker(void)
{
    evf__streams_fini(worker);
    evf__worker_fini(worker);
    free(worker);
    worker = NULL;
}

void begin_resolving(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    int buffer = 4 * 1024 * 1024;
    server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(server_fd, 0);
    (void)setsockopt(server_fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    cr_assert_eq(bind(server_fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(getsockname(server_fd, (struct sockaddr *)&address, &len), 0);
    snprintf(servers, sizeof servers, "127.0.0.1:%u", ntohs(address.sin_port));
    snprintf(hosts_path, sizeof hosts_path, "/tmp/evf-resolver-hosts-%d", (int)getpid());
    FILE *file = fopen(hosts_path, "w");
    cr_assert(file != NULL && fputs("127.0.0.5 known\n", file) > 0 && fclose(file) == 0);
    make_worker(10000);
    turn();
}

void end_resolving(void)
{
    cr_expect(evf__list_empty(&worker->resolver->told));
    unmake_worker();
    unlink(hosts_path);
    close(server_fd);
    expect_no_leaks();
}
