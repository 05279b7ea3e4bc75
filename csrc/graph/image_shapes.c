/*
 * The shapes that operations on images give, and others whose values are never needed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>
#include <string.h>

#include "small.h"

/** The first output, of such a shape, without values. */
static int give(StyleSmallCall *call, int rank, const int64_t *dims)
{
    return ff_style_set_shape(call->outputs[0], call->inputs[0]->type, rank, dims);
}

/** The place of an image's height, in front of its width; `channel` receives that of its channels. */
static int image_axes(const StyleNode *node, int *channel)
{
    const int first = ff_style_attr_is(node, "data_format", "NCHW", 0);

    *channel = first ? 1 : 3;
    return first ? 2 : 1;
}

/** What is added at both ends of an axis, by a list of two numbers for each, if there is one; -1: it makes no sense. */
static int64_t explicit_padding(const StyleNode *node, int axis)
{
    int64_t sizes[8] = {0};
    const int count = ff_style_attr_ints(node, "explicit_paddings", 8, sizes);
    const int64_t *const pair = sizes + 2 * axis;

    if ((count && count != 8) || pair[0] < 0 || pair[1] < 0)
        return -1;
    return ff_style_whole((double)pair[0] + (double)pair[1]);
}

/** What a window that moves gives of `size`, as Conv2D and the pools have it; -1: it makes no sense. */
static int64_t windowed(const StyleNode *node, int axis, int64_t size, int64_t window,
                        int64_t stride)
{
    int64_t padding = 0;

    if (stride < 1 || window < 1 || window > FF_STYLE_MAX_VALUES)
        return -1;
    if (ff_style_attr_is(node, "padding", "SAME", 0))
        return size / stride + (size % stride != 0);
    if (!ff_style_attr_is(node, "padding", "VALID", 0) &&
        (padding = explicit_padding(node, axis)) < 0)
        return -1;
    size += padding;
    return size < window ? 0 : (size - window) / stride + 1;
}

static int move_window(StyleSmallCall *call, const int64_t window[2], int64_t channels)
{
    const StyleSmall *const in = call->inputs[0];
    int64_t strides[4] = {1, 1, 1, 1}, dims[4] = {in->dims[0]};
    int channel;
    const int height = image_axes(call->node, &channel);

    if (in->rank != 4)
        return 0;
    ff_style_attr_ints(call->node, "strides", 4, strides);
    for (int i = 0; i < 2; i++)
        dims[height + i] =
            windowed(call->node, height + i, in->dims[height + i], window[i], strides[height + i]);
    dims[channel] = channels;
    return give(call, 4, dims);
}

static int convolve(StyleSmallCall *call)
{
    const StyleSmall *const kernel = call->inputs[1];
    int64_t dilations[4] = {1, 1, 1, 1}, window[2];
    int channel;
    const int height = image_axes(call->node, &channel);

    if (kernel->rank != 4)
        return 0;
    ff_style_attr_ints(call->node, "dilations", 4, dilations);
    for (int i = 0; i < 2; i++)
        window[i] = ff_style_times(kernel->dims[i] - 1, dilations[height + i]) + 1;
    return move_window(call, window,
                       ff_style_node_is(call->node, "Conv2D")
                           ? kernel->dims[3]
                           : ff_style_times(kernel->dims[2], kernel->dims[3]));
}

static int pool(StyleSmallCall *call)
{
    int64_t sizes[4] = {-1, -1, -1, -1};
    int channel;
    const int height = image_axes(call->node, &channel);

    ff_style_attr_ints(call->node, "ksize", 4, sizes);
    return move_window(call, sizes + height, call->inputs[0]->dims[channel]);
}

/** A tensor of the shape that an input's numbers are. */
static int give_sizes(StyleSmallCall *call, int slot, int type)
{
    const StyleSmall *const sizes = call->inputs[slot];
    int64_t dims[FF_STYLE_MAX_DIMS];

    if (sizes->rank != 1 || sizes->count > FF_STYLE_MAX_DIMS)
        return 0;
    for (size_t i = 0; i < sizes->count; i++) {
        dims[i] = ff_style_whole(sizes->values[i]);
        if (dims[i] < 0) { // some of TensorFlow's operations end the process at that
            call->outputs[0]->count = FF_STYLE_TOO_MANY;
            return 0;
        }
    }
    return ff_style_set_shape(call->outputs[0], type, (int)sizes->count, dims);
}

static int convolve_back(StyleSmallCall *call)
{
    return give_sizes(call, 0, call->inputs[1]->type);
}

static int scatter(StyleSmallCall *call)
{
    return give_sizes(call, 2, call->inputs[1]->type);
}

static int broadcast_to(StyleSmallCall *call)
{
    return give_sizes(call, 1, call->inputs[0]->type);
}

static int pad(StyleSmallCall *call)
{
    int64_t dims[FF_STYLE_MAX_DIMS];

    return ff_style_pad_dims(call->inputs[0], call->inputs[1], dims) &&
           give(call, call->inputs[0]->rank, dims);
}

