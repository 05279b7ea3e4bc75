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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signature.h"

#define MAX_RANK 8

/* The names of this project's graphs, and the smallest frame that they take. */
#define FRAME "frame"
#define STYLED "styled"
#define STYLE_WEIGHTS "style_weights"
#define MIN_SIZE 16

/** The shape of a tensor as far as the graph tells it; -1: not known. */
typedef struct Shape {
    int rank;
    int64_t dims[MAX_RANK];
} Shape;

/** What the steps below share. */
typedef struct Import {
    const StyleContext *ctx;
    const StyleTensorFlow *tf;
    TF_Status *status;
    const char *path;
    StyleGraph *graph;
} Import;

static int import_file(const Import *im, const StyleGraphDef *file, const char *device)
{
    const StyleTensorFlow *tf = im->tf;
    TF_ImportGraphDefOptions *options = tf->NewImportGraphDefOptions();
    TF_Buffer *buffer = tf->NewBuffer();
    int ret = 0;

    if (!options || !buffer) {
        ret = ff_style_error(im->ctx, -ENOMEM, "out of memory for the graph of '%s'", im->path);
        goto end;
    }
    if (device)
        tf->ImportGraphDefOptionsSetDefaultDevice(options, device);
    buffer->data = file->data; // stays ours: no deallocator
    buffer->length = file->size;
    tf->GraphImportGraphDef(im->graph->graph, buffer, options, im->status);
    if (tf->GetCode(im->status) != TF_OK)
        ret = ff_style_tf_error(im->ctx, tf, im->status, -EBADMSG,
                                "the model is not a graph that TensorFlow can import");
end:
    if (buffer)
        tf->DeleteBuffer(buffer);
    if (options)
        tf->DeleteImportGraphDefOptions(options);
    return ret;
}

static TF_Operation *next_operation(const Import *im, size_t *position)
{
    return im->tf->GraphNextOperation(im->graph->graph, position);
}

/** The file was looked through before, by a reader of our own: trust, but look at what TensorFlow made. */
static int check_operations(const Import *im)
{
    size_t position = 0;
    TF_Operation *op;

    while ((op = next_operation(im, &position))) {
        const char *type = im->tf->OperationOpType(op);

        if (!ff_style_op_is_allowed(type, strlen(type)))
            return ff_style_error(
                im->ctx, -EBADMSG,
                "model '%s' is refused: its node '%s' became a '%s', which is not "
                "among the feed-forward operations that a style network needs",
                im->path, im->tf->OperationName(op), type);
    }
    return 0;
}

static int get_shape(const Import *im, TF_Output tensor, Shape *shape)
{
    const StyleTensorFlow *tf = im->tf;

    shape->rank = tf->GraphGetTensorNumDims(im->graph->graph, tensor, im->status);
    if (tf->GetCode(im->status) == TF_OK && shape->rank > 0 && shape->rank <= MAX_RANK)
        tf->GraphGetTensorShape(im->graph->graph, tensor, shape->dims, shape->rank, im->status);
    if (tf->GetCode(im->status) != TF_OK)
        return ff_style_tf_error(im->ctx, tf, im->status, -EBADMSG,
                                 "the model's shapes can't be read");
    return 0;
}

static void print_shape(const Shape *shape, char *text, size_t size)
{
    snprintf(text, size,
             shape->rank < 0          ? "any shape"
             : shape->rank > MAX_RANK ? "rank %d"
                                      : "[",
             shape->rank);
    if (shape->rank < 0 || shape->rank > MAX_RANK)
        return;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            ff_style_append(text, size, "%s?", i ? "," : "");
        else
            ff_style_append(text, size, "%s%lld", i ? "," : "", (long long)shape->dims[i]);
    ff_style_append(text, size, "]");
}

static int is_sink(const Import *im, TF_Operation *op)
{
    const char *type = im->tf->OperationOpType(op);
    const int outputs = im->tf->OperationNumOutputs(op);

    if (!outputs || !strcmp(type, "Const") || !strncmp(type, "Placeholder", 11))
        return 0;
    for (int i = 0; i < outputs; i++)
        if (im->tf->OperationOutputNumConsumers((TF_Output){op, i}))
            return 0;
    return 1;
}

