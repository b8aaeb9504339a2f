/* SPDX-License-Identifier: MIT
 *
 * Name look-ups through the launcher, with real name servers on loopback.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "names.h"
#include "peer.h"
#include "server.h"

static const char zone[] = "127.0.0.1 v4.zone.test both.zone.test\n"
                           "::1 v6.zone.test both.zone.test\n";

static void ask(int peer, const char *question, const char *answer)
{
    peer_send_text(peer, question);
    peer_expect_text(peer, answer);
}

static struct server *server_asking(const char *workers, const char *servers)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", workers, "--dns-server", servers, "--listen",
                       test_listen("127.0.0.1:0", "resolve", NULL) },
    });
}

/* What is told about `name` begins with that, and nothing else is waited for. */
static void ask_long(int peer, const char *question, char *ret_answer, size_t size)
{
    peer_send_text(peer, question);
    peer_read_line(peer, ret_answer, size);
}

static unsigned long ask_ttl(int peer, const char *question)
{
    char line[64];

    ask_long(peer, question, line, sizeof line);
    cr_assert(strncmp(line, "ttl ", 4) == 0, "%s", line);
    return strtoul(line + 4, NULL, 10);
}

Test(resolve, answers_addresses_and_localhost_without_asking_anybody)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve 192.0.2.7 any\n", "192.0.2.7 ok 192.0.2.7\n");
    ask(peer, "resolve 192.0.2.7 6\n", "192.0.2.7 ENOADDRESS\n");
    ask(peer, "resolve 2001:db8::7 any\n", "2001:db8::7 ok 2001:db8::7\n");
    ask(peer, "resolve fe80::1%lo 6\n", "fe80::1%lo ok fe80::1\n");
    ask(peer, "resolve localhost any\n", "localhost ok ::1 127.0.0.1\n");
    ask(peer, "resolve LocalHost. 4\n", "LocalHost. ok 127.0.0.1\n");
    ask(peer, "resolve a.b.localhost 6\n", "a.b.localhost ok ::1\n");
    cr_expect_eq(names_asked(names, ""), 0);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, asks_name_servers_for_each_family)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve v4.zone.test any\n", "v4.zone.test ok 127.0.0.1\n");
    ask(peer, "resolve v6.zone.test any\n", "v6.zone.test ok ::1\n");
    ask(peer, "resolve both.zone.test any\n", "both.zone.test ok ::1 127.0.0.1\n");
    ask(peer, "resolve v4.zone.test 6\n", "v4.zone.test ENOADDRESS\n");
    ask(peer, "resolve no.zone.test any\n", "no.zone.test ENONAME\n");
    ask(peer, "resolve no.zone.test 4\n", "no.zone.test ENONAME\n");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, refuses_what_cannot_be_a_host)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = "127.0.0.1 a_b.zone.test" });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));
    char label[65], name[300] = "", line[600];

    memset(label, 'x', 64);
    label[64] = '\0';
    ask(peer, "resolve a..b any\n", "a..b at once EINVAL\n");
    ask(peer, "resolve .a any\n", ".a at once EINVAL\n");
    ask(peer, "resolve . any\n", ". at once EINVAL\n");
    ask(peer, "resolve a\x01z any\n", "a\x01z at once EINVAL\n");
    ask(peer, "resolve a/b any\n", "a/b at once EINVAL\n");
    ask(peer, "resolve [::1] any\n", "[::1] at once EINVAL\n");
    ask(peer, "resolve a.zone.test 5\n", "a.zone.test at once EINVAL\n");
    ask(peer, test_text("resolve %s.test any\n", label),
        test_text("%s.test at once EINVAL\n", label));
    for (unsigned i = 0; i < 51; i++)
        strcat(name, "abcd.");
    ask_long(peer, test_text("resolve %s any\n", name), line, sizeof line);
    cr_expect(strstr(line, " at once ENAMETOOLONG") != NULL, "%s", line);
    strcpy(name + 248, ".test.");
    ask_long(peer, test_text("resolve %s any\n", name), line, sizeof line);
    cr_expect(strstr(line, " ENONAME") != NULL, "253 bytes and a dot: %s", line);
    ask(peer, "resolve a_b.zone.test 4\n", "a_b.zone.test ok 127.0.0.1\n");
    ask(peer, "resolve hidden.onion any\n", "hidden.onion ENONAME\n");
    cr_expect_eq(names_asked(names, "[A] hidden.onion"), 0);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

