/*
 * Finds the ports of a graph, and says why one can't be used.
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

/* The names of this project's graphs, and the smallest frame that they take. */
#define FRAME "frame"
#define STYLED "styled"
#define STYLE_WEIGHTS "style_weights"
#define STYLE_VECTOR "style_vector"
#define PAINTING "painting"
#define PAINTING_VECTOR "painting_vector"
#define MIN_SIZE 16

/** What the steps below share. */
typedef struct Reading {
    const StyleContext *ctx;
    const char *path;
    const StyleNodes *nodes;
    const StyleSettings *settings;
    StyleShapes shapes;
    StyleSignature *signature;
} Reading;

static const StyleNode *node_of(const Reading *r, StyleSource source)
{
    return &r->nodes->nodes[source.node];
}

/** Marks what those that are marked depend on. */
static void mark_needed(const Reading *r, uint8_t *needed)
{
    for (int i = r->nodes->nb_nodes - 1; i >= 0; i--) { // users before those that they take from
        const StyleNode *const node = &r->nodes->nodes[r->nodes->order[i]];

        if (!needed[r->nodes->order[i]] || r->nodes->order[i] == r->signature->input.source.node)
            continue; // what is in front of a node that is fed is not run
        for (int k = 0; k < node->nb_inputs + node->nb_controls; k++)
            needed[node->inputs[k].node] = 1; // the controls lie behind the inputs
    }
}

/** Marks what depends on a node, and the node itself. */
static void mark_fed(const Reading *r, int number, uint8_t *fed)
{
    fed[number] = 1;
    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        const StyleNode *const node = &r->nodes->nodes[r->nodes->order[i]];

        for (int k = 0; k < node->nb_inputs; k++)
            fed[r->nodes->order[i]] |= fed[node->inputs[k].node];
    }
}

static uint8_t *alloc_marks(const Reading *r)
{
    return ff_style_alloc(r->ctx, (size_t)r->nodes->nb_nodes + !r->nodes->nb_nodes);
}

static int fits(int64_t size, int64_t expected)
{
    return size < 0 || size == expected;
}

/** Whether a tensor's three dimensions behind the first may be those of an RGB image, channels last or first. */
static int may_be_image(const StyleDims *dims)
{
    return dims->rank < 0 || (dims->rank == 4 && fits(dims->sizes[0], 1) &&
                              (fits(dims->sizes[3], 3) || dims->sizes[1] == 3));
}

static int is_candidate(const Reading *r, int number)
{
    const StyleShape *const shape = &r->shapes.nodes[number];

    return may_be_image(&shape->dims) &&
           (shape->type == FF_STYLE_DT_UINT8 || shape->type == FF_STYLE_DT_FLOAT);
}

static int is_placeholder(const Reading *r, int number)
{
    return ff_style_node_is(&r->nodes->nodes[number], "Placeholder");
}

/** A node whose results nobody takes, and that depends on one that is fed. */
static int is_end(const Reading *r, int number, const uint8_t *fed)
{
    return fed[number] && !r->nodes->nodes[number].nb_uses && !is_placeholder(r, number) &&
           !ff_style_node_is(&r->nodes->nodes[number], "NoOp");
}

/**
 * Takes the one node that is marked; of several, the one that may be an image. Says which there are when that
 * leaves none, or several.
 */
static int take_only(const Reading *r, const uint8_t *marks, const char *kind, const char *option,
                     StyleSource *found)
{
    char names[FF_STYLE_MESSAGE_SIZE / 2] = "";
    int all = 0, images = 0, shown = 0;

    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        all += marks[i];
        images += marks[i] && is_candidate(r, i);
    }
    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        if (!marks[i] || (images && !is_candidate(r, i)))
            continue;
        *found = (StyleSource){i, 0};
        if (shown++ < 10)
            ff_style_append(names, sizeof(names), "%s%.*s", shown > 1 ? ", " : "",
                            FF_STYLE_SPAN_ARGUMENTS(r->nodes->nodes[i].name));
    }
    if (shown == 1)
        return 0;
    if (!all)
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' has no %s, which every style network has", r->path, kind);
    return ff_style_error(r->ctx, -EBADMSG,
                          "model '%s' has %d operations that could be the %s (%s%s): choose one "
                          "by the option '%s'",
                          r->path, shown, kind, names, shown > 10 ? ", ..." : "", option);
}

