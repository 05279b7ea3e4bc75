/*
 * Finds the shape of each tensor of a graph: all are computed for two sizes of a frame, and what differs is not known.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shapes.h"
#include "small.h"

static const StyleDims unknown_dims = {.rank = -1};

int ff_style_output_type(const StyleNode *node, int output)
{
    static const char *const attributes[] = {"dtype", "DstT", "out_type", "Tidx", "Tparams"};

    // A norm's moments are of another type than its image.
    if (output && !strncmp((const char *)node->op.data, "FusedBatchNorm",
                           node->op.size < 14 ? node->op.size : 14))
        return ff_style_attr_type(node, "U");
    if (ff_style_node_is(node, "ResizeBicubic") || ff_style_node_is(node, "ResizeBilinear"))
        return FF_STYLE_DT_FLOAT;
    if (ff_style_node_is(node, "Shape") || ff_style_node_is(node, "ShapeN") ||
        ff_style_node_is(node, "Size"))
        return ff_style_attr_type(node, "out_type") ? ff_style_attr_type(node, "out_type")
                                                    : FF_STYLE_DT_INT32;
    if (ff_style_node_is(node, "Dequantize"))
        return ff_style_attr_type(node, "dtype") ? ff_style_attr_type(node, "dtype")
                                                 : FF_STYLE_DT_FLOAT;
    if (ff_style_attr_type(node, "T") && !ff_style_node_is(node, "Cast"))
        return ff_style_attr_type(node, "T");
    for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
        if (ff_style_attr_type(node, attributes[i]))
            return ff_style_attr_type(node, attributes[i]);
    return 0;
}

StyleDims ff_style_dims_of(const StyleNodes *nodes, const StyleShapes *shapes, StyleSource source)
{
    const StyleNode *const node = &nodes->nodes[source.node];

    if (source.output && !ff_style_node_is(node, "Split") && !ff_style_node_is(node, "Unpack"))
        return unknown_dims;
    return shapes->nodes[source.node].dims;
}

/* One computation of all shapes */

#define MOST_VALUES 64 // that are kept of a tensor: of sizes, axes, bounds
#define MOST_INPUTS 64
#define MOST_OUTPUTS 64
#define MOST_MEMORY ((size_t)1 << 28) // bytes; a small file could ask for many outputs

/** All nodes' outputs, for a frame of one size. */
typedef struct Computation {
    const StyleNodes *nodes;
    StyleMemory memory;
    StyleSmall **outputs; ///< of each node; those that are not known have a rank of -1
    int *nb_outputs;      ///< as many as others take
    int variant;          ///< sizes that are not known are others in each
} Computation;

static StyleSmall *output_of(const Computation *c, StyleSource source)
{
    return source.output < c->nb_outputs[source.node] ? &c->outputs[source.node][source.output]
                                                      : NULL;
}

/** A shape with sizes in place of those that are not known; the number of images is 1. */
static void take_dims(const Computation *c, const StyleDims *dims, int type, StyleSmall *to)
{
    int64_t sizes[FF_STYLE_MAX_DIMS];

    for (int i = 0; i < dims->rank; i++) {
        sizes[i] = c->variant ? 208 + 32 * i : 96 + 16 * i;
        if (dims->sizes[i] >= 0 || (dims->rank == 4 && !i))
            sizes[i] = dims->sizes[i] >= 0 ? dims->sizes[i] : 1;
    }
    if (dims->rank < 0 || !ff_style_set_shape(to, type, dims->rank, sizes))
        to->rank = -1;
}

/** Takes back what an operation left that does not fit. */
static void forget(StyleSmall *outputs, int count)
{
    for (int i = 0; i < count; i++) {
        outputs[i].rank = outputs[i].count == FF_STYLE_TOO_MANY ? 1 : -1;
        outputs[i].dims[0] = FF_STYLE_MAX_VALUES; // in place of more
        outputs[i].values = NULL;
    }
}

static void take_constant(Computation *c, const StyleNode *node, StyleSmall *to)
{
    StyleTensor tensor;

    if (!ff_style_attr_tensor(node, "value", &tensor) ||
        !ff_style_shape_small(&c->memory, to, tensor.type, tensor.dims.rank, tensor.dims.sizes))
        forget(to, 1);
    else if (to->values && ff_style_tensor_numbers(&tensor, to->count, to->values) < 0)
        to->values = NULL;
}

