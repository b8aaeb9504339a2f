/* SPDX-License-Identifier: MIT
 *
 * Test plugin: name look-ups. FAMILY is any, 4 or 6. Lines:
 *
 *   resolve NAME FAMILY   "NAME STATUS ADDRESS…" when it is answered, "NAME at once STATUS" when it
 *                         is refused
 *   silent NAME FAMILY    the same without telling anybody but the figure `told`
 *   cancel NAME FAMILY    begins and cancels at once: "canceled"
 *   again NAME FAMILY     asks for it again inside its answer: two lines as above, the second with
 *                         "again " in front
 *   rival NAME FAMILY     two equal look-ups; the first one told cancels the other: "rival STATUS"
 *   burst COUNT TEXT      so many different names ending in TEXT, both families, every third one
 *                         canceled: half of them at once, half inside another's answer. Then
 *                         "burst TOLD FAILED"
 *   same COUNT NAME       so many equal look-ups: "same OK FAILED"
 *   ttl NAME FAMILY       "ttl MS"
 *   echo TEXT             "TEXT"
 *
 * Option start=NAME: looked up in each worker_start, told as an event of label 0. worker_stop logs
 * what a look-up says there, and how many were told -ECANCELED before.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static evf_counter *told;
static atomic_uint canceled;

struct question {
    evf_worker *worker;
    uint64_t stream_id;
    unsigned label;
    int family;
    const char *begin;
    bool again, quiet;
    struct question *rival;
    evf_lookup *lookup;
    char name[512];
};

struct burst {
    uint64_t stream_id;
    const char *word;
    unsigned count, open, succeeded, failed;
    struct member {
        struct burst *burst;
        evf_lookup *lookup; /* NULL: told or canceled */
    } members[];
};

static const char *status_word(int status)
{
    switch (status) {
    case EVF_ENONAME:
        return "ENONAME";
    case EVF_ENOADDRESS:
        return "ENOADDRESS";
    case EVF_EDNS:
        return "EDNS";
    case -ECANCELED:
        return "ECANCELED";
    case -ENAMETOOLONG:
        return "ENAMETOOLONG";
    default:
        return report_status(status);
    }
}

__attribute__((format(printf, 3, 4))) static void say(evf_worker *worker, uint64_t id,
                                                      const char *format, ...)
{
    evf_stream *stream = evf_stream_find(worker, id);
    char text[4096];
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (stream != NULL)
        evf_write(stream, text, (size_t)len);
}

static void describe(int status, const struct sockaddr_storage *addresses, size_t count, char *ret,
                     size_t size)
{
    size_t len = (size_t)snprintf(ret, size, "%s", status_word(status));

    for (size_t i = 0; i < count && len < size; i++) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&addresses[i];
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&addresses[i];
        char text[INET6_ADDRSTRLEN] = "?";

        if (addresses[i].ss_family == AF_INET && in->sin_port == 0)
            inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        else if (addresses[i].ss_family == AF_INET6 && in6->sin6_port == 0)
            inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
        len += (size_t)snprintf(ret + len, size - len, " %s", text);
    }
}

static void on_resolved(evf_worker *worker, int status, const struct sockaddr_storage *addresses,
                        size_t count, void *argument);

static void ask(struct question *question)
{
    int status = evf_resolve(question->worker, question->name, question->family, on_resolved,
                             question, &question->lookup);

    if (status == 0)
        return;
    say(question->worker, question->stream_id, "%s at once %s\n", question->name,
        status_word(status));
    free(question);
}

static void on_resolved(evf_worker *worker, int status, const struct sockaddr_storage *addresses,
                        size_t count, void *argument)
{
    struct question *question = argument;
    char text[2048];

    describe(status, addresses, count, text, sizeof text);
    evf_counter_add(told, 1);
    canceled += status == -ECANCELED;
    if (question->label == 0)
        evf_log(EVF_INFO, "event %u %s %s;", question->label, question->name, text);
    if (question->rival != NULL) {
        evf_resolve_cancel(question->rival->lookup);
        free(question->rival);
        say(worker, question->stream_id, "rival %s\n", text);
    } else if (!question->quiet) {
        say(worker, question->stream_id, "%s%s %s\n", question->begin, question->name, text);
    }
    if (question->again) {
        question->again = false;
        question->begin = "again ";
        ask(question);
        return;
    }
    free(question);
}

static int family_of(const char *word)
{
    if (strcmp(word, "4") == 0)
        return AF_INET;
    return strcmp(word, "6") == 0 ? AF_INET6 : (strcmp(word, "any") == 0 ? AF_UNSPEC : 99);
}

static struct question *new_question(evf_stream *stream, const char *name, const char *family)
{
    struct question *question = calloc(1, sizeof *question);

    if (question == NULL)
        abort();
    question->worker = evf_stream_worker(stream);
    question->stream_id = evf_stream_id(stream);
    question->label = report_label(stream);
    question->family = family_of(family);
    question->begin = "";
    snprintf(question->name, sizeof question->name, "%s", name);
    return question;
}

static void begin_and_cancel(evf_stream *stream, const char *name, const char *family)
{
    struct question *question = new_question(stream, name, family);

    if (evf_resolve(question->worker, name, question->family, on_resolved, question,
                    &question->lookup) == 0)
        evf_resolve_cancel(question->lookup);
    free(question);
    evf_write(stream, "canceled\n", 9);
}

