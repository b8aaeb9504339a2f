/* SPDX-License-Identifier: MIT
 *
 * The chat plugin under many people on eight workers: every message at every member exactly once,
 * in one order for all, whatever else goes on.
 *
 * Environment: EVF_CHAT_MESSAGES is the number of messages in the tests that talk (1000).
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "chat_people.h"

enum {
    WALK_TURNS = 40,
    OWN_UNDER_WAY = 10, /* messages a talker has sent and not seen yet */
    STAYS_MAX = 4096,   /* of all walkers */
    NAMES_MAX = 1024,
    HEARD_MAX = 16 << 20, /* more than all that is said in the tests with slow readers */
};

static unsigned message_count(void)
{
    const char *text = getenv("EVF_CHAT_MESSAGES");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : test_scaled(1000);
}

/* What one person has heard, and whether it agrees with what the others have. */
struct listener {
    bool in_room;
    bool told_goodbye;
    unsigned sent, heard; /* messages */
    unsigned *next;       /* by talker: the number that their next message must have */
};

/* What a walker heard between joining and leaving. */
struct stay {
    unsigned count;
    uint32_t *messages;
};

struct talk {
    struct people people;
    unsigned talkers;  /* the first ones; they are in the room all the time */
    unsigned walkers;  /* behind them: they come, go, and change their names */
    unsigned messages; /* of each talker */
    struct listener *listeners;
    uint32_t *order; /* talker * messages + number, as the first to hear it heard it */
    unsigned order_len;
    unsigned joined, awaited; /* talkers */
    unsigned done, goodbyes, gone;
    bool wordy; /* messages are long, and each waits for the one before */
    char last_notice[128];
    bool deaf_left; /* talker 0 heard that they were dropped */

    /* Walkers. */
    struct stay stays[STAYS_MAX];
    unsigned stay_count;
    unsigned *stay_of; /* by person: the present stay */
    unsigned *turns;   /* by person */

    /* Who is in the room, as talker 0 hears it. */
    char names[NAMES_MAX][32];
    unsigned name_count;
};

static struct talk *talk_of(struct people *people)
{
    return people->argument;
}

/* -- names in the room: nobody may have one that somebody else still has -- */

static unsigned find_name(const struct talk *talk, const char *name, size_t len)
{
    for (unsigned i = 0; i < talk->name_count; i++)
        if (strlen(talk->names[i]) == len && memcmp(talk->names[i], name, len) == 0)
            return i;
    return UINT32_MAX;
}

static void add_name(struct talk *talk, const char *name, size_t len)
{
    if (find_name(talk, name, len) != UINT32_MAX)
        support_fail("a second %.*s came into the room", (int)len, name);
    if (len >= sizeof talk->names[0] || talk->name_count == NAMES_MAX)
        support_fail("the test has no room for %.*s", (int)len, name);
    snprintf(talk->names[talk->name_count++], sizeof talk->names[0], "%.*s", (int)len, name);
}

static void remove_name(struct talk *talk, const char *name, size_t len)
{
    unsigned i = find_name(talk, name, len);

    if (i == UINT32_MAX)
        support_fail("%.*s left without having come", (int)len, name);
    talk->name_count--;
    if (i != talk->name_count)
        memcpy(talk->names[i], talk->names[talk->name_count], sizeof talk->names[0]);
}

/* `** NAME joined`, `** NAME left…`, `** NAME is now OTHER` */
static void watch_names(struct talk *talk, const char *line)
{
    const char *name = line + 3, *verb = strchr(name, ' ');
    size_t len = verb == NULL ? 0 : (size_t)(verb - name);

    if (verb == NULL)
        support_fail("odd news: %s", line);
    if (strcmp(verb, " joined") == 0) {
        add_name(talk, name, len);
    } else if (strncmp(verb, " left", 5) == 0) {
        remove_name(talk, name, len);
        talk->deaf_left |= strcmp(name, "deaf left: reads too slowly") == 0;
    } else if (strncmp(verb, " is now ", 8) == 0) {
        remove_name(talk, name, len);
        add_name(talk, verb + 8, strlen(verb + 8));
    } else {
        support_fail("odd news: %s", line);
    }
}

/* -- messages -- */

static void talk_on(struct talk *talk, struct somebody *who)
{
    struct listener *self = &talk->listeners[who->number];

    while (self->sent < talk->messages &&
           self->sent - self->next[who->number] < (talk->wordy ? 1 : OWN_UNDER_WAY)) {
        somebody_says(who, "m %u %u %*s\n", who->number, self->sent, talk->wordy ? 8000 : 0, ".");
        self->sent++;
    }
}

