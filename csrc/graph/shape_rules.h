/*
 * Inside of the search for shapes: what each operation makes of the shapes that it takes, a rule for each.
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

#ifndef FF_STYLE_SHAPE_RULES_H
#define FF_STYLE_SHAPE_RULES_H

#include <string.h>

#include "shapes.h"

/** What a rule works on: a node, what is known of all others, and its own shape, of which nothing is known. */
typedef struct Rule {
    const StyleNodes *nodes;
    const StyleShapes *shapes;
    const StyleNode *node;
    StyleShape *shape;
} Rule;

/** Stands for all sizes and counts beyond any tensor's, too. */
#define FF_STYLE_MOST ((int64_t)1 << 40)

static const StyleDims unknown_dims = {.rank = -1};

/** A size as it may be in a shape; below 0: it is not known. */
static inline int64_t size_of(int64_t size)
{
    return size < 0 ? -1 : size > FF_STYLE_MOST ? FF_STYLE_MOST : size;
}

static inline int64_t product(int64_t a, int64_t b)
{
    if (!a || !b)
        return 0;
    return a < 0 || b < 0 ? -1 : a > FF_STYLE_MOST / b ? FF_STYLE_MOST : a * b;
}

/** How many values a tensor has; -1: it is not known. */
static inline int64_t count_of(const StyleDims *dims)
{
    int64_t count = dims->rank < 0 ? -1 : 1;

    for (int i = 0; i < dims->rank; i++)
        count = product(count, dims->sizes[i]);
    return count;
}

static inline StyleDims unknown_of_rank(int rank)
{
    StyleDims dims = {.rank = rank};

    for (int i = 0; i < FF_STYLE_MAX_DIMS; i++)
        dims.sizes[i] = -1;
    return dims;
}

static inline StyleDims dims_of(const Rule *rule, int slot)
{
    return slot < rule->node->nb_inputs
               ? ff_style_dims_of(rule->nodes, rule->shapes, rule->node->inputs[slot])
               : unknown_dims;
}

/** The whole numbers that an input has; NULL: they are not known. */
static inline const StyleShape *values_of(const Rule *rule, int slot)
{
    const StyleSource source =
        slot < rule->node->nb_inputs ? rule->node->inputs[slot] : (StyleSource){-1, -1};
    const StyleShape *const shape = source.node < 0 ? NULL : &rule->shapes->nodes[source.node];

    return shape && !source.output && shape->nb_values >= 0 ? shape : NULL;
}

/** The one number that an input has, or FF_STYLE_UNKNOWN. */
static inline int64_t value_of(const Rule *rule, int slot)
{
    const StyleShape *const shape = values_of(rule, slot);

    return shape && shape->nb_values == 1 ? shape->values[0] : FF_STYLE_UNKNOWN;
}

/** A tensor of the shape that an input's numbers are. */
static inline StyleDims dims_from(const Rule *rule, int slot)
{
    const StyleShape *const shape = values_of(rule, slot);
    const StyleDims dims = dims_of(rule, slot);
    StyleDims result;

    if (!shape) // how many numbers there are may be known without them
        return dims.rank == 1 && dims.sizes[0] >= 0 && dims.sizes[0] <= FF_STYLE_MAX_DIMS
                   ? unknown_of_rank((int)dims.sizes[0])
                   : unknown_dims;
    result = unknown_of_rank(shape->nb_values);
    for (int i = 0; i < shape->nb_values; i++)
        result.sizes[i] = size_of(shape->values[i]);
    return result;
}

static inline void as_input(const Rule *rule)
{
    rule->shape->dims = dims_of(rule, 0);
}

/** The same, and the same numbers. */
static inline void copy(const Rule *rule)
{
    const StyleShape *const from = values_of(rule, 0);

    as_input(rule);
    if (!from)
        return;
    rule->shape->nb_values = from->nb_values;
    memcpy(rule->shape->values, from->values, sizeof(from->values));
}

/* Rules of operations on images, in image_shapes.c, and of those that move values, in move_shapes.c. */

void ff_style_shape_convolve(const Rule *rule);
void ff_style_shape_pool(const Rule *rule);
void ff_style_shape_convolve_back(const Rule *rule);
void ff_style_shape_pad(const Rule *rule);
void ff_style_shape_resize(const Rule *rule);
void ff_style_shape_move_blocks(const Rule *rule);
void ff_style_shape_reshape(const Rule *rule);
void ff_style_shape_from_values(const Rule *rule);
void ff_style_shape_broadcast_to(const Rule *rule);
void ff_style_shape_tile(const Rule *rule);
void ff_style_shape_range(const Rule *rule);
void ff_style_shape_slice(const Rule *rule);
void ff_style_shape_stride(const Rule *rule);
void ff_style_shape_transpose(const Rule *rule);
void ff_style_shape_expand(const Rule *rule);
void ff_style_shape_squeeze(const Rule *rule);
void ff_style_shape_join(const Rule *rule);
void ff_style_shape_pack(const Rule *rule);
void ff_style_shape_unpack(const Rule *rule);
void ff_style_shape_split(const Rule *rule);
void ff_style_shape_reduce(const Rule *rule);
void ff_style_shape_multiply_matrices(const Rule *rule);
void ff_style_shape_gather(const Rule *rule);
void ff_style_shape_einsum(const Rule *rule);

#endif
