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

/* Texts with NULs in them. */
#define SEND(peer, text) evf_sim_send(peer, text, sizeof(text) - 1)
#define EXPECT(peer, text) evf_sim_expect(peer, text, sizeof(text) - 1)

static void messages(evf_sim *sim, void *argument)
{
    (void)argument;
    evf_sim_peer *peer = evf_sim_connect(sim);
    SEND(peer, "\0\0\0\5hello");
    EXPECT(peer, "\0\0\0\5hello");
    SEND(peer, "\0\0\0\0"
               "\0\0\0\3one"
               "\0\0\0\3two"
               "\0\0\0\10cut");
    EXPECT(peer, "\0\0\0\0"
                 "\0\0\0\3one"
                 "\0\0\0\3two");
    evf_sim_close_write(peer);
    evf_sim_expect_closed(peer);
}

Test(myproto, sends_each_message_back)
{
    passes(messages, NULL);
}

static void too_long(evf_sim *sim, void *argument)
{
    (void)argument;
    evf_sim_peer *peer = evf_sim_connect(sim);
    SEND(peer, "\0\0\0\4four"
               "\0\0\0\5fives"
               "\0\0\0\3one");
    EXPECT(peer, "\0\0\0\4four");
    evf_sim_expect_end(peer);
}

Test(myproto, ends_at_a_message_that_is_too_long)
{
    passes(too_long, "max-message=4");
}

/* A peer that sends a lot and reads nothing of the answers, and then all of them. */
static void slow_reader(evf_sim *sim, void *argument)
{
    (void)argument;
    static char bytes[5 * MANY];
    for (int i = 0; i < MANY; i++)
        memcpy(bytes + 5 * i, "\0\0\0\1x", 5);
    evf_sim_peer *peer = evf_sim_connect(sim);
    evf_sim_stop_reading(peer);
    evf_sim_send(peer, bytes, sizeof(bytes));
    evf_sim_run(sim);
    evf_sim_read(peer);
    evf_sim_expect(peer, bytes, sizeof(bytes));
}

Test(myproto, waits_for_a_slow_reader)
{
    struct evf_sim_options with = {
        .struct_size = sizeof(with),
        .troubles = EVF_SIM_MILD,
        .plugin_file = PLUGIN,
        .options = "write-high=1k,write-max=8k",
    };
    cr_assert_eq(evf_sim_seeds(&with, 20, slow_reader, NULL, NULL), 0);
}
