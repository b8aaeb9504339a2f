/* SPDX-License-Identifier: MIT
 *
 * The play: what peers do, and what they expect.
 *
 * When a harsh trouble has happened, an expectation that is not met is let pass, and the peer's
 * later ones with it: nobody can say what should have come.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <evframe/address.h>

#include "stream/state.h"
#include "testkit/sim.h"

enum { WINDOW_STOPPED = 64 * 1024, SHOWN = 200 };

/* -- beginning -- */

static socklen_t read_address(const char *text, union evf__address *ret)
{
    char host[EVF__HOST_MAX + 1];
    uint16_t port;
    const char *unix_path = NULL;
    memset(ret, 0, sizeof *ret);
    if (evf_address_parse(text, host, sizeof host, &port, &unix_path) < 0)
        return 0;
    if (unix_path != NULL) {
        size_t len = strlen(unix_path);
        if (len >= sizeof ret->local.sun_path)
            return 0;
        ret->local.sun_family = AF_UNIX;
        memcpy(ret->local.sun_path, unix_path, len);
        if (unix_path[0] == '@')
            ret->local.sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    }
    if (!evf__address_from_ip(host, ret))
        return 0;
    if (ret->any.sa_family == AF_INET)
        ret->ipv4.sin_port = htons(port);
    else
        ret->ipv6.sin6_port = htons(port);
    return evf__address_ip_len(ret);
}

evf_sim_peer *evf_sim_connect_from(evf_sim *sim, const char *address)
{
    evf_sim_peer *peer = evf__sim_peer_new(sim);
    peer->address_len = read_address(address, &peer->address);
    if (peer->address_len == 0 || peer->address.any.sa_family == AF_UNIX)
        evf__sim_fail(sim, "a peer cannot connect from '%s': an IP address with a port is wanted",
                      address);
    bool ipv6 = peer->address.any.sa_family == AF_INET6;
    peer->local_len = read_address(ipv6 ? "[2001:db8::1]:7000" : "192.0.2.1:7000", &peer->local);
    if (sim->failed || sim->state != EVF__SIM_RUNS || sim->stopping) {
        peer->gone = peer->reset_seen = true; /* nobody listens */
        return peer;
    }
    if (!evf__access_allows(&sim->instance->access, &peer->address.any)) {
        peer->gone = peer->reset_seen = true;
        evf__sim_note(sim, "%s: its address may not come", peer->name);
        return peer;
    }
    evf__sim_note(sim, "%s: connects", peer->name);
    peer->waits = true;
    return peer;
}

evf_sim_peer *evf_sim_connect(evf_sim *sim)
{
    char address[64];
    unsigned number = sim->peer_count + 1;
    snprintf(address, sizeof address, "198.51.100.%u:%u", 1 + number % 250, 50000 + number % 10000);
    return evf_sim_connect_from(sim, address);
}

evf_sim_upstream *evf_sim_listen(evf_sim *sim, const char *address)
{
    evf_sim_upstream *upstream = calloc(1, sizeof *upstream);
    if (upstream == NULL)
        abort();
    upstream->sim = sim;
    snprintf(upstream->name, sizeof upstream->name, "%s", address);
    upstream->address_len = read_address(address, &upstream->address);
    if (upstream->address_len == 0)
        evf__sim_fail(sim,
                      "nobody can listen on '%s': an IP address with a port, or unix:/path, "
                      "is wanted",
                      address);
    evf__list_append(&sim->upstreams, &upstream->link);
    return upstream;
}

void evf_sim_set_answer(evf_sim_upstream *upstream, enum evf_sim_answer answer)
{
    upstream->answer = answer;
}

static evf_sim_peer *first_waiting(const evf_sim_upstream *upstream)
{
    const struct evf__list *peers = &upstream->sim->peers;
    for (struct evf__list *at = peers->next; at != peers; at = at->next) {
        evf_sim_peer *peer = EVF__OWNER(at, evf_sim_peer, link);
        if (peer->upstream == upstream && !peer->taken)
            return peer;
    }
    return NULL;
}

static bool has_waiting(evf_sim *sim, void *argument)
{
    (void)sim;
    return first_waiting(argument) != NULL;
}

