/* SPDX-License-Identifier: MIT
 *
 * A server inside another program (programs/embed.c), with a plugin that is no file. The program
 * checks the calls; this serves as its clients.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#include "peer.h"
#include "server.h"

static void expect_echo(const char *address)
{
    int peer = peer_connect(address);

    peer_send_text(peer, "hello");
    peer_expect_text(peer, "hello");
    peer_end(peer);
    peer_expect_end(peer);
    peer_close(peer);
}

Test(embed, serves_twice_in_one_program)
{
    const char *folder = getenv("EVF_TEST_PROGRAMS");
    struct server *server;

    cr_assert_not_null(folder, "EVF_TEST_PROGRAMS names no folder");
    server = server_start(&(struct server_spec){
        .program = test_text("%s/embed", folder),
        .arguments = { test_plugin("minimal") },
        .listeners = 2,
    });
    expect_echo(server_address(server, 0));
    expect_echo(server_address(server, 1));
    server_signal(server, SIGTERM);

    /* The same program serves again, at another port. */
    server_wait_addresses(server, 4);
    expect_echo(server_address(server, 2));
    expect_echo(server_address(server, 3));
    server_signal(server, SIGTERM);
    server_wait_ended(server, 0);
    server_wait_log(server, "all was right");
    server_ended(server, 0);
}
