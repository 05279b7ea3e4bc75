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
 * Neural style transfer: paints every frame with a network. Options, formats
 * and the order of the frames are here, the painting is in styletransfer/.
 */

#include <stddef.h>
#include <string.h>

#include "libavutil/fifo.h"
#include "libavutil/internal.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"
#include "libavutil/time.h"

#include "avfilter.h"
#include "filters.h"
#include "version.h"
#include "video.h"

#include "styletransfer/styletransfer.h"
#include "styletransfer/vf_pace.h"
#include "styletransfer/vf_picture.h"
#include "styletransfer/vf_report.h"
#include "styletransfer/vf_stop.h"

enum Late {
    LATE_WAIT,
    LATE_DROP,
};

/** A frame on its way through the filter; they leave in the order they came. */
typedef struct PendingFrame {
    AVFrame *in; ///< what the engine paints from; NULL: it is painted in place
    AVFrame *out;
    int is_painted;  ///< whether the engine has it
    int64_t arrival; ///< when it came in, by av_gettime_relative()
} PendingFrame;

typedef struct StyleTransferContext {
    const AVClass *class;

    char *model, *style, *device, *input, *output, *library;
    double strength, steady;
    int colors, precision, runtime, late, metadata;
    int range, input_range, output_range;
    int64_t max_memory;
    int requests, threads;

    StyleEngine *engine;
    AVFifo *pending; ///< of PendingFrame, as many as the engine takes
    int nb_requests; ///< frames that the engine paints at a time
    int nb_painting; ///< frames in the engine

    StylePace pace; ///< of the source
    StyleStop stop;

    StyleReport report; ///< of all frames
    int sequence; ///< of frames that hold each other: another begins behind
} StyleTransferContext;

#define OFFSET(x) offsetof(StyleTransferContext, x)
#define FLAGS (AV_OPT_FLAG_FILTERING_PARAM | AV_OPT_FLAG_VIDEO_PARAM)
#define RUNTIME (FLAGS | AV_OPT_FLAG_RUNTIME_PARAM)
#define CHOICE(value) 0, AV_OPT_TYPE_CONST, {.i64 = value}, 0, 0
#define RANGE(field)                                                 \
    OFFSET(field), AV_OPT_TYPE_INT, {.i64 = FF_STYLE_RANGE_AUTO}, 0, \
        FF_STYLE_RANGE_SIGNED

