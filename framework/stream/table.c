/* SPDX-License-Identifier: MIT
 *
 * The table of a worker's streams. See table.h.
 */
#include "stream/table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/poison.h"
#include "stream/state.h"

enum { CHUNKS_FIRST = 16 };

/* The tables of this process. Under the lock. */
static pthread_mutex_t numbers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool used;
    uint32_t generation; /* the highest that a table of this number gave out */
} numbers[EVF__WORKERS_MAX];

int evf__stream_table_init(struct evf__stream_table *table, evf_worker *worker,
                           const struct evf__extents *extents)
{
    int status = -EAGAIN;
    pthread_mutex_lock(&numbers_lock);
    for (unsigned i = 0; i < EVF__WORKERS_MAX && status != 0; i++) {
        if (numbers[i].used || numbers[i].generation == UINT32_MAX)
            continue;
        numbers[i].used = true;
        *table = (struct evf__stream_table){ .worker = worker,
                                             .extents = extents,
                                             .number = i,
                                             .first_generation = numbers[i].generation };
        status = 0;
    }
    pthread_mutex_unlock(&numbers_lock);
    return status;
}

static void give_number(const struct evf__stream_table *table)
{
    uint32_t highest = table->first_generation;
    for (uint32_t i = 0; i < table->chunk_count; i++)
        if (table->chunks[i].generation > highest)
            highest = table->chunks[i].generation;
    pthread_mutex_lock(&numbers_lock);
    /* In the simulator every run has the same ids. */
    numbers[table->number].generation = EVF__IS_SIMULATED ? 0 : highest;
    numbers[table->number].used = false;
    pthread_mutex_unlock(&numbers_lock);
}

static evf_stream *slot(const struct evf__stream_chunk *chunk, uint32_t index)
{
    return (evf_stream *)(void *)((char *)chunk + EVF__CHUNK_HEADER +
                                  (size_t)index * chunk->stride);
}

static size_t chunk_size(size_t stride)
{
    size_t need = EVF__CHUNK_HEADER + stride;
    return need > EVF__CHUNK_SIZE ? need : EVF__CHUNK_SIZE;
}

static void *state_of(evf_stream *stream)
{
    return stream + 1;
}

static size_t state_size_of(const struct evf__stream_chunk *chunk)
{
    return chunk->stride - sizeof(evf_stream);
}

static struct evf__stream_class *find_class(struct evf__stream_table *table, size_t stride)
{
    for (unsigned i = 0; i < table->class_count; i++)
        if (table->classes[i].stride == stride)
            return &table->classes[i];
    if (table->class_count == EVF__STREAM_CLASSES_MAX)
        return NULL;
    struct evf__stream_class *class = &table->classes[table->class_count++];
    class->stride = stride;
    evf__list_init(&class->with_room);
    return class;
}

/* A free chunk number; EVF__CHUNKS_MAX when there is none. Chunks come and go rarely: a scan is
 * cheap beside the memory that it is for. */
static uint32_t free_number(struct evf__stream_table *table)
{
    for (uint32_t i = 0; i < table->chunk_count; i++)
        if (table->chunks[i].chunk == NULL && table->chunks[i].generation < UINT32_MAX)
            return i;
    if (table->chunk_count == table->chunk_room) {
        uint32_t room = table->chunk_room == 0 ? CHUNKS_FIRST : table->chunk_room * 2;
        if (room > EVF__CHUNKS_MAX)
            return EVF__CHUNKS_MAX;
        struct evf__chunk_entry *chunks = realloc(table->chunks, room * sizeof *chunks);
        if (chunks == NULL)
            return EVF__CHUNKS_MAX;
        table->chunks = chunks;
        table->chunk_room = room;
    }
    table->chunks[table->chunk_count] =
        (struct evf__chunk_entry){ .generation = table->first_generation };
    return table->chunk_count++;
}

static struct evf__stream_chunk *make_chunk(struct evf__stream_table *table,
                                            struct evf__stream_class *class)
{
    uint32_t number = free_number(table);
    if (number == EVF__CHUNKS_MAX)
        return NULL;
    size_t size = chunk_size(class->stride);
    struct evf__stream_chunk *chunk = evf__extent_take(table->extents, size, EVF__CHUNK_SIZE);
    if (chunk == NULL)
        return NULL;
    size_t capacity = (size - EVF__CHUNK_HEADER) / class->stride;
    if (capacity > EVF__CHUNK_STREAMS_MAX)
        capacity = EVF__CHUNK_STREAMS_MAX;
    *chunk = (struct evf__stream_chunk){
        .worker = table->worker,
        .table = table,
        .class = class,
        .number = number,
        .capacity = (uint16_t)capacity,
        .stride = (uint32_t) class->stride,
    };
    for (uint32_t i = (uint32_t)capacity; i-- > 0;) {
        evf_stream *stream = slot(chunk, i);
        stream->flags = 0;
        stream->generation = table->chunks[number].generation;
        stream->next = chunk->free;
        chunk->free = stream;
        evf__poison(state_of(stream), state_size_of(chunk));
    }
    table->chunks[number].chunk = chunk;
    evf__list_append(&class->with_room, &chunk->link);
    class->empty++;
    return chunk;
}

static void free_chunk(struct evf__stream_table *table, struct evf__stream_chunk *chunk)
{
    struct evf__chunk_entry *entry = &table->chunks[chunk->number];
    for (uint32_t i = 0; i < chunk->capacity; i++) {
        evf_stream *stream = slot(chunk, i);
        EVF_ASSERT((stream->flags & EVF__IN_USE) == 0);
        if (stream->generation > entry->generation)
            entry->generation = stream->generation;
        evf__unpoison(state_of(stream), state_size_of(chunk));
    }
    entry->chunk = NULL;
    evf__list_remove(&chunk->link);
    evf__extent_give(table->extents, chunk, chunk_size(chunk->stride), EVF__CHUNK_SIZE);
}

