/* SPDX-License-Identifier: MIT
 *
 * The health of upstream servers and their coming and going: by hand, and random operations in
 * virtual time against a model.
 */
#include "table.h"

#include "../random.h"

enum { MAX_FAILS = 3, FAIL_TIME = 1000 };

static struct proxy_table table;
static uint64_t now_ms;

static void init(void)
{
    table = (struct proxy_table){ .max_fails = MAX_FAILS, .fail_time_ms = FAIL_TIME };
    now_ms = 1;
}

static void fini(void)
{
    proxy_table_fini(&table);
}

TestSuite(upstream, .init = init, .fini = fini);

static enum proxy_event fail(struct proxy_upstream *upstream)
{
    bool probe = proxy_upstream_enter(&table, upstream);
    enum proxy_event event = proxy_upstream_failed(&table, upstream, probe, now_ms);
    proxy_upstream_leave(upstream);
    return event;
}

static enum proxy_event succeed(struct proxy_upstream *upstream)
{
    bool probe = proxy_upstream_enter(&table, upstream);
    enum proxy_event event = proxy_upstream_connected(upstream, probe);
    proxy_upstream_leave(upstream);
    return event;
}

static void eject(struct proxy_upstream *upstream)
{
    for (unsigned i = 0; i < MAX_FAILS; i++)
        fail(upstream);
    cr_assert(upstream->ejected);
}

Test(upstream, is_ejected_after_so_many_failures_in_a_row)
{
    table_set(&table, table_bits(2));
    struct proxy_upstream *one = table_find(&table, 0);
    cr_assert_eq(fail(one), PROXY_EVENT_FAILED);
    cr_assert_eq(fail(one), PROXY_EVENT_NONE);
    cr_assert_eq(succeed(one), PROXY_EVENT_NONE);
    cr_assert_eq(fail(one), PROXY_EVENT_NONE, "told of a moment ago");
    cr_assert_eq(fail(one), PROXY_EVENT_NONE);
    cr_assert(proxy_upstream_available(one, now_ms));
    cr_assert_eq(fail(one), PROXY_EVENT_EJECTED);
    cr_assert_not(proxy_upstream_available(one, now_ms));
    cr_assert_eq(proxy_table_ejected(&table), 1);
}

Test(upstream, gets_one_probe_when_its_time_is_over)
{
    table_set(&table, table_bits(2));
    struct proxy_upstream *one = table_find(&table, 0);
    eject(one);
    now_ms += FAIL_TIME - 1;
    cr_assert_not(proxy_upstream_available(one, now_ms));
    now_ms++;
    cr_assert(proxy_upstream_available(one, now_ms));
    cr_assert(proxy_upstream_enter(&table, one));
    cr_assert_not(proxy_upstream_available(one, now_ms), "one at a time");
    cr_assert_eq(proxy_upstream_failed(&table, one, true, now_ms), PROXY_EVENT_NONE);
    proxy_upstream_leave(one);
    cr_assert_not(proxy_upstream_available(one, now_ms + FAIL_TIME - 1));
    now_ms += FAIL_TIME;
    cr_assert_eq(succeed(one), PROXY_EVENT_BACK);
    cr_assert(proxy_upstream_available(one, now_ms));
    cr_assert_eq(proxy_table_ejected(&table), 0);
    /* And has all its failures before it again. */
    fail(one);
    fail(one);
    cr_assert(proxy_upstream_available(one, now_ms));
}

Test(upstream, may_be_probed_again_when_the_probe_was_called_off)
{
    table_set(&table, table_bits(2));
    struct proxy_upstream *one = table_find(&table, 0);
    eject(one);
    now_ms += FAIL_TIME;
    cr_assert(proxy_upstream_enter(&table, one));
    proxy_upstream_cancelled(one, true);
    proxy_upstream_leave(one);
    cr_assert(proxy_upstream_available(one, now_ms));
}

Test(upstream, takes_no_lesson_from_attempts_older_than_its_ejection)
{
    table_set(&table, table_bits(2));
    struct proxy_upstream *one = table_find(&table, 0);
    cr_assert_not(proxy_upstream_enter(&table, one));
    eject(one);
    now_ms += FAIL_TIME / 2;
    cr_assert_eq(proxy_upstream_failed(&table, one, false, now_ms), PROXY_EVENT_NONE);
    proxy_upstream_leave(one);
    cr_assert(proxy_upstream_available(one, now_ms + FAIL_TIME / 2));
}