static int resize(StyleSmallCall *call)
{
    const StyleSmall *const in = call->inputs[0], *const size = call->inputs[1];
    int64_t dims[4];

    if (in->rank != 4 || size->count != 2)
        return 0;
    memcpy(dims, in->dims, sizeof(dims));
    dims[1] = ff_style_whole(size->values[0]);
    dims[2] = ff_style_whole(size->values[1]);
    return give(call, 4, dims);
}

/** SpaceToDepth and DepthToSpace. */
static int move_blocks(StyleSmallCall *call)
{
    const StyleSmall *const in = call->inputs[0];
    const int64_t block = ff_style_attr_int(call->node, "block_size", 0);
    const int to_space = ff_style_node_is(call->node, "DepthToSpace");
    int64_t dims[4];
    int channel;
    const int height = image_axes(call->node, &channel);

    if (in->rank != 4 || block < 1 || block > 1 << 20)
        return 0;
    memcpy(dims, in->dims, sizeof(dims));
    for (int i = height; i < height + 2; i++)
        dims[i] = to_space ? dims[i] * block : dims[i] / block;
    dims[channel] =
        to_space ? dims[channel] / (block * block) : ff_style_times(dims[channel], block * block);
    return give(call, 4, dims);
}

/** SpaceToBatchND and BatchToSpaceND, which add to the sides of an image or cut them. */
static int move_batches(StyleSmallCall *call)
{
    const StyleSmall *const in = call->inputs[0], *const blocks = call->inputs[1];
    const StyleSmall *const sides = call->inputs[2];
    const int to_space = ff_style_node_is(call->node, "BatchToSpaceND");
    int64_t dims[FF_STYLE_MAX_DIMS];

    if ((size_t)in->rank <= blocks->count || sides->count != 2 * blocks->count)
        return 0;
    memcpy(dims, in->dims, sizeof(dims));
    for (size_t i = 0; i < blocks->count; i++) {
        const int64_t block = ff_style_whole(blocks->values[i]);
        const double before = sides->values[2 * i], behind = sides->values[2 * i + 1];
        const int64_t both = ff_style_whole(before + behind);

        if (block < 1 || before < 0 || behind < 0)
            return 0;
        dims[0] = to_space ? dims[0] / block : ff_style_times(dims[0], block);
        dims[i + 1] =
            to_space ? ff_style_times(dims[i + 1], block) - both : (dims[i + 1] + both) / block;
    }
    return give(call, in->rank, dims);
}

static int lin_space(StyleSmallCall *call)
{
    const int64_t count =
        call->inputs[2]->count == 1 ? ff_style_whole(call->inputs[2]->values[0]) : -1;

    return give(call, 1, &count);
}

/** An axis as long as is said, among those of its places. */
static int one_hot(StyleSmallCall *call)
{
    const StyleSmall *const places = call->inputs[0], *const depth = call->inputs[1];
    const int64_t said = ff_style_attr_int(call->node, "axis", -1);
    const int64_t axis = said == -1 ? places->rank : said;
    int64_t dims[FF_STYLE_MAX_DIMS];

    if (depth->count != 1 || places->rank == FF_STYLE_MAX_DIMS || axis < 0 || axis > places->rank)
        return 0;
    for (int i = 0; i <= places->rank; i++)
        dims[i] = i == axis ? ff_style_whole(depth->values[0]) : places->dims[i - (i > axis)];
    return give(call, places->rank + 1, dims);
}

static int range(StyleSmallCall *call)
{
    int64_t count;

    if (call->inputs[0]->count != 1 || call->inputs[1]->count != 1 || call->inputs[2]->count != 1)
        return 0;
    count = ff_style_whole(ceil((call->inputs[1]->values[0] - call->inputs[0]->values[0]) /
                                call->inputs[2]->values[0]));
    return give(call, 1, &count);
}

/** GatherV2(table, rows, 0) and Gather(table, rows): one number of a vector, or the shape alone. */
static int gather(StyleSmallCall *call)
{
    const StyleSmall *const table = call->inputs[0], *const rows = call->inputs[1];
    StyleSmall *const to = call->outputs[0];
    int64_t dims[2 * FF_STYLE_MAX_DIMS];

    if (table->rank < 1 || table->rank + rows->rank > FF_STYLE_MAX_DIMS ||
        (call->nb_inputs > 2 && (call->inputs[2]->count != 1 || call->inputs[2]->values[0] != 0)))
        return 0;
    memcpy(dims, rows->dims, (size_t)rows->rank * sizeof(*dims));
    memcpy(dims + rows->rank, table->dims + 1, (size_t)(table->rank - 1) * sizeof(*dims));
    if (table->rank > 1 || rows->rank || !table->values || !rows->values ||
        !(rows->values[0] >= 0 && rows->values[0] < (double)table->count))
        return give(call, table->rank + rows->rank - 1, dims);
    if (!ff_style_shape_small(call->memory, to, table->type, 0, NULL))
        return 0;
    to->values[0] = table->values[(size_t)rows->values[0]];
    return 1;
}

