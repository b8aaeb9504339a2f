/* SPDX-License-Identifier: MIT
 *
 * Test plugin: says who a connection is from, as far as PROXY headers tell, then sends back what
 * comes:
 *
 *     peer=NAME local=NAME proxy=NAME|none version=N tlvs=TT:HEX,… nodelay=STATUS\n
 *
 * Peer ports are those of headers, so `open` and `close` are counted, not logged.
 */
#include <string.h>

#include "report.h"

struct arrival {
    evf_counter *opens, *closes;
};

static const char *name_of(int status, const struct sockaddr_storage *address, char *text,
                           size_t size)
{
    char host[INET6_ADDRSTRLEN];

    if (status != 0) {
        snprintf(text, size, "none");
    } else if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        snprintf(text, size, "%s:%u", inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host),
                 ntohs(v4->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        snprintf(text, size, "[%s]:%u", inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host),
                 ntohs(v6->sin6_port));
    } else {
        snprintf(text, size, "unix");
    }
    return text;
}

static size_t add_tlvs(evf_stream *stream, char *text, size_t size)
{
    size_t len = 0, value_len;
    const void *value;
    uint8_t type;

    for (unsigned i = 0; evf_proxy_tlv(stream, -1, i, &type, &value, &value_len) == 0; i++) {
        len += (size_t)snprintf(text + len, size - len, "%s%02x:", i > 0 ? "," : "", type);
        for (size_t j = 0; j < value_len && len + 3 < size; j++)
            len += (size_t)snprintf(text + len, size - len, "%02x", ((const uint8_t *)value)[j]);
    }
    return len;
}

static void on_open(evf_stream *stream)
{
    struct arrival *arrival = evf_instance_state(evf_stream_instance(stream));
    struct sockaddr_storage address;
    char peer[EVF_PEER_NAME_SIZE], local[EVF_PEER_NAME_SIZE], proxy[EVF_PEER_NAME_SIZE];
    char tlvs[2048] = "", line[3072];

    add_tlvs(stream, tlvs, sizeof tlvs);
    name_of(evf_local_address(stream, &address), &address, local, sizeof local);
    name_of(evf_proxy_address(stream, &address), &address, proxy, sizeof proxy);
    int len =
        snprintf(line, sizeof line, "peer=%s local=%s proxy=%s version=%u tlvs=%s nodelay=%s\n",
                 evf_peer_name(stream, peer, sizeof peer), local, proxy, evf_proxy_version(stream),
                 tlvs, report_status(evf_set_nodelay(stream, true)));
    evf_write(stream, line, (size_t)len);
    evf_counter_add(arrival->opens, 1);
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    if (evf_write_slice(stream, input) == EVF_FULL)
        evf_pause(stream);
    return input.len;
}

static void on_drain(evf_stream *stream)
{
    evf_resume(stream);
}

static void on_close(evf_stream *stream, int reason)
{
    struct arrival *arrival = evf_instance_state(evf_stream_instance(stream));

    (void)reason;
    evf_counter_add(arrival->closes, 1);
}

static int start(evf_instance *instance)
{
    struct arrival *arrival = evf_instance_state(instance);

    arrival->opens = evf_counter_new(instance, "arrival_opens", "calls of open");
    arrival->closes = evf_counter_new(instance, "arrival_closes", "calls of close");
    return arrival->opens == NULL || arrival->closes == NULL ? evf_fail(instance, "no figures") : 0;
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .open = on_open,
    .data = on_data,
    .drain = on_drain,
    .close = on_close,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "arrival",
    .version = "1.0.0",
    .summary = "says who a connection is from",
    .handler = &handler,
    .instance_state_size = sizeof(struct arrival),
    .start = start,
};
