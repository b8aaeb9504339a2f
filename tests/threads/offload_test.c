/* SPDX-License-Identifier: MIT
 *
 * Offloaded work: each piece is done once on a helper and answered once on the worker, within its
 * bounds, through the stop and after it. The main thread is the worker.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "loop/mailbox.h"
#include "loop/offload.h"

static struct evf__mailbox mailbox;
static struct evf__offload *offload;
static pthread_t worker_thread;

static void make(unsigned threads, unsigned queue)
{
    int status = evf__mailbox_init(&mailbox, 16);
    EXPECT(status == 0, "a mailbox, status %d", status);
    offload = evf__offload_create(threads, queue);
    EXPECT(offload != NULL, "memory");
    worker_thread = pthread_self();
}

static void nothing_is_left(void)
{
    EXPECT(evf__offload_pending(offload) == 0, "nothing pending");
    evf__offload_destroy(offload);
    evf__mailbox_fini(&mailbox);
}

static void run_until(const unsigned *answers, unsigned count)
{
    while (*answers < count) {
        if (evf__mailbox_sleep_sc(&mailbox)) {
            EXPECT(await_readable(mailbox.wake_fd), "answer %u of %u", *answers, count);
            evf__mailbox_awake_sc(&mailbox, true);
        }
        evf__mailbox_run_sc(&mailbox, NULL, 32);
    }
}

static int submit(evf_work_fn *work, evf_done_fn *done, void *argument)
{
    return evf__offload_submit(offload, &mailbox, NULL, work, done, argument);
}

/* -- many pieces, from several threads -- */

enum { PIECES = 2000, SUBMITTERS = 3 };

static struct piece {
    unsigned worked, answered; /* plain: the order is the offload's own doing */
    bool signals_blocked, named;
} pieces[SUBMITTERS * PIECES];
static unsigned answers;

static void work_on_piece(void *argument)
{
    struct piece *piece = argument;
    sigset_t blocked;
    char name[16];
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    piece->signals_blocked = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGCHLD);
    pthread_getname_np(pthread_self(), name, sizeof name);
    piece->named = strncmp(name, "evf-offload-", 12) == 0;
    piece->worked++;
}

static void answer_piece(evf_worker *worker, void *argument)
{
    struct piece *piece = argument;
    EXPECT(worker == NULL && pthread_equal(pthread_self(), worker_thread), "the worker's thread");
    EXPECT(piece->worked == 1, "worked once, not %u times", piece->worked);
    piece->answered++;
    answers++;
}

static void *submit_pieces(void *argument)
{
    struct piece *first = argument;
    uint64_t deadline = clock_ms() + (uint64_t)patience_ms();
    for (unsigned i = 0; i < PIECES;) {
        int status = submit(work_on_piece, answer_piece, &first[i]);
        EXPECT(status == 0 || status == -EAGAIN, "taken or full, status %d", status);
        EXPECT(clock_ms() < deadline, "room in time");
        i += status == 0;
    }
    return NULL;
}

static void answers_each_piece_once_on_the_worker(void)
{
    pthread_t threads[SUBMITTERS];
    make(4, 64);
    for (unsigned i = 0; i < SUBMITTERS; i++)
        threads[i] = start_thread(submit_pieces, &pieces[i * PIECES]);
    run_until(&answers, SUBMITTERS * PIECES);
    for (unsigned i = 0; i < SUBMITTERS; i++)
        join_thread(threads[i]);
    for (unsigned i = 0; i < SUBMITTERS * PIECES; i++) {
        EXPECT(pieces[i].answered == 1, "piece %u answered once", i);
        EXPECT(pieces[i].signals_blocked, "all signals blocked in a helper");
        EXPECT(pieces[i].named, "a helper with a name");
    }
    nothing_is_left();
}

/* -- work that stands still until it is let go -- */

static int began[2], let_go[2]; /* pipes: a byte for each piece */
static unsigned stood;

static void stand_still(void *argument)
{
    char byte = 0;
    (void)argument;
    EXPECT(write(began[1], &byte, 1) == 1, "a pipe");
    EXPECT(read(let_go[0], &byte, 1) == 1, "a pipe");
}

static void note_stood(evf_worker *worker, void *argument)
{
    (void)worker;
    EXPECT(evf__offload_pending(offload) == (uintptr_t)argument, "pending until done begins");
    stood++;
}

