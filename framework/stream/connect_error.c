/* SPDX-License-Identifier: MIT
 *
 * Words about outgoing streams: what they were to reach, and why that failed. The worker's thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stream/connecting.h"

/* A text that is put together piece by piece, and cut where there is no more room. */
struct text {
    char *at;
    size_t room; /* with the terminator */
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text->at, text->room, format, arguments);
    va_end(arguments);
    if (len < 0 || text->room == 0)
        return;
    size_t taken = (size_t)len < text->room ? (size_t)len : text->room - 1;
    text->at += taken;
    text->room -= taken;
}

const char *evf__connect_name(const evf_stream *stream, char *buffer, size_t size)
{
    const struct evf__opening *opening = stream->opening;
    if (opening->local)
        snprintf(buffer, size, "unix:%s", opening->name);
    else if (strchr(opening->name, ':') != NULL)
        snprintf(buffer, size, "[%s]:%u", opening->name, opening->port);
    else
        snprintf(buffer, size, "%s:%u", opening->name, opening->port);
    return buffer;
}

static void add_local(struct text *text, const struct evf__opening *opening)
{
    switch (opening->local_status) {
    case 0:
        break;
    case -ENOENT:
        add(text, ": there is no such file");
        break;
    case -ENOTSOCK:
        add(text, ": the file is no socket");
        break;
    case -EAGAIN:
        add(text, ": its queue is full: nobody accepts");
        break;
    default:
        add(text, ": %s", evf_strerror(opening->local_status));
        break;
    }
}

/* Every address that was tried, as long as there is room. */
static void add_addresses(struct text *text, const struct evf__opening *opening, const char *name)
{
    const struct evf__race *race = &opening->race;
    const char *between = ": ";
    for (unsigned i = 0; i < race->count; i++) {
        const struct evf__race_address *address = &race->addresses[i];
        struct sockaddr_storage to;
        char tried[EVF_PEER_NAME_SIZE];
        if (address->state == EVF__RACE_WAITS)
            continue;
        socklen_t len = evf__race_sockaddr(address, opening->port, &to);
        evf__address_format((const struct sockaddr *)&to, len, tried, sizeof tried);
        add(text, "%s%s%s", between, strcmp(tried, name) != 0 ? tried : "",
            strcmp(tried, name) != 0 ? ": " : "");
        if (address->state == EVF__RACE_FAILED)
            add(text, "%s", evf_strerror(address->status));
        else
            add(text, "%s", opening->expired ? evf_strerror(-ETIMEDOUT) : "no answer yet");
        between = "; ";
    }
}

/* Look-ups that did not give addresses, where that is worth a word. */
static void add_lookups(struct text *text, const struct evf__opening *opening)
{
    static const char *const families[EVF__RACE_FAMILIES] = {
        [EVF__RACE_IPV6] = "IPv6",
        [EVF__RACE_IPV4] = "IPv4",
    };
    const struct evf__race *race = &opening->race;
    if (race->count == 0 && opening->failed) {
        add(text, ": %s", evf_strerror(evf__race_reason(race)));
        return;
    }
    const char *between = race->count > 0 ? "; " : ": ";
    for (unsigned i = 0; i < EVF__RACE_FAMILIES; i++) {
        if (race->lookups[i].pending)
            add(text, "%slooking up its %s addresses", between, families[i]);
        else if (race->lookups[i].status < 0 && race->lookups[i].status != EVF_ENOADDRESS)
            add(text, "%sits %s addresses: %s", between, families[i],
                evf_strerror(race->lookups[i].status));
        else
            continue;
        between = "; ";
    }
}

static void add_end(struct text *text, const evf_stream *stream)
{
    const struct evf__opening *opening = stream->opening;
    if (opening->expired)
        add(text, "; not connected within %" PRIu32 " ms", opening->timeout_ms);
    else if (opening->failed)
        return;
    else if (stream->reason == -ESHUTDOWN)
        add(text, "; given up: the server stops");
    else if (stream->reason == 0)
        add(text, "; given up before the connection stood");
    else
        add(text, "; given up: %s", evf_strerror(stream->reason));
}

const char *evf_connect_error(const evf_stream *stream, char *buffer, size_t size)
{
    EVF__STREAM_RULES(stream);
    struct text text = { buffer, size };
    char name[EVF__HOST_MAX + sizeof "[]:65535"];
    if (size > 0)
        buffer[0] = '\0';
    if (stream->origin->transport != &evf__opening_transport || (stream->flags & EVF__CLOSING) == 0)
        return buffer;
    const struct evf__opening *opening = stream->opening;
    add(&text, "connect to %s", evf__connect_name(stream, name, sizeof name));
    if (opening->local) {
        add_local(&text, opening);
    } else {
        add_addresses(&text, opening, name);
        add_lookups(&text, opening);
    }
    add_end(&text, stream);
    return buffer;
}

void evf__connect_log(const evf_stream *stream)
{
    char words[EVF__LOG_LINE_MAX];
    if (evf__log_wants(EVF_DEBUG))
        evf_log(EVF_DEBUG, "%s", evf_connect_error(stream, words, sizeof words));
}