void evf__stream_table_fini(struct evf__stream_table *table)
{
    EVF_ASSERT(table->count == 0);
    for (uint32_t i = 0; i < table->chunk_count; i++)
        if (table->chunks[i].chunk != NULL)
            free_chunk(table, table->chunks[i].chunk);
    give_number(table);
    free(table->chunks);
}

/* The last one that was given is the next to be taken, while it is warm. In debug builds it is the
 * last to be taken, so that who still uses it is found out. */
static void put_free(struct evf__stream_chunk *chunk, evf_stream *stream)
{
    evf_stream **at = &chunk->free;
#if defined(EVF_DEBUG_CHECKS)
    while (*at != NULL)
        at = &(*at)->next;
#endif
    stream->next = *at;
    *at = stream;
}

evf_stream *evf__stream_table_take(struct evf__stream_table *table, size_t state_size)
{
    size_t stride = (sizeof(evf_stream) + state_size + 15) & ~(size_t)15;
    struct evf__stream_class *class = find_class(table, stride);
    if (class == NULL)
        return NULL;
    struct evf__stream_chunk *chunk;
    if (!evf__list_empty(&class->with_room))
        chunk = EVF__OWNER(class->with_room.next, struct evf__stream_chunk, link);
    else
        chunk = make_chunk(table, class);
    if (chunk == NULL)
        return NULL;
    evf_stream *stream = chunk->free;
    EVF_ASSERT(stream != NULL);
    chunk->free = stream->next;
    class->empty -= chunk->used == 0;
    chunk->used++;
    if (chunk->free == NULL)
        evf__list_remove(&chunk->link);
    uint32_t generation = stream->generation + 1;
    evf__unpoison(state_of(stream), state_size_of(chunk));
    memset(stream, 0, stride);
    stream->generation = generation;
    stream->flags = EVF__IN_USE;
    table->count++;
    return stream;
}

void evf__stream_table_give(struct evf__stream_table *table, evf_stream *stream)
{
    struct evf__stream_chunk *chunk = evf__stream_chunk(stream);
    struct evf__stream_class *class = chunk->class;
    EVF_ASSERT((stream->flags & EVF__IN_USE) != 0);
    stream->flags = 0;
    table->count--;
    evf__poison(state_of(stream), state_size_of(chunk));
    if (stream->generation == UINT32_MAX)
        return; /* used up */
    put_free(chunk, stream);
    chunk->used--;
    evf__list_remove(&chunk->link);
    if (chunk->used == 0 && class->empty > 0) {
        free_chunk(table, chunk); /* there is a spare one already */
        return;
    }
    class->empty += chunk->used == 0;
    evf__list_prepend(&class->with_room, &chunk->link); /* most recently used first: it is warm */
}

uint64_t evf__stream_table_id(const evf_stream *stream)
{
    const struct evf__stream_chunk *chunk = evf__stream_chunk(stream);
    const struct evf__stream_table *table = chunk->table;
    size_t offset = (size_t)((const char *)stream - (const char *)chunk) - EVF__CHUNK_HEADER;
    return (uint64_t)stream->generation << 32 | (uint64_t)table->number << 24 |
           (uint64_t)chunk->number << 8 | offset / chunk->stride;
}

evf_stream *evf__stream_table_at(const struct evf__stream_table *table, uint32_t number,
                                 uint32_t index)
{
    const struct evf__stream_chunk *chunk = table->chunks[number].chunk;
    if (chunk == NULL || index >= chunk->capacity)
        return NULL;
    evf_stream *stream = slot(chunk, index);
    return (stream->flags & EVF__IN_USE) != 0 ? stream : NULL;
}

evf_stream *evf__stream_table_find(const struct evf__stream_table *table, uint64_t id)
{
    uint32_t number = (uint32_t)(id >> 8) & 0xffff;
    if (((id >> 24) & 0xff) != table->number || number >= table->chunk_count)
        return NULL;
    evf_stream *stream = evf__stream_table_at(table, number, (uint32_t)id & 0xff);
    return stream != NULL && stream->generation == id >> 32 ? stream : NULL;
}

void evf__stream_table_check(const struct evf__stream_table *table)
{
    size_t count = 0;
    for (uint32_t number = 0; number < table->chunk_count; number++) {
        const struct evf__stream_chunk *chunk = table->chunks[number].chunk;
        if (chunk == NULL)
            continue;
        size_t free_slots = 0, used = 0;
        EVF_ASSERT(chunk->number == number && chunk->worker == table->worker);
        EVF_ASSERT(((uintptr_t)chunk & (EVF__CHUNK_SIZE - 1)) == 0);
        for (const evf_stream *at = chunk->free; at != NULL; at = at->next) {
            EVF_ASSERT((at->flags & EVF__IN_USE) == 0 && evf__stream_chunk(at) == chunk);
            free_slots++;
        }
        for (uint32_t i = 0; i < chunk->capacity; i++)
            used += evf__stream_table_at(table, number, i) != NULL;
        EVF_ASSERT(free_slots + chunk->used == chunk->capacity);
        EVF_ASSERT(used <= chunk->used);
        EVF_ASSERT((chunk->free != NULL) == evf__list_on(&chunk->link));
        count += used;
    }
    EVF_ASSERT(count == table->count);
}
