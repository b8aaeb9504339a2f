/* SPDX-License-Identifier: MIT
 *
 * What a thread is doing, as facts and as text: see facts.h.
 */
#include "base/facts.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/crash.h"
#include "base/whose.h"

_Thread_local struct evf__doing evf__doing;

static _Atomic(evf__facts_fn *) describe;

/* Behind the line about a broken rule; a crash report, where there is one, says the same and more.
 */
static void say_who(const char *text)
{
    struct evf__line line = { .len = 0 };
    struct evf__facts facts;
    evf__crash_reason(text);
    if (evf__crash_installed())
        return;
    evf__facts_take(&facts);
    evf__line_add(&line, "evframe: in ");
    evf__facts_add(&line, &facts);
    evf__facts_take_stream(&facts);
    if (facts.source.stream_id != 0)
        evf__line_add(&line, ", ");
    evf__facts_add_stream(&line, &facts);
    evf__line_write(&line, STDERR_FILENO);
}

void evf__facts_set(evf__facts_fn *fn)
{
    atomic_store(&describe, fn);
    evf__assert_set_hook(say_who);
}

void evf__facts_take(struct evf__facts *ret)
{
    struct evf__whose whose = { .name = NULL };
    *ret = (struct evf__facts){ .source = { .worker = -1 } };
    if (evf__doing.what != NULL) {
        ret->callback = evf__doing.what;
        ret->source.plugin = evf__doing.plugin;
        ret->file = evf__doing.file;
        ret->function = evf__doing.function;
    }
    evf__facts_fn *fn = atomic_load(&describe);
    if (fn != NULL)
        fn(ret, false);
    if (evf__whose_name(ret->source.plugin, &whose) || evf__whose_code(ret->function, &whose)) {
        ret->source.plugin = whose.name;
        ret->version = whose.version;
        ret->file = whose.path;
    }
}

void evf__facts_take_stream(struct evf__facts *ret)
{
    const char *plugin = ret->source.plugin;
    evf__facts_fn *fn = atomic_load(&describe);
    if (fn != NULL)
        fn(ret, true);
    ret->source.plugin = plugin;
}

void evf__facts_add(struct evf__line *line, const struct evf__facts *facts)
{
    if (facts->callback == NULL) {
        evf__line_add(line, "no callback of a plugin");
    } else {
        evf__line_add(line, "`");
        evf__line_add(line, facts->callback);
        evf__line_add(line, "`");
        if (facts->source.plugin != NULL) {
            evf__line_add(line, " of plugin ");
            evf__line_add_clean(line, facts->source.plugin);
        }
        if (facts->version != NULL) {
            evf__line_add(line, " ");
            evf__line_add_clean(line, facts->version);
        }
        if (facts->file != NULL) {
            evf__line_add(line, " (");
            evf__line_add_clean(line, facts->file);
            evf__line_add(line, ")");
        }
    }
    if (facts->source.worker >= 0) {
        evf__line_add(line, " on worker ");
        evf__line_add_number(line, (uint64_t)facts->source.worker);
    }
}

void evf__facts_add_stream(struct evf__line *line, const struct evf__facts *facts)
{
    if (facts->source.stream_id == 0)
        return;
    evf__line_add(line, "stream ");
    evf__line_add_number(line, facts->source.stream_id);
    evf__line_add(line, " with ");
    evf__line_add_clean(line, facts->source.peer);
}
