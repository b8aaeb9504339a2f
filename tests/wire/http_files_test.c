/* SPDX-License-Identifier: MIT
 *
 * http: files below root, whole and in parts, and everything that is not to be reached.
 */
#include "http_client.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "flow.h"
#include "pattern.h"

#define HOST "Host: a\r\n"
#define TEN_KIB 10240

/* A folder "site" with something beside it that must not be reached. */
struct site {
    const char *outer;
    const char *root;
    struct server *server;
};

static const char *in(const char *folder, const char *name)
{
    return test_text("%s/%s", folder, name);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    cr_assert_geq(fd, 0, "%s", path);
    for (size_t done = 0; done < len;) {
        ssize_t part = write(fd, (const char *)bytes + done, len - done);
        cr_assert_gt(part, 0);
        done += (size_t)part;
    }
    close(fd);
}

static void write_pattern(const char *path, size_t len)
{
    uint8_t *bytes = test_allocate(len);
    pattern_fill(bytes, 0, len);
    write_file(path, bytes, len);
    free(bytes);
}

static struct site site_new(void)
{
    struct site site = { .outer = test_folder() };
    site.root = in(site.outer, "site");
    mkdir(site.root, 0755);
    mkdir(in(site.root, "sub"), 0755);
    mkdir(in(site.root, "empty"), 0755);
    write_file(in(site.outer, "secret.txt"), "secret", 6);
    write_file(in(site.root, "index.html"), "<p>home", 7);
    write_file(in(site.root, "sub/index.html"), "<p>sub", 6);
    write_file(in(site.root, "hello.txt"), "hello", 5);
    write_file(in(site.root, "a b%c.txt"), "odd", 3);
    write_file(in(site.root, "nothing.css"), "", 0);
    write_pattern(in(site.root, "ten.bin"), TEN_KIB);
    write_pattern(in(site.root, "large.bin"), 1000000);
    site.server = http_server(test_text("root=%s", site.root));
    return site;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    (void)place;
    return remove(path);
}