static void note_in_stay(struct talk *talk, unsigned walker, uint32_t message)
{
    struct stay *stay = &talk->stays[talk->stay_of[walker]];

    if ((stay->count & (stay->count - 1)) == 0) {
        size_t size = stay->count == 0 ? 1 : 2 * (size_t)stay->count;
        stay->messages = realloc(stay->messages, size * sizeof *stay->messages);
        if (stay->messages == NULL)
            abort();
    }
    stay->messages[stay->count++] = message;
}

/* `<NAME> m TALKER NUMBER` */
static void heard_message(struct talk *talk, struct somebody *who, const char *line)
{
    struct listener *self = &talk->listeners[who->number];
    const char *text = strstr(line, "> m ");
    unsigned talker, number;

    if (text == NULL || sscanf(text, "> m %u %u", &talker, &number) != 2 || talker >= talk->talkers)
        support_fail("person %u heard %s", who->number, line);
    if (!self->in_room)
        support_fail("person %u heard %s outside the room", who->number, line);
    uint32_t message = talker * talk->messages + number;
    if (who->number >= talk->talkers) {
        note_in_stay(talk, who->number, message);
        return;
    }
    if (number != self->next[talker])
        support_fail("person %u heard message %u of %u, not %u", who->number, number, talker,
                     self->next[talker]);
    self->next[talker]++;
    if (self->heard == talk->order_len)
        talk->order[talk->order_len++] = message;
    if (talk->order[self->heard] != message)
        support_fail("person %u heard another order at %u: %s", who->number, self->heard, line);
    if (who->number == 0 && find_name(talk, line + 1, (size_t)(text - line) - 1) == UINT32_MAX)
        support_fail("somebody speaks who is not in the room: %s", line);
    self->heard++;
    talk->done += self->heard == talk->talkers * talk->messages;
    if (talker == who->number)
        talk_on(talk, who);
}

static void begin_stay(struct talk *talk, unsigned walker)
{
    if (talk->stay_count == STAYS_MAX)
        support_fail("more stays than the test has room for");
    talk->stay_of[walker] = talk->stay_count++;
}

/* A walker goes on with its next step when the last one was answered. */
static void walk_on(struct talk *talk, struct somebody *who, const char *line)
{
    bool in_room = talk->listeners[who->number].in_room;
    unsigned turn = talk->turns[who->number];

    if (strncmp(line, "++ ", 3) != 0 && strncmp(line, "!! ", 3) != 0)
        return;
    if (turn >= WALK_TURNS)
        return;
    talk->turns[who->number]++;
    if (turn % 3 == 0) /* walkers want each other's names */
        somebody_says(who, "/name w%u\n", (who->number + turn) % (talk->walkers + 2));
    else if (turn % 3 == 1)
        somebody_says(who, in_room ? "/leave\n" : "/join hall\n");
    else
        somebody_says(who, in_room ? "/join other\n" : "/join hall\n");
}

static void heard_line(struct people *people, struct somebody *who, const char *line)
{
    struct talk *talk = talk_of(people);
    struct listener *self = &talk->listeners[who->number];

    if (line == NULL) {
        if (!self->told_goodbye)
            support_fail("person %u was left: %s", who->number, talk->last_notice);
        talk->gone++;
        return;
    }
    if (self->told_goodbye)
        support_fail("person %u heard %s after the goodbye", who->number, line);
    if (strcmp(line, "++ join hall") == 0) {
        self->in_room = true;
        if (who->number >= talk->talkers)
            begin_stay(talk, who->number);
        else
            talk->joined++;
    } else if (strcmp(line, "++ leave hall") == 0) {
        self->in_room = false;
    } else if (strncmp(line, "-- ", 3) == 0 &&
               strcmp(line, "-- the server is stopping, goodbye") != 0) {
        snprintf(talk->last_notice, sizeof talk->last_notice, "%s", line);
    } else if (strcmp(line, "-- the server is stopping, goodbye") == 0) {
        self->told_goodbye = true;
        talk->goodbyes++;
    } else if (line[0] == '<') {
        heard_message(talk, who, line);
    } else if (line[0] == '*' && who->number == 0) {
        watch_names(talk, line);
    }
    if (who->number >= talk->talkers)
        walk_on(talk, who, line);
}

/* -- the talk -- */

static bool awaited_joined(struct people *people)
{
    return talk_of(people)->joined == talk_of(people)->awaited;
}