evf_sim_peer *evf_sim_accept(evf_sim_upstream *upstream)
{
    evf_sim *sim = upstream->sim;
    evf__sim_settle(sim, has_waiting, upstream);
    evf_sim_peer *peer = first_waiting(upstream);
    if (peer == NULL) {
        if (!sim->harmed)
            evf__sim_fail(sim, "nobody has connected to %s", upstream->name);
        peer = evf__sim_peer_new(sim);
        peer->gone = peer->reset_seen = peer->excused = true;
    }
    peer->taken = true;
    return peer;
}

/* -- sending -- */

void evf_sim_send(evf_sim_peer *peer, const void *data, size_t len)
{
    evf_sim *sim = peer->sim;
    if (sim->failed || peer->gone || peer->reset_sent || len == 0)
        return;
    if (peer->ended) {
        evf__sim_fail(sim, "%s sends after its end", peer->name);
        return;
    }
    evf__sim_note_bytes(sim, peer, "sends", data, len);
    evf__sim_bytes_add(&peer->in, data, len);
}

void evf_sim_send_text(evf_sim_peer *peer, const char *text)
{
    evf_sim_send(peer, text, strlen(text));
}

void evf_sim_close_write(evf_sim_peer *peer)
{
    if (peer->sim->failed || peer->ended)
        return;
    evf__sim_note(peer->sim, "%s: ends", peer->name);
    peer->ended = true;
}

void evf_sim_reset(evf_sim_peer *peer)
{
    if (!peer->sim->failed && !peer->gone)
        evf__sim_peer_reset(peer);
}

void evf_sim_stop_reading(evf_sim_peer *peer)
{
    if (peer->stopped)
        return;
    peer->stopped = true;
    if (peer->room > WINDOW_STOPPED)
        peer->room = WINDOW_STOPPED;
}

void evf_sim_read(evf_sim_peer *peer)
{
    if (!peer->stopped)
        return;
    peer->stopped = peer->stalled = false;
    peer->room = SIZE_MAX;
}

evf_stream *evf_sim_stream(const evf_sim_peer *peer)
{
    return peer->stream;
}

/* -- expecting -- */

struct wanted {
    const evf_sim_peer *peer;
    size_t len;
};

static bool has_come(evf_sim *sim, void *argument)
{
    const struct wanted *wanted = argument;
    (void)sim;
    return wanted->peer->out.len >= wanted->len;
}

static void wait_for(const evf_sim_peer *peer, size_t len)
{
    struct wanted wanted = { peer, len };
    evf__sim_settle(peer->sim, len < SIZE_MAX ? has_come : NULL, &wanted);
}

/* True when the expectation need not be looked at. */
static bool is_excused(const evf_sim_peer *peer)
{
    return peer->excused || peer->sim->failed;
}

/* What is known of a connection that gives nothing more. */
static const char *ending(const evf_sim_peer *peer)
{
    if (peer->reset_seen)
        return ", and the connection was reset";
    if (peer->gone)
        return ", and the connection was closed";
    if (peer->end_seen)
        return ", and the stream has ended its side";
    if (peer->stopped)
        return " (the peer does not read)";
    return "";
}

/* False; the simulation has failed, unless something harsh has happened. */
static bool missed(evf_sim_peer *peer, const char *wanted, size_t from)
{
    char got[600];
    evf_sim *sim = peer->sim;
    if (sim->harmed) {
        peer->excused = true;
        evf__sim_note(sim, "%s: let pass: %s", peer->name, wanted);
        return false;
    }
    const uint8_t *data = evf__sim_bytes_at(&peer->out);
    if (peer->out.len == 0)
        evf__sim_fail(sim, "%s expected %s\n  but nothing came%s", peer->name, wanted,
                      ending(peer));
    else if (from == peer->out.len)
        evf__sim_fail(sim, "%s expected %s\n  but only %zu bytes of it came: %s%s", peer->name,
                      wanted, from, evf__sim_quote(data, from, SHOWN, got, sizeof got),
                      ending(peer));
    else
        evf__sim_fail(sim, "%s expected %s\n  but got %s (%zu bytes, different from byte %zu on)%s",
                      peer->name, wanted,
                      evf__sim_quote(data, peer->out.len, SHOWN, got, sizeof got), peer->out.len,
                      from, ending(peer));
    return false;
}

