/*
 * Inside of an engine: what its callers and its threads share.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_ENGINE_H
#define FF_STYLE_ENGINE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../base/common.h"
#include "finish.h"
#include "model.h"
#include "request.h"
#include "style.h"

struct StyleEngine {
    StyleContext ctx;
    int64_t max_pixels, max_memory;
    StylePictures pictures;
    int has_requests; ///< of the user: their number stays

    StyleModel model;
    char *name;           ///< the model's file without folder and ending
    char *input, *output; ///< names of the graph's ports
    char (*numbers)[12];  ///< the styles' names when the card has none
    const char **styles;  ///< points into the three above
    StyleInfo info;

    StylePainter *painters; ///< info.requests of them
    pthread_t *threads;     ///< model.counts.workers of them: each paints, or helps others to
    int nb_threads;         ///< how many were started

    int has_lock; ///< whether the next three were initialised
    pthread_mutex_t lock;
    pthread_cond_t
        work; ///< a frame was submitted, or one is painted that others may help with, or the engine closes
    pthread_cond_t done; ///< the frames before `awaited` are ready, or one was taken

    atomic_int called; ///< whether a frame is to be painted: a thread that helps goes and takes it

    // From here on everything is under the lock. The size that there is memory for, and how many at a time:
    int checked_width, checked_height;
    int most_painting, nb_painting;
    int nb_idle; ///< threads that have nothing to do

    // What the next frame is painted with:
    float *chooser; ///< as in StyleRequest
    double strength;
    StyleColors colors;
    double steady;
    int64_t nb_flushes;

    // Frames are numbered from 0; frame n is in slots[n % info.in_flight], and
    // received <= finished <= started <= submitted <= received + info.in_flight.
    StyleRequest *slots;
    uint64_t submitted, started, finished, received;
    StyleFinisher finisher;
    int finishing;    ///< whether a thread uses the finisher
    uint64_t large;   ///< how many of those in flight are not small
    uint64_t awaited; ///< slept for: all frames before this number; 0: none
    int closing;
};

static inline StyleRequest *ff_style_request_of(const StyleEngine *e, uint64_t number)
{
    return &e->slots[number % (uint64_t)e->info.in_flight];
}

/** Under the lock: the frame comes back in its turn, as one that nobody wants. */
static inline void ff_style_cancel(StyleRequest *request)
{
    request->result = -ECANCELED;
    request->is_held = 0;
    request->painted = 1;
}

/* The threads, of workers.c. */

/** Starts them; returns 0, or -ENOMEM after a message. */
int ff_style_start_threads(StyleEngine *e);

/** Ends those that were started. */
void ff_style_stop_threads(StyleEngine *e);

/** Under the lock: tells those who help whether a frame is to be begun, when that may have changed. */
void ff_style_tell_helpers(StyleEngine *e);

/** Under the lock: whether all frames before number `end` are done or received. */
int ff_style_all_done(const StyleEngine *e, uint64_t end);

/** Under the lock: sleeps until all frames before number `end` are done or received. */
void ff_style_wait_for_frames(StyleEngine *e, uint64_t end);

/**
 * Under the lock: finishes the frames that are painted, in their order. One thread does that at a time; those
 * that others paint meanwhile are left to it.
 *
 * @param crew who helps; NULL: nobody
 */
void ff_style_finish_painted(StyleEngine *e, StyleCrew *crew);

#endif
