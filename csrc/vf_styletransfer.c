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

/**
 * @file
 * Neural style transfer: paints every frame with a network. Options, formats and the order of the frames
 * are here, the painting is in styletransfer/.
 */

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libavutil/dict.h"
#include "libavutil/fifo.h"
#include "libavutil/internal.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"
#include "libavutil/thread.h"
#include "libavutil/time.h"

#include "avfilter.h"
#include "filters.h"
#include "version.h"
#include "video.h"

#include "styletransfer/styletransfer.h"

#define LOG_INTERVAL 10000000 // microseconds between two lines of counts
#define LONGEST_WAIT 10000000 // microseconds that the first frame is waited for
#define LONG_SLEEP 20000      // microseconds that no busy processor keeps a thread waiting
#define FIRST_STEP 100        // microseconds by which an expected wait grows from 0
#define METADATA "lavfi.styletransfer."

enum Late {
    LATE_WAIT,
    LATE_DROP,
};

/** A frame on its way through the filter; they leave in the order in which they came. */
typedef struct PendingFrame {
    AVFrame *in; ///< what the engine paints from; NULL: nothing is to be painted
    AVFrame *out;
    int64_t arrival; ///< when it came in, by av_gettime_relative()
} PendingFrame;

typedef struct StyleTransferContext {
    const AVClass *class;

    char *model, *style, *device, *input, *output, *library;
    double strength;
    int colors, precision, range, late;
    int requests, threads;

    StyleEngine *engine;
    AVFifo *pending; ///< of PendingFrame, as many as the engine takes
    int nb_requests; ///< frames that the engine paints at a time
    int nb_painting; ///< frames in the engine

    int has_lock; ///< whether the next two were initialised
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int ready; ///< under the lock: the oldest frame in the engine may be ready

    // The source's pace, in microseconds.
    int64_t arrival;   ///< when the last frame came
    int64_t asked;     ///< when the next one was asked for, 0: not yet
    int64_t asked_cpu; ///< the thread's processor time at that moment
    int64_t interval;  ///< how long after `arrival` the next frame is expected

    int64_t nb_in, nb_painted, nb_dropped, nb_passed;
    int64_t delay;  ///< of the last frame, from its coming in to its going out, in microseconds
    int64_t logged; ///< when the counts were logged
} StyleTransferContext;

#define OFFSET(x) offsetof(StyleTransferContext, x)
#define FLAGS (AV_OPT_FLAG_FILTERING_PARAM | AV_OPT_FLAG_VIDEO_PARAM)
#define RUNTIME (FLAGS | AV_OPT_FLAG_RUNTIME_PARAM)

