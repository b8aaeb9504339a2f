/* SPDX-License-Identifier: MIT
 *
 * The language of scripts: what is read, and what is told of what cannot be.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <evframe/testkit.h>

static void expect_error(const char *text, const char *told)
{
    char error[512] = "";
    evf_sim_script *script =
        evf_sim_script_parse("x.conv", text, strlen(text), error, sizeof error);
    cr_assert_null(script, "read: %s", text);
    cr_assert_not_null(strstr(error, told), "%s\n%s", text, error);
}

Test(script, names_file_and_line_of_what_is_wrong)
{
    expect_error("connect a\n\na send\n", "x.conv:3: a, which is a connection, cannot 'send'; "
                                          "did you mean 'sends'");
    expect_error("a sends \"x\"\n", "x.conv:1: 'a' is nobody");
    expect_error("connect\n", "x.conv:1: a name is wanted behind 'connect'");
    expect_error("connect 1a\n", "'1a' is no name");
    expect_error("connect end\n", "it is a word of the language");
    expect_error("connect a\na sends \"x\n", "x.conv:2: a text has no closing quote");
    expect_error("connect a\na sends \"\\q\"\n", "\\q is not known in a text");
    expect_error("connect a\na sends x\n", "'a sends \"TEXT\"' is wanted");
    expect_error("connect a\na sends \"x\"*y\n", "a number from 0");
    expect_error("connect a\na expects \"x\" ...\n", "'...' stands in front of a text");
    expect_error("connect a\na expects silence\n", "'silence' cannot be expected");
    expect_error("connect a\na ends now\n", "nothing is wanted behind 'ends'");
    expect_error("advance soon\n", "'advance' wants a time");
    expect_error("listen u on 1.2.3.4:80\nu sends \"x\"\n", "u, which listens, cannot 'sends'");
    expect_error("name x is y\n", "'y' is no IP address");
    expect_error("connect a\noptions x=1\n", "'options' stands once, in front");
    expect_error("connect a\na stops\n", "'a stops reading' is wanted");
}

Test(script, is_read_with_all_that_it_may_have)
{
    static const char text[] = "# a comment\n"
                               "options max-line=80\n"
                               "connect a from [2001:db8::7]:4000   # another\n"
                               "listen up on unix:/run/x.sock\n"
                               "name db.example is 192.0.2.1 2001:db8::1\n"
                               "name gone.example is unknown\n"
                               "up refuses\nup hangs\nup answers\nup accepts b\n"
                               "a sends \"a\\r\\n\\t\\0\\x41\\\\\\\"\"\n"
                               "        \"x\"*3 \"y\"\n"
                               "a expects \"one\" ... \"two\"\n"
                               "          ... \"three\"\n"
                               "a expects nothing\na expects end\na expects closed\n"
                               "a expects reset\na stops reading\na reads\n"
                               "a ignores the rest\na ends\nb resets\nadvance 250ms\nrun\n"
                               "stop 5s\nconnect a\n";
    char error[512] = "";
    evf_sim_script *script =
        evf_sim_script_parse("x.conv", text, sizeof text - 1, error, sizeof error);
    cr_assert_not_null(script, "%s", error);
    cr_assert_str_eq(evf_sim_script_options(script), "max-line=80");
    evf_sim_script_free(script);
}
