/* SPDX-License-Identifier: MIT
 *
 * S11: text encodings on a stream. A handler that consumes whole characters only never sees one
 * that is broken, wherever the network cuts the input; ill-formed input is reported with its
 * offset.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "server.h"

/* Characters of one, two, three and four bytes, the first and last of each size among them. */
static const char *const characters[] = {
    "a",
    "\xc3\xa9",
    "\xe2\x82\xac",
    "\xf0\x9f\x8c\x8d",
    "~",
    "\xc2\x80",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbf\xbf",
    "\xf0\x90\x80\x80",
    "\xf4\x8f\xbf\xbf",
    "z",
};
enum { CHARACTERS = sizeof characters / sizeof *characters };

static struct server *server;
static char text[64], answer[128];

static void begin(void)
{
    server = server_with("1", "utf8", NULL);
    for (unsigned i = 0; i < CHARACTERS; i++) {
        strcat(text, characters[i]);
        snprintf(answer + strlen(answer), sizeof answer - strlen(answer), "[%s]", characters[i]);
    }
}

static void finish(void)
{
    server_stop_cleanly(server);
}

TestSuite(utf8, .init = begin, .fini = finish);

/* The characters that are whole within the first len bytes of the text, as they come back. */
static size_t answer_within(size_t len)
{
    size_t at = 0, answered = 0;
    for (unsigned i = 0; i < CHARACTERS; i++) {
        at += strlen(characters[i]);
        answered += at <= len ? strlen(characters[i]) + 2 : 0;
    }
    return answered;
}

/* Waits until the plugin's worker has read all that was sent. */
static void expect_read(uint64_t total)
{
    server_wait_figure(server, "bytes_read", (int64_t)total);
}

Test(utf8, is_never_broken_wherever_the_input_is_cut)
{
    size_t len = strlen(text);
    uint64_t total = 0;
    for (size_t cut = 1; cut < len; cut++) {
        int peer = peer_connect(server_address(server, 0));
        size_t first = answer_within(cut);
        peer_send(peer, text, cut);
        peer_expect(peer, answer, first);
        expect_read(total += cut);
        cr_assert(peer_is_quiet(peer), "a part of a character came back, cut at %zu", cut);
        peer_send(peer, text + cut, len - cut);
        peer_expect(peer, answer + first, strlen(answer) - first);
        total += len - cut;
        peer_end(peer);
        peer_expect_end(peer);
        peer_close(peer);
    }
}

Test(utf8, comes_whole_byte_by_byte)
{
    int peer = peer_connect(server_address(server, 0)), on = 1;
    cr_assert_eq(setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    for (size_t i = 0; i < strlen(text); i++) {
        size_t before = answer_within(i), now = answer_within(i + 1);
        peer_send(peer, text + i, 1);
        peer_expect(peer, answer + before, now - before);
    }
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
}

static void expect_refused(const char *bytes, size_t cut, size_t offset)
{
    int peer = peer_connect(server_address(server, 0));
    char all[256];
    size_t len = strlen(bytes);
    peer_send(peer, text, strlen(text));
    peer_expect(peer, answer, strlen(answer));
    peer_send(peer, bytes, cut);
    peer_send(peer, bytes + cut, len - cut);
    size_t got = peer_read_until_closed(peer, all, sizeof all - 1);
    all[got] = '\0';
    const char *expected = test_text("ill-formed at %zu\n", strlen(text) + offset);
    const char *said = strstr(all, "ill-formed");
    cr_assert_not_null(said, "nothing was said of it, but: %s", all);
    cr_assert_str_eq(said, expected, "cut at %zu", cut);
    peer_close(peer);
}

Test(utf8, is_refused_with_the_offset_of_what_is_ill_formed)
{
    static const struct {
        const char *bytes;
        size_t offset; /* in these bytes, which follow the text */
    } bad[] = {
        { "\x80", 0 },           { "good\xff", 4 },
        { "\xc0\xaf", 0 },       { "\xe0\x9f\x80", 0 },
        { "ab\xed\xa0\x80", 2 }, { "\xc3\xa9\xf4\x90\x80\x80", 2 },
        { "\xe2\x82(", 0 },      { "\xf0\x9f\x8c\x8d\xf0\x9f\x8c ", 4 },
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t cut = 0; cut <= strlen(bad[i].bytes); cut++)
            expect_refused(bad[i].bytes, cut, bad[i].offset);
}

/* What no byte that follows can mend is refused without waiting for one. */
Test(utf8, is_refused_at_the_first_byte_that_rules_it_out)
{
    static const char *const hopeless[] = { "\xe0\x80", "\xed\xa0", "\xf0\x8f", "\xf4\x90",
                                            "\xf5" };
    for (unsigned i = 0; i < sizeof hopeless / sizeof *hopeless; i++)
        expect_refused(hopeless[i], 1, 0);
}

Test(utf8, that_ends_within_a_character_tells_where)
{
    int peer = peer_connect(server_address(server, 0));
    char all[64];
    peer_send(peer, "ab\xf0\x9f", 4);
    peer_end(peer);
    size_t got = peer_read_until_closed(peer, all, sizeof all - 1);
    all[got] = '\0';
    cr_assert_str_eq(all, "[a][b]cut at 2, 2 missing\n");
    peer_close(peer);
}