static void expected(evf_sim_peer *peer, size_t len)
{
    evf__sim_note(peer->sim, "%s: %zu bytes as expected", peer->name, len);
    evf__sim_bytes_take(&peer->out, len);
}

bool evf_sim_expect(evf_sim_peer *peer, const void *data, size_t len)
{
    char quoted[600], wanted[640];
    wait_for(peer, len);
    if (is_excused(peer))
        return !peer->sim->failed;
    size_t same = 0, common = peer->out.len < len ? peer->out.len : len;
    const uint8_t *got = evf__sim_bytes_at(&peer->out), *want = data;
    if (common > 0 && memcmp(got, want, common) == 0)
        same = common;
    else
        while (same < common && got[same] == want[same])
            same++;
    if (same == len) {
        expected(peer, len);
        return true;
    }
    snprintf(wanted, sizeof wanted, "%s", evf__sim_quote(data, len, SHOWN, quoted, sizeof quoted));
    return missed(peer, wanted, same);
}

bool evf_sim_expect_text(evf_sim_peer *peer, const char *text)
{
    return evf_sim_expect(peer, text, strlen(text));
}

struct until {
    const evf_sim_peer *peer;
    const void *data;
    size_t len;
};

static const uint8_t *find(const struct until *until)
{
    const struct evf__sim_bytes *out = &until->peer->out;
    return out->len > 0 ? memmem(evf__sim_bytes_at(out), out->len, until->data, until->len) : NULL;
}

static bool is_found(evf_sim *sim, void *argument)
{
    (void)sim;
    return find(argument) != NULL;
}

bool evf_sim_expect_until(evf_sim_peer *peer, const void *data, size_t len)
{
    char quoted[600], wanted[640];
    struct until until = { peer, data, len };
    evf__sim_settle(peer->sim, is_found, &until);
    if (is_excused(peer))
        return !peer->sim->failed;
    const uint8_t *found = find(&until);
    if (found != NULL) {
        expected(peer, (size_t)(found - evf__sim_bytes_at(&peer->out)) + len);
        return true;
    }
    snprintf(wanted, sizeof wanted, "something with %s in it",
             evf__sim_quote(data, len, SHOWN, quoted, sizeof quoted));
    return missed(peer, wanted, peer->out.len);
}

static bool nothing_more(const evf_sim_peer *peer)
{
    return peer->out.len == 0 || peer->ignores;
}

bool evf_sim_expect_nothing(evf_sim_peer *peer)
{
    wait_for(peer, SIZE_MAX);
    if (is_excused(peer))
        return !peer->sim->failed;
    return nothing_more(peer) || missed(peer, "nothing", 0);
}

bool evf_sim_expect_end(evf_sim_peer *peer)
{
    wait_for(peer, SIZE_MAX);
    if (is_excused(peer))
        return !peer->sim->failed;
    return (nothing_more(peer) && peer->end_seen) || missed(peer, "the end", 0);
}

bool evf_sim_expect_closed(evf_sim_peer *peer)
{
    wait_for(peer, SIZE_MAX);
    if (is_excused(peer))
        return !peer->sim->failed;
    return (nothing_more(peer) && peer->gone) || missed(peer, "that the connection is closed", 0);
}

bool evf_sim_expect_reset(evf_sim_peer *peer)
{
    wait_for(peer, SIZE_MAX);
    if (is_excused(peer))
        return !peer->sim->failed;
    return (nothing_more(peer) && peer->reset_seen) ||
           missed(peer, "that the connection is reset", 0);
}

void evf_sim_ignore(evf_sim_peer *peer)
{
    peer->ignores = true;
}

const uint8_t *evf_sim_received(evf_sim_peer *peer, size_t *ret_len)
{
    wait_for(peer, SIZE_MAX);
    *ret_len = peer->out.len;
    return evf__sim_bytes_at(&peer->out);
}

void evf_sim_take(evf_sim_peer *peer, size_t len)
{
    evf__sim_bytes_take(&peer->out, len < peer->out.len ? len : peer->out.len);
}