/** More outputs than a node has, of those that have several, or 1. */
static int most_outputs(const StyleNode *node)
{
    static const char *const ops[] = {"IdentityN", "ShapeN", "Split", "SplitV", "TopKV2", "Unpack"};

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        if (ff_style_node_is(node, ops[i]))
            return 100;
    return node->op.size >= 14 && !memcmp(node->op.data, "FusedBatchNorm", 14) ? 6 : 1;
}

/** Finds an output by its name, "operation" or "operation:index". */
static int find_named(const Reading *r, const char *name, const char *option, StyleSource *found)
{
    const char *const colon = strrchr(name, ':');
    const size_t length = colon ? (size_t)(colon - name) : strlen(name);
    char *rest = NULL;
    const long index = colon ? strtol(colon + 1, &rest, 10) : 0;

    found->node = ff_style_find_node(r->nodes, (StyleSpan){(const uint8_t *)name, length});
    if (found->node < 0)
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' has no operation '%s', as the option '%s' has it",
                              r->path, name, option);
    if ((rest && (*rest || rest == colon + 1)) || index < 0 ||
        index >= most_outputs(node_of(r, *found)))
        return ff_style_error(r->ctx, -EBADMSG,
                              "option '%s': expected the name of an operation, or with the number "
                              "of one of its outputs as in 'split:1', found '%s'",
                              option, name);
    found->output = (int)index;
    return 0;
}

/** Finds a tensor by a name that is this project's own; its node is -1 when there is none. */
static int find_reserved(const Reading *r, const char *name, StyleSource *found)
{
    *found = (StyleSource){
        ff_style_find_node(r->nodes, (StyleSpan){(const uint8_t *)name, strlen(name)}), 0};
    if (found->node >= 0 && ff_style_node_is(node_of(r, *found), "NoOp"))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s': expected a tensor by the name '%s', found an operation "
                              "of type NoOp, which has none",
                              r->path, name);
    return 0;
}

/** The image input: a placeholder that one of the ends depends on. */
static int find_input(const Reading *r, StyleSource *found)
{
    uint8_t *const marks = alloc_marks(r), *const needed = alloc_marks(r);
    const StyleSource output = r->signature->output.source;
    int ret = -ENOMEM;

    if (marks && needed) {
        for (int i = 0; i < r->nodes->nb_nodes; i++)
            needed[i] = output.node < 0 ? !r->nodes->nodes[i].nb_uses && !is_placeholder(r, i)
                                        : i == output.node;
        mark_needed(r, needed);
        for (int i = 0; i < r->nodes->nb_nodes; i++)
            marks[i] = needed[i] && is_placeholder(r, i);
        ret = take_only(r, marks, "image input (Placeholder)", "input", found);
    }
    ff_style_free(r->ctx, marks);
    ff_style_free(r->ctx, needed);
    return ret;
}

/** The image output: the end of what depends on the input. */
static int find_output(const Reading *r, StyleSource *found)
{
    uint8_t *const marks = alloc_marks(r), *const fed = alloc_marks(r);
    int ret = -ENOMEM;

    if (marks && fed) {
        mark_fed(r, r->signature->input.source.node, fed);
        for (int i = 0; i < r->nodes->nb_nodes; i++)
            marks[i] = (uint8_t)is_end(r, i, fed);
        ret = take_only(r, marks, "image output (one that nothing takes)", "output", found);
    }
    ff_style_free(r->ctx, marks);
    ff_style_free(r->ctx, fed);
    return ret;
}

