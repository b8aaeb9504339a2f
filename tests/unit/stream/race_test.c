/* SPDX-License-Identifier: MIT
 *
 * The order and the times of attempts (RFC 8305), in virtual time: by example, and at random
 * against a model that looks at every millisecond.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "../random.h"
#include "stream/race.h"

static const enum evf__race_family V6 = EVF__RACE_IPV6, V4 = EVF__RACE_IPV4;

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage storage = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
        v6->sin6_family = AF_INET6;
    else
        cr_assert_fail("%s is no address", text);
    return storage;
}

static void answer(struct evf__race *race, enum evf__race_family family, uint64_t now_ms,
                   const char *const *texts)
{
    struct sockaddr_storage addresses[8];
    size_t count = 0;
    for (; texts[count] != NULL; count++)
        addresses[count] = address(texts[count]);
    evf__race_answer(race, family, 0, addresses, count, now_ms);
}

#define ANSWER(race, family, now_ms, ...)                                                          \
    answer(race, family, now_ms, (const char *const[]){ __VA_ARGS__, NULL })

static struct evf__race race_of_both(uint32_t delay_ms)
{
    struct evf__race race;
    evf__race_init(&race, delay_ms);
    evf__race_ask(&race, V6);
    evf__race_ask(&race, V4);
    return race;
}

/* The address to try now is this one; NULL: there is none. */
static void expect_next(struct evf__race *race, uint64_t now_ms, const char *text)
{
    int index = evf__race_next(race, now_ms);
    if (text == NULL) {
        cr_assert_lt(index, 0, "at %lu ms nothing is due", (unsigned long)now_ms);
        return;
    }
    cr_assert_geq(index, 0, "at %lu ms %s is due", (unsigned long)now_ms, text);
    struct sockaddr_storage to, wanted = address(text);
    char found[INET6_ADDRSTRLEN];
    (void)evf__race_sockaddr(&race->addresses[index], 0, &to);
    const void *bytes = to.ss_family == AF_INET
                            ? (const void *)&((struct sockaddr_in *)&to)->sin_addr
                            : (const void *)&((struct sockaddr_in6 *)&to)->sin6_addr;
    inet_ntop(to.ss_family, bytes, found, sizeof found);
    cr_assert_eq(to.ss_family, wanted.ss_family);
    cr_assert_str_eq(found, text);
}

Test(race, takes_turns_between_the_families_ipv6_first)
{
    struct evf__race race = race_of_both(0);
    ANSWER(&race, V4, 1000, "192.0.2.1", "192.0.2.2", "192.0.2.3");
    ANSWER(&race, V6, 1000, "2001:db8::1", "2001:db8::2");
    expect_next(&race, 1000, "2001:db8::1");
    expect_next(&race, 1249, NULL);
    cr_assert_eq(evf__race_at(&race), 1250);
    expect_next(&race, 1250, "192.0.2.1");
    expect_next(&race, 1500, "2001:db8::2");
    expect_next(&race, 1750, "192.0.2.2");
    expect_next(&race, 2000, "192.0.2.3");
    expect_next(&race, 9000, NULL);
    cr_assert_eq(evf__race_at(&race), UINT64_MAX);
    cr_assert_not(evf__race_lost(&race));
}

Test(race, waits_50_ms_for_ipv6_when_ipv4_answers_first)
{
    struct evf__race race = race_of_both(0);
    expect_next(&race, 0, NULL);
    cr_assert_eq(evf__race_at(&race), UINT64_MAX);
    ANSWER(&race, V4, 100, "192.0.2.1");
    expect_next(&race, 100, NULL);
    expect_next(&race, 149, NULL);
    cr_assert_eq(evf__race_at(&race), 150);
    expect_next(&race, 150, "192.0.2.1");
}

Test(race, goes_to_ipv6_when_it_comes_within_the_50_ms)
{
    struct evf__race race = race_of_both(0);
    ANSWER(&race, V4, 100, "192.0.2.1");
    ANSWER(&race, V6, 120, "2001:db8::1");
    expect_next(&race, 120, "2001:db8::1");
    expect_next(&race, 369, NULL);
    expect_next(&race, 370, "192.0.2.1");
}

