/* SPDX-License-Identifier: MIT
 *
 * UTF-8 in pieces: an incremental validator.
 *
 * Input comes as the network cuts it, and a character may be cut anywhere. evf_utf8_check says how
 * many bytes are whole, valid characters, so that a handler can consume just those:
 *
 *     size_t valid = evf_utf8_check(&state->utf8, input.data, input.len);
 *     if (evf_utf8_failed(&state->utf8))
 *         … ill-formed at byte state->utf8.offset of the stream
 *     … input.data[0 … valid) is text
 *     return valid;     // a cut character comes again in front of the bytes that follow
 *
 * Well-formed is what the Unicode Standard (table 3-7) and RFC 3629 say: no overlong forms, no
 * surrogates, nothing above U+10FFFF. Pure functions, any thread.
 */
#ifndef EVFRAME_UTF8_H
#define EVFRAME_UTF8_H

#include <evframe/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* All zero before the first byte. Free to be copied. */
struct evf_utf8 {
    /* Bytes of valid characters so far; after a failure the offset of the first byte of the
     * ill-formed sequence. Counted over all calls. */
    uint64_t offset;
    uint32_t failed;  /* 1 after ill-formed input; only zeroing the struct lifts it */
    uint32_t missing; /* bytes that the cut character at the end of the last call still lacks */
};

/* Checks len bytes, the first of which follows the last that an earlier call counted: bytes that
 * were not counted are to be given again. Returns how many bytes from the start are whole, valid
 * characters; what follows them is the beginning of a character that was cut (at most 3 bytes, and
 * missing says how many it lacks) or ill-formed (failed). After a failure 0. */
EVF_ANY_THREAD size_t evf_utf8_check(struct evf_utf8 *utf8, const void *data, size_t len);

/* True once ill-formed input was met. */
static inline bool evf_utf8_failed(const struct evf_utf8 *utf8)
{
    return utf8->failed != 0;
}

#ifdef __cplusplus
}
#endif

#endif
