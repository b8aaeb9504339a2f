/* SPDX-License-Identifier: MIT
 *
 * evf_resolve: two families become one answer; cancelling; the end at the stop.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "resolving.h"
#include "stream/turn.h"

TestSuite(resolve, .init = begin_resolving, .fini = end_resolving);

struct call {
    evf_lookup *lookup;
    unsigned told;
    int status;
    size_t count;
    int families[64];
    bool ask_again;
};

static void on_resolved(evf_worker *w, int status, const struct sockaddr_storage *addresses,
                        size_t count, void *argument)
{
    struct call *call = argument;
    cr_assert_eq(atomic_load(&w->callback), EVF__CALLBACK_RESOLVED);
    call->told++;
    call->status = status;
    call->count = count;
    for (size_t i = 0; i < count; i++)
        call->families[i] = addresses[i].ss_family;
    if (call->ask_again) {
        int expected = w->resolver->closed ? -ESHUTDOWN : 0;
        call->ask_again = false;
        cr_assert_eq(evf_resolve(w, "localhost", AF_INET, on_resolved, call, NULL), expected);
    }
}

static void resolve(struct call *call, const char *host, int family)
{
    cr_assert_eq(evf_resolve(worker, host, family, on_resolved, call, &call->lookup), 0);
}

/* Replies to the query of that type. */
static void reply_type(unsigned type, unsigned code, unsigned count)
{
    unsigned i = 0;
    while (i < query_count && queries[i].type != type)
        i++;
    cr_assert_lt(i, query_count);
    reply(i, code, count, 10);
}

Test(resolve, puts_both_families_together_IPv6_first)
{
    for (unsigned order = 0; order < 2; order++) {
        struct call call = { .told = 0 };
        resolve(&call, order == 0 ? "a.test" : "b.test", AF_UNSPEC);
        TURN_UNTIL(query_count == 2);
        reply_type(order == 0 ? TYPE_A : TYPE_AAAA, 0, 2);
        for (unsigned i = 0; i < 5; i++)
            turn();
        cr_assert_eq(call.told, 0);
        reply_type(order == 0 ? TYPE_AAAA : TYPE_A, 0, 2);
        TURN_UNTIL(call.told == 1);
        cr_expect(call.status == 0 && call.count == 4);
        cr_expect(call.families[0] == AF_INET6 && call.families[1] == AF_INET6);
        cr_expect(call.families[2] == AF_INET && call.families[3] == AF_INET);
    }
}

Test(resolve, tells_the_more_telling_of_two_failures)
{
    static const struct {
        unsigned code, code6;
        int status;
    } cases[] = {
        { 0, 0, EVF_ENOADDRESS }, { 3, 3, EVF_ENONAME }, { 0, 3, EVF_ENONAME },
        { 3, 0, EVF_ENONAME },    { 1, 3, EVF_EDNS },    { 0, 1, EVF_EDNS },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call call = { .told = 0 };
        char host[16];
        snprintf(host, sizeof host, "n%u.test", i);
        resolve(&call, host, AF_UNSPEC);
        TURN_UNTIL(query_count == 2);
        reply_type(TYPE_A, cases[i].code, 0);
        reply_type(TYPE_AAAA, cases[i].code6, 0);
        TURN_UNTIL(call.told == 1);
        cr_expect_eq(call.status, cases[i].status, "case %u: %d", i, call.status);
    }
    struct call call = { .told = 0 };
    resolve(&call, "half.test", AF_UNSPEC);
    TURN_UNTIL(query_count == 2);
    reply_type(TYPE_A, 0, 1);
    reply_type(TYPE_AAAA, 1, 0);
    TURN_UNTIL(call.told == 1);
    cr_expect(call.status == 0 && call.count == 1, "one family is enough");
}

Test(resolve, can_be_canceled_between_the_two_families)
{
    struct call call = { .told = 0 };
    resolve(&call, "a.test", AF_UNSPEC);
    TURN_UNTIL(query_count == 2);
    reply_type(TYPE_A, 0, 1);
    TURN_UNTIL(evf_resolve_ttl(worker, "a.test", AF_INET) > 0);
    evf_resolve_cancel(call.lookup);
    reply_type(TYPE_AAAA, 0, 1);
    TURN_UNTIL(evf_resolve_ttl(worker, "a.test", AF_INET6) > 0);
    cr_expect_eq(call.told, 0);
}

Test(resolve, ends_every_look_up_when_it_is_closed)
{
    struct call waiting = { .ask_again = true }, half = { .told = 0 }, ready = { .told = 0 };
    struct call one = { .told = 0 };
    resolve(&half, "half.test", AF_UNSPEC);
    TURN_UNTIL(query_count == 2);
    reply_type(TYPE_AAAA, 0, 1);
    TURN_UNTIL(evf_resolve_ttl(worker, "half.test", AF_INET6) > 0);
    resolve(&waiting, "a.test", AF_UNSPEC);
    resolve(&one, "b.test", AF_INET);
    resolve(&ready, "localhost", AF_UNSPEC);
    evf__resolver_close(worker);
    cr_expect_eq(waiting.told + half.told + ready.told + one.told, 0);
    cr_expect(evf__resolver_pending(worker));
    evf__turn(worker);
    cr_expect(waiting.told == 1 && waiting.status == -ECANCELED && waiting.count == 0);
    cr_expect(half.told == 1 && half.status == -ECANCELED);
    cr_expect(ready.told == 1 && ready.status == -ECANCELED);
    cr_expect(one.told == 1 && one.status == -ECANCELED);
    cr_expect_eq(evf_resolve(worker, "c.test", AF_INET, on_resolved, NULL, NULL), -ESHUTDOWN);
    cr_expect_not(evf__resolver_pending(worker));
}

Test(resolve, refuses_families_that_are_none)
{
    evf_lookup *lookup = NULL;
    cr_expect_eq(evf_resolve(worker, "a.test", AF_UNIX, on_resolved, NULL, &lookup), -EINVAL);
    cr_expect_eq(evf_resolve(worker, NULL, AF_INET, on_resolved, NULL, &lookup), -EINVAL);
    cr_expect_null(lookup);
}
