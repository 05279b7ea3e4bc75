/*
 * Paints one frame: its pixels in, the network, its pixels out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/pixels.h"
#include "request.h"

/*
 * TensorFlow's RunOptions, serialised: inter_op_thread_pool, field 3, is -1. A frame's operations run
 * one after another on the thread that paints it. Those threads are what runs side by side, and inside of
 * an operation TensorFlow's.
 */
static const uint8_t run_on_this_thread[] = {3 << 3, 0xff, 0xff, 0xff, 0xff, 0xff,
                                             0xff,   0xff, 0xff, 0xff, 0x01};

/** Makes the tensor that chooses the style, of the shape that the graph has for it. */
static int open_chooser(const StyleModel *model, StylePainter *painter)
{
    const StyleSignature *const s = &model->signature;
    const size_t size = s->chooser_type == FF_STYLE_DT_INT64 ? sizeof(int64_t) : sizeof(int32_t);

    if (!s->control)
        return 0;
    painter->chooser = model->tf->AllocateTensor(
        (TF_DataType)s->chooser_type, s->chooser_dims.sizes, s->chooser_dims.rank,
        size * (size_t)(s->control == FF_STYLE_CONTROL_INDEX ? 1 : s->nb_values));
    return painter->chooser ? 0 : -ENOMEM;
}

int ff_style_open_painter(const StyleContext *ctx, const StyleModel *model, StylePainter *painter)
{
    painter->has_crew = ff_style_open_crew(&painter->crew) >= 0;
    if (!painter->has_crew)
        return ff_style_error(ctx, -ENOMEM, "the system gives no lock");
    if (model->plan)
        return 0;
    painter->status = model->tf->NewStatus();
    if (!painter->status || open_chooser(model, painter) < 0)
        return ff_style_error(ctx, -ENOMEM, "out of memory for a request");
    return 0;
}

void ff_style_close_painter(const StyleModel *model, StylePainter *painter)
{
    ff_style_free_program(&painter->program);
    if (painter->has_crew)
        ff_style_close_crew(&painter->crew);
    if (painter->image)
        model->tf->DeleteTensor(painter->image);
    if (painter->chooser)
        model->tf->DeleteTensor(painter->chooser);
    if (painter->status)
        model->tf->DeleteStatus(painter->status);
    free(painter->pixels);
    *painter = (StylePainter){0};
}

static StyleSample sample_of(int type)
{
    return type == TF_FLOAT ? FF_STYLE_SAMPLE_FLOAT : FF_STYLE_SAMPLE_UINT8;
}

static size_t image_size(const StyleFrame *frame, int type)
{
    return 3 * (size_t)frame->width * (size_t)frame->height *
           (type == TF_FLOAT ? sizeof(float) : 1);
}

/** The shape of an image for a frame of this size. */
static void write_dims(const StylePort *port, int64_t width, int64_t height, int64_t dims[4])
{
    const int64_t last[] = {1, height, width, 3}, first[] = {1, 3, height, width};

    memcpy(dims, port->channels_first ? first : last, sizeof(last));
}

static int has_size(const StyleTensorFlow *tf, const TF_Tensor *image, const StylePort *port,
                    const StyleFrame *frame)
{
    int64_t dims[4];

    write_dims(port, frame->width, frame->height, dims);
    for (int i = 0; i < 4; i++)
        if (tf->NumDims(image) != 4 || tf->Dim(image, i) != dims[i])
            return 0;
    return 1;
}

/** Makes the network's input, unless the frame before had the same size. */
static int prepare_image(const StyleContext *ctx, const StyleModel *model, StylePainter *painter,
                         const StyleFrame *frame)
{
    const StyleTensorFlow *tf = model->tf;
    const StyleSignature *const s = &model->signature;
    const int is_first = s->input.channels_first || s->output.channels_first;
    int64_t dims[4];

    if (painter->image && has_size(tf, painter->image, &s->input, frame))
        return 0;
    if (painter->image)
        tf->DeleteTensor(painter->image);
    free(painter->pixels);
    painter->pixels = is_first ? malloc(image_size(frame, TF_FLOAT)) : NULL;
    write_dims(&s->input, frame->width, frame->height, dims);
    painter->image =
        tf->AllocateTensor((TF_DataType)s->input.type, dims, 4, image_size(frame, s->input.type));
    if (!painter->image || (is_first && !painter->pixels))
        return ff_style_error(ctx, -ENOMEM, "out of memory for a frame of %dx%d pixels",
                              frame->width, frame->height);
    return 0;
}

/** The number of the style that has all the weight. */
static int chosen_style(const StyleModel *model, const float *weights)
{
    int index = 0;

    while (index < model->signature.nb_styles - 1 && weights[index] <= 0)
        index++;
    return index;
}

