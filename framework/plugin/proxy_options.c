/* SPDX-License-Identifier: MIT
 *
 * A listener's options about PROXY headers. Any thread.
 *
 * What would let the wrong peers name addresses, or what has no effect, is refused: a listener with
 * optional headers is reached by others than balancers as well, so it must be said who those are.
 */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "plugin/options.h"
#include "stream/arrival.h"

const char *const evf__proxy_modes[] = { "off", "optional", "required", NULL };

static const struct evf__option_values *given(const struct evf__options *listener, const char *name)
{
    const struct evf_option *option;
    return evf__options_values(listener, name, &option);
}

static int read_mode(const struct evf__options *listener, enum evf__proxy_mode *ret,
                     struct evf__sentence *error)
{
    static const char *const others[] = { "proxy-trusted", "proxy-timeout" };
    const struct evf__option_values *mode = given(listener, "proxy-protocol");
    *ret = EVF__PROXY_OFF;
    if (mode->count > 0) {
        while (strcmp(evf__proxy_modes[*ret], mode->texts[0]) != 0) {
            (*ret)++;
            EVF_ASSERT(evf__proxy_modes[*ret] != NULL); /* the parser knows the choices */
        }
        return 0;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (given(listener, others[i])->count == 0)
            continue;
        evf__sentence_add(error,
                          "option %s: it has no effect without proxy-protocol=required or "
                          "proxy-protocol=optional",
                          others[i]);
        return EVF_EOPTION;
    }
    return 0;
}

static int read_trusted(const struct evf__options *listener, struct evf__prefixes *ret,
                        struct evf__sentence *error)
{
    const struct evf__option_values *values = given(listener, "proxy-trusted");
    char reason[600];
    for (unsigned i = 0; i < values->count; i++) {
        int code = evf__prefixes_add(ret, values->texts[i], reason, sizeof reason);
        if (code < 0) {
            evf__sentence_add(error, "option proxy-trusted: ");
            evf__sentence_clean(error, reason);
            return code == -ENOMEM ? code : EVF_EOPTION;
        }
    }
    evf__prefixes_sort(ret);
    return 0;
}

int evf__listener_proxy_read(const struct evf__options *listener, const char *address,
                             struct evf__proxy_rules *ret, struct evf__sentence *error)
{
    const struct evf__option_values *timeout = given(listener, "proxy-timeout");
    int code = read_mode(listener, &ret->mode, error);
    if (code == 0)
        code = read_trusted(listener, &ret->trusted, error);
    if (code < 0)
        return code;
    ret->timeout_ms = timeout->count > 0 ? (uint32_t)timeout->number : EVF__PROXY_TIMEOUT_MS;
    bool local_only = strncmp(address, "unix:", 5) == 0; /* whose peers are trusted */
    if (ret->mode == EVF__PROXY_OPTIONAL && ret->trusted.count == 0 && !local_only) {
        evf__sentence_add(error, "option proxy-protocol: optional needs proxy-trusted=ADDRESS or "
                                 "proxy-trusted=PREFIX, once for each balancer: anybody else could "
                                 "claim to be somebody else");
        return EVF_EOPTION;
    }
    return 0;
}
