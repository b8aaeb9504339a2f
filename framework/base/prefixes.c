/* SPDX-License-Identifier: MIT
 *
 * Lists of addresses and prefixes, kept as ranges. See prefixes.h.
 *
 * A range is two keys: the family in front, so that no range holds addresses of both, then the
 * address in network order, so that comparing bytes compares addresses. Sorting merges ranges that
 * overlap or touch, whereupon matching is one binary search.
 */
#include "base/prefixes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <evframe/base.h>

#include "base/limits.h"

enum { IPV4 = 4, IPV6 = 6, IPV4_BYTES = 4, IPV6_BYTES = 16, MAPPED_BITS = 96 };

/* Bytes behind an IPv4 address are 0. */
struct key {
    uint8_t family;
    uint8_t bytes[IPV6_BYTES];
};

struct evf__prefix {
    struct key first, last;
};

static int compare(const struct key *a, const struct key *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

__attribute__((format(printf, 4, 5))) static int fail(int status, char *error, size_t size,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
    return status;
}

/* -- text to range -- */

/* The address, and of how many bits it is; 0 when it is none. IPv4 mapped into IPv6 stays IPv6. */
static unsigned parse_address(const char *text, struct key *ret)
{
    struct key key = { .family = IPV4 };
    unsigned bits = 0;
    if (inet_pton(AF_INET, text, key.bytes) == 1) {
        bits = 8 * IPV4_BYTES;
    } else if (inet_pton(AF_INET6, text, key.bytes) == 1) {
        key.family = IPV6;
        bits = 8 * IPV6_BYTES;
    }
    *ret = key;
    return bits;
}

/* One to three digits and nothing else, at most max; -1 for anything else. */
static int parse_length(const char *text, unsigned max)
{
    size_t len = strlen(text);
    unsigned length = 0;
    if (len < 1 || len > 3 || strspn(text, "0123456789") != len)
        return -1;
    for (size_t i = 0; i < len; i++)
        length = length * 10 + (unsigned)(text[i] - '0');
    return length <= max ? (int)length : -1;
}

/* Clears or sets the bits behind the first `length` of an address of so many bits. */
static struct key fill(struct key key, unsigned length, unsigned bits, bool set)
{
    for (unsigned bit = length; bit < bits; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> bit % 8);
        if (set)
            key.bytes[bit / 8] |= mask;
        else
            key.bytes[bit / 8] &= (uint8_t)~mask;
    }
    return key;
}

/* Both ends of a mapped range to plain IPv4. A shorter prefix that only contains the mapped ones
 * means IPv6. */
static void unmap(struct key *key, unsigned length)
{
    static const uint8_t mapped[MAPPED_BITS / 8] = { [10] = 0xff, [11] = 0xff };
    struct key plain = { .family = IPV4 };
    if (key->family != IPV6 || length < MAPPED_BITS ||
        memcmp(key->bytes, mapped, sizeof mapped) != 0)
        return;
    memcpy(plain.bytes, key->bytes + sizeof mapped, IPV4_BYTES);
    *key = plain;
}

