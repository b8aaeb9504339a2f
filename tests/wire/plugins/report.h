/* SPDX-License-Identifier: MIT
 *
 * How test plugins tell what happened: log lines `event LABEL what;`, LABEL being the port of the
 * stream's peer (0 for unix sockets), which the test knows.
 */
#ifndef EVF_TESTS_WIRE_REPORT_H
#define EVF_TESTS_WIRE_REPORT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

#include <evframe/evframe.h>

static inline unsigned report_label(const evf_stream *stream)
{
    struct sockaddr_storage address;

    if (evf_peer_address(stream, &address) != 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
}

__attribute__((format(printf, 2, 3))) static inline void report(const evf_stream *stream,
                                                                const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    evf_log(EVF_INFO, "event %u %s;", report_label(stream), text);
}

/* What a write, or another status, answered, as a word. */
static inline const char *report_status(int status)
{
    switch (status) {
    case 0:
        return "ok";
    case EVF_FLUSHED:
        return "flushed";
    case EVF_QUEUED:
        return "queued";
    case EVF_FULL:
        return "full";
    case EVF_ESLOW:
        return "ESLOW";
    case EVF_ELIFETIME:
        return "ELIFETIME";
    case EVF_ERATE:
        return "ERATE";
    case -EPIPE:
        return "EPIPE";
    case -ECONNRESET:
        return "ECONNRESET";
    case -ETIMEDOUT:
        return "ETIMEDOUT";
    case -EMSGSIZE:
        return "EMSGSIZE";
    case -ESHUTDOWN:
        return "ESHUTDOWN";
    case -EINVAL:
        return "EINVAL";
    case -EIO:
        return "EIO";
    case -EAGAIN:
        return "EAGAIN";
    case -EOPNOTSUPP:
        return "EOPNOTSUPP";
    case -ENOTCONN:
        return "ENOTCONN";
    default:
        return evf_strerror(status);
    }
}

#endif
