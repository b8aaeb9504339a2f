/* SPDX-License-Identifier: MIT
 *
 * Slices: parts of the memory that input was received into, handed on without copying.
 *
 * A slice that a callback received is valid until that callback returns, unless it is kept.
 * Holds are counted per page, with plain integers: a slice belongs to its worker's thread. Held
 * slices may outlive their stream; all must be dropped by the time worker_stop returns. Offloaded
 * work may read the bytes of a held slice, but not keep or drop it.
 */
#ifndef EVFRAME_SLICE_H
#define EVFRAME_SLICE_H

#include <evframe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct evf_slice {
    const uint8_t *data;
    size_t len;
    struct evf_page *page; /* the memory's owner; NULL for memory that nobody counts */
} evf_slice;

/* Holds the bytes past the callback. Use the slice that is returned, not the argument: a small
 * one (below 1 KiB) may have been copied so as not to pin a whole page. It cannot fail. Each keep
 * is paired with one evf_slice_drop on this worker. */
EVF_API evf_slice evf_slice_keep(evf_slice slice);

/* Gives one hold back. Holds count per page, so any slice of the page gives one back. Dropping
 * more holds than were taken is asserted. */
EVF_API void evf_slice_drop(evf_slice slice);

/* The part [offset, offset + len) of a slice, without a hold of its own. Asserted to lie inside. */
EVF_API evf_slice evf_slice_sub(evf_slice slice, size_t offset, size_t len);

/* Makes a slice of a copy of data, held by the caller: one copy serves a broadcast to many streams
 * of this worker. 0, or -ENOMEM, or -EMSGSIZE above 1 GiB. */
EVF_API int evf_slice_new(evf_worker *worker, const void *data, size_t len, evf_slice *ret);

#ifdef __cplusplus
}
#endif

#endif