// clang-format off
static const AVOption styletransfer_options[] = {
    { "model",     "path of the frozen TensorFlow graph (required)", OFFSET(model), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { "style",     "name or index of a style of the model, or a mix such as 'a:0.7+b:0.3' (default: the first)", OFFSET(style), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, RUNTIME },
    { "strength",  "how much of the painting shows: 0 is the source", OFFSET(strength), AV_OPT_TYPE_DOUBLE, { .dbl = 1 }, 0, 1, RUNTIME },
    { "colors",    "whose colors the painting has", OFFSET(colors), AV_OPT_TYPE_INT, { .i64 = FF_STYLE_COLORS_STYLE }, 0, FF_STYLE_COLORS_CONTENT, RUNTIME, .unit = "colors" },
        { "style",   "the style's",                               0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_COLORS_STYLE },   0, 0, RUNTIME, .unit = "colors" },
        { "content", "the source's: only the brushwork is taken", 0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_COLORS_CONTENT }, 0, 0, RUNTIME, .unit = "colors" },
    { "precision", "arithmetic of the network", OFFSET(precision), AV_OPT_TYPE_INT, { .i64 = FF_STYLE_PRECISION_AUTO }, 0, FF_STYLE_PRECISION_BF16, FLAGS, .unit = "precision" },
        { "auto", "bf16 where the hardware has it and the network gains from it", 0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_PRECISION_AUTO }, 0, 0, FLAGS, .unit = "precision" },
        { "fp32", "32-bit floating point",                                        0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_PRECISION_FP32 }, 0, 0, FLAGS, .unit = "precision" },
        { "bf16", "bfloat16",                                                     0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_PRECISION_BF16 }, 0, 0, FLAGS, .unit = "precision" },
    { "requests",  "frames painted at the same time (0: auto)", OFFSET(requests), AV_OPT_TYPE_INT, { .i64 = 0 }, 0, FF_STYLE_MAX_REQUESTS, FLAGS },
    { "threads",   "threads of TensorFlow (0: auto)", OFFSET(threads), AV_OPT_TYPE_INT, { .i64 = 0 }, 0, FF_STYLE_MAX_THREADS, FLAGS },
    { "device",    "'auto', 'cpu', 'gpu' or 'gpu:N'", OFFSET(device), AV_OPT_TYPE_STRING, { .str = "auto" }, 0, 0, FLAGS },
    { "late",      "what to do with a frame that comes while all requests are busy", OFFSET(late), AV_OPT_TYPE_INT, { .i64 = LATE_WAIT }, 0, LATE_DROP, FLAGS, .unit = "late" },
        { "wait", "paint every frame",                        0, AV_OPT_TYPE_CONST, { .i64 = LATE_WAIT }, 0, 0, FLAGS, .unit = "late" },
        { "drop", "drop it: a live stream stays in real time", 0, AV_OPT_TYPE_CONST, { .i64 = LATE_DROP }, 0, 0, FLAGS, .unit = "late" },
    { "input",     "name of the graph's image input (default: found in the graph)", OFFSET(input), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { "output",    "name of the graph's image output (default: found in the graph)", OFFSET(output), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { "range",     "range of the pixel values in a float32 graph", OFFSET(range), AV_OPT_TYPE_INT, { .i64 = FF_STYLE_RANGE_AUTO }, 0, FF_STYLE_RANGE_SIGNED, FLAGS, .unit = "range" },
        { "auto",   "as the graph shows it, else 0 to 255", 0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_RANGE_AUTO },   0, 0, FLAGS, .unit = "range" },
        { "255",    "0 to 255",                             0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_RANGE_255 },    0, 0, FLAGS, .unit = "range" },
        { "1",      "0 to 1",                               0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_RANGE_1 },      0, 0, FLAGS, .unit = "range" },
        { "signed", "-1 to 1",                              0, AV_OPT_TYPE_CONST, { .i64 = FF_STYLE_RANGE_SIGNED }, 0, 0, FLAGS, .unit = "range" },
    { "library",   "path of libtensorflow or its folder (default: found as it was built)", OFFSET(library), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { NULL }
};
// clang-format on

AVFILTER_DEFINE_CLASS(styletransfer);

static void log_message(void *ctx, StyleLogLevel level, const char *message)
{
    static const int levels[] = {
        [FF_STYLE_LOG_ERROR] = AV_LOG_ERROR,
        [FF_STYLE_LOG_WARNING] = AV_LOG_WARNING,
        [FF_STYLE_LOG_INFO] = AV_LOG_INFO,
        [FF_STYLE_LOG_DEBUG] = AV_LOG_DEBUG,
    };

    av_log(ctx, levels[level], "%s\n", message);
}

static void log_counts(AVFilterContext *ctx, int level)
{
    const StyleTransferContext *s = ctx->priv;

    av_log(ctx, level,
           "in %" PRId64 ", painted %" PRId64 ", dropped %" PRId64 ", passed %" PRId64
           ", in flight %zu, delay %.3f s\n",
           s->nb_in, s->nb_painted, s->nb_dropped, s->nb_passed, av_fifo_can_read(s->pending),
           s->delay / 1e6);
}

/** In a live job, what became of the frames so far, at intervals. */
static void log_progress(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    const int64_t now = av_gettime_relative();

    if (s->late == LATE_DROP && now - s->logged >= LOG_INTERVAL) {
        log_counts(ctx, AV_LOG_INFO);
        s->logged = now;
    }
}

/** The engine's callback, on one of its threads. */
static void wake(void *opaque)
{
    AVFilterContext *ctx = opaque;
    StyleTransferContext *s = ctx->priv;

    pthread_mutex_lock(&s->lock);
    s->ready = 1;
    pthread_mutex_unlock(&s->lock);
    pthread_cond_signal(&s->wake);
}

/** Waits until the oldest frame in the engine may be ready, at most up to `deadline`; returns whether it may. */
static int wait_until(StyleTransferContext *s, int64_t deadline)
{
    const int64_t left = deadline - av_gettime_relative(), end = av_gettime() + left;
    const struct timespec time = {.tv_sec = end / 1000000, .tv_nsec = end % 1000000 * 1000};
    // Without time left the call would put the thread to sleep all the same.
    int ret = left > 0 ? 0 : ETIMEDOUT, ready;

    pthread_mutex_lock(&s->lock);
    while (!s->ready && !ret)
        ret = pthread_cond_timedwait(&s->wake, &s->lock, &time);
    ready = s->ready;
    s->ready = 0;
    pthread_mutex_unlock(&s->lock);
    return ready;
}