// clang-format off
static const AVOption styletransfer_options[] = {
    { "model", "path of the frozen TensorFlow graph (required)",
        OFFSET(model), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { "style", "name or index of a style of the model, or a picture's path "
               "with a model for any painting, or a mix such as "
               "'a:0.7+b:0.3' (default: the first)",
        OFFSET(style), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, RUNTIME },
    { "strength", "how much of the painting shows: 0 is the source",
        OFFSET(strength), AV_OPT_TYPE_DOUBLE, { .dbl = 1 }, 0, 1, RUNTIME },
    { "colors", "whose colors the painting has",
        OFFSET(colors), AV_OPT_TYPE_INT, { .i64 = FF_STYLE_COLORS_STYLE },
        0, FF_STYLE_COLORS_CONTENT, RUNTIME, .unit = "colors" },
        { "style", "the style's",
            CHOICE(FF_STYLE_COLORS_STYLE), RUNTIME, .unit = "colors" },
        { "content", "the source's: only the brushwork is taken",
            CHOICE(FF_STYLE_COLORS_CONTENT), RUNTIME, .unit = "colors" },
    { "steady", "how much the last painting holds the new one where the "
                "picture goes on: 0 is not at all",
        OFFSET(steady), AV_OPT_TYPE_DOUBLE,
        { .dbl = FF_STYLE_DEFAULT_STEADY }, 0, 1, RUNTIME },
    { "precision", "arithmetic of the network",
        OFFSET(precision), AV_OPT_TYPE_INT,
        { .i64 = FF_STYLE_PRECISION_AUTO }, 0, FF_STYLE_PRECISION_INT16,
        FLAGS, .unit = "precision" },
        { "auto", "bf16 or int16 where the network gains from it",
            CHOICE(FF_STYLE_PRECISION_AUTO), FLAGS, .unit = "precision" },
        { "fp32", "32-bit floating point",
            CHOICE(FF_STYLE_PRECISION_FP32), FLAGS, .unit = "precision" },
        { "bf16", "bfloat16",
            CHOICE(FF_STYLE_PRECISION_BF16), FLAGS, .unit = "precision" },
        { "int16", "16-bit integers, where the filter runs the network",
            CHOICE(FF_STYLE_PRECISION_INT16), FLAGS, .unit = "precision" },
    { "runtime", "what runs the network",
        OFFSET(runtime), AV_OPT_TYPE_INT, { .i64 = FF_STYLE_RUNTIME_AUTO },
        0, FF_STYLE_RUNTIME_TENSORFLOW, FLAGS, .unit = "runtime" },
        { "auto", "the filter itself where it can, else TensorFlow",
            CHOICE(FF_STYLE_RUNTIME_AUTO), FLAGS, .unit = "runtime" },
        { "own", "the filter itself",
            CHOICE(FF_STYLE_RUNTIME_OWN), FLAGS, .unit = "runtime" },
        { "tensorflow", "TensorFlow",
            CHOICE(FF_STYLE_RUNTIME_TENSORFLOW), FLAGS, .unit = "runtime" },
    { "requests", "frames painted at the same time (0: auto)",
        OFFSET(requests), AV_OPT_TYPE_INT, { .i64 = 0 },
        0, FF_STYLE_MAX_REQUESTS, FLAGS },
    { "threads", "threads that paint one frame (0: auto)",
        OFFSET(threads), AV_OPT_TYPE_INT, { .i64 = 0 },
        0, FF_STYLE_MAX_THREADS, FLAGS },
    { "device", "'auto', 'cpu', 'gpu' or 'gpu:N'",
        OFFSET(device), AV_OPT_TYPE_STRING, { .str = "auto" }, 0, 0, FLAGS },
    { "late", "what to do with a frame that comes while all requests are busy",
        OFFSET(late), AV_OPT_TYPE_INT, { .i64 = LATE_WAIT }, 0, LATE_DROP,
        FLAGS, .unit = "late" },
        { "wait", "paint every frame",
            CHOICE(LATE_WAIT), FLAGS, .unit = "late" },
        { "drop", "drop it: a live stream stays in real time",
            CHOICE(LATE_DROP), FLAGS, .unit = "late" },
    { "metadata", "tell in each frame's metadata how many were painted and "
                  "dropped, and how long this one took",
        OFFSET(metadata), AV_OPT_TYPE_BOOL, { .i64 = 0 }, 0, 1, FLAGS },
    { "input", "name of the graph's image input (default: found in the graph)",
        OFFSET(input), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { "output", "name of the graph's image output (default: found in the "
                "graph)",
        OFFSET(output), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { "range", "range of the pixel values in a float32 graph",
        RANGE(range), FLAGS, .unit = "range" },
        { "auto", "as the graph shows it, else 0 to 255",
            CHOICE(FF_STYLE_RANGE_AUTO), FLAGS, .unit = "range" },
        { "255", "0 to 255",
            CHOICE(FF_STYLE_RANGE_255), FLAGS, .unit = "range" },
        { "1", "0 to 1",
            CHOICE(FF_STYLE_RANGE_1), FLAGS, .unit = "range" },
        { "signed", "-1 to 1",
            CHOICE(FF_STYLE_RANGE_SIGNED), FLAGS, .unit = "range" },
    { "input_range", "range of the input (auto: as range has it)",
        RANGE(input_range), FLAGS, .unit = "range" },
    { "output_range", "range of the output (auto: as range has it)",
        RANGE(output_range), FLAGS, .unit = "range" },
    { "max_memory", "bytes that the frames being painted may take (0: auto)",
        OFFSET(max_memory), AV_OPT_TYPE_INT64, { .i64 = 0 },
        0, INT64_MAX, FLAGS },
    { "library", "path of libtensorflow or its folder (default: found as it "
                 "was built)",
        OFFSET(library), AV_OPT_TYPE_STRING, { .str = NULL }, 0, 0, FLAGS },
    { NULL }
};
// clang-format on

AVFILTER_DEFINE_CLASS(styletransfer);

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
    if (frame.is_painted) {
        ret = ff_styletransfer_receive(&s->stop, s->engine, &painted, wait);
        if (ret == AVERROR(EAGAIN))
            return 0;
        if (ret == AVERROR(EINTR))
            return AVERROR_EXIT;
        s->nb_painting--;
        s->report.nb_painted += ret > 0;
        ff_styletransfer_note_painting(&s->pace, frame.arrival);
        av_frame_free(&frame.in);
    }
    av_fifo_drain2(s->pending, 1);
    s->report.delay = av_gettime_relative() - frame.arrival;
    if (ret >= 0 && s->metadata)
        ret = ff_styletransfer_set_metadata(&s->report, frame.out);
    if (ret < 0) {
        av_frame_free(&frame.out);
        return ret;
    }
    ret = ff_filter_frame(ctx->outputs[0], frame.out);
    ff_styletransfer_note_departure(&s->pace);
    return ret < 0 ? ret : 1;
}

/** Sends every frame on that is ready; returns 0, or an error. */
static int send_ready(AVFilterContext *ctx)
{
    int ret;

    while ((ret = send_oldest(ctx, 0)) > 0)
        ;
    return ret;
}

/**
 * Sends one frame on; sleeps before, if it must, for as long as every thread of
 * the engine has a frame.
 */
static int make_room(AVFilterContext *ctx)
{
    const StyleTransferContext *s = ctx->priv;

    return send_oldest(ctx, FFMAX(s->nb_painting - s->nb_requests, 1));
}

/** Makes the frame that is painted, of one that others have too. */
static int make_output(AVFilterContext *ctx, PendingFrame *frame)
{
    // The frame's size, not the link's: without a new configuration of the
    // graph it changes here first.
    frame->in = frame->out;
    frame->out = ff_get_video_buffer(ctx->outputs[0], frame->in->width,
                                     frame->in->height);
    if (!frame->out)
        return AVERROR(ENOMEM);
    return av_frame_copy_props(frame->out, frame->in);
}

/** Gives a frame to the engine. */
static int paint(AVFilterContext *ctx, AVFrame *in)
{
    StyleTransferContext *s = ctx->priv;
    PendingFrame frame = {
        .out = in,
        .is_painted = 1,
        .arrival = s->pace.arrival,
    };
    StyleFrame request;
    int ret;

    if (!av_frame_is_writable(in) && (ret = make_output(ctx, &frame)) < 0)
        goto fail;
    request = (StyleFrame){
        .src = in->data[0],
        .dst = frame.out->data[0],
        .src_stride = in->linesize[0],
        .dst_stride = frame.out->linesize[0],
        .width = in->width,
        .height = in->height,
        .sequence = s->sequence + 1, // 0 would be a picture by itself
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
    const PendingFrame frame = {.out = in, .arrival = s->pace.arrival};

    s->report.nb_passed++;
    s->sequence++;
    return av_fifo_write(s->pending, &frame, 1);
}

static void note_arrival(StyleTransferContext *s, int64_t pts,
                         AVRational time_base)
{
    s->report.nb_in++;
    // Behind a jump back another video begins; one forward may be of lost
    // frames.
    s->sequence += ff_styletransfer_note_arrival(&s->pace, pts, time_base);
}

/** Whether a frame that comes now would wait, and for long. */
static int is_busy(const StyleTransferContext *s)
{
    PendingFrame oldest;

    if (s->nb_painting != s->nb_requests ||
        av_fifo_peek(s->pending, &oldest, 1, 0) < 0)
        return s->nb_painting > s->nb_requests;
    return !ff_styletransfer_is_soon_done(&s->pace, oldest.arrival);
}

/** Takes a frame from the input; returns 1, 0 if there is none, or an error. */
static int take_frame(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    AVFrame *in;
    int ret = ff_inlink_consume_frame(ctx->inputs[0], &in);

    if (ret <= 0)
        return ret;
    ret = ff_styletransfer_check_format(ctx, in, ctx->inputs[0]->format);
    if (ret < 0) {
        av_frame_free(&in);
        return ret;
    }
    if (!s->report.nb_in)
        ff_styletransfer_warn_of_hdr(ctx, in);
    note_arrival(s, in->pts, ctx->inputs[0]->time_base);
    if (s->late == LATE_DROP && !ctx->is_disabled && is_busy(s)) {
        s->report.nb_dropped++;
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
 * Waits for a painting as long as the source is better not asked; returns
 * whether there is one.
 *
 * A live source whose frames are dropped when they come too soon does not wait
 * for paintings: its next frame is due when the last one has been shown.
 */
static int wait_for_painting(StyleTransferContext *s)
{
    if (s->late == LATE_WAIT)
        return s->nb_painting > s->pace.ahead;
    return s->nb_painting && s->pace.waited &&
           ff_style_wait(s->engine, 1, ff_styletransfer_time_left(&s->pace));
}

/** Asks for the next frame, or sends one on that comes before. */
static int ask(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;

    if (wait_for_painting(s)) {
        const int ret = make_room(ctx); // FFMIN would call it twice

        return FFMIN(ret, 0);
    }
    ff_styletransfer_note_asking(&s->pace, s->nb_painting, ctx);
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

/** Does the first of what there is to do. */
static int work(AVFilterContext *ctx)
{
    AVFilterLink *inlink = ctx->inputs[0];
    AVFilterLink *outlink = ctx->outputs[0];
    StyleTransferContext *s = ctx->priv;
    int ret, status;
    int64_t pts;

    if (ff_inlink_queued_frames(inlink))
        ff_styletransfer_learn_pace(&s->pace, 4 * s->nb_requests);
    if ((ret = send_ready(ctx)) < 0)
        return ret;
    if (s->late == LATE_DROP)
        ff_styletransfer_log_progress(ctx, &s->report,
                                      av_fifo_can_read(s->pending));
    if (ff_outlink_frame_wanted(outlink) && (ret = take_frame(ctx))) {
        ff_filter_set_ready(ctx, 100); // for what is to be done next
        return FFMIN(ret, 0);
    }
    if (ff_inlink_acknowledge_status(inlink, &status, &pts))
        return finish(ctx, status, pts);
    if (ff_outlink_frame_wanted(outlink))
        return ask(ctx);
    return 0;
}

/** The program is told to end: no frame is painted any more. */
static int give_up(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;

    ff_style_close(&s->engine);
    ff_inlink_set_status(ctx->inputs[0], AVERROR_EOF);
    ff_outlink_set_status(ctx->outputs[0], AVERROR_EOF, AV_NOPTS_VALUE);
    return 0;
}

static int activate(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    int ret;

    FF_FILTER_FORWARD_STATUS_BACK(ctx->outputs[0], ctx->inputs[0]);

    ret = ff_styletransfer_is_told_to_end(&s->stop) ? AVERROR_EXIT : work(ctx);
    return ret == AVERROR_EXIT ? give_up(ctx) : ret;
}

static int process_command(AVFilterContext *ctx, const char *cmd,
                           const char *arg, char *res, int res_len, int flags)
{
    StyleTransferContext *s = ctx->priv;
    int ret;

    if (!strcmp(cmd, "style") && s->engine &&
        (ret = ff_style_set_style(s->engine, arg)) < 0)
        return ret;
    if ((ret = ff_filter_process_command(ctx, cmd, arg, res, res_len, flags)) <
            0 ||
        !s->engine)
        return ret;
    if ((ret = ff_style_set_strength(s->engine, s->strength)) < 0)
        return ret;
    if ((ret = ff_style_set_colors(s->engine, s->colors)) < 0)
        return ret;
    return ff_style_set_steady(s->engine, s->steady);
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
    settings.steady = s->steady;
    settings.precision = s->precision;
    settings.runtime = s->runtime;
    settings.device = s->device;
    settings.requests = s->requests;
    settings.live = s->late == LATE_DROP;
    // Before FFmpeg 6, the option of this name that every filter has takes what
    // the user says.
    settings.threads = s->threads ? s->threads : ctx->nb_threads;
    settings.input = s->input;
    settings.output = s->output;
    settings.range = s->range;
    settings.input_range = s->input_range;
    settings.output_range = s->output_range;
    settings.max_memory = s->max_memory;
    settings.opaque = ctx;
    settings.log = ff_styletransfer_log;
    settings.open_picture = ff_styletransfer_open_picture;
    settings.close_picture = ff_styletransfer_close_picture;
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
    s->pending = av_fifo_alloc2(ff_style_info(s->engine)->in_flight,
                                sizeof(PendingFrame), 0);
    s->report.logged = av_gettime_relative();
    return s->pending ? 0 : AVERROR(ENOMEM);
}

/** A filter before this one takes memory for a frame. */
static AVFrame *get_frame(AVFilterLink *inlink, int width, int height)
{
    StyleTransferContext *s = inlink->dst->priv;

    ff_styletransfer_note_coming(&s->pace, inlink->src);
    return ff_default_get_video_buffer(inlink, width, height);
}

/**
 * Opens the engine: init() is also called for graphs that the application only
 * looks at.
 */
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
    const StyleSettings settings = settings_of(ctx);
    StyleTransferContext *s = ctx->priv;

    ff_styletransfer_open_stop(&s->stop);
    // ffmpeg, from 6 on, has not opened its output yet: what is wrong already
    // shall not cost a good file.
    return ff_style_check(&settings);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    StyleTransferContext *s = ctx->priv;
    PendingFrame frame;

    ff_styletransfer_close_stop(&s->stop);
    ff_style_close(&s->engine);
    if (s->pending && s->report.nb_in)
        ff_styletransfer_log_counts(
            ctx, s->late == LATE_DROP ? AV_LOG_INFO : AV_LOG_VERBOSE,
            &s->report, av_fifo_can_read(s->pending));
    while (s->pending && av_fifo_read(s->pending, &frame, 1) >= 0) {
        av_frame_free(&frame.in);
        av_frame_free(&frame.out);
    }
    av_fifo_freep2(&s->pending);
}

static const AVFilterPad styletransfer_inputs[] = {
    {
        .name = "default",
        .type = AVMEDIA_TYPE_VIDEO,
        .get_buffer.video = get_frame,
        .config_props = config_input,
    },
};

static const AVFilterPad styletransfer_outputs[] = {
    {
        .name = "default",
        .type = AVMEDIA_TYPE_VIDEO,
    },
};

#if LIBAVFILTER_VERSION_MAJOR >= \
    11 // FFmpeg 8.0 put the public part of a filter into a struct
#define PUBLIC(field) .p.field
#else
#define PUBLIC(field) .field
#define FFFilter AVFilter
#endif

const FFFilter ff_vf_styletransfer = {
    PUBLIC(name) = "styletransfer",
    PUBLIC(description) = NULL_IF_CONFIG_SMALL(
        "Paint the video in the style of a neural network."),
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
