/* myproto on the simulator: the real plugin file, no sockets, no waiting.
 *
 * Each conversation is played first as it stands, and then with a thousand seeds: input cut
 * anywhere, short writes, slow readers, resets, no memory. What the peer gets must be the same. A
 * seed that fails is printed; EVF_SIM_SEED=N plays it again, with everything that happens.
 */
#include <criterion/criterion.h>

#include <evframe/testkit.h>

#ifndef PLUGIN
#define PLUGIN "./myproto.so"
#endif

enum { SEEDS = 1000, MANY = 20000 };

static void passes(evf_sim_play_fn *play, const char *options)
{
    struct evf_sim_options with = {
        .struct_size = sizeof(with),
        .plugin_file = PLUGIN,
        .options = options,
    };
    cr_assert_eq(evf_sim_seeds(&with, 1, play, NULL, NULL), 0);
    with.troubles = EVF_SIM_ALL;
    cr_assert_eq(evf_sim_seeds(&with, SEEDS, play, NULL, NULL), 0);
}

static void lines(evf_sim *sim, void *argument)
{
    (void)argument;
    evf_sim_peer *peer = evf_sim_connect(sim);
    evf_sim_send_text(peer, "hello\n");
    evf_sim_expect_text(peer, "5\n");
    evf_sim_send_text(peer, "one\r\n\nthree\nlast");
    evf_sim_expect_text(peer, "3\n0\n5\n");
    evf_sim_close_write(peer);
    evf_sim_expect_text(peer, "4\n");
    evf_sim_expect_closed(peer);
}

Test(myproto, answers_each_line_with_its_length)
{
    passes(lines, NULL);
}

static void too_long(evf_sim *sim, void *argument)
{
    (void)argument;
    evf_sim_peer *peer = evf_sim_connect(sim);
    evf_sim_send_text(peer, "1234567\n12345678\nnever read\n");
    evf_sim_expect_text(peer, "7\nline too long\n");
    evf_sim_expect_end(peer);
}

Test(myproto, refuses_a_line_that_is_too_long)
{
    passes(too_long, "max-line=8");
}

/* A peer that sends a lot and reads nothing of the answers, and then all of them. */
static void slow_reader(evf_sim *sim, void *argument)
{
    (void)argument;
    static char asked[2 * MANY], answers[2 * MANY];
    for (int i = 0; i < MANY; i++) {
        memcpy(asked + 2 * i, "x\n", 2);
        memcpy(answers + 2 * i, "1\n", 2);
    }
    evf_sim_peer *peer = evf_sim_connect(sim);
    evf_sim_stop_reading(peer);
    evf_sim_send(peer, asked, sizeof(asked));
    evf_sim_run(sim);
    evf_sim_read(peer);
    evf_sim_expect(peer, answers, sizeof(answers));
}

Test(myproto, waits_for_a_slow_reader)
{
    struct evf_sim_options with = {
        .struct_size = sizeof(with),
        .troubles = EVF_SIM_MILD,
        .plugin_file = PLUGIN,
        .options = "write-high=1k,write-max=2k",
    };
    cr_assert_eq(evf_sim_seeds(&with, 20, slow_reader, NULL, NULL), 0);
}
