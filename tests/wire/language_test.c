/* SPDX-License-Identifier: MIT
 *
 * A plugin in C++20, with objects that live as long as their streams.
 */
#include <criterion/criterion.h>

#include "crowd.h"
#include "peer.h"
#include "server.h"

Test(language, may_be_cpp)
{
    struct server *server = server_with("2", "upper", NULL);
    int first = peer_connect(server_address(server, 0));
    int second = peer_connect(server_address(server, 0));

    peer_send_text(first, "one\ntw");
    peer_expect_text(first, "1 ONE\n");
    peer_send_text(second, "other\n");
    peer_expect_text(second, "1 OTHER\n");
    peer_send_text(first, "o\n");
    peer_expect_text(first, "2 TWO\n");
    peer_end(first);
    peer_expect_end(first);
    peer_close(first);
    peer_close(second);
    server_stop_cleanly(server);
}

/* Every object that was made is ended, however its stream ends; a leak is found by the sanitizer.
 */
Test(language, ends_every_object)
{
    struct server *server = server_with("2", "upper", NULL);
    struct crowd crowd;

    crowd_connect(&crowd, server_address(server, 0), 300);
    crowd_send_text(&crowd,
                    "a partial line that is long enough to be kept on the heap, unfinished");
    crowd_reset(&crowd);
    server_stop_cleanly(server);
}
