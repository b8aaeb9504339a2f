/* SPDX-License-Identifier: MIT
 *
 * What happens, step by step: always into the digest, which two equal runs have in common; as lines
 * of text only where a trace was asked for.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "testkit/sim.h"

static void digest(evf_sim *sim, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint64_t sum = sim->digest, word;
    for (; len >= sizeof word; bytes += sizeof word, len -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    for (; len > 0; bytes++, len--)
        sum = (sum ^ *bytes) * 0x100000001b3u;
    sim->digest = sum;
}

static void put(const evf_sim *sim, const char *text)
{
    char line[1200];
    uint64_t since = sim->now_ms - sim->begun_ms;
    int len = snprintf(line, sizeof line, "%6" PRIu64 " %5" PRIu64 ".%03u  %s\n", sim->step,
                       since / 1000, (unsigned)(since % 1000), text);
    size_t size = len < (int)sizeof line ? (size_t)len : sizeof line - 1;
    ssize_t written = write(sim->trace_fd, line, size);
    (void)written; /* a trace that nobody takes stops nothing */
}

void evf__sim_note(evf_sim *sim, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    uint64_t since = sim->now_ms - sim->begun_ms;
    digest(sim, &since, sizeof since);
    digest(sim, text, len < (int)sizeof text ? (size_t)len : sizeof text - 1);
    sim->step++;
    if (sim->trace_fd > 0)
        put(sim, text);
}

void evf__sim_note_bytes(evf_sim *sim, const evf_sim_peer *peer, const char *what, const void *data,
                         size_t len)
{
    uint64_t facts[] = { sim->now_ms - sim->begun_ms, peer->number, (uint8_t)what[0], len };
    digest(sim, facts, sizeof facts);
    digest(sim, data, len);
    sim->step++;
    if (sim->trace_fd <= 0)
        return;
    char quoted[400], text[700];
    snprintf(text, sizeof text, "%s: %s %zu: %s", peer->name, what, len,
             evf__sim_quote(data, len, 80, quoted, sizeof quoted));
    put(sim, text);
}

void evf__sim_trace_line(const evf_sim *sim, const char *what, const char *text)
{
    char line[1100];
    if (sim->trace_fd <= 0)
        return;
    snprintf(line, sizeof line, "%s%s", what, text);
    put(sim, line);
}

uint64_t evf_sim_digest(const evf_sim *sim)
{
    return sim->digest;
}
