/*
 * The public functions: open, submit, receive, flush and close.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../graph/budget.h"
#include "engine.h"
#include "settings.h"

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
        ret = ff_style_start_threads(e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ret;
}

/** What runs the model, and why. */
static void tell_runtime(const StyleEngine *e)
{
    const StyleInfo *const info = &e->info;
    static const char *const types[] = {
        [FF_STYLE_PRECISION_FP32] = "float32",
        [FF_STYLE_PRECISION_BF16] = "bfloat16",
        [FF_STYLE_PRECISION_INT16] = "16-bit integers",
    };
    const char *const type = types[info->precision];

    if (e->model.plan) {
        ff_style_log(&e->ctx, FF_STYLE_LOG_DEBUG, "the network runs on kernels of our own");
        ff_style_log(&e->ctx, FF_STYLE_LOG_INFO,
                     "model '%s' (%d styles) is run by the engine itself, on %s in %s, %d frame%s "
                     "at a time: it knows every operation",
                     info->name, info->nb_styles, info->device, type, info->requests,
                     info->requests > 1 ? "s" : "");
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
    if ((ret = ff_style_check_settings(&ctx, settings)) < 0)
        return ret;
    if (!(e = ff_style_alloc(&ctx, sizeof(*e))))
        return -ENOMEM;
    e->ctx = ctx;
    e->max_pixels = settings->max_pixels;
    e->pictures = ff_style_pictures_of(settings);
    e->max_memory = ff_style_memory_of(settings);
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
    StyleCounts counts = e->model.counts;
    int is_new, requests;

    pthread_mutex_lock(&e->lock);
    is_new = width != e->checked_width || height != e->checked_height;
    pthread_mutex_unlock(&e->lock);
    if (!is_new)
        return 0;
    bytes = ff_style_frame_bytes(&e->ctx, &e->model.nodes, &e->model.signature, width, height);
    if (bytes < 0)
        return (int)bytes;
    if (!e->model.plan)
        counts.threads = 1; // TensorFlow's threads help no other frame
    requests =
        e->has_requests ? counts.requests : ff_style_frames_that_fit(&counts, bytes, e->max_memory);
    if (bytes > e->max_memory / requests)
        return ff_style_error(&e->ctx, -EFBIG,
                              "a frame of %dx%d pixels takes about %.1f GB in this model, %d are "
                              "painted at a time, and the limit is %.1f GB: scale the frames down, "
                              "or take fewer requests",
                              width, height, (double)bytes / 1e9, requests,
                              (double)e->max_memory / 1e9);
    if (requests < e->info.requests)
        ff_style_log(
            &e->ctx, FF_STYLE_LOG_DEBUG,
            "of %dx%d pixels, which take about %.0f MB each, %d frames are painted at a time",
            width, height, (double)bytes / 1e6, requests);
    pthread_mutex_lock(&e->lock);
    e->checked_width = width;
    e->checked_height = height;
    e->most_painting = requests;
    ff_style_tell_helpers(e);
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
    const int ret = ff_style_check_strength(&e->ctx, strength);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&e->lock);
    e->strength = strength;
    pthread_mutex_unlock(&e->lock);
    return 0;
}

int ff_style_set_colors(StyleEngine *e, StyleColors colors)
{
    const int ret = ff_style_check_choice(&e->ctx, "colors", (int)colors, FF_STYLE_COLORS_CONTENT);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&e->lock);
    e->colors = colors;
    pthread_mutex_unlock(&e->lock);
    return 0;
}

int ff_style_set_steady(StyleEngine *e, double steady)
{
    const int ret = ff_style_check_steady(&e->ctx, steady);

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
        fill_request(e, ff_style_request_of(e, e->submitted++), frame);
        ff_style_tell_helpers(e);
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
    const StyleRequest *request = ff_style_request_of(e, e->received);

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

/** Under the lock: the number behind the oldest `count` frames in flight, or behind all if there are fewer. */
static uint64_t end_of_oldest(const StyleEngine *e, int count)
{
    const uint64_t in_flight = e->submitted - e->received;

    return e->received + ((uint64_t)count < in_flight ? (uint64_t)count : in_flight);
}

int ff_style_receive(StyleEngine *e, StyleFrame *frame, int wait)
{
    char message[FF_STYLE_MESSAGE_SIZE] = "";
    int ret;

    pthread_mutex_lock(&e->lock);
    do {
        if (wait > 0)
            ff_style_wait_for_frames(e, end_of_oldest(e, wait));
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

int ff_style_wait(StyleEngine *e, int count, int64_t microseconds)
{
    // Without time left, the call below would put the thread to sleep all the same.
    int timeout = microseconds <= 0, ready;
    const struct timespec end = moment_in(timeout ? 0 : microseconds);

    pthread_mutex_lock(&e->lock);
    while (!ff_style_all_done(e, end_of_oldest(e, count)) && !timeout) {
        e->awaited = end_of_oldest(e, count);
        timeout = pthread_cond_timedwait(&e->done, &e->lock, &end);
    }
    ready = e->received < e->submitted && ff_style_all_done(e, end_of_oldest(e, count));
    pthread_mutex_unlock(&e->lock);
    return ready;
}

/** Under the lock: the frames that the plan paints are left as they are. */
static void give_up_begun(StyleEngine *e)
{
    for (int i = 0; i < e->info.requests && e->model.plan; i++)
        if (e->painters[i].is_busy)
            ff_style_give_up(&e->painters[i].crew);
}

void ff_style_flush(StyleEngine *e)
{
    uint64_t end;

    if (!e || !e->has_lock)
        return;
    pthread_mutex_lock(&e->lock);
    end = e->submitted;
    while (e->started < end)
        ff_style_cancel(ff_style_request_of(e, e->started++));
    give_up_begun(e);
    e->nb_flushes++;
    ff_style_tell_helpers(e);
    ff_style_finish_painted(e, NULL); // passes over those
    pthread_cond_broadcast(&e->done);
    ff_style_wait_for_frames(e, end);
    pthread_mutex_unlock(&e->lock);
}

static void close_model(StyleEngine *e)
{
    for (int i = 0; i < e->info.requests && e->painters; i++)
        ff_style_close_painter(&e->model, &e->painters[i]);
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
    ff_style_stop_threads(e);
    close_model(e);
    ff_style_free(&ctx, e->painters);
    ff_style_free(&ctx, e->threads);
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