static int find_ports(const Reading *r, const StyleCard *card)
{
    const StyleSettings *const settings = r->settings;
    StyleSource *const input = &r->signature->input.source;
    StyleSource *const output = &r->signature->output.source;
    StyleSource frame, styled;
    int ret, ours;

    *input = *output = (StyleSource){-1, 0};
    if ((ret = find_reserved(r, FRAME, &frame)) < 0 ||
        (ret = find_reserved(r, STYLED, &styled)) < 0)
        return ret;
    ours = frame.node >= 0 && styled.node >= 0;
    r->signature->min_size = ours ? MIN_SIZE : 1;
    if (frame.node >= 0 && styled.node < 0 && card->text &&
        !(settings->output && *settings->output))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' has a '%s' but no '%s', though it has a card of this "
                              "project: it was cut short; get it anew",
                              r->path, FRAME, STYLED);
    if (ours)
        *input = frame, *output = styled;
    if (settings->output && *settings->output &&
        (ret = find_named(r, settings->output, "output", output)) < 0)
        return ret;
    if (settings->input && *settings->input &&
        (ret = find_named(r, settings->input, "input", input)) < 0)
        return ret;
    if (input->node < 0 && (ret = find_input(r, input)) < 0)
        return ret;
    return output->node < 0 ? find_output(r, output) : 0;
}

/** `type` and `dims` are what the graph tells of the port. */
static int check_port(const Reading *r, const char *role, StylePort *port)
{
    const StyleDims dims = ff_style_dims_of(r->nodes, &r->shapes, port->source);
    const int type = ff_style_output_type(node_of(r, port->source), port->source.output);
    char found[FF_STYLE_MAX_DIMS * 24];
    int height;

    ff_style_print_dims(&dims, found, sizeof(found));
    port->channels_first = dims.rank == 4 && dims.sizes[1] == 3 && dims.sizes[3] != 3;
    height = port->channels_first ? 2 : 1;
    if ((type != FF_STYLE_DT_UINT8 && type != FF_STYLE_DT_FLOAT) ||
        (dims.rank >= 0 &&
         (dims.rank != 4 || !fits(dims.sizes[0], 1) ||
          !fits(dims.sizes[port->channels_first ? 1 : 3], 3) || dims.sizes[height] > INT_MAX ||
          dims.sizes[height + 1] > INT_MAX || !dims.sizes[height] || !dims.sizes[height + 1])))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s': the image %s '%.*s' is %s %s; expected uint8 or float32 "
                              "[1,height,width,3] or [1,3,height,width], which is one RGB image",
                              r->path, role,
                              FF_STYLE_SPAN_ARGUMENTS(node_of(r, port->source)->name),
                              ff_style_type_name(type), found);
    port->type = type;
    if (dims.rank == 4) {
        port->height = dims.sizes[height] > 0 ? (int)dims.sizes[height] : 0;
        port->width = dims.sizes[height + 1] > 0 ? (int)dims.sizes[height + 1] : 0;
    }
    return 0;
}

static int check_sizes(const Reading *r)
{
    StyleSignature *const s = r->signature;
    const StylePort *const in = &s->input, *const out = &s->output;
    const int64_t width = in->width ? in->width : out->width;
    const int64_t height = in->height ? in->height : out->height;

    if ((in->width && out->width && in->width != out->width) ||
        (in->height && out->height && in->height != out->height))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' makes %dx%d of an image of %dx%d (0: any); expected the "
                              "same size",
                              r->path, out->width, out->height, in->width, in->height);
    s->width = (int)width;
    s->height = (int)height;
    if (width && height && width > r->settings->max_pixels / height)
        return ff_style_error(r->ctx, -EFBIG,
                              "model '%s' is made for frames of %lldx%lld pixels only, and the "
                              "limit is %lld pixels",
                              r->path, (long long)width, (long long)height,
                              (long long)r->settings->max_pixels);
    return 0;
}

