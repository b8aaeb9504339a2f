/* SPDX-License-Identifier: MIT
 *
 * Every limit of the framework, with the reason for its value. Nothing is unbounded.
 */
#ifndef EVF_BASE_LIMITS_H
#define EVF_BASE_LIMITS_H

#include "base/simulated.h"

enum evf__limit {
    /* Each worker has a number of 8 bits in its streams' ids; machines with more CPUs run several
     * processes. */
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

    /* Posts that a mailbox holds: half a gigabyte of nodes, far beyond any use; the free list has
     * 25 bits for a node's number. */
    EVF__MAILBOX_CAPACITY_MAX = 1 << 24,

    /* Helper threads for offloaded work; more would only wait for the same disks. */
    EVF__OFFLOAD_THREADS_MAX = 256,

    /* Offloaded work that may be allowed to wait: beyond a million nobody waits for the answer. */
    EVF__OFFLOAD_QUEUE_MAX = 1 << 20,

    /* Bytes read from one stream in one turn: four default pages. */
    EVF__READ_BUDGET = 256 * 1024,

    /* So many streams, or so many bytes, are received in a row before they are presented: enough
     * that the change between the kernel's code and ours does not count any more (with 64 nothing
     * is gained over 16), and little enough that the bytes are still in the first cache. */
    EVF__RECEIVE_BATCH = 32,
    EVF__RECEIVE_BATCH_BYTES = 8 * 1024,

    /* The least room for a read; below it the page counts as full. A segment of a loopback or
     * jumbo-frame network is larger, one of an Ethernet (1448) fits. The
     * simulator fills pages to their last byte, so that small input comes to their end too. */
    EVF__READ_ROOM_MIN = EVF__IS_SIMULATED ? 1 : 4096,

    /* A turn longer than this took long: what moved in it counts as moved at its end, so that a
     * stall does not make streams look idle. Well above the coarse clock's 10 ms. */
    EVF__LONG_TURN_MS = 50,

    /* Slices below this are copied instead of held: a byte must not pin a page. */
    EVF__SLICE_COPY_BELOW = 1024,

    /* Pieces of one sendmsg; the kernel's own limit is 1024, beyond 64 nothing is gained. */
    EVF__PIECES_PER_SEND = 64,

    /* Descriptors of one message of a unix socket: the kernel's own limit (SCM_MAX_FD). */
    EVF__FDS_PER_MESSAGE = 253,

    /* Descriptors that wait in one stream's queue: from the first number on a write answers
     * EVF_FULL, above the second the peer is too slow. They are the process's scarcest good: a
     * peer that does not read must not use them up. */
    EVF__FDS_QUEUED_HIGH = 16,
    EVF__FDS_QUEUED_MAX = 64,

    /* Bytes of files sent for one stream in one turn, so that a large file cannot hold the loop. */
    EVF__FILE_BUDGET = 1024 * 1024,

    /* Input after evf_end and its flush, before the stream is closed as one that will not stop. */
    EVF__LINGER_INPUT_MAX = 1024 * 1024,
    EVF__LINGER_MS = 5000,

    /* Addresses of one host that are tried or listened on; more are cut off. */
    EVF__ADDRESSES_MAX = 32,

    /* Name look-ups of one worker. Queries under way: 256 answers fit a socket's default receive
     * buffer many times over, and any server takes so many. What is asked beyond them waits in
     * order. */
    EVF__DNS_QUERIES_MAX = 256,
    /* Names that are being looked up or wait for it: far above what a worker can have streams for.
     */
    EVF__LOOKUPS_MAX = 65536,
    /* Answers kept: a worker that talks to more hosts than this by name asks again now and then. */
    EVF__LOOKUPS_KEPT_MAX = 1024,
    /* Buckets of the table of both; chains are short for what is kept. */
    EVF__LOOKUP_BUCKETS = 2048,
    /* Look-ups told in one turn before the streams get their share. */
    EVF__ANSWER_BUDGET = 256,
    /* The time for one look-up when nothing else is said, as resolv.conf(5) has it. */
    EVF__DNS_TIMEOUT_MS = 5000,
    /* An answer is kept for at most an hour, whatever its time to live, and that there is none for
     * at most a minute: so a mistake in a zone does not last for days. */
    EVF__DNS_TTL_MAX_S = 3600,
    EVF__DNS_NEGATIVE_TTL_MAX_S = 60,
    /* Servers that --dns-server takes; each multiplies the time until a failure is certain. */
    EVF__DNS_SERVERS_MAX = 8,
    /* Domains of resolv.conf that are tried; each costs a query for a name that does not exist. */
    EVF__DNS_DOMAINS_MAX = 32,
    /* Aliases followed in one answer, as resolvers commonly do. */
    EVF__DNS_ALIASES_MAX = 16,
    /* Records read of one answer: a malicious one must not keep the worker busy. */
    EVF__DNS_RECORDS_MAX = 512,