/** Writes the style that the request has as the graph takes it: its numbers, or the number of the one with all. */
static void write_chooser(const StyleModel *model, const float *values, void *chooser)
{
    const StyleSignature *const s = &model->signature;
    const int64_t index = chosen_style(model, values);

    if (s->control != FF_STYLE_CONTROL_INDEX)
        memcpy(chooser, values, (size_t)s->nb_values * sizeof(*values));
    else if (s->chooser_type == FF_STYLE_DT_INT64)
        memcpy(chooser, &index, sizeof(index));
    else
        memcpy(chooser, &(int32_t){(int32_t)index}, sizeof(int32_t));
}

static int run(const StyleContext *ctx, const StyleModel *model, StylePainter *painter,
               const float *chooser, TF_Tensor **painted)
{
    const StyleTensorFlow *tf = model->tf;
    const TF_Output inputs[] = {model->graph.input, model->graph.chooser};
    TF_Tensor *const values[] = {painter->image, painter->chooser};
    const TF_Buffer options = {run_on_this_thread, sizeof(run_on_this_thread), NULL};

    if (painter->chooser)
        write_chooser(model, chooser, tf->TensorData(painter->chooser));
    tf->SessionRun(model->session.session, &options, inputs, values, painter->chooser ? 2 : 1,
                   &model->graph.output, painted, 1, NULL, 0, NULL, painter->status);
    if (tf->GetCode(painter->status) != TF_OK)
        return ff_style_tf_error(ctx, tf, painter->status, -EIO,
                                 "TensorFlow failed to run the model on a frame");
    return 0;
}

static int check_painted(const StyleContext *ctx, const StyleModel *model, const StyleFrame *frame,
                         const TF_Tensor *painted)
{
    const StyleTensorFlow *tf = model->tf;
    const StylePort *output = &model->signature.output;
    const int rank = tf->NumDims(painted);
    char shape[256] = "[";

    if (has_size(tf, painted, output, frame) && (int)tf->TensorType(painted) == output->type &&
        tf->TensorByteSize(painted) >= image_size(frame, output->type))
        return 0;
    for (int i = 0; i < rank; i++)
        ff_style_append(shape, sizeof(shape), "%s%lld", i ? "," : "",
                        (long long)tf->Dim(painted, i));
    return ff_style_error(ctx, -EBADMSG,
                          "the model's output '%s' is %s %s] for a frame of %dx%d; expected %s "
                          "[1,%d,%d,3]: scale or pad the frames to a size that the model keeps",
                          tf->OperationName(model->graph.output.oper),
                          ff_style_type_name(tf->TensorType(painted)), shape, frame->width,
                          frame->height, ff_style_type_name(output->type), frame->height,
                          frame->width);
}

/** Copies pixels RGBRGB... to three planes RR...GG...BB..., or back. */
static void move_channels(const void *from, const StyleFrame *frame, StyleSample sample, int splits,
                          void *to)
{
    const size_t count = (size_t)frame->width * (size_t)frame->height;
    const ptrdiff_t unit = sample == FF_STYLE_SAMPLE_FLOAT ? sizeof(float) : 1;
    const ptrdiff_t pixel = 3 * unit, plane = (ptrdiff_t)count * unit;
    const StyleAxis axes[] = {{3, splits ? unit : plane, splits ? plane : unit},
                              {count, splits ? pixel : unit, splits ? unit : pixel}};

    ff_style_move(from, axes, 2, (size_t)unit, to);
}

/** Writes the frame into the network's image. */
static void read_frame(const StyleModel *model, const StylePainter *painter,
                       const StyleFrame *frame)
{
    const StylePort *const port = &model->signature.input;
    const StyleSample sample = sample_of(port->type);
    void *const image = model->tf->TensorData(painter->image);

    ff_style_read_frame(frame, port->channels_first ? painter->pixels : image, sample, port->range);
    if (port->channels_first)
        move_channels(painter->pixels, frame, sample, 1, image);
}

/** Writes rows of the painting into those of the frame, mixed with the source, or as they are onto the canvas. */
static void write_rows(const StyleRequest *request, StyleFrame frame, const void *pixels,
                       StyleSample sample, StyleRange range)
{
    if (!request->canvas)
        ff_style_write_frame(&frame, pixels, sample, range, request->strength, request->colors);
    else
        ff_style_write_frame(&frame, pixels, sample, range, 1, FF_STYLE_COLORS_STYLE);
}

/** The frame, with the canvas as what is written where there is one. */
static StyleFrame target_of(const StyleRequest *request)
{
    StyleFrame frame = request->frame;

    if (request->canvas) {
        frame.dst = request->canvas;
        frame.dst_stride = 3 * frame.width;
    }
    return frame;
}

/** Writes the network's image into the frame. */
static void write_frame(const StyleModel *model, const StylePainter *painter,
                        const StyleRequest *request, const TF_Tensor *painted)
{
    const StylePort *const port = &model->signature.output;
    const StyleFrame *const frame = &request->frame;
    const StyleSample sample = sample_of(port->type);
    const void *const image = model->tf->TensorData(painted);

    if (port->channels_first)
        move_channels(image, frame, sample, 0, painter->pixels);
    write_rows(request, target_of(request), port->channels_first ? painter->pixels : image, sample,
               port->range);
}

