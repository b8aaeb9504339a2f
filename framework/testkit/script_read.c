/* SPDX-License-Identifier: MIT
 *
 * Reading a script: each line becomes a step, and is checked as far as it can be without playing
 * it. docs/testkit.md describes the language.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "testkit/script.h"

enum { FILE_MAX = 64 * 1024 * 1024 };

struct reader {
    evf_sim_script *script;
    int line;
    const char *shown;
    struct evf__script_line words;
    char *error;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static int wrong(const struct reader *reader,
                                                       const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(reader->error, reader->size, "%s:%d: %s", reader->script->name, reader->line, what);
    return -EINVAL;
}

static const struct evf__word *word(const struct reader *reader, unsigned index)
{
    return index < reader->words.count ? &reader->words.words[index] : NULL;
}

static bool is(const struct reader *reader, unsigned index, const char *text)
{
    const struct evf__word *at = word(reader, index);
    return at != NULL && at->kind == EVF__WORD_BARE && strcmp(at->at, text) == 0;
}

static const char *bare(const struct reader *reader, unsigned index)
{
    const struct evf__word *at = word(reader, index);
    return at != NULL && at->kind == EVF__WORD_BARE ? at->at : NULL;
}

static int no_more(const struct reader *reader, unsigned from)
{
    const struct evf__word *at = word(reader, from);
    if (at == NULL)
        return 0;
    return wrong(reader, "nothing is wanted behind '%s', but there is %s%s",
                 bare(reader, from - 1) != NULL ? bare(reader, from - 1) : "the text",
                 at->kind == EVF__WORD_BARE ? at->at : "more text", "");
}

static struct evf__step *step(const struct reader *reader, enum evf__step_kind kind)
{
    evf_sim_script *script = reader->script;
    if (script->step_count == script->step_room) {
        script->step_room = script->step_room == 0 ? 64 : 2 * script->step_room;
        script->steps = realloc(script->steps, script->step_room * sizeof *script->steps);
        if (script->steps == NULL)
            abort();
    }
    struct evf__step *made = &script->steps[script->step_count++];
    *made = (struct evf__step){ .kind = kind, .line = reader->line };
    made->shown = strdup(reader->shown);
    if (made->shown == NULL)
        abort();
    return made;
}

/* -- actors -- */

static const char *const keywords[] = { "connect", "listen",  "name", "advance", "run",
                                        "stop",    "options", "end",  "closed",  "nothing" };

static struct evf__actor *find_actor(const evf_sim_script *script, const char *name)
{
    for (unsigned i = 0; i < script->actor_count; i++)
        if (strcmp(script->actors[i].name, name) == 0)
            return (struct evf__actor *)&script->actors[i];
    return NULL;
}

/* A name that is made here: *ret_index is its actor's. A peer's may be used again. */
static int make_actor(const struct reader *reader, const char *name, bool upstream,
                      unsigned *ret_index)
{
    evf_sim_script *script = reader->script;
    if (name == NULL)
        return wrong(reader, "a name is wanted behind '%s'", bare(reader, 0));
    size_t len = strlen(name);
    bool fine = len < sizeof script->actors[0].name && isalpha((unsigned char)name[0]);
    for (size_t i = 0; i < len; i++)
        fine = fine && (isalnum((unsigned char)name[i]) || strchr("-_", name[i]) != NULL);
    if (!fine)
        return wrong(reader,
                     "'%s' is no name: letters, digits, '-' and '_' make one, a letter first, at "
                     "most %zu",
                     name, sizeof script->actors[0].name - 1);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(keywords[i], name) == 0)
            return wrong(reader, "'%s' cannot be a name: it is a word of the language", name);
    struct evf__actor *actor = find_actor(script, name);
    if (actor != NULL && (upstream || actor->upstream))
        return wrong(reader, "the name '%s' is taken", name);
    if (actor == NULL) {
        if (script->actor_count == EVF__ACTORS_MAX)
            return wrong(reader, "there are more than %d names", EVF__ACTORS_MAX);
        actor = &script->actors[script->actor_count++];
        memcpy(actor->name, name, len + 1);
        actor->upstream = upstream;
    }
    *ret_index = (unsigned)(actor - script->actors);
    return 0;
}

/* -- lines that begin with a word of the language -- */

static int read_connect(struct reader *reader)
{
    unsigned actor;
    if (make_actor(reader, bare(reader, 1), false, &actor) < 0)
        return -EINVAL;
    struct evf__step *made = step(reader, EVF__STEP_CONNECT);
    made->actor = actor;
    if (word(reader, 2) == NULL)
        return 0;
    if (!is(reader, 2, "from") || bare(reader, 3) == NULL)
        return wrong(reader, "'connect NAME' or 'connect NAME from ADDRESS' is wanted");
    made->text = strdup(bare(reader, 3));
    return no_more(reader, 4);
}

