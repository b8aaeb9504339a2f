/* SPDX-License-Identifier: MIT
 *
 * Hosts with several addresses, some of which are dead (RFC 8305), in a network of the test's own
 * with its own name server.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dialler.h"
#include "names.h"
#include "netns.h"

/* Addresses of the documentation's networks, which each test makes what it needs. */
#define DEAD6 "2001:db8:ffff::99"
#define DEAD6_TOO "2001:db8:ffff::98"
#define DEAD4 "198.51.100.99"
#define LIVE4 "192.0.2.10"
#define LIVE6 "2001:db8::10"

static struct dialler with_names(const struct names *names, const char *listen)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--dns-server", names_address(names), "--dns-timeout",
                       "2s", "--log-level", "debug", "--listen",
                       test_listen("127.0.0.1:0", "connect", NULL) },
    });

    return dialler_with(server, listen);
}

/* Dials the name; it must open within so many ms, and never before the least. On a busy machine it
 * may try again. */
static void expect_open_within(struct dialler *d, const char *host, unsigned least_ms,
                               unsigned most_ms)
{
    for (unsigned tries = 1;; tries++) {
        uint64_t begun_ms = clock_ms(), took_ms;

        dialler_say(d, "dial a host=%s port=%u", host, d->port);
        dialler_expect(d, "a connect ok");
        dialler_expect(d, "a open");
        took_ms = clock_ms() - begun_ms;
        cr_assert_geq(took_ms, least_ms, "it took %u ms", (unsigned)took_ms);
        if (took_ms <= most_ms * test_slowness())
            return;
        cr_assert_lt(tries, 3, "it took %u ms", (unsigned)took_ms);
        dialler_say(d, "close a");
        dialler_expect(d, "a close ok");
    }
}

/* It is connected to that address; then all ends. */
static void expect_peer(struct dialler *d, struct names *names, const char *address)
{
    dialler_say(d, "facts a");
    dialler_expect_begin(d, "a facts open ");
    cr_assert_not_null(strstr(d->line, test_text("peer=%s %u ", address, d->port)), "%s", d->line);
    dialler_say(d, "close a");
    dialler_expect(d, "a close ok");
    dialler_finish(d);
    names_stop(names);
}

Test(eyeballs, a_silent_ipv6_address_costs_no_more_than_350_ms)
{
    netns_enter();
    netns_own(LIVE4);
    netns_silent(DEAD6);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = DEAD6 " host.test\n" LIVE4 " host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");

    expect_open_within(&d, "host.test", 250, 350);
    cr_assert_eq(server_figure(d.server, "connect_attempts") % 2, 0);
    expect_peer(&d, names, LIVE4);
}

Test(eyeballs, the_delay_is_the_plugins_to_choose)
{
    netns_enter();
    netns_own(LIVE4);
    netns_silent(DEAD6);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = DEAD6 " host.test\n" LIVE4 " host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");
    uint64_t begun_ms = clock_ms();

    dialler_say(&d, "dial a host=host.test port=%u delay=700", d.port);
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a open");
    cr_assert_geq(clock_ms() - begun_ms, 700);
    expect_peer(&d, names, LIVE4);
}

Test(eyeballs, ipv6_is_preferred)
{
    netns_enter();
    netns_own(LIVE4);
    netns_own(LIVE6);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = LIVE4 " host.test\n" LIVE6 " host.test\n" });
    struct dialler d = with_names(names, "[" LIVE6 "]:0");

    expect_open_within(&d, "host.test", 0, 200);
    cr_assert_eq(server_figure(d.server, "connect_attempts"), server_figure(d.server, "connects"));
    expect_peer(&d, names, LIVE6);
}

Test(eyeballs, a_refused_ipv6_address_costs_nothing)
{
    netns_enter();
    netns_own(LIVE4);
    netns_own(LIVE6);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = LIVE4 " host.test\n" LIVE6 " host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");

    expect_open_within(&d, "host.test", 0, 200);
    cr_assert_eq(server_figure(d.server, "connect_attempts") % 2, 0);
    expect_peer(&d, names, LIVE4);
}

Test(eyeballs, an_unreachable_ipv6_address_costs_nothing)
{
    netns_enter();
    netns_own(LIVE4);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = LIVE4 " host.test\n2001:db8:1::1 host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");

    expect_open_within(&d, "host.test", 0, 200);
    expect_peer(&d, names, LIVE4);
}

Test(eyeballs, a_family_that_was_asked_for_is_the_only_one_tried)
{
    netns_enter();
    netns_own(LIVE4);
    netns_silent(DEAD6);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = DEAD6 " host.test\n" LIVE4 " host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");

    dialler_say(&d, "dial b host=host.test port=%u bind=" LIVE4, d.port);
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b open");
    cr_assert_eq(names_asked(names, "[AAAA] host.test"), 0);
    dialler_say(&d, "close b");
    dialler_expect(&d, "b close ok");
    expect_open_within(&d, test_text("host.test family=4"), 0, 200);
    expect_peer(&d, names, LIVE4);
}

