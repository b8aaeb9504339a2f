/* SPDX-License-Identifier: MIT
 *
 * Figures: names an operator's tools can take, and slots that add up.
 */
#include "base/figures.h"

#include <criterion/criterion.h>
#include <string.h>

Test(figures, have_names_of_small_letters_digits_and_underlines)
{
    for (unsigned id = 0; id < EVF__FIGURES_OWN; id++) {
        const char *name = evf__figure_texts[id].name;
        cr_assert_not_null(name, "figure %u has no name", id);
        cr_assert_gt(strlen(name), 0);
        cr_assert_leq(strlen(name), 63);
        cr_assert_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name), "%s",
                     name);
    }
}

Test(figures, have_each_a_name_of_their_own_and_a_help)
{
    for (unsigned id = 0; id < EVF__FIGURES_OWN; id++) {
        cr_assert_gt(strlen(evf__figure_texts[id].help), 0);
        for (unsigned other = 0; other < id; other++)
            cr_assert_str_neq(evf__figure_texts[id].name, evf__figure_texts[other].name);
    }
}

Test(figures, texts_stand_in_the_order_of_the_slots)
{
    cr_assert_str_eq(evf__figure_texts[EVF__FIGURE_ACCEPTED].name, "connections_accepted");
    cr_assert_str_eq(evf__figure_texts[EVF__FIGURE_STREAMS].name, "streams");
    cr_assert_str_eq(evf__figure_texts[EVF__FIGURE_QUEUES].name, "write_queues");
    cr_assert_not(evf__figure_texts[EVF__FIGURE_ACCEPTED].gauge);
    cr_assert(evf__figure_texts[EVF__FIGURE_STREAMS].gauge);
}

Test(figures, add_up_and_go_down_slot_by_slot)
{
    static struct evf__figures figures;

    evf__figure_add(&figures, EVF__FIGURE_STREAMS, 5);
    evf__figure_add(&figures, EVF__FIGURE_STREAMS, (uint64_t)-2);
    evf__figure_set(&figures, EVF__FIGURES_MAX - 1, UINT64_MAX);

    cr_assert_eq(evf__figure_get(&figures, EVF__FIGURE_STREAMS), 3);
    cr_assert_eq(evf__figure_get(&figures, EVF__FIGURES_MAX - 1), UINT64_MAX);
    cr_assert_eq(evf__figure_get(&figures, EVF__FIGURE_TURNS), 0);
}
