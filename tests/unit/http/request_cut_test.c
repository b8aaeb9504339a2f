/* SPDX-License-Identifier: MIT
 *
 * Requests that are damaged: what they come to does not depend on how the network cut them, nor on
 * which of the ways to read them is taken.
 */
#include "../random.h"
#include "feed.h"

/* Well-formed requests with a few bytes changed, dropped or doubled: whatever they come to, they
 * come to the same however they are cut, and llhttp never sees a line end that is none. */
Test(request_cut, damaged_at_random_makes_no_difference_by_its_cuts)
{
    static const char *const seeds[] = {
        GET "Range: bytes=0-1\r\nConnection: close\r\n\r\n",
        POST "Content-Length: 5\r\n\r\nhello" GET "\r\n",
        CHUNKED "5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n" GET "\r\n",
        POST "Expect: 100-continue\r\nContent-Length: 12 \r\n\r\nhello, world",
        "\r\nHEAD http://a:80/b?c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    };
    static const char odd[] = "\r\n \t:,;\0aA0f/\x7f\xff";
    struct random random = random_start();
    for (unsigned i = random_rounds(2000); i > 0; i--) {
        const char *seed = seeds[random_below(&random, 5)];
        char bytes[512];
        size_t len = strlen(seed);
        memcpy(bytes, seed, len);
        for (uint64_t changes = random_below(&random, 3) + 1; changes > 0; changes--) {
            size_t at = random_below(&random, len);
            switch (random_below(&random, 3)) {
            case 0:
                bytes[at] = odd[random_below(&random, sizeof odd - 1)];
                break;
            case 1:
                memmove(bytes + at, bytes + at + 1, --len - at);
                break;
            default:
                memmove(bytes + at + 1, bytes + at, len++ - at);
                bytes[at] = odd[random_below(&random, sizeof odd - 1)];
                break;
            }
        }
        feed_every_way(&rules, bytes, len);
    }
}

/* A head that comes whole is read at once; one that comes in two parts goes by the scan. Both come
 * to the same for every byte that is not where it should be, in every place. */
Test(request_cut, with_one_byte_wrong_comes_to_the_same_by_either_way)
{
    static const char *const seeds[] = {
        GET "Range: bytes=0-1\r\nIf-Range:\t\"x\" \r\nX:\r\nY: \t \r\n\r\n",
        GET "Connection: close\r\nConnection: , keep-alive ,x\r\nProxy-Connection: k\r\n\r\n",
        GET "Upgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AA\r\n\r\n",
        POST "Content-Length: 5 \r\nExpect:100-continue\r\n\r\nhello",
        POST "Transfer-Encoding:  Chunked \r\n\r\n0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost:\r\nIf-Match: *\r\n\r\n",
        "\r\nHEAD http://a:80/b?c HTTP/1.0\r\nHost: [::1]:80\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    static const char odd[] = "\r\n \t:,;\0aA1#\x1f\x7f\xff";
    struct http_rules best = rules;
    best.run = http_parser_best();
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        size_t len = strlen(seeds[i]);
        char bytes[256];
        for (size_t at = 0; at < len; at++) {
            for (size_t o = 0; o < 2 * (sizeof odd - 1); o++) {
                bool adds = o >= sizeof odd - 1;
                memcpy(bytes, seeds[i], at);
                bytes[at] = odd[o % (sizeof odd - 1)];
                memcpy(bytes + at + 1, seeds[i] + at + !adds, len - at - !adds);
                size_t changed = len + adds;
                struct outcome whole = feed(&best, bytes, changed, changed, changed);
                struct outcome cut = feed(&rules, bytes, changed, 3, changed);
                cr_assert(same(&whole, &cut), "%u in one, %u in two for\n%.*s", whole.status,
                          cut.status, (int)changed, bytes);
            }
        }
    }
}
