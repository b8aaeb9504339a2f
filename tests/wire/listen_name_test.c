/* SPDX-License-Identifier: MIT
 *
 * Listening on a host that is looked up: every address it has, one port for all of them.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "peer.h"
#include "server.h"

static const char zone[] = "127.0.0.1 one.zone.test many.zone.test partly.zone.test\n"
                           "127.0.0.2 many.zone.test\n"
                           "127.0.0.3 many.zone.test\n"
                           "::1 many.zone.test\n"
                           "203.0.113.77 partly.zone.test nowhere.zone.test\n"
                           "0.0.0.0 every.zone.test\n"
                           ":: every.zone.test\n";

static struct names *given_names(void)
{
    return names_start(&(struct names_spec){ .hosts = zone });
}

static struct server *listening(const struct names *names, const char *accept, const char *address,
                                unsigned addresses)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--accept", accept, "--dns-server", names_address(names),
                       "--listen", test_listen(address, "minimal", NULL) },
        .listeners = addresses,
    });
}

static void refuses(const struct names *names, const char *address, const char *text)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--workers", "1", "--dns-server", names_address(names), "--dns-timeout",
                           "1s", "--listen", test_listen(address, "minimal", NULL) },
        },
        1, text);
}

static void expect_echo(const char *address)
{
    int peer = peer_connect(address);

    peer_send_text(peer, "hello");
    peer_expect_text(peer, "hello");
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
}

/* L1: localhost is known without any name server. */
static void check_localhost(const char *accept)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--accept", accept, "--listen",
                       test_listen("localhost:0", "minimal", NULL) },
        .listeners = 2,
    });
    unsigned port = server_port(server, 0);

    cr_expect_eq(server_port(server, 1), port);
    cr_expect_eq(server_log_count(server, "listening on "), 2);
    server_wait_log(server, test_text("listening on 127.0.0.1:%u with minimal", port));
    server_wait_log(server, test_text("listening on [::1]:%u with minimal", port));
    for (unsigned i = 0; i < 6; i++) {
        expect_echo(test_text("127.0.0.1:%u", port));
        expect_echo(test_text("[::1]:%u", port));
    }
    cr_expect_eq(peer_try_connect(test_text("127.0.0.2:%u", port)), -ECONNREFUSED);
    server_stop_cleanly(server);
    cr_expect_eq(peer_try_connect(test_text("127.0.0.1:%u", port)), -ECONNREFUSED);
    cr_expect_eq(peer_try_connect(test_text("[::1]:%u", port)), -ECONNREFUSED);
}

Test(listen_name, serves_localhost_in_both_families)
{
    check_localhost("shared");
}

Test(listen_name, serves_localhost_in_both_families_with_reuseport)
{
    check_localhost("reuseport");
}

/* L1: all addresses that a name server knows. */
static void check_many(const char *accept)
{
    struct names *names = given_names();
    struct server *server = listening(names, accept, "many.zone.test:0", 4);
    unsigned port = server_port(server, 0);

    for (unsigned i = 1; i <= 3; i++)
        expect_echo(test_text("127.0.0.%u:%u", i, port));
    expect_echo(test_text("[::1]:%u", port));
    cr_expect_eq(peer_try_connect(test_text("127.0.0.4:%u", port)), -ECONNREFUSED);
    cr_expect_eq(server_log_count(server, "listening on "), 4);
    server_stop_cleanly(server);

    /* And on a port that is given. */
    server = listening(names, accept, test_text("many.zone.test:%u", port), 4);
    expect_echo(test_text("127.0.0.3:%u", port));
    expect_echo(test_text("[::1]:%u", port));
    server_stop_cleanly(server);
    names_stop(names);
}

Test(listen_name, serves_every_address_of_a_name)
{
    check_many("shared");
}

Test(listen_name, serves_every_address_of_a_name_with_reuseport)
{
    check_many("reuseport");
}

/* Each family has its own socket, so both wildcards go together. */
Test(listen_name, serves_both_wildcards_of_a_name)
{
    struct names *names = given_names();
    struct server *server = listening(names, "shared", "every.zone.test:0", 2);

    expect_echo(test_text("127.0.0.9:%u", server_port(server, 0)));
    expect_echo(test_text("[::1]:%u", server_port(server, 0)));
    server_stop_cleanly(server);
    names_stop(names);
}