static int read_listen(struct reader *reader)
{
    unsigned actor;
    if (make_actor(reader, bare(reader, 1), true, &actor) < 0)
        return -EINVAL;
    if (!is(reader, 2, "on") || bare(reader, 3) == NULL)
        return wrong(reader, "'listen NAME on ADDRESS' is wanted");
    struct evf__step *made = step(reader, EVF__STEP_LISTEN);
    made->actor = actor;
    made->text = strdup(bare(reader, 3));
    return no_more(reader, 4);
}

/* name HOST is ADDRESS… */
static int read_name(struct reader *reader)
{
    union evf__address ignored;
    char addresses[4096] = "";
    if (bare(reader, 1) == NULL || !is(reader, 2, "is") || bare(reader, 3) == NULL)
        return wrong(reader, "'name HOST is ADDRESS…' is wanted, or unknown, fails or hangs "
                             "instead of addresses");
    bool word_alone =
        reader->words.count == 4 &&
        (is(reader, 3, "unknown") || is(reader, 3, "fails") || is(reader, 3, "hangs"));
    for (unsigned i = 3; i < reader->words.count; i++) {
        const char *text = bare(reader, i);
        if (text == NULL || (!word_alone && !evf__address_from_ip(text, &ignored)))
            return wrong(reader, "'%s' is no IP address", text != NULL ? text : "a text");
        size_t len = strlen(addresses);
        snprintf(addresses + len, sizeof addresses - len, "%s%s", len > 0 ? " " : "", text);
    }
    struct evf__step *made = step(reader, EVF__STEP_NAME);
    made->text = strdup(bare(reader, 1));
    made->second = strdup(addresses);
    return 0;
}

static int read_time(struct reader *reader, uint64_t *ret_ms)
{
    int64_t ms;
    const char *text = bare(reader, 1);
    if (text == NULL || evf__parse_duration(text, &ms) < 0 || ms < 0)
        return wrong(reader, "'%s' wants a time, as in 10s, 250ms, 5m", bare(reader, 0));
    *ret_ms = (uint64_t)ms;
    return no_more(reader, 2);
}

static int read_advance(struct reader *reader)
{
    uint64_t ms;
    if (read_time(reader, &ms) < 0)
        return -EINVAL;
    step(reader, EVF__STEP_ADVANCE)->ms = ms;
    return 0;
}

static int read_run(struct reader *reader)
{
    step(reader, EVF__STEP_RUN);
    return no_more(reader, 1);
}

static int read_stop(struct reader *reader)
{
    uint64_t ms = 10 * 1000;
    if (word(reader, 1) != NULL && read_time(reader, &ms) < 0)
        return -EINVAL;
    step(reader, EVF__STEP_STOP)->ms = ms;
    return 0;
}

static int read_options(struct reader *reader)
{
    if (reader->script->step_count > 0 || reader->script->options != NULL)
        return wrong(reader, "'options' stands once, in front of everything else");
    if (bare(reader, 1) == NULL)
        return wrong(reader, "'options NAME=VALUE,…' is wanted");
    reader->script->options = strdup(bare(reader, 1));
    return no_more(reader, 2);
}

/* -- lines that begin with a name -- */

static int take_pieces(struct reader *reader, struct evf__step *made, unsigned from)
{
    unsigned count = reader->words.count - from;
    made->pieces = calloc(count, sizeof *made->pieces);
    if (made->pieces == NULL)
        abort();
    for (unsigned i = 0; i < count; i++) {
        struct evf__word *at = &reader->words.words[from + i];
        made->pieces[made->piece_count++] = *at;
        at->bytes = NULL; /* the step's now */
    }
    return 0;
}

static int read_sends(struct reader *reader, unsigned actor)
{
    if (reader->words.count != 3 || reader->words.words[2].kind != EVF__WORD_TEXT)
        return wrong(reader, "'%s sends \"TEXT\"' is wanted", bare(reader, 0));
    struct evf__step *made = step(reader, EVF__STEP_SEND);
    made->actor = actor;
    return take_pieces(reader, made, 2);
}

