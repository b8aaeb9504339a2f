/* SPDX-License-Identifier: MIT
 *
 * The table of the launcher's options: one row each, from which arguments.c reads argv and help.c
 * prints --help. Constant.
 */
#ifndef EVF_CLI_OPTIONS_H
#define EVF_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum evf__cli_kind {
    EVF__CLI_FLAG,     /* no value: sets a bool */
    EVF__CLI_NUMBER,   /* a decimal number */
    EVF__CLI_SIZE,     /* bytes, or with k, m, g */
    EVF__CLI_DURATION, /* with ms, s, m, h; a bare number is seconds */
    EVF__CLI_CHOICE,   /* one of `choices`, stored as first_choice + its index */
    EVF__CLI_TEXT,     /* text that is not empty */
    EVF__CLI_LISTEN,   /* goes to evf__cli_listener_add */
    EVF__CLI_MODE      /* no value: sets the mode */
};

struct evf__cli_option {
    const char *name;    /* without the dashes */
    const char *value;   /* the placeholder in --help; NULL when it takes none */
    const char *help;    /* one line */
    const char *allowed; /* behind "expected" in messages */
    enum evf__cli_kind kind;
    size_t offset, width; /* the field of struct evf__cli_arguments */
    int64_t min, max;
    bool power_of_two;          /* no other size will do */
    const char *const *choices; /* ended by NULL */
    uint32_t first_choice;      /* of CHOICE: what the first one is stored as; of MODE: the mode */
    const char *word;           /* a word that stands for `word_value`, such as auto */
    int64_t word_value;
};

/* Ended by a row whose name is NULL. A row whose name is "" is a heading, its text in `help`. */
extern const struct evf__cli_option evf__cli_options[];

#endif
