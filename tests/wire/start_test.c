/* SPDX-License-Identifier: MIT
 *
 * Starting: the launcher's arguments, plugins and their options, and everything that can be wrong
 * with them.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"
#include "server.h"

static struct server_spec with(const char *listen)
{
    return (struct server_spec){ .arguments = { "--workers", "2", "--listen", listen } };
}

/* The launcher ends with status 1 and says all of these. */
static void fails_saying(const char *listen, const char *one, const char *two, const char *three)
{
    struct server_spec spec = with(listen);

    launcher_refuses(&spec, 1, one);
    launcher_refuses(&spec, 1, two);
    launcher_refuses(&spec, 1, three);
}

Test(start, shows_its_help)
{
    struct launcher_result result =
        launcher_run(&(struct server_spec){ .arguments = { "--help" } });

    cr_expect_eq(result.status, 0);
    cr_expect_not_null(strstr(result.output, "--listen"));
    cr_expect_not_null(strstr(result.output, "--grace"));
    cr_expect_str_eq(result.errors, "");
}

Test(start, shows_the_versions)
{
    struct launcher_result result =
        launcher_run(&(struct server_spec){ .arguments = { "--version" } });

    cr_expect_eq(result.status, 0);
    cr_expect_not_null(strstr(result.output, "evframe"));
    cr_expect_not_null(strstr(result.output, "libevent"));
    cr_expect_not_null(strstr(result.output, "c-ares"));
    cr_expect_not_null(strstr(result.output, "jemalloc"));
    cr_expect_not_null(strstr(result.output, "ABI"));
}

static void bad_usage(const char *first, const char *second, const char *text)
{
    launcher_refuses(&(struct server_spec){ .arguments = { first, second } }, 2, text);
}

Test(start, refuses_bad_usage_with_status_2)
{
    bad_usage("--wrkers", "2", "--workers");
    bad_usage("--workers", "0", "--workers");
    bad_usage("--workers", "many", "many");
    bad_usage("--workers", NULL, "--workers");
    bad_usage("--dispatch", "best", "least");
    bad_usage("--page-size", "100k", "power of two");
    bad_usage("--grace", "soon", "soon");
    bad_usage("--listen", "127.0.0.1:0", "no plugin");
    bad_usage("stray", NULL, "stray");
    launcher_refuses(
        &(struct server_spec){ .arguments = { "--accept", "reuseport", "--dispatch", "least" } }, 2,
        "--dispatch");
}

Test(start, checks_without_starting)
{
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "--check", "--listen", test_listen("127.0.0.1:0", "starter", "fail=start") },
    });

    cr_expect_eq(result.status, 0, "%s", result.errors);
    cr_expect_null(strstr(result.errors, "starter one"), "it was started");
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--check", "--listen", test_listen("127.0.0.1:0", "starter", "fial=x") },
        },
        1, "fail");
}

Test(start, knows_what_to_serve_without_arguments)
{
    struct launcher_result result =
        launcher_run(&(struct server_spec){ .arguments = { "--check" } });

    cr_expect_eq(result.status, 0, "%s", result.errors);
}

/* The soft limit of open files is raised to the hard one, and what was got is told. */
Test(start, raises_its_limit_of_open_files)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen("127.0.0.1:0", "minimal", NULL) },
        .open_files = 777,
        .open_files_soft = 40,
    });

    server_wait_log(server, "777 open files");
    server_stop_cleanly(server);
}

/* Each worker is tied to one CPU. */
Test(start, pins_its_workers)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--pin", "--listen",
                       test_listen("127.0.0.1:0", "minimal", NULL) },
    });
    const char *tasks = test_text("/proc/%d/task", (int)server_pid(server));
    unsigned workers = 0;
    DIR *folder = opendir(tasks);

    cr_assert_not_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char text[8192];
        FILE *file = fopen(test_text("%s/%s/status", tasks, entry->d_name), "r");

        if (file == NULL)
            continue;
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        if (strstr(text, "evf-worker-") == NULL)
            continue;
        workers++;
        const char *cpus = strstr(text, "Cpus_allowed_list:");
        cr_assert_not_null(cpus);
        cr_expect_gt(strcspn(cpus, ",-"), strcspn(cpus, "\n"), "%.60s", cpus);
    }
    closedir(folder);
    cr_expect_eq(workers, 2);
    server_stop_cleanly(server);
}