static void ask_rivals(evf_stream *stream, const char *name, const char *family)
{
    struct question *first = new_question(stream, name, family);
    struct question *second = new_question(stream, name, family);

    first->rival = second;
    second->rival = first;
    ask(first);
    ask(second);
}

/* -- many -- */

static void burst_told(evf_worker *worker, int status, const struct sockaddr_storage *addresses,
                       size_t count, void *argument)
{
    struct member *member = argument;
    struct burst *burst = member->burst;
    size_t index = (size_t)(member - burst->members), victim = index + 2;

    (void)addresses;
    member->lookup = NULL;
    burst->succeeded += status == 0 && count > 0;
    burst->failed += status != 0;
    burst->open--;
    if (strcmp(burst->word, "burst") == 0 && index % 3 == 1 && victim < burst->count &&
        victim % 3 == 0 && burst->members[victim].lookup != NULL) {
        evf_resolve_cancel(burst->members[victim].lookup);
        burst->members[victim].lookup = NULL;
        burst->open--;
    }
    if (burst->open > 0)
        return;
    say(worker, burst->stream_id, "%s %u %u\n", burst->word, burst->succeeded, burst->failed);
    free(burst);
}

static void ask_many(evf_stream *stream, const char *word, unsigned count, const char *text)
{
    struct burst *burst = calloc(1, sizeof *burst + count * sizeof burst->members[0]);
    bool differ = strcmp(word, "burst") == 0;

    if (burst == NULL)
        abort();
    burst->stream_id = evf_stream_id(stream);
    burst->word = differ ? "burst" : "same";
    burst->count = count;
    for (unsigned i = 0; i < count; i++) {
        struct member *member = &burst->members[i];
        char name[300];

        member->burst = burst;
        if (differ)
            snprintf(name, sizeof name, "n%u%s", i, text);
        else
            snprintf(name, sizeof name, "%s", text);
        if (evf_resolve(evf_stream_worker(stream), name, AF_UNSPEC, burst_told, member,
                        &member->lookup) != 0)
            abort();
        burst->open++;
        if (differ && i % 6 == 0) {
            evf_resolve_cancel(member->lookup);
            member->lookup = NULL;
            burst->open--;
        }
    }
}

/* -- lines -- */

static void run(evf_stream *stream, char *line)
{
    char *rest = NULL;
    const char *word = strtok_r(line, " ", &rest);
    const char *first = strtok_r(NULL, " ", &rest), *second = strtok_r(NULL, " ", &rest);

    if (word == NULL || first == NULL)
        return;
    if (strcmp(word, "echo") == 0) {
        evf_write(stream, first, strlen(first));
        evf_write(stream, "\n", 1);
        return;
    }
    if (second == NULL)
        return;
    if (strcmp(word, "cancel") == 0) {
        begin_and_cancel(stream, first, second);
    } else if (strcmp(word, "rival") == 0) {
        ask_rivals(stream, first, second);
    } else if (strcmp(word, "burst") == 0 || strcmp(word, "same") == 0) {
        ask_many(stream, word, (unsigned)atoi(first), second);
    } else if (strcmp(word, "ttl") == 0) {
        say(evf_stream_worker(stream), evf_stream_id(stream), "ttl %u\n",
            evf_resolve_ttl(evf_stream_worker(stream), first, family_of(second)));
    } else {
        struct question *question = new_question(stream, first, second);

        question->again = strcmp(word, "again") == 0;
        question->quiet = strcmp(word, "silent") == 0;
        ask(question);
    }
}

static size_t on_data(evf_stream *stream, evf_slice input)
{
    size_t taken = 0;
    const uint8_t *end;

    while ((end = memchr(input.data + taken, '\n', input.len - taken)) != NULL) {
        char line[600];

        snprintf(line, sizeof line, "%.*s", (int)(end - input.data - (ptrdiff_t)taken),
                 (const char *)input.data + taken);
        taken = (size_t)(end - input.data) + 1;
        run(stream, line);
    }
    return taken;
}

static int on_start(evf_instance *instance)
{
    told = evf_counter_new(instance, "told", "answers told");
    return told != NULL ? 0 : evf_fail(instance, "no counter");
}

static int on_worker_start(evf_instance *instance, evf_worker *worker)
{
    const char *name = evf_option_string(instance, "start");

    if (name == NULL)
        return 0;
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL)
        return -ENOMEM;
    question->worker = worker;
    question->quiet = true;
    snprintf(question->name, sizeof question->name, "%s", name);
    return evf_resolve(worker, name, AF_UNSPEC, on_resolved, question, NULL);
}

static void on_worker_stop(evf_instance *instance, evf_worker *worker)
{
    (void)instance;
    int status = evf_resolve(worker, "late.test", AF_INET, on_resolved, NULL, NULL);

    evf_log(EVF_INFO, "event 0 worker_stop %s after %u canceled;", status_word(status), canceled);
}

static const struct evf_handler handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = on_data,
};

static const struct evf_option options[] = {
    { .name = "start", .type = EVF_OPTION_STRING, .help = "looked up in each worker_start" },
    { .name = NULL },
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "resolve",
    .version = "1.0.0",
    .summary = "looks names up",
    .options = options,
    .handler = &handler,
    .start = on_start,
    .worker_start = on_worker_start,
    .worker_stop = on_worker_stop,
};
