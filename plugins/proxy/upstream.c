/* SPDX-License-Identifier: MIT
 *
 * The table of upstream servers and their health.
 */
#include "upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balance.h"

static int grow(struct proxy_table *table)
{
    if (table->count < table->room)
        return 0;
    size_t room = table->room == 0 ? 8 : 2 * table->room;
    struct proxy_upstream **upstreams =
        realloc(table->upstreams, room * sizeof(struct proxy_upstream *));
    if (upstreams == NULL)
        return -ENOMEM;
    table->upstreams = upstreams;
    table->room = room;
    return 0;
}

static void set_label(struct proxy_upstream *upstream, const struct proxy_target *target)
{
    const char *colons = strchr(upstream->host, ':');
    if (!target->is_name)
        (void)snprintf(upstream->label, sizeof upstream->label, "%s", target->text);
    else
        (void)snprintf(upstream->label, sizeof upstream->label, "%s (%s%s%s:%u)", target->text,
                       colons != NULL ? "[" : "", upstream->host, colons != NULL ? "]" : "",
                       (unsigned)upstream->port);
}

static int add(struct proxy_table *table, unsigned index, const struct proxy_target *target,
               const char *host)
{
    struct proxy_upstream *upstream = calloc(1, sizeof *upstream);
    if (upstream == NULL || grow(table) < 0) {
        free(upstream);
        return -ENOMEM;
    }
    upstream->target = index;
    (void)snprintf(upstream->host, sizeof upstream->host, "%s", host);
    upstream->port = target->port;
    upstream->unix_path = target->unix_path;
    set_label(upstream, target);
    upstream->id = ++table->ids;
    upstream->key =
        proxy_hash_text(target->unix_path != NULL ? target->unix_path : host, target->port);
    upstream->listed = upstream->stays = true;
    table->upstreams[table->count++] = upstream;
    return 0;
}

int proxy_table_add(struct proxy_table *table, unsigned index, const struct proxy_target *target)
{
    return add(table, index, target, target->host);
}

/* The address as evf_connect takes it. */
static bool format(const struct sockaddr_storage *address, char *ret, size_t size)
{
    if (address->ss_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, ret,
                         (socklen_t)size) != NULL;
    if (address->ss_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    if (inet_ntop(AF_INET6, &v6->sin6_addr, ret, (socklen_t)size) == NULL)
        return false;
    size_t len = strlen(ret);
    if (v6->sin6_scope_id != 0)
        (void)snprintf(ret + len, size - len, "%%%u", (unsigned)v6->sin6_scope_id);
    return true;
}

static struct proxy_upstream *find(const struct proxy_table *table, unsigned index,
                                   const char *host)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->upstreams[i]->target == index && strcmp(table->upstreams[i]->host, host) == 0)
            return table->upstreams[i];
    return NULL;
}

static void unlist(struct proxy_upstream *upstream)
{
    upstream->listed = false;
    if (upstream->users == 0)
        free(upstream);
}

/* Drops the target's upstream servers that do not stay. */
static void sweep(struct proxy_table *table, unsigned index)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->count; i++) {
        struct proxy_upstream *upstream = table->upstreams[i];
        if (upstream->target == index && !upstream->stays)
            unlist(upstream);
        else
            table->upstreams[kept++] = upstream;
    }
    table->count = kept;
}

/* When those that left were the last in service, the one that has been ejected for the longest
 * returns. */
static void keep_one_in_service(struct proxy_table *table)
{
    struct proxy_upstream *oldest = NULL;
    for (size_t i = 0; i < table->count; i++) {
        struct proxy_upstream *upstream = table->upstreams[i];
        if (!upstream->ejected)
            return;
        if (oldest == NULL || upstream->trial_ms < oldest->trial_ms)
            oldest = upstream;
    }
    if (oldest != NULL)
        oldest->ejected = false;
}

int proxy_table_set(struct proxy_table *table, unsigned index, const struct proxy_target *target,
                    const struct sockaddr_storage *addresses, size_t count)
{
    int status = 0;
    for (size_t i = 0; i < table->count; i++)
        table->upstreams[i]->stays = table->upstreams[i]->target != index;
    for (size_t i = 0; i < count && i < PROXY_ADDRESSES_MAX; i++) {
        char host[PROXY_HOST_SIZE];
        if (!format(&addresses[i], host, sizeof host))
            continue;
        struct proxy_upstream *upstream = find(table, index, host);
        if (upstream != NULL)
            upstream->stays = true;
        else if (add(table, index, target, host) < 0)
            status = -ENOMEM;
    }
    sweep(table, index);
    keep_one_in_service(table);
    return status;
}

void proxy_table_fini(struct proxy_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        unlist(table->upstreams[i]);
    free(table->upstreams);
    table->upstreams = NULL;
    table->count = table->room = 0;
}

size_t proxy_table_ejected(const struct proxy_table *table)
{
    size_t ejected = 0;
    for (size_t i = 0; i < table->count; i++)
        ejected += table->upstreams[i]->ejected;
    return ejected;
}

bool proxy_upstream_available(const struct proxy_upstream *upstream, uint64_t now_ms)
{
    return !upstream->ejected || (now_ms >= upstream->trial_ms && !upstream->probed);
}

bool proxy_upstream_enter(struct proxy_table *table, struct proxy_upstream *upstream)
{
    upstream->users++;
    upstream->last_used = ++table->uses;
    if (!upstream->ejected)
        return false;
    upstream->probed = true;
    return true;
}

void proxy_upstream_cancelled(struct proxy_upstream *upstream, bool probe)
{
    if (probe)
        upstream->probed = false;
}

enum proxy_event proxy_upstream_connected(struct proxy_upstream *upstream, bool probe)
{
    bool was_ejected = upstream->ejected;
    proxy_upstream_cancelled(upstream, probe);
    upstream->fails = 0;
    upstream->ejected = false;
    return was_ejected ? PROXY_EVENT_BACK : PROXY_EVENT_NONE;
}

static bool another_in_service(const struct proxy_table *table, const struct proxy_upstream *one)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->upstreams[i] != one && !table->upstreams[i]->ejected)
            return true;
    return false;
}

enum proxy_event proxy_upstream_failed(struct proxy_table *table, struct proxy_upstream *upstream,
                                       bool probe, uint64_t now_ms)
{
    proxy_upstream_cancelled(upstream, probe);
    if (upstream->ejected) {
        /* An attempt of the time before tells nothing new. */
        if (probe)
            upstream->trial_ms = now_ms + table->fail_time_ms;
        return PROXY_EVENT_NONE;
    }
    upstream->fails += upstream->fails < UINT32_MAX;
    if (table->max_fails != 0 && upstream->fails >= table->max_fails && upstream->listed &&
        another_in_service(table, upstream)) {
        upstream->ejected = true;
        upstream->trial_ms = now_ms + table->fail_time_ms;
        return PROXY_EVENT_EJECTED;
    }
    if (upstream->told_ms != 0 && now_ms < upstream->told_ms + PROXY_TOLD_EVERY_MS)
        return PROXY_EVENT_NONE;
    upstream->told_ms = now_ms;
    return PROXY_EVENT_FAILED;
}

void proxy_upstream_leave(struct proxy_upstream *upstream)
{
    upstream->users--;
    if (upstream->users == 0 && !upstream->listed)
        free(upstream);
}
