/* SPDX-License-Identifier: MIT
 *
 * Accepted streams that wait for their PROXY header. The worker's thread.
 *
 *     accepted --trusted, or header required--> waiting --good header, or none (optional)--> `open`
 *        |                                         |
 *        +--not trusted: `open` (optional),        +--malformed, none (required), ended, late:
 *           closed (required)                         closed, without `open` and `close`
 *
 * Bytes are looked at first and taken only when they are the header's for certain, so that the
 * connection's data stays in the kernel and comes the usual way. Bytes that may be either must be
 * taken too (a level-triggered event would fire for them without end); when they turn out to be
 * data, they are put in front of it. The header is kept as it came, for the plugin to ask about.
 *
 * In the time-out's step nothing may be opened: the stream is put on the ready list, and step 3
 * decides with what has come by then.
 */
#include "stream/arrival.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/proxy_protocol.h>

#include "base/access.h"
#include "base/address.h"
#include "stream/opening.h"
#include "stream/proxy_header.h"
#include "stream/state.h"

struct evf__header {
    bool late;          /* its time is up */
    bool forwarded;     /* the stream's peer is the one that the header names */
    uint8_t version;    /* 0: still waiting for it */
    uint16_t len, room; /* of bytes */
    uint16_t tlvs;      /* where they begin */
    /* Who sent it, when forwarded; one with a unix address is in sender_unix when it has a name. */
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } sender;
    struct sockaddr_un *sender_unix;
    socklen_t sender_unix_len;
    uint8_t bytes[]; /* what has come of it */
};
_Static_assert(EVF__PROXY_HEADER_MAX <= UINT16_MAX, "lengths have 16 bits");

static struct evf__header *header_of(const evf_stream *stream)
{
    return stream->extra != NULL ? stream->extra->header : NULL;
}

/* -- refusing -- */

/* True when a line about one more refused connection may be written; *ret_last when it is the last
 * one for now. */
static bool may_tell(evf_worker *worker, bool *ret_last)
{
    struct evf__streams *streams = worker->streams;
    if (worker->now_ms >= streams->refusals_until_ms) {
        streams->refusals_until_ms = worker->now_ms + EVF__REFUSAL_BURST_MS;
        streams->refusals_told = 0;
    }
    if (streams->refusals_told == EVF__REFUSAL_LINES_MAX)
        return false;
    streams->refusals_told++;
    *ret_last = streams->refusals_told == EVF__REFUSAL_LINES_MAX;
    return true;
}

/* Closes it before `open`. `why` is the end of a sentence about the peer. */
__attribute__((format(printf, 4, 5))) static void
refuse(evf_stream *stream, enum evf__figure_id figure, enum evf_level level, const char *why, ...)
{
    evf_worker *worker = evf__worker_of(stream);
    char peer[EVF_PEER_NAME_SIZE], text[256];
    bool last = false;
    evf__figure_add(&worker->figures, figure, 1);
    if (level < EVF_WARN || may_tell(worker, &last)) {
        va_list arguments;
        va_start(arguments, why);
        vsnprintf(text, sizeof text, why, arguments);
        va_end(arguments);
        evf_log(level, "%s: closed %s before open: %s%s", stream->origin->plugin,
                evf_peer_name(stream, peer, sizeof peer), text,
                last ? "; more within this second are counted only" : "");
    }
    evf__stream_close(stream, -EPROTO);
}

/* It ended, or its time is up, before its header was complete. One that comes and goes without a
 * byte is a balancer that looks whether the port is open, as a rule: no warning. */
static void refuse_missing(evf_stream *stream, const char *why)
{
    const struct evf__header *header = header_of(stream);
    refuse(stream, EVF__FIGURE_PROXY_MISSING,
           header->len > 0 || header->late ? EVF_WARN : EVF_DEBUG,
           "%s, and its PROXY header is not complete: %u bytes of it have come", why, header->len);
}

/* -- opening -- */

