/* SPDX-License-Identifier: MIT
 *
 * One log line: filling a record, and making a line of it.
 *
 * A line is put together from left to right. Room for its end is set aside at the beginning, so
 * that a JSON object is closed however much of the message had to be left out. Pure functions, any
 * thread.
 */
#include "base/log_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"

enum {
    PLUGIN_MAX = 63, /* bytes of a plugin's name in a record */
    PEER_MAX = 127,  /* of a peer's, as in struct evf__log_source */

    /* What a name may take of the line once it is escaped: a peer chooses its unix path itself, and
     * must not crowd the message out. */
    NAME_SHOWN_MAX = 192,
};

#define TEXT_CUT " [cut]\n"
#define JSON_CUT "\",\"cut\":true}\n"

static const char *const level_names[] = {
    [EVF_DEBUG] = "debug",
    [EVF_INFO] = "info",
    [EVF_WARN] = "warn",
    [EVF_ERROR] = "error",
};

static const char *const level_colours[] = {
    [EVF_DEBUG] = "\x1b[36m", /* cyan */
    [EVF_INFO] = "\x1b[32m",  /* green */
    [EVF_WARN] = "\x1b[33m",  /* yellow */
    [EVF_ERROR] = "\x1b[31m", /* red */
};

#define COLOUR_DIM "\x1b[2m"
#define COLOUR_OFF "\x1b[0m"

static size_t copy_name(char *to, const char *name, size_t max)
{
    size_t len = name != NULL ? strnlen(name, max) : 0;
    if (len == max)
        len = evf__escape_whole(name, len);
    memcpy(to, name != NULL ? name : "", len);
    return len;
}

void evf__log_record_fill(struct evf__log_record *record, enum evf_level level, int64_t wall_ms,
                          const struct evf__log_source *source, const char *format,
                          va_list arguments)
{
    record->wall_ms = wall_ms;
    record->stream_id = source->stream_id;
    record->worker = source->worker;
    record->level = (unsigned)level <= EVF_ERROR ? (uint8_t)level : EVF_ERROR;

    size_t plugin_len = copy_name(record->text, source->plugin, PLUGIN_MAX);
    size_t peer_len = copy_name(record->text + plugin_len, source->peer, PEER_MAX);
    record->plugin_len = (uint8_t)plugin_len;
    record->peer_len = (uint8_t)peer_len;

    char *message = record->text + plugin_len + peer_len;
    size_t room = sizeof(record->text) - plugin_len - peer_len;
    int wanted = vsnprintf(message, room, format, arguments);
    if (wanted < 0)
        /* Wide characters that the locale lacks, or a width beyond INT_MAX. */
        wanted = snprintf(message, room, "a message that printf cannot format: %s", format);

    record->cut = (size_t)wanted >= room;
    record->message_len = (uint16_t)wanted;
    if (record->cut)
        record->message_len = (uint16_t)evf__escape_whole(message, room - 1);
}

struct line {
    char *to;
    size_t used, room;
};

static void put(struct line *line, const char *text)
{
    size_t len = strlen(text);
    if (len > line->room - line->used)
        len = line->room - line->used;
    memcpy(line->to + line->used, text, len);
    line->used += len;
}

/* Puts text in its escaped form, at most max bytes of that; false when some was left out. */
static bool put_escaped(struct line *line, const char *text, size_t len, size_t max,
                        enum evf__escape_style style)
{
    size_t room = line->room - line->used, taken;
    line->used +=
        evf__escape(line->to + line->used, room < max ? room : max, text, len, style, &taken);
    return taken == len;
}

static void put_time(struct line *line, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    char text[64], with_ms[80];

    /* Fails only for years beyond an int. */
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        text[0] = '\0';
    snprintf(with_ms, sizeof(with_ms), "%s.%03uZ", text, (unsigned)(wall_ms % 1000));
    put(line, with_ms);
}

