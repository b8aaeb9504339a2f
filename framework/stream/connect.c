/* SPDX-License-Identifier: MIT
 *
 * Making an outgoing stream: checking what is asked for, and what is needed until it is open. The
 * worker's thread.
 *
 * Nothing is tried here: the stream is listed as ready, and its first step comes in the next
 * input-and-output step. So no failure but a wrong call can come back from here.
 */
#include <errno.h>
#include <string.h>

#include "stream/connecting.h"

/* The size before the first field that may be missing. */
#define LEAST_SIZE offsetof(struct evf_connect, family)

/* A copy with our size: what a shorter struct lacks is zero; what a longer one has beyond ours must
 * be zero, because it would be disregarded. */
static int copy_struct(const struct evf_connect *given, struct evf_connect *ret)
{
    uint32_t size;
    if (given == NULL)
        return -EINVAL;
    memcpy(&size, given, sizeof size);
    if (size < LEAST_SIZE || size > EVF__CONNECT_STRUCT_MAX)
        return -EINVAL;
    memset(ret, 0, sizeof *ret);
    memcpy(ret, given, size < sizeof *ret ? size : sizeof *ret);
    for (size_t i = sizeof *ret; i < size; i++)
        if (((const char *)given)[i] != '\0')
            return -EINVAL;
    return 0;
}

/* What can be said without looking at the host's text. An empty host beside a path counts as none:
 * evf_address_parse gives such a pair. */
static int check(struct evf_connect *to)
{
    if (to->unix_path != NULL && to->host != NULL && to->host[0] == '\0')
        to->host = NULL;
    if ((to->host == NULL) == (to->unix_path == NULL))
        return -EINVAL;
    if (to->family != AF_UNSPEC && to->family != AF_INET && to->family != AF_INET6)
        return -EINVAL;
    if (to->host != NULL) {
        if (strnlen(to->host, EVF__HOST_MAX + 1) > EVF__HOST_MAX)
            return -ENAMETOOLONG;
        return to->port != 0 && to->host[0] != '\0' ? 0 : -EINVAL;
    }
    size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    if (to->family != AF_UNSPEC || to->bind_address != NULL)
        return -EINVAL;
    if (strnlen(to->unix_path, most + 1) > most)
        return -ENAMETOOLONG;
    return to->unix_path[0] != '\0' && strcmp(to->unix_path, "@") != 0 ? 0 : -EINVAL;
}

/* An IP address as text; an IPv4 one inside IPv6 is IPv4. False: something else. */
static bool parse_ip(const char *text, union evf__address *ret)
{
    union evf__address address;
    socklen_t len;
    if (!evf__address_from_ip(text, &address))
        return false;
    evf__address_unmap(&address.any, sizeof address, &ret->storage, &len);
    return true;
}

/* Reads the address to connect from, which says the family. */
static int read_bind(struct evf__opening *opening, struct evf_connect *to)
{
    if (to->bind_address == NULL)
        return 0;
    if (!parse_ip(to->bind_address, &opening->bind))
        return -EINVAL;
    if (to->family != AF_UNSPEC && to->family != opening->bind.any.sa_family)
        return -EINVAL;
    to->family = opening->bind.any.sa_family;
    return 0;
}

/* Gives the race its addresses, or asks for them. */
static int ask(evf_worker *worker, struct evf__opening *opening, int family)
{
    static const int families[EVF__RACE_FAMILIES] = {
        [EVF__RACE_IPV6] = AF_INET6,
        [EVF__RACE_IPV4] = AF_INET,
    };
    union evf__address ip;
    bool is_ip = parse_ip(opening->name, &ip);
    if (is_ip && family != AF_UNSPEC && family != ip.any.sa_family)
        return -EINVAL;
    if (is_ip)
        family = ip.any.sa_family;
    for (unsigned i = 0; i < EVF__RACE_FAMILIES; i++)
        if (family == AF_UNSPEC || family == families[i])
            evf__race_ask(&opening->race, (enum evf__race_family)i);
    for (unsigned i = 0; i < EVF__RACE_FAMILIES; i++) {
        if (!opening->race.lookups[i].asked)
            continue;
        if (is_ip) {
            evf__race_answer(&opening->race, (enum evf__race_family)i, 0, &ip.storage, 1,
                             worker->now_ms);
            continue;
        }
        int status = evf__resolver_ask(worker, &opening->questions[i], opening->name, families[i],
                                       evf__connect_answers[i], opening);
        if (status < 0)
            return status;
    }
    return 0;
}

