/* SPDX-License-Identifier: MIT
 *
 * The messages of SOCKS version 5; see message.h.
 */
#include "message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <evframe/base.h>
#include <netinet/in.h>
#include <string.h>

enum {
    VERSION = 5,
    LOGIN_VERSION = 1,
    TYPE_IPV4 = 1,
    TYPE_NAME = 3,
    TYPE_IPV6 = 4,
};

int socks5_greeting_read(const uint8_t *bytes, size_t len, struct socks5_greeting *ret)
{
    if (len > 0 && bytes[0] != VERSION)
        return SOCKS5_BAD;
    if (len > 1 && bytes[1] == 0)
        return SOCKS5_BAD; /* no method at all: 1 to 255 are to be offered */
    if (len < 2 || len < 2u + bytes[1])
        return 0;
    size_t end = 2u + bytes[1];
    *ret = (struct socks5_greeting){ 0 };
    for (size_t i = 2; i < end; i++) {
        ret->none |= bytes[i] == SOCKS5_METHOD_NONE;
        ret->password |= bytes[i] == SOCKS5_METHOD_PASSWORD;
    }
    return (int)end;
}

int socks5_login_read(const uint8_t *bytes, size_t len, struct socks5_login *ret)
{
    if (len > 0 && bytes[0] != LOGIN_VERSION)
        return SOCKS5_BAD;
    if (len < 2)
        return 0;
    size_t user_len = bytes[1];
    if (user_len == 0)
        return SOCKS5_BAD;
    if (len < 2 + user_len + 1)
        return 0;
    size_t password_len = bytes[2 + user_len];
    if (password_len == 0)
        return SOCKS5_BAD;
    if (len < 3 + user_len + password_len)
        return 0;
    *ret = (struct socks5_login){
        .user = bytes + 2,
        .user_len = (uint8_t)user_len,
        .password = bytes + 3 + user_len,
        .password_len = (uint8_t)password_len,
    };
    return (int)(3 + user_len + password_len);
}

/* A name as anybody would type it: visible ASCII. What the resolver makes of it is its business. */
static bool is_name(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (name[i] <= 0x20 || name[i] >= 0x7f)
            return false;
    return len > 0;
}

/* Reads the address at bytes[4]. Its length with the port, 0 when it is not all there. */
static size_t read_address(const uint8_t *bytes, size_t len, struct socks5_request *ret)
{
    size_t at = 4, size;
    switch (bytes[3]) {
    case TYPE_IPV4:
        size = 4;
        break;
    case TYPE_IPV6:
        size = 16;
        break;
    case TYPE_NAME:
        if (len <= at)
            return 0;
        size = bytes[at++];
        break;
    default:
        ret->refusal = SOCKS5_ADDRESS_UNKNOWN;
        return at;
    }
    if (len < at + size + 2)
        return 0;
    const uint8_t *address = bytes + at;
    ret->port = (uint16_t)(address[size] << 8 | address[size + 1]);
    if (bytes[3] == TYPE_NAME) {
        memcpy(ret->host, address, size);
        ret->host[size] = '\0';
        if (!is_name(ret->host, size))
            ret->refusal = SOCKS5_FAILED;
    } else {
        inet_ntop(bytes[3] == TYPE_IPV4 ? AF_INET : AF_INET6, address, ret->host, sizeof ret->host);
    }
    return at + size + 2;
}

int socks5_request_read(const uint8_t *bytes, size_t len, struct socks5_request *ret)
{
    if (len > 0 && bytes[0] != VERSION)
        return SOCKS5_BAD;
    if (len < 4)
        return 0;
    struct socks5_request request = { .refusal = SOCKS5_SUCCEEDED };
    size_t size = read_address(bytes, len, &request);
    if (size == 0)
        return 0;
    if (request.refusal == SOCKS5_SUCCEEDED && bytes[1] != SOCKS5_CONNECT)
        request.refusal = SOCKS5_COMMAND_UNKNOWN;
    /* The reserved byte must be zero, and there is no port 0 to connect to. */
    if (request.refusal == SOCKS5_SUCCEEDED && (bytes[2] != 0 || request.port == 0))
        request.refusal = SOCKS5_FAILED;
    *ret = request;
    return (int)size;
}

size_t socks5_reply_write(enum socks5_reply reply, const struct sockaddr_storage *bound,
                          uint8_t *ret)
{
    static const struct sockaddr_in nowhere = { .sin_family = AF_INET };
    uint8_t *at = ret;
    *at++ = VERSION;
    *at++ = (uint8_t)reply;
    *at++ = 0;
    if (bound != NULL && bound->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)bound;
        *at++ = TYPE_IPV6;
        memcpy(at, &v6->sin6_addr, 16);
        memcpy(at + 16, &v6->sin6_port, 2);
        return SOCKS5_REPLY_MAX;
    }
    const struct sockaddr_in *v4 =
        bound != NULL && bound->ss_family == AF_INET ? (const struct sockaddr_in *)bound : &nowhere;
    *at++ = TYPE_IPV4;
    memcpy(at, &v4->sin_addr, 4);
    memcpy(at + 4, &v4->sin_port, 2);
    return 4 + 4 + 2;
}

enum socks5_reply socks5_reply_for(int status)
{
    switch (status) {
    case 0:
        return SOCKS5_SUCCEEDED;
    case -ECONNREFUSED:
        return SOCKS5_REFUSED;
    case -ENETUNREACH:
    case -ENETDOWN:
        return SOCKS5_NETWORK_UNREACHABLE;
    case -EHOSTUNREACH:
    case -EHOSTDOWN:
    case EVF_ENONAME:
    case EVF_ENOADDRESS:
    case EVF_EDNS:
        return SOCKS5_HOST_UNREACHABLE;
    case -ETIMEDOUT:
        return SOCKS5_EXPIRED;
    case -EACCES:
    case -EPERM:
        return SOCKS5_NOT_ALLOWED;
    default:
        return SOCKS5_FAILED;
    }
}
