/* SPDX-License-Identifier: MIT
 *
 * The simulator from inside; for testkit/ only.
 *
 * The framework is compiled a second time for it (EVF__SIMULATED), with the files that touch the
 * outside world left out: loop/wait.c, loop/offload.c, loop/resolver_dns.c, loop/resolver_hosts.c,
 * stream/socket.c, stream/attempt.c, memory/extent.c, base/log.c and base/assert.c. What they
 * define is defined here, over one simulated world: clock.c, offload.c, names.c, transport.c,
 * attempt.c, memory.c, log.c and failure.c.
 *
 * Reading order: sim.c (a simulation from its beginning to its end), run.c (how it moves on),
 * network.c (what happens between two turns), trouble.c (the dice), peer.c (the other side).
 *
 * One simulation at a time in the process (evf__sim_current), one thread.
 */
#ifndef EVF_TESTKIT_SIM_H
#define EVF_TESTKIT_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <evframe/testkit.h>

#include "base/address.h"
#include "base/list.h"
#include "base/simulated.h"
#include "loop/worker.h"
#include "server/options.h"

/* Bytes that are appended at one end and taken at the other. */
struct evf__sim_bytes {
    uint8_t *data;
    size_t start, len, room;
};

struct evf__sim_dice {
    uint64_t state[2];
};

/* What goes wrong in this run: see trouble.c. */
struct evf__sim_plan {
    uint32_t on;        /* enum evf_sim_trouble, of those that were asked for */
    unsigned cuts;      /* enum cut */
    size_t cut_at;      /* CUT_ONCE: of all bytes that peers send */
    unsigned one_in;    /* mild things happen once in so many times */
    unsigned harsh_in;  /* likewise harsh ones */
    unsigned harsh_max; /* of each kind */
    size_t window;      /* of slow readers */
};

struct evf_sim_peer {
    evf_sim *sim;
    struct evf__list link; /* among the simulation's, in the order of their making */
    unsigned number;
    char name[64];
    evf_sim_upstream *upstream; /* NULL: a client */
    bool taken;                 /* by evf_sim_accept */
    union evf__address address; /* the peer's, as the stream sees it */
    socklen_t address_len;
    union evf__address local;
    socklen_t local_len;

    /* the stream's side */
    evf_stream *stream; /* NULL before it is accepted, and when its descriptor is closed */
    bool waits;         /* to be accepted */
    bool watches_input, watches_output;
    uint64_t stream_id;

    /* towards the stream */
    struct evf__sim_bytes in;
    size_t visible; /* of in: what can be received */
    bool ended, end_visible;
    bool reset_sent; /* the peer has reset */

    /* from the stream */
    struct evf__sim_bytes out; /* not expected yet */
    size_t got;                /* bytes in all */
    size_t room;               /* what the stream may send now */
    bool end_seen;             /* the stream's half-close */
    bool gone;                 /* the stream's side is closed */
    bool reset_seen;           /* by RST */
    bool stopped;              /* reads no more: by the play, or the dice */
    bool stalled;              /* by the dice */
    bool ignores, excused;
};

struct evf_sim_upstream {
    evf_sim *sim;
    struct evf__list link;
    union evf__address address;
    socklen_t address_len;
    char name[EVF_PEER_NAME_SIZE];
    enum evf_sim_answer answer;
};

/* A name and what its look-up gives. */
struct evf__sim_name {
    struct evf__list link;
    char *host, *addresses;
};

/* Where something was taken: return addresses, the innermost first. */
enum { EVF__SIM_PLACE_DEPTH = 8 };
struct evf__sim_place {
    void *frames[EVF__SIM_PLACE_DEPTH];
};

/* A loaded plugin: see subject.c. */
struct evf__sim_subject;

enum evf__sim_state { EVF__SIM_NEW, EVF__SIM_RUNS, EVF__SIM_ENDED };

struct evf_sim {
    /* set at start */
    struct evf_sim_options options;
    uint64_t seed;
    struct evf__sim_subject *subject;
    struct evf__server_settings settings;
    struct evf__figure_registry *figures;

    enum evf__sim_state state;
    evf_instance *instance;
    evf_worker *worker;
    bool worker_made, worker_started;
    evf_worker *workers[1];
    struct evf__origin origin; /* of accepted streams */
    uint64_t now_ms, begun_ms;
    bool stopping;

    struct evf__list peers, upstreams, names, offloads;
    unsigned peer_count;

    /* troubles */
    struct evf__sim_dice dice, play_dice;
    struct evf__sim_plan plan;
    unsigned harsh_done[16];
    bool quiet;  /* no harsh trouble any more */
    bool harmed; /* one has happened */
    size_t cut_left;
    evf_slice burned; /* what takes up a page up to its end */

    /* the trace */
    uint64_t digest, step;
    int trace_fd;
    struct evf__sim_bytes log; /* lines for the report */

    /* failure */
    bool failed, broken; /* broken: left in the middle of something, never to be touched again */
    char *report;
    sigjmp_buf escape;
    bool guarded;    /* the plugin or the framework runs: escape may be used */
    bool inside;     /* memory that is taken now is the plugin's */
    char *here;      /* where the play is */
    char crash[128]; /* what crashed, and where */
    struct evf__sim_place crash_place;
    int callback; /* enum evf__callback, of the one that runs */
    void *function;
};

extern evf_sim *evf__sim_current;

/* -- run.c -- */

/* Runs fn with the plugin's rules being watched: a rule that is broken, or a crash, is the
 * simulation's failure. False when it has failed. */