/* It has no header: what was taken is data. `alone`: no event follows that would present it. */
static void open_without(evf_stream *stream, bool alone)
{
    struct evf__header *header = header_of(stream);
    int status = evf__input_put(stream, header->bytes, header->len);
    bool silent = header->len == 0 && alone;
    if (header->len > 0 && alone)
        stream->flags |= EVF__REST_DUE;
    stream->extra->header = NULL;
    free(header);
    if (status < 0)
        evf__stream_close(stream, status);
    else
        evf__stream_opened(stream);
    /* Opened during the stop, it is not waited for any longer: it has had its time to speak. */
    if (silent && (stream->flags & EVF__QUIESCE_AFTER_READ) != 0)
        stream->flags ^= (uint32_t)(EVF__QUIESCE_AFTER_READ | EVF__QUIESCE_DUE);
}

/* The peer is from now on who the header names; who sent it is kept beside it. 0 or -ENOMEM. */
static int forward(evf_stream *stream, const struct evf__proxy_header *parsed)
{
    struct evf__header *header = header_of(stream);
    struct evf__extra *extra = stream->extra;
    union evf__address sender;
    (void)evf__stream_peer(stream, &sender.storage);
    header->sender.any.sa_family = sender.any.sa_family;
    if (sender.any.sa_family == AF_INET)
        header->sender.ipv4 = sender.ipv4;
    else if (sender.any.sa_family == AF_INET6)
        header->sender.ipv6 = sender.ipv6;
    header->sender_unix = extra->unix_peer;
    header->sender_unix_len = extra->unix_peer_len;
    header->forwarded = true;
    extra->unix_peer = NULL;
    extra->scope_id = 0;
    return evf__stream_keep_peer(stream, &parsed->source.any, parsed->source_len);
}

static void open_with(evf_stream *stream, const struct evf__proxy_header *parsed)
{
    struct evf__header *header = header_of(stream);
    if (parsed->forwarded && !evf__access_allows(stream->origin->access, &parsed->source.any)) {
        char client[EVF_PEER_NAME_SIZE];
        refuse(stream, EVF__FIGURE_REFUSED_BLOCKED, EVF_WARN,
               "its PROXY header names %s, whose address is blocked or not allowed",
               evf__address_format(&parsed->source.any, parsed->source_len, client, sizeof client));
        return;
    }
    struct evf__header *exact = realloc(header, sizeof *header + header->len);
    if (exact != NULL)
        header = exact;
    stream->extra->header = header;
    header->version = (uint8_t)parsed->version;
    header->tlvs = (uint16_t)parsed->tlvs;
    if (parsed->forwarded && forward(stream, parsed) < 0) {
        evf__stream_close(stream, -ENOMEM);
        return;
    }
    evf__figure_add(&evf__worker_of(stream)->figures, EVF__FIGURE_PROXY_HEADERS, 1);
    evf__stream_opened(stream);
}

/* -- waiting -- */

/* Room for a header whose length has become known. 0 or -ENOMEM. */
static int make_room(evf_stream *stream, size_t len)
{
    struct evf__header *header = header_of(stream);
    if (len <= header->room)
        return 0;
    EVF_ASSERT(len <= EVF__PROXY_HEADER_MAX);
    struct evf__header *grown = realloc(header, sizeof *header + len);
    if (grown == NULL)
        return -ENOMEM;
    grown->room = (uint16_t)len;
    stream->extra->header = grown;
    return 0;
}

/* Looks at what has come and takes what belongs to the header, or may. With MORE, *ret_status says
 * why there is no more: -EAGAIN for now, 0 at the peer's end, else a negative code. Each round but
 * the last takes at least a byte of at most EVF__PROXY_HEADER_MAX. */
