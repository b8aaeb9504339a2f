/* SPDX-License-Identifier: MIT
 *
 * Marks free memory as not to be touched, in AddressSanitizer builds; nothing elsewhere.
 */
#ifndef EVF_BASE_POISON_H
#define EVF_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define EVF__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EVF__ASAN 1
#endif
#endif

#if defined(EVF__ASAN)
#include <sanitizer/asan_interface.h>
#endif

static inline void evf__poison(const void *memory, size_t size)
{
#if defined(EVF__ASAN)
    __asan_poison_memory_region(memory, size);
#else
    (void)memory;
    (void)size;
#endif
}

static inline void evf__unpoison(const void *memory, size_t size)
{
#if defined(EVF__ASAN)
    __asan_unpoison_memory_region(memory, size);
#else
    (void)memory;
    (void)size;
#endif
}

#endif