Test(eyeballs, all_dead_is_one_error_within_the_time)
{
    netns_enter();
    netns_silent(DEAD6);
    netns_silent(DEAD6_TOO);
    netns_silent(DEAD4);
    netns_own(LIVE4);
    struct names *names = names_start(
        &(struct names_spec){ .hosts = DEAD6 " host.test\n" DEAD6_TOO " host.test\n" DEAD4
                                             " host.test\n" LIVE4 " host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");
    uint64_t begun_ms = clock_ms(), took_ms;

    dialler_say(&d, "dial a host=host.test port=1 timeout=1200 delay=100; write a lost");
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a write queued");
    dialler_expect_begin(&d, "a close ETIMEDOUT: connect to host.test:1: [2001:db8:ffff::9");
    took_ms = clock_ms() - begun_ms;
    cr_assert_geq(took_ms, 1200);
    cr_assert_leq(took_ms, 1200 + 500 * test_slowness());
    cr_assert_not_null(strstr(d.line, "[" DEAD6 "]:1: Connection timed out"), "%s", d.line);
    cr_assert_not_null(strstr(d.line, "[" DEAD6_TOO "]:1: Connection timed out"), "%s", d.line);
    cr_assert_not_null(strstr(d.line, DEAD4 ":1: Connection timed out"), "%s", d.line);
    cr_assert_not_null(strstr(d.line, LIVE4 ":1: Connection refused"), "%s", d.line);
    cr_assert_not_null(strstr(d.line, "; not connected within 1200 ms"), "%s", d.line);
    cr_assert_eq(server_figure(d.server, "connect_attempts"), 4);
    cr_assert_geq(server_log_count(d.server, "connect to host.test:1: [2001:db8:ffff::9"), 2,
                  "in the log for those who want details, and told by the plugin");
    dialler_finish(&d);
    names_stop(names);
}

Test(eyeballs, all_refused_is_one_error_at_once)
{
    netns_enter();
    netns_own(LIVE4);
    netns_own(LIVE6);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = LIVE4 " host.test\n" LIVE6 " host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");

    dialler_say(&d, "dial a host=host.test port=1 timeout=60000 delay=60000");
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a close Connection refused: connect to host.test:1: [" LIVE6
                       "]:1: Connection refused; " LIVE4 ":1: Connection refused");
    dialler_finish(&d);
    names_stop(names);
}

/* -- answers that come late; the stand-in's hosts are 127.0.0.1 and ::1 -- */

Test(eyeballs, late_ipv6_addresses_are_waited_for_50_ms)
{
    netns_enter();
    struct names *names = names_start_odd();
    struct dialler d = with_names(names, "127.0.0.1:0");

    expect_open_within(&d, "slow6-1500.test", 50, 300);
    expect_peer(&d, names, "127.0.0.1");
}

Test(eyeballs, late_ipv4_addresses_are_not_waited_for)
{
    netns_enter();
    struct names *names = names_start_odd();
    struct dialler d = with_names(names, "[::1]:0");

    expect_open_within(&d, "slow4-1500.test", 0, 200);
    expect_peer(&d, names, "::1");
}

Test(eyeballs, late_addresses_join_the_race)
{
    netns_enter();
    struct names *names = names_start_odd();
    struct dialler d = with_names(names, "127.0.0.1:0");
    int second, waiting[4];
    char address[64];

    /* IPv4 does not answer; on the same port of IPv6 there is somebody. */
    dialler_fill(&d, waiting);
    second = peer_listen(test_text("[::1]:%u", d.port), address, sizeof address);
    expect_open_within(&d, "slow6-600.test", 600, 2000); /* the look-up is not repeated */
    dialler_unfill(waiting);
    expect_peer(&d, names, "::1");
    peer_close(second);
}

/* -- while looking up -- */

Test(eyeballs, a_look_up_that_is_not_answered_is_under_the_time_too)
{
    netns_enter();
    struct names *names = names_start_odd();
    struct dialler d = with_names(names, "127.0.0.1:0");

    dialler_say(&d, "dial a host=silent.test port=80 timeout=300; facts a; write a lost");
    dialler_expect(&d, "a connect ok");
    dialler_expect_begin(&d, "a facts opening silent.test:80 peer=ENOTCONN");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d,
                   "a close ETIMEDOUT: connect to silent.test:80: looking up its IPv6 addresses; "
                   "looking up its IPv4 addresses; not connected within 300 ms");
    dialler_finish(&d);
    names_stop(names);
}

