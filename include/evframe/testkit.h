/* SPDX-License-Identifier: MIT
 *
 * The simulator: a plugin's real streams, pages, timers and queues on a simulated network and a
 * virtual clock, in one thread, without sockets and without waiting. Link with evframe-testkit in
 * place of evframe.
 *
 *     evf_sim *sim = evf_sim_new(&(struct evf_sim_options){
 *         .struct_size = sizeof(struct evf_sim_options),
 *         .plugin = &evf_plugin,
 *         .options = "max-line=80",
 *     });
 *     evf_sim_peer *a = evf_sim_connect(sim);
 *     evf_sim_send_text(a, "hello\n");
 *     evf_sim_expect_text(a, "hello\n");
 *     cr_assert(evf_sim_end(sim), "%s", evf_sim_report(sim));
 *     evf_sim_free(sim);
 *
 * A simulation that has failed stays failed: what is called then does nothing, and the report says
 * what went wrong first. So a test needs to look once, at its end.
 *
 * Troubles. A seed and a set of troubles make the network, and the machine, behave badly in a
 * repeatable way. The mild ones are those that a peer must not notice: whatever a plugin sends must
 * be the same. The harsh ones (resets, no memory, …) do harm: when the first has happened,
 * expectations that are not met are let pass, but everything else still holds: no rule of the API
 * is broken, nothing crashes, every stream is closed and nothing is left behind. Of the seeds, the
 * even ones have mild troubles only; seed 0 has none at all.
 *
 * Time stands still but for evf_sim_advance (and the trouble EVF_SIM_TIME).
 *
 * One simulation at a time in a process, and one thread for all of it.
 */
#ifndef EVFRAME_TESTKIT_H
#define EVFRAME_TESTKIT_H

#include <evframe/evframe.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct evf_sim evf_sim;
/* One connection, seen from its other side: a client that was made by evf_sim_connect, or what an
 * outgoing stream of the plugin has reached. Lives until evf_sim_free. */
typedef struct evf_sim_peer evf_sim_peer;
/* An address that outgoing streams can reach. Lives until evf_sim_free. */
typedef struct evf_sim_upstream evf_sim_upstream;

enum evf_sim_trouble {
    /* Mild: no peer may notice. */
    EVF_SIM_CUTS = 1u << 0,         /* input comes in pieces, cut at any position */
    EVF_SIM_SHORT_WRITES = 1u << 1, /* a write takes a part, or nothing for a while */
    EVF_SIM_SLOW_READERS = 1u << 2, /* peers read late; the write queue counts as full early */
    EVF_SIM_ORDER = 1u << 3,        /* what is ready at the same time comes in any order, or late */
    EVF_SIM_PAGE_ENDS = 1u << 4,    /* input ends at the last byte of readable memory */

    /* Harsh. */
    EVF_SIM_RESETS = 1u << 8,    /* peers reset their connections */
    EVF_SIM_STALLS = 1u << 9,    /* peers stop reading, until the end */
    EVF_SIM_MEMORY = 1u << 10,   /* allocations fail, the plugin's and the framework's */
    EVF_SIM_FULL = 1u << 11,     /* mailbox and offload queue are full */
    EVF_SIM_CONNECTS = 1u << 12, /* outgoing connects are refused, or hang */
    EVF_SIM_LOOKUPS = 1u << 13,  /* look-ups fail, or hang */
    EVF_SIM_TIME = 1u << 14,     /* the clock jumps ahead; turns take long */

    EVF_SIM_MILD = 0xffu,
    EVF_SIM_ALL = 0xffffu
};

/* Zero in a field means its default. Strings are copied. */
struct evf_sim_options {
    uint32_t struct_size; /* sizeof(struct evf_sim_options) */
    uint32_t troubles;    /* enum evf_sim_trouble; default: none */
    uint64_t seed;        /* the same seed, the same run, to the byte */

    /* The plugin: its descriptor, or when that is NULL a path with a slash, or a name that is
     * looked for in the folders of plugin_path, separated by ':'. */
    const struct evf_plugin *plugin;
    const char *plugin_file;
    const char *plugin_path;
    const char *options; /* `name=value,…`, the listener's own included; default: none */

