/* SPDX-License-Identifier: MIT
 *
 * What peers send never reaches the log unescaped, in neither format.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "peer.h"
#include "server.h"

static struct server *logging_as(const char *format, const char *address)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--log-format", format, "--listen",
                       test_listen(address, "shout", NULL) },
    });
}

/* The length of the well-formed UTF-8 character at text, 0 when it is ill-formed (RFC 3629). */
static size_t utf8_length(const uint8_t *at)
{
    size_t more = *at < 0x80 ? 0 : *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : 1;

    if ((*at >= 0x80 && *at < 0xc2) || *at > 0xf4)
        return 0;
    if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) ||
        (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f))
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return more + 1;
}

/* Lines of well-formed UTF-8 without control characters, those of Latin-1 (C1) included. */
static void expect_clean(struct server *server, bool json)
{
    const uint8_t *at = (const uint8_t *)server_log(server);
    bool line_begins = true;

    while (*at != '\0') {
        size_t len = utf8_length(at);

        cr_assert_neq(len, 0, "ill-formed UTF-8: 0x%02x 0x%02x", at[0], at[1]);
        cr_assert(*at >= 0x20 || *at == '\n', "control character 0x%02x", *at);
        cr_assert_neq(*at, 0x7f);
        cr_assert_not(at[0] == 0xc2 && at[1] < 0xa0, "C1 control character 0x%02x", at[1]);
        if (json && line_begins)
            cr_assert_eq(*at, '{', "a line that is no object: %.80s", (const char *)at);
        if (json && *at == '\n')
            cr_assert_eq(at[-1], '}');
        line_begins = *at == '\n';
        at += len;
    }
}

static unsigned lines(struct server *server)
{
    return server_log_count(server, "\n");
}

static void say(struct server *server, const char *bytes, size_t len)
{
    int peer = peer_connect(server_address(server, 0));
    unsigned before = server_log_count(server, "heard <");

    peer_send(peer, bytes, len);
    peer_expect_text(peer, "logged\n");
    server_wait_log_count(server, "heard <", before + 1);
    peer_close(peer);
}

static const struct {
    const char *bytes;
    size_t len;
} nasty[] = {
#define NASTY(text)                                                                                \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }
    NASTY("\x1b[31mred\x1b[0m"),
    NASTY("\x1b]0;title\x07"),
    NASTY("two\nlines\r\nof text"),
    NASTY("2024-01-01T00:00:00Z error invented line\n"),
    NASTY("tab\tbell\abackspace\b\b\bdelete\x7f"),
    NASTY("\xc3\x28 \xa0\xa1 \xe2\x28\xa1 \xf0\x28\x8c\xbc \xff\xfe"),
    NASTY("\xc0\xaf overlong \xe0\x80\xaf \xf0\x80\x80\xaf"),
    NASTY("surrogate \xed\xa0\x80 too high \xf4\x90\x80\x80"),
    NASTY("C1 \xc2\x9b\x33\x31m \x9b\x33\x32m \xc2\x85"),
    NASTY("cut \xe2\x82"),
    NASTY("quotes \" ' \\ {\"key\":\"value\"} </script>"),
    NASTY("\xe2\x80\xae override \xe2\x80\xa8 separator"),
};

static void check_escaping(const char *format)
{
    struct server *server = logging_as(format, "127.0.0.1:0");
    bool json = strcmp(format, "json") == 0;
    unsigned before;

    server_wait_log(server, "listening on");
    before = lines(server);
    for (size_t i = 0; i < sizeof nasty / sizeof nasty[0]; i++)
        say(server, nasty[i].bytes, nasty[i].len);
    say(server, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac", 10);
    cr_expect_eq(lines(server) - before, sizeof nasty / sizeof nasty[0] + 1,
                 "a peer made lines of its own");
    expect_clean(server, json);
    server_wait_log(server, "gr\xc3\xbc\xc3\x9f");
    server_stop_cleanly(server);
}

Test(log, escapes_what_peers_send_in_text)
{
    check_escaping("text");
}

Test(log, escapes_what_peers_send_in_json)
{
    check_escaping("json");
}

/* The name of a unix peer is chosen by the peer. */
static void check_peer_name(const char *format)
{
    const char *folder = test_folder();
    struct server *server = logging_as(format, test_text("unix:%s/s", folder));
    struct sockaddr_un own = { .sun_family = AF_UNIX };
    struct sockaddr_storage target;
    socklen_t len = peer_address(server_address(server, 0), &target);
    int peer = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(own.sun_path, sizeof own.sun_path, "%s/\n\x1b[31m\"\xff evil", folder);
    cr_assert_eq(bind(peer, (struct sockaddr *)&own, sizeof own), 0);
    cr_assert_eq(connect(peer, (struct sockaddr *)&target, len), 0);
    peer_send_text(peer, "hello");
    peer_expect_text(peer, "logged\n");
    server_wait_log(server, "heard <hello>");
    expect_clean(server, strcmp(format, "json") == 0);
    peer_close(peer);
    server_stop_cleanly(server);
    test_folder_remove(folder);
}

Test(log, escapes_the_names_of_peers_in_text)
{
    check_peer_name("text");
}

Test(log, escapes_the_names_of_peers_in_json)
{
    check_peer_name("json");
}

/* Lines have a limit. */
static void check_long_lines(const char *format)
{
    struct server *server = logging_as(format, "127.0.0.1:0");
    char bytes[3000];

    memset(bytes, '\x1b', sizeof bytes);
    say(server, bytes, sizeof bytes);
    memset(bytes, 'x', sizeof bytes);
    say(server, bytes, sizeof bytes);
    expect_clean(server, strcmp(format, "json") == 0);
    for (const char *at = server_log(server); *at != '\0';) {
        size_t len = strcspn(at, "\n");

        cr_expect_leq(len, 1024);
        at += len + (at[len] == '\n');
    }
    server_stop_cleanly(server);
}

Test(log, cuts_long_lines_in_text)
{
    check_long_lines("text");
}

Test(log, cuts_long_lines_in_json)
{
    check_long_lines("json");
}

/* A line says where it comes from. */
Test(log, tells_worker_plugin_and_peer)
{
    struct server *server = logging_as("text", "127.0.0.1:0");
    char line[1100];
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "hello");
    peer_expect_text(peer, "logged\n");
    server_log_line(server, "heard <hello>", line, sizeof line);
    cr_expect_not_null(strstr(line, "warn"), "%s", line);
    cr_expect_not_null(strstr(line, "worker 0 shout #"), "%s", line);
    cr_expect_not_null(strstr(line, test_text("127.0.0.1:%u: ", peer_port(peer))), "%s", line);
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(log, tells_the_same_in_json)
{
    struct server *server = logging_as("json", "127.0.0.1:0");
    char line[1100];
    int peer = peer_connect(server_address(server, 0));

    peer_send_text(peer, "hello");
    peer_expect_text(peer, "logged\n");
    server_log_line(server, "heard <hello>", line, sizeof line);
    cr_expect_not_null(strstr(line, "\"level\":\"warn\""), "%s", line);
    cr_expect_not_null(strstr(line, "\"worker\":0"), "%s", line);
    cr_expect_not_null(strstr(line, "\"plugin\":\"shout\""), "%s", line);
    cr_expect_not_null(strstr(line, test_text("\"peer\":\"127.0.0.1:%u\"", peer_port(peer))), "%s",
                       line);
    peer_close(peer);
    server_stop_cleanly(server);
}