Test(eyeballs, a_close_during_the_look_up_cancels_it)
{
    netns_enter();
    struct names *names = names_start_odd();
    struct dialler d = with_names(names, "127.0.0.1:0");

    dialler_say(&d, "dial a host=silent.test port=80; write a lost; end a");
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d, "a write queued");
    dialler_expect(&d, "a end ok");
    names_wait_asked(names, "", 2);
    dialler_say(&d, "close a");
    dialler_expect(&d, "a close ok: connect to silent.test:80: looking up its IPv6 addresses; "
                       "looking up its IPv4 addresses; given up before the connection stood");
    dialler_finish(&d);
    names_stop(names);
}

Test(eyeballs, errors_of_the_look_up_end_the_stream)
{
    netns_enter();
    struct names *names = names_start_odd();
    struct dialler d = with_names(names, "127.0.0.1:0");

    dialler_say(&d, "dial a host=nxdomain.test port=80");
    dialler_expect(&d, "a connect ok");
    dialler_expect(&d,
                   "a close the name does not exist: connect to nxdomain.test:80: the name does "
                   "not exist");
    dialler_say(&d, "dial b host=servfail.test port=80");
    dialler_expect(&d, "b connect ok");
    dialler_expect(&d, "b close the name servers did not give an answer: connect to "
                       "servfail.test:80: the name servers did not give an answer");
    dialler_say(&d, "dial c host=empty.test port=80");
    dialler_expect(&d, "c connect ok");
    dialler_expect(&d, "c close the name has no address of that kind: connect to empty.test:80: "
                       "the name has no address of that kind");
    dialler_say(&d, "dial e host=a..b port=80");
    dialler_expect(&d, "e connect EINVAL");
    dialler_finish(&d);
    names_stop(names);
}

/* -- and more that needs a network of its own -- */

/* With a single port to come from, a connect to that port finds itself. */
Test(eyeballs, a_connection_to_itself_counts_as_refused)
{
    netns_enter();
    struct names *names = names_start_odd();
    struct dialler d = with_names(names, "127.0.0.1:0");

    netns_set("net/ipv4/ip_local_port_range", "40000 40001");
    for (unsigned i = 0; i < 4; i++) {
        dialler_say(&d, "dial a host=127.0.0.1 port=%u", 40000 + i % 2);
        dialler_expect(&d, "a connect ok");
        dialler_expect(&d,
                       "a close Connection refused: connect to 127.0.0.1:%u: Connection refused",
                       40000 + i % 2);
    }
    dialler_finish(&d);
    names_stop(names);
}

Test(eyeballs, options_reach_sockets_that_connect_already)
{
    netns_enter();
    netns_own(LIVE4);
    netns_silent(DEAD6);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = DEAD6 " host.test\n" LIVE4 " host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");
    int waiting[4];

    dialler_fill(&d, waiting);
    dialler_say(&d, "dial a host=host.test port=%u delay=10", d.port);
    dialler_expect(&d, "a connect ok");
    server_wait_figure(d.server, "connect_attempts", 2);
    dialler_say(&d, "nodelay a 0; keepalive a 1 30 5 3; tos a 16");
    dialler_expect(&d, "a nodelay ok");
    dialler_expect(&d, "a keepalive ok");
    dialler_expect(&d, "a tos ok");
    dialler_unfill(waiting);
    dialler_empty(&d); /* the next SYN finds room */
    dialler_expect(&d, "a open");
    dialler_say(&d, "sockopts a");
    dialler_expect(&d, "a sockopts nodelay=0 keepalive=1,30,5,3 tos=16");
    expect_peer(&d, names, LIVE4);
}

Test(eyeballs, ten_thousand_connects_of_which_a_third_are_cancelled_leave_nothing_behind)
{
    netns_enter();
    netns_own(LIVE4);
    netns_own(LIVE6);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = LIVE4 " host.test\n" LIVE6 " host.test\n" });
    struct dialler d = with_names(names, LIVE4 ":0");
    struct dialler silent = dialler_with(d.server, LIVE4 ":0");
    unsigned count = test_scaled(10000);
    unsigned gone = 0, open = 0, cancelled = 0, failed = 0;
    int waiting[4];

    dialler_fill(&silent, waiting);
    dialler_say(&d, "flood f count=%u at_once=50 host=host.test port=%u silent=%u", count, d.port,
                silent.port);
    dialler_serve_until_line(&d);
    cr_assert_eq(sscanf(d.line, "f flooded %u open %u cancelled %u failed %u", &gone, &open,
                        &cancelled, &failed),
                 4, "%s", d.line);
    cr_assert_eq(gone, count);
    cr_assert_eq(failed, 0);
    cr_assert_eq(open + cancelled, count);
    cr_assert_geq(cancelled, count / 3);
    server_wait_figure(d.server, "connecting", 0);
    cr_assert_eq(server_figure(d.server, "connects_failed"), cancelled);
    dialler_unfill(waiting);
    close(silent.listening);
    peer_close(silent.control);
    dialler_finish(&d);
    names_stop(names);
}