    /* The hosts file: bytes and names read of it, how often a change is looked for, and how long an
     * answer from it is good for. What is beyond the first two is told in the log. */
    EVF__HOSTS_FILE_MAX = 4 * 1024 * 1024,
    EVF__HOSTS_NAMES_MAX = 128 * 1024,
    EVF__HOSTS_CHECK_MS = 5000,
    EVF__HOSTS_TTL_MS = 5000,
    /* When no helper can be had to read it: until the next attempt. */
    EVF__HOSTS_RETRY_MS = 20,

    /* Entries of one list of addresses: public block lists stay below it, and it takes 34 MiB. */
    EVF__PREFIXES_MAX = 1 << 20,

    /* Bytes of a line in such a list: an address, a prefix's length, and room for a comment. */
    EVF__PREFIX_LINE_MAX = 1024,

    /* What Linux takes as times and probes of keep-alive (MAX_TCP_KEEPIDLE, MAX_TCP_KEEPCNT). */
    EVF__KEEPALIVE_MAX_S = 32767,
    EVF__KEEPALIVE_PROBES_MAX = 127,

    /* How long the kernel may keep a silent connection to itself: while it does, no time-out of
     * ours runs, and at a stop such connections are lost. */
    EVF__DEFER_ACCEPT_MAX_S = 60,

    /* Bytes of a user's or group's entry; a group names all its members. */
    EVF__USER_ENTRY_MAX = 1024 * 1024,

    /* A PROXY header. One with all that HAProxy and the clouds' balancers put into it, a client
     * certificate's name included, has below 1 KiB; nginx takes as much. */
    EVF__PROXY_HEADER_MAX = 4096,

    /* What is made ready for one at first: a line of version 1, or version 2 with unix addresses.
     */
    EVF__PROXY_ROOM = 232,

    /* The time for a whole one: above the 3 s of a lost segment. At most a minute, since nothing
     * else bounds a connection that waits for it. */
    EVF__PROXY_TIMEOUT_MS = 5000,
    EVF__PROXY_TIMEOUT_MAX_MS = 60 * 1000,

    /* A host as text: RFC 1035 allows 255 bytes on the wire, which is 253 characters and a dot. */
    EVF__HOST_MAX = 254,

    /* A connect as a whole, where the plugin gives no time. */
    EVF__CONNECT_TIMEOUT_MS = 10000,

    /* Between attempts at a host's addresses: RFC 8305, section 8, which wants at least 10 ms. */
    EVF__ATTEMPT_DELAY_MS = 250,
    EVF__ATTEMPT_DELAY_MIN_MS = 10,

    /* How long IPv4 addresses wait for IPv6 ones: RFC 8305, section 8. */
    EVF__RESOLUTION_DELAY_MS = 50,

    /* A unix socket whose backlog is full tells nobody when it has room: it is tried again after
     * the first time, then after twice as long each time, up to the second. */
    EVF__UNIX_RETRY_MS = 5,
    EVF__UNIX_RETRY_MAX_MS = 100,

    /* Kinds of outgoing streams (instance and handler) that a worker remembers while none is in
     * use, and among how many it looks for one: plugins have a handful. More work, slower. */
    EVF__OUTGOING_IDLE_MAX = 16,
    EVF__OUTGOING_SEARCHED = 32,

    /* A struct from a newer header is looked at up to here for fields that are not known. */
    EVF__CONNECT_STRUCT_MAX = 4096,

    /* The time over which min-rate is measured, and how often a stream is looked at for it. */
    EVF__RATE_WINDOW_MS = 10000,
    EVF__RATE_LOOK_MS = 1000,

    /* A handler's state per stream. */
    EVF__STREAM_STATE_MAX = 64 * 1024,

    /* Free pages and free blocks per size that a worker keeps: 64 pages are 4 MiB by default. */
    EVF__PAGES_FREE_MAX = 64,
    EVF__BLOCKS_FREE_MAX = 128,

    /* The largest block: far above any sensible frame, and sizes stay within 32 bits. */
    EVF__BLOCK_MAX = 1024 * 1024 * 1024,

    /* Arenas of jemalloc made in one process: one for each worker of a server of the largest size.
     * Workers beyond them share the arenas that jemalloc gives their threads. */
    EVF__ARENAS_MAX = EVF__WORKERS_MAX,

    /* One log line with its terminator, and lines in one thread's ring. */
    EVF__LOG_LINE_MAX = 1024,
    EVF__LOG_RING_LINES = 256,

    /* Log lines are gathered up to this for one write: PIPE_BUF, so that a write into a pipe is
     * whole, and does not block when the pipe was writable. */
    EVF__LOG_BATCH = 4096,