Test(listen_name, leaves_out_an_address_that_the_machine_has_not)
{
    struct names *names = given_names();
    struct server *server = listening(names, "shared", "partly.zone.test:0", 1);
    unsigned port = server_port(server, 0);

    server_wait_log(server, "partly.zone.test:0: this machine does not have 203.0.113.77");
    cr_expect_eq(server_log_count(server, "listening on "), 1);
    expect_echo(test_text("127.0.0.1:%u", port));
    server_stop_cleanly(server);
    refuses(names, "nowhere.zone.test:4000",
            "cannot listen on nowhere.zone.test:4000: 203.0.113.77:4000: Cannot assign requested "
            "address; this machine has no such address");
    names_stop(names);
}

/* L1: the reason names the name and the address, and nothing stays bound. */
Test(listen_name, names_the_address_that_is_in_use)
{
    struct names *names = given_names();
    struct server *other = listening(names, "shared", "127.0.0.2:0", 1);
    unsigned port = server_port(other, 0);
    const char *address = test_text("many.zone.test:%u", port);

    refuses(names, address,
            test_text("cannot listen on %s: 127.0.0.2:%u: Address already in use", address, port));
    expect_echo(test_text("127.0.0.2:%u", port));
    server_stop_cleanly(other);
    struct server *server = listening(names, "shared", address, 4);
    expect_echo(test_text("127.0.0.2:%u", port));
    server_stop_cleanly(server);
    names_stop(names);
}

Test(listen_name, says_why_a_name_cannot_be_looked_up)
{
    struct names *names = given_names(), *odd = names_start_odd();

    refuses(names, "missing.zone.test:80",
            "cannot listen on missing.zone.test:80: the name missing.zone.test cannot be looked "
            "up: the name does not exist");
    refuses(odd, "servfail.test:80",
            "the name servfail.test cannot be looked up: the name servers "
            "did not give an answer");
    refuses(odd, "silent.test:80",
            "the name silent.test cannot be looked up: Connection timed "
            "out");
    names_stop(odd);
    names_stop(names);
}

/* An address of the other listener by its name is still the other listener's. */
Test(listen_name, says_that_another_listener_is_there_already)
{
    struct names *names = given_names();
    struct server *server = listening(names, "shared", "127.0.0.1:0", 1);
    unsigned port = server_port(server, 0);

    server_stop_cleanly(server);
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--workers", "1", "--dns-server", names_address(names), "--listen",
                           test_listen(test_text("127.0.0.2:%u", port), "minimal", NULL),
                           "--listen",
                           test_listen(test_text("many.zone.test:%u", port), "upper", NULL) },
        },
        1, test_text("cannot listen on many.zone.test:%u: another listener of this server", port));
    names_stop(names);
}

/* Options go for each address. */
Test(listen_name, does_what_its_options_say_on_every_address)
{
    struct names *names = given_names();
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--dns-server", names_address(names), "--listen",
                       test_listen("many.zone.test:0", "probe",
                                   "keepalive,keepalive-idle=44,block=127.0.0.9") },
        .listeners = 4,
    });

    for (unsigned i = 0; i < 4; i++) {
        int peer = peer_connect(server_address(server, i));

        peer_send_text(peer, "sockopts\n");
        server_wait_event(server, peer_port(peer), "sockopts nodelay=1 keepalive=1,44,75,9 tos=0");
        peer_close(peer);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (server_address(server, i)[0] == '[')
            continue;
        int peer = peer_connect_with(server_address(server, i),
                                     &(struct peer_settings){ .source = "127.0.0.9" });
        peer_expect_gone(peer);
        peer_close(peer);
        server_wait_log(server,
                        test_text("%s: addresses that are blocked", server_address(server, i)));
    }
    server_wait_figure(server, "refused_blocked", 3);
    server_stop_cleanly(server);
    names_stop(names);
}

/* --check starts nothing and asks nobody. */
Test(listen_name, is_not_looked_up_by_check)
{
    struct names *names = given_names();
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "--check", "--dns-server", names_address(names), "--listen",
                       test_listen("missing.zone.test:80", "minimal", NULL) },
    });

    cr_expect_eq(result.status, 0, "%s", result.errors);
    cr_expect_eq(names_asked(names, ""), 0);
    names_stop(names);
}
