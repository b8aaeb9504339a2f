/* SPDX-License-Identifier: MIT
 *
 * The proxy plugin and other people's servers: the PROXY header that it sends, byte for byte and as
 * HAProxy and nginx understand it, and HTTP through it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "flow.h"
#include "foreign.h"
#include "pattern.h"
#include "proxy_wire.h"

/* A proxy on that address before an upstream server of the test's. */
static struct server *proxy_at(const char *address, const struct upstream *upstream,
                               const char *version)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen",
                       test_text("%s=proxy,upstream=%s,send-proxy=%s", address, upstream->address,
                                 version) },
    });
}

static void expect_v1_line(const char *address, const char *kind, const char *ip)
{
    struct upstream upstream = upstream_at("127.0.0.1:0");
    struct server *proxy = proxy_at(address, &upstream, "v1");
    int client = peer_connect(server_address(proxy, 0));
    int server = upstream_accept(&upstream);
    peer_expect_text(server, test_text("PROXY %s %s %s %u %u\r\n", kind, ip, ip, peer_port(client),
                                       server_port(proxy, 0)));
    cr_expect(peer_is_quiet(server), "and nothing else");
    peer_send_text(client, "hello");
    peer_expect_text(server, "hello");
    peer_close(client);
    peer_close(server);
    server_stop_cleanly(proxy);
    upstream_close(&upstream);
}

Test(proxy_send, tells_the_clients_address_in_version_1)
{
    expect_v1_line("127.0.0.1:0", "TCP4", "127.0.0.1");
    expect_v1_line("[::1]:0", "TCP6", "0:0:0:0:0:0:0:1");
}

static void v2_begin(uint8_t *header, unsigned kind, unsigned len)
{
    memcpy(header, "\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A\x21", 13);
    header[13] = (uint8_t)kind;
    header[14] = (uint8_t)(len >> 8);
    header[15] = (uint8_t)len;
}

Test(proxy_send, tells_the_clients_address_in_version_2)
{
    struct upstream upstream = upstream_at("127.0.0.1:0");
    struct server *proxy = proxy_at("127.0.0.1:0", &upstream, "v2");
    int client = peer_connect_with(server_address(proxy, 0),
                                   &(struct peer_settings){ .source = "127.0.0.77" });
    int server = upstream_accept(&upstream);
    uint8_t header[28] = { [16] = 127, 0, 0, 77, 127, 0, 0, 1 };
    uint16_t from = htons((uint16_t)peer_port(client)), to = htons((uint16_t)server_port(proxy, 0));
    v2_begin(header, 0x11, 12);
    memcpy(header + 24, &from, 2);
    memcpy(header + 26, &to, 2);
    peer_expect(server, header, sizeof header);
    peer_send_text(client, "hello");
    peer_expect_text(server, "hello");
    peer_close(client);
    peer_close(server);
    server_stop_cleanly(proxy);
    upstream_close(&upstream);
}

Test(proxy_send, tells_what_there_is_of_a_client_over_unix)
{
    const char *folder = test_folder();
    struct upstream upstream = upstream_at("127.0.0.1:0");
    const char *path = test_text("%s/proxy", folder);
    struct server *proxy = proxy_at(test_text("unix:%s", path), &upstream, "v1");
    int client = peer_connect(server_address(proxy, 0));
    int server = upstream_accept(&upstream);
    peer_expect_text(server, "PROXY UNKNOWN\r\n");
    peer_close(client);
    peer_close(server);
    server_stop_cleanly(proxy);

    uint8_t header[16 + 216] = { 0 };
    v2_begin(header, 0x31, 216);
    memcpy(header + 16 + 108, path, strlen(path));
    proxy = proxy_at(test_text("unix:%s", path), &upstream, "v2");
    client = peer_connect(server_address(proxy, 0));
    server = upstream_accept(&upstream);
    peer_expect(server, header, sizeof header);
    peer_close(client);
    peer_close(server);
    server_stop_cleanly(proxy);
    upstream_close(&upstream);
    test_folder_remove(folder);
}

