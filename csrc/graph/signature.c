/*
 * Reads a graph's signature, and refuses what the engine won't run.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"

/* The names of this project's graphs for any painting. */
#define PAINTING "painting"
#define PAINTING_VECTOR "painting_vector"

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
    uint8_t *const computed = ff_style_alloc_marks(r);

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

/** Marks what the output depends on. */
static int find_needed(const Reading *r)
{
    StyleSignature *const s = r->signature;

    if (!(s->needed = ff_style_alloc_marks(r)))
        return -ENOMEM;
    s->needed[s->output.source.node] = 1;
    ff_style_mark_needed(r, s->needed);
    s->needed[s->input.source.node] = 1; // it is fed all the same
    return 0;
}

static int read_signature(const Reading *r, const StyleCard *card)
{
    StyleSignature *const s = r->signature;
    int ret;

    s->nb_styles = 1;
    if ((ret = ff_style_find_ports(r, card)) < 0 || (ret = find_needed(r)) < 0 ||
        (ret = check_operations(r)) < 0 || (ret = ff_style_check_port(r, "input", &s->input)) < 0 ||
        (ret = ff_style_check_port(r, "output", &s->output)) < 0 ||
        (ret = ff_style_check_port_sizes(r)) < 0 || (ret = ff_style_find_weights(r, card)) < 0 ||
        (ret = ff_style_find_vector(r)) < 0 || (ret = ff_style_check_placeholders(r)) < 0)
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

    if ((ret = ff_style_find_reserved(r, PAINTING, &s->input.source)) < 0 ||
        (ret = ff_style_find_reserved(r, PAINTING_VECTOR, &s->output.source)) < 0)
        return ret;
    if (s->input.source.node < 0 || s->output.source.node < 0 ||
        !ff_style_is_vector(r, s->output.source) ||
        ff_style_dims_of(r->nodes, &r->shapes, s->output.source).sizes[0] != length)
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' has a '%s' of %d numbers; expected '%s', an image, and "
                              "'%s', as many numbers, beside it",
                              r->path, STYLE_VECTOR, length, PAINTING, PAINTING_VECTOR);
    if ((ret = find_needed(r)) < 0 || (ret = check_operations(r)) < 0 ||
        (ret = ff_style_check_port(r, "input", &s->input)) < 0)
        return ret;
    if (s->input.type != FF_STYLE_DT_UINT8 || s->input.channels_first || s->input.width ||
        s->input.height)
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s': expected a '%s' that is uint8 [1,height,width,3] of any "
                              "size",
                              r->path, PAINTING);
    s->output.type = FF_STYLE_DT_FLOAT;
    s->input.range = s->output.range = FF_STYLE_RANGE_255;
    if ((ret = ff_style_check_placeholders(r)) < 0)
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