/* Aliases are followed to their end, and the least time to live of the chain counts. */
Test(resolve, follows_aliases)
{
    struct names *names = names_start(&(struct names_spec){
        .hosts = zone,
        .options = "cname=first.zone.test,second.zone.test,300\n"
                   "cname=second.zone.test,both.zone.test,30\n",
    });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve first.zone.test any\n", "first.zone.test ok ::1 127.0.0.1\n");
    unsigned long ttl = ask_ttl(peer, "ttl first.zone.test 4\n");
    cr_expect(ttl > 0 && ttl <= 30000, "%lu", ttl);
    ttl = ask_ttl(peer, "ttl first.zone.test any\n");
    cr_expect(ttl > 0 && ttl <= 30000, "%lu", ttl);
    ask(peer, "resolve both.zone.test any\n", "both.zone.test ok ::1 127.0.0.1\n");
    ttl = ask_ttl(peer, "ttl both.zone.test 4\n");
    cr_expect(ttl > 0 && ttl <= 60000, "%lu", ttl);
    ask(peer, "ttl never.zone.test any\n", "ttl 0\n");
    ask(peer, "ttl 192.0.2.1 any\n", "ttl 4294967295\n");
    ask(peer, "ttl localhost any\n", "ttl 4294967295\n");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, keeps_answers_for_their_time_to_live)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    for (unsigned i = 0; i < 5; i++)
        ask(peer, "resolve v4.zone.test 4\n", "v4.zone.test ok 127.0.0.1\n");
    ask(peer, "resolve V4.Zone.TEST 4\n", "V4.Zone.TEST ok 127.0.0.1\n");
    cr_expect_eq(names_asked(names, ""), 1);
    cr_expect_eq(server_figure(server, "lookup_cache_hits"), 5);
    cr_expect_eq(server_figure(server, "dns_queries"), 1);
    cr_expect_eq(server_figure(server, "lookups"), 6);
    /* Without an SOA nobody knows for how long there is no such name. */
    ask(peer, "resolve no.zone.test 4\n", "no.zone.test ENONAME\n");
    ask(peer, "resolve no.zone.test 4\n", "no.zone.test ENONAME\n");
    cr_expect_eq(names_asked(names, "[A] no.zone.test"), 2);
    cr_expect_eq(server_figure(server, "lookups_failed"), 0);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, keeps_that_there_is_nothing_as_the_authority_says)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone, .authority = true });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    for (unsigned i = 0; i < 3; i++) {
        ask(peer, "resolve no.zone.test 4\n", "no.zone.test ENONAME\n");
        ask(peer, "resolve v4.zone.test 6\n", "v4.zone.test ENOADDRESS\n");
        ask(peer, "resolve not.ours.test 4\n", "not.ours.test EDNS\n");
    }
    cr_expect_eq(names_asked(names, "[A] no.zone.test"), 1);
    cr_expect_eq(names_asked(names, "[AAAA] v4.zone.test"), 1);
    cr_expect_geq(names_asked(names, "[A] not.ours.test"), 3, "failures are not kept");
    cr_expect_eq(server_figure(server, "lookups_failed"), 3);
    unsigned long ttl = ask_ttl(peer, "ttl no.zone.test 4\n");
    cr_expect(ttl > 0 && ttl <= 60000, "%lu", ttl);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

