/* SPDX-License-Identifier: MIT
 *
 * Request targets: split, checked, decoded, resolved.
 */
#include "path.h"

/* Characters by RFC 3986, 2. */
enum { UNRESERVED = 1, SUB_DELIMITER = 2 };
static const uint8_t kinds[256] = {
    ['a' ... 'z'] = UNRESERVED, ['A' ... 'Z'] = UNRESERVED, ['0' ... '9'] = UNRESERVED,
    ['-'] = UNRESERVED,         ['.'] = UNRESERVED,         ['_'] = UNRESERVED,
    ['~'] = UNRESERVED,         ['!'] = SUB_DELIMITER,      ['$'] = SUB_DELIMITER,
    ['&'] = SUB_DELIMITER,      ['\''] = SUB_DELIMITER,     ['('] = SUB_DELIMITER,
    [')'] = SUB_DELIMITER,      ['*'] = SUB_DELIMITER,      ['+'] = SUB_DELIMITER,
    [','] = SUB_DELIMITER,      [';'] = SUB_DELIMITER,      ['='] = SUB_DELIMITER,
};

static bool is_unreserved(char c)
{
    return kinds[(unsigned char)c] == UNRESERVED;
}

/* The length of the name or IPv4 address in front: reg-name of RFC 3986. */
static size_t name_length(struct http_text host)
{
    size_t len = 0;
    while (len < host.len) {
        if (kinds[(unsigned char)host.at[len]] != 0) {
            len++;
            continue;
        }
        if (host.at[len] != '%' || host.len - len < 3 || http_hex(host.at[len + 1]) < 0 ||
            http_hex(host.at[len + 2]) < 0)
            break;
        len += 3;
    }
    return len;
}

/* What stands between the brackets of an IP literal, checked by its characters only. */
static bool is_literal(struct http_text host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.at[i];
        if (!is_unreserved(c) && c != ':' && c != '%')
            return false;
    }
    return host.len > 0;
}

/* What stands behind a name or a literal: nothing, or a port. */
static bool is_port(struct http_text rest)
{
    uint32_t number = 0;
    if (rest.len == 0)
        return true;
    if (rest.at[0] != ':')
        return false;
    for (size_t i = 1; i < rest.len; i++) {
        uint32_t digit = (uint32_t)(unsigned char)rest.at[i] - '0';
        number = number * 10 + digit;
        if (digit > 9 || number > 65535)
            return false;
    }
    return true;
}

static bool is_bracketed(struct http_text host)
{
    const char *bracket = memchr(host.at, ']', host.len);
    if (bracket == NULL)
        return false;
    size_t used = (size_t)(bracket - host.at) + 1;
    return is_literal((struct http_text){ host.at + 1, used - 2 }) &&
           is_port((struct http_text){ bracket + 1, host.len - used });
}

bool http_host_valid(struct http_text host)
{
    if (host.len > 0 && host.at[0] == '[')
        return is_bracketed(host);
    size_t len = name_length(host);
    return (len > 0 || host.len == 0) &&
           is_port((struct http_text){ host.at + len, host.len - len });
}

static bool starts(struct http_text text, const char *lower)
{
    size_t len = strlen(lower);
    return text.len >= len && http_same(text.at, lower, len);
}

static void split_query(struct http_text rest, struct http_target *target)
{
    const char *mark = memchr(rest.at, '?', rest.len);
    target->path = rest;
    if (mark != NULL) {
        target->path.len = (size_t)(mark - rest.at);
        target->query.at = mark + 1;
        target->query.len = rest.len - target->path.len - 1;
    }
}

bool http_target_split(struct http_text text, struct http_target *ret)
{
    struct http_target target = { .form = HTTP_ORIGIN };
    if (text.len == 0 || memchr(text.at, '#', text.len) != NULL)
        return false;
    if (text.at[0] == '/') {
        split_query(text, &target);
        *ret = target;
        return true;
    }
    if (text.len == 1 && text.at[0] == '*') {
        target.form = HTTP_ASTERISK;
        target.path = text;
        *ret = target;
        return true;
    }

    size_t scheme = starts(text, "http://") ? 7 : starts(text, "https://") ? 8 : 0;
    if (scheme == 0) {
        target.form = HTTP_AUTHORITY;
        target.authority = text;
        *ret = target;
        return http_host_valid(text);
    }
    size_t end = scheme;
    while (end < text.len && text.at[end] != '/' && text.at[end] != '?')
        end++;
    target.form = HTTP_ABSOLUTE;
    target.authority = (struct http_text){ text.at + scheme, end - scheme };
    split_query((struct http_text){ text.at + end, text.len - end }, &target);
    if (target.path.len == 0)
        target.path = (struct http_text){ "/", 1 };
    if (target.authority.len == 0 || !http_host_valid(target.authority))
        return false;
    *ret = target;
    return true;
}

/* Decodes one segment; 0 or the status to refuse it with. */
static int decode(const char **at, const char *end, char *out, size_t room, size_t *ret_len)
{
    size_t len = 0;
    const char *from = *at;
    while (from < end && *from != '/') {
        int byte = (unsigned char)*from++;
        if (byte == '%') {
            int high = end - from >= 2 ? http_hex(from[0]) : -1;
            int low = high >= 0 ? http_hex(from[1]) : -1;
            if (low < 0)
                return 400;
            byte = high * 16 + low;
            from += 2;
        }
        if (byte == 0)
            return 400;
        if (byte == '/')
            return 404;
        if (len == room)
            return 414;
        out[len++] = (char)byte;
    }
    *at = from;
    *ret_len = len;
    return 0;
}

/* Cuts the last segment of "a/b/" off, to "a/"; false when there is none. */
static bool pop(const char *path, size_t *len)
{
    if (*len == 0)
        return false;
    size_t at = *len - 1;
    while (at > 0 && path[at - 1] != '/')
        at--;
    *len = at;
    return true;
}

int http_path_resolve(struct http_text path, char *ret, size_t size, size_t *ret_len)
{
    const char *at = path.at;
    const char *end = path.at + path.len;
    size_t len = 0; /* what stands in ret: "" or segments that each end with a slash */
    while (at < end) {
        size_t segment;
        if (*at == '/') {
            at++;
            continue;
        }
        int status = decode(&at, end, ret + len, size - len - 1, &segment);
        if (status != 0)
            return status;
        if (segment == 1 && ret[len] == '.')
            continue;
        if (segment == 2 && ret[len] == '.' && ret[len + 1] == '.') {
            if (!pop(ret, &len))
                return 400;
            continue;
        }
        len += segment;
        if (at < end) {
            if (len + 1 >= size)
                return 414;
            ret[len++] = '/';
        }
    }
    ret[len] = 0;
    *ret_len = len;
    return 0;
}

/* Writes text with everything percent-encoded but unreserved characters and those in `others`. */
static void encode(struct http_writer *writer, const char *text, size_t len, const char *others)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (is_unreserved(text[i]) || (byte != 0 && strchr(others, byte) != NULL)) {
            http_put(writer, text + i, 1);
        } else {
            char code[3] = { '%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15] };
            http_put(writer, code, sizeof code);
        }
    }
}

void http_path_encode(struct http_writer *writer, const char *path, size_t len)
{
    encode(writer, path, len, "/");
}

void http_query_encode(struct http_writer *writer, const char *query, size_t len)
{
    encode(writer, query, len, "%/?:@!$&'()*+,;=");
}
