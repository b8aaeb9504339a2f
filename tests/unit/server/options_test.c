/* SPDX-License-Identifier: MIT
 *
 * The server's options: defaults, limits, and a sentence about the first wrong one.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "server/options.h"
#include "server/process.h"

static char error[256];

static int init(struct evf__server_settings *ret, const struct evf_server_options *options)
{
    error[0] = '\0';
    return evf__server_settings_init(ret, options, error, sizeof error);
}

#define OPTIONS(...)                                                                               \
    (&(struct evf_server_options){ .struct_size = sizeof(struct evf_server_options), __VA_ARGS__ })

static void expect_refusal(const struct evf_server_options *options, const char *reason)
{
    struct evf__server_settings settings;
    cr_assert_eq(init(&settings, options), EVF_EOPTION, "for '%s'", reason);
    cr_assert_not_null(strstr(error, reason), "'%s' says '%s'", error, reason);
    evf__server_settings_fini(&settings);
}

Test(server_options, have_defaults_for_everything)
{
    struct evf__server_settings settings;
    cr_assert_eq(init(&settings, NULL), 0, "%s", error);
    cr_assert_eq(settings.workers, evf__process_cpus());
    cr_assert_eq(settings.dispatch, EVF_DISPATCH_LEAST);
    cr_assert_eq(settings.accept, EVF_ACCEPT_SHARED);
    cr_assert_eq(settings.backlog, 4096);
    cr_assert_not(settings.pin);
    cr_assert_eq(settings.defaults.max_connections, 0);
    cr_assert_eq(settings.defaults.limits.idle_timeout_ms, 60000);
    cr_assert_eq(settings.defaults.limits.max_frame, 1024 * 1024);
    cr_assert_eq(settings.defaults.limits.write_high, 256 * 1024);
    cr_assert_eq(settings.defaults.limits.write_max, 8 * 1024 * 1024);
    cr_assert_eq(settings.defaults.limits.linger_ms, 5000);
    cr_assert_eq(settings.defaults.limits.first_byte_ms, 0);
    cr_assert_eq(settings.page_size, 64 * 1024);
    cr_assert_eq(settings.mailbox, 4096);
    cr_assert_eq(settings.offload_threads, 4);
    cr_assert_eq(settings.offload_queue, 1024);
    cr_assert_null(settings.plugin_path);
    cr_assert_eq(settings.log.level, EVF_INFO);
    cr_assert_null(settings.resolver.servers);
    cr_assert_eq(settings.resolver.timeout_ms, 5000);
    evf__server_settings_fini(&settings);
}

Test(server_options, copy_what_is_given)
{
    struct evf__server_settings settings;
    char path[] = "/a:/b", file[] = "/c";
    cr_assert_eq(init(&settings, OPTIONS(.workers = 7, .pin = true, .max_connections = 9,
                                         .idle_timeout_ms = -1, .page_size = 16384,
                                         .plugin_path = path, .log_file = file,
                                         .log_level = 1 + EVF_DEBUG, .log_format = EVF_LOG_JSON)),
                 0, "%s", error);
    memset(path, 0, sizeof path);
    memset(file, 0, sizeof file);
    cr_assert_eq(settings.workers, 7);
    cr_assert(settings.pin);
    cr_assert_eq(settings.defaults.max_connections, 9);
    cr_assert_eq(settings.defaults.limits.idle_timeout_ms, 0, "negative is off");
    cr_assert_eq(settings.page_size, 16384);
    cr_assert_str_eq(settings.plugin_path, "/a:/b");
    cr_assert_str_eq(settings.log.file, "/c");
    cr_assert_eq(settings.log.level, EVF_DEBUG);
    cr_assert(settings.log.json);
    evf__server_settings_fini(&settings);
}

Test(server_options, name_what_is_out_of_range)
{
    expect_refusal(OPTIONS(.workers = 257), "workers is 257: it must be from 1 to 256");
    expect_refusal(OPTIONS(.dispatch = 3), "dispatch is 3");
    expect_refusal(OPTIONS(.accept = 2), "accept is 2");
    expect_refusal(OPTIONS(.backlog = UINT32_MAX), "backlog is 4294967295");
    expect_refusal(OPTIONS(.idle_timeout_ms = (int64_t)1 << 31), "idle-timeout is 2147483648");
    expect_refusal(OPTIONS(.max_frame = (uint64_t)2 << 30), "max-frame is 2147483648");
    expect_refusal(OPTIONS(.page_size = 8192), "page-size is 8192");
    expect_refusal(OPTIONS(.page_size = 2 << 20), "page-size is 2097152");
    expect_refusal(OPTIONS(.page_size = 65537), "page-size is 65537: it must be a power of two");
    expect_refusal(OPTIONS(.mailbox = (1 << 24) + 1), "mailbox is 16777217");
    expect_refusal(OPTIONS(.offload_threads = 257), "offload-threads is 257");
    expect_refusal(OPTIONS(.offload_queue = UINT32_MAX), "offload-queue is 4294967295");
    expect_refusal(OPTIONS(.log_level = 5), "log_level is 5");
    expect_refusal(OPTIONS(.log_format = 2), "log_format is 2");
}

Test(server_options, refuse_what_does_not_go_together)
{
    expect_refusal(OPTIONS(.accept = EVF_ACCEPT_REUSEPORT, .dispatch = EVF_DISPATCH_HASH),
                   "together with accept reuseport");
    expect_refusal(OPTIONS(.write_high = 2000, .write_max = 1000), "write-max is 1000");
}

Test(server_options, raise_the_upper_mark_that_nobody_set)
{
    struct evf__server_settings settings;
    cr_assert_eq(init(&settings, OPTIONS(.write_high = 64 << 20)), 0, "%s", error);
    cr_assert_eq(settings.defaults.limits.write_max, 64 << 20);
    evf__server_settings_fini(&settings);
}

Test(server_options, take_the_struct_of_an_older_caller)
{
    struct evf__server_settings settings;
    struct evf_server_options options = { .workers = 5, .mailbox = 77 };
    options.struct_size = offsetof(struct evf_server_options, mailbox);
    cr_assert_eq(init(&settings, &options), 0, "%s", error);
    cr_assert_eq(settings.workers, 5);
    cr_assert_eq(settings.mailbox, 4096, "what lies behind the struct is not read");
    evf__server_settings_fini(&settings);
}

Test(server_options, refuse_a_struct_without_a_size_and_one_from_the_future)
{
    expect_refusal(&(struct evf_server_options){ .workers = 1 }, "struct_size");
    struct {
        struct evf_server_options known;
        char more[16];
    } future = { .known.struct_size = sizeof future };
    expect_refusal(&future.known, "newer");
}

Test(server_options, check_what_names_are_looked_up_with)
{
    struct evf__server_settings settings;
    char servers[] = "192.0.2.53,[2001:db8::53]:5353";
    cr_assert_eq(init(&settings, OPTIONS(.dns_server = servers, .dns_timeout_ms = 250)), 0);
    servers[0] = 'x';
    cr_assert_str_eq(settings.resolver.servers, "192.0.2.53,[2001:db8::53]:5353");
    cr_assert_eq(settings.resolver.timeout_ms, 250);
    evf__server_settings_fini(&settings);
    expect_refusal(OPTIONS(.dns_server = "192.0.2.53,here"), "dns-server: 'here'");
    expect_refusal(OPTIONS(.dns_server = ""), "dns-server: ''");
    expect_refusal(OPTIONS(.dns_timeout_ms = 0x80000000u), "dns-timeout is 2147483648");
}
