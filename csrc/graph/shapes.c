/*
 * Finds the shape of each tensor of a graph, and the bytes that a frame takes.
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

#include "shape_rules.h"
#include "shapes.h"

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

static void placeholder(const Rule *rule)
{
    if (!ff_style_attr_shape(rule->node, "shape", &rule->shape->dims))
        rule->shape->dims = unknown_dims;
}

static void constant(const Rule *rule)
{
    StyleTensor tensor;

    if (!ff_style_attr_tensor(rule->node, "value", &tensor))
        return;
    rule->shape->dims = tensor.dims;
    if (tensor.dims.rank <= 1 && tensor.count <= FF_STYLE_MAX_DIMS &&
        ff_style_tensor_ints(&tensor, tensor.count, rule->shape->values) >= 0)
        rule->shape->nb_values = (int)tensor.count;
}

static StyleDims broadcast_dims(StyleDims a, StyleDims b)
{
    StyleDims result = unknown_of_rank(a.rank > b.rank ? a.rank : b.rank);

    if (a.rank < 0 || b.rank < 0)
        return unknown_dims;
    for (int i = 1; i <= result.rank; i++) {
        const int64_t left = i <= a.rank ? a.sizes[a.rank - i] : 1;
        const int64_t right = i <= b.rank ? b.sizes[b.rank - i] : 1;

        result.sizes[result.rank - i] = left == 1                                  ? right
                                        : right == 1 || left == right || right < 0 ? left
                                        : left < 0                                 ? right
                                                                                   : -1;
    }
    return result;
}

static int64_t reckon(StyleSpan op, int64_t a, int64_t b)
{
    if (a == FF_STYLE_UNKNOWN || b == FF_STYLE_UNKNOWN || a > FF_STYLE_MOST || b > FF_STYLE_MOST ||
        a < -FF_STYLE_MOST || b < -FF_STYLE_MOST)
        return FF_STYLE_UNKNOWN;
    if (ff_style_span_is(op, "Add") || ff_style_span_is(op, "AddV2"))
        return a + b;
    if (ff_style_span_is(op, "Sub"))
        return a - b;
    if (ff_style_span_is(op, "Mul"))
        return (a < 0 ? -a : a) > (1 << 22) || (b < 0 ? -b : b) > (1 << 22) ? FF_STYLE_UNKNOWN
                                                                            : a * b;
    if (ff_style_span_is(op, "Minimum"))
        return a < b ? a : b;
    if (ff_style_span_is(op, "Maximum"))
        return a > b ? a : b;
    if (!b)
        return FF_STYLE_UNKNOWN;
    if (ff_style_span_is(op, "FloorDiv"))
        return a / b - (a % b && (a < 0) != (b < 0));
    if (ff_style_span_is(op, "FloorMod"))
        return a - b * (a / b - (a % b && (a < 0) != (b < 0)));
    return FF_STYLE_UNKNOWN;
}

static void broadcast(const Rule *rule)
{
    const StyleShape *const a = values_of(rule, 0), *const b = values_of(rule, 1);
    StyleShape *const shape = rule->shape;

    shape->dims = broadcast_dims(dims_of(rule, 0), dims_of(rule, 1));
    if (!a || !b || (a->nb_values != b->nb_values && a->nb_values != 1 && b->nb_values != 1))
        return;
    shape->nb_values = a->nb_values == 1 ? b->nb_values : a->nb_values;
    for (int i = 0; i < shape->nb_values; i++)
        shape->values[i] = reckon(rule->node->op, a->values[a->nb_values == 1 ? 0 : i],
                                  b->values[b->nb_values == 1 ? 0 : i]);
}

static void negate(const Rule *rule)
{
    StyleShape *const shape = rule->shape;

    copy(rule);
    for (int i = 0; i < shape->nb_values; i++)
        if (shape->values[i] != FF_STYLE_UNKNOWN)
            shape->values[i] = -shape->values[i];
}

static void shape_of(const Rule *rule)
{
    const StyleDims dims = dims_of(rule, 0);
    StyleShape *const shape = rule->shape;

    shape->dims = unknown_of_rank(1);
    if (dims.rank < 0)
        return;
    shape->dims.sizes[0] = shape->nb_values = dims.rank;
    for (int i = 0; i < dims.rank; i++)
        shape->values[i] = dims.sizes[i] < 0 ? FF_STYLE_UNKNOWN : dims.sizes[i];
}

static const struct {
    const char *op;
    void (*find)(const Rule *rule);
} rules[] = {
    {"Placeholder", placeholder},
    {"PlaceholderWithDefault", placeholder},
    {"Const", constant},
    {"Identity", copy},
    {"Cast", copy},
    {"StopGradient", copy},
    {"IdentityN", as_input},
    {"Neg", negate},
    {"Shape", shape_of},
    {"ShapeN", shape_of},
    {"Add", broadcast},
    {"AddV2", broadcast},
    {"Sub", broadcast},
    {"Mul", broadcast},
    {"Div", broadcast},
    {"RealDiv", broadcast},
    {"FloorDiv", broadcast},
    {"FloorMod", broadcast},
    {"Mod", broadcast},
    {"Pow", broadcast},
    {"Minimum", broadcast},
    {"Maximum", broadcast},
    {"SquaredDifference", broadcast},
    {"Conv2D", ff_style_shape_convolve},
    {"DepthwiseConv2dNative", ff_style_shape_convolve},
    {"Conv2DBackpropInput", ff_style_shape_convolve_back},
    {"AvgPool", ff_style_shape_pool},
    {"MaxPool", ff_style_shape_pool},
    {"Pad", ff_style_shape_pad},
    {"PadV2", ff_style_shape_pad},
    {"MirrorPad", ff_style_shape_pad},
    {"ResizeBicubic", ff_style_shape_resize},
    {"ResizeBilinear", ff_style_shape_resize},
    {"ResizeNearestNeighbor", ff_style_shape_resize},
    {"Reshape", ff_style_shape_reshape},
    {"Fill", ff_style_shape_from_values},
    {"BroadcastTo", ff_style_shape_broadcast_to},
    {"Tile", ff_style_shape_tile},
    {"Range", ff_style_shape_range},
    {"Slice", ff_style_shape_slice},
    {"StridedSlice", ff_style_shape_stride},
    {"Transpose", ff_style_shape_transpose},
    {"DepthToSpace", ff_style_shape_move_blocks},
    {"SpaceToDepth", ff_style_shape_move_blocks},
    {"ExpandDims", ff_style_shape_expand},
    {"Squeeze", ff_style_shape_squeeze},
    {"Concat", ff_style_shape_join},
    {"ConcatV2", ff_style_shape_join},
    {"Pack", ff_style_shape_pack},
    {"Unpack", ff_style_shape_unpack},
    {"Split", ff_style_shape_split},
    {"Max", ff_style_shape_reduce},
    {"Mean", ff_style_shape_reduce},
    {"Min", ff_style_shape_reduce},
    {"Prod", ff_style_shape_reduce},
    {"Sum", ff_style_shape_reduce},
    {"MatMul", ff_style_shape_multiply_matrices},
    {"Gather", ff_style_shape_gather},
    {"GatherV2", ff_style_shape_gather},
    {"Einsum", ff_style_shape_einsum},
};

/** Operations whose result has another shape than their first input, and that have no rule. */
static const char *const others[] = {"BatchToSpaceND", "NoOp", "Size", "SpaceToBatchND", "SplitV"};

