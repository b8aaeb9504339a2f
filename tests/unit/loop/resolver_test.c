/* SPDX-License-Identifier: MIT
 *
 * Questions of the framework to the resolver: sharing, cancelling, time, and answers once each.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../random.h"
#include "resolving.h"
#include "stream/turn.h"

TestSuite(resolver, .init = begin_resolving, .fini = end_resolving);

/* -- those who ask -- */

struct asker {
    struct evf__question question;
    unsigned told;
    int status;
    size_t count;
    uint32_t ttl_ms;
    struct sockaddr_storage first;
    struct asker *victim; /* canceled when this one is told */
};

static unsigned told_in_all;

static void on_answer(evf_worker *w, const struct evf__answer *answer, void *argument)
{
    struct asker *asker = argument;
    cr_assert_eq(w, worker);
    cr_assert_null(asker->question.lookup, "the question is idle");
    asker->told++;
    told_in_all++;
    asker->status = answer->status;
    asker->count = answer->count;
    asker->ttl_ms = answer->ttl_ms;
    if (answer->count > 0)
        asker->first = answer->addresses[0];
    if (asker->victim != NULL)
        evf__question_cancel(&asker->victim->question);
}

static void ask(struct asker *asker, const char *host, int family)
{
    unsigned before = told_in_all;
    cr_assert_eq(evf__resolver_ask(worker, &asker->question, host, family, on_answer, asker), 0);
    cr_assert_eq(told_in_all, before, "answered inside the call");
}

Test(resolver, shares_one_query_and_its_answer)
{
    struct asker first = { .told = 0 }, second = { .told = 0 }, other = { .told = 0 };
    ask(&first, "a.test", AF_INET);
    turn();
    cr_assert_eq(query_count, 1);
    ask(&second, "A.Test", AF_INET);
    ask(&other, "a.test", AF_INET6);
    TURN_UNTIL(query_count == 2);
    reply(queries[0].type == TYPE_A ? 0 : 1, 0, 2, 10);
    TURN_UNTIL(first.told == 1);
    cr_expect_eq(second.told, 1);
    cr_expect_eq(other.told, 0);
    cr_expect(first.status == 0 && first.count == 2 && second.status == 0 && second.count == 2);
    cr_expect(first.ttl_ms <= 10000 && first.ttl_ms > 5000, "%u", first.ttl_ms);
    reply(0, 0, 0, 0);
    TURN_UNTIL(other.told == 1);
    cr_expect_eq(other.status, EVF_ENOADDRESS);
    cr_expect_eq(queries_in_all, 2);
    cr_expect_eq(worker->wheel.count, 0, "a timer runs for nothing");
}

Test(resolver, answers_later_what_it_knows_at_once)
{
    static const struct {
        const char *host;
        int family, status;
        uint32_t ttl_ms;
        const char *address;
    } known[] = {
        { "192.0.2.1", AF_INET, 0, UINT32_MAX, "192.0.2.1" },
        { "192.0.2.1", AF_INET6, EVF_ENOADDRESS, UINT32_MAX, NULL },
        { "::1", AF_INET6, 0, UINT32_MAX, "::1" },
        { "localhost", AF_INET, 0, UINT32_MAX, "127.0.0.1" },
        { "x.localhost.", AF_INET6, 0, UINT32_MAX, "::1" },
        { "KNOWN", AF_INET, 0, EVF__HOSTS_TTL_MS, "127.0.0.5" },
        { "known.", AF_INET6, EVF_ENOADDRESS, EVF__HOSTS_TTL_MS, NULL },
        { "x.onion", AF_INET, EVF_ENONAME, 0, NULL },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct asker asker = { .told = 0 };
        char text[INET6_ADDRSTRLEN] = "";
        ask(&asker, known[i].host, known[i].family);
        cr_assert(evf__resolver_pending(worker));
        evf__turn(worker); /* would hang if it slept */
        cr_assert_eq(asker.told, 1, "%s", known[i].host);
        cr_expect_eq(asker.status, known[i].status, "%s", known[i].host);
        cr_expect(known[i].ttl_ms - asker.ttl_ms < 1000, "%s: %u", known[i].host, asker.ttl_ms);
        if (known[i].address == NULL)
            continue;
        const void *bytes = known[i].family == AF_INET
                                ? (void *)&((struct sockaddr_in *)&asker.first)->sin_addr
                                : (void *)&((struct sockaddr_in6 *)&asker.first)->sin6_addr;
        inet_ntop(known[i].family, bytes, text, sizeof text);
        cr_expect_str_eq(text, known[i].address);
    }
    cr_expect_eq(queries_in_all, 0);
}