/** Operations by which a graph keeps its weights outside of itself. */
static int is_variable(const StyleNode *node)
{
    static const char *const ops[] = {"Variable",          "VariableV2",        "VarHandleOp",
                                      "ReadVariableOp",    "TemporaryVariable", "RestoreV2",
                                      "VarIsInitializedOp"};

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        if (ff_style_node_is(node, ops[i]))
            return 1;
    return 0;
}

/** Whether an operation is run that the engine does not know as one that only computes. */
static int check_operations(const Reading *r)
{
    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        const StyleNode *const node = &r->nodes->nodes[i];

        if (!r->signature->needed[i])
            continue;
        if (is_variable(node))
            return ff_style_error(r->ctx, -EBADMSG,
                                  "model '%s' is not frozen: its weights are in variables "
                                  "('%.*s'), and not in the file; freeze it in Python by "
                                  "tf.compat.v1.graph_util.convert_variables_to_constants()",
                                  r->path, FF_STYLE_SPAN_ARGUMENTS(node->name));
        if (!ff_style_op_is_allowed((const char *)node->op.data, node->op.size))
            return ff_style_error(r->ctx, -EBADMSG,
                                  "model '%s' is refused: its node '%.*s' is a '%.*s', which is "
                                  "not among the feed-forward operations that a style network "
                                  "needs",
                                  r->path, FF_STYLE_SPAN_ARGUMENTS(node->name),
                                  FF_STYLE_SPAN_ARGUMENTS(node->op));
    }
    return 0;
}

static int wrong_weights(const Reading *r, const StyleCard *card, StyleSource source)
{
    const int is_there = source.node >= 0;
    char found[FF_STYLE_MAX_DIMS * 24] = "not there";
    StyleDims dims;

    if (is_there) {
        dims = ff_style_dims_of(r->nodes, &r->shapes, source);
        ff_style_print_dims(&dims, found, sizeof(found));
    }
    return ff_style_error(
        r->ctx, -EBADMSG,
        "model '%s': '%s' is %s%s%s; expected float32 [%d], a weight for each style on its card",
        r->path, STYLE_WEIGHTS,
        is_there ? ff_style_type_name(ff_style_output_type(node_of(r, source), 0)) : "",
        is_there ? " " : "", found, card->nb_styles > 1 ? card->nb_styles : 1);
}

/** The input that this project's graphs have for the weights of their styles. */
static int find_weights(const Reading *r, const StyleCard *card)
{
    StyleSignature *const s = r->signature;
    StyleSource source;
    StyleDims dims;
    int ret;

    if ((ret = find_reserved(r, STYLE_WEIGHTS, &source)) < 0)
        return ret;
    if (source.node < 0)
        return card->nb_styles > 1 ? wrong_weights(r, card, source) : 0;
    dims = ff_style_dims_of(r->nodes, &r->shapes, source);
    if (ff_style_output_type(node_of(r, source), 0) != FF_STYLE_DT_FLOAT || dims.rank != 1 ||
        dims.sizes[0] < 1 || dims.sizes[0] > FF_STYLE_MAX_STYLES ||
        (card->nb_styles && dims.sizes[0] != card->nb_styles))
        return wrong_weights(r, card, source);
    s->control = FF_STYLE_CONTROL_WEIGHTS;
    s->chooser = source;
    s->chooser_type = FF_STYLE_DT_FLOAT;
    s->chooser_dims = dims;
    s->nb_styles = (int)dims.sizes[0];
    return 0;
}

/** Whether a tensor is a vector of floats of a length that a style may have. */
static int is_vector(const Reading *r, StyleSource source)
{
    const StyleDims dims = ff_style_dims_of(r->nodes, &r->shapes, source);

    return ff_style_output_type(node_of(r, source), source.output) == FF_STYLE_DT_FLOAT &&
           dims.rank == 1 && dims.sizes[0] > 0 && dims.sizes[0] <= FF_STYLE_MAX_STYLES;
}