static int is_placeholder(const Import *im, TF_Operation *op)
{
    return !strcmp(im->tf->OperationOpType(op), "Placeholder");
}

/** Finds the one operation of its kind, and says which there are when it is not one. */
static int find_only(const Import *im, int (*is_wanted)(const Import *, TF_Operation *),
                     const char *kind, const char *option, TF_Output *found)
{
    char names[FF_STYLE_MESSAGE_SIZE / 2] = "";
    size_t position = 0;
    TF_Operation *op;
    int count = 0;

    while ((op = next_operation(im, &position))) {
        if (!is_wanted(im, op))
            continue;
        if (count < 10)
            ff_style_append(names, sizeof(names), "%s%s", count ? ", " : "",
                            im->tf->OperationName(op));
        *found = (TF_Output){op, 0};
        count++;
    }
    if (count == 1)
        return 0;
    if (!count)
        return ff_style_error(im->ctx, -EBADMSG,
                              "model '%s' has no %s, which every style network has", im->path,
                              kind);
    return ff_style_error(im->ctx, -EBADMSG,
                          "model '%s' has %d operations that could be the %s (%s%s): choose one "
                          "by the option '%s'",
                          im->path, count, kind, names, count > 10 ? ", ..." : "", option);
}

/** Finds an output by its name, "operation" or "operation:index". */
static int find_named(const Import *im, const char *name, const char *option, TF_Output *found)
{
    const char *const colon = strrchr(name, ':');
    const size_t length = colon ? (size_t)(colon - name) : strlen(name);
    char *const operation = ff_style_copy(im->ctx, name, length);
    char *rest = NULL;
    long index = colon ? strtol(colon + 1, &rest, 10) : 0;

    if (!operation)
        return -ENOMEM;
    found->oper = im->tf->GraphOperationByName(im->graph->graph, operation);
    ff_style_free(im->ctx, operation);
    if (!found->oper)
        return ff_style_error(im->ctx, -EBADMSG,
                              "model '%s' has no operation '%s', as the option '%s' has it",
                              im->path, name, option);
    if ((rest && *rest) || index < 0 || index >= im->tf->OperationNumOutputs(found->oper))
        return ff_style_error(im->ctx, -EBADMSG,
                              "option '%s': the operation has %d outputs, and '%s' is none of them",
                              option, im->tf->OperationNumOutputs(found->oper), name);
    found->index = (int)index;
    return 0;
}

/** Finds an operation by a name that is this project's own; NULL when there is none. */
static int find_reserved(const Import *im, const char *name, TF_Operation **found)
{
    *found = im->tf->GraphOperationByName(im->graph->graph, name);
    if (*found && !im->tf->OperationNumOutputs(*found))
        return ff_style_error(im->ctx, -EBADMSG,
                              "model '%s': expected a tensor by the name '%s', found an operation "
                              "of type %s, which has none",
                              im->path, name, im->tf->OperationOpType(*found));
    return 0;
}

static int find_ports(const Import *im, const StyleCard *card, const StyleSettings *settings)
{
    StyleGraph *graph = im->graph;
    TF_Operation *frame, *styled;
    int ret, ours;

    if ((ret = find_reserved(im, FRAME, &frame)) < 0 ||
        (ret = find_reserved(im, STYLED, &styled)) < 0)
        return ret;
    ours = frame && styled;
    if (settings->input && *settings->input)
        ret = find_named(im, settings->input, "input", &graph->input.tensor);
    else if (ours)
        graph->input.tensor = (TF_Output){frame, ret = 0};
    else
        ret = find_only(im, is_placeholder, "image input (Placeholder)", "input",
                        &graph->input.tensor);
    if (ret < 0)
        return ret;

    if (settings->output && *settings->output)
        ret = find_named(im, settings->output, "output", &graph->output.tensor);
    else if (ours)
        graph->output.tensor = (TF_Output){styled, 0};
    else if (frame && card->text)
        ret = ff_style_error(im->ctx, -EBADMSG,
                             "model '%s' has a '%s' but no '%s', though it has a card of this "
                             "project: it was cut short; get it anew",
                             im->path, FRAME, STYLED);
    else
        ret = find_only(im, is_sink, "image output (one that nothing takes)", "output",
                        &graph->output.tensor);
    graph->min_size = ours ? MIN_SIZE : 1;
    return ret;
}

