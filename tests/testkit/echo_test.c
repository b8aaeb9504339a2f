/* SPDX-License-Identifier: MIT
 *
 * The simulator by its C interface, with a plugin that is compiled into the test.
 */
#include <criterion/criterion.h>

#include <evframe/testkit.h>

static size_t echo_data(evf_stream *stream, evf_slice input)
{
    evf_write_slice(stream, input);
    return input.len;
}

static const struct evf_handler echo_handler = {
    .struct_size = sizeof(struct evf_handler),
    .data = echo_data,
};

EVF_PLUGIN = {
    EVF_PLUGIN_HEADER,
    .name = "echo",
    .version = "1.0.0",
    .handler = &echo_handler,
};

static const struct evf_sim_options options = {
    .struct_size = sizeof options,
    .plugin = &evf_plugin,
};

static void end(evf_sim *sim)
{
    cr_assert(evf_sim_end(sim), "%s", evf_sim_report(sim));
    evf_sim_free(sim);
}

Test(sim, gives_back_what_is_sent)
{
    evf_sim *sim = evf_sim_new(&options);
    evf_sim_peer *a = evf_sim_connect(sim);
    evf_sim_send_text(a, "hello");
    cr_assert(evf_sim_expect_text(a, "hello"));
    evf_sim_close_write(a);
    cr_assert(evf_sim_expect_closed(a));
    end(sim);
}

Test(sim, time_passes_only_when_it_is_told_to)
{
    evf_sim *sim = evf_sim_new(&options);
    evf_sim_peer *a = evf_sim_connect(sim);
    evf_sim_advance(sim, 59999);
    cr_assert(evf_sim_expect_nothing(a));
    cr_assert_not_null(evf_sim_stream(a));
    evf_sim_advance(sim, 2);
    cr_assert(evf_sim_expect_closed(a));
    cr_assert_eq(evf_sim_now(sim), 60001);
    end(sim);
}

static void play(evf_sim *sim, void *argument)
{
    (void)argument;
    evf_sim_peer *a = evf_sim_connect(sim), *b = evf_sim_connect(sim);
    evf_sim_send_text(a, "first, second");
    evf_sim_send_text(b, "other");
    evf_sim_expect_text(a, "first, second");
    evf_sim_close_write(a);
    evf_sim_expect_text(b, "other");
    evf_sim_expect_closed(a);
}

Test(sim, passes_many_seeds_with_all_troubles)
{
    struct evf_sim_options all = options;
    all.troubles = EVF_SIM_ALL;
    cr_assert_eq(evf_sim_seeds(&all, 5000, play, NULL, NULL), 0);
}