    uint64_t wall_ms;   /* the calendar at the start; default: 2026-01-01 00:00:00 UTC */
    uint32_t page_size; /* default 64 KiB; 16 KiB … 1 MiB, a power of two */
    uint32_t mailbox;   /* posts that the mailbox holds; default 1024 */
    uint32_t settle_ms; /* at the end: how long after its peer a stream may live; default 30 s */
    int trace_fd;       /* where every event is written to, as a line each; default (0): nowhere */
    uint32_t log_level; /* 1 + enum evf_level: lines for the report; default: warnings */
    bool keep_image;    /* do not give a loaded plugin its variables back before it starts */
};

/* Loads the plugin, reads its options, calls `start` and `worker_start`. Never NULL but for lack of
 * memory: what is wrong with the plugin or the options is the report of a failed simulation. */
EVF_API evf_sim *evf_sim_new(const struct evf_sim_options *options);

/* Ends the play and proves that nothing is left: every peer ends its side and reads what comes;
 * each accepted stream must then be closed within settle_ms; the worker stops gracefully, and no
 * stream, slice, timer or memory of the plugin may be left. Bytes that came to a peer before and
 * were not expected are a failure too. True when nothing is wrong. Called again it tells the same.
 */
EVF_API bool evf_sim_end(evf_sim *sim);

/* What went wrong first, with the seed, the place, the last log lines; "" when nothing did. Valid
 * until evf_sim_free. */
EVF_API const char *evf_sim_report(const evf_sim *sim);
EVF_API bool evf_sim_failed(const evf_sim *sim);

/* Frees everything; a simulation that was not ended is stopped without looking at it. NULL is fine.
 */
EVF_API void evf_sim_free(evf_sim *sim);

/* ---- Many seeds ---- */

typedef void evf_sim_play_fn(evf_sim *sim, void *argument);

/* Plays it with `count` seeds from options->seed on, evf_sim_end included, up to the first that
 * fails: its report goes to standard error and its seed to *ret_seed (which may be NULL). 0, or -1
 * when one has failed. The environment may say otherwise: EVF_SIM_SEED=N plays that one alone, with
 * a trace to standard error, EVF_SIM_SEEDS=N so many. */
EVF_API int evf_sim_seeds(const struct evf_sim_options *options, uint64_t count,
                          evf_sim_play_fn *play, void *argument, uint64_t *ret_seed);

/* ---- Peers ---- */

/* A client connects; the plugin's `open` comes when the simulation runs next. `address` in the
 * second form: 192.0.2.7:4000, [2001:db8::7]:4000. Never NULL. */
EVF_API evf_sim_peer *evf_sim_connect(evf_sim *sim);
EVF_API evf_sim_peer *evf_sim_connect_from(evf_sim *sim, const char *address);

/* Sends bytes. On a connection that is closed they are lost, as they are on a network. */
EVF_API void evf_sim_send(evf_sim_peer *peer, const void *data, size_t len);
EVF_API void evf_sim_send_text(evf_sim_peer *peer, const char *text);

/* The next bytes that come are these. Runs the simulation until they are there or nothing moves any
 * more. False when something else comes, or too little: the simulation has failed. */
EVF_API bool evf_sim_expect(evf_sim_peer *peer, const void *data, size_t len);
EVF_API bool evf_sim_expect_text(evf_sim_peer *peer, const char *text);
/* Any bytes come, and then these, for the first time. */
EVF_API bool evf_sim_expect_until(evf_sim_peer *peer, const void *data, size_t len);
/* No byte more comes before the simulation is at rest. */
EVF_API bool evf_sim_expect_nothing(evf_sim_peer *peer);
/* No byte more comes, but the end: a half-close, or more. */
EVF_API bool evf_sim_expect_end(evf_sim_peer *peer);
/* The same, and the connection is gone: closed on both sides, or reset. */
EVF_API bool evf_sim_expect_closed(evf_sim_peer *peer);
EVF_API bool evf_sim_expect_reset(evf_sim_peer *peer);
/* Whatever comes, now or later, is right. */
EVF_API void evf_sim_ignore(evf_sim_peer *peer);

/* What has come and was not expected yet; *ret_len bytes, valid until the next call. Runs the
 * simulation until it is at rest. evf_sim_take marks the first len of them as expected. */
EVF_API const uint8_t *evf_sim_received(evf_sim_peer *peer, size_t *ret_len);
EVF_API void evf_sim_take(evf_sim_peer *peer, size_t len);