static bool all_heard_all(struct people *people)
{
    struct talk *talk = talk_of(people);

    for (unsigned i = talk->talkers; i < talk->talkers + talk->walkers; i++)
        if (talk->turns[i] < WALK_TURNS)
            return false;
    return talk->done == talk->talkers;
}

static bool all_gone(struct people *people)
{
    return talk_of(people)->gone == people->count;
}

/* All talkers are in the room; 0 was first, so that it saw all others come. */
static struct talk *talk_begin(struct server *server, unsigned talkers, unsigned walkers,
                               unsigned messages)
{
    struct talk *talk = test_allocate(sizeof *talk);
    unsigned people = talkers + walkers;

    talk->talkers = talkers;
    talk->walkers = walkers;
    talk->messages = (messages + talkers - 1) / talkers;
    talk->listeners = test_allocate(people * sizeof *talk->listeners);
    talk->stay_of = test_allocate(people * sizeof *talk->stay_of);
    talk->turns = test_allocate(people * sizeof *talk->turns);
    talk->order = test_allocate((size_t)talkers * talk->messages * sizeof *talk->order);
    for (unsigned i = 0; i < people; i++)
        talk->listeners[i].next = test_allocate(talkers * sizeof(unsigned));
    talk->people = (struct people){ .heard = heard_line, .argument = talk };
    people_connect(&talk->people, server_address(server, 0), people);
    for (unsigned i = 0; i < talkers; i++) {
        somebody_says(&talk->people.all[i], "/name t%u\n/join hall\n", i);
        if (i > 0 && i < talkers - 1)
            continue;
        talk->awaited = i + 1;
        people_serve(&talk->people, awaited_joined, "all are in the room");
    }
    return talk;
}

static void talk_start(struct talk *talk)
{
    for (unsigned i = 0; i < talk->talkers; i++)
        talk_on(talk, &talk->people.all[i]);
    for (unsigned i = talk->talkers; i < talk->talkers + talk->walkers; i++)
        somebody_says(&talk->people.all[i], "/leave\n"); /* is refused: that starts them */
}

/* What each walker heard in one stay is a piece of the order, with no gap and nothing twice. At a
 * stop it may end with what no talker got to hear. */
static void check_stays(const struct talk *talk)
{
    unsigned *place = test_allocate((size_t)talk->talkers * talk->messages * sizeof *place);
    unsigned heard = 0;

    for (unsigned i = 0; i < talk->order_len; i++)
        place[talk->order[i]] = i + 1;
    for (unsigned i = 0; i < talk->stay_count; i++) {
        const struct stay *stay = &talk->stays[i];

        for (unsigned j = 0; j < stay->count && place[stay->messages[j]] != 0; j++)
            if (place[stay->messages[j]] != place[stay->messages[0]] + j)
                support_fail("message %u of a stay stands at %u, not %u", j,
                             place[stay->messages[j]], place[stay->messages[0]] + j);
        heard += stay->count;
    }
    if (talk->walkers > 0)
        fprintf(stderr, "%u stays, %u messages heard in them\n", talk->stay_count, heard);
    free(place);
}

static void talk_free(struct talk *talk)
{
    people_close(&talk->people);
    for (unsigned i = 0; i < talk->talkers + talk->walkers; i++)
        free(talk->listeners[i].next);
    for (unsigned i = 0; i < talk->stay_count; i++)
        free(talk->stays[i].messages);
    free(talk->listeners);
    free(talk->stay_of);
    free(talk->turns);
    free(talk->order);
    free(talk);
}

static void check_talk(struct server *server, unsigned talkers, unsigned walkers)
{
    struct talk *talk = talk_begin(server, talkers, walkers, message_count());
    unsigned total = talk->talkers * talk->messages;
    uint64_t start = clock_ms(), cpu = server_cpu_ms(server);

    talk_start(talk);
    people_serve(&talk->people, all_heard_all, "everybody hears everything");
    fprintf(stderr, "%u messages to %u people: %llu ms, server's processor time %llu ms\n", total,
            talkers, (unsigned long long)(clock_ms() - start),
            (unsigned long long)(server_cpu_ms(server) - cpu));
    check_stays(talk);
    cr_expect_eq(server_figure(server, "messages"), total);
    cr_expect_eq(server_figure(server, "dropped"), 0);
    if (walkers == 0)
        cr_expect_eq(server_figure(server, "deliveries"), (int64_t)total * talkers);
    talk_free(talk);
}

Test(chat_crowd, hears_every_message_once_and_in_one_order)
{
    struct server *server = chat_server(NULL);

    check_talk(server, 200, 0);
    server_wait_figure(server, "members", 0);
    chat_stop(server);
}

