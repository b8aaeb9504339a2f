/* SPDX-License-Identifier: MIT
 *
 * Name, help and kind of evframe's own figures, in the order of their slots. Constant; any thread.
 */
#include "base/figures.h"

const struct evf__figure_text evf__figure_texts[EVF__FIGURES_OWN] = {
#define TEXT(id, figure_name, is_gauge, text)                                                      \
    [EVF__FIGURE_##id] = { .name = figure_name, .help = text, .gauge = is_gauge },
    EVF__FIGURES(TEXT)
#undef TEXT
};