/** The input that this project's graphs for any painting have in the place of weights. */
static int find_vector(const Reading *r)
{
    StyleSignature *const s = r->signature;
    StyleSource source;
    int ret;

    if (s->control || (ret = find_reserved(r, STYLE_VECTOR, &source)) < 0 || source.node < 0)
        return s->control ? 0 : ret;
    if (!is_vector(r, source))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s': '%s' is no float32 vector of 1 to %d numbers, as a "
                              "graph for any painting has it",
                              r->path, STYLE_VECTOR, FF_STYLE_MAX_STYLES);
    s->control = FF_STYLE_CONTROL_VECTOR;
    s->chooser = source;
    s->chooser_type = FF_STYLE_DT_FLOAT;
    s->chooser_dims = ff_style_dims_of(r->nodes, &r->shapes, source);
    s->nb_values = (int)s->chooser_dims.sizes[0];
    return 0;
}

/** How many rows the table has that a number of a style is looked up in; 0: there is none. */
static int count_rows(const Reading *r, StyleSource source)
{
    const StyleNode *const node = node_of(r, source);

    for (int i = 0; i < node->nb_uses; i++) {
        const StyleNode *const user = &r->nodes->nodes[node->uses[i].node];

        if ((ff_style_node_is(user, "Gather") || ff_style_node_is(user, "GatherV2")) &&
            node->uses[i].slot == 1) {
            const StyleDims table = ff_style_dims_of(r->nodes, &r->shapes, user->inputs[0]);

            if (table.rank > 0 && table.sizes[0] > 0 && table.sizes[0] <= FF_STYLE_MAX_STYLES)
                return (int)table.sizes[0];
        }
    }
    return 0;
}

/** Takes a graph's other placeholder for what chooses the style; returns whether it can be that. */
static int take_chooser(const Reading *r, StyleSource source)
{
    StyleSignature *const s = r->signature;
    const StyleDims dims = ff_style_dims_of(r->nodes, &r->shapes, source);
    const int type = ff_style_output_type(node_of(r, source), 0);
    const int is_vector = dims.rank == 1 || (dims.rank == 2 && dims.sizes[0] == 1);
    const int64_t size = dims.rank > 0 ? dims.sizes[dims.rank - 1] : 1;

    s->chooser = source;
    s->chooser_type = type;
    s->chooser_dims = dims;
    if (type == FF_STYLE_DT_FLOAT && is_vector && size > 1 && size <= FF_STYLE_MAX_STYLES) {
        s->control = FF_STYLE_CONTROL_WEIGHTS;
        s->nb_styles = (int)size;
        return 1;
    }
    if ((type == FF_STYLE_DT_INT32 || type == FF_STYLE_DT_INT64) &&
        (!dims.rank || (dims.rank == 1 && fits(size, 1)))) {
        s->control = FF_STYLE_CONTROL_INDEX;
        s->chooser_dims.sizes[0] = 1;
        s->nb_styles = count_rows(r, source);
        return s->nb_styles > 0;
    }
    return 0;
}

/** Every placeholder that the output depends on must be fed: the image, and what chooses the style. */
static int check_placeholders(const Reading *r)
{
    StyleSignature *const s = r->signature;
    char names[FF_STYLE_MESSAGE_SIZE / 2] = "", shape[FF_STYLE_MAX_DIMS * 24];
    int count = 0;

    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        const StyleSource source = {i, 0};

        if (!s->needed[i] || !is_placeholder(r, i) || i == s->input.source.node ||
            (s->control && i == s->chooser.node) || (!s->control && take_chooser(r, source)))
            continue;
        if (count++ < 5) {
            ff_style_print_dims(&r->shapes.nodes[i].dims, shape, sizeof(shape));
            ff_style_append(names, sizeof(names), "%s'%.*s', %s %s", count > 1 ? "; " : "",
                            FF_STYLE_SPAN_ARGUMENTS(r->nodes->nodes[i].name),
                            ff_style_type_name(r->shapes.nodes[i].type), shape);
        }
    }
    if (!count)
        return 0;
    return ff_style_error(r->ctx, -EBADMSG,
                          "model '%s' takes more than an image and weights or the number of a "
                          "style: %s%s; give these their values when you freeze it",
                          r->path, names, count > 5 ? "; ..." : "");
}

