/* SPDX-License-Identifier: MIT
 *
 * The hosts file; see hosts.h.
 */
#include "loop/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/limits.h"
#include "loop/dns_name.h"

struct entry {
    const char *name; /* in the table's text */
    unsigned order;   /* in the file */
    unsigned scope;   /* of IPv6 */
    sa_family_t family;
    uint8_t address[16];
};

struct evf__hosts {
    char *text; /* all names, one behind the other */
    size_t count;
    struct entry entries[]; /* by name, then in the order of the file */
};

/* -- parsing -- */

struct parsing {
    struct evf__hosts *hosts;
    size_t room;
    size_t text_len;
    bool cut;
};

/* Cuts the next word off the line; NULL when there is none. */
static char *take_word(char **line)
{
    static const char blanks[] = " \t\r\f\v";
    char *word = *line + strspn(*line, blanks);
    if (*word == '\0')
        return NULL;
    char *end = word + strcspn(word, blanks);
    *line = *end != '\0' ? end + 1 : end;
    *end = '\0';
    return word;
}

/* Without its trailing dot: names in the file are absolute. */
static bool read_name(const char *word, char ret[EVF__DNS_NAME_SIZE])
{
    if (evf__dns_name(word, ret) < 0)
        return false;
    size_t len = strlen(ret);
    if (ret[len - 1] == '.')
        ret[len - 1] = '\0';
    return true;
}

static void add(struct parsing *parsing, const union evf__address *address, const char *name)
{
    struct evf__hosts *hosts = parsing->hosts;
    if (hosts->count == parsing->room) {
        parsing->cut = true;
        return;
    }
    struct entry *entry = &hosts->entries[hosts->count];
    size_t size = strlen(name) + 1;
    *entry = (struct entry){ .name = hosts->text + parsing->text_len,
                             .order = (unsigned)hosts->count,
                             .family = address->any.sa_family };
    memcpy(hosts->text + parsing->text_len, name, size);
    parsing->text_len += size;
    if (entry->family == AF_INET) {
        memcpy(entry->address, &address->ipv4.sin_addr, 4);
    } else {
        memcpy(entry->address, &address->ipv6.sin6_addr, 16);
        entry->scope = address->ipv6.sin6_scope_id;
    }
    hosts->count++;
}

static void parse_line(struct parsing *parsing, char *line)
{
    union evf__address address;
    char name[EVF__DNS_NAME_SIZE];
    line[strcspn(line, "#")] = '\0';
    const char *word = take_word(&line);
    if (word == NULL || !evf__address_from_ip(word, &address))
        return;
    while ((word = take_word(&line)) != NULL)
        if (read_name(word, name))
            add(parsing, &address, name);
}

static int compare(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    if (order != 0)
        return order;
    return left->order < right->order ? -1 : left->order > right->order;
}

/* How many words there may be: each is followed by a blank or a line's end. */
static size_t count_words(const char *text, size_t len)
{
    size_t count = 1;
    for (size_t i = 0; i < len; i++)
        count += text[i] <= ' ';
    return count;
}

struct evf__hosts *evf__hosts_parse(const char *text, size_t len, bool *ret_cut)
{
    size_t room = count_words(text, len);
    if (room > EVF__HOSTS_NAMES_MAX)
        room = EVF__HOSTS_NAMES_MAX;
    struct evf__hosts *hosts = malloc(sizeof *hosts + room * sizeof hosts->entries[0]);
    if (hosts == NULL)
        return NULL;
    hosts->count = 0;
    hosts->text = malloc(len + 1); /* a name is a word of the file, and its terminator a blank */
    char *line = malloc(len + 1);
    if (hosts->text == NULL || line == NULL) {
        free(line);
        evf__hosts_free(hosts);
        return NULL;
    }
    struct parsing parsing = { .hosts = hosts, .room = room };
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end != NULL ? (size_t)(end - text) - at : len - at;
        memcpy(line, text + at, line_len);
        line[line_len] = '\0'; /* a zero byte inside ends the line, too */
        parse_line(&parsing, line);
        at += line_len + 1;
    }
    free(line);
    qsort(hosts->entries, hosts->count, sizeof hosts->entries[0], compare);
    *ret_cut = parsing.cut;
    return hosts;
}