/* Both what is there and what is not: a second later it is asked for again. */
Test(resolve, asks_again_when_the_time_to_live_is_over)
{
    struct names *names = names_start(
        &(struct names_spec){ .hosts = "127.0.0.1 v4.zone.test", .authority = true, .ttl = 1 });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));
    uint64_t deadline = deadline_usual();
    char line[128] = "";

    ask(peer, "resolve v4.zone.test 4\n", "v4.zone.test ok 127.0.0.1\n");
    ask(peer, "resolve new.zone.test 4\n", "new.zone.test ENONAME\n");
    names_change(names, "127.0.0.9 v4.zone.test new.zone.test\n");
    while (strcmp(line, "v4.zone.test ok 127.0.0.9") != 0) {
        cr_assert(deadline_left(deadline) > 0, "still %s", line);
        ask_long(peer, "resolve v4.zone.test 4\n", line, sizeof line);
    }
    while (strcmp(line, "new.zone.test ok 127.0.0.9") != 0) {
        cr_assert(deadline_left(deadline) > 0, "still %s", line);
        ask_long(peer, "resolve new.zone.test 4\n", line, sizeof line);
    }
    cr_expect_leq(names_asked(names, "[A] v4.zone.test"), 2 + deadline_usual() / 1000);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

static unsigned count_words(const char *line)
{
    unsigned count = 1;

    for (; *line != '\0'; line++)
        count += *line == ' ';
    return count;
}

/* 26 addresses do not fit into a datagram of 512 bytes; of 40, the first 32 are taken. */
Test(resolve, takes_long_answers_over_TCP)
{
    char hosts[8192] = "", line[4096];
    size_t len = 0;

    for (unsigned i = 1; i <= 40; i++)
        len += (size_t)snprintf(hosts + len, sizeof hosts - len, "2001:db8::%x huge.zone.test%s\n",
                                i, i <= 26 ? " long.zone.test" : "");
    struct names *names = names_start(&(struct names_spec){ .hosts = hosts });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask_long(peer, "resolve long.zone.test 6\n", line, sizeof line);
    cr_expect_eq(count_words(line), 2 + 26, "%s", line);
    for (unsigned i = 1; i <= 26; i++) {
        const char *address = test_text(" 2001:db8::%x", i);
        const char *at = strstr(line, address);

        while (at != NULL && at[strlen(address)] != ' ' && at[strlen(address)] != '\0')
            at = strstr(at + 1, address);
        cr_expect(at != NULL, "%s is missing in %s", address, line);
    }
    ask_long(peer, "resolve huge.zone.test any\n", line, sizeof line);
    cr_expect_eq(count_words(line), 2 + 32, "%s", line);
    cr_expect_geq(names_asked(names, "[AAAA] long.zone.test"), 2,
                  "there was no second, longer way");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, tells_failing_servers_from_missing_names)
{
    struct names *names = names_start_odd();
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve servfail.test any\n", "servfail.test EDNS\n");
    ask(peer, "resolve refused.test any\n", "refused.test EDNS\n");
    ask(peer, "resolve formerr.test any\n", "formerr.test EDNS\n");
    ask(peer, "resolve nxdomain.test any\n", "nxdomain.test ENONAME\n");
    ask(peer, "resolve empty.test any\n", "empty.test ENOADDRESS\n");
    for (unsigned i = 0; i < 200; i++) { /* random bytes: whatever comes, it comes */
        char line[2048];

        ask_long(peer, test_text("resolve garbage%u.test any\n", i), line, sizeof line);
    }
    ask(peer, "resolve fine.test any\n", "fine.test ok ::1 127.0.0.1\n");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, fails_at_once_when_no_server_is_there)
{
    struct names *names = names_start_odd();
    const char *address = names_address(names);

    names_stop(names);
    struct server *server = server_asking("1", address);
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve some.test any\n", "some.test EDNS\n");
    peer_close(peer);
    server_stop_cleanly(server);
}

/* One that is not there, and one that is silent. */
Test(resolve, asks_the_next_server)
{
    struct names *gone = names_start_odd(), *silent = names_start_odd();
    const char *gone_address = names_address(gone);
    struct names *names =
        names_start(&(struct names_spec){ .hosts = "127.0.0.1 silent.zone.test" });

    names_stop(gone);
    struct server *server = server_asking(
        "1", test_text("%s,%s,%s", gone_address, names_address(silent), names_address(names)));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve silent.zone.test 4\n", "silent.zone.test ok 127.0.0.1\n");
    cr_expect_geq(names_asked(silent, "[A] silent.zone.test"), 1);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(silent);
    names_stop(names);
}

