/* SPDX-License-Identifier: MIT
 *
 * What a listener asks of PROXY headers. Set at start, then read-only for all.
 */
#ifndef EVF_STREAM_ARRIVAL_H
#define EVF_STREAM_ARRIVAL_H

#include <stdint.h>

#include "base/prefixes.h"

enum evf__proxy_mode {
    EVF__PROXY_OFF,      /* bytes are never taken for a header */
    EVF__PROXY_OPTIONAL, /* trusted peers may send one; what does not begin like one is data */
    EVF__PROXY_REQUIRED, /* who is not trusted, or sends none, is closed */
};

struct evf__proxy_rules {
    enum evf__proxy_mode mode;
    uint32_t timeout_ms; /* for the whole header, from the accept on */

    /* Who may send one, judged by the socket's own peer; sorted. Peers of unix sockets always may.
     * Empty with REQUIRED: everybody. */
    struct evf__prefixes trusted;
};

#endif
