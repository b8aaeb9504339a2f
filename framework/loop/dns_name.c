/* SPDX-License-Identifier: MIT
 *
 * Names and candidates; see dns_name.h.
 */
#include "loop/dns_name.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <evframe/base.h>

enum { LABEL_MAX = 63 };

/* The byte as it stands in a name; 0 when it cannot. */
static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    return fits ? c : '\0';
}

int evf__dns_name(const char *host, char ret[EVF__DNS_NAME_SIZE])
{
    char name[EVF__DNS_NAME_SIZE];
    size_t label = 0, len = host != NULL ? strnlen(host, EVF__DNS_NAME_SIZE) : 0;
    if (len > EVF__DNS_NAME_MAX + 1 || (len == EVF__DNS_NAME_MAX + 1 && host[len - 1] != '.'))
        return -ENAMETOOLONG;
    for (size_t i = 0; i < len; i++) {
        bool dot = host[i] == '.';
        name[i] = dot ? '.' : fold(host[i]);
        if (name[i] == '\0' || (dot && label == 0) || (!dot && label == LABEL_MAX))
            return -EINVAL;
        label = dot ? 0 : label + 1;
    }
    if (len == 0)
        return -EINVAL;
    memcpy(ret, name, len);
    ret[len] = '\0';
    return 0;
}

/* name is that top-level name or one below it; a trailing dot does not count. */
static bool is_below(const char *name, const char *top)
{
    size_t len = strlen(name), top_len = strlen(top);
    if (len > 0 && name[len - 1] == '.')
        len--;
    return len >= top_len && memcmp(name + len - top_len, top, top_len) == 0 &&
           (len == top_len || name[len - top_len - 1] == '.');
}

bool evf__dns_name_is_loopback(const char *name)
{
    return is_below(name, "localhost");
}

bool evf__dns_name_is_onion(const char *name)
{
    return is_below(name, "onion");
}

static unsigned count_dots(const char *name)
{
    unsigned dots = 0;
    for (; *name != '\0'; name++)
        dots += *name == '.';
    return dots;
}

/* Candidate number `at`: the name in the domain, NULL for the name as it stands. */
static const char *domain_of(const struct evf__dns_domains *domains, const char *name, unsigned at)
{
    bool as_it_stands_first = count_dots(name) >= domains->dots;
    if (as_it_stands_first)
        return at == 0 ? NULL : domains->names[at - 1];
    return at == domains->count ? NULL : domains->names[at];
}

bool evf__dns_search_next(struct evf__dns_search *search, const struct evf__dns_domains *domains,
                          const char *name, char ret[EVF__DNS_NAME_SIZE])
{
    size_t len = strlen(name);
    bool absolute = len > 0 && name[len - 1] == '.';
    unsigned candidates = absolute ? 1 : domains->count + 1;
    while (search->next < candidates) {
        unsigned at = search->next++;
        const char *domain = absolute ? NULL : domain_of(domains, name, at);
        if (domain == NULL) {
            len -= absolute;
            memcpy(ret, name, len);
            ret[len] = '\0';
            return true;
        }
        int written = snprintf(ret, EVF__DNS_NAME_SIZE, "%s.%s", name, domain);
        if (written <= EVF__DNS_NAME_MAX)
            return true;
    }
    return false;
}

void evf__dns_search_note(struct evf__dns_search *search, int status, uint32_t ttl_ms)
{
    search->found_other |= status == EVF_ENOADDRESS;
    search->failed |= status == EVF_EDNS;
    if (search->negative_ttl_ms == 0 || ttl_ms + 1 < search->negative_ttl_ms)
        search->negative_ttl_ms = ttl_ms + 1;
}

int evf__dns_search_status(const struct evf__dns_search *search, uint32_t *ret_ttl_ms)
{
    *ret_ttl_ms = search->negative_ttl_ms > 0 ? search->negative_ttl_ms - 1 : 0;
    if (search->found_other)
        return EVF_ENOADDRESS;
    return search->failed ? EVF_EDNS : EVF_ENONAME;
}