Test(start, inspects_a_plugin)
{
    struct launcher_result result =
        launcher_run(&(struct server_spec){ .arguments = { "inspect", test_plugin("values") } });

    cr_expect_eq(result.status, 0, "%s", result.errors);
    cr_expect_not_null(strstr(result.output, "values"));
    cr_expect_not_null(strstr(result.output, "1.0.0"));
    cr_expect_not_null(strstr(result.output, "tells its options"));
    cr_expect_not_null(strstr(result.output, "colour"));
    cr_expect_not_null(strstr(result.output, "green"));
    launcher_refuses(&(struct server_spec){ .arguments = { "inspect", "/dev/null" } }, 1,
                     "/dev/null");
}

Test(start, says_which_plugin_was_not_found_and_where_it_looked)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--plugin-path", "/nowhere", "--listen", "127.0.0.1:0=nothing" },
        },
        1, "/nowhere");
    fails_saying("127.0.0.1:0=./nothing.so", "127.0.0.1:0", "nothing.so", "not found");
}

Test(start, says_what_is_no_plugin)
{
    const char *folder = test_folder();
    const char *path = test_text("%s/text.so", folder);
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    fputs("this is no shared object, but it is long enough to look like one to a hasty reader\n",
          file);
    fclose(file);
    fails_saying(test_text("127.0.0.1:0=%s", path), "127.0.0.1:0", "text.so", "ELF");
    test_folder_remove(folder);
}

Test(start, names_the_option_that_is_wrong)
{
    const char *at = "127.0.0.1:0";

    fails_saying(test_listen(at, "values", "must=1,colur=red"), at, "colur", "colour");
    fails_saying(test_listen(at, "values", "must=1,colour=yellow"), "colour", "yellow", "green");
    fails_saying(test_listen(at, "values", "must=1,number=101"), "number", "101", "100");
    fails_saying(test_listen(at, "values", "must=1,number=-6"), "number", "-6", "-5");
    fails_saying(test_listen(at, "values", "must=1,number=1x"), "number", "1x", "number");
    fails_saying(test_listen(at, "values", "must=1,flag=perhaps"), "flag", "perhaps", "yes");
    fails_saying(test_listen(at, "values", "must=1,size=big"), "size", "big", "size");
    fails_saying(test_listen(at, "values", "must=1,time=later"), "time", "later", "ms");
    fails_saying(test_listen(at, "values", "must=1,target=nowhere:at:all"), "target", "nowhere",
                 "address");
    fails_saying(test_listen(at, "values", "must=1,text=a,text=b"), "text", "before", "once");
    fails_saying(test_listen(at, "values", NULL), "must", "must be given", at);
    fails_saying(test_listen(at, "values", "must=1,max-connections=x"), "max-connections", "x", at);
    fails_saying(test_listen(at, "minimal", "anything=1"), "anything", at, "no options");
}