/* The header goes before what the client sent early, and once. */
Test(proxy_send, begins_anew_with_the_next_server)
{
    struct upstream silent = upstream_silent(), next = upstream_at("127.0.0.1:0");
    struct server *proxy =
        proxy_before(test_text("upstream=%s,upstream=%s,connect-timeout=200ms,send-proxy=v1",
                               silent.address, next.address));
    int client = peer_connect(server_address(proxy, 0));
    flow_send(client, 0, 30000);
    int server = upstream_accept(&next);
    peer_expect_text(server, test_text("PROXY TCP4 127.0.0.1 127.0.0.1 %u %u\r\n",
                                       peer_port(client), server_port(proxy, 0)));
    flow_expect(server, 0, 30000, 0);
    peer_close(client);
    peer_close(server);
    server_stop_cleanly(proxy);
    upstream_close(&silent);
    upstream_close(&next);
}

/* ---- Other people's servers ---- */

/* GETs path; the body's length, and its beginning in ret. */
static size_t get(struct server *proxy, const char *path, const char *source, char *ret,
                  size_t size, unsigned *ret_port)
{
    size_t room = 8 * MIB;
    char *answer = test_allocate(room + 1);
    int client =
        peer_connect_with(server_address(proxy, 0), &(struct peer_settings){ .source = source });
    *ret_port = peer_port(client);
    peer_send_text(client, test_text("GET %s HTTP/1.0\r\n\r\n", path));
    size_t len = peer_read_until_closed(client, answer, room);
    peer_close(client);
    answer[len] = '\0';
    char *body = strstr(answer, "\r\n\r\n");
    if (strncmp(answer, "HTTP/1", 6) != 0 || strstr(answer, " 200 OK\r\n") == NULL || body == NULL)
        support_fail("no answer: %.300s", answer);
    body += 4;
    len -= (size_t)(body - answer);
    memcpy(ret, body, len < size ? len : size);
    free(answer);
    return len;
}

static void expect_told(struct foreign *foreign, const char *version)
{
    struct server *proxy =
        proxy_before(test_text("upstream=%s,send-proxy=%s", foreign_address(foreign), version));
    for (unsigned i = 1; i <= 5; i++) {
        char told[64];
        unsigned port;
        const char *source = test_text("127.0.0.%u", 10 * i);
        size_t len = get(proxy, "/who", source, told, sizeof told, &port);
        const char *expected = test_text("%s %u", source, port);
        cr_assert_eq(len, strlen(expected));
        cr_assert_arr_eq(told, expected, len, "%.*s is not %s", (int)len, told, expected);
    }
    server_stop_cleanly(proxy);
}

Test(proxy_send, is_understood_by_haproxy)
{
    struct foreign *haproxy =
        foreign_haproxy("accept-proxy", " mode http\n http-request return status 200 content-type "
                                        "text/plain lf-string \"%ci %cp\"");
    expect_told(haproxy, "v1");
    expect_told(haproxy, "v2");
    foreign_stop(haproxy);
}

Test(proxy_send, is_understood_by_nginx)
{
    struct foreign *nginx = foreign_nginx(
        "proxy_protocol",
        "location = /who { return 200 \"$proxy_protocol_addr $proxy_protocol_port\"; }");
    expect_told(nginx, "v1");
    expect_told(nginx, "v2");
    foreign_stop(nginx);
}

Test(proxy_send, carries_files_from_nginx)
{
    struct foreign *nginx = foreign_nginx("", "");
    size_t size = 5 * MIB;
    uint8_t *bytes = test_allocate(size), *got = test_allocate(size);
    pattern_fill(bytes, 0, size);
    FILE *file = fopen(test_text("%s/file", foreign_folder(nginx)), "we");
    cr_assert(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    struct server *proxy = proxy_before(test_text("upstream=%s", foreign_address(nginx)));
    for (unsigned i = 0; i < 5; i++) {
        unsigned port;
        cr_assert_eq(get(proxy, "/file", NULL, (char *)got, size, &port), size);
        cr_assert_eq(memcmp(got, bytes, size), 0);
    }
    free(bytes);
    free(got);
    server_stop_cleanly(proxy);
    foreign_stop(nginx);
}
