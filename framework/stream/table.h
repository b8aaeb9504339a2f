/* SPDX-License-Identifier: MIT
 *
 * The table of a worker's streams: their memory, and finding them by id in O(1).
 *
 * Streams with the same size of handler state share chunks: 32 KiB, aligned to that, so that a
 * stream's address gives its chunk and the chunk gives the worker, without a pointer in each
 * stream. A stream of more than a chunk has a chunk of its own size. An id is
 *
 *   generation (32 bits) | table number (8) | chunk number (16) | index in the chunk (8)
 *
 * Each slot counts its generations from 1, and keeps the count while it is free; a slot whose count
 * is used up is never used again, so no id ever returns. A chunk that became empty goes back to the
 * source, one spare per size apart; its number remembers the highest generation, and a new chunk of
 * that number goes on from there. Table numbers are the process's, and remember likewise, so that
 * ids stay unique where several servers live in a process. One thread, but for taking a number.
 */
#ifndef EVF_STREAM_TABLE_H
#define EVF_STREAM_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <evframe/base.h>

#include "base/list.h"
#include "memory/extent.h"

enum {
    EVF__CHUNK_SIZE = 32 * 1024,
    EVF__CHUNK_HEADER = 64,
    EVF__CHUNK_STREAMS_MAX = 256, /* 8 bits of an id */
    EVF__CHUNKS_MAX = 65536,      /* 16 bits of an id: 8 million streams of the usual size */
    EVF__STREAM_CLASSES_MAX = 64, /* different state sizes on one worker, in steps of 16 bytes */
};

struct evf__stream_chunk {
    evf_worker *worker;
    const struct evf__stream_table *table;
    struct evf__stream_class *class;
    evf_stream *free;
    struct evf__list link; /* in its class's list of chunks with room */
    uint32_t number;
    uint16_t capacity, used; /* a slot that is used up counts as used for ever */
    uint32_t stride;
};
_Static_assert(sizeof(struct evf__stream_chunk) <= EVF__CHUNK_HEADER, "streams start behind it");

struct evf__stream_class {
    size_t stride; /* stream and state */
    struct evf__list with_room;
    unsigned empty; /* chunks without a stream */
};

struct evf__stream_table {
    evf_worker *worker;
    const struct evf__extents *extents;
    unsigned number;           /* unlike that of any other table in the process now */
    uint32_t first_generation; /* above those of the tables that had the number before */
    struct evf__chunk_entry {
        struct evf__stream_chunk *chunk; /* NULL: the number is free */
        uint32_t generation;             /* what a new chunk of this number goes on from */
    } * chunks;
    uint32_t chunk_count, chunk_room;
    struct evf__stream_class classes[EVF__STREAM_CLASSES_MAX];
    unsigned class_count;
    size_t count; /* streams */
};

static inline struct evf__stream_chunk *evf__stream_chunk(const evf_stream *stream)
{
    return (struct evf__stream_chunk *)((uintptr_t)stream & ~(uintptr_t)(EVF__CHUNK_SIZE - 1));
}

/* 0, or -EAGAIN when EVF__WORKERS_MAX tables exist in this process. */
int evf__stream_table_init(struct evf__stream_table *table, evf_worker *worker,
                           const struct evf__extents *extents);
/* Asserts that no stream is left. */
void evf__stream_table_fini(struct evf__stream_table *table);

/* A zeroed stream with its handler's state, IN_USE and with a new generation; NULL without memory
 * or numbers. */
evf_stream *evf__stream_table_take(struct evf__stream_table *table, size_t state_size);
void evf__stream_table_give(struct evf__stream_table *table, evf_stream *stream);

uint64_t evf__stream_table_id(const evf_stream *stream);
/* The stream of that id when it exists, else NULL. */
evf_stream *evf__stream_table_find(const struct evf__stream_table *table, uint64_t id);
/* The stream in a slot, or NULL: for walking, with chunk < table->chunk_count, index < 256. */
evf_stream *evf__stream_table_at(const struct evf__stream_table *table, uint32_t chunk,
                                 uint32_t index);

/* Asserts every invariant. */
void evf__stream_table_check(const struct evf__stream_table *table);

#endif