static int parse(const char *text, struct evf__prefix *ret, char *error, size_t size)
{
    char address[INET6_ADDRSTRLEN], proper[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    struct key key;
    unsigned bits = 0;
    if (len < sizeof address) {
        memcpy(address, text, len);
        address[len] = '\0';
        bits = parse_address(address, &key);
    }
    if (bits == 0)
        return fail(EVF_EADDRESS, error, size,
                    "'%.64s' is no IP address and no prefix; give one as in 192.0.2.1, "
                    "192.0.2.0/24 or 2001:db8::/32",
                    text);
    int length = slash != NULL ? parse_length(slash + 1, bits) : (int)bits;
    if (length < 0)
        return fail(EVF_EADDRESS, error, size,
                    "'%.64s' is no prefix: behind the slash stands a number from 0 to %u", text,
                    bits);
    struct evf__prefix range = { fill(key, (unsigned)length, bits, false),
                                 fill(key, (unsigned)length, bits, true) };
    if (compare(&range.first, &key) != 0) {
        inet_ntop(key.family == IPV4 ? AF_INET : AF_INET6, range.first.bytes, proper,
                  sizeof proper);
        return fail(EVF_EADDRESS, error, size,
                    "'%.64s' has bits set behind its first %d; the prefix is %s/%d, the address "
                    "alone %s",
                    text, length, proper, length, address);
    }
    unmap(&range.first, (unsigned)length);
    unmap(&range.last, (unsigned)length);
    *ret = range;
    return 0;
}

/* -- adding -- */

int evf__prefixes_add(struct evf__prefixes *prefixes, const char *text, char *error,
                      size_t error_size)
{
    struct evf__prefix range;
    int status = parse(text, &range, error, error_size);
    if (status < 0)
        return status;
    if (prefixes->count >= EVF__PREFIXES_MAX)
        return fail(-E2BIG, error, error_size, "'%.64s' is too much: a list has at most %d entries",
                    text, EVF__PREFIXES_MAX);
    if (prefixes->count == prefixes->room) {
        size_t room = prefixes->room > 0 ? prefixes->room * 2 : 8;
        struct evf__prefix *entries = realloc(prefixes->entries, room * sizeof *entries);
        if (entries == NULL)
            return fail(-ENOMEM, error, error_size, "no memory is left for '%.64s'", text);
        prefixes->entries = entries;
        prefixes->room = room;
    }
    prefixes->entries[prefixes->count++] = range;
    return 0;
}

static const char blanks[] = " \t\r\n";

/* The line without comment and blanks around it, in place. */
static char *strip(char *line)
{
    line[strcspn(line, "#")] = '\0';
    line += strspn(line, blanks);
    size_t len = strlen(line);
    while (len > 0 && strchr(blanks, line[len - 1]) != NULL)
        len--;
    line[len] = '\0';
    return line;
}

static int add_lines(struct evf__prefixes *prefixes, FILE *file, const char *path, char *error,
                     size_t size)
{
    char line[EVF__PREFIX_LINE_MAX + 2], reason[256];
    for (unsigned number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        size_t len = strlen(line);
        if ((len == 0 || line[len - 1] != '\n') && !feof(file))
            return fail(EVF_EADDRESS, error, size,
                        "%s: line %u is no text or longer than %d bytes; one address or prefix "
                        "stands on a line",
                        path, number, EVF__PREFIX_LINE_MAX);
        const char *text = strip(line);
        int status = text[0] != '\0' ? evf__prefixes_add(prefixes, text, reason, sizeof reason) : 0;
        if (status < 0)
            return fail(status, error, size, "%s: line %u: %s", path, number, reason);
    }
    if (ferror(file))
        return fail(-EIO, error, size, "%s: cannot be read: %s", path, evf_strerror(-EIO));
    return 0;
}

/* Opened without waiting, should it be a pipe. */
static int open_regular(const char *path, char *error, size_t size)
{
    struct stat found = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int status = fd < 0 || fstat(fd, &found) < 0 ? -errno : 0;
    if (status == 0 && S_ISREG(found.st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return status < 0
               ? fail(status, error, size, "%s: cannot be opened: %s", path, evf_strerror(status))
               : fail(-EINVAL, error, size, "%s: is not a regular file; put the list into one",
                      path);
}

int evf__prefixes_add_file(struct evf__prefixes *prefixes, const char *path, char *error,
                           size_t error_size)
{
    int fd = open_regular(path, error, error_size);
    if (fd < 0)
        return fd;
    FILE *file = fdopen(fd, "r");
    if (file == NULL) {
        close(fd);
        return fail(-ENOMEM, error, error_size, "%s: no memory is left to read it", path);
    }
    int status = add_lines(prefixes, file, path, error, error_size);
    fclose(file);
    return status;
}

/* -- matching -- */

static int compare_first(const void *a, const void *b)
{
    const struct evf__prefix *one = a, *other = b;
    return compare(&one->first, &other->first);
}

/* The key behind it; the last address of a family has none, and gives the first of that family. */
static struct key after(struct key key)
{
    unsigned i = key.family == IPV4 ? IPV4_BYTES : IPV6_BYTES;
    while (i-- > 0 && ++key.bytes[i] == 0)
        ;
    return key;
}

void evf__prefixes_sort(struct evf__prefixes *prefixes)
{
    struct evf__prefix *entries = prefixes->entries;
    size_t kept = 0;
    if (prefixes->count == 0)
        return;
    qsort(entries, prefixes->count, sizeof *entries, compare_first);
    for (size_t i = 1; i < prefixes->count; i++) {
        struct key next = after(entries[kept].last);
        bool joins = compare(&entries[i].first, &entries[kept].last) <= 0 ||
                     compare(&entries[i].first, &next) == 0;
        if (!joins)
            entries[++kept] = entries[i];
        else if (compare(&entries[i].last, &entries[kept].last) > 0)
            entries[kept].last = entries[i].last;
    }
    prefixes->count = kept + 1;
}

/* False for what is neither IPv4 nor IPv6. By way of a copy: address may be anyhow aligned. */
static bool key_of(const struct sockaddr *address, struct key *ret)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    *ret = (struct key){ 0 };
    if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        ret->family = IPV4;
        memcpy(ret->bytes, &in.sin_addr, IPV4_BYTES);
    } else if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        ret->family = IPV6;
        memcpy(ret->bytes, &in6.sin6_addr, IPV6_BYTES);
        unmap(ret, 8 * IPV6_BYTES);
    }
    return ret->family != 0;
}

bool evf__prefixes_match(const struct evf__prefixes *prefixes, const struct sockaddr *address)
{
    struct key key;
    size_t low = 0,
           high = prefixes->count; /* the first range that begins behind it is in between */
    if (!key_of(address, &key))
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&prefixes->entries[middle].first, &key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && compare(&key, &prefixes->entries[low - 1].last) <= 0;
}

void evf__prefixes_free(struct evf__prefixes *prefixes)
{
    free(prefixes->entries);
    *prefixes = (struct evf__prefixes){ 0 };
}