static int read_expects(struct reader *reader, unsigned actor)
{
    static const struct {
        const char *word;
        enum evf__step_kind kind;
    } words[] = {
        { "nothing", EVF__STEP_EXPECT_NOTHING },
        { "end", EVF__STEP_EXPECT_END },
        { "closed", EVF__STEP_EXPECT_CLOSED },
        { "reset", EVF__STEP_EXPECT_RESET },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is(reader, 2, words[i].word)) {
            step(reader, words[i].kind)->actor = actor;
            return no_more(reader, 3);
        }
    }
    enum evf__word_kind last = EVF__WORD_GAP;
    for (unsigned i = 2; i < reader->words.count; i++) {
        enum evf__word_kind kind = reader->words.words[i].kind;
        if (kind == EVF__WORD_BARE)
            return wrong(reader,
                         "'%s' cannot be expected: a text in quotes, nothing, end, closed "
                         "or reset can",
                         reader->words.words[i].at);
        last = kind;
    }
    if (reader->words.count == 2 || last == EVF__WORD_GAP)
        return wrong(reader,
                     "'%s expects' wants a text, nothing, end, closed or reset; '...' "
                     "stands in front of a text",
                     bare(reader, 0));
    struct evf__step *made = step(reader, EVF__STEP_EXPECT);
    made->actor = actor;
    return take_pieces(reader, made, 2);
}

static int read_accepts(struct reader *reader, unsigned actor)
{
    unsigned other = 0;
    if (word(reader, 2) == NULL)
        return wrong(reader, "'%s accepts NAME' is wanted", bare(reader, 0));
    if (make_actor(reader, bare(reader, 2), false, &other) < 0)
        return -EINVAL;
    struct evf__step *made = step(reader, EVF__STEP_ACCEPT);
    made->actor = actor;
    made->other = other;
    return no_more(reader, 3);
}

static int read_plain(struct reader *reader, unsigned actor, enum evf__step_kind kind)
{
    step(reader, kind)->actor = actor;
    return no_more(reader, kind == EVF__STEP_STOP_READING ? 3 : 2);
}

/* What a name can do: a peer, or what listens. */
static const struct {
    const char *verb;
    bool upstream;
    enum evf__step_kind kind;
} verbs[] = {
    { "sends", false, EVF__STEP_SEND },         { "expects", false, EVF__STEP_EXPECT },
    { "ends", false, EVF__STEP_END },           { "resets", false, EVF__STEP_RESET },
    { "stops", false, EVF__STEP_STOP_READING }, { "reads", false, EVF__STEP_READ },
    { "ignores", false, EVF__STEP_IGNORE },     { "accepts", true, EVF__STEP_ACCEPT },
    { "refuses", true, EVF__STEP_REFUSE },      { "hangs", true, EVF__STEP_HANG },
    { "answers", true, EVF__STEP_ANSWER },
};

static int read_verb(struct reader *reader, unsigned index, enum evf__step_kind kind)
{
    switch (kind) {
    case EVF__STEP_SEND:
        return read_sends(reader, index);
    case EVF__STEP_EXPECT:
        return read_expects(reader, index);
    case EVF__STEP_ACCEPT:
        return read_accepts(reader, index);
    case EVF__STEP_STOP_READING:
        if (!is(reader, 2, "reading"))
            return wrong(reader, "'%s stops reading' is wanted", bare(reader, 0));
        return read_plain(reader, index, kind);
    case EVF__STEP_IGNORE:
        if (word(reader, 2) != NULL && (!is(reader, 2, "the") || !is(reader, 3, "rest")))
            return wrong(reader, "'%s ignores the rest' is wanted", bare(reader, 0));
        step(reader, kind)->actor = index;
        return no_more(reader, word(reader, 2) != NULL ? 4 : 2);
    default:
        return read_plain(reader, index, kind);
    }
}

static int read_actor(struct reader *reader)
{
    const char *name = bare(reader, 0), *verb = bare(reader, 1);
    const char *known[sizeof verbs / sizeof *verbs];
    size_t count = 0;
    if (name == NULL)
        return wrong(reader,
                     "a line begins with a name or a word of the language, not with a text");
    const struct evf__actor *actor = find_actor(reader->script, name);
    if (actor == NULL)
        return wrong(reader,
                     "'%s' is nobody: 'connect %s' comes first, or 'listen %s on ADDRESS', or "
                     "'NAME accepts %s'; and no line begins with that word",
                     name, name, name, name);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (verbs[i].upstream != actor->upstream)
            continue;
        if (verb != NULL && strcmp(verbs[i].verb, verb) == 0)
            return read_verb(reader, (unsigned)(actor - reader->script->actors), verbs[i].kind);
        known[count++] = verbs[i].verb;
    }
    const char *near = verb != NULL ? evf__nearest(verb, known, count) : NULL;
    return wrong(reader, "%s, which %s, cannot '%s'%s%s%s: %s", name,
                 actor->upstream ? "listens" : "is a connection", verb != NULL ? verb : "",
                 near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                 near != NULL ? "'" : "",
                 actor->upstream ? "accepts, answers, refuses and hangs are what it can"
                                 : "sends, expects, ends, resets, 'stops reading', reads and "
                                   "'ignores the rest' are what it can");
}

