/*
 * What only moves values about: it changes a view.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "small.h"

StyleView ff_style_small_view(const StyleSmall *small)
{
    return ff_style_whole_view(small->rank, small->dims);
}

int ff_style_axis(double number, int rank)
{
    const double axis = number < 0 ? number + rank : number;

    return axis >= 0 && axis < rank ? (int)axis : -1;
}

static int keep(const StyleNode *node, StyleSmall *const *inputs, StyleView *view)
{
    (void)node, (void)inputs, (void)view;
    return 1;
}

static int transpose(const StyleNode *node, StyleSmall *const *inputs, StyleView *view)
{
    const StyleView before = *view;
    int seen = 0;

    (void)node;
    if (inputs[1]->count != (size_t)view->rank)
        return 0;
    for (int i = 0; i < before.rank; i++) {
        const int axis = ff_style_axis(inputs[1]->values[i], before.rank);

        if (axis < 0 || seen >> axis & 1)
            return 0;
        seen |= 1 << axis;
        view->dims[i] = before.dims[axis];
        view->steps[i] = before.steps[axis];
    }
    return 1;
}

static int reverse(const StyleNode *node, StyleSmall *const *inputs, StyleView *view)
{
    int seen = 0;

    (void)node;
    for (size_t i = 0; i < inputs[1]->count; i++) {
        const int axis = ff_style_axis(inputs[1]->values[i], view->rank);

        if (axis < 0 || seen >> axis & 1)
            return 0;
        seen |= 1 << axis;
        ff_style_slice_view(view, axis, view->dims[axis] - 1, view->dims[axis], -1);
    }
    return 1;
}

/** As many values from the first on; -1 of them: to the end. */
static int slice(const StyleNode *node, StyleSmall *const *inputs, StyleView *view)
{
    (void)node;
    if (inputs[1]->count != (size_t)view->rank || inputs[2]->count != (size_t)view->rank)
        return 0;
    for (int i = 0; i < view->rank; i++) {
        const int64_t dim = view->dims[i], begin = ff_style_whole(inputs[1]->values[i]);
        const int64_t asked = ff_style_whole(inputs[2]->values[i]);
        const int64_t count = asked == -1 ? dim - begin : asked;

        if (begin < 0 || begin > dim || count < 0 || count > dim - begin)
            return 0;
        ff_style_slice_view(view, i, begin, count, 1);
    }
    return 1;
}

/** A bound as StridedSlice takes it: it may count from the end, and is brought into the axis. */
static int64_t bring_in(int64_t bound, int64_t dim, int64_t low, int64_t high)
{
    bound += bound < 0 ? dim : 0;
    return bound < low ? low : bound > high ? high : bound;
}

/** What the masks of a StridedSlice say. */
typedef struct Masks {
    int64_t begin, end, ellipsis, new_axis, shrink;
} Masks;

/** Bounds of one axis; returns 0 when they make no sense. */
static int slice_axis(StyleView *view, int axis, StyleSmall *const *inputs, size_t i,
                      const Masks *masks)
{
    const int64_t dim = view->dims[axis], stride = ff_style_whole(inputs[3]->values[i]);
    int64_t begin = ff_style_whole(inputs[1]->values[i]),
            end = ff_style_whole(inputs[2]->values[i]);
    const int64_t low = stride < 0 ? -1 : 0, high = stride < 0 ? dim - 1 : dim;

    if (!stride || stride > INT32_MAX || stride < -INT32_MAX)
        return 0;
    if (masks->shrink >> i & 1) {
        begin += begin < 0 ? dim : 0;
        if (begin < 0 || begin >= dim || stride < 0)
            return 0;
        ff_style_slice_view(view, axis, begin, 1, 1);
        return 1;
    }
    begin = masks->begin >> i & 1 ? (stride < 0 ? high : low) : bring_in(begin, dim, low, high);
    end = masks->end >> i & 1 ? (stride < 0 ? low : high) : bring_in(end, dim, low, high);
    if (stride > 0)
        end = end > begin ? (end - begin + stride - 1) / stride : 0;
    else
        end = begin > end ? (begin - end - stride - 1) / -stride : 0;
    ff_style_slice_view(view, axis, begin, end, stride);
    return 1;
}