Test(resolve, gives_up_in_time_when_the_server_is_silent)
{
    struct names *names = names_start_odd();
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--dns-server", names_address(names), "--dns-timeout",
                       "600ms", "--listen", test_listen("127.0.0.1:0", "resolve", NULL) },
    });
    int peer = peer_connect(server_address(server, 0));
    uint64_t began = clock_ms();

    ask(peer, "resolve silent.test any\n", "silent.test ETIMEDOUT\n");
    uint64_t took = clock_ms() - began;
    cr_expect(took >= 300 && took <= 600 + 400 * test_slowness(), "%d ms", (int)took);
    cr_expect_geq(names_asked(names, "[A] silent.test"), 2, "it was asked once only");
    cr_expect_eq(server_figure(server, "lookups_failed"), 2);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

/* An answer that comes after the question was sent again still counts. */
Test(resolve, waits_for_slow_servers)
{
    struct names *names = names_start_odd();
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve slow-300.test any\n", "slow-300.test ok ::1 127.0.0.1\n");
    ask(peer, "resolve slow-1200.test any\n", "slow-1200.test ok ::1 127.0.0.1\n");
    cr_expect_geq(names_asked(names, "[A] slow-1200.test"), 2);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, shares_one_query_among_equal_look_ups)
{
    struct names *names = names_start_odd();
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));
    int other = peer_connect(server_address(server, 0));

    peer_send_text(peer, "same 100 slow-200.test\n");
    peer_send_text(other, "same 100 SLOW-200.Test\n");
    peer_expect_text(peer, "same 100 0\n");
    peer_expect_text(other, "same 100 0\n");
    cr_expect_eq(names_asked(names, "[A] slow-200.test"), 1);
    cr_expect_eq(names_asked(names, "[AAAA] slow-200.test"), 1);
    peer_close(peer);
    peer_close(other);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, lets_look_ups_be_begun_and_ended_in_answers)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "again v4.zone.test 4\n",
        "v4.zone.test ok 127.0.0.1\nagain v4.zone.test ok 127.0.0.1\n");
    ask(peer, "again 192.0.2.1 any\n", "192.0.2.1 ok 192.0.2.1\nagain 192.0.2.1 ok 192.0.2.1\n");
    ask(peer, "rival v6.zone.test any\n", "rival ok ::1\n");
    ask(peer, "rival v6.zone.test any\n", "rival ok ::1\n"); /* kept by now */
    ask(peer, "rival localhost any\n", "rival ok ::1 127.0.0.1\n");
    ask(peer, "cancel v4.zone.test any\n", "canceled\n");
    ask(peer, "cancel other.zone.test any\n", "canceled\n");
    ask(peer, "cancel localhost any\n", "canceled\n");
    ask(peer, "echo end\n", "end\n");
    cr_expect_eq(names_asked(names, "[A] other.zone.test"), 0, "nobody waited for it");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, leaves_nothing_behind_after_many_look_ups_of_which_a_third_is_canceled)
{
    unsigned count = test_scaled(10000), succeeded = 0, failed = 0;
    struct names *names = names_start(&(struct names_spec){
        .options = "address=/burst.test/127.0.0.1\naddress=/burst.test/::1\n" });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));
    char line[128];

    ask_long(peer, test_text("burst %u .burst.test\n", count), line, sizeof line);
    cr_assert_eq(sscanf(line, "burst %u %u", &succeeded, &failed), 2, "%s", line);
    cr_expect_eq(failed, 0, "%s", line);
    cr_expect(succeeded >= count - count / 3 - 2 && succeeded < count - count / 6 - 2, "%s", line);
    ask(peer, "echo end\n", "end\n");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

/* Many look-ups wait for a server that never answers, and the same worker serves on. At the stop
 * each of them is told so, before worker_stop. */
