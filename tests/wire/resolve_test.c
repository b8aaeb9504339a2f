/* SPDX-License-Identifier: MIT
 *
 * Name look-ups through the launcher, with real name servers on loopback.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "peer.h"
#include "server.h"

static const char zone[] = "127.0.0.1 v4.zone.test both.zone.test\n"
                           "::1 v6.zone.test both.zone.test\n";

static void ask(int peer, const char *question, const char *answer)
{
    peer_send_text(peer, question);
    peer_expect_text(peer, answer);
}

static struct server *server_asking(const char *workers, const char *servers)
{
    return server_start(&(struct server_spec){
        .arguments = { "--workers", workers, "--dns-server", servers, "--listen",
                       test_listen("127.0.0.1:0", "resolve", NULL) },
    });
}

Test(resolve, answers_addresses_and_localhost_without_asking_anybody)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve 192.0.2.7 any\n", "192.0.2.7 ok 192.0.2.7\n");
    ask(peer, "resolve 192.0.2.7 6\n", "192.0.2.7 ENOADDRESS\n");
    ask(peer, "resolve 2001:db8::7 any\n", "2001:db8::7 ok 2001:db8::7\n");
    ask(peer, "resolve fe80::1%lo 6\n", "fe80::1%lo ok fe80::1\n");
    ask(peer, "resolve localhost any\n", "localhost ok ::1 127.0.0.1\n");
    ask(peer, "resolve LocalHost. 4\n", "LocalHost. ok 127.0.0.1\n");
    ask(peer, "resolve a.b.localhost 6\n", "a.b.localhost ok ::1\n");
    cr_expect_eq(names_asked(names, ""), 0);
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}

Test(resolve, asks_name_servers_for_each_family)
{
    struct names *names = names_start(&(struct names_spec){ .hosts = zone });
    struct server *server = server_asking("1", names_address(names));
    int peer = peer_connect(server_address(server, 0));

    ask(peer, "resolve v4.zone.test any\n", "v4.zone.test ok 127.0.0.1\n");
    ask(peer, "resolve v6.zone.test any\n", "v6.zone.test ok ::1\n");
    ask(peer, "resolve both.zone.test any\n", "both.zone.test ok ::1 127.0.0.1\n");
    ask(peer, "resolve v4.zone.test 6\n", "v4.zone.test ENOADDRESS\n");
    ask(peer, "resolve no.zone.test any\n", "no.zone.test ENONAME\n");
    ask(peer, "resolve no.zone.test 4\n", "no.zone.test ENONAME\n");
    peer_close(peer);
    server_stop_cleanly(server);
    names_stop(names);
}