static enum evf__proxy_verdict look(evf_stream *stream, struct evf__proxy_header *ret_parsed,
                                    int *ret_status)
{
    const struct evf__transport *transport = stream->origin->transport;
    for (;;) {
        struct evf__header *header = header_of(stream);
        uint8_t *end = header->bytes + header->len;
        size_t room = (size_t)(header->room - header->len);
        EVF_ASSERT(room > 0);
        ssize_t seen = transport->peek(stream, end, room);
        if (seen <= 0) {
            *ret_status = (int)seen;
            return evf__proxy_header_read(header->bytes, header->len, ret_parsed);
        }
        enum evf__proxy_verdict verdict =
            evf__proxy_header_read(header->bytes, header->len + (size_t)seen, ret_parsed);
        if (verdict == EVF__PROXY_NONE || verdict == EVF__PROXY_BAD)
            return verdict;
        size_t take = verdict == EVF__PROXY_DONE ? ret_parsed->len - header->len : (size_t)seen;
        ssize_t took = transport->receive(stream, end, take);
        if (took <= 0) {
            *ret_status = (int)took;
            return EVF__PROXY_MORE;
        }
        header->len += (uint16_t)took;
        if ((size_t)took < take)
            continue;
        if (verdict == EVF__PROXY_DONE)
            return verdict;
        int made = make_room(stream, ret_parsed->len);
        *ret_status = made < 0 ? made : -EAGAIN;
        if (made < 0 || (size_t)seen < room)
            return EVF__PROXY_MORE;
    }
}

static void wait(evf_stream *stream)
{
    if ((stream->flags & EVF__READ_WATCHED) != 0)
        return;
    int status = stream->origin->transport->watch_input(stream, true);
    if (status < 0)
        evf__stream_close(stream, status);
    else
        stream->flags |= EVF__READ_WATCHED;
}

/* Nothing more has come for now, or ever: the header is not complete. */
static void go_on(evf_stream *stream, unsigned version, int status)
{
    const struct evf__proxy_rules *rules = stream->origin->proxy;
    bool late = header_of(stream)->late;
    if (status == -EAGAIN && !late)
        wait(stream);
    else if (status < 0 && status != -EAGAIN)
        refuse_missing(stream, evf_strerror(status));
    else if (version == 0 && rules->mode == EVF__PROXY_OPTIONAL)
        open_without(stream, status == -EAGAIN);
    else
        refuse_missing(stream, status == 0 ? "it has ended" : "its proxy-timeout is over");
}

void evf__arrival_step(evf_stream *stream)
{
    struct evf__proxy_header parsed;
    int status;
    stream->flags &= ~(uint32_t)(EVF__READABLE | EVF__WRITABLE | EVF__REST_DUE);
    switch (look(stream, &parsed, &status)) {
    case EVF__PROXY_MORE:
        go_on(stream, parsed.version, status);
        break;
    case EVF__PROXY_DONE:
        open_with(stream, &parsed);
        break;
    case EVF__PROXY_NONE:
        if (stream->origin->proxy->mode == EVF__PROXY_OPTIONAL)
            open_without(stream, false);
        else
            refuse(stream, EVF__FIGURE_PROXY_BAD, EVF_WARN,
                   "it sent no PROXY header, which the listener requires (proxy-protocol)");
        break;
    case EVF__PROXY_BAD:
        refuse(stream, EVF__FIGURE_PROXY_BAD, EVF_WARN, "its PROXY header is malformed: %s",
               parsed.fault);
        break;
    }
}

void evf__arrival_deadline(evf_stream *stream)
{
    header_of(stream)->late = true;
    evf__stream_ready(stream, EVF__READABLE);
}

/* -- beginning and end -- */

static bool trusted(const evf_stream *stream)
{
    const struct evf__proxy_rules *rules = stream->origin->proxy;
    union evf__address peer;
    (void)evf__stream_peer(stream, &peer.storage);
    return peer.any.sa_family == AF_UNIX ||
           (rules->trusted.count == 0 && rules->mode == EVF__PROXY_REQUIRED) ||
           evf__prefixes_match(&rules->trusted, &peer.any);
}

