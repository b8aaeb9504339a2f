/* SPDX-License-Identifier: MIT
 *
 * Every limit of this plugin that is not an option, with the reason for its value.
 */
#ifndef CHAT_LIMITS_H
#define CHAT_LIMITS_H

enum {
    /* Bytes of a name or a room: what max-name may be raised to. Labels are copied into every
     * letter, so they stay small. */
    CHAT_LABEL_MAX = 64,

    /* Messages of one person that are under way at the same time. Enough to hide the hops between
     * the workers; few enough that one who floods fills no mailbox and holds little memory. */
    CHAT_WINDOW = 8,

    /* A line of news: two names, a few words, and why somebody left. */
    CHAT_NEWS_MAX = 2 * CHAT_LABEL_MAX + 64,

    /* A line that answers one person: a label and a sentence; of /who as many names as fit. */
    CHAT_REPLY_MAX = 1024,

    /* Bytes of names that each worker adds to the answer to /who; the rest is only counted. */
    CHAT_WHO_MAX = 8 * 1024,

    /* How soon a line is tried again that found a full mailbox. A mailbox empties within a turn or
     * two, which take far less. */
    CHAT_RETRY_MS = 2,

    /* How long somebody may be behind, with more than write-high waiting for them, and how much
     * more may be added meanwhile. In one turn a worker may get CHAT_WINDOW messages from
     * everybody: with two hundred people and lines of 1 KiB that is 1.6 MiB. Together with
     * write-high it stays below write-max, also where slices hold twice their size, so that whoever
     * is dropped can be told. */
    CHAT_PATIENCE_MS = 1000,
    CHAT_BEHIND_MAX = 2 * 1024 * 1024,

    /* How long the last words may take to reach somebody who reads slowly or not at all. */
    CHAT_GOODBYE_MS = 5 * 1000,

    /* People who only listen are not idle, so the kernel asks whether they are still there: dead
     * peers are found after two minutes. */
    CHAT_ALIVE_IDLE_S = 60,
    CHAT_ALIVE_INTERVAL_S = 15,
    CHAT_ALIVE_COUNT = 4,

    /* Slots of a new table; it doubles when it is full. */
    CHAT_TABLE_SLOTS = 16,
};

#endif