static void site_free(struct site *site)
{
    server_stop_cleanly(site->server);
    cr_assert_eq(nftw(site->outer, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static struct answer *get(struct site *site, const char *target, const char *fields,
                          unsigned status)
{
    return ask_once(site->server, test_text("GET %s HTTP/1.1\r\n" HOST "%s\r\n", target, fields),
                    status);
}
#define get(...) SUPPORT_HERE((get)(__VA_ARGS__))

static void expect_pattern(const struct answer *answer, size_t first, size_t len)
{
    cr_assert_eq(answer->len, len);
    cr_assert_eq(pattern_mismatch((const uint8_t *)answer->body, first, len), len);
}

Test(http_files, are_sent_with_what_is_known_of_them)
{
    struct site site = site_new();
    struct answer *answer = get(&site, "/hello.txt", "", 200);
    expect_body(answer, "hello");
    expect_field(answer, "Content-Type", "text/plain; charset=utf-8");
    expect_field(answer, "Content-Length", "5");
    expect_field(answer, "Accept-Ranges", "bytes");
    cr_assert_not_null(answer_field(answer, "Last-Modified"));
    cr_assert_eq(answer_field(answer, "ETag")[0], '"');
    answer_free(answer);

    answer = get(&site, "/nothing.css", "", 200);
    expect_body(answer, "");
    expect_field(answer, "Content-Length", "0");
    expect_field(answer, "Content-Type", "text/css; charset=utf-8");
    answer_free(answer);

    answer = get(&site, "/a%20b%25c.txt?query", "", 200);
    expect_body(answer, "odd");
    answer_free(answer);

    answer = get(&site, "http://elsewhere/hello.txt", "", 200);
    expect_body(answer, "hello");
    answer_free(answer);

    answer = get(&site, "/ten.bin", "", 200);
    expect_pattern(answer, 0, TEN_KIB);
    answer_free(answer);
    answer = get(&site, "/large.bin", "", 200);
    expect_pattern(answer, 0, 1000000);
    answer_free(answer);
    site_free(&site);
}

Test(http_files, in_a_folder_are_its_index)
{
    struct site site = site_new();
    struct answer *answer = get(&site, "/", "", 200);
    expect_body(answer, "<p>home");
    expect_field(answer, "Content-Type", "text/html; charset=utf-8");
    answer_free(answer);
    answer = get(&site, "/sub/", "", 200);
    expect_body(answer, "<p>sub");
    answer_free(answer);
    answer = get(&site, "/sub", "", 301);
    expect_field(answer, "Location", "/sub/");
    answer_free(answer);
    answer = get(&site, "//sub?a=b", "", 301);
    expect_field(answer, "Location", "/sub/?a=b");
    answer_free(answer);
    answer_free(get(&site, "/empty/", "", 404));
    answer_free(get(&site, "/hello.txt/", "", 404));
    site_free(&site);
}

Test(http_files, answer_head_without_the_body)
{
    struct site site = site_new();
    struct client *client = client_new(site.server);
    struct answer *answer = ask(client, "HEAD /large.bin HTTP/1.1\r\n" HOST "\r\n");
    expect_status(answer, 200, "HEAD");
    expect_field(answer, "Content-Length", "1000000");
    answer_free(answer);
    answer = ask(client, "HEAD /absent HTTP/1.1\r\n" HOST "\r\n");
    expect_status(answer, 404, "HEAD");
    answer_free(answer);
    answer = ask(client, "HEAD /hello.txt HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\n\r\n");
    expect_status(answer, 200, "HEAD");
    expect_field(answer, "Content-Length", "5");
    answer_free(answer);
    cr_assert(peer_is_quiet(client->fd));
    client_free(client);
    site_free(&site);
}

Test(http_files, take_only_methods_that_read)
{
    static const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH", "TRACE" };
    struct site site = site_new();
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct client *client = client_new(site.server);
        struct answer *answer =
            ask(client, test_text("%s /hello.txt HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
                                  methods[i]));
        expect_status(answer, 405, methods[i]);
        expect_field(answer, "Allow", "GET, HEAD, OPTIONS");
        answer_free(answer);
        answer = ask(client, "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n");
        expect_status(answer, 200, methods[i]);
        answer_free(answer);
        client_free(client);
    }
    struct answer *answer =
        ask_once(site.server, "OPTIONS /hello.txt HTTP/1.1\r\n" HOST "\r\n", 204);
    expect_field(answer, "Allow", "GET, HEAD, OPTIONS");
    answer_free(answer);
    /* Not asked for: the answer is known without the body. */
    answer = ask_once(
        site.server, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        405);
    expect_field(answer, "Connection", "close");
    answer_free(answer);
    site_free(&site);
}

static void expect_part(struct site *site, const char *range, size_t first, size_t len)
{
    struct answer *answer = get(site, "/ten.bin", test_text("Range: bytes=%s\r\n", range), 206);
    expect_pattern(answer, first, len);
    expect_field(answer, "Content-Range",
                 test_text("bytes %zu-%zu/%d", first, first + len - 1, TEN_KIB));
    answer_free(answer);
}

Test(http_files, are_sent_in_part)
{
    struct site site = site_new();
    expect_part(&site, "0-0", 0, 1);
    expect_part(&site, "100-199", 100, 100);
    expect_part(&site, "10000-", 10000, 240);
    expect_part(&site, "-10", TEN_KIB - 10, 10);
    expect_part(&site, "10230-99999", 10230, 10);
    expect_part(&site, "-99999", 0, TEN_KIB);

    struct answer *answer = get(&site, "/large.bin", "Range: bytes=500000-899999\r\n", 206);
    expect_pattern(answer, 500000, 400000);
    answer_free(answer);

    static const char *const beyond[] = { "10240-", "99999-100000", "-0" };
    for (size_t i = 0; i < 3; i++) {
        answer = get(&site, "/ten.bin", test_text("Range: bytes=%s\r\n", beyond[i]), 416);
        expect_field(answer, "Content-Range", "bytes */10240");
        answer_free(answer);
    }
    static const char *const ignored[] = { "bytes=0-1,5-6", "bytes=5-1", "bytes=x", "lines=0-1" };
    for (size_t i = 0; i < 4; i++) {
        answer = get(&site, "/ten.bin", test_text("Range: %s\r\n", ignored[i]), 200);
        expect_pattern(answer, 0, TEN_KIB);
        answer_free(answer);
    }
    site_free(&site);
}

Test(http_files, are_not_sent_again_when_the_client_has_them)
{
    struct site site = site_new();
    struct answer *answer = get(&site, "/hello.txt", "", 200);
    const char *etag = test_text("%s", answer_field(answer, "ETag"));
    const char *date = test_text("%s", answer_field(answer, "Last-Modified"));
    answer_free(answer);

    answer = get(&site, "/hello.txt", test_text("If-None-Match: %s\r\n", etag), 304);
    expect_field(answer, "ETag", etag);
    expect_field(answer, "Last-Modified", date);
    expect_field(answer, "Content-Length", NULL);
    answer_free(answer);
    answer_free(get(&site, "/hello.txt", test_text("If-None-Match: \"x\", W/%s\r\n", etag), 304));
    answer_free(get(&site, "/hello.txt", "If-None-Match: *\r\n", 304));
    answer_free(get(&site, "/hello.txt", "If-None-Match: \"x\"\r\n", 200));
    answer_free(get(&site, "/hello.txt", test_text("If-Modified-Since: %s\r\n", date), 304));
    answer_free(
        get(&site, "/hello.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200));
    answer_free(get(&site, "/hello.txt",
                    test_text("If-None-Match: \"x\"\r\nIf-Modified-Since: %s\r\n", date), 200));
    answer_free(get(&site, "/hello.txt", "If-Match: \"x\"\r\n", 412));
    answer_free(get(&site, "/hello.txt", test_text("If-Match: %s\r\n", etag), 200));
    answer_free(
        get(&site, "/hello.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 412));
    answer = get(&site, "/hello.txt", test_text("Range: bytes=1-2\r\nIf-Range: %s\r\n", etag), 206);
    expect_body(answer, "el");
    answer_free(answer);
    answer = get(&site, "/hello.txt", "Range: bytes=1-2\r\nIf-Range: \"x\"\r\n", 200);
    expect_body(answer, "hello");
    answer_free(answer);

    /* It changes, and so does its tag. */
    write_file(in(site.root, "hello.txt"), "hello, world", 12);
    answer = get(&site, "/hello.txt", test_text("If-None-Match: %s\r\n", etag), 200);
    expect_body(answer, "hello, world");
    answer_free(answer);
    site_free(&site);
}

Test(http_files, outside_root_cannot_be_reached)
{
    static const struct {
        const char *target;
        unsigned status;
    } attempts[] = {
        { "/../secret.txt", 400 },
        { "/sub/../../secret.txt", 400 },
        { "/%2e%2e/secret.txt", 400 },
        { "/.%2e/secret.txt", 400 },
        { "/%2e%2e%2fsecret.txt", 404 },
        { "/..%2fsecret.txt", 404 },
        { "/..%5csecret.txt", 404 },
        { "/..\\secret.txt", 404 },
        { "/%252e%252e/secret.txt", 404 },
        { "/%c0%ae%c0%ae/secret.txt", 404 },
        { "/....//secret.txt", 404 },
        { "/..;/secret.txt", 404 },
        { "/sub/%2e%2e/%2e%2e/secret.txt", 400 },
        { "//../secret.txt", 400 },
        { "http://a/../secret.txt", 400 },
        { "/link-to-secret", 404 },
        { "/link-out/secret.txt", 404 },
        { "/link-absolute", 404 },
        { "/link-proc", 404 },
        { "/link-loop", 404 },
        { "/hello.txt%00.html", 400 },
        { "/%00", 400 },
        { "/%", 400 },
        { "/%zz", 400 },
        { "/absent", 404 },
        { "/absent/index.html", 404 },
    };
    struct site site = site_new();
    cr_assert_eq(symlink("../secret.txt", in(site.root, "link-to-secret")), 0);
    cr_assert_eq(symlink("..", in(site.root, "link-out")), 0);
    cr_assert_eq(symlink(in(site.root, "hello.txt"), in(site.root, "link-absolute")), 0);
    cr_assert_eq(symlink("/proc/self/cwd", in(site.root, "link-proc")), 0);
    cr_assert_eq(symlink("link-loop", in(site.root, "link-loop")), 0);
    cr_assert_eq(symlink("../hello.txt", in(site.root, "sub/link-inside")), 0);
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        struct answer *answer = get(&site, attempts[i].target, "", attempts[i].status);
        cr_assert_null(strstr(answer->body, "secret"), "%s", attempts[i].target);
        answer_free(answer);
    }
    struct answer *answer = get(&site, "/sub/link-inside", "", 200);
    expect_body(answer, "hello");
    answer_free(answer);
    site_free(&site);
}

Test(http_files, that_are_none_are_refused_without_waiting)
{
    struct site site = site_new();
    cr_assert_eq(mkfifo(in(site.root, "pipe"), 0644), 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int bound = snprintf(address.sun_path, sizeof address.sun_path, "%s", in(site.root, "socket"));
    cr_assert_lt((size_t)bound, sizeof address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    answer_free(get(&site, "/pipe", "", 403));
    answer_free(get(&site, "/socket", "", 404));
    close(listener);
    site_free(&site);
}

Test(http_files, are_pipelined_in_order)
{
    static const char *const targets[] = { "/ten.bin", "/hello.txt",   "/large.bin", "/absent",
                                           "/sub",     "/nothing.css", "/sub/",      "/large.bin" };
    static const unsigned statuses[] = { 200, 200, 200, 404, 301, 200, 200, 200 };
    static const size_t lengths[] = { TEN_KIB, 5, 1000000, 14, 22, 0, 6, 1000000 };
    struct site site = site_new();
    struct client *client = client_new(site.server);
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < 8; i++)
            peer_send_text(client->fd, test_text("GET %s HTTP/1.1\r\n" HOST "\r\n", targets[i]));
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < 8; i++) {
            struct answer *answer = answer_read(client, false);
            expect_status(answer, statuses[i], targets[i]);
            cr_assert_eq(answer->len, lengths[i], "%s", targets[i]);
            if (lengths[i] >= TEN_KIB)
                expect_pattern(answer, 0, lengths[i]);
            answer_free(answer);
        }
    cr_assert(peer_is_quiet(client->fd));
    client_free(client);
    site_free(&site);
}

/* A name that nobody has looked up is not in the kernel's cache: a helper looks it up while the
 * connection waits, and what stands behind it waits too. */
Test(http_files, that_the_kernel_has_not_cached_are_looked_up_by_a_helper_in_order)
{
    enum { COUNT = 40 };
    struct site site = site_new();
    struct client *client = client_new(site.server);
    for (int i = 0; i < COUNT; i++)
        peer_send_text(client->fd, test_text("GET /absent%d HTTP/1.1\r\n" HOST "\r\n"
                                             "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n",
                                             i));
    for (int i = 0; i < COUNT; i++) {
        struct answer *answer = answer_read(client, false);
        expect_status(answer, 404, "absent");
        answer_free(answer);
        answer = answer_read(client, false);
        expect_status(answer, 200, "present");
        expect_body(answer, "hello");
        answer_free(answer);
    }
    server_wait_figure_from(site.server, "offloaded", COUNT);
    client_free(client);
    site_free(&site);
}

/* Of a fresh process the kernel has nothing cached that nobody has looked at. */
Test(http_files, opened_by_a_helper_are_sent_like_others)
{
    struct server *server = http_server("root=/proc");
    struct client *client = client_new(server);
    const char *request = test_text("GET /%d/task/%d/oom_score_adj HTTP/1.1\r\n" HOST "\r\n",
                                    (int)server_pid(server), (int)server_pid(server));
    for (int i = 0; i < 10; i++)
        peer_send_text(client->fd, request);
    for (int i = 0; i < 10; i++) {
        struct answer *answer = answer_read(client, false);
        expect_status(answer, 200, request);
        expect_field(answer, "Content-Length", "0");
        answer_free(answer);
    }
    server_wait_figure_from(server, "offloaded", 1);
    answer_free(ask_once(server, "GET /self/root/etc/passwd HTTP/1.1\r\n" HOST "\r\n", 404));
    client_free(client);
    server_stop_cleanly(server);
}

Test(http_files, are_opened_for_clients_that_vanish_meanwhile)
{
    struct site site = site_new();
    for (int i = 0; i < 100; i++) {
        int peer = peer_connect(server_address(site.server, 0));
        peer_send_text(peer, test_text("GET /gone%d HTTP/1.1\r\n" HOST "\r\n", i));
        if (i % 2)
            peer_reset(peer);
        else
            peer_close(peer);
    }
    answer_free(get(&site, "/hello.txt", "", 200));
    site_free(&site);
}

Test(http_files, of_10_mib_arrive_whole_at_a_slow_reader)
{
    enum { LEN = 10 * 1024 * 1024 };
    struct site site = site_new();
    write_pattern(in(site.root, "ten-mib.bin"), LEN);
    struct client *client = test_allocate(sizeof *client);
    client->fd = peer_connect_with(server_address(site.server, 0),
                                   &(struct peer_settings){ .receive_buffer = 8192 });
    client->at = client->len = 0;
    struct answer *answer = ask(client, "HEAD /ten-mib.bin HTTP/1.1\r\n" HOST "\r\n");
    expect_field(answer, "Content-Length", test_text("%d", LEN));
    answer_free(answer);
    peer_send_text(client->fd, "GET /ten-mib.bin HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    answer = answer_read(client, true);
    expect_status(answer, 200, "10 MiB");
    answer_free(answer);
    size_t got = client->len - client->at;
    cr_assert_eq(pattern_mismatch((uint8_t *)client->bytes + client->at, 0, got), got);
    flow_expect(client->fd, got, LEN - got, 1500);
    client->at = client->len;
    expect_end(client);
    client_free(client);
    site_free(&site);
}

Test(http_files, leave_nothing_behind_when_the_client_vanishes_in_the_middle)
{
    struct site site = site_new();
    for (int i = 0; i < 40; i++) {
        int peer = peer_connect_with(server_address(site.server, 0),
                                     &(struct peer_settings){ .receive_buffer = 4096 });
        peer_send_text(peer, "GET /large.bin HTTP/1.1\r\n" HOST "\r\n"
                             "GET /ten.bin HTTP/1.1\r\n" HOST "\r\n");
        char some[100];
        if (i % 4 < 2)
            peer_read_exactly(peer, some, sizeof some);
        if (i % 2)
            peer_reset(peer);
        else
            peer_close(peer);
    }
    struct answer *answer = get(&site, "/hello.txt", "", 200);
    answer_free(answer);
    site_free(&site);
}

static struct server *one_worker(const struct site *site, unsigned long open_files)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_text("127.0.0.1:0=http,root=%s", site->root) },
        .open_files = open_files,
    });
}

/* As many connections as there are descriptors: none is left for a file. */
Test(http_files, that_cannot_be_opened_for_want_of_descriptors_are_unavailable)
{
    enum { CLIENTS = 14 };
    static const char request[] = "GET /hello.txt HTTP/1.1\r\n" HOST "\r\n";
    struct site site = site_new();
    struct server *server = one_worker(&site, 0);
    unsigned bare = server_open_files(server);
    server_stop_cleanly(server);

    server = one_worker(&site, bare + CLIENTS);
    struct client *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_new(server);
        answer_free(ask(clients[i], "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"));
    }
    /* The acceptor may just be giving up and taking back the descriptor that it keeps in reserve.
     */
    unsigned status = 200;
    for (int i = 0; i < 1000 && status == 200; i++) {
        struct answer *answer = ask(clients[i % CLIENTS], request);
        status = answer->status;
        answer_free(answer);
    }
    cr_assert_eq(status, 503);
    /* It is over when some leave: one descriptor for a lost reserve, one for the file. */
    client_free(clients[0]);
    client_free(clients[1]);
    server_wait_figure(server, "streams", CLIENTS - 2);
    struct answer *answer = ask(clients[2], request);
    expect_status(answer, 200, request);
    answer_free(answer);
    for (int i = 2; i < CLIENTS; i++)
        client_free(clients[i]);
    server_stop_cleanly(server);
    site_free(&site);
}

/* Each head outlives the bytes it came with, also where one body ends and the next request, whose
 * body waits too, begins in the same piece. */
Test(http_files, finds_the_file_of_a_request_whose_body_comes_later)
{
    static const char waits[] = HOST "Content-Length: 300\r\nExpect: 100-continue\r\n\r\n";
    static const char *const paths[][2] = { { "/", "<p>home" },
                                            { "/hello.txt", "hello" },
                                            { "/sub/", "<p>sub" } };
    struct site site = site_new();
    struct client *client = client_new(site.server);
    char body[301];
    memset(body, 'x', 300);
    body[300] = 0;
    for (int i = 0; i <= 3; i++) {
        const char *head = i < 3 ? test_text("GET %s HTTP/1.1\r\n%s", paths[i][0], waits) : "";
        struct answer *answer = ask(client, test_text("%s%s", i > 0 ? body : "", head));
        if (i > 0) {
            expect_status(answer, 200, paths[i - 1][0]);
            expect_body(answer, paths[i - 1][1]);
            answer_free(answer);
            answer = i < 3 ? answer_read(client, false) : NULL;
        }
        if (i < 3) {
            expect_status(answer, 100, paths[i][0]);
            answer_free(answer);
        }
    }
    client_free(client);
    site_free(&site);
}