Test(resolve, serves_on_while_look_ups_are_pending_and_ends_them_at_the_stop)
{
    enum { PENDING = 3000, ROUNDS = 5000 };
    struct names *names = names_start_odd();
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--dns-server", names_address(names), "--dns-timeout",
                       "10m", "--listen", test_listen("127.0.0.1:0", "resolve", NULL) },
    });
    int asking = peer_connect(server_address(server, 0));
    int peer = peer_connect(server_address(server, 0));
    char line[256];

    for (unsigned i = 0; i < PENDING; i++)
        peer_send_text(asking, test_text("silent silent%u.test any\n", i));
    ask(asking, "echo asked\n", "asked\n");
    names_wait_asked(names, "[A] silent0.test", 1);
    for (unsigned i = 0; i < test_scaled(ROUNDS); i++)
        ask(peer, "echo hello\n", "hello\n");
    cr_expect_eq(server_figure(server, "told"), 0, "look-ups ended already");
    cr_expect_leq(server_figure(server, "dns_queries"), 256, "more queries than there are places");
    peer_close(peer);
    peer_close(asking);
    server_wait_figure(server, "streams", 0);
    server_signal(server, SIGTERM);
    server_wait_ended(server, 0);
    server_log_line(server, "event 0 worker_stop", line, sizeof line);
    cr_expect(strstr(line, "worker_stop ESHUTDOWN after 3000 canceled;") != NULL, "%s", line);
    server_ended(server, 0);
    names_stop(names);
}

Test(resolve, may_be_asked_in_worker_start)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone });
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "3", "--dns-server", names_address(names), "--listen",
                       test_listen("127.0.0.1:0", "resolve", "start=both.zone.test") },
    });

    server_wait_log_count(server, "event 0 both.zone.test ok ::1 127.0.0.1;", 3);
    server_signal(server, SIGTERM); /* what was open at the start may have been the look-up's */
    server_ended(server, 0);
    names_stop(names);
}

/* c-ares cannot open a socket: that is an answer, and it is over when it is over. */
Test(resolve, fails_without_descriptors_and_recovers)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));
    struct rlimit none = { 3, 3 }, before;

    ask(peer, "resolve localhost 4\n", "localhost ok 127.0.0.1\n");
    ask(peer, "resolve no.zone.test 4\n", "no.zone.test ENONAME\n"); /* the hosts file is read */
    cr_assert_eq(prlimit(server_pid(server), RLIMIT_NOFILE, NULL, &before), 0);
    none.rlim_max = before.rlim_max;
    cr_assert_eq(prlimit(server_pid(server), RLIMIT_NOFILE, &none, NULL), 0);
    ask(peer, "resolve v4.zone.test any\n", "v4.zone.test EDNS\n");
    ask(peer, "same 500 v4.zone.test\n", "same 0 500\n");
    ask(peer, "burst 600 .zone.test\n", "burst 0 400\n");
    cr_assert_eq(prlimit(server_pid(server), RLIMIT_NOFILE, &before, NULL), 0);
    ask(peer, "resolve v4.zone.test any\n", "v4.zone.test ok 127.0.0.1\n");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, asks_servers_over_IPv6)
{
    struct names *names =
        names_start(&(struct names_spec){ .hosts = zone, .options = "listen-address=::1\n" });
    struct server *server = server_asking("1", test_text("[::1]:%u", names_port(names)));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve v4.zone.test any\n", "v4.zone.test ok 127.0.0.1\n");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

/* The start fails on another listener while a look-up is under way: it is ended like all. */
Test(resolve, is_ended_when_the_start_fails)
{
    struct names *names = names_start_odd();
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "--workers", "2", "--dns-server", names_address(names), "--listen",
                       test_listen("127.0.0.1:0", "resolve", "start=silent.test"), "--listen",
                       test_listen("127.0.0.1:0", "starter", "fail=worker_start") } });

    cr_expect_eq(result.status, 1, "%s", result.errors);
    cr_expect(strstr(result.errors, "silent.test ECANCELED;") != NULL, "%s", result.errors);
    cr_expect(strstr(result.errors, "Sanitizer") == NULL, "%s", result.errors);
    names_stop(names);
}
