/* SPDX-License-Identifier: MIT
 *
 * The chat plugin's protocol: commands, names, rooms, refusals, and how people come and go.
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "chat_people.h"
#include "crowd.h"

static void say(int fd, const char *line)
{
    peer_send_text(fd, test_text("%s\n", line));
}

Test(chat, carries_messages_between_people_on_different_workers)
{
    struct server *server = chat_server(NULL);
    int alice = chat_guest(server, "alice", "lobby");
    int bob = chat_guest(server, "bob", "lobby");

    expect_line(alice, "** bob joined");
    say(alice, "hello, bob");
    expect_line(alice, "<alice> hello, bob");
    expect_line(bob, "<alice> hello, bob");
    say(bob, "//slash \xe2\x82\xac \xf0\x9f\x98\x80\r");
    expect_line(alice, "<bob> /slash \xe2\x82\xac \xf0\x9f\x98\x80");
    expect_line(bob, "<bob> /slash \xe2\x82\xac \xf0\x9f\x98\x80");
    cr_expect_eq(server_figure(server, "messages"), 2);
    cr_expect_eq(server_figure(server, "deliveries"), 4);
    cr_expect_eq(server_figure(server, "members"), 2);
    peer_close(alice);
    expect_line(bob, "** alice left: quit");
    peer_reset(bob);
    server_wait_figure(server, "members", 0);
    chat_stop(server);
}

Test(chat, keeps_rooms_apart)
{
    struct server *server = chat_server(NULL);
    int a = chat_guest(server, "a", "one"), b = chat_guest(server, "b", "two");

    say(a, "for one");
    say(b, "for two");
    expect_line(a, "<a> for one");
    expect_line(b, "<b> for two");
    say(a, "/join two");
    expect_line(a, "** a left");
    expect_line(a, "++ leave one");
    expect_line(a, "++ join two");
    expect_line(a, "** a joined");
    expect_line(b, "** a joined");
    say(b, "both");
    expect_line(a, "<b> both");
    expect_line(b, "<b> both");
    say(a, "/leave");
    expect_line(a, "** a left");
    expect_line(a, "++ leave two");
    expect_line(b, "** a left");
    say(b, "alone");
    expect_line(b, "<b> alone");
    say(a, "/help");
    skip_to_line(a, "-- other lines are said to the room; //word says /word");
    peer_close(a);
    peer_close(b);
    chat_stop(server);
}

/* Whoever ends their side behind their last line sees everything that it led to. */
Test(chat, answers_everything_before_it_says_goodbye)
{
    struct server *server = chat_server(NULL);
    int quitter = peer_connect(server_address(server, 0));
    int ender = peer_connect(server_address(server, 0));

    peer_send_text(quitter, "/name q\n/join room\none\ntwo\n/who\nthree\n/quit\nnever said\n");
    expect_line(quitter, PEOPLE_GREETING);
    expect_line(quitter, "++ name q");
    expect_line(quitter, "++ join room");
    expect_line(quitter, "** q joined");
    expect_line(quitter, "<q> one");
    expect_line(quitter, "<q> two");
    expect_line(quitter, "++ who room q");
    expect_line(quitter, "++ who-end room 1");
    expect_line(quitter, "<q> three");
    expect_line(quitter, "** q left: quit");
    expect_line(quitter, "-- goodbye");
    peer_expect_end(quitter);

    peer_send_text(ender, "/name e\n/join room\none\ntwo\nhalf a line");
    peer_end(ender);
    expect_line(ender, PEOPLE_GREETING);
    expect_line(ender, "++ name e");
    expect_line(ender, "++ join room");
    expect_line(ender, "** e joined");
    expect_line(ender, "<e> one");
    expect_line(ender, "<e> two");
    expect_line(ender, "** e left: quit");
    expect_line(ender, "-- goodbye");
    peer_expect_end(ender);
    peer_close(quitter);
    peer_close(ender);
    chat_stop(server);
}

Test(chat, tells_who_is_in_the_room_on_all_workers)
{
    struct server *server = chat_server(NULL);
    int fds[40];
    char line[2048];

    for (unsigned i = 0; i < 40; i++)
        fds[i] = chat_guest(server, test_text("a-rather-long-name-for-guest-%u", 10 + i), "hall");
    for (unsigned round = 0; round < 3; round++) {
        unsigned seen = 0;

        say(fds[39], "/who");
        while (peer_read_line(fds[39], line, sizeof line), strncmp(line, "++ who hall ", 12) == 0) {
            char *rest = line + 12, *name;
            while ((name = strsep(&rest, " ")) != NULL) {
                cr_expect_eq(strlen(name), 31, "%s", name);
                seen++;
            }
        }
        cr_expect_str_eq(line, "++ who-end hall 40");
        cr_expect_eq(seen, 40);
    }
    for (unsigned i = 0; i < 40; i++)
        peer_close(fds[i]);
    chat_stop(server);
}

/* -- names -- */