/** GatherNd: the last axis of the places names rows of the table. */
static int gather_each(StyleSmallCall *call)
{
    const StyleSmall *const table = call->inputs[0], *const places = call->inputs[1];
    const int rank = places->rank - 1;
    const int64_t named = rank < 0 ? -1 : places->dims[rank];
    int64_t dims[2 * FF_STYLE_MAX_DIMS];

    if (named < 0 || named > table->rank || rank + table->rank - named > FF_STYLE_MAX_DIMS)
        return 0;
    memcpy(dims, places->dims, (size_t)rank * sizeof(*dims));
    memcpy(dims + rank, table->dims + named, (size_t)(table->rank - named) * sizeof(*dims));
    return give(call, rank + table->rank - (int)named, dims);
}

/** Operations number by number: an input of one index, or without an axis, is taken for each. */
static int spread(StyleSmallCall *call)
{
    int64_t dims[FF_STYLE_MAX_DIMS];
    int rank = 0;

    for (int i = 0; i < call->nb_inputs; i++)
        if (!ff_style_broadcast(call->inputs[i], &rank, dims))
            return 0;
    return give(call, rank, dims);
}

/** Products of matrices, which are the last two axes. */
static int multiply(StyleSmallCall *call)
{
    const StyleSmall *const a = call->inputs[0], *const b = call->inputs[1];
    const int over = ff_style_attr_bool(call->node, "adj_x", 0);
    const int under = ff_style_attr_bool(call->node, "adj_y", 0);
    StyleSmall first = *a, second = *b;
    int64_t dims[FF_STYLE_MAX_DIMS];
    int rank = 0;

    first.rank -= 2;
    second.rank -= 2;
    if (first.rank < 0 || second.rank < 0 || !ff_style_broadcast(&first, &rank, dims) ||
        !ff_style_broadcast(&second, &rank, dims))
        return 0;
    dims[rank] = a->dims[a->rank - 2 + over];
    dims[rank + 1] = b->dims[b->rank - 1 - under];
    return give(call, rank + 2, dims);
}

/** The sizes of an equation's letters: "abcd,efgh->abcdefgh". */
static int einsum(StyleSmallCall *call)
{
    const StyleSpan text = ff_style_attr_text(call->node, "equation");
    int64_t sizes[256], dims[FF_STYLE_MAX_DIMS];
    int slot = 0, place = 0, rank = -1;

    memset(sizes, 0xff, sizeof(sizes));
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t letter = text.data[i];

        if (letter == '.')
            return 0;
        if (letter == ',')
            slot++, place = 0;
        else if (letter == '>')
            rank = 0;
        else if (letter == '-' || letter == ' ')
            continue;
        else if (rank < 0 && slot < call->nb_inputs && place < call->inputs[slot]->rank)
            sizes[letter] = call->inputs[slot]->dims[place++];
        else if (rank >= 0 && rank < FF_STYLE_MAX_DIMS)
            dims[rank++] = sizes[letter];
    }
    return rank >= 0 && give(call, rank, dims);
}

static const StyleRule rules[] = {
    {"AvgPool", pool, 1, 0},
    {"BatchMatMul", multiply, 2, 0},
    {"BatchMatMulV2", multiply, 2, 0},
    {"BatchToSpaceND", move_batches, 3, 6},
    {"BroadcastTo", broadcast_to, 2, 2},
    {"Conv2D", convolve, 2, 0},
    {"Conv2DBackpropInput", convolve_back, 3, 1},
    {"DepthToSpace", move_blocks, 1, 0},
    {"DepthwiseConv2dNative", convolve, 2, 0},
    {"Einsum", einsum, -1, 0},
    {"Equal", spread, 2, 0},
    {"Gather", gather, 2, 0},
    {"GatherNd", gather_each, 2, 0},
    {"GatherV2", gather, 3, 4},
    {"Greater", spread, 2, 0},
    {"GreaterEqual", spread, 2, 0},
    {"Less", spread, 2, 0},
    {"LessEqual", spread, 2, 0},
    {"LinSpace", lin_space, 3, 4},
    {"LogicalAnd", spread, 2, 0},
    {"LogicalOr", spread, 2, 0},
    {"MaxPool", pool, 1, 0},
    {"MirrorPad", pad, 2, 2},
    {"Mod", spread, 2, 0},
    {"NotEqual", spread, 2, 0},
    {"OneHot", one_hot, 4, 2},
    {"PadV2", pad, 3, 2},
    {"Range", range, 3, 7},
    {"ResizeBicubic", resize, 2, 2},
    {"ResizeBilinear", resize, 2, 2},
    {"ResizeNearestNeighbor", resize, 2, 2},
    {"ScatterNd", scatter, 3, 4},
    {"SelectV2", spread, 3, 0},
    {"SpaceToBatchND", move_batches, 3, 6},
    {"SpaceToDepth", move_blocks, 1, 0},
};

int ff_style_find_image_shape(const StyleNode *node, StyleSmallCall *call)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (ff_style_node_is(node, rules[i].op))
            return ff_style_take_rule(rules[i], call);
    return -1;
}
