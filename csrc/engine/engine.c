/*
 * The public functions: open, submit, receive, flush and close, and the threads between them.
 *
 * This file is part of ffmpeg-style.
 *
 * ffmpeg-style is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * ffmpeg-style is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with ffmpeg-style; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/common.h"
#include "../graph/budget.h"
#include "../styletransfer.h"
#include "finish.h"
#include "model.h"
#include "request.h"
#include "style.h"

/** A thread that paints, or helps others to. */
typedef struct Worker {
    StyleEngine *engine;
    StylePainter painter;
    int is_painting; ///< under the lock: whether others may help
    pthread_t thread;
} Worker;

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

    Worker *workers; ///< model.counts.workers of them
    int nb_threads;  ///< how many were started

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

static void *default_alloc(void *opaque, size_t size)
{
    (void)opaque;
    return malloc(size);
}

static void default_free(void *opaque, void *ptr)
{
    (void)opaque;
    free(ptr);
}

void ff_style_default_settings(StyleSettings *settings)
{
    *settings = (StyleSettings){
        .strength = 1,
        .steady = FF_STYLE_DEFAULT_STEADY,
        .max_pixels = (int64_t)1 << 26,
        .max_model_bytes = (size_t)1 << 29,
        .alloc = default_alloc,
        .free = default_free,
    };
}

static int check_strength(const StyleContext *ctx, double strength)
{
    if (strength >= 0 && strength <= 1)
        return 0;
    return ff_style_error(ctx, -EINVAL,
                          "strength is %g; expected 0 (the source) to 1 (the painting)", strength);
}

static int check_steady(const StyleContext *ctx, double steady)
{
    if (steady >= 0 && steady <= 1)
        return 0;
    return ff_style_error(ctx, -EINVAL,
                          "steady is %g; expected 0 (each frame by itself) to 1 (as steady as the "
                          "source)",
                          steady);
}

static int check_choice(const StyleContext *ctx, const char *name, int value, int last)
{
    if (value >= 0 && value <= last)
        return 0;
    return ff_style_error(ctx, -EINVAL, "%s is %d; expected a value of its enumeration, 0 to %d",
                          name, value, last);
}

static int check_count(const StyleContext *ctx, const char *name, int value, int last)
{
    if (value >= 0 && value <= last)
        return 0;
    return ff_style_error(ctx, -EINVAL, "%s is %d; expected 1 to %d, or 0 for auto", name, value,
                          last);
}

static int check_settings(const StyleContext *ctx, const StyleSettings *settings)
{
    int ret;

    if (!settings->model || !*settings->model)
        return ff_style_error(ctx, -EINVAL,
                              "no model is given; expected the path of a frozen "
                              "graph (.pb) as 'model'");
    if (settings->max_memory < 0)
        return ff_style_error(ctx, -EINVAL, "max_memory is %lld; expected 1 or more, or 0 for auto",
                              (long long)settings->max_memory);
    if (settings->max_pixels < 1)
        return ff_style_error(ctx, -EINVAL, "max_pixels is %lld; expected 1 or more",
                              (long long)settings->max_pixels);
    if ((ret = check_strength(ctx, settings->strength)) < 0 ||
        (ret = check_steady(ctx, settings->steady)) < 0 ||
        (ret = check_choice(ctx, "colors", (int)settings->colors, FF_STYLE_COLORS_CONTENT)) < 0 ||
        (ret = check_choice(ctx, "precision", (int)settings->precision, FF_STYLE_PRECISION_BF16)) <
            0 ||
        (ret = check_choice(ctx, "runtime", (int)settings->runtime, FF_STYLE_RUNTIME_TENSORFLOW)) <
            0 ||
        (ret = check_choice(ctx, "range", (int)settings->range, FF_STYLE_RANGE_SIGNED)) < 0 ||
        (ret = check_choice(ctx, "input_range", (int)settings->input_range,
                            FF_STYLE_RANGE_SIGNED)) < 0 ||
        (ret = check_choice(ctx, "output_range", (int)settings->output_range,
                            FF_STYLE_RANGE_SIGNED)) < 0 ||
        (ret = check_count(ctx, "requests", settings->requests, FF_STYLE_MAX_REQUESTS)) < 0)
        return ret;
    return check_count(ctx, "threads", settings->threads, FF_STYLE_MAX_THREADS);
}

