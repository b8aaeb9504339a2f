/* SPDX-License-Identifier: MIT
 *
 * Every limit of the framework, with the reason for its value. Nothing is unbounded.
 */
#ifndef EVF_BASE_LIMITS_H
#define EVF_BASE_LIMITS_H

enum evf__limit {
    /* A worker's index has 8 bits of a stream's id; machines with more CPUs run several servers. */
    EVF__WORKERS_MAX = 256,

    /* Listeners of one server: each costs a descriptor and a line in the log. */
    EVF__LISTENERS_MAX = 256,

    /* Figures that plugins may add to one server; each worker has a slot for each (8 bytes). */
    EVF__PLUGIN_FIGURES_MAX = 256,

    /* Connections accepted per listener and turn, so that one busy port cannot starve another;
     * nginx and memcached take a similar number. */
    EVF__ACCEPT_BATCH = 64,

    /* Accepted descriptors on their way to one worker. Behind it the kernel's backlog waits. */
    EVF__HANDOVER_CAPACITY = 1024,

    /* Arrivals, posts and timers handled in one turn before the streams get their share. */
    EVF__ARRIVAL_BUDGET = 256,
    EVF__MAILBOX_BUDGET = 256,
    EVF__TIMER_BUDGET = 4096,

    /* Bytes read from one stream in one turn: four default pages. */
    EVF__READ_BUDGET = 256 * 1024,

    /* The least room for a read; below it the page counts as full. A segment of a loopback or
     * jumbo-frame network is larger, one of an Ethernet (1448) fits. */
    EVF__READ_ROOM_MIN = 4096,

    /* Slices below this are copied instead of held: a byte must not pin a page. */
    EVF__SLICE_COPY_BELOW = 1024,

    /* Pieces of one sendmsg; the kernel's own limit is 1024, beyond 64 nothing is gained. */
    EVF__PIECES_PER_SEND = 64,

    /* Bytes of files sent for one stream in one turn, so that a large file cannot hold the loop. */
    EVF__FILE_BUDGET = 1024 * 1024,

    /* Input after evf_end and its flush, before the stream is closed as one that will not stop. */
    EVF__LINGER_INPUT_MAX = 1024 * 1024,
    EVF__LINGER_MS = 5000,

    /* The window over which min-rate is measured. */
    EVF__RATE_WINDOW_MS = 10000,

    /* A handler's state per stream. */
    EVF__STREAM_STATE_MAX = 64 * 1024,

    /* Free pages and free blocks per size that a worker keeps: 64 pages are 4 MiB by default. */
    EVF__PAGES_FREE_MAX = 64,
    EVF__BLOCKS_FREE_MAX = 128,

    /* One log line with its terminator, and lines in one thread's ring. */
    EVF__LOG_LINE_MAX = 1024,
    EVF__LOG_RING_LINES = 256,

    /* Rounds in which mailboxes and offloaded work run out at the stop; work that keeps posting
     * itself is cut off here. */
    EVF__STOP_ROUNDS = 64,

    /* After a second stop request, how long a callback may still take before it is given up. */
    EVF__STUCK_MS = 1000,

    /* Accepting stands still for so long when even the reserve descriptor is gone. */
    EVF__ACCEPT_BACKOFF_MS = 100,
};

/* The longest idle time and linger: half of a 32-bit clock, so that a comparison cannot wrap. */
#define EVF__TIMEOUT_MAX_MS 0x7fffffffu

#endif
