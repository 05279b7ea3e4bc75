/*
 * Numbers of frames and threads for each kind of machine.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "counts.h"

/* Frames painted at a time by a plan; more would take memory and add delay on the largest machines, whose other
 * threads help. */
#define MOST_REQUESTS 16

/* A frame of more bytes than this is painted by two threads in half the time of one: half as many at a time are as fast,
 * in half the memory. */
#define MANY_BYTES ((int64_t)1 << 27)

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static StyleCounts choose_for_plan(const StyleSettings *settings, int processors)
{
    StyleCounts counts = {settings->requests, settings->threads, 0};

    if (!counts.requests && settings->live)
        counts.requests = 1;
    else if (!counts.requests)
        counts.requests = smaller(larger(processors / larger(counts.threads, 1), 1), MOST_REQUESTS);
    if (counts.threads)
        counts.workers = smaller(counts.requests * counts.threads, FF_STYLE_MAX_THREADS);
    else
        counts.workers = larger(counts.requests, processors);
    if (!counts.threads)
        counts.threads = processors;
    return counts;
}

/** Enough that one frame's reading, writing and smallest layers leave no processor idle. */
static int requests_of_tensorflow(int threads)
{
    return threads < 4 ? 2 : threads < 8 ? 3 : 4;
}

StyleCounts ff_style_choose_counts(const StyleSettings *settings, int has_plan, int processors)
{
    StyleCounts counts = {settings->requests, settings->threads, 0};

    if (has_plan)
        return choose_for_plan(settings, processors);
    if (!counts.requests)
        counts.requests = requests_of_tensorflow(counts.threads ? counts.threads : processors);
    if (!counts.threads)
        counts.threads = counts.requests < processors ? processors : 1;
    counts.workers = counts.requests;
    return counts;
}

int ff_style_frames_that_fit(const StyleCounts *counts, int64_t bytes, int64_t most)
{
    const int half = (counts->requests + 1) / 2;
    const int requests =
        bytes > MANY_BYTES && half * counts->threads >= counts->workers ? half : counts->requests;

    return bytes > most / requests ? (int)(most / bytes > 1 ? most / bytes : 1) : requests;
}