/* Ends the peer's side: a half-close behind what was sent. */
EVF_API void evf_sim_close_write(evf_sim_peer *peer);
/* RST: bytes under way, in both directions, may be lost. */
EVF_API void evf_sim_reset(evf_sim_peer *peer);
/* Stops and starts reading. One that does not read takes 64 KiB more, as two kernels' buffers do.
 */
EVF_API void evf_sim_stop_reading(evf_sim_peer *peer);
EVF_API void evf_sim_read(evf_sim_peer *peer);

/* The peer's stream while it lives, else NULL; for a test that looks inside. */
EVF_API evf_stream *evf_sim_stream(const evf_sim_peer *peer);

/* ---- What the plugin reaches ---- */

enum evf_sim_answer { EVF_SIM_ACCEPTS, EVF_SIM_REFUSES, EVF_SIM_HANGS };

/* Somebody listens there: 192.0.2.1:80, [2001:db8::1]:80, unix:/path. Connects to addresses where
 * nobody does are refused. It accepts, until evf_sim_answer says otherwise. */
EVF_API evf_sim_upstream *evf_sim_listen(evf_sim *sim, const char *address);
EVF_API void evf_sim_set_answer(evf_sim_upstream *upstream, enum evf_sim_answer answer);
/* The next connection that was made there, in their order. Runs the simulation until there is one.
 * When there is none the simulation has failed, and the peer is one that is closed. Never NULL. */
EVF_API evf_sim_peer *evf_sim_accept(evf_sim_upstream *upstream);

/* What the name's look-up gives: IP addresses, separated by blanks; or "unknown" (no such name),
 * "fails" (the name servers do not answer properly), "hangs". Names that are not given are unknown.
 */
EVF_API void evf_sim_name(evf_sim *sim, const char *host, const char *addresses);

/* ---- Time, and the rest ---- */

/* Runs until nothing moves any more. */
EVF_API void evf_sim_run(evf_sim *sim);
/* Lets time pass, deadline by deadline. */
EVF_API void evf_sim_advance(evf_sim *sim, uint64_t ms);
/* The graceful stop begins, as by SIGTERM with that --grace: no connection comes any more. */
EVF_API void evf_sim_stop(evf_sim *sim, uint32_t grace_ms);
/* The time since the start, in ms. */
EVF_API uint64_t evf_sim_now(const evf_sim *sim);
/* A number that is different with every run that is: over every byte, callback and time. */
EVF_API uint64_t evf_sim_digest(const evf_sim *sim);
/* True when a harsh trouble has happened. */
EVF_API bool evf_sim_harmed(const evf_sim *sim);
EVF_API uint64_t evf_sim_seed(const evf_sim *sim);
/* A random number of the seed, for what a test wants to vary. */
EVF_API uint64_t evf_sim_random(evf_sim *sim);
/* A failure of the test's own. */
EVF_API void evf_sim_fail(evf_sim *sim, const char *format, ...) EVF_PRINTF(2, 3);
/* Where the play is, for the report: a file's line, and what stands there. Copied. */
EVF_API void evf_sim_here(evf_sim *sim, const char *file, int line, const char *text);

/* The one worker, for evf_post and the like; and the instance. NULL when the start has failed. */
EVF_API evf_worker *evf_sim_worker(evf_sim *sim);
EVF_API evf_instance *evf_sim_instance(evf_sim *sim);

/* ---- Scripts ---- */

typedef struct evf_sim_script evf_sim_script;

/* Reads a conversation (docs/testkit.md has the language). NULL with a sentence that names file and
 * line in error. A script may be played many times. */
EVF_API evf_sim_script *evf_sim_script_read(const char *path, char *error, size_t size);
/* The same from memory; `name` stands for the file in messages. */
EVF_API evf_sim_script *evf_sim_script_parse(const char *name, const char *text, size_t len,
                                             char *error, size_t size);
EVF_API void evf_sim_script_free(evf_sim_script *script);
/* What its line `options` gives the plugin; NULL when it has none. */
EVF_API const char *evf_sim_script_options(const evf_sim_script *script);
/* An evf_sim_play_fn; the script is its argument. */
EVF_API void evf_sim_script_play(evf_sim *sim, void *script);

#ifdef __cplusplus
}
#endif

#endif