static int fits(int64_t dim, int64_t expected)
{
    return dim < 0 || dim == expected;
}

static int check_port(const Import *im, const char *role, StylePort *port)
{
    TF_Operation *op = port->tensor.oper;
    char found[MAX_RANK * 24];
    Shape shape;
    int ret;

    port->type = im->tf->OperationOutputType(port->tensor);
    if ((ret = get_shape(im, port->tensor, &shape)) < 0)
        return ret;
    print_shape(&shape, found, sizeof(found));
    if ((port->type != TF_UINT8 && port->type != TF_FLOAT) ||
        (shape.rank >= 0 &&
         (shape.rank != 4 || !fits(shape.dims[0], 1) || !fits(shape.dims[3], 3) ||
          (shape.dims[1] == 3 && shape.dims[3] < 0) || // channels first
          shape.dims[1] > INT_MAX || shape.dims[2] > INT_MAX || !shape.dims[1] || !shape.dims[2])))
        return ff_style_error(im->ctx, -EBADMSG,
                              "model '%s': the image %s '%s' is %s %s; expected uint8 or float32 "
                              "[1,height,width,3], which is one RGB image",
                              im->path, role, im->tf->OperationName(op),
                              ff_style_type_name(port->type), found);
    if (shape.rank == 4) {
        port->height = shape.dims[1] > 0 ? (int)shape.dims[1] : 0;
        port->width = shape.dims[2] > 0 ? (int)shape.dims[2] : 0;
    }
    return 0;
}

static int check_sizes(const Import *im)
{
    StyleGraph *graph = im->graph;
    const StylePort *in = &graph->input, *out = &graph->output;

    if ((in->width && out->width && in->width != out->width) ||
        (in->height && out->height && in->height != out->height))
        return ff_style_error(im->ctx, -EBADMSG,
                              "model '%s' makes %dx%d of an image of %dx%d (0: any); expected the "
                              "same size",
                              im->path, out->width, out->height, in->width, in->height);
    graph->width = in->width ? in->width : out->width;
    graph->height = in->height ? in->height : out->height;
    return 0;
}