bool evf__sim_guard(evf_sim *sim, void (*fn)(evf_sim *sim, void *argument), void *argument);
/* One turn after the other until done says so or nothing moves. done may be NULL. False when the
 * simulation has failed. */
bool evf__sim_settle(evf_sim *sim, bool (*done)(evf_sim *sim, void *argument), void *argument);
bool evf__sim_pass(evf_sim *sim, uint64_t ms);
bool evf__sim_moves(const evf_sim *sim);

/* -- failure.c -- */

/* The first failure is kept, with the seed and the place. */
__attribute__((format(printf, 2, 3))) void evf__sim_fail(evf_sim *sim, const char *format, ...);
void evf__sim_signals(void);
void evf__sim_tell_crash(evf_sim *sim);
void evf__sim_append(struct evf__sim_bytes *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* -- observe.c -- */

/* False, with a sentence, when evf_ functions of this process are another library's. */
bool evf__sim_bound_here(char *error, size_t size);

/* -- bytes.c -- */

void evf__sim_bytes_add(struct evf__sim_bytes *bytes, const void *data, size_t len);
void evf__sim_bytes_take(struct evf__sim_bytes *bytes, size_t len);
void evf__sim_bytes_free(struct evf__sim_bytes *bytes);
static inline const uint8_t *evf__sim_bytes_at(const struct evf__sim_bytes *bytes)
{
    return bytes->data + bytes->start;
}
/* Up to `most` bytes as a quoted text of a script, into ret. */
const char *evf__sim_quote(const void *data, size_t len, size_t most, char *ret, size_t size);

/* -- trouble.c -- */

void evf__sim_plan_make(evf_sim *sim);
uint64_t evf__sim_roll(struct evf__sim_dice *dice);
void evf__sim_dice_seed(struct evf__sim_dice *dice, uint64_t seed);
/* 0 … below - 1. */
size_t evf__sim_below(evf_sim *sim, size_t below);
/* True once in the plan's many times, when that mild trouble is on. */
bool evf__sim_mild(evf_sim *sim, enum evf_sim_trouble trouble);
/* The same for what waits then, and must not wait for ever: false half of the time. */
bool evf__sim_late(evf_sim *sim, enum evf_sim_trouble trouble);
/* How many of the hidden bytes that a peer has sent come to be seen in this turn. */
size_t evf__sim_cut(evf_sim *sim, size_t hidden, bool at_rest);
/* True when that harsh trouble is to happen now; it has then happened. */
bool evf__sim_harsh(evf_sim *sim, enum evf_sim_trouble trouble, const char *what);

/* -- network.c -- */

void evf__sim_network_turn(evf_sim *sim);
bool evf__sim_network_moves(const evf_sim *sim);
void evf__sim_network_hooks(evf_sim *sim);
evf_sim_peer *evf__sim_peer_new(evf_sim *sim);
void evf__sim_peer_reset(evf_sim_peer *peer);
bool evf__sim_peer_readable(const evf_sim_peer *peer);
/* A connection's number as a descriptor, far above real ones: to close it by mistake harms none. */
enum { EVF__SIM_FD = 0x40000000 };
evf_sim_peer *evf__sim_peer_of_fd(int fd);

/* -- upstream.c -- */

evf_sim_upstream *evf__sim_upstream_find(evf_sim *sim, const struct sockaddr *to, socklen_t len);

/* -- offload.c -- */

void evf__sim_offload_turn(evf_sim *sim);
void evf__sim_offload_drop(evf_sim *sim);

/* -- memory.c -- */

void evf__sim_pages_burn(evf_sim *sim);
void evf__sim_pages_unburn(evf_sim *sim);

/* -- trace.c -- */

/* Notes what happens, for the digest, and for the trace when there is one. */
__attribute__((format(printf, 2, 3))) void evf__sim_note(evf_sim *sim, const char *format, ...);
/* A line for the trace alone. */
void evf__sim_trace_line(const evf_sim *sim, const char *what, const char *text);
void evf__sim_note_bytes(evf_sim *sim, const evf_sim_peer *peer, const char *what, const void *data,
                         size_t len);

/* -- place.c -- */

/* The callers, without the testkit's own. */
void evf__sim_place_take(struct evf__sim_place *ret);
/* Appends a line for each frame. */
void evf__sim_place_tell(struct evf__sim_bytes *text, const struct evf__sim_place *place);

/* -- leaks.c -- */

void evf__sim_leaks_reset(void);
/* After worker_stop: what of slices and timers is left. True when nothing is. */
bool evf__sim_leaks_worker(evf_sim *sim);
/* After stop: the plugin's memory. */
bool evf__sim_leaks_memory(evf_sim *sim);
void evf__sim_track(void *memory, size_t size);
/* False when it is not known. */
bool evf__sim_untrack(void *memory);

/* -- subject.c and imports.c -- */

/* Loads the plugin, or takes the one that is loaded already. NULL with a sentence in error. */
struct evf__sim_subject *evf__sim_subject_take(const struct evf_sim_options *options, char *error,
                                               size_t size);
void evf__sim_subject_drop(struct evf__sim_subject *subject);
const struct evf_plugin *evf__sim_subject_plugin(const struct evf__sim_subject *subject);
/* The file that was loaded under that name, which is the private copy's of a plugin. */
const char *evf__sim_subject_path(const char *loaded);
/* Gives its variables the values that they had when it was loaded. */
void evf__sim_subject_restore(struct evf__sim_subject *subject);
struct link_map;
/* Has the object's calls of malloc and its like, and of the clocks, come here. */
void evf__sim_imports_patch(struct link_map *map);

#endif