static int read_step(struct reader *reader)
{
    static const struct {
        const char *word;
        int (*read)(struct reader *reader);
    } lines[] = {
        { "connect", read_connect }, { "listen", read_listen }, { "name", read_name },
        { "advance", read_advance }, { "run", read_run },       { "stop", read_stop },
        { "options", read_options },
    };
    if (reader->script->step_count >= EVF__STEPS_MAX)
        return wrong(reader, "a script has at most %d steps", EVF__STEPS_MAX);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (is(reader, 0, lines[i].word))
            return lines[i].read(reader);
    return read_actor(reader);
}

/* -- the whole -- */

/* A line that begins with a blank and a quote, or `...`, goes on with the one before. */
static bool continues(const char *line)
{
    size_t blanks = strspn(line, " \t");
    return blanks > 0 && (line[blanks] == '"' || strncmp(line + blanks, "...", 3) == 0);
}

static int read_lines(struct reader *reader, char *text)
{
    char what[256];
    for (int number = 1; text != NULL;) {
        char *line = strsep(&text, "\n"), *shown = strdup(line + strspn(line, " \t"));
        if (shown == NULL)
            abort();
        reader->line = number++;
        reader->shown = shown;
        line[strcspn(line, "\r")] = '\0';
        int status = evf__script_line_cut(&reader->words, line, what, sizeof what);
        while (status == 0 && text != NULL && continues(text)) {
            line = strsep(&text, "\n");
            line[strcspn(line, "\r")] = '\0';
            number++;
            status = evf__script_line_cut(&reader->words, line, what, sizeof what);
        }
        if (status < 0)
            wrong(reader, "%s", what);
        else if (reader->words.count > 0)
            status = read_step(reader);
        evf__script_line_free(&reader->words);
        free(shown);
        if (status < 0)
            return status;
    }
    return 0;
}

evf_sim_script *evf_sim_script_parse(const char *name, const char *text, size_t len, char *error,
                                     size_t size)
{
    struct reader *reader = calloc(1, sizeof *reader);
    evf_sim_script *script = calloc(1, sizeof *script);
    char *copy = malloc(len + 1);
    if (reader == NULL || script == NULL || copy == NULL || (script->name = strdup(name)) == NULL)
        abort();
    memcpy(copy, text, len);
    copy[len] = '\0';
    reader->script = script;
    reader->error = error;
    reader->size = size;
    int status = 0;
    if (strlen(copy) != len) {
        snprintf(error, size, "%s: a zero byte is in it; write \\0", name);
        status = -EINVAL;
    }
    if (status == 0)
        status = read_lines(reader, copy);
    free(copy);
    free(reader);
    if (status == 0)
        return script;
    evf_sim_script_free(script);
    return NULL;
}

evf_sim_script *evf_sim_script_read(const char *path, char *error, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(error, size, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct evf__sim_bytes text = { 0 };
    char part[16 * 1024];
    size_t got;
    while (text.len <= FILE_MAX && (got = fread(part, 1, sizeof part, file)) > 0)
        evf__sim_bytes_add(&text, part, got);
    evf_sim_script *script = NULL;
    if (ferror(file))
        snprintf(error, size, "%s: %s", path, strerror(errno));
    else if (text.len > FILE_MAX)
        snprintf(error, size, "%s: a script has at most %d bytes", path, FILE_MAX);
    else
        script = evf_sim_script_parse(path, text.len > 0 ? (const char *)text.data : "", text.len,
                                      error, size);
    fclose(file);
    evf__sim_bytes_free(&text);
    return script;
}

void evf_sim_script_free(evf_sim_script *script)
{
    if (script == NULL)
        return;
    for (unsigned i = 0; i < script->step_count; i++) {
        struct evf__step *made = &script->steps[i];
        for (unsigned j = 0; j < made->piece_count; j++)
            free(made->pieces[j].bytes);
        free(made->pieces);
        free(made->shown);
        free(made->text);
        free(made->second);
    }
    free(script->steps);
    free(script->options);
    free(script->name);
    free(script);
}

const char *evf_sim_script_options(const evf_sim_script *script)
{
    return script->options;
}
