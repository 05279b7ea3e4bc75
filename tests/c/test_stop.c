/*
 * Tests of vf_stop.c: signals are noticed on their way to the program's handlers, whoever sets them and when.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <signal.h>

#include "test.h"
#include "vf_stop.h"

static volatile sig_atomic_t nb_own, nb_later; // how often each handler was called
static struct sigaction below_later;

static void own(int number)
{
    (void)number;
    nb_own++;
}

/** One that passes on what it gets, as libraries do. */
static void later(int number)
{
    nb_later++;
    below_later.sa_sigaction(number, NULL, NULL);
}

static void set(void (*handler)(int), struct sigaction *before)
{
    struct sigaction action = {.sa_handler = handler};

    CHECK(!sigaction(SIGTERM, &action, before));
}

static int is_set(void (*handler)(int))
{
    struct sigaction now;

    CHECK(!sigaction(SIGTERM, NULL, &now));
    return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == handler;
}

/** Whether a SIGTERM is noticed; each handler is called once, or is not there. */
static int is_noticed(const StyleStop *stop, int has_later)
{
    nb_own = nb_later = 0;
    raise(SIGTERM);
    CHECK(nb_own == 1 && nb_later == has_later);
    return ff_styletransfer_is_told_to_end(stop);
}

static void test_nothing_is_done_without_a_handler(void)
{
    StyleStop stop;

    ff_styletransfer_open_stop(&stop);
    CHECK(is_set(SIG_DFL));
    ff_styletransfer_close_stop(&stop);
    set(SIG_IGN, NULL);
    ff_styletransfer_open_stop(&stop);
    CHECK(is_set(SIG_IGN));
    ff_styletransfer_close_stop(&stop);
}

static void test_the_programs_handler_is_called_and_comes_back(void)
{
    StyleStop first, second;

    set(own, NULL);
    ff_styletransfer_open_stop(&first);
    CHECK(!ff_styletransfer_is_told_to_end(&first) && is_noticed(&first, 0));
    ff_styletransfer_open_stop(&second);
    CHECK(!ff_styletransfer_is_told_to_end(&second));
    ff_styletransfer_close_stop(&first);
    CHECK(is_noticed(&second, 0));
    ff_styletransfer_close_stop(&second);
    CHECK(is_set(own));
}

static void test_one_that_came_since_stays_and_calls_ours_once(void)
{
    StyleStop stop;

    set(own, NULL);
    ff_styletransfer_open_stop(&stop);
    set(later, &below_later);
    CHECK(is_noticed(&stop, 1));
    ff_styletransfer_close_stop(&stop);
    CHECK(is_set(later));
    ff_styletransfer_open_stop(&stop);
    CHECK(is_noticed(&stop, 1));
    ff_styletransfer_close_stop(&stop);
    CHECK(is_set(later));
}

/** Behind the test before, where ours stayed for the one that came since. */
static void test_the_programs_handler_set_again_is_noticed(void)
{
    StyleStop first, second;

    set(own, NULL);
    ff_styletransfer_open_stop(&first);
    CHECK(is_noticed(&first, 0));
    set(own, NULL); // while a filter is open
    ff_styletransfer_open_stop(&second);
    CHECK(is_noticed(&second, 0));
    ff_styletransfer_close_stop(&second);
    ff_styletransfer_close_stop(&first);
    CHECK(is_set(own));
}

/** A program that saves its handler while a filter is open, and puts it back when none is. */
static void test_ours_put_back_does_not_call_itself(void)
{
    struct sigaction saved;
    StyleStop stop;

    set(own, NULL);
    ff_styletransfer_open_stop(&stop);
    CHECK(!sigaction(SIGTERM, NULL, &saved));
    ff_styletransfer_close_stop(&stop);
    CHECK(!sigaction(SIGTERM, &saved, NULL));
    ff_styletransfer_open_stop(&stop);
    CHECK(is_noticed(&stop, 0));
    ff_styletransfer_close_stop(&stop);
    CHECK(is_set(own));
}

int main(void)
{
    test_nothing_is_done_without_a_handler();
    test_the_programs_handler_is_called_and_comes_back();
    test_one_that_came_since_stays_and_calls_ours_once();
    test_the_programs_handler_set_again_is_noticed();
    test_ours_put_back_does_not_call_itself();
    return 0;
}
