/* SPDX-License-Identifier: MIT
 *
 * A script: a conversation as steps, each with the line that it stands on.
 *
 * script_line.c cuts a line into words, script_read.c makes steps of them, script_play.c plays
 * them. A script does not change while it is played. One thread.
 */
#ifndef EVF_TESTKIT_SCRIPT_H
#define EVF_TESTKIT_SCRIPT_H

#include "testkit/sim.h"

/* -- lines -- */

enum evf__word_kind { EVF__WORD_BARE, EVF__WORD_TEXT, EVF__WORD_GAP };

struct evf__word {
    enum evf__word_kind kind;
    const char *at; /* of a bare word: its characters, with a terminator */
    uint8_t *bytes; /* of a text, unescaped */
    size_t len;
};

enum { EVF__WORDS_MAX = 256 };

struct evf__script_line {
    struct evf__word words[EVF__WORDS_MAX];
    unsigned count;
};

/* Cuts a line, or adds the words of one that continues it. The text is changed, and must outlive
 * the words. 0, or -EINVAL with what is wrong in error. */
int evf__script_line_cut(struct evf__script_line *line, char *text, char *error, size_t size);
void evf__script_line_free(struct evf__script_line *line);

/* -- steps -- */

enum evf__step_kind {
    EVF__STEP_CONNECT,
    EVF__STEP_LISTEN,
    EVF__STEP_NAME,
    EVF__STEP_SEND,
    EVF__STEP_EXPECT,
    EVF__STEP_EXPECT_NOTHING,
    EVF__STEP_EXPECT_END,
    EVF__STEP_EXPECT_CLOSED,
    EVF__STEP_EXPECT_RESET,
    EVF__STEP_END,
    EVF__STEP_RESET,
    EVF__STEP_STOP_READING,
    EVF__STEP_READ,
    EVF__STEP_IGNORE,
    EVF__STEP_ACCEPT,
    EVF__STEP_REFUSE,
    EVF__STEP_HANG,
    EVF__STEP_ANSWER,
    EVF__STEP_ADVANCE,
    EVF__STEP_RUN,
    EVF__STEP_STOP,
};

struct evf__step {
    enum evf__step_kind kind;
    int line;
    char *shown;              /* the line, for the report */
    unsigned actor, other;    /* indices into the script's actors */
    char *text, *second;      /* an address; a name and its addresses */
    struct evf__word *pieces; /* of what is sent or expected */
    unsigned piece_count;
    uint64_t ms;
};

struct evf__actor {
    char name[32];
    bool upstream;
};

enum { EVF__ACTORS_MAX = 1024, EVF__STEPS_MAX = 100 * 1000 };

struct evf_sim_script {
    char *name;
    char *options; /* of the plugin; NULL: none */
    struct evf__actor actors[EVF__ACTORS_MAX];
    unsigned actor_count;
    struct evf__step *steps;
    unsigned step_count, step_room;
};

#endif