static int64_t memory_of(const StyleSettings *settings)
{
    return settings->max_memory ? settings->max_memory : ff_style_free_memory();
}

int ff_style_check(const StyleSettings *settings)
{
    const StyleContext ctx = {settings->opaque, settings->log, settings->alloc, settings->free, 0};
    StyleModel model = {0};
    int ret;

    if ((ret = check_settings(&ctx, settings)) < 0)
        return ret;
    ret = ff_style_read_model(&ctx, settings, &model);
    if (ret >= 0 && model.predictor.is_predictor)
        ret = ff_style_check_style(&ctx, settings, &model);
    ff_style_close_model(&ctx, &model);
    return ret;
}

/** "wave" for "models/wave.pb". */
static int name_by_file(StyleEngine *e, const char *path)
{
    const char *const slash = strrchr(path, '/');
    const char *const start = slash ? slash + 1 : path;
    const char *const dot = strrchr(start, '.');

    e->name = ff_style_copy(&e->ctx, start, dot > start ? (size_t)(dot - start) : strlen(start));
    return e->name ? 0 : -ENOMEM;
}

static int name_styles(StyleEngine *e)
{
    const int count = e->model.signature.nb_styles;

    if (!(e->styles = ff_style_alloc(&e->ctx, (size_t)count * sizeof(*e->styles))) ||
        !(e->numbers = ff_style_alloc(&e->ctx, (size_t)count * sizeof(*e->numbers))))
        return -ENOMEM;
    for (int i = 0; i < count; i++) {
        snprintf(e->numbers[i], sizeof(e->numbers[i]), "%d", i);
        if (e->model.card.nb_styles == count)
            e->styles[i] = e->model.card.styles[i];
        else
            e->styles[i] = count == 1 ? e->info.name : e->numbers[i];
    }
    return 0;
}

static char *copy_name(const StyleEngine *e, StyleSource source)
{
    const StyleSpan name = e->model.nodes.nodes[source.node].name;

    return ff_style_copy(&e->ctx, (const char *)name.data, name.size);
}

static int fill_info(StyleEngine *e, const StyleSettings *settings)
{
    const StyleModel *model = &e->model;
    int ret;

    if ((ret = name_by_file(e, settings->model)) < 0)
        return ret;
    if (!(e->input = copy_name(e, model->signature.input.source)) ||
        !(e->output = copy_name(e, model->signature.output.source)))
        return -ENOMEM;
    e->info = (StyleInfo){
        .name = model->card.name ? model->card.name : e->name,
        .card = model->card.text,
        .nb_styles = model->signature.nb_styles,
        .takes_pictures = model->predictor.is_predictor && e->pictures.open,
        .width = model->signature.width,
        .height = model->signature.height,
        .input = e->input,
        .output = e->output,
        .runtime = model->plan ? FF_STYLE_RUNTIME_OWN : FF_STYLE_RUNTIME_TENSORFLOW,
        .precision = model->precision,
        .device = model->plan ? "cpu" : model->session.device,
        .requests = model->counts.requests,
        // The others wait for a thread, so that no thread waits for a frame while the caller sleeps for several.
        .in_flight = 4 * model->counts.requests,
        .threads = model->counts.threads,
        .library = model->tf ? model->tf->path : NULL,
        .version = model->tf ? model->tf->Version() : NULL,
    };
    if ((ret = name_styles(e)) < 0)
        return ret;
    e->info.styles = e->styles;
    return 0;
}

static int read_style(const StyleEngine *e, const char *style, float *chooser)
{
    return ff_style_read_style(&e->ctx, &e->pictures, &e->model, e->styles, e->info.nb_styles,
                               style, chooser);
}

/** Bytes of what chooses a style. */
static size_t chooser_size(const StyleEngine *e)
{
    return (size_t)e->model.signature.nb_values * sizeof(*e->chooser);
}

