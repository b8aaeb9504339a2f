/* SPDX-License-Identifier: MIT
 *
 * CRC32c (RFC 9260, appendix A): the checksum with Castagnoli's polynomial, for headers of a few
 * hundred bytes. A pure function, any thread.
 */
#ifndef EVF_BASE_CRC32C_H
#define EVF_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what was summed up before (0: nothing) followed by these bytes. */
uint32_t evf__crc32c(uint32_t before, const void *bytes, size_t len);

#endif
