/* SPDX-License-Identifier: MIT
 *
 * Name servers for tests: dnsmasq with a zone of the test's own, and a stand-in for servers that
 * misbehave. Both on a free port of 127.0.0.1, as children that die with the test.
 *
 *     struct names *names = names_start(&(struct names_spec){
 *         .hosts = "127.0.0.1 v4.zone.test both.zone.test\n"
 *                  "::1 v6.zone.test both.zone.test\n",
 *     });
 *     … "--dns-server", names_address(names) …
 *     names_stop(names);
 */
#ifndef EVF_TESTS_SUPPORT_NAMES_H
#define EVF_TESTS_SUPPORT_NAMES_H

#include <stdbool.h>

#include "check.h"

struct names; /* made by the two starts; freed by names_stop */

struct names_spec {
    const char *hosts;   /* its addresses and names, in the form of a hosts file */
    const char *options; /* more lines of its configuration, such as cname=a.zone.test,b.zone.test,5
                          * (an alias of an alias stands before that) */
    unsigned ttl;        /* of what `hosts` says, in seconds; 0: 60 */
    bool authority;      /* speaks for zone.test and refuses the rest: what does not exist comes
                          * with an SOA of that ttl. Else: of all names, without any SOA */
    unsigned port;       /* 0: a free one */
};

/* Starts dnsmasq and waits until it serves. */
struct names *names_start(const struct names_spec *spec);
#define names_start(...) SUPPORT_HERE((names_start)(__VA_ARGS__))

/* Starts the stand-in, UDP only. What it does depends on the name's first label:
 *
 *   silent…           nothing
 *   slow-N…           answers after N ms
 *   slow4-N… slow6-N… the same for A, or AAAA, alone
 *   servfail… refused… formerr… nxdomain…   says so at once
 *   garbage…          random bytes behind a proper header
 *   empty…            no record and no SOA
 *   anything else     A 127.0.0.1, AAAA ::1, each with a TTL of 60 s
 */
struct names *names_start_odd(void);
#define names_start_odd(...) SUPPORT_HERE((names_start_odd)(__VA_ARGS__))

/* 127.0.0.1:PORT, for --dns-server; lives as long as the test. */
const char *names_address(const struct names *names);
unsigned names_port(const struct names *names);

/* Other addresses for dnsmasq; waits until it knows them. */
void names_change(struct names *names, const char *hosts);
#define names_change(...) SUPPORT_HERE((names_change)(__VA_ARGS__))

/* How often it was asked for that, such as "[A] v4.zone.test"; "" counts every question. */
unsigned names_asked(struct names *names, const char *question);

/* Waits until it was asked for that at least so often. */
void names_wait_asked(struct names *names, const char *question, unsigned count);
#define names_wait_asked(...) SUPPORT_HERE((names_wait_asked)(__VA_ARGS__))

void names_stop(struct names *names);

#endif
