/* SPDX-License-Identifier: MIT
 *
 * Assertions: silent when they hold, one line and an abort when they do not.
 */
#include "base/assert.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void break_an_assertion(void)
{
    EVF_ASSERT(1 + 1 == 3);
}

static void break_a_rule(void)
{
    EVF_RULE(1 > 2, "a reason is 0 or negative");
}

/* As a plugin would see it. */
static void evf_some_call(void)
{
    EVF_RULE(1 > 2, "a stream is given");
}

static void break_with_a_long_text(void)
{
    char what[2000];
    memset(what, 'w', sizeof(what) - 1);
    what[sizeof(what) - 1] = '\0';
    evf__assert_failed(what, "file.c", 1, "function");
}

static void keep_every_rule(void)
{
    EVF_ASSERT(1 + 1 == 2);
    EVF_RULE(2 > 1, "the truth");
    EVF_DEBUG_ASSERT(3 > 2);
    _exit(0);
}

/* Runs fn in a process of its own; gives what it wrote to standard error and how it ended. */
static int run(void (*fn)(void), char *text, size_t size)
{
    int ends[2], status;
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        fn();
        _exit(99);
    }
    close(ends[1]);

    size_t len = 0;
    ssize_t count;
    while (len < size - 1 && (count = read(ends[0], text + len, size - 1 - len)) > 0)
        len += (size_t)count;
    text[len] = '\0';
    close(ends[0]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

Test(assertion, says_what_failed_and_where_in_one_line_and_aborts)
{
    char text[1024];
    int status = run(break_an_assertion, text, sizeof(text));

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert_eq(strncmp(text, "evframe: rule broken: 1 + 1 == 3 (", 34), 0, "%s", text);
    cr_assert_not_null(strstr(text, "assert_test.c:"));
    cr_assert_not_null(strstr(text, ", break_an_assertion)\n"));
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
}

Test(assertion, names_the_rule_that_a_caller_broke)
{
    char text[1024];
    int status = run(break_a_rule, text, sizeof(text));

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert_not_null(strstr(text, "a reason is 0 or negative [1 > 2] ("), "%s", text);
}

Test(assertion, names_the_public_function_that_was_called)
{
    char text[1024];
    int status = run(evf_some_call, text, sizeof(text));

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert_eq(
        strncmp(text, "evframe: rule broken: evf_some_call: a stream is given [1 > 2] (", 64), 0,
        "%s", text);
}

Test(assertion, cuts_a_text_that_is_too_long_but_ends_its_line)
{
    char text[4096];
    int status = run(break_with_a_long_text, text, sizeof(text));

    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert_lt(strlen(text), 600);
    cr_assert_eq(text[strlen(text) - 1], '\n');
}

Test(assertion, says_nothing_when_it_holds)
{
    char text[1024];
    int status = run(keep_every_rule, text, sizeof(text));

    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_str_eq(text, "");
}
