/* SPDX-License-Identifier: MIT
 *
 * The wheel's invariants, for tests.
 */
#include "time/wheel_inside.h"

/* The links of a list, and its length. */
static size_t check_list(const struct evf__list *head)
{
    size_t count = 0;
    const struct evf__list *node = head;
    do {
        EVF_ASSERT(node->next->prev == node);
        node = node->next;
        count++;
    } while (node != head);
    return count - 1;
}

/* What began before the slot's time, or lies in a digit that is past, would come too late. */
static size_t check_slot(const struct evf__wheel *wheel, unsigned place)
{
    size_t count = 0;
    uint64_t begin = evf__wheel_begin(wheel, place);
    unsigned level = place / EVF__WHEEL_SLOTS, above = (level + 1) * EVF__WHEEL_BITS;
    for (unsigned lane = 0; lane < EVF__WHEEL_LANES; lane++) {
        const struct evf__list *head = &wheel->slots[place].lanes[lane];
        for (const struct evf__list *node = head->next; node != head; node = node->next) {
            EVF_ASSERT(evf__wheel_entry_of(node)->place == place);
            EVF_ASSERT(evf__wheel_deadline(node) >= begin);
            EVF_ASSERT(begin > wheel->at || level == 0);
            EVF_ASSERT(level == EVF__WHEEL_LEVELS - 1 || begin >> above == wheel->at >> above);
        }
        count += check_list(head);
    }
    bool marked = (wheel->occupied[place / 64] >> place % 64 & 1) != 0;
    EVF_ASSERT(count == 0 || marked || place == (wheel->at & EVF__WHEEL_MASK));
    return count;
}

void evf__wheel_check(const struct evf__wheel *wheel)
{
    size_t count = check_list(&wheel->late) + check_list(&wheel->overdue);
    const struct evf__list *node;
    uint64_t before = 0;
    EVF_ASSERT(wheel->at <= wheel->now);
    for (node = wheel->late.next; node != &wheel->late; node = node->next) {
        EVF_ASSERT(evf__wheel_entry_of(node)->place == EVF__WHEEL_PLACES);
        EVF_ASSERT(evf__wheel_deadline(node) <= wheel->at && evf__wheel_deadline(node) >= before);
        before = evf__wheel_deadline(node);
    }
    for (node = wheel->overdue.next; node != &wheel->overdue; node = node->next) {
        EVF_ASSERT(evf__wheel_entry_of(node)->place == EVF__WHEEL_PLACES);
        EVF_ASSERT(evf__wheel_deadline(node) <= wheel->now);
    }
    for (unsigned place = 0; place < EVF__WHEEL_PLACES; place++)
        count += check_slot(wheel, place);
    EVF_ASSERT(count == wheel->count);
}
