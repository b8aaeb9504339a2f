/* SPDX-License-Identifier: MIT
 *
 * Conditional and range requests.
 */
#include "condition.h"

#include "date.h"

size_t http_etag_format(const struct http_facts *facts, char ret[HTTP_ETAG_MAX])
{
    struct http_writer writer = { ret, ret + HTTP_ETAG_MAX, false };
    uint64_t moment = (uint64_t)facts->modified_s * 1000000000u +
                      facts->modified_ns; /* may wrap; only compared */
    http_put(&writer, "\"", 1);
    http_put_hex(&writer, facts->inode);
    http_put(&writer, "-", 1);
    http_put_hex(&writer, facts->size);
    http_put(&writer, "-", 1);
    http_put_hex(&writer, moment);
    http_put(&writer, "\"", 1);
    return (size_t)(writer.at - ret);
}

int64_t http_last_modified(const struct http_facts *facts, int64_t now)
{
    return facts->modified_s < now ? facts->modified_s : now;
}

static bool is_weak(struct http_text tag)
{
    return tag.len >= 2 && tag.at[0] == 'W' && tag.at[1] == '/';
}

/* Whether the list holds etag, which is strong. Weakly, W/"x" counts as "x". "*" is any. */
static bool lists(struct http_text list, struct http_text etag, bool weakly)
{
    struct http_text tag;
    if (http_text_is(http_trim(list), "*"))
        return true;
    while (http_next_element(&list, &tag)) {
        if (is_weak(tag)) {
            if (!weakly)
                continue;
            tag.at += 2;
            tag.len -= 2;
        }
        if (tag.len == etag.len && memcmp(tag.at, etag.at, tag.len) == 0)
            return true;
    }
    return false;
}

/* Whether the range still belongs to the file as the client knows it. A date counts only when it is
 * exact and so old that the file cannot have changed twice within it (RFC 9110, 8.8.2.2). */
static bool if_range_holds(struct http_text value, struct http_text etag, int64_t modified,
                           int64_t now)
{
    int64_t date;
    value = http_trim(value);
    if (value.len > 0 && (value.at[0] == '"' || is_weak(value)))
        return value.len == etag.len && memcmp(value.at, etag.at, etag.len) == 0;
    return http_date_parse(value, now, &date) && date == modified && modified < now;
}

enum range { NO_RANGE, RANGE, UNSATISFIABLE };

static enum range parse_range(struct http_text value, uint64_t size, uint64_t *first, uint64_t *len)
{
    value = http_trim(value);
    if (value.len < 6 || !http_same(value.at, "bytes=", 6))
        return NO_RANGE;
    struct http_text spec = http_trim((struct http_text){ value.at + 6, value.len - 6 });
    const char *dash = spec.len > 0 ? memchr(spec.at, '-', spec.len) : NULL;
    if (dash == NULL)
        return NO_RANGE;
    struct http_text from = { spec.at, (size_t)(dash - spec.at) };
    struct http_text to = { dash + 1, spec.len - from.len - 1 };
    uint64_t begin;
    uint64_t last = UINT64_MAX;

    if (from.len == 0) { /* the last so many bytes */
        if (!http_number(to, &last))
            return NO_RANGE;
        if (last == 0)
            return UNSATISFIABLE;
        if (size == 0)
            return NO_RANGE;
        *len = last < size ? last : size;
        *first = size - *len;
        return RANGE;
    }
    if (!http_number(from, &begin) || (to.len > 0 && !http_number(to, &last)) || last < begin)
        return NO_RANGE;
    if (begin >= size)
        return UNSATISFIABLE;
    *first = begin;
    *len = (last < size ? last + 1 : size) - begin;
    return RANGE;
}

/* 304 or 412 when a precondition decides so, else 200. */
static uint16_t preconditions(const struct http_wishes *wishes, struct http_text etag,
                              int64_t modified, int64_t now)
{
    int64_t date;
    if (wishes->if_match.at != NULL) {
        if (!lists(wishes->if_match, etag, false))
            return 412;
    } else if (wishes->if_unmodified_since.at != NULL) {
        if (http_date_parse(wishes->if_unmodified_since, now, &date) && modified > date)
            return 412;
    }
    if (wishes->if_none_match.at != NULL) {
        if (lists(wishes->if_none_match, etag, true))
            return 304;
    } else if (wishes->if_modified_since.at != NULL) {
        if (http_date_parse(wishes->if_modified_since, now, &date) && modified <= date)
            return 304;
    }
    return 200;
}

struct http_verdict http_judge(const struct http_wishes *wishes, const struct http_facts *facts,
                               int64_t now)
{
    char tag[HTTP_ETAG_MAX];
    struct http_text etag = { tag, http_etag_format(facts, tag) };
    int64_t modified = http_last_modified(facts, now);
    struct http_verdict verdict = { .status = preconditions(wishes, etag, modified, now) };
    if (verdict.status != 200)
        return verdict;

    verdict.len = facts->size;
    if (!wishes->get || wishes->range.at == NULL)
        return verdict;
    if (wishes->if_range.at != NULL && !if_range_holds(wishes->if_range, etag, modified, now))
        return verdict;
    uint64_t first = 0;
    uint64_t len = 0;
    switch (parse_range(wishes->range, facts->size, &first, &len)) {
    case RANGE:
        return (struct http_verdict){ .status = 206, .first = first, .len = len };
    case UNSATISFIABLE:
        return (struct http_verdict){ .status = 416 };
    case NO_RANGE:
        break;
    }
    return verdict;
}
