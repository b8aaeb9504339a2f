/* SPDX-License-Identifier: MIT
 *
 * The messages of SOCKS 5: whole, cut at every byte, and wrong in every field.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <evframe/base.h>
#include <string.h>

#include "../random.h"
#include "socks5/message.h"

typedef int read_fn(const uint8_t *bytes, size_t len, void *ret);

static int read_greeting(const uint8_t *bytes, size_t len, void *ret)
{
    return socks5_greeting_read(bytes, len, ret);
}

static int read_login(const uint8_t *bytes, size_t len, void *ret)
{
    return socks5_login_read(bytes, len, ret);
}

static int read_request(const uint8_t *bytes, size_t len, void *ret)
{
    return socks5_request_read(bytes, len, ret);
}

/* Reads from memory that ends where the bytes end, so that a sanitizer sees what goes beyond. */
static int read_exactly(read_fn *reader, const void *bytes, size_t len, void *ret)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, bytes, len);
    int result = reader(copy, len, ret);
    free(copy);
    return result;
}

/* Every beginning of it is incomplete, all of it is a message, and so it is with more behind. */
static void expect_message(read_fn *reader, const void *bytes, size_t len)
{
    struct socks5_request room;
    uint8_t more[600];
    for (size_t cut = 0; cut < len; cut++)
        cr_assert_eq(read_exactly(reader, bytes, cut, &room), 0, "cut at %zu of %zu", cut, len);
    cr_assert_eq(read_exactly(reader, bytes, len, &room), (int)len);
    memcpy(more, bytes, len);
    memset(more + len, 5, sizeof more - len);
    cr_assert_eq(read_exactly(reader, more, sizeof more, &room), (int)len);
}

static void expect_bad_from(read_fn *reader, const void *bytes, size_t len, size_t from)
{
    struct socks5_request room;
    for (size_t cut = 0; cut <= len; cut++)
        cr_assert_eq(read_exactly(reader, bytes, cut, &room), cut < from ? 0 : SOCKS5_BAD,
                     "cut at %zu", cut);
}

/* -- greeting -- */

Test(greeting, tells_what_is_offered)
{
    struct socks5_greeting greeting;
    uint8_t all[257] = { 5, 255 };

    expect_message(read_greeting, "\5\1\0", 3);
    expect_message(read_greeting, "\5\3\0\1\2", 5);
    cr_assert_eq(socks5_greeting_read((const uint8_t *)"\5\1\0", 3, &greeting), 3);
    cr_expect(greeting.none && !greeting.password);
    cr_assert_eq(socks5_greeting_read((const uint8_t *)"\5\1\2", 3, &greeting), 3);
    cr_expect(!greeting.none && greeting.password);
    cr_assert_eq(socks5_greeting_read((const uint8_t *)"\5\2\1\3", 4, &greeting), 4);
    cr_expect(!greeting.none && !greeting.password);
    for (unsigned i = 0; i < 255; i++)
        all[2 + i] = (uint8_t)i;
    expect_message(read_greeting, all, 257);
    cr_assert_eq(socks5_greeting_read(all, 257, &greeting), 257);
    cr_expect(greeting.none && greeting.password);
}

Test(greeting, is_version_5_and_offers_something)
{
    expect_bad_from(read_greeting, "\4\1\0\120\177\0\0\1\0", 9, 1); /* SOCKS 4 */
    expect_bad_from(read_greeting, "GET / HTTP/1.1\r\n\r\n", 18, 1);
    expect_bad_from(read_greeting, "\5\0", 2, 2);
}

/* -- login -- */

Test(login, has_user_and_password)
{
    struct socks5_login login;
    uint8_t longest[513] = { 1, 255 };

    expect_message(read_login, "\1\3bob\6secret", 12);
    expect_message(read_login, "\1\1b\1s", 5);
    cr_assert_eq(socks5_login_read((const uint8_t *)"\1\3bob\6secret", 12, &login), 12);
    cr_expect(login.user_len == 3 && memcmp(login.user, "bob", 3) == 0);
    cr_expect(login.password_len == 6 && memcmp(login.password, "secret", 6) == 0);
    memset(longest + 2, 'u', 255);
    longest[257] = 255;
    memset(longest + 258, 'p', 255);
    expect_message(read_login, longest, sizeof longest);
}

Test(login, is_version_1_and_nothing_in_it_is_empty)
{
    expect_bad_from(read_login, "\5\3bob\6secret", 12, 1);
    expect_bad_from(read_login, "\1\0\6secret", 9, 2);
    expect_bad_from(read_login, "\1\3bob\0", 6, 6);
}

/* -- request -- */

static struct socks5_request request_of(const char *bytes, size_t len)
{
    struct socks5_request request;
    memset(&request, 0x55, sizeof request);
    cr_assert_gt(socks5_request_read((const uint8_t *)bytes, len, &request), 0);
    return request;
}

#define REQUEST(text) request_of(text, sizeof(text) - 1)

Test(request, names_a_host_by_address_or_name)
{
    struct socks5_request request = REQUEST("\5\1\0\1\300\0\2\1\1\273");
    cr_expect_eq(request.refusal, SOCKS5_SUCCEEDED);
    cr_expect_str_eq(request.host, "192.0.2.1");
    cr_expect_eq(request.port, 443);

    request = REQUEST("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\120");
    cr_expect_eq(request.refusal, SOCKS5_SUCCEEDED);
    cr_expect_str_eq(request.host, "2001:db8::7");
    cr_expect_eq(request.port, 80);

    request = REQUEST("\5\1\0\3\13example.org\377\377");
    cr_expect_eq(request.refusal, SOCKS5_SUCCEEDED);
    cr_expect_str_eq(request.host, "example.org");
    cr_expect_eq(request.port, 65535);
}

