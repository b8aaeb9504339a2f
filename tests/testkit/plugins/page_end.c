/* SPDX-License-Identifier: MIT
 *
 * A planted bug: the first four bytes are looked at without looking whether they are there.
 */
#include <stdlib.h>
#include <string.h>

#include <evframe/evframe.h>

static size_t data(evf_stream *stream, evf_slice input)
{
    uint32_t word;
    memcpy(&word, input.data, sizeof word); /* the bug: input.len may be less */
    if (memcmp(&word, "PING", sizeof word) != 0 || input.len < sizeof word)
        return 0;
    evf_write_static(stream, "PONG", 4);
    return sizeof word +
           (input.len > sizeof word ? data(stream, evf_slice_sub(input, 4, input.len - 4)) : 0);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "page_end",
    .version = "1.0.0",
    .handler = &handler,
};