static void tell_names(int fd, const char *name, unsigned *wins, unsigned *taken)
{
    char line[256];

    peer_read_line(fd, line, sizeof line);
    *wins += strcmp(line, test_text("++ name %s", name)) == 0;
    *taken +=
        strcmp(line, test_text("!! name-taken %s is somebody's name: choose another", name)) == 0;
}

Test(chat, gives_a_name_to_exactly_one_of_a_hundred)
{
    struct server *server = chat_server(NULL);
    struct crowd crowd;

    crowd_connect(&crowd, server_address(server, 0), 100);
    for (unsigned i = 0; i < 100; i++)
        expect_line(crowd.fds[i], PEOPLE_GREETING);
    for (unsigned round = 0; round < 10; round++) {
        const char *name = test_text("king%u", round);
        unsigned wins = 0, taken = 0;

        crowd_send_text(&crowd, test_text("/name %s\n", name));
        for (unsigned i = 0; i < 100; i++)
            tell_names(crowd.fds[i], name, &wins, &taken);
        cr_assert_eq(wins, 1, "round %u: %u won", round, wins);
        cr_assert_eq(taken, 99, "round %u: %u were told", round, taken);
    }
    crowd_reset(&crowd);
    chat_stop(server);
}

static bool name_is_free(void *argument)
{
    char line[256];
    int fd = *(int *)argument;

    say(fd, "/name x");
    peer_read_line(fd, line, sizeof line);
    return strcmp(line, "++ name x") == 0;
}

Test(chat, frees_names_when_people_rename_quit_or_vanish)
{
    struct server *server = chat_server(NULL);
    int first = chat_guest(server, "x", "room"), second = chat_guest(server, "y", "room");

    expect_line(first, "** y joined");
    say(second, "/name x");
    expect_line(second, "!! name-taken x is somebody's name: choose another");
    say(first, "/name x");
    expect_line(first, "++ name x");
    say(first, "/name z");
    expect_line(first, "** x is now z");
    expect_line(first, "++ name z");
    expect_line(second, "** x is now z");
    cr_assert(wait_until(deadline_usual(), name_is_free, &second));
    int third = chat_guest(server, "w", NULL);
    peer_reset(second); /* in the room, with the name x */
    cr_assert(wait_until(deadline_usual(), name_is_free, &third));
    say(third, "/quit");
    expect_line(third, "-- goodbye");
    int fourth = chat_guest(server, "v", NULL);
    cr_assert(wait_until(deadline_usual(), name_is_free, &fourth));
    skip_to_line(first, "** x left: connection lost");
    peer_close(first);
    peer_close(third);
    peer_close(fourth);
    chat_stop(server);
}

/* -- refusals -- */

Test(chat, refuses_clearly)
{
    struct server *server = chat_server("max-line=64,max-name=8,max-rooms=1");
    int a = peer_connect(server_address(server, 0));
    static const char bad_name[] =
        "!! bad-name a name has 1 to 8 bytes, no blanks, nothing invisible, no '<' or '>', no '/' "
        "at its beginning";
    static const char bad_room[] =
        "!! bad-room a room has 1 to 8 bytes, no blanks, nothing invisible, no '<' or '>', no '/' "
        "at its beginning";

    expect_line(a, PEOPLE_GREETING);
    say(a, "hello?");
    expect_line(a, "!! no-name choose a name first: /name NAME");
    say(a, "/join room");
    expect_line(a, "!! no-name choose a name first: /name NAME");
    static const char *const names[] = { "",          "two words",     "123456789",
                                         "<b>",       "a\x1b[2J",      "a\x7f",
                                         "a\xc2\x9b", "a\xe2\x80\xae", "a\xe2\x80\x8b" };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        say(a, test_text("/name %s", names[i]));
        expect_line(a, bad_name);
    }
    say(a, "/name 12345678");
    expect_line(a, "++ name 12345678");
    say(a, "hello?");
    expect_line(a, "!! no-room you are in no room: /join ROOM");
    say(a, "/leave");
    expect_line(a, "!! no-room you are in no room: /join ROOM");
    say(a, "/who");
    expect_line(a, "!! no-room you are in no room: /join ROOM");
    say(a, "/join a b");
    expect_line(a, bad_room);
    say(a, "/join one");
    expect_line(a, "++ join one");
    expect_line(a, "** 12345678 joined");
    say(a, "/join one");
    expect_line(a, "!! in-room you are in one already");
    int b = chat_guest(server, "b", NULL);
    say(b, "/join two");
    expect_line(b, "!! too-many-rooms no more than 1 rooms may exist: join one that does");
    say(a, "/leave");
    expect_line(a, "** 12345678 left");
    expect_line(a, "++ leave one");
    say(b, "/join two");
    expect_line(b, "++ join two");
    expect_line(b, "** b joined");
    say(b, "/shrug");
    expect_line(b, "!! unknown-command there is no /shrug: /help lists them");
    say(b, "/\x1b[2J");
    expect_line(b, "!! unknown-command there is no such command: /help lists them");
    peer_close(a);
    peer_close(b);
    chat_stop(server);
}