Test(upstream, stays_in_service_when_it_is_the_last)
{
    table_set(&table, table_bits(2));
    struct proxy_upstream *one = table_find(&table, 0), *two = table_find(&table, 1);
    eject(one);
    for (unsigned i = 0; i < 10 * MAX_FAILS; i++)
        fail(two);
    cr_assert(proxy_upstream_available(two, now_ms));
    now_ms += FAIL_TIME;
    cr_assert_eq(succeed(one), PROXY_EVENT_BACK);
    cr_assert_eq(fail(two), PROXY_EVENT_EJECTED, "now there is another one");
}

Test(upstream, returns_when_those_in_service_leave)
{
    table_set(&table, table_bits(3));
    eject(table_find(&table, 1));
    now_ms += 10;
    eject(table_find(&table, 0));
    table_set(&table, table_bits(2));
    cr_assert(table_find(&table, 0)->ejected);
    cr_assert_not(table_find(&table, 1)->ejected, "ejected for the longest");
}

Test(upstream, tells_of_failures_now_and_then_only)
{
    unsigned told = 0;
    table.max_fails = 0;
    table_set(&table, table_bits(1));
    for (; now_ms < 60 * 1000; now_ms += 10)
        told += fail(table_find(&table, 0)) != PROXY_EVENT_NONE;
    cr_assert_eq(told, 60 * 1000 / PROXY_TOLD_EVERY_MS);
}

Test(upstream, keeps_its_state_while_its_name_has_its_address)
{
    table_set(&table, table_bits(3));
    struct proxy_upstream *one = table_find(&table, 1);
    eject(one);
    table_set(&table, 0x12);
    cr_assert_eq(table.count, 2);
    cr_assert_eq(table_find(&table, 1), one);
    cr_assert(one->ejected);
    table_set(&table, table_bits(3));
    cr_assert_eq(table.count, 3);
    cr_assert(one->ejected);
}

Test(upstream, lives_on_until_its_last_connection_when_it_left_the_table)
{
    table_set(&table, table_bits(2));
    struct proxy_upstream *one = table_find(&table, 0);
    uint64_t id = one->id;
    proxy_upstream_enter(&table, one);
    proxy_upstream_enter(&table, one);
    table_set(&table, 2);
    cr_assert_null(table_find(&table, 0));
    cr_assert_not(one->listed);
    table_set(&table, 3);
    cr_assert_neq(table_find(&table, 0)->id, id, "it came anew");
    proxy_upstream_connected(one, false);
    proxy_upstream_leave(one);
    cr_assert_eq(proxy_upstream_failed(&table, one, false, now_ms), PROXY_EVENT_FAILED);
    proxy_upstream_leave(one);
}

Test(upstream, counts_an_address_once_that_a_name_gives_twice)
{
    struct sockaddr_storage twice[2] = { table_address(4), table_address(4) };
    cr_assert_eq(proxy_table_set(&table, 0, &table_name, twice, 2), 0);
    cr_assert_eq(table.count, 1);
}

Test(upstream, belongs_to_its_own_option)
{
    struct proxy_target literal = { .text = "10.0.0.0:80", .host = "10.0.0.0", .port = 80 };
    cr_assert_eq(proxy_table_add(&table, 1, &literal), 0);
    table_set(&table, 3);
    cr_assert_eq(table.count, 3);
    table_set(&table, 0);
    cr_assert_eq(table.count, 1);
    cr_assert_str_eq(table.upstreams[0]->label, "10.0.0.0:80");
}

Test(upstream, is_named_in_the_log_with_its_name_and_its_address)
{
    struct sockaddr_storage v6 = { .ss_family = AF_INET6 };
    ((struct sockaddr_in6 *)&v6)->sin6_addr = (struct in6_addr){ .s6_addr = { 0xfe, 0x80 } };
    ((struct sockaddr_in6 *)&v6)->sin6_scope_id = 1;
    cr_assert_eq(proxy_table_set(&table, 0, &table_name, &v6, 1), 0);
    cr_assert_str_eq(table.upstreams[0]->label, "name.example:80 ([fe80::%1]:80)");
    cr_assert_str_eq(table.upstreams[0]->host, "fe80::%1");
}

/* ---- Against a model ---- */

enum { SERVERS = 5, ATTEMPTS = 12 };

struct model {
    bool listed, ejected, probed;
    unsigned fails, users;
    uint64_t trial_ms;
};

struct attempt {
    struct proxy_upstream *upstream; /* NULL: free */
    unsigned server;
    uint64_t id;
    bool probe, done;
};

static struct model model[SERVERS];
static struct attempt attempts[ATTEMPTS];

/* Entries that left the table have no part in the model any more. */
static bool is_current(const struct attempt *attempt)
{
    struct proxy_upstream *current = table_find(&table, attempt->server);
    return current != NULL && current->id == attempt->id;
}