/* `worker 3 http #17 192.0.2.1:80: `, or nothing at all. */
static void put_source(struct line *line, const struct evf__log_record *record)
{
    size_t begin = line->used;
    char number[32];

    if (record->worker >= 0) {
        snprintf(number, sizeof(number), "worker %" PRId32 " ", record->worker);
        put(line, number);
    }
    if (record->plugin_len > 0) {
        put_escaped(line, record->text, record->plugin_len, NAME_SHOWN_MAX, EVF__ESCAPE_WORD);
        put(line, " ");
    }
    if (record->stream_id != 0) {
        snprintf(number, sizeof(number), "#%" PRIu64 " ", record->stream_id);
        put(line, number);
    }
    if (record->peer_len > 0) {
        put_escaped(line, record->text + record->plugin_len, record->peer_len, NAME_SHOWN_MAX,
                    EVF__ESCAPE_WORD);
        put(line, " ");
    }
    if (line->used > begin) {
        line->used--; /* the last blank moves behind the colon */
        put(line, ": ");
    }
}

static size_t format_text(struct line *line, const struct evf__log_record *record, bool colours)
{
    char level[8];
    snprintf(level, sizeof(level), "%-5s", level_names[record->level]);

    put(line, colours ? COLOUR_DIM : "");
    put_time(line, record->wall_ms);
    put(line, colours ? COLOUR_OFF : "");
    put(line, " ");
    put(line, colours ? level_colours[record->level] : "");
    put(line, level);
    put(line, colours ? COLOUR_OFF COLOUR_DIM " " : " ");
    put_source(line, record);
    put(line, colours ? COLOUR_OFF : "");

    bool whole = put_escaped(line, record->text + record->plugin_len + record->peer_len,
                             record->message_len, EVF__LOG_LINE_MAX, EVF__ESCAPE_TEXT);
    line->room += sizeof(TEXT_CUT) - 1;
    put(line, whole && !record->cut ? "\n" : TEXT_CUT);
    return line->used;
}

static void put_json_name(struct line *line, const char *key, const char *name, size_t len)
{
    if (len == 0)
        return;
    put(line, key);
    put_escaped(line, name, len, NAME_SHOWN_MAX, EVF__ESCAPE_JSON);
    put(line, "\"");
}

static size_t format_json(struct line *line, const struct evf__log_record *record)
{
    const char *plugin = record->text, *peer = plugin + record->plugin_len;
    char number[48];

    put(line, "{\"time\":\"");
    put_time(line, record->wall_ms);
    put(line, "\",\"level\":\"");
    put(line, level_names[record->level]);
    put(line, "\"");
    if (record->worker >= 0) {
        snprintf(number, sizeof(number), ",\"worker\":%" PRId32, record->worker);
        put(line, number);
    }
    put_json_name(line, ",\"plugin\":\"", plugin, record->plugin_len);
    if (record->stream_id != 0) {
        snprintf(number, sizeof(number), ",\"stream\":\"%" PRIu64 "\"", record->stream_id);
        put(line, number);
    }
    put_json_name(line, ",\"peer\":\"", peer, record->peer_len);

    put(line, ",\"message\":\"");
    bool whole = put_escaped(line, peer + record->peer_len, record->message_len, EVF__LOG_LINE_MAX,
                             EVF__ESCAPE_JSON);
    line->room += sizeof(JSON_CUT) - 1;
    put(line, whole && !record->cut ? "\"}\n" : JSON_CUT);
    return line->used;
}

size_t evf__log_format(char ret_line[EVF__LOG_LINE_MAX], const struct evf__log_record *record,
                       enum evf__log_look look)
{
    struct line line = { .to = ret_line, .room = EVF__LOG_LINE_MAX };

    if (look == EVF__LOG_LOOK_JSON) {
        line.room -= sizeof(JSON_CUT) - 1;
        return format_json(&line, record);
    }
    line.room -= sizeof(TEXT_CUT) - 1;
    return format_text(&line, record, look == EVF__LOG_LOOK_COLOURS);
}