Test(start, gives_a_plugin_its_options_of_every_type)
{
    struct server_spec spec =
        with(test_listen("127.0.0.1:0", "values",
                         "text=Hello\\, World\\\\,number=-5,flag=on,size=64k,time=250ms,"
                         "path=/some/where,target=[::1]:80,colour=blue,word=a,word=b=c,must=it"));
    struct server *server = server_start(&spec);
    int peer = peer_connect(server_address(server, 0));

    peer_expect_text(peer, "text=Hello, World\\\nnumber=-5\nflag=true\nsize=65536\ntime=250\n"
                           "path=/some/where\ntarget=[::1]:80\ncolour=blue\nwords=2\nword=a\n"
                           "word=b=c\nbeyond=-\nmust=it\n");
    peer_expect_end(peer);
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(start, gives_a_plugin_its_defaults)
{
    struct server *server = server_with("1", "values", "must=");
    int peer = peer_connect(server_address(server, 0));

    peer_expect_text(peer, "text=none\nnumber=0\nflag=false\nsize=4096\ntime=2000\npath=-\n"
                           "target=-\ncolour=-\nwords=0\nbeyond=-\nmust=\n");
    peer_expect_end(peer);
    peer_close(peer);
    server_stop_cleanly(server);
}

Test(start, ends_with_the_plugins_own_message)
{
    fails_saying(test_listen("127.0.0.1:0", "starter", "fail=start"),
                 "the moon is in the wrong house", "127.0.0.1:0", "starter");
    fails_saying(test_listen("127.0.0.1:0", "starter", "fail=start-silently"),
                 "Operation not permitted", "127.0.0.1:0", "starter");
    fails_saying(test_listen("127.0.0.1:0", "starter", "fail=worker_start,fail-worker=1"),
                 "worker 1 has no wish to work", "127.0.0.1:0", "starter");
}

/* What succeeded in starting is stopped, nothing else, and nobody is served. */
Test(start, undoes_what_had_started)
{
    struct launcher_result result = launcher_run(&(struct server_spec){
        .arguments = { "--workers", "3", "--listen",
                       test_listen("127.0.0.1:0", "starter", "label=one"), "--listen",
                       test_listen("127.0.0.1:0", "starter",
                                   "label=two,fail=worker_start,fail-worker=2") },
    });
    const char *log = result.errors;

    cr_expect_eq(result.status, 1);
    cr_expect_not_null(strstr(log, "worker 2 has no wish to work"), "%s", log);
    cr_expect_not_null(strstr(log, "one: start, 3 workers, worker 0 unknown"));
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not_null(strstr(log, test_text("one: worker_stop %u", i)));
    cr_expect_not_null(strstr(log, "two: worker_stop 0"));
    cr_expect_not_null(strstr(log, "two: worker_stop 1"));
    cr_expect_null(strstr(log, "two: worker_stop 2"));
    cr_expect_not_null(strstr(log, "one: stop"));
    cr_expect_not_null(strstr(log, "two: stop"));
    cr_expect_null(strstr(log, "listening on"));

    result = launcher_run(&(struct server_spec){
        .arguments = { "--workers", "3", "--listen",
                       test_listen("127.0.0.1:0", "starter", "label=one"), "--listen",
                       test_listen("127.0.0.1:0", "starter", "label=two,fail=start") },
    });
    cr_expect_eq(result.status, 1);
    cr_expect_not_null(strstr(result.errors, "one: stop"));
    cr_expect_null(strstr(result.errors, "two: stop"));
    cr_expect_null(strstr(result.errors, "worker_start 0"));
}

/* A plugin listed for two listeners is two instances, each worker with a state for each. */
Test(start, makes_an_instance_for_each_listener)
{
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "2", "--dispatch", "round-robin", "--listen",
                       test_listen("127.0.0.1:0", "starter", "label=one"), "--listen",
                       test_listen("127.0.0.1:0", "starter", "label=two") },
    });
    bool seen[2] = { false, false };

    for (unsigned listener = 0; listener < 2; listener++) {
        for (unsigned i = 0; i < 4; i++) {
            int peer = peer_connect(server_address(server, listener)), state = 0, worker = 0;
            char line[64], label[16];

            peer_read_line(peer, line, sizeof line);
            cr_assert_eq(sscanf(line, "%15s %d %d", label, &state, &worker), 3, "%s", line);
            cr_expect_str_eq(label, listener == 0 ? "one" : "two");
            cr_expect_eq(state, 41);
            cr_assert(worker == 100 || worker == 101);
            seen[worker - 100] = true;
            peer_close(peer);
        }
    }
    cr_expect(seen[0] && seen[1]);
    server_stop_cleanly(server);
}

/* The log file, and SIGHUP for its rotation. */
Test(start, writes_its_log_to_a_file_and_opens_it_anew)
{
    const char *folder = test_folder();
    const char *path = test_text("%s/log", folder);
    const char *old = test_text("%s/log.1", folder);
    struct server *server = server_start(&(struct server_spec){
        .arguments = { "--workers", "1", "--listen", test_listen("127.0.0.1:0", "shout", NULL) },
        .log_file = path,
    });
    int peer = peer_connect(server_address(server, 0));
    char text[4096] = "";
    FILE *file = NULL;

    peer_send_text(peer, "one");
    server_wait_log(server, "heard <one>");
    cr_assert_eq(rename(path, old), 0);
    peer_expect_text(peer, "logged\n");
    server_signal(server, SIGHUP);
    uint64_t deadline = deadline_usual();
    for (unsigned i = 0; strstr(text, "heard <later") == NULL && deadline_left(deadline) > 0; i++) {
        peer_send_text(peer, "later");
        peer_expect_text(peer, "logged\n");
        file = fopen(path, "r");
        if (file == NULL)
            continue;
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    cr_expect_not_null(strstr(text, "heard <later"));
    peer_close(peer);
    server_signal(server, SIGTERM);
    server_ended(server, 0);
    test_folder_remove(folder);
}

Test(start, reports_a_log_file_that_cannot_be_written)
{
    launcher_refuses(
        &(struct server_spec){
            .arguments = { "--log-file", "/nowhere/log", "--listen",
                           test_listen("127.0.0.1:0", "minimal", NULL) },
        },
        1, "/nowhere/log");
}