int evf__arrival_begin(evf_stream *stream)
{
    evf_worker *worker = evf__worker_of(stream);
    const struct evf__proxy_rules *rules = stream->origin->proxy;
    if (!trusted(stream)) {
        if (rules->mode == EVF__PROXY_OPTIONAL)
            evf__stream_opened(stream);
        else
            refuse(stream, EVF__FIGURE_PROXY_UNTRUSTED, EVF_WARN,
                   "its address is not one of the listener's proxy-trusted");
        return 0;
    }
    struct evf__extra *extra = evf__stream_extra(stream);
    if (extra == NULL)
        return -ENOMEM;
    extra->header = malloc(sizeof *extra->header + EVF__PROXY_ROOM);
    if (extra->header == NULL)
        return -ENOMEM;
    *extra->header = (struct evf__header){ .room = EVF__PROXY_ROOM };
    stream->deadline.kind = EVF__ENTRY_STREAM;
    evf__wheel_start(&worker->wheel, &stream->deadline, worker->now_ms + rules->timeout_ms);
    evf__stream_ready(stream, EVF__READABLE); /* it is often there already */
    return 0;
}

void evf__arrival_give(evf_stream *stream)
{
    struct evf__header *header = stream->extra->header;
    if (header == NULL)
        return;
    stream->extra->header = NULL;
    free(header->sender_unix);
    free(header);
}

/* -- what is asked of it later -- */

/* The header that the stream was opened with, or NULL. */
static const struct evf__header *good_header(const evf_stream *stream)
{
    const struct evf__header *header = header_of(stream);
    return header != NULL && header->version != 0 ? header : NULL;
}

bool evf__arrival_destination(const evf_stream *stream, struct sockaddr_storage *ret)
{
    const struct evf__header *header = good_header(stream);
    struct evf__proxy_header parsed;
    if (header == NULL || !header->forwarded)
        return false;
    (void)evf__proxy_header_read(header->bytes, header->len, &parsed);
    *ret = parsed.destination.storage;
    return true;
}

sa_family_t evf__arrival_family(const evf_stream *stream)
{
    const struct evf__header *header = good_header(stream);
    return header != NULL && header->forwarded ? header->sender.any.sa_family : stream->family;
}

unsigned evf_proxy_version(const evf_stream *stream)
{
    EVF__STREAM_RULES(stream);
    const struct evf__header *header = good_header(stream);
    return header != NULL ? header->version : 0;
}

int evf_proxy_address(const evf_stream *stream, struct sockaddr_storage *ret)
{
    EVF__STREAM_RULES(stream);
    const struct evf__header *header = good_header(stream);
    union evf__address sender = { .storage = { .ss_family = AF_UNIX } };
    if (header == NULL)
        return -ENOENT;
    if (!header->forwarded) {
        (void)evf__stream_peer(stream, ret);
        return 0;
    }
    if (header->sender.any.sa_family == AF_INET)
        sender.ipv4 = header->sender.ipv4;
    else if (header->sender.any.sa_family == AF_INET6)
        sender.ipv6 = header->sender.ipv6;
    else if (header->sender_unix != NULL)
        memcpy(&sender.local, header->sender_unix, header->sender_unix_len);
    *ret = sender.storage;
    return 0;
}

int evf_proxy_tlv(const evf_stream *stream, int type, unsigned index, uint8_t *ret_type,
                  const void **ret, size_t *ret_len)
{
    EVF__STREAM_RULES(stream);
    const struct evf__header *header = good_header(stream);
    struct evf__proxy_tlv tlv;
    if (header == NULL ||
        !evf__proxy_header_tlv(header->bytes, header->tlvs, header->len, type, index, &tlv))
        return -ENOENT;
    if (ret_type != NULL)
        *ret_type = tlv.type;
    *ret = tlv.value;
    *ret_len = tlv.len;
    return 0;
}
