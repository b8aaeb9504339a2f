/* SPDX-License-Identifier: MIT
 *
 * Lines for signal handlers: what is added, what is escaped, what does not fit, and nobody who
 * reads.
 */
#include "base/line.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What one write of the line gives, terminated. */
static const char *written(struct evf__line *line)
{
    static char text[2 * EVF__LOG_LINE_MAX];
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    evf__line_write(line, ends[1]);
    close(ends[1]);
    ssize_t len = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    cr_assert_geq(len, 0);
    text[len] = '\0';
    return text;
}

Test(line, holds_texts_and_numbers)
{
    struct evf__line line = { .len = 0 };
    evf__line_add(&line, "a ");
    evf__line_add_number(&line, 0);
    evf__line_add(&line, " ");
    evf__line_add_number(&line, UINT64_MAX);
    evf__line_add(&line, " ");
    evf__line_add_hex(&line, 0xfedcba9876543210u);
    cr_assert_str_eq(written(&line), "a 0 18446744073709551615 0xfedcba9876543210\n");
    cr_assert_str_eq(written(&line), "\n", "it is empty when it was written");
}

Test(line, escapes_what_came_from_outside)
{
    struct evf__line line = { .len = 0 };
    evf__line_add_clean(&line, "one\ntwo \x1b[31m");
    cr_assert_str_eq(written(&line), "one\\x0atwo \\x1b[31m\n");
}

Test(line, leaves_out_what_does_not_fit)
{
    struct evf__line line = { .len = 0 };
    for (int i = 0; i < 2 * EVF__LOG_LINE_MAX; i++)
        evf__line_add(&line, "x");
    evf__line_add_clean(&line, "y");
    evf__line_add_number(&line, 7);
    const char *text = written(&line);
    cr_assert_eq(strlen(text), EVF__LOG_LINE_MAX);
    cr_assert_eq(text[EVF__LOG_LINE_MAX - 2], 'x');
    cr_assert_eq(text[EVF__LOG_LINE_MAX - 1], '\n');
}

Test(line, does_not_wait_for_ever_for_a_reader)
{
    struct evf__line line = { .len = 0 };
    char byte = 'z';
    int ends[2];
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], &byte, 1) == 1)
        continue;
    evf__line_add(&line, "nobody reads");
    evf__line_write(&line, ends[1]); /* returns */
    cr_assert_eq(line.len, 0);
    close(ends[0]);
    close(ends[1]);
}