static int paint_by_tensorflow(const StyleContext *ctx, const StyleModel *model,
                               StylePainter *painter, const StyleRequest *request)
{
    TF_Tensor *painted = NULL;
    int ret;

    if ((ret = prepare_image(ctx, model, painter, &request->frame)) < 0)
        return ret;
    read_frame(model, painter, &request->frame);
    if ((ret = run(ctx, model, painter, request->chooser, &painted)) >= 0 &&
        (ret = check_painted(ctx, model, &request->frame, painted)) >= 0)
        write_frame(model, painter, request, painted);
    if (painted)
        model->tf->DeleteTensor(painted);
    return ret;
}

/* By the plan */

static void choose_style(const StyleModel *model, const float *values, StyleProgram *program)
{
    const float index = (float)chosen_style(model, values);
    const int is_index = model->signature.control == FF_STYLE_CONTROL_INDEX;

    ff_style_choose(program, is_index ? &index : values);
}

/* Parts of a frame that threads take, of as many rows at the least. */
#define MOST_PARTS 64
#define PART_ROWS 16

/** A frame's way into a program, or out of it. */
typedef struct Transfer {
    const StyleRequest *request;
    StyleFrame frame;
    uint8_t *pixels; ///< of the program
    int rows;        ///< of a part
} Transfer;

/** Rows of some parts, as a frame; `pixels` becomes where their first one is. */
static StyleFrame rows_of(const Transfer *transfer, const StyleParts *parts, uint8_t **pixels)
{
    StyleFrame rows = transfer->frame;
    const int y = parts->first * transfer->rows, last = parts->end * transfer->rows;

    rows.src += y * rows.src_stride;
    rows.dst += y * rows.dst_stride;
    rows.height = (last < rows.height ? last : rows.height) - y;
    *pixels = transfer->pixels + 3 * (size_t)rows.width * (size_t)y;
    return rows;
}

static void read_parts(void *job, const StyleParts *parts)
{
    uint8_t *pixels;
    const StyleFrame rows = rows_of(job, parts, &pixels);

    ff_style_read_frame(&rows, pixels, FF_STYLE_SAMPLE_UINT8, FF_STYLE_RANGE_255);
}

static void write_parts(void *job, const StyleParts *parts)
{
    uint8_t *pixels;
    const StyleFrame rows = rows_of(job, parts, &pixels);

    write_rows(((const Transfer *)job)->request, rows, pixels, FF_STYLE_SAMPLE_UINT8,
               FF_STYLE_RANGE_255);
}

/** With as many threads as help. */
static void run_program(StyleProgram *program, StyleCrew *crew, const StyleRequest *request)
{
    const int height = request->frame.height;
    const int rows = height < MOST_PARTS * PART_ROWS ? PART_ROWS : height / MOST_PARTS + 1;
    const int parts = (height + rows - 1) / rows;
    Transfer in = {request, request->frame, ff_style_stored(program, program->frame), rows};
    Transfer out = {request, target_of(request), ff_style_stored(program, program->painting), rows};

    ff_style_share(crew, read_parts, &in, parts);
    ff_style_run_program(program, crew);
    ff_style_share(crew, write_parts, &out, parts);
}

static int paint_by_plan(const StyleContext *ctx, const StyleModel *model, StylePainter *painter,
                         const StyleRequest *request)
{
    StyleProgram *const program = &painter->program;
    const StyleFrame *const frame = &request->frame;
    int ret;

    if (program->width != frame->width || program->height != frame->height) {
        ff_style_free_program(program);
        ret = ff_style_make_program(ctx, model->plan, frame->width, frame->height, program);
        if (ret < 0) {
            ff_style_free_program(program);
            return ret;
        }
    }
    choose_style(model, request->chooser, program);
    if (ff_style_equip_crew(&painter->crew, program->thread_size) < 0)
        return ff_style_error(ctx, -ENOMEM, "out of memory for a frame");
    run_program(program, &painter->crew, request);
    return 0;
}

/** Keeps the reason for the thread that receives the frame. */
static void keep_message(void *request, StyleLogLevel level, const char *message)
{
    (void)level;
    snprintf(((StyleRequest *)request)->message, FF_STYLE_MESSAGE_SIZE, "%s", message);
}

void ff_style_paint(const StyleModel *model, StylePainter *painter, StyleRequest *request)
{
    StyleSettings own; // the engine's threads take no memory by the caller's functions
    StyleContext ctx = {.opaque = request, .log = keep_message};
    int ret = 0;

    ff_style_default_settings(&own);
    ctx.alloc = own.alloc;
    ctx.free = own.free;
    if (request->strength <= 0)
        ff_style_copy_frame(&request->frame);
    else if (model->plan)
        ret = paint_by_plan(&ctx, model, painter, request);
    else
        ret = paint_by_tensorflow(&ctx, model, painter, request);
    request->result = ret < 0 ? ret : 1;
}
