/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
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
#include <stdio.h>
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

int ff_style_open_painter(const StyleContext *ctx, const StyleModel *model, StylePainter *painter)
{
    const StyleTensorFlow *tf = model->tf;
    const int64_t count = model->graph.nb_styles;

    painter->status = tf->NewStatus();
    if (model->graph.weights.oper)
        painter->style_weights =
            tf->AllocateTensor(TF_FLOAT, &count, 1, (size_t)count * sizeof(float));
    if (!painter->status || (model->graph.weights.oper && !painter->style_weights))
        return ff_style_error(ctx, -ENOMEM, "out of memory for a request");
    return 0;
}

void ff_style_close_painter(const StyleModel *model, StylePainter *painter)
{
    if (painter->image)
        model->tf->DeleteTensor(painter->image);
    if (painter->style_weights)
        model->tf->DeleteTensor(painter->style_weights);
    if (painter->status)
        model->tf->DeleteStatus(painter->status);
    *painter = (StylePainter){0};
}

static StyleSample sample_of(TF_DataType type)
{
    return type == TF_FLOAT ? FF_STYLE_SAMPLE_FLOAT : FF_STYLE_SAMPLE_UINT8;
}

static size_t image_size(const StyleFrame *frame, TF_DataType type)
{
    return 3 * (size_t)frame->width * (size_t)frame->height *
           (type == TF_FLOAT ? sizeof(float) : 1);
}

static int has_size(const StyleTensorFlow *tf, const TF_Tensor *image, int width, int height)
{
    return tf->NumDims(image) == 4 && tf->Dim(image, 0) == 1 && tf->Dim(image, 1) == height &&
           tf->Dim(image, 2) == width && tf->Dim(image, 3) == 3;
}

/** Makes the network's input, unless the frame before had the same size. */
static int prepare_image(const StyleContext *ctx, const StyleModel *model, StylePainter *painter,
                         const StyleFrame *frame)
{
    const StyleTensorFlow *tf = model->tf;
    const TF_DataType type = model->graph.input.type;
    const int64_t dims[] = {1, frame->height, frame->width, 3};

    if (painter->image && has_size(tf, painter->image, frame->width, frame->height))
        return 0;
    if (painter->image)
        tf->DeleteTensor(painter->image);
    painter->image = tf->AllocateTensor(type, dims, 4, image_size(frame, type));
    if (!painter->image)
        return ff_style_error(ctx, -ENOMEM, "out of memory for a frame of %dx%d pixels",
                              frame->width, frame->height);
    return 0;
}

static int run(const StyleContext *ctx, const StyleModel *model, StylePainter *painter,
               const float *weights, TF_Tensor **painted)
{
    const StyleTensorFlow *tf = model->tf;
    const StyleGraph *graph = &model->graph;
    const TF_Output inputs[] = {graph->input.tensor, graph->weights};
    TF_Tensor *const values[] = {painter->image, painter->style_weights};
    const TF_Buffer options = {run_on_this_thread, sizeof(run_on_this_thread), NULL};

    if (painter->style_weights)
        memcpy(tf->TensorData(painter->style_weights), weights,
               (size_t)graph->nb_styles * sizeof(*weights));
    tf->SessionRun(model->session.session, &options, inputs, values, painter->style_weights ? 2 : 1,
                   &graph->output.tensor, painted, 1, NULL, 0, NULL, painter->status);
    if (tf->GetCode(painter->status) != TF_OK)
        return ff_style_tf_error(ctx, tf, painter->status, -EIO,
                                 "TensorFlow failed to run the model on a frame");
    return 0;
}

static int check_painted(const StyleContext *ctx, const StyleModel *model, const StyleFrame *frame,
                         const TF_Tensor *painted)
{
    const StyleTensorFlow *tf = model->tf;
    const StylePort *output = &model->graph.output;
    const int rank = tf->NumDims(painted);
    char shape[256] = "[";

    if (has_size(tf, painted, frame->width, frame->height) &&
        tf->TensorType(painted) == output->type &&
        tf->TensorByteSize(painted) >= image_size(frame, output->type))
        return 0;
    for (int i = 0; i < rank; i++)
        ff_style_append(shape, sizeof(shape), "%s%lld", i ? "," : "",
                        (long long)tf->Dim(painted, i));
    return ff_style_error(
        ctx, -EBADMSG,
        "the model's output '%s' is %s %s] for a frame of %dx%d; expected %s "
        "[1,%d,%d,3]: scale or pad the frames to a size that the model keeps",
        tf->OperationName(output->tensor.oper), ff_style_type_name(tf->TensorType(painted)), shape,
        frame->width, frame->height, ff_style_type_name(output->type), frame->height, frame->width);
}

static int paint(const StyleContext *ctx, const StyleModel *model, StylePainter *painter,
                 const StyleRequest *request)
{
    const StyleTensorFlow *tf = model->tf;
    const StyleGraph *graph = &model->graph;
    const StyleFrame *frame = &request->frame;
    TF_Tensor *painted = NULL;
    int ret;

    if ((ret = prepare_image(ctx, model, painter, frame)) < 0)
        return ret;
    ff_style_read_frame(frame, tf->TensorData(painter->image), sample_of(graph->input.type),
                        graph->range);
    if ((ret = run(ctx, model, painter, request->weights, &painted)) >= 0 &&
        (ret = check_painted(ctx, model, frame, painted)) >= 0)
        ff_style_write_frame(frame, tf->TensorData(painted), sample_of(graph->output.type),
                             graph->range, request->strength, request->colors);
    if (painted)
        tf->DeleteTensor(painted);
    return ret;
}

/** Keeps the reason for the thread that receives the frame. */
static void keep_message(void *request, StyleLogLevel level, const char *message)
{
    (void)level;
    snprintf(((StyleRequest *)request)->message, FF_STYLE_MESSAGE_SIZE, "%s", message);
}

void ff_style_paint(const StyleModel *model, StylePainter *painter, StyleRequest *request)
{
    const StyleContext ctx = {.opaque = request, .log = keep_message};
    int ret = 0;

    if (request->strength <= 0)
        ff_style_copy_frame(&request->frame);
    else
        ret = paint(&ctx, model, painter, request);
    request->result = ret < 0 ? ret : 1;
}