Test(race, does_not_wait_for_ipv4)
{
    struct evf__race race = race_of_both(0);
    ANSWER(&race, V6, 10, "2001:db8::1");
    expect_next(&race, 10, "2001:db8::1");
    expect_next(&race, 5000, NULL);
    ANSWER(&race, V4, 5000, "192.0.2.1");
    expect_next(&race, 5000, "192.0.2.1");
}

Test(race, does_not_wait_for_ipv6_that_does_not_exist)
{
    struct evf__race race = race_of_both(0);
    ANSWER(&race, V4, 100, "192.0.2.1");
    evf__race_answer(&race, V6, EVF_ENOADDRESS, NULL, 0, 101);
    expect_next(&race, 101, "192.0.2.1");
}

Test(race, lets_late_ipv6_addresses_join_in_front)
{
    struct evf__race race = race_of_both(100);
    ANSWER(&race, V4, 0, "192.0.2.1", "192.0.2.2");
    expect_next(&race, 50, "192.0.2.1");
    ANSWER(&race, V6, 60, "2001:db8::1");
    expect_next(&race, 149, NULL);
    expect_next(&race, 150, "2001:db8::1");
    expect_next(&race, 250, "192.0.2.2");
}

Test(race, goes_on_at_once_when_an_attempt_fails)
{
    struct evf__race race = race_of_both(0);
    ANSWER(&race, V6, 0, "2001:db8::1", "2001:db8::2");
    ANSWER(&race, V4, 0, "192.0.2.1");
    expect_next(&race, 0, "2001:db8::1");
    evf__race_failed(&race, 0, -ECONNREFUSED);
    cr_assert_eq(evf__race_at(&race), 0);
    expect_next(&race, 3, "192.0.2.1");
    expect_next(&race, 4, NULL);
    cr_assert_eq(evf__race_at(&race), 253, "the time runs from the last attempt");
    expect_next(&race, 253, "2001:db8::2");
}

Test(race, holds_to_the_least_delay)
{
    struct evf__race race = race_of_both(1);
    ANSWER(&race, V6, 0, "2001:db8::1", "2001:db8::2");
    expect_next(&race, 0, "2001:db8::1");
    expect_next(&race, 9, NULL);
    expect_next(&race, 10, "2001:db8::2");
}

Test(race, leaves_out_doubles_and_takes_ipv4_out_of_ipv6)
{
    struct evf__race race = race_of_both(0);
    ANSWER(&race, V6, 0, "2001:db8::1", "2001:db8::1", "::ffff:192.0.2.1");
    ANSWER(&race, V4, 0, "192.0.2.1", "192.0.2.2");
    cr_assert_eq(race.count, 3);
    expect_next(&race, 0, "2001:db8::1");
    expect_next(&race, 250, "192.0.2.1");
    expect_next(&race, 500, "192.0.2.2");
}

Test(race, gives_each_family_its_share_of_the_room)
{
    struct sockaddr_storage many[EVF__ADDRESSES_MAX + 8];
    for (unsigned i = 0; i < EVF__ADDRESSES_MAX + 8; i++) {
        char text[32];
        snprintf(text, sizeof text, "192.0.2.%u", i);
        many[i] = address(text);
    }
    struct evf__race both = race_of_both(0);
    evf__race_answer(&both, V4, 0, many, EVF__ADDRESSES_MAX + 8, 0);
    cr_assert_eq(both.count, EVF__ADDRESSES_MAX / 2);
    ANSWER(&both, V6, 0, "2001:db8::1");
    expect_next(&both, 0, "2001:db8::1");
    struct evf__race one;
    evf__race_init(&one, 0);
    evf__race_ask(&one, V4);
    evf__race_answer(&one, V4, 0, many, EVF__ADDRESSES_MAX + 8, 0);
    cr_assert_eq(one.count, EVF__ADDRESSES_MAX);
}

Test(race, is_lost_when_nothing_waits_goes_on_or_will_come)
{
    struct evf__race race = race_of_both(0);
    ANSWER(&race, V6, 0, "2001:db8::1");
    expect_next(&race, 0, "2001:db8::1");
    cr_assert_not(evf__race_lost(&race));
    evf__race_failed(&race, 0, -ENETUNREACH);
    cr_assert_not(evf__race_lost(&race), "IPv4 may come");
    evf__race_answer(&race, V4, EVF_EDNS, NULL, 0, 10);
    cr_assert(evf__race_lost(&race));
    cr_assert_eq(evf__race_reason(&race), -ENETUNREACH);
}