Test(request, is_whole_only_with_its_last_byte)
{
    uint8_t longest[4 + 1 + 255 + 2] = { 5, 1, 0, 3, 255 };
    memset(longest + 5, 'n', 255);
    longest[261] = 1;
    expect_message(read_request, longest, sizeof longest);
    expect_message(read_request, "\5\1\0\1\300\0\2\1\1\273", 10);
    expect_message(read_request, "\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\120", 22);
    expect_message(read_request, "\5\1\0\3\1a\0\120", 8);
    expect_bad_from(read_request, "\4\1\0\1\300\0\2\1\1\273", 10, 1);
}

Test(request, is_refused_for_what_cannot_be_done)
{
    cr_expect_eq(REQUEST("\5\2\0\1\300\0\2\1\1\273").refusal, SOCKS5_COMMAND_UNKNOWN);
    cr_expect_eq(REQUEST("\5\3\0\1\300\0\2\1\1\273").refusal, SOCKS5_COMMAND_UNKNOWN);
    cr_expect_eq(REQUEST("\5\0\0\1\300\0\2\1\1\273").refusal, SOCKS5_COMMAND_UNKNOWN);
    cr_expect_eq(REQUEST("\5\1\0\2\300\0\2\1\1\273").refusal, SOCKS5_ADDRESS_UNKNOWN);
    cr_expect_eq(REQUEST("\5\1\0\0").refusal, SOCKS5_ADDRESS_UNKNOWN);
    cr_expect_eq(REQUEST("\5\1\1\1\300\0\2\1\1\273").refusal, SOCKS5_FAILED); /* reserved */
    cr_expect_eq(REQUEST("\5\1\0\1\300\0\2\1\0\0").refusal, SOCKS5_FAILED);   /* port 0 */
    cr_expect_eq(REQUEST("\5\1\0\3\0\0\120").refusal, SOCKS5_FAILED);         /* no name */
    cr_expect_eq(REQUEST("\5\1\0\3\3a\0b\0\120").refusal, SOCKS5_FAILED);
    cr_expect_eq(REQUEST("\5\1\0\3\3a b\0\120").refusal, SOCKS5_FAILED);
    cr_expect_eq(REQUEST("\5\1\0\3\3a\nb\0\120").refusal, SOCKS5_FAILED);
    cr_expect_eq(REQUEST("\5\1\0\3\3a\377b\0\120").refusal, SOCKS5_FAILED);
}

/* -- replies -- */

Test(reply, has_the_bound_address)
{
    uint8_t bytes[SOCKS5_REPLY_MAX];
    struct sockaddr_storage bound = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&bound;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&bound;

    cr_assert_eq(socks5_reply_write(SOCKS5_REFUSED, NULL, bytes), 10);
    cr_expect_arr_eq(bytes, "\5\5\0\1\0\0\0\0\0\0", 10);
    cr_assert_eq(socks5_reply_write(SOCKS5_SUCCEEDED, &bound, bytes), 10);
    cr_expect_arr_eq(bytes, "\5\0\0\1\0\0\0\0\0\0", 10);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(258);
    inet_pton(AF_INET, "192.0.2.1", &v4->sin_addr);
    cr_assert_eq(socks5_reply_write(SOCKS5_SUCCEEDED, &bound, bytes), 10);
    cr_expect_arr_eq(bytes, "\5\0\0\1\300\0\2\1\1\2", 10);
    memset(&bound, 0, sizeof bound);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(258);
    inet_pton(AF_INET6, "2001:db8::7", &v6->sin6_addr);
    cr_assert_eq(socks5_reply_write(SOCKS5_SUCCEEDED, &bound, bytes), 22);
    cr_expect_arr_eq(bytes, "\5\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\1\2", 22);
}

Test(reply, tells_why_a_connect_failed)
{
    cr_expect_eq(socks5_reply_for(0), SOCKS5_SUCCEEDED);
    cr_expect_eq(socks5_reply_for(-ECONNREFUSED), SOCKS5_REFUSED);
    cr_expect_eq(socks5_reply_for(-ENETUNREACH), SOCKS5_NETWORK_UNREACHABLE);
    cr_expect_eq(socks5_reply_for(-EHOSTUNREACH), SOCKS5_HOST_UNREACHABLE);
    cr_expect_eq(socks5_reply_for(EVF_ENONAME), SOCKS5_HOST_UNREACHABLE);
    cr_expect_eq(socks5_reply_for(EVF_ENOADDRESS), SOCKS5_HOST_UNREACHABLE);
    cr_expect_eq(socks5_reply_for(EVF_EDNS), SOCKS5_HOST_UNREACHABLE);
    cr_expect_eq(socks5_reply_for(-ETIMEDOUT), SOCKS5_EXPIRED);
    cr_expect_eq(socks5_reply_for(-EACCES), SOCKS5_NOT_ALLOWED);
    cr_expect_eq(socks5_reply_for(-EINVAL), SOCKS5_FAILED);
    cr_expect_eq(socks5_reply_for(-EMFILE), SOCKS5_FAILED);
}

/* Whatever comes: never beyond the bytes, and never more than came. */
Test(messages, are_safe_to_read_from_any_bytes)
{
    static read_fn *const readers[] = { read_greeting, read_login, read_request };
    struct random random = random_start();
    for (unsigned round = random_rounds(100000); round > 0; round--) {
        uint8_t bytes[64];
        struct socks5_request room;
        size_t len = random_below(&random, sizeof bytes + 1);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(random_below(&random, 2) == 0 ? random_below(&random, 8)
                                                               : random_next(&random));
        int result = read_exactly(readers[round % 3], bytes, len, &room);
        cr_assert(result >= SOCKS5_BAD && result <= (int)len);
    }
}