    /* How long writing waits for a terminal or pipe that takes nothing. Then lines are lost and
     * counted, and it does not wait again until something was taken: nobody's stop hangs on it. */
    EVF__LOG_WAIT_MS = 1000,

    /* Longer names are not compared for 'did you mean': the work grows with the square. */
    EVF__NAME_COMPARED_MAX = 64,

    /* Rounds in which mailboxes and offloaded work run out at the stop; work that keeps posting
     * itself is cut off here. */
    EVF__STOP_ROUNDS = 64,

    /* After a second stop request, how long a callback may still take before it is given up. */
    EVF__STUCK_MS = 1000,

    /* A row of refused connections is one burst, told once at its beginning and once at its end:
     * when none was refused for so long. */
    EVF__REFUSAL_BURST_MS = 1000,

    /* Lines of one worker in that time about connections closed for their PROXY headers: enough to
     * see who sends what, and no flood. */
    EVF__REFUSAL_LINES_MAX = 8,

    /* How far past the deadline of a stop the first warning names what does not return. */
    EVF__SLOW_STOP_MS = 3000,

    /* Attempts to lock a socket's lock file that somebody removes each time in between. */
    EVF__LOCK_ATTEMPTS = 16,

    /* Ports that are tried for a listener with several addresses, where the system chooses one and
     * it is in use on another address: with a tenth of them in use, all fail once in 10^16. */
    EVF__PORT_ATTEMPTS = 16,

    /* Accepting stands still for so long when even the reserve descriptor is gone. */
    EVF__ACCEPT_BACKOFF_MS = 100,

    /* A plugin file is copied into memory before it is opened; with debug information a large C++
     * plugin stays below. */
    EVF__PLUGIN_FILE_MAX = 256 * 1024 * 1024,

    /* Texts of a plugin: name and version stand in every log line about it; a summary, an option's
     * help and a choice are one line. */
    EVF__PLUGIN_NAME_MAX = 63,

    /* The name of a project of `evframe new`: it begins the names of functions, whose lines should
     * stay readable. */
    EVF__PROJECT_NAME_MAX = 32,

    /* A file of such a project: ten times the longest, so that a wrong file is seen as wrong. */
    EVF__TEMPLATE_SIZE_MAX = 64 * 1024,
    EVF__PLUGIN_TEXT_MAX = 255,

    /* Options of one plugin, choices of one option, and the bytes of one entry: an array whose end
     * is missing, or whose stride is wrong, must not be walked for ever. */
    EVF__OPTIONS_MAX = 256,
    EVF__OPTION_CHOICES_MAX = 256,
    EVF__OPTION_SIZE_MAX = 4096,

    /* State of an instance, and of a worker for it; a size above it is a mistake in the file. */
    EVF__PLUGIN_STATE_MAX = 1024 * 1024 * 1024,

    /* Plugins in use that reports of crashes know by name: two servers of the most listeners. */
    EVF__PLUGINS_KNOWN_MAX = 512,

    /* Calls of a backtrace: the innermost tell what happened, the outermost who began it. A stack
     * of 8 MiB holds half a million of the smallest frames; walking a million takes about a second.
     */
    EVF__FRAMES_FIRST = 48,
    EVF__FRAMES_LAST = 16,
    EVF__FRAMES_WALKED_MAX = 1000 * 1000,

    /* How long finding the names of a backtrace may take: reading the debug information of a large
     * C++ plugin from a slow disk stays below. */
    EVF__SYMBOLS_S = 20,

    /* A callback may hold its worker so long before it is told of; less than the second is not told
     * apart from a busy machine. */
    EVF__STALL_WARN_MS = 100,
    EVF__STALL_WARN_MIN_MS = 10,
    /* Looks in that time: a stall is told at most a quarter late. Above the second nobody minds. */
    EVF__STALL_LOOKS = 4,
    EVF__STALL_LOOK_MAX_MS = 250,
    /* How long a worker may take to say where it is: one that waits for a disk takes no signal. */
    EVF__STALL_ANSWER_S = 1,

    /* What a crash report runs on: the kernel's frame (up to 11 KiB with AMX), the unwinder's state
     * and our own lines, several times over. Only touched when there is a crash. */
    EVF__CRASH_STACK = 128 * 1024,

    /* A listener's options as text: one argument of a command line, as the kernel limits it. It
     * limits the values of a repeatable option too. */
    EVF__OPTIONS_TEXT_MAX = 128 * 1024,

    /* The largest unconsumed input that a stream may be allowed; a block's own limit. */
    EVF__MAX_FRAME_MAX = 1024 * 1024 * 1024,
};

/* The longest idle time and linger: half of a 32-bit clock, so that a comparison cannot wrap. */
#define EVF__TIMEOUT_MAX_MS 0x7fffffffu

#endif