static int reason_of(int first, int second)
{
    struct evf__race race = race_of_both(0);
    ANSWER(&race, V6, 0, "2001:db8::1");
    ANSWER(&race, V4, 0, "192.0.2.1");
    evf__race_failed(&race, (unsigned)evf__race_next(&race, 0), first);
    evf__race_failed(&race, (unsigned)evf__race_next(&race, 0), second);
    cr_assert(evf__race_lost(&race));
    return evf__race_reason(&race);
}

static int status_of(int first, int second)
{
    struct evf__race race = race_of_both(0);
    evf__race_answer(&race, V6, first, NULL, 0, 0);
    cr_assert_not(evf__race_lost(&race));
    evf__race_answer(&race, V4, second, NULL, 0, 0);
    cr_assert(evf__race_lost(&race));
    return evf__race_reason(&race);
}

Test(race, tells_the_failure_that_says_most)
{
    cr_expect_eq(reason_of(-ENETUNREACH, -ECONNREFUSED), -ECONNREFUSED);
    cr_expect_eq(reason_of(-ECONNREFUSED, -ENETUNREACH), -ECONNREFUSED);
    cr_expect_eq(reason_of(-ETIMEDOUT, -EADDRNOTAVAIL), -ETIMEDOUT);
    cr_expect_eq(reason_of(-EHOSTUNREACH, -ETIMEDOUT), -ETIMEDOUT);
    cr_expect_eq(reason_of(-EMFILE, -ECONNREFUSED), -EMFILE);
    cr_expect_eq(reason_of(-EACCES, -ENETUNREACH), -EACCES);
    cr_expect_eq(status_of(EVF_ENONAME, EVF_ENONAME), EVF_ENONAME);
    cr_expect_eq(status_of(EVF_ENONAME, EVF_ENOADDRESS), EVF_ENONAME);
    cr_expect_eq(status_of(EVF_ENOADDRESS, EVF_EDNS), EVF_EDNS);
    cr_expect_eq(status_of(-ETIMEDOUT, EVF_EDNS), -ETIMEDOUT);
    cr_expect_eq(status_of(0, 0), EVF_ENOADDRESS);
}

/* -- at random -- */

enum { MOST = 20, LENGTH_MS = 4000 };

/* One host: when its addresses come, and how long after its beginning each attempt fails. */
struct host {
    uint64_t answer_ms[2];
    unsigned counts[2];
    uint64_t fails_after_ms[2][MOST]; /* LENGTH_MS: never */
};

/* What has happened to it, kept as simply as can be. */
struct model {
    bool answered[2];
    unsigned tried[2]; /* of each family, so many from the front */
    bool under_way[2][MOST];
    uint64_t begun_ms[2][MOST];
    bool begun, failed_since;
    int last_family;
    uint64_t last_ms;
};

static bool waits(const struct host *host, const struct model *model, int family)
{
    return model->answered[family] && model->tried[family] < host->counts[family];
}

static bool any_under_way(const struct model *model)
{
    for (int i = 0; i < 2 * MOST; i++)
        if (model->under_way[i / MOST][i % MOST])
            return true;
    return false;
}

/* The family whose next address is to be tried at this millisecond; -1: none. */
static int due(const struct host *host, const struct model *model, uint64_t now_ms, uint32_t delay)
{
    bool v6 = waits(host, model, V6), v4 = waits(host, model, V4);
    if (!v6 && !v4)
        return -1;
    if (!model->begun && !v6 && !model->answered[V6] && now_ms < host->answer_ms[V4] + 50)
        return -1;
    if (model->begun && any_under_way(model) && !model->failed_since &&
        now_ms < model->last_ms + delay)
        return -1;
    if (v6 && v4)
        return model->begun && model->last_family == V6 ? V4 : V6;
    return v6 ? V6 : V4;
}

static struct sockaddr_storage tagged(int family, unsigned index)
{
    char text[32];
    snprintf(text, sizeof text, family == V6 ? "2001:db8::%x" : "192.0.2.%u", index + 1);
    return address(text);
}