static bool in_service_beside(unsigned server)
{
    for (unsigned i = 0; i < SERVERS; i++)
        if (i != server && model[i].listed && !model[i].ejected)
            return true;
    return false;
}

static void model_list(uint32_t addresses)
{
    unsigned oldest = SERVERS;
    for (unsigned i = 0; i < SERVERS; i++) {
        bool listed = (addresses >> i & 1) != 0;
        if (listed && !model[i].listed)
            model[i] = (struct model){ .listed = true };
        model[i].listed = listed;
    }
    for (unsigned i = 0; i < SERVERS; i++) {
        if (!model[i].listed)
            continue;
        if (!model[i].ejected)
            return;
        if (oldest == SERVERS || model[i].trial_ms < model[oldest].trial_ms)
            oldest = i;
    }
    if (oldest < SERVERS)
        model[oldest].ejected = false;
}

static bool model_available(unsigned i)
{
    return model[i].listed &&
           (!model[i].ejected || (now_ms >= model[i].trial_ms && !model[i].probed));
}

static void begin(struct attempt *attempt, struct random *random)
{
    unsigned server = (unsigned)random_below(random, SERVERS);
    if (attempt->upstream != NULL || !model_available(server))
        return;
    struct proxy_upstream *upstream = table_find(&table, server);
    bool probe = proxy_upstream_enter(&table, upstream);
    cr_assert_eq(probe, model[server].ejected);
    model[server].probed |= probe;
    model[server].users++;
    *attempt = (struct attempt){
        .upstream = upstream, .server = server, .id = upstream->id, .probe = probe
    };
}

static void outcome(struct attempt *attempt, struct random *random)
{
    struct proxy_upstream *upstream = attempt->upstream;
    struct model *known = &model[attempt->server], lost = { 0 };
    if (upstream == NULL || attempt->done)
        return;
    attempt->done = true;
    if (!is_current(attempt))
        known = &lost;
    if (attempt->probe)
        known->probed = false;
    switch (random_below(random, 4)) {
    case 0:
        proxy_upstream_connected(upstream, attempt->probe);
        known->ejected = false;
        known->fails = 0;
        break;
    case 1:
        proxy_upstream_cancelled(upstream, attempt->probe);
        break;
    default:
        proxy_upstream_failed(&table, upstream, attempt->probe, now_ms);
        if (known->ejected && attempt->probe)
            known->trial_ms = now_ms + FAIL_TIME;
        else if (!known->ejected && ++known->fails >= MAX_FAILS && known->listed &&
                 in_service_beside(attempt->server)) {
            known->ejected = true;
            known->trial_ms = now_ms + FAIL_TIME;
        }
    }
}

static void leave(struct attempt *attempt)
{
    if (attempt->upstream == NULL || !attempt->done)
        return;
    if (is_current(attempt))
        model[attempt->server].users--;
    proxy_upstream_leave(attempt->upstream);
    attempt->upstream = NULL;
}

static void compare(void)
{
    size_t listed = 0, in_service = 0;
    for (unsigned i = 0; i < SERVERS; i++) {
        struct proxy_upstream *upstream = table_find(&table, i);
        cr_assert_eq(upstream != NULL, model[i].listed);
        listed += model[i].listed;
        if (upstream == NULL)
            continue;
        in_service += !upstream->ejected;
        cr_assert_eq(upstream->ejected, model[i].ejected);
        cr_assert_eq(upstream->users, model[i].users);
        cr_assert_eq(proxy_upstream_available(upstream, now_ms), model_available(i));
    }
    cr_assert_eq(table.count, listed);
    cr_assert(listed == 0 || in_service > 0, "one is always in service");
}

Test(upstream, behaves_as_the_model_whatever_happens)
{
    struct random random = random_start();
    unsigned rounds = random_rounds(200000);
    for (unsigned i = 0; i < rounds; i++) {
        struct attempt *attempt = &attempts[random_below(&random, ATTEMPTS)];
        now_ms++; /* no two are ejected at the same time: the order is known */
        switch (random_below(&random, 12)) {
        case 0:
            now_ms += random_below(&random, FAIL_TIME);
            break;
        case 1:
            if (random_below(&random, 10) == 0) {
                uint32_t addresses = (uint32_t)random_below(&random, 1u << SERVERS);
                table_set(&table, addresses);
                model_list(addresses);
            }
            break;
        case 2:
        case 3:
            leave(attempt);
            break;
        case 4:
        case 5:
        case 6:
            outcome(attempt, &random);
            break;
        default:
            begin(attempt, &random);
        }
        compare();
    }
    for (unsigned i = 0; i < ATTEMPTS; i++) {
        outcome(&attempts[i], &random);
        leave(&attempts[i]);
    }
}
