/* SPDX-License-Identifier: MIT
 *
 * Asking name servers by c-ares: a channel made from the settings, one question at a time.
 *
 * A channel belongs to one thread; c-ares may call back inside a call.
 */
#ifndef EVF_LOOP_DNS_H
#define EVF_LOOP_DNS_H

#include <ares.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/dns_answer.h"
#include "loop/dns_name.h"
#include "loop/resolver.h"

struct evf__dns {
    ares_channel channel;
    struct evf__dns_domains domains;
};

/* Reads resolv.conf (blocking) and makes the channel. `watch`, which may be NULL, is told what to
 * wait for. 0, EVF_EOPTION for servers that are no addresses, -ENOMEM, or EVF_EDNS when c-ares
 * cannot be set up. */
int evf__dns_open(struct evf__dns *ret, const struct evf__resolver_settings *settings,
                  ares_sock_state_cb watch, void *argument);
/* Calls back for every question under way, with ARES_EDESTRUCTION. */
void evf__dns_close(struct evf__dns *dns);

/* Asks for the addresses of one family; done is called once, perhaps before this returns. */
void evf__dns_ask(struct evf__dns *dns, const char *name, int family, ares_callback done,
                  void *argument);

/* Turns what c-ares called back with into an answer; its status may be -ETIMEDOUT or -ENOMEM, too.
 */
void evf__dns_result(int status, const unsigned char *packet, int len, int family,
                     struct evf__dns_answer *ret);

/* Has the channel use sockets of our own (dns_sockets.c). */
void evf__dns_own_sockets(ares_channel channel);

/* The address of a family from the bytes of a record; port 0. */
void evf__dns_address(const uint8_t bytes[16], int family, struct sockaddr_storage *ret);

/* The time for a look-up in the settings, or its default. */
static inline uint32_t evf__dns_timeout(const struct evf__resolver_settings *settings)
{
    return settings->timeout_ms != 0 ? settings->timeout_ms : EVF__DNS_TIMEOUT_MS;
}

#endif