static StyleRange chosen(StyleRange one, StyleRange both)
{
    return one == FF_STYLE_RANGE_AUTO ? both : one;
}

static void find_ranges(const Reading *r)
{
    const StyleSettings *const settings = r->settings;
    StylePort *const in = &r->signature->input, *const out = &r->signature->output;

    in->range = chosen(settings->input_range, settings->range);
    out->range = chosen(settings->output_range, settings->range);
    if (out->type == FF_STYLE_DT_UINT8)
        out->range = FF_STYLE_RANGE_255;
    else if (out->range == FF_STYLE_RANGE_AUTO)
        out->range = ff_style_find_output_range(r->nodes, out->source);
    if (in->type == FF_STYLE_DT_UINT8)
        in->range = FF_STYLE_RANGE_255;
    else if (in->range == FF_STYLE_RANGE_AUTO)
        in->range = ff_style_find_input_range(r->nodes, in->source, out->range);
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/** The median number of channels that convolutions give. */
static void find_median_channels(const Reading *r)
{
    int channels[1024], count = 0; // more convolutions would not change the picture

    for (int i = 0; i < r->nodes->nb_nodes && count < 1024; i++) {
        const StyleNode *const node = &r->nodes->nodes[i];
        const int back = ff_style_node_is(node, "Conv2DBackpropInput");
        StyleDims kernel;

        if ((!back && !ff_style_node_is(node, "Conv2D")) || node->nb_inputs < 2 ||
            !r->signature->needed[i])
            continue;
        kernel = ff_style_dims_of(r->nodes, &r->shapes, node->inputs[1]);
        if (kernel.rank == 4 && kernel.sizes[3 - back] > 0 && kernel.sizes[3 - back] < 1 << 20)
            channels[count++] = (int)kernel.sizes[3 - back];
    }
    qsort(channels, (size_t)count, sizeof(*channels), compare_ints);
    r->signature->channels = count ? channels[count / 2] : 0;
}

/** Marks the work of operations that bfloat16 would be taken for, and what depends on it. */
static int find_computed_norms(const Reading *r)
{
    static const char *const ops[] = {"Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative",
                                      "Einsum", "MatMul"};
    uint8_t *const computed = alloc_marks(r);

    if (!computed)
        return -ENOMEM;
    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        const int number = r->nodes->order[i];
        const StyleNode *const node = &r->nodes->nodes[number];

        for (size_t k = 0; k < sizeof(ops) / sizeof(*ops); k++)
            computed[number] |= ff_style_node_is(node, ops[k]);
        for (int k = 0; k < node->nb_inputs; k++)
            computed[number] |= computed[node->inputs[k].node];
        if (node->op.size >= 14 && !memcmp(node->op.data, "FusedBatchNorm", 14))
            for (int k = 1; k < 3 && k < node->nb_inputs; k++)
                r->signature->computed_norms |= computed[node->inputs[k].node];
    }
    ff_style_free(r->ctx, computed);
    return 0;
}

