/* SPDX-License-Identifier: MIT
 *
 * The directory: names and rooms at their homes, members on their workers, against simple models.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "../random.h"
#include "chat/homes.h"
#include "chat/names.h"
#include "chat/rooms.h"

enum { LABELS = 200, WORKERS = 5, ROUNDS = 200000 };

static const struct chat_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };

static struct chat_label label(unsigned number)
{
    char text[16];
    int len = snprintf(text, sizeof text, "n%u", number);
    return chat_label_make(key, text, (size_t)len);
}

/* -- labels -- */

Test(label, hashes_by_key_and_every_byte)
{
    char text[CHAT_LABEL_MAX] = { 0 };
    for (size_t len = 0; len <= sizeof text; len++) {
        uint64_t hash = chat_hash(key, text, len);
        cr_assert_eq(hash, chat_hash(key, text, len));
        cr_assert_neq(hash, chat_hash((struct chat_key){ key.first ^ 1, key.second }, text, len));
        cr_assert_neq(hash, chat_hash((struct chat_key){ key.first, key.second ^ 1 }, text, len));
        if (len > 0)
            cr_assert_neq(hash, chat_hash(key, text, len - 1)); /* zeros, so length alone differs */
        for (size_t i = 0; i < len; i++) {
            text[i] ^= 0x40;
            cr_assert_neq(hash, chat_hash(key, text, len), "byte %zu of %zu", i, len);
            text[i] ^= 0x40;
        }
    }
}

Test(label, spreads_over_homes_and_slots)
{
    unsigned homes[8] = { 0 }, slots[8] = { 0 };
    for (unsigned i = 0; i < 8000; i++) {
        struct chat_label one = label(i);
        homes[one.hash % 8]++;
        if (one.hash % 8 == 0)
            slots[one.hash >> 32 & 7]++;
    }
    for (unsigned i = 0; i < 8; i++) {
        cr_expect(homes[i] > 800 && homes[i] < 1200, "%u of 8000 at home %u", homes[i], i);
        cr_expect(slots[i] > 70 && slots[i] < 190, "%u of 1000 in slot %u", slots[i], i);
    }
}

Test(label, is_the_same_by_its_bytes)
{
    struct chat_label a = chat_label_make(key, "bob", 3), b = chat_label_make(key, "bob", 3);
    struct chat_label c = chat_label_make(key, "Bob", 3), d = chat_label_make(key, "bo", 2);
    cr_expect(chat_label_same(&a, &b));
    cr_expect_not(chat_label_same(&a, &c));
    cr_expect_not(chat_label_same(&a, &d));
    c.hash = d.hash = a.hash; /* a collision is no identity */
    cr_expect_not(chat_label_same(&a, &c));
    cr_expect_not(chat_label_same(&a, &d));
}

/* -- names -- */

Test(names, have_one_owner_each)
{
    struct random random = random_start();
    uint64_t owners[LABELS] = { 0 };
    struct chat_names names;
    size_t taken = 0;
    cr_assert_eq(chat_names_init(&names), 0);
    for (unsigned round = random_rounds(ROUNDS); round > 0; round--) {
        unsigned number = (unsigned)random_below(&random, LABELS);
        uint64_t owner = 1 + random_below(&random, 3);
        struct chat_label name = label(number);
        if (random_below(&random, 2) == 0) {
            int expected = owners[number] == 0 ? 0 : -EEXIST;
            cr_assert_eq(chat_names_claim(&names, &name, owner), expected);
            if (expected == 0)
                owners[number] = owner;
            taken += expected == 0;
        } else {
            chat_names_release(&names, &name, owner);
            taken -= owners[number] == owner;
            if (owners[number] == owner)
                owners[number] = 0;
        }
        cr_assert_eq(names.table.count, taken);
    }
    chat_names_fini(&names);
}

/* -- rooms at their home -- */

Test(homes, count_members_by_worker)
{
    struct random random = random_start();
    static unsigned members[LABELS][WORKERS];
    struct chat_room_limit limit = { .max = LABELS / 2 };
    struct chat_homes homes;
    unsigned rooms = 0;
    cr_assert_eq(chat_homes_init(&homes, &limit, WORKERS), 0);
    for (unsigned round = random_rounds(ROUNDS); round > 0; round--) {
        unsigned number = (unsigned)random_below(&random, LABELS);
        unsigned worker = (unsigned)random_below(&random, WORKERS), total = 0;
        struct chat_label room = label(number);
        for (unsigned i = 0; i < WORKERS; i++)
            total += members[number][i];
        const struct chat_home *home = chat_homes_find(&homes, &room);
        cr_assert_eq(home != NULL, total > 0);
        for (unsigned i = 0; home != NULL && i < WORKERS; i++)
            cr_assert_eq(home->members[i], members[number][i]);
        if (random_below(&random, 5) < 2) {
            int expected = total == 0 && rooms == limit.max ? -ENOSPC : 0;
            cr_assert_eq(chat_homes_join(&homes, &room, worker), expected);
            rooms += expected == 0 && total == 0;
            members[number][worker] += expected == 0;
        } else {
            chat_homes_leave(&homes, &room, worker);
            rooms -= total == 1 && members[number][worker] == 1;
            members[number][worker] -= members[number][worker] > 0;
        }
        cr_assert_eq(atomic_load(&limit.count), rooms);
        cr_assert_eq(homes.table.count, rooms);
    }
    chat_homes_fini(&homes);
}

/* -- rooms where their members are -- */

Test(rooms, live_while_they_are_held)
{
    struct random random = random_start();
    static struct chat_room *held[LABELS];
    static unsigned holds[LABELS];
    struct chat_rooms rooms;
    cr_assert_eq(chat_rooms_init(&rooms), 0);
    for (unsigned round = random_rounds(ROUNDS); round > 0; round--) {
        unsigned number = (unsigned)random_below(&random, LABELS);
        struct chat_label name = label(number);
        cr_assert_eq(chat_rooms_find(&rooms, &name), held[number]);
        if (random_below(&random, 2) == 0) {
            struct chat_room *room = chat_rooms_hold(&rooms, &name);
            cr_assert(room != NULL && (holds[number] == 0 || room == held[number]));
            cr_assert(chat_label_same(&room->entry.label, &name));
            held[number] = room;
            holds[number]++;
        } else if (holds[number] > 0) {
            chat_rooms_drop(&rooms, held[number]);
            if (--holds[number] == 0)
                held[number] = NULL;
        }
    }
    chat_rooms_fini(&rooms);
}

Test(rooms, list_members_in_the_order_of_joining)
{
    struct chat_link list, links[3] = { 0 };
    chat_list_init(&list);
    cr_expect(chat_list_empty(&list));
    for (int i = 0; i < 3; i++) {
        cr_expect_not(chat_link_on(&links[i]));
        chat_list_append(&list, &links[i]);
        cr_expect(chat_link_on(&links[i]));
    }
    chat_link_remove(&links[1]);
    chat_link_remove(&links[1]);
    cr_expect_eq(list.next, &links[0]);
    cr_expect_eq(links[0].next, &links[2]);
    cr_expect_eq(links[2].next, &list);
    cr_expect_eq(list.previous, &links[2]);
    cr_expect_eq(links[2].previous, &links[0]);
}
