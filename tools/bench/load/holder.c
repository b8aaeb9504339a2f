/* SPDX-License-Identifier: MIT
 *
 * Holds idle connections: each sends one request, takes the answer, and then stays.
 *
 *     holder PORT COUNT BATCH REQUEST
 *
 * BATCH connections are made, then send, then receive; then comes the next batch. 1 is a slow
 * arrival, a large one a burst. \r and \n in REQUEST are escapes. All answers are as long as the
 * first, which ends when 300 ms pass without more. Prints "held COUNT", waits for the end of
 * standard input, and prints "lost N": how many the server has closed or said more to in the
 * meantime. Source addresses are 127.0.0.2 and on, 10 000 connections each, so that ports suffice.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PER_SOURCE = 10000, TIMEOUT_MS = 10000, QUIET_MS = 300 };

static void fail(const char *what, long number)
{
    fprintf(stderr, "holder: %s, connection %ld: %m\n", what, number);
    exit(1);
}

static int make(int port, long number)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(number / PER_SOURCE));
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("no socket", number);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("no connection", number);
    return fd;
}

/* One answer of `length` bytes; 0: as long as it turns out to be. Returns its length. */
static size_t take(int fd, long number, size_t length)
{
    static char bytes[65536];
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    size_t sum = 0;
    while (length == 0 || sum < length) {
        int some = poll(&ready, 1, length == 0 && sum > 0 ? QUIET_MS : TIMEOUT_MS);
        if (some == 0 && length == 0 && sum > 0)
            break;
        ssize_t got = some > 0 ? recv(fd, bytes, sizeof bytes, 0) : -1;
        if (got <= 0)
            fail("no answer", number);
        sum += (size_t)got;
    }
    return sum;
}

static void unescape(char *text)
{
    char *to = text;
    for (; *text != '\0'; text++)
        if (*text == '\\' && (text[1] == 'r' || text[1] == 'n'))
            *to++ = *++text == 'r' ? '\r' : '\n';
        else
            *to++ = *text;
    *to = '\0';
}

int main(int argc, char **argv)
{
    long count = argc == 5 ? atol(argv[2]) : 0, batch = argc == 5 ? atol(argv[3]) : 0;
    struct pollfd *held = calloc((size_t)count + 1, sizeof *held);
    if (count <= 0 || batch <= 0 || held == NULL) {
        fputs("usage: holder PORT COUNT BATCH REQUEST\n", stderr);
        return 2;
    }
    unescape(argv[4]);
    size_t length = 0;
    for (long first = 0, next; first < count; first = next) {
        next = first + batch < count ? first + batch : count;
        for (long i = first; i < next; i++)
            held[i] = (struct pollfd){ .fd = make(atoi(argv[1]), i), .events = POLLIN | POLLRDHUP };
        for (long i = first; i < next; i++)
            if (send(held[i].fd, argv[4], strlen(argv[4]), MSG_NOSIGNAL) < 0)
                fail("not sent", i);
        for (long i = first; i < next; i++)
            length = take(held[i].fd, i, length);
    }
    printf("held %ld\n", count);
    fflush(stdout);
    getchar();
    printf("lost %d\n", poll(held, (nfds_t)count, 0));
    return 0;
}
