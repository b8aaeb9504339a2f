/* SPDX-License-Identifier: MIT
 *
 * Every limit of this plugin that is not an option, with the reason for its value.
 */
#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

enum {
    /* Responses gathered for one evf_write. A request of wrk needs about 150 bytes of answer, so a
     * batch holds the answers to every request that a 64 KiB page can bring. */
    HTTP_BATCH_SIZE = 64 * 1024,

    /* A response head without Location: the longest of each field adds up to less than 600, of
     * which `type` has 255. */
    HTTP_HEAD_MAX = 1024,

    /* Prepared answers begin on lines of the cache of their own. */
    HTTP_LINE = 64,

    /* What `type` may hold; longer media types do not exist. */
    HTTP_TYPE_MAX = 255,

    /* The error text that goes out as a body, "431 Request Header Fields Too Large\n". */
    HTTP_ERROR_BODY_MAX = 64,

    /* A path below root with its terminator: what the kernel takes (PATH_MAX). */
    HTTP_PATH_MAX = 4096,

    /* Location: every byte of a path and of a query percent-encoded. Longer queries are left out.
     */
    HTTP_LOCATION_MAX = 3 * HTTP_PATH_MAX + 8 * 1024,

    /* What every answer finds free in the batch: a head with Location, and an error's text. */
    HTTP_ANSWER_ROOM = HTTP_HEAD_MAX + HTTP_LOCATION_MAX + HTTP_ERROR_BODY_MAX,

    /* Files up to this size are read into the batch when the kernel has them cached, which saves
     * the system calls and the packet that a separate sendfile costs. */
    HTTP_SMALL_FILE = 16 * 1024,

    /* Framing bytes that one chunk may cost without counting as excess: "ffffffff\r\n" and the
     * CRLF behind it. What goes beyond, extensions and padding, may add up to max-head. */
    HTTP_CHUNK_OVERHEAD = 12,

    /* Exchanges (requests that are cut or wait for a file) and open jobs that a worker keeps for
     * the next ones; 1024 exchanges are about 400 KiB. Beyond that they are freed. */
    HTTP_EXCHANGES_KEPT = 1024,
    HTTP_JOBS_KEPT = 64,

    /* How often opening a file is tried again when the kernel asks for it (a rename raced). */
    HTTP_OPEN_RETRIES = 8,
};

#endif