static int strided_slice(const StyleNode *node, StyleSmall *const *inputs, StyleView *view)
{
    const Masks masks = {
        ff_style_attr_int(node, "begin_mask", 0), ff_style_attr_int(node, "end_mask", 0),
        ff_style_attr_int(node, "ellipsis_mask", 0), ff_style_attr_int(node, "new_axis_mask", 0),
        ff_style_attr_int(node, "shrink_axis_mask", 0)};
    const size_t count = inputs[1]->count;
    int axis = 0;

    if (count > 2 * FF_STYLE_MAX_DIMS || inputs[2]->count != count || inputs[3]->count != count)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (masks.ellipsis >> i & 1) {
            int behind = 0;

            for (size_t j = i + 1; j < count; j++)
                behind += !(masks.new_axis >> j & 1);
            axis = view->rank - behind > axis ? view->rank - behind : axis;
        } else if (masks.new_axis >> i & 1) {
            if (!ff_style_add_axis(view, axis++, 1))
                return 0;
        } else if (axis >= view->rank || !slice_axis(view, axis, inputs, i, &masks)) {
            return 0;
        } else if (masks.shrink >> i & 1) {
            ff_style_drop_axis(view, axis);
        } else {
            axis++;
        }
    }
    return 1;
}

static int expand(const StyleNode *node, StyleSmall *const *inputs, StyleView *view)
{
    int axis;

    (void)node;
    if (inputs[1]->count != 1)
        return 0;
    axis = ff_style_axis(inputs[1]->values[0], view->rank + 1);
    return axis >= 0 && ff_style_add_axis(view, axis, 1);
}

static int squeeze(const StyleNode *node, StyleSmall *const *inputs, StyleView *view)
{
    int64_t axes[FF_STYLE_MAX_DIMS];
    const int count = ff_style_attr_ints(node, "squeeze_dims", FF_STYLE_MAX_DIMS, axes);
    int dropped = count ? 0 : -1;

    (void)inputs;
    if (count > FF_STYLE_MAX_DIMS)
        return 0;
    for (int i = 0; i < count; i++) {
        const int axis = ff_style_axis((double)axes[i], view->rank);

        if (axis < 0 || view->dims[axis] != 1)
            return 0;
        dropped |= 1 << axis;
    }
    for (int i = view->rank - 1; i >= 0; i--)
        if (dropped >> i & 1 && view->dims[i] == 1)
            ff_style_drop_axis(view, i);
    return 1;
}

typedef struct Move {
    const char *op;
    int nb_inputs;
    int (*move)(const StyleNode *node, StyleSmall *const *inputs, StyleView *view);
} Move;

static const Move moves[] = {
    {"ExpandDims", 2, expand},
    {"Identity", 1, keep},
    {"PlaceholderWithDefault", 1, keep}, // nobody feeds it
    {"ReverseV2", 2, reverse},
    {"Slice", 3, slice},
    {"Squeeze", 1, squeeze},
    {"StopGradient", 1, keep},
    {"Transpose", 2, transpose},
    {"StridedSlice", 4, strided_slice},
};

static const Move *find_move(const StyleNode *node)
{
    for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++)
        if (ff_style_node_is(node, moves[i].op))
            return &moves[i];
    return NULL;
}

int ff_style_is_move(const StyleNode *node)
{
    return find_move(node) != NULL;
}

int ff_style_move_view(const StyleNode *node, StyleSmall *const *inputs, int nb_inputs,
                       StyleView *view)
{
    const Move *const move = find_move(node);

    return move && move->nb_inputs == nb_inputs && move->move(node, inputs, view) &&
           ff_style_view_count(view) >= 0;
}

int ff_style_read_dims(const StyleSmall *shape, int64_t count, int *rank, int64_t *dims)
{
    int64_t known = 1;
    int open = -1;

    if (shape->rank != 1 || shape->count > FF_STYLE_MAX_DIMS)
        return 0;
    *rank = (int)shape->count;
    for (int i = 0; i < *rank; i++) {
        const int64_t dim = ff_style_whole(shape->values[i]);

        if (dim == -1 && open < 0) {
            open = i;
            continue;
        }
        if (dim < 0 || (dim && known > FF_STYLE_MAX_VALUES / dim))
            return 0;
        dims[i] = dim;
        known *= dim;
    }
    if (open >= 0) {
        if (!known || count % known)
            return 0;
        dims[open] = count / known;
        known = count;
    }
    return known == count;
}