static void give_answers(struct evf__race *race, const struct host *host, struct model *model,
                         uint64_t now_ms)
{
    struct sockaddr_storage addresses[MOST];
    for (int family = 0; family < 2; family++) {
        if (host->answer_ms[family] != now_ms)
            continue;
        for (unsigned i = 0; i < host->counts[family]; i++)
            addresses[i] = tagged(family, i);
        evf__race_answer(race, (enum evf__race_family)family, 0, addresses, host->counts[family],
                         now_ms);
        model->answered[family] = true;
    }
}

static unsigned index_in_race(const struct evf__race *race, int family, unsigned index)
{
    struct sockaddr_storage wanted = tagged(family, index), found;
    for (unsigned i = 0; i < race->count; i++) {
        (void)evf__race_sockaddr(&race->addresses[i], 0, &found);
        if (memcmp(&found, &wanted, sizeof found) == 0)
            return i;
    }
    cr_assert_fail("an address is missing");
    return 0;
}

static void fail_attempts(struct evf__race *race, const struct host *host, struct model *model,
                          uint64_t now_ms)
{
    for (int family = 0; family < 2; family++) {
        for (unsigned i = 0; i < model->tried[family]; i++) {
            if (!model->under_way[family][i] ||
                model->begun_ms[family][i] + host->fails_after_ms[family][i] != now_ms)
                continue;
            evf__race_failed(race, index_in_race(race, family, i), -ECONNREFUSED);
            model->under_way[family][i] = false;
            model->failed_since = true;
        }
    }
}

/* Begins what both agree to begin now; asserts that they do. */
static void begin_attempts(struct evf__race *race, const struct host *host, struct model *model,
                           uint64_t now_ms, uint32_t delay)
{
    for (;;) {
        int family = due(host, model, now_ms, delay);
        uint64_t at_ms = evf__race_at(race);
        int index = evf__race_next(race, now_ms);
        cr_assert_eq(index >= 0, family >= 0, "at %lu ms", (unsigned long)now_ms);
        cr_assert_eq(at_ms <= now_ms, index >= 0, "the next time is right");
        if (index < 0)
            return;
        unsigned nth = model->tried[family]++;
        cr_assert_eq((unsigned)index, index_in_race(race, family, nth), "at %lu ms",
                     (unsigned long)now_ms);
        model->under_way[family][nth] = true;
        model->begun_ms[family][nth] = now_ms;
        model->begun = true;
        model->failed_since = false;
        model->last_family = family;
        model->last_ms = now_ms;
        fail_attempts(race, host, model, now_ms); /* those that fail at once */
    }
}

static void run(const struct host *host, uint32_t delay)
{
    struct model model = { 0 };
    struct evf__race race = race_of_both(delay);
    bool lost = false;
    for (uint64_t now_ms = 0; now_ms < LENGTH_MS; now_ms++) {
        give_answers(&race, host, &model, now_ms);
        fail_attempts(&race, host, &model, now_ms);
        begin_attempts(&race, host, &model, now_ms, delay);
        lost = model.answered[0] && model.answered[1] && !any_under_way(&model) &&
               !waits(host, &model, V6) && !waits(host, &model, V4);
        cr_assert_eq(evf__race_lost(&race), lost, "at %lu ms", (unsigned long)now_ms);
    }
    if (lost)
        cr_assert_eq(evf__race_reason(&race),
                     host->counts[0] + host->counts[1] > 0 ? -ECONNREFUSED : EVF_ENOADDRESS);
}

Test(race, agrees_with_a_model_that_looks_at_every_millisecond)
{
    struct random random = random_start();
    for (unsigned round = 0; round < random_rounds(300); round++) {
        struct host host = { 0 };
        uint32_t delay = 10 + (uint32_t)random_below(&random, 300);
        for (int family = 0; family < 2; family++) {
            host.answer_ms[family] = random_below(&random, 200);
            host.counts[family] = (unsigned)random_below(&random, EVF__ADDRESSES_MAX / 2 + 1);
            if (random_below(&random, 3) == 0)
                host.counts[family] = (unsigned)random_below(&random, 3);
            for (unsigned i = 0; i < MOST; i++)
                host.fails_after_ms[family][i] =
                    random_below(&random, 3) == 0
                        ? 0
                        : random_below(&random,
                                       random_below(&random, 4) == 0 ? 2 * LENGTH_MS : 600);
        }
        run(&host, delay);
    }
}