static void find_shape(const Rule *rule)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (ff_style_node_is(rule->node, rules[i].op)) {
            rules[i].find(rule);
            return;
        }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (ff_style_node_is(rule->node, others[i]))
            return;
    as_input(rule);
}

int ff_style_find_shapes(const StyleContext *ctx, const StyleNodes *nodes, int input,
                         const StyleDims *frame, StyleShapes *shapes)
{
    shapes->nodes =
        ff_style_alloc(ctx, (size_t)(nodes->nb_nodes + !nodes->nb_nodes) * sizeof(*shapes->nodes));
    if (!shapes->nodes)
        return -ENOMEM;
    for (int i = 0; i < nodes->nb_nodes; i++) {
        const int number = nodes->order[i];
        StyleShape *const shape = &shapes->nodes[number];
        const Rule rule = {nodes, shapes, &nodes->nodes[number], shape};

        shape->type = ff_style_output_type(rule.node, 0);
        shape->dims = unknown_dims;
        shape->nb_values = -1;
        if (number == input)
            shape->dims = *frame;
        else
            find_shape(&rule);
    }
    return 0;
}

/** The bytes of a value; of those that are not known, as many as they may have. */
static int64_t value_bytes(int type)
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
    const int64_t count = count_of(&shape->dims);
    int64_t outputs = 1;

    if (ff_style_node_is(n, "Split"))
        outputs = ff_style_attr_int(n, "num_split", 1);
    else if (ff_style_node_is(n, "Unpack"))
        outputs = ff_style_attr_int(n, "num", 1);
    return count < 0 ? 0 : product(product(count, value_bytes(shape->type)), size_of(outputs));
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
