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

static void bytes(evf_sim *sim, void *argument)
{
    (void)argument;
    evf_sim_peer *peer = evf_sim_connect(sim);
    evf_sim_send_text(peer, "hello");
    evf_sim_expect_text(peer, "hello");
    evf_sim_send_text(peer, " and ");
    evf_sim_send_text(peer, "goodbye");
    evf_sim_close_write(peer);
    evf_sim_expect_text(peer, " and goodbye");
    evf_sim_expect_closed(peer);
}

Test(myproto, sends_every_byte_back)
{
    passes(bytes, NULL);
}

static void greeted(evf_sim *sim, void *argument)
{
    (void)argument;
    evf_sim_peer *peer = evf_sim_connect(sim);
    evf_sim_expect_text(peer, "welcome\n");
    evf_sim_send_text(peer, "thanks");
    evf_sim_expect_text(peer, "thanks");
}

Test(myproto, greets_when_it_is_told_to)
{
    passes(greeted, "greeting=welcome");
}

/* A peer that sends a lot and reads nothing of it, and then all of it. */
static void slow_reader(evf_sim *sim, void *argument)
{
    (void)argument;
    static char text[5 * MANY];
    for (int i = 0; i < MANY; i++)
        memcpy(text + 5 * i, "12345", 5);
    evf_sim_peer *peer = evf_sim_connect(sim);
    evf_sim_stop_reading(peer);
    evf_sim_send(peer, text, sizeof(text));
    evf_sim_run(sim);
    evf_sim_read(peer);
    evf_sim_expect(peer, text, sizeof(text));
}

Test(myproto, waits_for_a_slow_reader)
{
    struct evf_sim_options with = {
        .struct_size = sizeof(with),
        .troubles = EVF_SIM_MILD,
        .plugin_file = PLUGIN,
        .options = "write-high=1k",
    };
    cr_assert_eq(evf_sim_seeds(&with, 20, slow_reader, NULL, NULL), 0);
}