static int read_signature(const Reading *r, const StyleCard *card)
{
    StyleSignature *const s = r->signature;
    int ret;

    s->nb_styles = 1;
    if ((ret = find_ports(r, card)) < 0)
        return ret;
    if (!(s->needed = alloc_marks(r)))
        return -ENOMEM;
    s->needed[s->output.source.node] = 1;
    mark_needed(r, s->needed);
    s->needed[s->input.source.node] = 1; // it is fed all the same
    if ((ret = check_operations(r)) < 0 || (ret = check_port(r, "input", &s->input)) < 0 ||
        (ret = check_port(r, "output", &s->output)) < 0 || (ret = check_sizes(r)) < 0 ||
        (ret = find_weights(r, card)) < 0 || (ret = find_vector(r)) < 0 ||
        (ret = check_placeholders(r)) < 0)
        return ret;
    s->nb_values = s->nb_values ? s->nb_values : s->nb_styles;
    find_ranges(r);
    find_median_channels(r);
    return find_computed_norms(r);
}

int ff_style_find_signature(const StyleContext *ctx, const char *path, const StyleNodes *nodes,
                            const StyleCard *card, const StyleSettings *settings,
                            StyleSignature *signature)
{
    Reading r = {ctx, path, nodes, settings, {NULL}, signature};
    int ret;

    *signature = (StyleSignature){.chooser = {-1, 0}};
    if ((ret = ff_style_find_shapes(ctx, nodes, -1, NULL, &r.shapes)) >= 0)
        ret = read_signature(&r, card);
    ff_style_free(ctx, r.shapes.nodes);
    return ret;
}

/** The placeholder and the vector that follows from it alone. */
static int read_predictor(const Reading *r, int length)
{
    StyleSignature *const s = r->signature;
    int ret;

    if ((ret = find_reserved(r, PAINTING, &s->input.source)) < 0 ||
        (ret = find_reserved(r, PAINTING_VECTOR, &s->output.source)) < 0)
        return ret;
    if (s->input.source.node < 0 || s->output.source.node < 0 || !is_vector(r, s->output.source) ||
        ff_style_dims_of(r->nodes, &r->shapes, s->output.source).sizes[0] != length)
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' has a '%s' of %d numbers; expected '%s', an image, and "
                              "'%s', as many numbers, beside it",
                              r->path, STYLE_VECTOR, length, PAINTING, PAINTING_VECTOR);
    if (!(s->needed = alloc_marks(r)))
        return -ENOMEM;
    s->needed[s->output.source.node] = 1;
    mark_needed(r, s->needed);
    s->needed[s->input.source.node] = 1; // it is fed all the same
    if ((ret = check_operations(r)) < 0 || (ret = check_port(r, "input", &s->input)) < 0)
        return ret;
    if (s->input.type != FF_STYLE_DT_UINT8 || s->input.channels_first || s->input.width ||
        s->input.height)
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s': expected a '%s' that is uint8 [1,height,width,3] of any "
                              "size",
                              r->path, PAINTING);
    s->output.type = FF_STYLE_DT_FLOAT;
    s->input.range = s->output.range = FF_STYLE_RANGE_255;
    if ((ret = check_placeholders(r)) < 0)
        return ret;
    if (s->control)
        return ff_style_error(r->ctx, -EBADMSG, "model '%s': '%s' depends on more than '%s'",
                              r->path, PAINTING_VECTOR, PAINTING);
    return 0;
}

int ff_style_find_predictor(const StyleContext *ctx, const char *path, const StyleNodes *nodes,
                            const StyleSettings *settings, const StyleSignature *signature,
                            StyleSignature *predictor)
{
    Reading r = {ctx, path, nodes, settings, {NULL}, predictor};
    int ret;

    *predictor = (StyleSignature){.chooser = {-1, 0},
                                  .nb_styles = 1,
                                  .nb_values = signature->nb_values,
                                  .is_predictor = 1,
                                  .min_size = 1};
    if ((ret = ff_style_find_shapes(ctx, nodes, -1, NULL, &r.shapes)) >= 0)
        ret = read_predictor(&r, signature->nb_values);
    ff_style_free(ctx, r.shapes.nodes);
    return ret;
}

void ff_style_free_signature(const StyleContext *ctx, StyleSignature *signature)
{
    ff_style_free(ctx, signature->needed);
    *signature = (StyleSignature){0};
}