void evf__hosts_free(struct evf__hosts *hosts)
{
    if (hosts == NULL)
        return;
    free(hosts->text);
    free(hosts);
}

/* -- reading -- */

static struct evf__hosts_stamp stamp_of(const struct stat *file)
{
    return (struct evf__hosts_stamp){ .looked = true,
                                      .exists = true,
                                      .device = file->st_dev,
                                      .inode = file->st_ino,
                                      .size = file->st_size,
                                      .modified = file->st_mtim,
                                      .changed = file->st_ctim };
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same(const struct evf__hosts_stamp *a, const struct evf__hosts_stamp *b)
{
    return a->looked && b->looked && a->exists == b->exists && a->device == b->device &&
           a->inode == b->inode && a->size == b->size && same_time(&a->modified, &b->modified) &&
           same_time(&a->changed, &b->changed);
}

/* Reads at most `room` bytes; how many, or a negated errno. */
static ssize_t read_all(int fd, char *ret, size_t room)
{
    size_t len = 0;
    while (len < room) {
        ssize_t got = read(fd, ret + len, room - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

/* The file is open and is a regular one. */
static int read_table(int fd, struct evf__hosts **ret)
{
    const size_t room = EVF__HOSTS_FILE_MAX + 1;
    bool cut = false;
    char *text = malloc(room);
    if (text == NULL)
        return -ENOMEM;
    ssize_t len = read_all(fd, text, room);
    if (len == (ssize_t)room) { /* whole lines of it */
        cut = true;
        while (len > 0 && text[len - 1] != '\n')
            len--;
    }
    int status = 1;
    if (len >= 0) {
        bool names_cut;
        *ret = evf__hosts_parse(text, (size_t)len, &names_cut);
        status = *ret == NULL ? -ENOMEM : (cut || names_cut ? -E2BIG : 1);
    } else {
        status = (int)len;
    }
    free(text);
    return status;
}

static int empty_table(struct evf__hosts **ret)
{
    bool cut;
    *ret = evf__hosts_parse("", 0, &cut);
    return *ret != NULL ? 1 : -ENOMEM;
}

int evf__hosts_read(const char *path, struct evf__hosts_stamp *stamp, struct evf__hosts **ret)
{
    struct evf__hosts_stamp found = { .looked = true };
    struct stat file;
    int status;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return -errno;
    if (fd >= 0) {
        if (fstat(fd, &file) < 0) {
            status = -errno;
            goto end;
        }
        found = stamp_of(&file);
    }
    status = 0;
    if (same(&found, stamp))
        goto end;
    if (fd < 0)
        status = empty_table(ret);
    else
        status = S_ISREG(file.st_mode) ? read_table(fd, ret) : -EINVAL;
    if (status == 1 || status == -E2BIG)
        *stamp = found;
end:
    if (fd >= 0)
        close(fd);
    return status;
}

/* -- finding -- */

/* The first entry that is not before the name. */
static size_t first_of(const struct evf__hosts *hosts, const char *name)
{
    size_t low = 0, high = hosts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(hosts->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void to_address(const struct entry *entry, struct sockaddr_storage *ret)
{
    union evf__address address = { .storage = { .ss_family = entry->family } };
    if (entry->family == AF_INET) {
        memcpy(&address.ipv4.sin_addr, entry->address, 4);
    } else {
        memcpy(&address.ipv6.sin6_addr, entry->address, 16);
        address.ipv6.sin6_scope_id = entry->scope;
    }
    *ret = address.storage;
}

int evf__hosts_find(const struct evf__hosts *hosts, const char *name, int family,
                    struct sockaddr_storage *ret, size_t room)
{
    char absolute[EVF__DNS_NAME_SIZE];
    size_t found = 0;
    if (hosts == NULL || !read_name(name, absolute))
        return -1;
    size_t at = first_of(hosts, absolute);
    if (at == hosts->count || strcmp(hosts->entries[at].name, absolute) != 0)
        return -1;
    for (; at < hosts->count && strcmp(hosts->entries[at].name, absolute) == 0; at++)
        if (hosts->entries[at].family == family && found < room)
            to_address(&hosts->entries[at], &ret[found++]);
    return (int)found;
}
