/* SPDX-License-Identifier: MIT
 *
 * Other people's servers, to test against: nginx and HAProxy, in the foreground, as children that
 * die with the test. HAProxy serves a socket that the test has bound, so nothing has to be waited
 * for; nginx binds its port itself, one that was free a moment ago.
 */
#ifndef EVF_TESTS_SUPPORT_FOREIGN_H
#define EVF_TESTS_SUPPORT_FOREIGN_H

#include "check.h"

struct foreign; /* freed by foreign_stop */

/* Starts nginx, and waits until it serves, with these lines in its `server` block, behind "listen
 * ADDRESS" with those words; the root is foreign_folder. */
struct foreign *foreign_nginx(const char *listen_words, const char *server_lines);
#define foreign_nginx(...) SUPPORT_HERE((foreign_nginx)(__VA_ARGS__))

/* HAProxy with these lines in its `listen` section, behind "bind" with those words. */
struct foreign *foreign_haproxy(const char *bind_words, const char *lines);
#define foreign_haproxy(...) SUPPORT_HERE((foreign_haproxy)(__VA_ARGS__))

/* 127.0.0.1:PORT */
const char *foreign_address(const struct foreign *foreign);

/* Where its files lie. */
const char *foreign_folder(const struct foreign *foreign);

void foreign_stop(struct foreign *foreign);

#endif