/** What the calling thread has spent of the processor, in microseconds. */
static int64_t thread_time(void)
{
    struct timespec time = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

static int set_metadata(const StyleTransferContext *s, AVFrame *frame)
{
    AVDictionary **metadata = &frame->metadata;
    char delay[32];
    int ret;

    snprintf(delay, sizeof(delay), "%.3f", s->delay / 1e6);
    if ((ret = av_dict_set_int(metadata, METADATA "in", s->nb_in, 0)) < 0 ||
        (ret = av_dict_set_int(metadata, METADATA "painted", s->nb_painted, 0)) < 0 ||
        (ret = av_dict_set_int(metadata, METADATA "dropped", s->nb_dropped, 0)) < 0)
        return ret;
    return av_dict_set(metadata, METADATA "delay", delay, 0);
}

/**
 * Sends the oldest frame on.
 *
 * @param wait how many frames to wait for until they are painted
 * @return 1: sent; 0: there is none, or it is not ready; or an error
 */
static int send_oldest(AVFilterContext *ctx, int wait)
{
    StyleTransferContext *s = ctx->priv;
    StyleFrame painted;
    PendingFrame frame;
    int ret = 0;

    if (av_fifo_peek(s->pending, &frame, 1, 0) < 0)
        return 0;
    if (frame.in) {
        ret = ff_style_receive(s->engine, &painted, wait);
        if (ret == AVERROR(EAGAIN))
            return 0;
        s->nb_painting--;
        s->nb_painted += ret > 0;
        av_frame_free(&frame.in);
    }
    av_fifo_drain2(s->pending, 1);
    s->delay = av_gettime_relative() - frame.arrival;
    if (ret < 0 || (ret = set_metadata(s, frame.out)) < 0) {
        av_frame_free(&frame.out);
        return ret;
    }
    ret = ff_filter_frame(ctx->outputs[0], frame.out);
    return ret < 0 ? ret : 1;
}

/** Sends every frame on that is ready; returns how many, or an error. */
static int send_ready(AVFilterContext *ctx)
{
    int ret, nb_sent = 0;

    while ((ret = send_oldest(ctx, 0)) > 0)
        nb_sent++;
    return ret < 0 ? ret : nb_sent;
}

/** Sends one frame on; sleeps before, if it must, for as long as every thread of the engine has a frame. */
static int make_room(AVFilterContext *ctx)
{
    const StyleTransferContext *s = ctx->priv;

    return send_oldest(ctx, FFMAX(s->nb_painting - s->nb_requests, 1));
}

/** Gives a frame to the engine. */
static int paint(AVFilterContext *ctx, AVFrame *in)
{
    StyleTransferContext *s = ctx->priv;
    PendingFrame frame = {.in = in, .arrival = s->arrival};
    StyleFrame request;
    int ret = AVERROR(ENOMEM);

    // The frame's size, not the link's: without a new configuration of the graph it changes here first.
    frame.out = ff_get_video_buffer(ctx->outputs[0], in->width, in->height);
    if (!frame.out || (ret = av_frame_copy_props(frame.out, in)) < 0)
        goto fail;
    request = (StyleFrame){
        .src = in->data[0],
        .dst = frame.out->data[0],
        .src_stride = in->linesize[0],
        .dst_stride = frame.out->linesize[0],
        .width = in->width,
        .height = in->height,
    };
    while ((ret = ff_style_submit(s->engine, &request)) == AVERROR(EAGAIN))
        if ((ret = make_room(ctx)) < 0)
            break;
    if (ret < 0)
        goto fail;
    s->nb_painting++;
    return av_fifo_write(s->pending, &frame, 1);

fail:
    av_frame_free(&frame.in);
    av_frame_free(&frame.out);
    return ret;
}

/** Hands a frame on as it is, after those before it. */
static int pass(StyleTransferContext *s, AVFrame *in)
{
    const PendingFrame frame = {.out = in, .arrival = s->arrival};

    s->nb_passed++;
    return av_fifo_write(s->pending, &frame, 1);
}

/**
 * Learns the source's pace from the arrival of a frame. A source that lets this thread sleep, a camera or
 * a connection, needs its time from one frame to the next; one that does not is as fast as it is
 * asked, so less and less is expected of waiting. What looks like a short sleep can be a wait for a busy
 * processor: more is expected only bit by bit then.
 */
static void note_arrival(StyleTransferContext *s)
{
    const int64_t now = av_gettime_relative();
    const int64_t gap = now - s->arrival;
    const int64_t slept = s->asked ? now - s->asked - (thread_time() - s->asked_cpu) : 0;

    if (!s->nb_in++)
        s->interval = LONGEST_WAIT;
    else if (slept <= gap / 8)
        s->interval = FFMIN(gap, s->interval) / 2;
    else
        s->interval = slept > LONG_SLEEP ? gap : FFMIN(gap, 2 * s->interval + FIRST_STEP);
    s->arrival = now;
    s->asked = 0;
}

/** Without a new configuration of the graph (-reinit_filter 0), frames of any format may come. */
static int check_format(AVFilterContext *ctx, const AVFrame *in)
{
    if (in->format == ctx->inputs[0]->format)
        return 0;
    av_log(
        ctx, AV_LOG_ERROR,
        "expected frames of the format %s, found %s in mid-stream: put the filter 'scale' before "
        "this one\n",
        av_get_pix_fmt_name(ctx->inputs[0]->format), av_get_pix_fmt_name(in->format));
    return AVERROR(EINVAL);
}

/** Takes a frame from the input; returns 1, 0 if there is none, or an error. */
static int take_frame(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    AVFrame *in;
    int ret = ff_inlink_consume_frame(ctx->inputs[0], &in);

    if (ret <= 0)
        return ret;
    if ((ret = check_format(ctx, in)) < 0) {
        av_frame_free(&in);
        return ret;
    }
    note_arrival(s);
    if (s->late == LATE_DROP && s->nb_painting == s->nb_requests && !ctx->is_disabled) {
        s->nb_dropped++;
        av_frame_free(&in);
        return 1;
    }
    if (!av_fifo_can_write(s->pending) && (ret = make_room(ctx)) < 0) {
        av_frame_free(&in);
        return ret;
    }
    ret = ctx->is_disabled ? pass(s, in) : paint(ctx, in);
    return ret < 0 ? ret : 1;
}

/**
 * Asks for the next frame. Asking puts the application to sleep until the source has one, and with it the
 * frames that get ready meanwhile; so as long as the source is expected to be silent, wait for them first.
 */
static int ask(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    int ret;

    while (s->nb_painting && wait_until(s, s->arrival + s->interval))
        if ((ret = send_ready(ctx)))
            return FFMIN(ret, 0);
    if (!s->asked) {
        s->asked = av_gettime_relative();
        s->asked_cpu = thread_time();
    }
    ff_inlink_request_frame(ctx->inputs[0]);
    return 0;
}

/** The input has ended: sends one more frame on, or the end. */
static int finish(AVFilterContext *ctx, int status, int64_t pts)
{
    const int ret = send_oldest(ctx, 1);

    if (ret > 0)
        ff_filter_set_ready(ctx, 100);
    else if (!ret)
        ff_outlink_set_status(ctx->outputs[0], status, pts);
    return FFMIN(ret, 0);
}

static int activate(AVFilterContext *ctx)
{
    AVFilterLink *inlink = ctx->inputs[0];
    AVFilterLink *outlink = ctx->outputs[0];
    int ret, status;
    int64_t pts;

    FF_FILTER_FORWARD_STATUS_BACK(outlink, inlink);

    if ((ret = send_ready(ctx)) < 0 || (ret = take_frame(ctx)) < 0)
        return ret;
    log_progress(ctx);
    if (ret > 0)
        ff_filter_set_ready(ctx, 100);
    else if (ff_inlink_acknowledge_status(inlink, &status, &pts))
        return finish(ctx, status, pts);
    else if (ff_outlink_frame_wanted(outlink))
        return ask(ctx);
    return 0;
}

static int process_command(AVFilterContext *ctx, const char *cmd, const char *arg, char *res,
                           int res_len, int flags)
{
    StyleTransferContext *s = ctx->priv;
    int ret;

    if (!strcmp(cmd, "style") && s->engine && (ret = ff_style_set_style(s->engine, arg)) < 0)
        return ret;
    if ((ret = ff_filter_process_command(ctx, cmd, arg, res, res_len, flags)) < 0 || !s->engine)
        return ret;
    if ((ret = ff_style_set_strength(s->engine, s->strength)) < 0)
        return ret;
    return ff_style_set_colors(s->engine, s->colors);
}

static StyleSettings settings_of(AVFilterContext *ctx)
{
    const StyleTransferContext *s = ctx->priv;
    StyleSettings settings;

    ff_style_default_settings(&settings);
    settings.model = s->model;
    settings.library = s->library;
    settings.style = s->style;
    settings.strength = s->strength;
    settings.colors = s->colors;
    settings.precision = s->precision;
    settings.device = s->device;
    settings.requests = s->requests;
    // Before FFmpeg 6, the option of this name that every filter has takes what the user says.
    settings.threads = s->threads ? s->threads : ctx->nb_threads;
    settings.input = s->input;
    settings.output = s->output;
    settings.range = s->range;
    settings.opaque = ctx;
    settings.log = log_message;
    settings.ready = wake;
    return settings;
}

static int open_engine(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    const StyleSettings settings = settings_of(ctx);
    int ret;

    if ((ret = ff_style_open(&s->engine, &settings)) < 0)
        return ret;

    s->nb_requests = ff_style_info(s->engine)->requests;
    s->pending = av_fifo_alloc2(ff_style_info(s->engine)->in_flight, sizeof(PendingFrame), 0);
    s->logged = av_gettime_relative();
    return s->pending ? 0 : AVERROR(ENOMEM);
}

/** Opens the engine: init() is also called for graphs that the application only looks at. */
static int config_input(AVFilterLink *inlink)
{
    AVFilterContext *ctx = inlink->dst;
    StyleTransferContext *s = ctx->priv;
    int ret;

    if (!s->engine && (ret = open_engine(ctx)) < 0)
        return ret;
    return ff_style_check_size(s->engine, inlink->w, inlink->h);
}

static av_cold int init(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    const StyleSettings settings = settings_of(ctx);
    int ret;

    // ffmpeg, from 6 on, has not opened its output yet: what is wrong already shall not cost a good file.
    if ((ret = ff_style_check(&settings)) < 0)
        return ret;
    if ((ret = pthread_mutex_init(&s->lock, NULL)))
        return AVERROR(ret);
    if ((ret = pthread_cond_init(&s->wake, NULL))) {
        pthread_mutex_destroy(&s->lock);
        return AVERROR(ret);
    }
    s->has_lock = 1;
    return 0;
}

static av_cold void uninit(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    PendingFrame frame;

    ff_style_close(&s->engine);
    if (s->pending && s->nb_in)
        log_counts(ctx, s->late == LATE_DROP ? AV_LOG_INFO : AV_LOG_VERBOSE);
    while (s->pending && av_fifo_read(s->pending, &frame, 1) >= 0) {
        av_frame_free(&frame.in);
        av_frame_free(&frame.out);
    }
    av_fifo_freep2(&s->pending);
    if (s->has_lock) {
        pthread_cond_destroy(&s->wake);
        pthread_mutex_destroy(&s->lock);
    }
}

static const AVFilterPad styletransfer_inputs[] = {
    {
        .name = "default",
        .type = AVMEDIA_TYPE_VIDEO,
        .config_props = config_input,
    },
};

static const AVFilterPad styletransfer_outputs[] = {
    {
        .name = "default",
        .type = AVMEDIA_TYPE_VIDEO,
    },
};

#if LIBAVFILTER_VERSION_MAJOR >= 11 // FFmpeg 8.0 put the public part of a filter into a struct
#define PUBLIC(field) .p.field
#else
#define PUBLIC(field) .field
#define FFFilter AVFilter
#endif

const FFFilter ff_vf_styletransfer = {
    PUBLIC(name) = "styletransfer",
    PUBLIC(description) = NULL_IF_CONFIG_SMALL("Paint the video in the style of a neural network."),
    PUBLIC(priv_class) = &styletransfer_class,
    PUBLIC(flags) = AVFILTER_FLAG_SUPPORT_TIMELINE_INTERNAL,
    .priv_size = sizeof(StyleTransferContext),
    .init = init,
    .uninit = uninit,
    .activate = activate,
    .process_command = process_command,
    FILTER_INPUTS(styletransfer_inputs),
    FILTER_OUTPUTS(styletransfer_outputs),
    FILTER_SINGLE_PIXFMT(AV_PIX_FMT_RGB24),
};