Test(chat_crowd, is_not_disturbed_by_people_who_come_and_go_and_rename)
{
    struct server *server = chat_server(NULL);

    check_talk(server, 40, 20);
    server_wait_figure(server, "members", 0);
    chat_stop(server);
}

/* Nothing is lost or doubled where posts are refused all the time. */
Test(chat_crowd, waits_where_mailboxes_are_small)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "8", "--mailbox", "4", "--listen", "127.0.0.1:0=chat" },
    });

    check_talk(server, 100, 10);
    cr_expect_gt(server_figure(server, "posts_refused"), 0);
    server_wait_figure(server, "members", 0);
    chat_stop(server);
}

/* -- the stop -- */

static bool enough_heard(struct people *people)
{
    return talk_of(people)->order_len >= 500 && talk_of(people)->stay_count >= 10;
}

Test(chat_crowd, is_told_that_the_server_stops)
{
    struct server *server = chat_server(NULL);
    struct talk *talk = talk_begin(server, 60, 20, 600000);

    talk_start(talk);
    people_serve(&talk->people, enough_heard, "the talk is under way");
    server_signal(server, SIGTERM);
    people_serve(&talk->people, all_gone, "the server ends every connection");
    cr_expect_eq(talk->goodbyes, 80);
    check_stays(talk);
    talk_free(talk);
    server_ended(server, 0);
}

/* -- slow readers -- */

/* Joins the hall and reads no further, with a small receive buffer. */
static int deaf_guest(struct server *server)
{
    int fd = peer_connect_with(server_address(server, 0),
                               &(struct peer_settings){ .receive_buffer = 4096 });

    expect_line(fd, PEOPLE_GREETING);
    peer_send_text(fd, "/name deaf\n/join hall\n");
    expect_line(fd, "++ name deaf");
    expect_line(fd, "++ join hall");
    return fd;
}

static bool deaf_left(struct people *people)
{
    return talk_of(people)->deaf_left;
}

static bool all_talkers_heard_all(struct people *people)
{
    return talk_of(people)->done == talk_of(people)->talkers;
}

static int deafen(struct server *server, struct talk **ret)
{
    struct talk *talk = talk_begin(server, 10, 0, 1000);
    int deaf = deaf_guest(server);

    talk->wordy = true;
    talk_start(talk);
    people_serve(&talk->people, deaf_left, "who does not read is dropped");
    *ret = talk;
    return deaf;
}

Test(chat_crowd, drops_a_slow_reader_and_tells_them_and_the_others)
{
    struct server *server = chat_server("write-high=128k,max-line=16k");
    struct talk *talk;
    int deaf = deafen(server, &talk), large = 1 << 20;
    char *heard = test_allocate(HEARD_MAX), *rest = heard, *line = NULL;
    unsigned count = 0, talker, number;

    /* From now on as fast as possible: the server waits only so long. */
    setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    size_t len = peer_read_until_closed(deaf, heard, HEARD_MAX - 1);
    cr_assert(len > 0 && heard[len - 1] == '\n');
    heard[len - 1] = '\0';
    cr_expect_str_eq(strsep(&rest, "\n"), "** deaf joined");
    while ((line = strsep(&rest, "\n")) != NULL && line[0] == '<') {
        cr_assert_eq(sscanf(line, "%*s m %u %u", &talker, &number), 2, "%s", line);
        cr_assert_eq(talk->order[count], talker * talk->messages + number, "at %u: %s", count,
                     line);
        count++;
    }
    cr_assert_not_null(line);
    cr_expect_str_eq(line, "-- you read too slowly, goodbye");
    cr_expect_null(rest);
    cr_expect_geq(count, 8);
    free(heard);
    people_serve(&talk->people, all_talkers_heard_all, "the others are not disturbed");
    cr_expect_eq(server_figure(server, "dropped"), 1);
    peer_close(deaf);
    talk_free(talk);
    chat_stop(server);
}

/* The last words, too, are waited for only so long. */
Test(chat_crowd, gives_up_a_reader_who_never_reads)
{
    struct server *server = chat_server("write-high=128k,max-line=16k");
    struct talk *talk;
    int deaf = deafen(server, &talk);

    people_serve(&talk->people, all_talkers_heard_all, "the others are not disturbed");
    server_wait_figure(server, "streams_slow", 1);
    cr_expect_eq(server_figure(server, "dropped"), 1);
    talk_free(talk);
    server_wait_figure(server, "streams", 0);
    peer_close(deaf);
    chat_stop(server);
}