socklen_t evf__local_sockaddr(const struct evf__opening *opening, struct sockaddr_storage *ret)
{
    union evf__address to;
    size_t len = strlen(opening->name);
    memset(&to, 0, sizeof to);
    to.local.sun_family = AF_UNIX;
    memcpy(to.local.sun_path, opening->name, len);
    if (opening->name[0] == '@')
        to.local.sun_path[0] = '\0'; /* abstract: as long as it is, without a terminator */
    else
        len++;
    *ret = to.storage;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* Ends all that an opening has under way. */
static void give(evf_worker *worker, struct evf__opening *opening)
{
    for (unsigned i = 0; i < EVF__RACE_FAMILIES; i++)
        evf__question_cancel(&opening->questions[i]);
    while (!evf__list_empty(&opening->attempts))
        evf__attempt_end(EVF__OWNER(opening->attempts.next, struct evf__attempt, link));
    evf__attempt_local_end(opening);
    evf__slab_give(&worker->streams->openings, opening);
}

void evf__opening_give(evf_stream *stream)
{
    give(evf__worker_of(stream), stream->opening);
    stream->opening = NULL;
}

static int make_opening(evf_worker *worker, struct evf_connect *to, struct evf__opening **ret)
{
    struct evf__opening *opening = evf__slab_take(&worker->streams->openings);
    if (opening == NULL)
        return -ENOMEM;
    memset(opening, 0, sizeof *opening);
    evf__list_init(&opening->attempts);
    evf__race_init(&opening->race, to->attempt_delay_ms);
    opening->local = to->unix_path != NULL;
    opening->local_fd = -1;
    opening->port = to->port;
    opening->timeout_ms = to->timeout_ms != 0 ? to->timeout_ms : EVF__CONNECT_TIMEOUT_MS;
    opening->options[EVF__OPENING_NODELAY].set = true;
    opening->options[EVF__OPENING_NODELAY].value = 1;
    strcpy(opening->name, opening->local ? to->unix_path : to->host);
    int status = read_bind(opening, to);
    if (status == 0 && !opening->local)
        status = ask(worker, opening, to->family);
    if (status < 0) {
        give(worker, opening);
        return status;
    }
    *ret = opening;
    return 0;
}

int evf__connect(evf_worker *worker, const struct evf_connect *given,
                 const struct evf_handler *handler, const struct evf__connector *connector,
                 evf_stream **ret)
{
    struct evf__streams *streams = worker->streams;
    struct evf_connect to;
    struct evf__outgoing *outgoing;
    struct evf__opening *opening;
    EVF__ON_WORKER(worker);
    int status = ret != NULL ? copy_struct(given, &to) : -EINVAL;
    if (status == 0)
        status = check(&to);
    if (status < 0)
        return status;
    if (streams->refuses)
        return -ESHUTDOWN;
    status = evf__outgoing_take(worker, connector, handler, &outgoing);
    if (status < 0)
        return status;
    status = make_opening(worker, &to, &opening);
    if (status < 0)
        goto no_opening;
    evf_stream *stream =
        evf__stream_table_take(&streams->table, outgoing->handler.stream_state_size);
    if (stream == NULL) {
        status = -ENOMEM;
        goto no_stream;
    }
    stream->origin = &outgoing->opening;
    stream->ready_state = EVF_OPENING;
    stream->deadline.kind = EVF__ENTRY_STREAM;
    stream->family = opening->local ? AF_UNIX : AF_UNSPEC;
    stream->opening = opening;
    opening->stream = stream;
    evf__figure_add(&worker->figures, EVF__FIGURE_CONNECTS, 1);
    evf__stream_ready(stream, 0);
    *ret = stream;
    return 0;
no_stream:
    give(worker, opening);
no_opening:
    evf__outgoing_drop(worker, outgoing);
    return status;
}