/** Shape, ShapeN and Size, whose values follow from shapes. */
static int take_sizes(Computation *c, const StyleNode *node, int number)
{
    const int is_count = ff_style_node_is(node, "Size");

    if (!is_count && !ff_style_node_is(node, "Shape") && !ff_style_node_is(node, "ShapeN"))
        return 0;
    for (int i = 0; i < c->nb_outputs[number] && i < node->nb_inputs; i++) {
        const StyleSmall *const from = output_of(c, node->inputs[i]);
        StyleSmall *const to = &c->outputs[number][i];
        const int64_t rank = from ? from->rank : -1;

        if (rank < 0 || !ff_style_shape_small(&c->memory, to, FF_STYLE_DT_INT32, !is_count, &rank))
            continue;
        for (int k = 0; k < rank && !is_count; k++)
            to->values[k] = (double)from->dims[k];
        if (is_count)
            to->values[0] = (double)from->count;
    }
    return 1;
}

/** Finds the operation. Returns 1, 0 when its result is not known, or -1 when it is as the first input. */
static int find_function(const StyleNode *node, StyleSmallCall *call)
{
    const int found = ff_style_find_image_shape(node, call);

    if (found >= 0 || ff_style_node_is(node, "NoOp"))
        return found > 0;
    if (ff_style_find_small(node, call))
        return ff_style_node_is(node, "BiasAdd") ? -1 : 1;
    return ff_style_knows_small(node) ? 0 : -1;
}

static void compute_node(Computation *c, int number)
{
    const StyleNode *const node = &c->nodes->nodes[number];
    StyleSmall *inputs[MOST_INPUTS], *outputs[MOST_OUTPUTS], *const own = c->outputs[number];
    StyleSmallCall call = {.node = node,
                           .inputs = inputs,
                           .outputs = outputs,
                           .nb_inputs = node->nb_inputs,
                           .nb_outputs = c->nb_outputs[number],
                           .memory = &c->memory};
    int found = node->nb_inputs > 0 && node->nb_inputs <= MOST_INPUTS;

    for (int i = 0; i < node->nb_inputs && found; i++)
        found = (inputs[i] = output_of(c, node->inputs[i])) && inputs[i]->rank >= 0;
    for (int i = 0; i < call.nb_outputs; i++)
        outputs[i] = &own[i];
    if (found)
        found = find_function(node, &call);
    if (found < 0) {
        ff_style_set_shape(own, inputs[0]->type, inputs[0]->rank, inputs[0]->dims);
    } else if (!found || !call.function(&call)) {
        forget(own, call.nb_outputs);
    } else if (call.function && !ff_style_has_values(&call)) {
        for (int i = 0; i < call.nb_outputs; i++)
            own[i].values = NULL;
    }
}

static void compute(Computation *c, int number, int input, const StyleDims *frame)
{
    const StyleNode *const node = &c->nodes->nodes[number];
    StyleDims dims = unknown_dims;

    if (number == input) {
        take_dims(c, frame, FF_STYLE_DT_FLOAT, c->outputs[number]);
    } else if (ff_style_node_is(node, "Placeholder") ||
               ff_style_node_is(node, "PlaceholderWithDefault")) {
        ff_style_attr_shape(node, "shape", &dims);
        take_dims(c, &dims, FF_STYLE_DT_FLOAT, c->outputs[number]);
    } else if (ff_style_node_is(node, "Const")) {
        take_constant(c, node, c->outputs[number]);
    } else if (!take_sizes(c, node, number)) {
        compute_node(c, number);
    }
}

/** Computes all shapes with one size in place of what is not known; returns 0 or -ENOMEM. */
static int compute_all(Computation *c, int input, const StyleDims *frame)
{
    const int count = c->nodes->nb_nodes;

    c->outputs = ff_style_take(&c->memory, (size_t)count + 1, sizeof(*c->outputs));
    c->nb_outputs = ff_style_take(&c->memory, (size_t)count + 1, sizeof(*c->nb_outputs));
    for (int i = 0; i < count && !c->memory.failed; i++) {
        const StyleNode *const node = &c->nodes->nodes[i];
        int outputs = 1;

        for (int k = 0; k < node->nb_uses; k++)
            if (node->uses[k].output >= outputs && node->uses[k].output < MOST_OUTPUTS)
                outputs = node->uses[k].output + 1;
        c->nb_outputs[i] = outputs;
        if ((c->outputs[i] = ff_style_take(&c->memory, (size_t)outputs, sizeof(StyleSmall))))
            for (int k = 0; k < outputs; k++)
                c->outputs[i][k].rank = -1;
    }
    for (int i = 0; i < count && !c->memory.failed; i++)
        compute(c, c->nodes->order[i], input, frame);
    return c->memory.failed;
}

