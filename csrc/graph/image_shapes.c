/*
 * The shapes that operations on images give.
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

#include "shape_rules.h"

/** The places of height and width in an image's shape; the channels' is returned. */
static int image_axes(const Rule *rule, int *height)
{
    const int first = ff_style_attr_is(rule->node, "data_format", "NCHW", 0);

    *height = first ? 2 : 1;
    return first ? 1 : 3;
}

/** What a window that moves gives of `size`, as Conv2D and the pools have it. */
static int64_t windowed(const Rule *rule, int64_t size, int64_t window, int64_t stride)
{
    if (stride < 1 || stride > FF_STYLE_MOST || window < 1 || window > FF_STYLE_MOST || size < 0)
        return -1;
    if (ff_style_attr_is(rule->node, "padding", "SAME", 0))
        return (size + stride - 1) / stride;
    if (ff_style_attr_is(rule->node, "padding", "VALID", 0))
        return size < window ? 0 : (size - window) / stride + 1;
    return size_of(size + 2 * window); // explicit padding: more than it can be
}

static void move_window(const Rule *rule, const int64_t window[2], int64_t channels)
{
    const StyleDims in = dims_of(rule, 0);
    int64_t strides[4] = {1, 1, 1, 1};
    int height;
    const int channel = image_axes(rule, &height);

    rule->shape->dims = unknown_of_rank(4);
    ff_style_attr_ints(rule->node, "strides", 4, strides);
    for (int i = 0; i < 2 && in.rank == 4; i++)
        rule->shape->dims.sizes[height + i] =
            windowed(rule, in.sizes[height + i], window[i], strides[height + i]);
    rule->shape->dims.sizes[0] = in.rank == 4 ? in.sizes[0] : -1;
    rule->shape->dims.sizes[channel] = channels;
}

void ff_style_shape_convolve(const Rule *rule)
{
    const StyleDims kernel = dims_of(rule, 1);
    const int is_depthwise = ff_style_node_is(rule->node, "DepthwiseConv2dNative");
    int64_t dilations[4] = {1, 1, 1, 1}, window[2] = {-1, -1}, channels = -1;
    int height;

    image_axes(rule, &height);
    ff_style_attr_ints(rule->node, "dilations", 4, dilations);
    if (kernel.rank == 4) {
        for (int i = 0; i < 2; i++)
            if (kernel.sizes[i] > 0)
                window[i] = product(kernel.sizes[i] - 1, size_of(dilations[height + i])) + 1;
        channels = is_depthwise ? product(kernel.sizes[2], kernel.sizes[3]) : kernel.sizes[3];
    }
    move_window(rule, window, channels);
}

void ff_style_shape_pool(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    int64_t sizes[4] = {-1, -1, -1, -1};
    int height;
    const int channel = image_axes(rule, &height);

    ff_style_attr_ints(rule->node, "ksize", 4, sizes);
    move_window(rule, sizes + height, in.rank == 4 ? in.sizes[channel] : -1);
}

void ff_style_shape_convolve_back(const Rule *rule)
{
    const StyleDims kernel = dims_of(rule, 1), sizes = dims_from(rule, 0);
    int height;
    const int channel = image_axes(rule, &height);

    rule->shape->dims = sizes.rank == 4 ? sizes : unknown_of_rank(4);
    if (rule->shape->dims.sizes[channel] < 0 && kernel.rank == 4)
        rule->shape->dims.sizes[channel] = kernel.sizes[2];
}

/** Paddings of a matrix [rank, 2] that is a constant. */
void ff_style_shape_pad(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    const StyleNode *const from =
        rule->node->nb_inputs > 1 ? &rule->nodes->nodes[rule->node->inputs[1].node] : NULL;
    int64_t amounts[2 * FF_STYLE_MAX_DIMS];
    StyleTensor tensor;

    if (in.rank < 0)
        return;
    rule->shape->dims = unknown_of_rank(in.rank);
    if (!from || !ff_style_node_is(from, "Const") ||
        !ff_style_attr_tensor(from, "value", &tensor) || tensor.count != 2 * (size_t)in.rank ||
        ff_style_tensor_ints(&tensor, tensor.count, amounts) < 0)
        return;
    for (int i = 0; i < in.rank; i++)
        if (in.sizes[i] >= 0 && size_of(amounts[2 * i]) >= 0 && size_of(amounts[2 * i + 1]) >= 0)
            rule->shape->dims.sizes[i] =
                size_of(in.sizes[i] + size_of(amounts[2 * i]) + size_of(amounts[2 * i + 1]));
}

void ff_style_shape_resize(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0), sizes = dims_from(rule, 1);

    rule->shape->dims = unknown_of_rank(4);
    if (in.rank == 4) {
        rule->shape->dims.sizes[0] = in.sizes[0];
        rule->shape->dims.sizes[3] = in.sizes[3];
    }
    if (sizes.rank == 2)
        memcpy(&rule->shape->dims.sizes[1], sizes.sizes, 2 * sizeof(*sizes.sizes));
}

/** SpaceToDepth and DepthToSpace. */
void ff_style_shape_move_blocks(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    const int64_t block = size_of(ff_style_attr_int(rule->node, "block_size", 0));
    const int to_space = ff_style_node_is(rule->node, "DepthToSpace");
    int height;
    const int channel = image_axes(rule, &height);

    rule->shape->dims = unknown_of_rank(4);
    if (in.rank != 4 || block < 1 || block > 1 << 20)
        return;
    rule->shape->dims.sizes[0] = in.sizes[0];
    for (int i = height; i < height + 2; i++)
        rule->shape->dims.sizes[i] = to_space          ? product(in.sizes[i], block)
                                     : in.sizes[i] < 0 ? -1
                                                       : in.sizes[i] / block;
    rule->shape->dims.sizes[channel] = !to_space ? product(in.sizes[channel], block * block)
                                       : in.sizes[channel] < 0
                                           ? -1
                                           : in.sizes[channel] / (block * block);
}