static int find_styles(const Import *im, const StyleCard *card)
{
    StyleGraph *graph = im->graph;
    TF_Operation *op;
    TF_Output weights;
    const int expected = card->nb_styles > 1 ? card->nb_styles : 1;
    char found[MAX_RANK * 24] = "not there";
    Shape shape = {.rank = -1};
    int ret;

    graph->nb_styles = 1;
    if ((ret = find_reserved(im, STYLE_WEIGHTS, &op)) < 0 || (!op && expected == 1))
        return ret;
    weights = (TF_Output){op, 0};
    if (op) {
        if ((ret = get_shape(im, weights, &shape)) < 0)
            return ret;
        print_shape(&shape, found, sizeof(found));
    }
    if (!op || im->tf->OperationOutputType(weights) != TF_FLOAT || shape.rank != 1 ||
        shape.dims[0] < 1 || shape.dims[0] > FF_STYLE_MAX_STYLES ||
        (card->nb_styles && shape.dims[0] != card->nb_styles))
        return ff_style_error(im->ctx, -EBADMSG,
                              "model '%s': '%s' is %s %s; expected float32 [%d], a weight for each "
                              "style on its card",
                              im->path, STYLE_WEIGHTS,
                              op ? ff_style_type_name(im->tf->OperationOutputType(weights)) : "",
                              found, expected);
    graph->weights = weights;
    graph->nb_styles = (int)shape.dims[0];
    return 0;
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/** The channels that a convolution gives; 0: another operation, or not known. */
static int convolution_channels(const Import *im, TF_Operation *op, int *channels)
{
    const char *type = im->tf->OperationOpType(op);
    const int transposed = !strcmp(type, "Conv2DBackpropInput");
    Shape kernel;
    int ret;

    *channels = 0;
    if ((!transposed && strcmp(type, "Conv2D")) || im->tf->OperationNumInputs(op) < 2)
        return 0;
    if ((ret = get_shape(im, im->tf->OperationInput((TF_Input){op, 1}), &kernel)) < 0)
        return ret;
    if (kernel.rank == 4 && kernel.dims[3 - transposed] > 0 &&
        kernel.dims[3 - transposed] < 1 << 20)
        *channels = (int)kernel.dims[3 - transposed];
    return 0;
}

static int find_median_channels(const Import *im)
{
    int channels[1024], count = 0, ret; // more convolutions would not change the picture
    size_t position = 0;
    TF_Operation *op;

    while (count < 1024 && (op = next_operation(im, &position))) {
        if ((ret = convolution_channels(im, op, &channels[count])) < 0)
            return ret;
        count += channels[count] > 0;
    }
    qsort(channels, (size_t)count, sizeof(*channels), compare_ints);
    im->graph->channels = count ? channels[count / 2] : 0;
    return 0;
}

/* Operations that are looked at for the norms: beyond, what they depend on is taken for the worst. */
#define MAX_LOOKED_AT 100000
#define MAX_DEPTH 200

/** Whether a tensor is the work of an operation that bfloat16 would be taken for. */
static int is_computed(const Import *im, TF_Output tensor, int depth, int *looked_at)
{
    static const char *const ops[] = {"Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative",
                                      "Einsum", "MatMul"};
    const char *type = im->tf->OperationOpType(tensor.oper);

    if (depth > MAX_DEPTH || ++*looked_at > MAX_LOOKED_AT)
        return 1;
    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        if (!strcmp(type, ops[i]))
            return 1;
    for (int i = 0; i < im->tf->OperationNumInputs(tensor.oper); i++)
        if (is_computed(im, im->tf->OperationInput((TF_Input){tensor.oper, i}), depth + 1,
                        looked_at))
            return 1;
    return 0;
}

/** TensorFlow 2.21 ends the process over such a norm when it rounds the rest of the graph to bfloat16. */
static void find_computed_norms(const Import *im)
{
    size_t position = 0;
    TF_Operation *op;
    int looked_at = 0;

    while (!im->graph->computed_norms && (op = next_operation(im, &position)))
        if (!strncmp(im->tf->OperationOpType(op), "FusedBatchNorm", 14))
            for (int i = 1; i < 3 && i < im->tf->OperationNumInputs(op); i++)
                im->graph->computed_norms |=
                    is_computed(im, im->tf->OperationInput((TF_Input){op, i}), 0, &looked_at);
}

static int find_signature(const Import *im, const StyleCard *card, const StyleSettings *settings)
{
    StyleGraph *graph = im->graph;
    int ret;

    if ((ret = find_ports(im, card, settings)) < 0 ||
        (ret = check_port(im, "input", &graph->input)) < 0 ||
        (ret = check_port(im, "output", &graph->output)) < 0 || (ret = check_sizes(im)) < 0 ||
        (ret = find_styles(im, card)) < 0)
        return ret;
    graph->range = settings->range;
    if (graph->range == FF_STYLE_RANGE_AUTO)
        graph->range = graph->output.type == TF_FLOAT
                           ? ff_style_find_range(im->tf, graph->output.tensor)
                           : FF_STYLE_RANGE_255;
    find_computed_norms(im);
    return find_median_channels(im);
}

int ff_style_import_graph(const StyleContext *ctx, const StyleTensorFlow *tf,
                          const StyleGraphDef *file, const StyleCard *card,
                          const StyleSettings *settings, const char *device, StyleGraph *graph)
{
    const Import im = {ctx, tf, tf->NewStatus(), file->path, graph};
    int ret;

    *graph = (StyleGraph){.graph = tf->NewGraph(), .rewritten = file->rewritten};
    if (!im.status || !graph->graph)
        ret = ff_style_error(ctx, -ENOMEM, "out of memory for the graph of '%s'", file->path);
    else if ((ret = import_file(&im, file, device)) >= 0 &&
             (file->rewritten || (ret = check_operations(&im)) >= 0))
        ret = find_signature(&im, card, settings);
    if (im.status)
        tf->DeleteStatus(im.status);
    return ret;
}

void ff_style_free_graph(const StyleTensorFlow *tf, StyleGraph *graph)
{
    if (graph->graph)
        tf->DeleteGraph(graph->graph);
    *graph = (StyleGraph){0};
}
