/* SPDX-License-Identifier: MIT
 *
 * Numbers, sizes and durations as people write them; shared by options, listeners and the launcher.
 * Pure functions, any thread. 0 or -EINVAL (malformed), -ERANGE (does not fit); ret is untouched on
 * failure.
 */
#ifndef EVF_BASE_PARSE_H
#define EVF_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal with an optional sign; nothing around it. */
int evf__parse_int(const char *text, int64_t *ret);

/* Bytes: a decimal number, optionally with k, m or g (either case, times 1024) */
int evf__parse_size(const char *text, int64_t *ret_bytes);

/* Milliseconds: a decimal number with ms, s, m or h; a bare number is seconds. */
int evf__parse_duration(const char *text, int64_t *ret_ms);

/* on, yes, true, 1; off, no, false, 0. */
int evf__parse_bool(const char *text, bool *ret);

/* The name nearest to `wanted` among count names, for "did you mean": NULL when none is within a
 * third of its length in edits. */
const char *evf__nearest(const char *wanted, const char *const *names, size_t count);

#endif
