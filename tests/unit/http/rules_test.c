/* SPDX-License-Identifier: MIT
 *
 * Which field is which: every name that matters is found in any case, and nothing else is.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <strings.h>

#include "../random.h"
#include "http/rules.h"

static const struct {
    enum http_field field;
    const char *name;
} names[] = {
    { HTTP_FIELD_HOST, "Host" },
    { HTTP_FIELD_IF_MATCH, "If-Match" },
    { HTTP_FIELD_IF_NONE_MATCH, "If-None-Match" },
    { HTTP_FIELD_IF_MODIFIED_SINCE, "If-Modified-Since" },
    { HTTP_FIELD_IF_UNMODIFIED_SINCE, "If-Unmodified-Since" },
    { HTTP_FIELD_IF_RANGE, "If-Range" },
    { HTTP_FIELD_RANGE, "Range" },
    { HTTP_FIELD_CONNECTION, "Connection" },
    { HTTP_FIELD_CONTENT_LENGTH, "Content-Length" },
    { HTTP_FIELD_EXPECT, "Expect" },
    { HTTP_FIELD_TRANSFER_ENCODING, "Transfer-Encoding" },
};
enum { NAMES = sizeof names / sizeof names[0] };
_Static_assert(NAMES == (int)HTTP_FIELD_OTHER, "a name for every field but the others");

static enum http_field find_plainly(const char *name, size_t len)
{
    for (size_t i = 0; i < NAMES; i++)
        if (strlen(names[i].name) == len && strncasecmp(names[i].name, name, len) == 0)
            return names[i].field;
    return HTTP_FIELD_OTHER;
}

/* In memory of exactly that size, so that a sanitizer sees a look too far. */
static void expect_as_plainly(const char *name, size_t len)
{
    char *exact = malloc(len);
    memcpy(exact, name, len);
    enum http_field found = http_field_find(exact, len);
    cr_assert_eq(found, find_plainly(name, len), "%.*s is %d", (int)len, name, (int)found);
    free(exact);
}

Test(field, is_found_by_its_name_in_any_case_and_no_other_is)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct random random = random_start();
    for (unsigned i = random_rounds(200000); i > 0; i--) {
        char name[32];
        size_t len = strlen(names[i % NAMES].name);
        memcpy(name, names[i % NAMES].name, len);
        for (size_t at = 0; at < len; at++)
            if (name[at] != '-' && random_below(&random, 2) == 0)
                name[at] ^= 0x20;
        cr_assert_eq(http_field_find(name, len), names[i % NAMES].field);
        /* One character another, a few less or more. */
        name[random_below(&random, len)] = token[random_below(&random, sizeof token - 1)];
        expect_as_plainly(name, len);
        expect_as_plainly(name, random_below(&random, len) + 1);
        name[len] = token[random_below(&random, sizeof token - 1)];
        expect_as_plainly(name, len + 1);
        /* Anything at all, of any length. */
        len = random_below(&random, sizeof name) + 1;
        for (size_t at = 0; at < len; at++)
            name[at] = token[random_below(&random, sizeof token - 1)];
        expect_as_plainly(name, len);
    }
}
