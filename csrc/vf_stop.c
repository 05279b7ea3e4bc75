/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "vf_stop.h"

#define LOOK_INTERVAL 50000 // microseconds

/** A signal that ends programs, and what the program does then. */
typedef struct Noticed {
    int number;
    int is_noticed;
    struct sigaction before;
} Noticed;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int nb_open;
static Noticed all_noticed[] = {{.number = SIGINT}, {.number = SIGTERM}};
static Noticed *const end_of_noticed =
    all_noticed + sizeof(all_noticed) / sizeof(*all_noticed);
static atomic_int nb_signals;

static void notice(int number, siginfo_t *info, void *context)
{
    const struct sigaction *before =
        &all_noticed[number == all_noticed[1].number].before;

    atomic_fetch_add(&nb_signals, 1);
    if (before->sa_flags & SA_SIGINFO)
        before->sa_sigaction(number, info, context);
    else
        before->sa_handler(number);
}

static int is_handler(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO ||
           (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

static int is_ours(const struct sigaction *action)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == notice;
}

static int is_same(const struct sigaction *a, const struct sigaction *b)
{
    if ((a->sa_flags ^ b->sa_flags) & SA_SIGINFO)
        return 0;
    return a->sa_flags & SA_SIGINFO ? a->sa_sigaction == b->sa_sigaction
                                    : a->sa_handler == b->sa_handler;
}

/**
 * Where another handler has come since ours, it may call ours, which shall not
 * call it in turn. The one from before ours, set again, knows nothing of it.
 */
static void begin(Noticed *one)
{
    struct sigaction now, ours;

    if (sigaction(one->number, NULL, &now))
        return;
    if (is_ours(&now)) {
        one->is_noticed = 1;
        return;
    }
    if (!is_handler(&now) || now.sa_flags & SA_RESETHAND ||
        (one->is_noticed && !is_same(&now, &one->before)))
        return;
    one->before = ours = now;
    ours.sa_flags |= SA_SIGINFO;
    ours.sa_sigaction = notice;
    one->is_noticed = !sigaction(one->number, &ours, NULL);
}

/** Where another handler has come since, both stay: it may call ours. */
static void end(Noticed *one)
{
    struct sigaction now;

    if (one->is_noticed && !sigaction(one->number, NULL, &now) && is_ours(&now))
        one->is_noticed = sigaction(one->number, &one->before, NULL) < 0;
}

void ff_styletransfer_open_stop(StyleStop *stop)
{
    pthread_mutex_lock(&lock);
    nb_open++;
    for (Noticed *one = all_noticed; one < end_of_noticed; one++)
        begin(one);
    pthread_mutex_unlock(&lock);
    stop->seen = atomic_load(&nb_signals);
    stop->is_open = 1;
}

void ff_styletransfer_close_stop(StyleStop *stop)
{
    if (!stop->is_open)
        return;
    stop->is_open = 0;
    pthread_mutex_lock(&lock);
    if (!--nb_open)
        for (Noticed *one = all_noticed; one < end_of_noticed; one++)
            end(one);
    pthread_mutex_unlock(&lock);
}

int ff_styletransfer_is_told_to_end(const StyleStop *stop)
{
    return stop->is_open && atomic_load(&nb_signals) != stop->seen;
}

int ff_styletransfer_receive(const StyleStop *stop, StyleEngine *engine,
                             StyleFrame *frame, int wait)
{
    while (wait > 0 && !ff_style_wait(engine, wait, LOOK_INTERVAL))
        if (ff_styletransfer_is_told_to_end(stop))
            return -EINTR;
    return ff_style_receive(engine, frame, wait);
}