static int open_slots(StyleEngine *e, const StyleSettings *settings)
{
    const size_t count = (size_t)e->info.in_flight;
    const size_t size = chooser_size(e);

    if (!(e->chooser = ff_style_alloc(&e->ctx, size)) ||
        !(e->slots = ff_style_alloc(&e->ctx, count * sizeof(*e->slots))))
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!(e->slots[i].chooser = ff_style_alloc(&e->ctx, size)))
            return -ENOMEM;
    e->strength = settings->strength;
    e->colors = settings->colors;
    e->steady = settings->steady;
    if (ff_style_open_finisher(&e->ctx, e->model.signature.nb_values, &e->finisher) < 0)
        return -ENOMEM;
    return read_style(e, settings->style, e->chooser);
}

static StyleRequest *request_of(StyleEngine *e, uint64_t number)
{
    return &e->slots[number % (uint64_t)e->info.in_flight];
}

/** Under the lock: whether all frames before number `end` are done or received. */
static int all_done(StyleEngine *e, uint64_t end)
{
    for (uint64_t number = e->received; number < end; number++)
        if (!request_of(e, number)->done)
            return 0;
    return 1;
}

/** Under the lock: sleeps until all frames before number `end` are done or received. */
static void wait_for(StyleEngine *e, uint64_t end)
{
    while (!all_done(e, end)) {
        if (!e->awaited || end < e->awaited)
            e->awaited = end;
        pthread_cond_wait(&e->done, &e->lock);
    }
}

/** Under the lock: the same for the oldest `count` frames in flight, or all if there are fewer. */
static void wait_for_oldest(StyleEngine *e, uint64_t count)
{
    const uint64_t in_flight = e->submitted - e->received;

    wait_for(e, e->received + (count < in_flight ? count : in_flight));
}

/** Called under the lock; lets go of it to wake others, who then find it free. */
static void tell_done(StyleEngine *e, StyleRequest *request)
{
    int awaited;

    request->done = 1;
    awaited = e->awaited && all_done(e, e->awaited);
    if (awaited)
        e->awaited = 0; // who goes on waiting says so again
    pthread_mutex_unlock(&e->lock);
    if (awaited)
        pthread_cond_broadcast(&e->done);
    pthread_mutex_lock(&e->lock);
}

/**
 * Under the lock: finishes the frames that are painted, in their order. One thread does that at a time; those
 * that others paint meanwhile are left to it.
 */
