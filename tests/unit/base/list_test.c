/* SPDX-License-Identifier: MIT
 *
 * The intrusive list, by hand and at random against arrays.
 */
#include "base/list.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "random.h"

enum { NODES = 16, LISTS = 3 };

struct item {
    int number;
    struct evf__list node;
};

Test(list, gives_nodes_back_in_the_order_they_were_appended)
{
    struct evf__list head;
    struct item items[3] = { { .number = 1 }, { .number = 2 }, { .number = 3 } };
    evf__list_init(&head);
    cr_assert(evf__list_empty(&head));

    for (int i = 0; i < 3; i++)
        evf__list_append(&head, &items[i].node);

    for (int i = 0; i < 3; i++) {
        struct evf__list *node = evf__list_take(&head);
        cr_assert_eq(EVF__OWNER(node, struct item, node)->number, i + 1);
        cr_assert_not(evf__list_on(node));
    }
    cr_assert(evf__list_empty(&head));
    cr_assert_null(evf__list_take(&head));
}

Test(list, removing_a_node_that_is_on_no_list_does_nothing)
{
    struct item item = { .number = 1 };
    evf__list_remove(&item.node);
    evf__list_remove(&item.node);
    cr_assert_not(evf__list_on(&item.node));
}

Test(list, moving_an_empty_list_changes_nothing)
{
    struct evf__list to, from;
    struct item item = { .number = 1 };
    evf__list_init(&to);
    evf__list_init(&from);
    evf__list_append(&to, &item.node);

    evf__list_move_all(&to, &from);

    cr_assert(evf__list_empty(&from));
    cr_assert_eq(evf__list_take(&to), &item.node);
    cr_assert(evf__list_empty(&to));
}

Test(list, refuses_a_node_that_is_on_a_list_already, .signal = SIGABRT)
{
    struct evf__list head;
    struct item item = { .number = 1 };
    evf__list_init(&head);
    evf__list_append(&head, &item.node);
    evf__list_append(&head, &item.node);
}

/* The model: each list is an array of item numbers. */
struct model {
    int numbers[NODES];
    size_t count;
};

static void model_remove(struct model *model, int number)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->numbers[i] != number)
            continue;
        model->count--;
        memmove(&model->numbers[i], &model->numbers[i + 1],
                (model->count - i) * sizeof(model->numbers[0]));
        return;
    }
}

static void check(struct evf__list heads[LISTS], const struct model models[LISTS], uint64_t seed)
{
    for (int l = 0; l < LISTS; l++) {
        struct evf__list *node = heads[l].next, *before = &heads[l];
        for (size_t i = 0; i < models[l].count; i++) {
            cr_assert_eq(EVF__OWNER(node, struct item, node)->number, models[l].numbers[i],
                         "seed %llu", (unsigned long long)seed);
            cr_assert_eq(node->prev, before);
            before = node;
            node = node->next;
        }
        cr_assert_eq(node, &heads[l], "seed %llu", (unsigned long long)seed);
        cr_assert_eq(heads[l].prev, before);
        cr_assert_eq(evf__list_empty(&heads[l]), models[l].count == 0);
    }
}

Test(list, agrees_with_arrays_whatever_is_done_to_it)
{
    uint64_t seed = random_seed(), state = seed;
    struct evf__list heads[LISTS];
    struct model models[LISTS] = { 0 };
    struct item items[NODES] = { 0 };
    for (int l = 0; l < LISTS; l++)
        evf__list_init(&heads[l]);
    for (int i = 0; i < NODES; i++)
        items[i].number = i;

    for (int step = 0; step < 20000; step++) {
        int l = (int)random_below(&state, LISTS), i = (int)random_below(&state, NODES);
        switch (random_below(&state, 8)) {
        case 0: { /* move all of one list behind another */
            int other = (l + 1) % LISTS;
            evf__list_move_all(&heads[l], &heads[other]);
            memcpy(models[l].numbers + models[l].count, models[other].numbers,
                   models[other].count * sizeof(int));
            models[l].count += models[other].count;
            models[other].count = 0;
            break;
        }
        case 1: { /* take the first */
            struct evf__list *node = evf__list_take(&heads[l]);
            cr_assert_eq(node == NULL, models[l].count == 0);
            if (node != NULL)
                model_remove(&models[l], models[l].numbers[0]);
            break;
        }
        case 2: /* remove, on a list or not */
            evf__list_remove(&items[i].node);
            for (int m = 0; m < LISTS; m++)
                model_remove(&models[m], i);
            break;
        default: /* append what is on no list */
            if (evf__list_on(&items[i].node))
                break;
            evf__list_append(&heads[l], &items[i].node);
            models[l].numbers[models[l].count++] = i;
            break;
        }
        check(heads, models, seed);
    }
}