Test(chat, lets_no_control_character_through_to_others)
{
    struct server *server = chat_server(NULL);
    int a = chat_guest(server, "a", "room"), b = chat_guest(server, "b", "room");
    static const char *const controls[] = { "x\x1b[2Jy",     "x\ty",       "x\ry",
                                            "x\x7fy",        "x\xc2\x9by", "x\xe2\x80\xaey",
                                            "x\xe2\x80\xa8y" };

    for (unsigned i = 0; i < sizeof controls / sizeof controls[0]; i++) {
        char line[256];

        say(a, controls[i]);
        skip_to_line(a, i == 0 ? "** b joined" : "<a> done");
        peer_read_line(a, line, sizeof line);
        cr_expect(strncmp(line, "!! bad-text the character U+", 28) == 0, "%s", line);
        cr_expect(strstr(line, " at byte 1 is a control: leave it out") != NULL, "%s", line);
        say(a, "done");
        expect_line(b, "<a> done");
    }
    peer_send(a, "nul\0\n", 5);
    skip_to_line(a, "!! bad-text the character U+0000 at byte 3 is a control: leave it out");
    cr_expect_eq(server_figure(server, "messages"), 7);
    peer_close(a);
    peer_close(b);
    chat_stop(server);
}

Test(chat, leaves_out_lines_that_are_too_long)
{
    struct server *server = chat_server("max-line=64");
    int a = chat_guest(server, "a", "room");
    char longest[65] = "";

    memset(longest, 'x', 64);
    say(a, longest);
    expect_line(a, test_text("<a> %s", longest));
    peer_send_text(a, test_text("%s\r\n", longest));
    expect_line(a, test_text("<a> %s", longest));
    say(a, test_text("%sy", longest));
    expect_line(a, "!! too-long a line has at most 64 bytes: it was left out");
    for (unsigned i = 0; i < 1000; i++)
        peer_send_text(a, longest);
    say(a, "");
    expect_line(a, "!! too-long a line has at most 64 bytes: it was left out");
    say(a, "here again");
    expect_line(a, "<a> here again");
    peer_close(a);
    chat_stop(server);
}

Test(chat, parts_from_who_does_not_speak_utf8_and_tells_the_offset)
{
    struct server *server = chat_server(NULL);
    int a = chat_guest(server, "a", "room"), b = chat_guest(server, "b", "room");

    expect_line(a, "** b joined");
    say(a, "fine \xc3\xa4");
    expect_line(a, "<a> fine \xc3\xa4");
    expect_line(b, "<a> fine \xc3\xa4");
    /* Before it: "/name a\n", "/join room\n", "fine ä\n" and "no". */
    say(a, "no\xe4t");
    expect_line(a, "!! not-utf8 byte 29 of what you sent is not valid UTF-8");
    expect_line(a, "** a left: does not speak UTF-8");
    expect_line(a, "-- goodbye");
    peer_expect_end(a);
    expect_line(b, "** a left: does not speak UTF-8");
    peer_close(a);
    peer_close(b);
    chat_stop(server);
}

/* -- time -- */

/* Not more than a moment is given to whoever is behind by a little, also when nothing more comes. A
 * unix socket, because the kernel holds a known amount there: about 200 KiB. */
Test(chat, drops_who_stays_behind)
{
    const char *folder = test_folder();
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--listen",
                       test_text("unix:%s/socket=chat,write-high=64k", folder) },
    });
    int talker = chat_guest(server, "talker", "room");
    int deaf = chat_guest(server, "deaf", "room");
    char text[801] = "", line[1024], *heard = test_allocate(1 << 20);

    expect_line(talker, "** deaf joined");
    memset(text, 'x', 800);
    for (unsigned i = 0; i < 800; i++) {
        peer_send_text(talker, test_text("%.800s\n", text));
        do
            peer_read_line(talker, line, sizeof line);
        while (line[0] == '*'); /* it may be dropped before the last of them */
    }
    server_wait_figure(server, "dropped", 1);
    size_t len = peer_read_until_closed(deaf, heard, 1 << 20);
    static const char goodbye[] = "\n-- you read too slowly, goodbye\n";
    cr_assert_geq(len, 64 * 1024);
    cr_expect_eq((len - strlen(goodbye) + 1) % (strlen("<talker> \n") + 800), 0, "%zu bytes", len);
    cr_expect_eq(memcmp(heard + len - strlen(goodbye), goodbye, strlen(goodbye)), 0);
    free(heard);
    peer_close(talker);
    peer_close(deaf);
    chat_stop(server);
    test_folder_remove(folder);
}

/* Who listens in a room stays; who does not even join goes. */
Test(chat, keeps_silent_members_and_parts_from_idle_guests)
{
    struct server *server = chat_server("idle-timeout=300ms");
    int member = chat_guest(server, "member", "room");
    int guest = chat_guest(server, "guest", NULL);

    expect_line(guest, "-- nothing came from you for a while, goodbye");
    peer_expect_end(guest);
    peer_close(guest);
    cr_expect_not(wait_quietly(member, 700));
    say(member, "still here");
    expect_line(member, "<member> still here");
    peer_close(member);
    chat_stop(server);
}