static void finish_painted(StyleEngine *e)
{
    if (e->finishing)
        return;
    e->finishing = 1;
    while (e->finished < e->started && request_of(e, e->finished)->painted) {
        StyleRequest *const request = request_of(e, e->finished);

        pthread_mutex_unlock(&e->lock);
        ff_style_finish_request(&e->finisher, request);
        pthread_mutex_lock(&e->lock);
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

/** Under the lock: the same for those who help, when it may have changed. */
static void tell_helpers(StyleEngine *e)
{
    atomic_store(&e->called, may_begin(e));
}

/** Under the lock: takes the next frame, paints it and finishes it. */
static void paint_next(Worker *worker)
{
    StyleEngine *const e = worker->engine;
    StyleRequest *const request = request_of(e, e->started++);

    e->nb_painting++;
    tell_helpers(e);
    if (e->model.plan) {
        ff_style_begin_crew(&worker->painter.crew, e->info.threads - 1);
        worker->is_painting = 1;
        if (e->nb_idle && e->info.threads > 1)
            pthread_cond_broadcast(&e->work);
    }
    pthread_mutex_unlock(&e->lock);
    ff_style_prepare_request(request);
    ff_style_paint(&e->model, &worker->painter, request);
    if (e->model.plan)
        ff_style_end_crew(&worker->painter.crew);
    pthread_mutex_lock(&e->lock);
    worker->is_painting = 0;
    e->nb_painting--;
    tell_helpers(e);
    if (e->nb_idle && may_begin(e))
        pthread_cond_signal(&e->work); // while this thread finishes what is painted
    request->painted = 1;
    finish_painted(e);
}

/** Under the lock: who is painting, has room for a helper, and has the fewest; NULL: nobody. */
static Worker *find_work(StyleEngine *e)
{
    Worker *found = NULL;
    int fewest = e->info.threads - 1;

    for (int i = 0; i < e->nb_threads; i++) {
        Worker *const one = &e->workers[i];
        const int helpers = ff_style_count_helpers(&one->painter.crew);

        if (one->is_painting && helpers < fewest) {
            found = one;
            fewest = helpers;
        }
    }
    return found;
}

/** Under the lock: helps another thread with its frame; returns whether it could. */
static int help_somebody(StyleEngine *e)
{
    Worker *const found = find_work(e);
    int helped;

    if (!found)
        return 0;
    pthread_mutex_unlock(&e->lock);
    helped = ff_style_help(&found->painter.crew, &e->called);
    pthread_mutex_lock(&e->lock);
    return helped;
}

static void *work(void *arg)
{
    Worker *worker = arg;
    StyleEngine *e = worker->engine;

    pthread_mutex_lock(&e->lock);
    while (!e->closing) {
        if (may_begin(e)) {
            paint_next(worker);
        } else if (!help_somebody(e) && !may_begin(e) && !e->closing) {
            e->nb_idle++;
            pthread_cond_wait(&e->work, &e->lock);
            e->nb_idle--;
        }
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

static int start_threads(StyleEngine *e)
{
    const int count = e->model.counts.workers;
    const size_t size = (size_t)count * sizeof(*e->workers);

    e->most_painting = e->info.requests;
    if (!(e->workers = ff_style_alloc(&e->ctx, size)))
        return -ENOMEM;
    e->has_lock = !pthread_mutex_init(&e->lock, NULL) && !pthread_cond_init(&e->work, NULL) &&
                  !pthread_cond_init(&e->done, NULL);
    if (!e->has_lock)
        return ff_style_error(&e->ctx, -ENOMEM, "the system gives no lock");
    for (int i = 0; i < count; i++) {
        Worker *const worker = &e->workers[i];
        int ret, error;

        worker->engine = e;
        if ((ret = ff_style_open_painter(&e->ctx, &e->model, &worker->painter)) < 0)
            return ret;
        if ((error = pthread_create(&worker->thread, NULL, work, worker)))
            return ff_style_error(&e->ctx, -ENOMEM,
                                  "thread %d of %d can't be started: %s; take fewer requests",
                                  i + 1, count, strerror(error));
        pthread_mutex_lock(&e->lock);
        e->nb_threads++;
        pthread_mutex_unlock(&e->lock);
    }
    return 0;
}

/** Opens everything with signals blocked: new threads inherit that, and leave them to the caller's. */
static int open_engine(StyleEngine *e, const StyleSettings *settings)
{
    sigset_t all, before;
    int ret;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if ((ret = ff_style_read_model(&e->ctx, settings, &e->model)) >= 0 &&
        (ret = ff_style_open_model(&e->ctx, settings, &e->model)) >= 0 &&
        (ret = fill_info(e, settings)) >= 0 && (ret = open_slots(e, settings)) >= 0)
        ret = start_threads(e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ret;
}

/** What runs the model, and why. */
static void tell_runtime(const StyleEngine *e)
{
    const StyleInfo *const info = &e->info;
    const char *const type = info->precision == FF_STYLE_PRECISION_BF16 ? "bfloat16" : "float32";

    if (e->model.plan) {
        ff_style_log(&e->ctx, FF_STYLE_LOG_DEBUG, "the network runs on kernels of our own");
        ff_style_log(&e->ctx, FF_STYLE_LOG_INFO,
                     "model '%s' (%d styles) is run by the engine itself, on %s in %s, %d frames "
                     "at a time: it knows every operation",
                     info->name, info->nb_styles, info->device, type, info->requests);
    } else {
        ff_style_log(&e->ctx, FF_STYLE_LOG_INFO,
                     "model '%s' (%d styles) is run by TensorFlow %s, on %s in %s, %d frames at a "
                     "time, %d threads: %s",
                     info->name, info->nb_styles, info->version, info->device, type, info->requests,
                     info->threads, e->model.why);
    }
}

int ff_style_open(StyleEngine **engine, const StyleSettings *settings)
{
    const StyleContext ctx = {settings->opaque, settings->log, settings->alloc, settings->free, 0};
    StyleEngine *e;
    int ret;

    *engine = NULL;
    if ((ret = check_settings(&ctx, settings)) < 0)
        return ret;
    if (!(e = ff_style_alloc(&ctx, sizeof(*e))))
        return -ENOMEM;
    e->ctx = ctx;
    e->max_pixels = settings->max_pixels;
    e->pictures = ff_style_pictures_of(settings);
    e->max_memory = memory_of(settings);
    e->has_requests = settings->requests > 0;
    if ((ret = open_engine(e, settings)) < 0)
        goto fail;
    tell_runtime(e);
    *engine = e;
    return 0;

fail:
    ff_style_close(&e);
    return ret;
}

const StyleInfo *ff_style_info(const StyleEngine *e)
{
    return &e->info;
}

/** Whether there is memory for so many frames at a time. Sizes that are as before are not reckoned again. */
static int check_memory(StyleEngine *e, int width, int height)
{
    int64_t bytes;
    int is_new, requests;

    pthread_mutex_lock(&e->lock);
    is_new = width != e->checked_width || height != e->checked_height;
    pthread_mutex_unlock(&e->lock);
    if (!is_new)
        return 0;
    bytes = ff_style_frame_bytes(&e->ctx, &e->model.nodes, &e->model.signature, width, height);
    if (bytes < 0)
        return (int)bytes;
    requests = e->has_requests ? e->info.requests
                               : ff_style_frames_that_fit(e->info.requests, bytes, e->max_memory);
    if (bytes > e->max_memory / requests)
        return ff_style_error(&e->ctx, -EFBIG,
                              "a frame of %dx%d pixels takes about %.1f GB in this model, %d are "
                              "painted at a time, and the limit is %.1f GB: scale the frames down, "
                              "or take fewer requests",
                              width, height, (double)bytes / 1e9, requests,
                              (double)e->max_memory / 1e9);
    if (requests < e->info.requests)
        ff_style_log(&e->ctx, FF_STYLE_LOG_DEBUG,
                     "of %dx%d pixels, %d frames are painted at a time: the memory is for no more",
                     width, height, requests);
    pthread_mutex_lock(&e->lock);
    e->checked_width = width;
    e->checked_height = height;
    e->most_painting = requests;
    pthread_mutex_unlock(&e->lock);
    return 0;
}

int ff_style_check_size(StyleEngine *e, int width, int height)
{
    const StyleSignature *graph = &e->model.signature;
    char wanted[64] = "";

    if (width < graph->min_size || height < graph->min_size)
        return ff_style_error(&e->ctx, -EINVAL,
                              "the frame has %dx%d pixels, and the model needs %dx%d or more",
                              width, height, graph->min_size, graph->min_size);
    if ((graph->width && width != graph->width) || (graph->height && height != graph->height)) {
        ff_style_append(wanted, sizeof(wanted), graph->width ? "%d" : "any ", graph->width);
        ff_style_append(wanted, sizeof(wanted), graph->height ? "x%d" : "x any", graph->height);
        return ff_style_error(&e->ctx, -EINVAL,
                              "the frame has %dx%d pixels, and the model is made for %s only: "
                              "scale to that before, or take a model for any size",
                              width, height, wanted);
    }
    if ((int64_t)width * height > e->max_pixels)
        return ff_style_error(&e->ctx, -EFBIG,
                              "the frame has %dx%d pixels, and the limit is %lld pixels", width,
                              height, (long long)e->max_pixels);
    return check_memory(e, width, height);
}

int ff_style_set_style(StyleEngine *e, const char *style)
{
    const size_t size = chooser_size(e);
    float *chooser = ff_style_alloc(&e->ctx, size);
    int ret;

    if (!chooser)
        return -ENOMEM;
    // Not under the lock: a log callback may wait for a lock of the caller's.
    ret = read_style(e, style, chooser);
    if (ret >= 0) {
        pthread_mutex_lock(&e->lock);
        memcpy(e->chooser, chooser, size);
        pthread_mutex_unlock(&e->lock);
    }
    ff_style_free(&e->ctx, chooser);
    return ret;
}

int ff_style_set_strength(StyleEngine *e, double strength)
{
    const int ret = check_strength(&e->ctx, strength);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&e->lock);
    e->strength = strength;
    pthread_mutex_unlock(&e->lock);
    return 0;
}

int ff_style_set_colors(StyleEngine *e, StyleColors colors)
{
    const int ret = check_choice(&e->ctx, "colors", (int)colors, FF_STYLE_COLORS_CONTENT);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&e->lock);
    e->colors = colors;
    pthread_mutex_unlock(&e->lock);
    return 0;
}

int ff_style_set_steady(StyleEngine *e, double steady)
{
    const int ret = check_steady(&e->ctx, steady);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&e->lock);
    e->steady = steady;
    pthread_mutex_unlock(&e->lock);
    return 0;
}

static int check_frame(StyleEngine *e, const StyleFrame *frame)
{
    const int ret = ff_style_check_size(e, frame->width, frame->height);
    const int64_t row = 3 * (int64_t)frame->width;

    if (ret < 0)
        return ret;
    if (!frame->src || !frame->dst)
        return ff_style_error(&e->ctx, -EINVAL, "the frame has no pixels (src or dst is NULL)");
    if ((frame->src_stride < row && frame->src_stride > -row) ||
        (frame->dst_stride < row && frame->dst_stride > -row))
        return ff_style_error(&e->ctx, -EINVAL,
                              "the frame's rows are %lld and %lld bytes apart; %d pixels of RGB24 "
                              "take %lld",
                              (long long)frame->src_stride, (long long)frame->dst_stride,
                              frame->width, (long long)row);
    return 0;
}

static void fill_request(StyleEngine *e, StyleRequest *request, const StyleFrame *frame)
{
    request->frame = *frame;
    memcpy(request->chooser, e->chooser, chooser_size(e));
    request->strength = e->strength;
    request->colors = e->colors;
    request->steady = e->steady;
    request->sequence = e->nb_flushes << 32 ^ frame->sequence; // none goes on behind a flush
    request->painted = 0;
    request->done = 0;
    request->message[0] = 0;
}

static int is_large(const StyleFrame *frame)
{
    return (int64_t)frame->width * frame->height > FF_STYLE_SMALL_FRAME;
}

/**
 * Under the lock: whether there is room for a frame. A queue of small frames is long, so that who waits for several
 * wakes once for them; large ones take their time, and half as many hold less memory and come out more evenly.
 */
static int has_room(const StyleEngine *e, const StyleFrame *frame)
{
    const uint64_t most = (uint64_t)e->info.in_flight;

    return e->submitted - e->received < most && (!is_large(frame) || e->large < most / 2);
}

int ff_style_submit(StyleEngine *e, const StyleFrame *frame)
{
    int ret = check_frame(e, frame);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&e->lock);
    if (has_room(e, frame)) {
        e->large += is_large(frame);
        fill_request(e, request_of(e, e->submitted++), frame);
        tell_helpers(e);
    } else {
        ret = -EAGAIN;
    }
    pthread_mutex_unlock(&e->lock);
    if (ret >= 0)
        pthread_cond_signal(&e->work);
    return ret;
}

/** Under the lock: takes the oldest frame if it is there, and the message that came with it. */
static int take_oldest(StyleEngine *e, StyleFrame *frame, char *message)
{
    const StyleRequest *request = request_of(e, e->received);

    if (e->received == e->submitted)
        return 0;
    if (!request->done)
        return -EAGAIN;
    *frame = request->frame;
    memcpy(message, request->message, sizeof(request->message));
    e->received++;
    e->large -= is_large(frame);
    pthread_cond_broadcast(&e->done); // others may wait for this very frame
    return request->result;
}

int ff_style_receive(StyleEngine *e, StyleFrame *frame, int wait)
{
    char message[FF_STYLE_MESSAGE_SIZE] = "";
    int ret;

    pthread_mutex_lock(&e->lock);
    do {
        if (wait > 0)
            wait_for_oldest(e, (uint64_t)wait);
        ret = take_oldest(e, frame, message);
    } while (ret == -EAGAIN && wait > 0); // another thread took what was waited for
    pthread_mutex_unlock(&e->lock);
    if (*message)
        ff_style_log(&e->ctx, FF_STYLE_LOG_ERROR, "%s", message);
    return ret;
}

/** The moment that is so far from now. */
static struct timespec moment_in(int64_t microseconds)
{
    struct timespec moment;

    clock_gettime(CLOCK_REALTIME, &moment);
    microseconds += moment.tv_nsec / 1000;
    moment.tv_sec += (time_t)(microseconds / 1000000);
    moment.tv_nsec = (long)(microseconds % 1000000 * 1000);
    return moment;
}

int ff_style_wait(StyleEngine *e, int64_t microseconds)
{
    // Without time left, the call below would put the thread to sleep all the same.
    int timeout = microseconds <= 0, ready;
    const struct timespec end = moment_in(timeout ? 0 : microseconds);

    pthread_mutex_lock(&e->lock);
    while (e->received < e->submitted && !all_done(e, e->received + 1) && !timeout) {
        e->awaited = e->received + 1;
        timeout = pthread_cond_timedwait(&e->done, &e->lock, &end);
    }
    ready = e->received < e->submitted && all_done(e, e->received + 1);
    pthread_mutex_unlock(&e->lock);
    return ready;
}

static void cancel(StyleRequest *request)
{
    request->result = -ECANCELED;
    request->is_held = 0;
    request->painted = 1;
    request->done = 1;
}

void ff_style_flush(StyleEngine *e)
{
    uint64_t end;

    if (!e || !e->has_lock)
        return;
    pthread_mutex_lock(&e->lock);
    end = e->submitted;
    while (e->started < end)
        cancel(request_of(e, e->started++));
    e->nb_flushes++;
    tell_helpers(e);
    finish_painted(e); // passes over those
    pthread_cond_broadcast(&e->done);
    wait_for(e, end);
    pthread_mutex_unlock(&e->lock);
}

static void stop_threads(StyleEngine *e)
{
    if (!e->has_lock)
        return;
    pthread_mutex_lock(&e->lock);
    e->closing = 1;
    pthread_cond_broadcast(&e->work);
    pthread_mutex_unlock(&e->lock);
    for (int i = 0; i < e->nb_threads; i++)
        pthread_join(e->workers[i].thread, NULL);
    pthread_cond_destroy(&e->done);
    pthread_cond_destroy(&e->work);
    pthread_mutex_destroy(&e->lock);
}

static void close_model(StyleEngine *e)
{
    if (e->workers)
        for (int i = 0; i < e->model.counts.workers; i++)
            ff_style_close_painter(&e->model, &e->workers[i].painter);
    ff_style_close_model(&e->ctx, &e->model);
}

void ff_style_close(StyleEngine **engine)
{
    StyleEngine *e = engine ? *engine : NULL;
    StyleContext ctx;

    if (!e)
        return;
    ctx = e->ctx;
    ff_style_flush(e);
    stop_threads(e);
    close_model(e);
    ff_style_free(&ctx, e->workers);
    if (e->slots)
        for (int i = 0; i < e->info.in_flight; i++) {
            ff_style_clear_request(&e->slots[i]);
            ff_style_free(&ctx, e->slots[i].chooser);
        }
    ff_style_close_finisher(&ctx, &e->finisher);
    ff_style_free(&ctx, e->slots);
    ff_style_free(&ctx, e->chooser);
    ff_style_free(&ctx, e->styles);
    ff_style_free(&ctx, e->numbers);
    ff_style_free(&ctx, e->name);
    ff_style_free(&ctx, e->input);
    ff_style_free(&ctx, e->output);
    ff_style_free(&ctx, e);
    *engine = NULL;
}