static void count_answer(evf_worker *worker, void *argument)
{
    (void)worker;
    ++*(unsigned *)argument;
}

static void make_pipes(void)
{
    EXPECT(pipe(began) == 0 && pipe(let_go) == 0, "pipes");
    stood = 0;
}

static void close_pipes(void)
{
    for (unsigned i = 0; i < 2; i++) {
        close(began[i]);
        close(let_go[i]);
    }
}

static void wait_for_one_to_begin(void)
{
    char byte;
    EXPECT(await_readable(began[0]) && read(began[0], &byte, 1) == 1, "work to begin");
}

static void let_go_of(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        EXPECT(write(let_go[1], "", 1) == 1, "a pipe");
}

static unsigned count_threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    EXPECT(tasks != NULL, "/proc");
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        count += task->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void starts_threads_with_the_work_and_refuses_beyond_its_queue(void)
{
    make_pipes();
    unsigned before = count_threads();
    make(1, 3);
    EXPECT(count_threads() == before, "no thread before the first work");

    EXPECT(submit(stand_still, note_stood, (void *)3) == 0, "taken");
    wait_for_one_to_begin();
    EXPECT(count_threads() == before + 1, "one thread for one piece of work");
    for (uintptr_t left = 3; left-- > 0;)
        EXPECT(submit(stand_still, note_stood, (void *)left) == 0, "taken");
    EXPECT(submit(stand_still, note_stood, NULL) == -EAGAIN, "the queue is full");
    EXPECT(count_threads() == before + 1, "no more threads than were asked for");
    EXPECT(evf__offload_pending(offload) == 4, "one runs, three wait");

    let_go_of(4);
    run_until(&stood, 4);
    EXPECT(submit(stand_still, note_stood, (void *)0) == 0, "room again");
    let_go_of(1);
    run_until(&stood, 5);
    nothing_is_left();
    close_pipes();
}

static void uses_as_many_threads_as_it_may(void)
{
    make_pipes();
    make(3, 3);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(submit(stand_still, count_answer, &stood) == 0, "taken");
    for (unsigned i = 0; i < 3; i++)
        wait_for_one_to_begin(); /* all three stand still at the same time */
    EXPECT(evf__offload_pending(offload) == 3, "three run");
    let_go_of(3);
    run_until(&stood, 3);
    nothing_is_left();
    close_pipes();
}

static void names_work_that_does_not_return(void)
{
    make_pipes();
    make(2, 3);
    uint64_t before = clock_ms();
    EXPECT(submit(stand_still, note_stood, (void *)0) == 0, "taken");
    wait_for_one_to_begin();
    EXPECT(evf__offload_stuck(offload, before) == NULL, "not that long ago");
    EXPECT(evf__offload_stuck(offload, clock_ms() + 1) == stand_still, "the work is named");
    let_go_of(1);
    run_until(&stood, 1);
    nothing_is_left();
    close_pipes();
}

/* -- the stop -- */

static void refuses_when_closed_and_does_what_it_took(void)
{
    make_pipes();
    make(1, 3);
    EXPECT(submit(stand_still, note_stood, (void *)1) == 0, "taken");
    EXPECT(submit(stand_still, note_stood, (void *)0) == 0, "taken");
    evf__offload_close(offload);
    EXPECT(submit(stand_still, note_stood, NULL) == -ESHUTDOWN, "closed");
    let_go_of(2);
    run_until(&stood, 2);
    nothing_is_left();
    close_pipes();
}

static void answers_that_lie_in_a_mailbox_outlive_it(void)
{
    unsigned late = 0;
    make_pipes();
    make(2, 3);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(submit(stand_still, count_answer, &late) == 0, "taken");
    let_go_of(3);
    evf__offload_destroy(offload);
    EXPECT(late == 0, "answers wait in the mailbox");
    run_until(&late, 3);
    evf__mailbox_fini(&mailbox);
    close_pipes();
}

int main(void)
{
    evf__offload_destroy(NULL);
    answers_each_piece_once_on_the_worker();
    starts_threads_with_the_work_and_refuses_beyond_its_queue();
    uses_as_many_threads_as_it_may();
    names_work_that_does_not_return();
    refuses_when_closed_and_does_what_it_took();
    answers_that_lie_in_a_mailbox_outlive_it();
    return 0;
}