Test(resolver, refuses_what_cannot_be_a_host)
{
    struct asker asker = { .told = 0 };
    static const char *const bad[] = { "", "..", "a b", "[::1]" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_eq(evf__resolver_ask(worker, &asker.question, bad[i], AF_INET, on_answer, &asker),
                     -EINVAL);
    cr_expect_not(evf__resolver_pending(worker));
}

Test(resolver, keeps_an_answer_for_its_time_and_not_longer)
{
    struct asker asker = { .told = 0 };
    ask(&asker, "a.test", AF_INET);
    TURN_UNTIL(query_count == 1);
    reply(0, 0, 1, 1);
    TURN_UNTIL(asker.told == 1);
    uint64_t since_ms = evf_now(worker);
    cr_expect_gt(evf_resolve_ttl(worker, "a.test", AF_INET), 0);
    while (evf_now(worker) < since_ms + 900) { /* kept: answered in the next turn */
        asker.told = 0;
        ask(&asker, "a.test", AF_INET);
        turn();
        cr_assert_eq(asker.told, 1);
        cr_assert_eq(queries_in_all, 1);
        poll(NULL, 0, 20);
    }
    TURN_UNTIL(evf_resolve_ttl(worker, "a.test", AF_INET) == 0);
    cr_expect_geq(evf_now(worker), since_ms + 1000);
    asker.told = 0;
    ask(&asker, "a.test", AF_INET);
    TURN_UNTIL(query_count == 1);
    reply(0, 0, 1, 1);
    TURN_UNTIL(asker.told == 1);
}

/* A time to live of 0 serves those who waited for it, and nobody else. */
Test(resolver, does_not_keep_what_has_no_time)
{
    struct asker first = { .told = 0 }, second = { .told = 0 }, third = { .told = 0 };
    ask(&first, "a.test", AF_INET);
    ask(&second, "a.test", AF_INET);
    TURN_UNTIL(query_count == 1);
    reply(0, 0, 1, 0);
    TURN_UNTIL(first.told == 1 && second.told == 1);
    ask(&third, "a.test", AF_INET);
    TURN_UNTIL(query_count == 1);
    reply(0, 0, 1, 0);
    TURN_UNTIL(third.told == 1);
    cr_expect_eq(queries_in_all, 2);
}

Test(resolver, can_be_canceled_before_the_query)
{
    struct asker first = { .told = 0 }, second = { .told = 0 };
    ask(&first, "a.test", AF_INET);
    evf__question_cancel(&first.question);
    evf__question_cancel(&first.question); /* idle: no effect */
    ask(&second, "b.test", AF_INET);
    TURN_UNTIL(query_count == 1);
    cr_expect_str_eq(queries[0].name, "b.test");
    reply(0, 0, 1, 10);
    TURN_UNTIL(second.told == 1);
    cr_expect_eq(first.told, 0);
}

/* Nobody waits any more, and the answer is kept all the same. */
Test(resolver, can_be_canceled_while_the_query_is_under_way)
{
    struct asker asker = { .told = 0 };
    ask(&asker, "a.test", AF_INET);
    TURN_UNTIL(query_count == 1);
    evf__question_cancel(&asker.question);
    reply(0, 0, 1, 10);
    TURN_UNTIL(evf_resolve_ttl(worker, "a.test", AF_INET) > 0);
    cr_expect_eq(asker.told, 0);
    ask(&asker, "a.test", AF_INET);
    turn();
    cr_expect_eq(asker.told, 1);
    cr_expect_eq(queries_in_all, 1);
}

/* Nobody waits any more after the first of two candidates: what is not known of the other one is
 * not kept either. */
Test(resolver, keeps_no_failure_of_a_search_that_was_given_up)
{
    struct asker asker = { .told = 0 };
    unmake_worker();
    cr_assert_eq(setenv("LOCALDOMAIN", "first.test", 1), 0);
    make_worker(10000);
    ask(&asker, "host", AF_INET);
    TURN_UNTIL(query_count == 1);
    cr_expect_str_eq(queries[0].name, "host.first.test");
    evf__question_cancel(&asker.question);
    reply_no_name(0, 60);
    TURN_UNTIL(worker->resolver->asking == 0);
    turn();
    ask(&asker, "host", AF_INET);
    TURN_UNTIL(asker.told == 1 || query_count == 1);
    cr_assert_eq(asker.told, 0, "answered without a look at the name as it stands");
    reply_no_name(0, 60);
    TURN_UNTIL(query_count == 1);
    cr_expect_str_eq(queries[0].name, "host");
    reply(0, 0, 1, 10);
    TURN_UNTIL(asker.told == 1);
    cr_expect_eq(asker.status, 0);
    cr_assert_eq(unsetenv("LOCALDOMAIN"), 0);
}

Test(resolver, can_be_canceled_when_the_answer_is_there_and_not_told)
{
    struct asker first = { .told = 0 }, second = { .told = 0 };
    ask(&first, "192.0.2.1", AF_INET);
    ask(&second, "192.0.2.1", AF_INET);
    evf__question_cancel(&first.question);
    turn();
    cr_expect_eq(first.told, 0);
    cr_expect_eq(second.told, 1);
}

Test(resolver, can_be_canceled_inside_another_answer)
{
    struct asker first = { .told = 0 }, second = { .told = 0 }, third = { .told = 0 };
    first.victim = &second;
    third.victim = &first; /* told already: idle */
    ask(&first, "a.test", AF_INET);
    ask(&second, "a.test", AF_INET);
    ask(&third, "a.test", AF_INET);
    TURN_UNTIL(query_count == 1);
    reply(0, 0, 1, 10);
    TURN_UNTIL(third.told == 1);
    cr_expect_eq(first.told, 1);
    cr_expect_eq(second.told, 0);
}

Test(resolver, asks_for_so_many_at_a_time_and_for_the_others_in_order)
{
    enum { ASKERS = EVF__DNS_QUERIES_MAX + 100 };
    static struct asker askers[ASKERS];
    char host[32];
    for (unsigned i = 0; i < ASKERS; i++) {
        snprintf(host, sizeof host, "n%u.test", i);
        ask(&askers[i], host, AF_INET);
    }
    TURN_UNTIL(query_count == EVF__DNS_QUERIES_MAX);
    for (unsigned i = 0; i < 20; i++)
        turn();
    cr_assert_eq(query_count, EVF__DNS_QUERIES_MAX);
    evf__question_cancel(&askers[EVF__DNS_QUERIES_MAX + 50].question);
    for (unsigned i = 0; i < 60; i++) {
        unsigned next = EVF__DNS_QUERIES_MAX + i + (i >= 50);
        reply(0, 0, 1, 10);
        TURN_UNTIL(query_count == EVF__DNS_QUERIES_MAX);
        snprintf(host, sizeof host, "n%u.test", next);
        cr_assert_str_eq(queries[query_count - 1].name, host);
    }
    while (query_count > 0) {
        reply(0, 0, 1, 10);
        turn();
    }
    TURN_UNTIL(told_in_all == ASKERS - 1);
    cr_expect_eq(worker->resolver->asking, 0);
}

static void make_impatient(uint32_t timeout_ms)
{
    unmake_worker();
    make_worker(timeout_ms);
    turn();
}

/* Also those that wait for their turn to be asked. */
Test(resolver, gives_up_in_time)
{
    enum { ASKERS = EVF__DNS_QUERIES_MAX * 2 };
    static struct asker askers[ASKERS];
    char host[32];
    make_impatient(200);
    uint64_t began_ms = evf_now(worker);
    for (unsigned i = 0; i < ASKERS; i++) {
        snprintf(host, sizeof host, "n%u.test", i);
        ask(&askers[i], host, AF_INET);
    }
    while (told_in_all < ASKERS) {
        turn();
        query_count = 0; /* nobody answers */
        cr_assert_lt(evf_now(worker) - began_ms, 20000);
    }
    for (unsigned i = 0; i < ASKERS; i++)
        cr_assert_eq(askers[i].status, -ETIMEDOUT);
    cr_expect_geq(evf_now(worker) - began_ms, 100);
    ask(&askers[0], "n0.test", AF_INET); /* it is asked for anew */
    TURN_UNTIL(askers[0].told == 2 || query_count > 0);
    evf__question_cancel(&askers[0].question);
}

/* The answer comes when its time is over: it is nobody's any more. */
Test(resolver, lets_late_answers_go)
{
    struct asker asker = { .told = 0 };
    make_impatient(100);
    ask(&asker, "a.test", AF_INET);
    TURN_UNTIL(asker.told == 1);
    cr_expect_eq(asker.status, -ETIMEDOUT);
    while (query_count > 0)
        reply(0, 0, 1, 10);
    for (unsigned i = 0; i < 10; i++)
        turn();
    cr_expect_eq(asker.told, 1);
}

Test(resolver, ends_with_queries_under_way_that_nobody_waits_for)
{
    struct asker asker = { .told = 0 };
    ask(&asker, "a.test", AF_INET);
    TURN_UNTIL(query_count == 1);
    evf__question_cancel(&asker.question);
}

/* -- anything, in any order -- */

enum { ASKERS = 64, HOSTS = 24 };

static struct asker many[ASKERS];
static bool wanted[ASKERS]; /* it is to be told */
static unsigned asked, canceled;

static void do_anything(struct random *randomness)
{
    unsigned i = (unsigned)random_below(randomness, ASKERS);
    char host[32];
    switch (random_below(randomness, 6)) {
    case 0:
    case 1:
        if (wanted[i])
            return;
        snprintf(host, sizeof host, "N%u.%s", (unsigned)random_below(randomness, HOSTS),
                 random_below(randomness, 8) == 0 ? "localhost" : "test");
        many[i] = (struct asker){ .told = 0 };
        ask(&many[i], host, random_below(randomness, 2) == 0 ? AF_INET : AF_INET6);
        wanted[i] = true;
        asked++;
        return;
    case 2:
        canceled += wanted[i];
        wanted[i] = false;
        evf__question_cancel(&many[i].question);
        return;
    case 3:
        if (query_count > 0)
            reply((unsigned)random_below(randomness, query_count),
                  random_below(randomness, 3) == 0 ? 3 : 0, (unsigned)random_below(randomness, 3),
                  (unsigned)random_below(randomness, 2));
        return;
    default:
        turn();
        return;
    }
}

/* Each question is told once and not inside the call, or was canceled. */
Test(resolver, answers_each_question_once_whatever_happens)
{
    struct random randomness = random_start();
    unsigned told = 0;
    for (unsigned round = random_rounds(60000); round > 0; round--) {
        do_anything(&randomness);
        for (unsigned i = 0; i < ASKERS; i++) {
            cr_assert_leq(many[i].told, wanted[i] ? 1 : 0);
            cr_assert(wanted[i] || many[i].question.lookup == NULL);
            if (many[i].told == 0)
                continue;
            cr_assert(many[i].status == 0 || many[i].status == EVF_ENONAME ||
                      many[i].status == EVF_ENOADDRESS);
            cr_assert_eq(many[i].status == 0, many[i].count > 0);
            told++;
            wanted[i] = false;
            many[i].told = 0;
        }
        if (round % 64 == 0)
            evf__lookups_check(&worker->resolver->lookups);
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        canceled += wanted[i];
        evf__question_cancel(&many[i].question);
    }
    cr_expect_eq(told + canceled, asked);
    cr_expect_gt(told, 10);
    cr_expect_gt(canceled, 10);
}
