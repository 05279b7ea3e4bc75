/*
 * The engine's threads: each paints frames or helps others to, and finishes in their order those that are painted.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "engine.h"

int ff_style_all_done(const StyleEngine *e, uint64_t end)
{
    for (uint64_t number = e->received; number < end; number++)
        if (!ff_style_request_of(e, number)->done)
            return 0;
    return 1;
}

void ff_style_wait_for_frames(StyleEngine *e, uint64_t end)
{
    while (!ff_style_all_done(e, end)) {
        if (!e->awaited || end < e->awaited)
            e->awaited = end;
        pthread_cond_wait(&e->done, &e->lock);
    }
}

/** Called under the lock; lets go of it to wake others, who then find it free. */
static void tell_done(StyleEngine *e, StyleRequest *request)
{
    int awaited;

    request->done = 1;
    awaited = e->awaited && ff_style_all_done(e, e->awaited);
    if (awaited)
        e->awaited = 0; // who goes on waiting says so again
    pthread_mutex_unlock(&e->lock);
    if (awaited)
        pthread_cond_broadcast(&e->done);
    pthread_mutex_lock(&e->lock);
}

void ff_style_finish_painted(StyleEngine *e, StyleCrew *crew)
{
    if (e->finishing)
        return;
    e->finishing = 1;
    while (e->finished < e->started && ff_style_request_of(e, e->finished)->painted) {
        StyleRequest *const request = ff_style_request_of(e, e->finished);
        StyleCrew *const helpers = crew && !ff_style_has_given_up(crew) ? crew : NULL;

        pthread_mutex_unlock(&e->lock);
        ff_style_finish_request(&e->finisher, helpers, request);
        pthread_mutex_lock(&e->lock);
        if (helpers && ff_style_has_given_up(helpers)) { // it was flushed meanwhile
            ff_style_cancel(request);
            ff_style_forget(&e->finisher.steady); // neither is whole
        }
        e->finished++;
        if (!request->done)
            tell_done(e, request);
    }
    e->finishing = 0;
}

/** Under the lock: whether a frame may be begun. */
static int may_begin(const StyleEngine *e)
{
    return e->started < e->submitted && e->nb_painting < e->most_painting;
}

void ff_style_tell_helpers(StyleEngine *e)
{
    atomic_store(&e->called, may_begin(e));
}

/**
 * Under the lock, while a frame may be begun: the first that is idle, so that no more of them take memory than frames
 * are painted at a time.
 */
static StylePainter *find_painter(const StyleEngine *e)
{
    StylePainter *painter = e->painters;

    while (painter->is_busy)
        painter++;
    return painter;
}

/** Under the lock: takes the next frame, paints it and finishes it. */
static void paint_next(StyleEngine *e)
{
    StyleRequest *const request = ff_style_request_of(e, e->started++);
    StylePainter *const painter = find_painter(e);
    StyleCrew *const crew = e->model.plan ? &painter->crew : NULL;

    e->nb_painting++;
    painter->is_busy = 1;
    ff_style_tell_helpers(e);
    if (crew) {
        ff_style_begin_crew(crew, e->info.threads - 1);
        if (e->nb_idle && e->info.threads > 1)
            pthread_cond_broadcast(&e->work);
    }
    pthread_mutex_unlock(&e->lock);
    ff_style_prepare_request(request);
    ff_style_paint(&e->model, painter, request);
    pthread_mutex_lock(&e->lock);
    request->painted = 1;
    if (crew && ff_style_has_given_up(crew))
        ff_style_cancel(request);
    ff_style_finish_painted(e, crew); // those who helped to paint help with that too
    if (crew) {
        pthread_mutex_unlock(&e->lock);
        ff_style_end_crew(crew);
        pthread_mutex_lock(&e->lock);
    }
    painter->is_busy = 0;
    e->nb_painting--;
    ff_style_tell_helpers(e);
    if (e->nb_idle && may_begin(e))
        pthread_cond_signal(&e->work);
}

/** Under the lock: the crew that paints, has room for a helper, and has the fewest; NULL: there is none. */
static StyleCrew *find_work(StyleEngine *e)
{
    StyleCrew *found = NULL;
    int fewest = e->info.threads - 1;

    for (int i = 0; i < e->info.requests && e->model.plan; i++) {
        StylePainter *const one = &e->painters[i];
        const int helpers = ff_style_count_helpers(&one->crew);

        if (one->is_busy && helpers < fewest) {
            found = &one->crew;
            fewest = helpers;
        }
    }
    return found;
}

/** Under the lock: helps another thread with its frame; returns 0 where nobody needs help. */
static int help_somebody(StyleEngine *e)
{
    StyleCrew *const found = find_work(e);

    if (!found)
        return 0;
    pthread_mutex_unlock(&e->lock);
    ff_style_help(found, &e->called);
    pthread_mutex_lock(&e->lock);
    return 1; // even where it came too late: another may need help since
}

static void *work(void *arg)
{
    StyleEngine *const e = arg;

    pthread_mutex_lock(&e->lock);
    while (!e->closing) {
        if (may_begin(e)) {
            paint_next(e);
        } else if (!help_somebody(e) && !may_begin(e) && !e->closing) {
            e->nb_idle++;
            pthread_cond_wait(&e->work, &e->lock);
            e->nb_idle--;
        }
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static int open_painters(StyleEngine *e)
{
    const size_t count = (size_t)e->info.requests;
    int ret = 0;

    if (!(e->painters = ff_style_alloc(&e->ctx, count * sizeof(*e->painters))))
        return -ENOMEM;
    for (size_t i = 0; i < count && ret >= 0; i++)
        ret = ff_style_open_painter(&e->ctx, &e->model, &e->painters[i]);
    return ret;
}

int ff_style_start_threads(StyleEngine *e)
{
    const int count = e->model.counts.workers;
    int ret;

    e->most_painting = e->info.requests;
    if ((ret = open_painters(e)) < 0)
        return ret;
    if (!(e->threads = ff_style_alloc(&e->ctx, (size_t)count * sizeof(*e->threads))))
        return -ENOMEM;
    e->has_lock = !pthread_mutex_init(&e->lock, NULL) && !pthread_cond_init(&e->work, NULL) &&
                  !pthread_cond_init(&e->done, NULL);
    if (!e->has_lock)
        return ff_style_error(&e->ctx, -ENOMEM, "the system gives no lock");
    for (int i = 0; i < count; i++) {
        const int error = pthread_create(&e->threads[i], NULL, work, e);

        if (error)
            return ff_style_error(&e->ctx, -ENOMEM,
                                  "thread %d of %d can't be started: %s; take fewer requests",
                                  i + 1, count, strerror(error));
        pthread_mutex_lock(&e->lock);
        e->nb_threads++;
        pthread_mutex_unlock(&e->lock);
    }
    return 0;
}

void ff_style_stop_threads(StyleEngine *e)
{
    if (!e->has_lock)
        return;
    pthread_mutex_lock(&e->lock);
    e->closing = 1;
    pthread_cond_broadcast(&e->work);
    pthread_mutex_unlock(&e->lock);
    for (int i = 0; i < e->nb_threads; i++)
        pthread_join(e->threads[i], NULL);
    pthread_cond_destroy(&e->done);
    pthread_cond_destroy(&e->work);
    pthread_mutex_destroy(&e->lock);
}
