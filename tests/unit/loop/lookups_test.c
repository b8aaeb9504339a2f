/* SPDX-License-Identifier: MIT
 *
 * The table of look-ups beside a model that cannot be wrong: an array, searched from end to end,
 * with virtual time.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../plugin/leaks.h"
#include "../random.h"
#include "loop/lookups.h"

enum { NAMES = 30, KEPT_MOST = 8 };

static struct evf__lookups lookups;
static uint64_t now_ms = 1000;

static void begin(void)
{
    evf__lookups_init(&lookups, 12345, KEPT_MOST);
}

static void finish(void)
{
    evf__lookups_fini(&lookups);
    expect_no_leaks();
}

TestSuite(lookups, .init = begin, .fini = finish);

static struct evf__lookup *add(const char *host, int family)
{
    struct evf__lookup *lookup = evf__lookup_new(host, family);
    cr_assert_not_null(lookup);
    evf__lookups_add(&lookups, lookup);
    evf__lookup_drop(lookup);
    return lookup;
}

static void answer(struct evf__lookup *lookup, uint64_t until_ms)
{
    lookup->answered = true;
    lookup->until_ms = until_ms;
    evf__lookups_keep(&lookups, lookup);
}

Test(lookups, tells_families_and_names_apart)
{
    struct evf__lookup *first = add("a.test", AF_INET), *second = add("a.test", AF_INET6);
    struct evf__lookup *third = add("a.test.", AF_INET);
    cr_expect_eq(evf__lookups_find(&lookups, "a.test", AF_INET, now_ms), first);
    cr_expect_eq(evf__lookups_find(&lookups, "a.test", AF_INET6, now_ms), second);
    cr_expect_eq(evf__lookups_find(&lookups, "a.test.", AF_INET, now_ms), third);
    cr_expect_null(evf__lookups_find(&lookups, "a.tes", AF_INET, now_ms));
}

Test(lookups, keeps_answers_until_their_time_is_over)
{
    struct evf__lookup *lookup = add("a.test", AF_INET);
    answer(lookup, now_ms + 10);
    cr_expect_eq(evf__lookups_find(&lookups, "a.test", AF_INET, now_ms + 9), lookup);
    cr_expect_null(evf__lookups_find(&lookups, "a.test", AF_INET, now_ms + 10));
    cr_expect_eq(lookups.count, 0);
}

Test(lookups, lives_on_for_those_who_hold_it)
{
    struct evf__lookup *lookup = add("a.test", AF_INET);
    evf__lookup_hold(lookup);
    evf__lookups_remove(&lookups, lookup);
    evf__lookups_remove(&lookups, lookup);
    cr_expect_str_eq(lookup->host, "a.test");
    evf__lookup_drop(lookup);
}

/* The model. */
static struct entry {
    bool there, answered;
    uint64_t until_ms, used;
    struct evf__lookup *lookup;
} model[NAMES];
static uint64_t uses;

static void evict_from_model(void)
{
    unsigned kept = 0, oldest = NAMES;
    for (unsigned i = 0; i < NAMES; i++) {
        if (!model[i].there || !model[i].answered)
            continue;
        kept++;
        if (oldest == NAMES || model[i].used < model[oldest].used)
            oldest = i;
    }
    if (kept == KEPT_MOST)
        model[oldest].there = false;
}

static void find_both(unsigned i, const char *host)
{
    struct evf__lookup *found = evf__lookups_find(&lookups, host, AF_INET, now_ms);
    if (model[i].there && model[i].answered && model[i].until_ms <= now_ms)
        model[i].there = false;
    cr_assert_eq(found, model[i].there ? model[i].lookup : NULL, "%s", host);
    if (model[i].there)
        model[i].used = uses++;
}

Test(lookups, agrees_with_a_model)
{
    struct random randomness = random_start();
    unsigned evicted = 0, expired = 0;
    for (unsigned round = random_rounds(300000); round > 0; round--) {
        unsigned i = (unsigned)random_below(&randomness, NAMES);
        char host[16];
        sprintf(host, "n%u.test", i);
        bool was_there = model[i].there;
        find_both(i, host);
        expired += was_there && !model[i].there;
        switch (random_below(&randomness, 5)) {
        case 0:
            now_ms += random_below(&randomness, 20);
            break;
        case 1:
        case 2:
            if (!model[i].there)
                model[i] = (struct entry){ .there = true, .lookup = add(host, AF_INET) };
            break;
        case 3:
            if (!model[i].there || model[i].answered)
                break;
            evicted += lookups.kept_count == KEPT_MOST;
            evict_from_model();
            model[i].answered = true;
            model[i].used = uses++;
            model[i].until_ms = now_ms + 1 + random_below(&randomness, 200);
            answer(model[i].lookup, model[i].until_ms);
            break;
        default:
            if (random_below(&randomness, 8) == 0 && model[i].there) {
                evf__lookups_remove(&lookups, model[i].lookup);
                model[i].there = false;
            }
            break;
        }
        if (round % 64 == 0)
            evf__lookups_check(&lookups);
    }
    cr_expect_gt(evicted, 100);
    cr_expect_gt(expired, 100);
}