/* What is the same for any size is known */

/** Takes over a shape, or of one that is there what both have. */
static void merge(StyleDims *dims, const StyleSmall *small, int is_first)
{
    if (is_first) {
        dims->rank = small->rank;
        memcpy(dims->sizes, small->dims, sizeof(dims->sizes));
    }
    if (dims->rank != small->rank)
        dims->rank = -1;
    for (int i = 0; i < dims->rank; i++)
        if (dims->sizes[i] != small->dims[i])
            dims->sizes[i] = -1;
}

int ff_style_find_shapes(const StyleContext *ctx, const StyleNodes *nodes, int input,
                         const StyleDims *frame, StyleShapes *shapes)
{
    int ret = 0;

    shapes->nodes =
        ff_style_alloc(ctx, (size_t)(nodes->nb_nodes + !nodes->nb_nodes) * sizeof(*shapes->nodes));
    if (!shapes->nodes)
        return -ENOMEM;
    for (int variant = 0; variant < 2 && ret >= 0; variant++) {
        Computation c = {.nodes = nodes,
                         .memory = {.ctx = *ctx, .left = MOST_MEMORY, .most = MOST_VALUES},
                         .variant = variant};

        ret = compute_all(&c, input, frame);
        for (int i = 0; i < nodes->nb_nodes && ret >= 0; i++)
            merge(&shapes->nodes[i].dims, c.outputs[i], !variant);
        ff_style_return_blocks(&c.memory);
    }
    if (ret == -EFBIG)
        return ff_style_error(ctx, ret,
                              "the graph's nodes have more outputs than those of any network");
    for (int i = 0; i < nodes->nb_nodes && ret >= 0; i++) {
        const StyleNode *const node = &nodes->nodes[i];

        shapes->nodes[i].type = ff_style_output_type(node, 0);
        if (i != input && ff_style_node_is(node, "Placeholder")) // it tells itself
            if (!ff_style_attr_shape(node, "shape", &shapes->nodes[i].dims))
                shapes->nodes[i].dims = unknown_dims;
    }
    return ret;
}

#define MOST_BYTES ((int64_t)1 << 62)

/** The bytes of a value; of those that are not known, as many as they may have. */
static int value_bytes(int type)
{
    switch (type) {
    case FF_STYLE_DT_UINT8:
    case FF_STYLE_DT_BOOL:
        return 1;
    case FF_STYLE_DT_HALF:
    case FF_STYLE_DT_BFLOAT16:
        return 2;
    case FF_STYLE_DT_DOUBLE:
    case FF_STYLE_DT_INT64:
        return 8;
    default:
        return 4;
    }
}

int64_t ff_style_node_bytes(const StyleNodes *nodes, const StyleShapes *shapes, int node)
{
    const StyleNode *const n = &nodes->nodes[node];
    const StyleShape *const shape = &shapes->nodes[node];
    double bytes = shape->dims.rank < 0 ? 0 : value_bytes(shape->type);

    for (int i = 0; i < shape->dims.rank; i++)
        bytes *= shape->dims.sizes[i] < 0 ? 0 : (double)shape->dims.sizes[i];
    if (ff_style_node_is(n, "Split"))
        bytes *= (double)ff_style_attr_int(n, "num_split", 1);
    else if (ff_style_node_is(n, "Unpack"))
        bytes *= (double)ff_style_attr_int(n, "num", 1);
    return bytes < 0 ? 0 : bytes < (double)MOST_BYTES ? (int64_t)bytes : MOST_BYTES;
}

void ff_style_print_dims(const StyleDims *dims, char *text, size_t size)
{
    snprintf(text, size, dims->rank < 0 ? "any shape" : "[");
    if (dims->rank < 0)
        return;
    for (int i = 0; i < dims->rank; i++)
        if (dims->sizes[i] < 0)
            ff_style_append(text, size, "%s?", i ? "," : "");
        else
            ff_style_append(text, size, "%s%lld", i ? "," : "", (long long)dims->sizes[i]);
    ff_style_append(text, size, "]");
}
