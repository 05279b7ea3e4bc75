/*
 * The shapes that operations give which only move values.
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

/** The size that is written as -1 follows from the others. */
void ff_style_shape_reshape(const Rule *rule)
{
    const StyleShape *const wanted = values_of(rule, 1);
    const StyleDims in = dims_of(rule, 0);
    int64_t rest = count_of(&in);
    int open = -1;

    copy(rule);
    rule->shape->dims = dims_from(rule, 1);
    for (int i = 0; wanted && i < wanted->nb_values; i++)
        if (wanted->values[i] == -1)
            open = i;
    if (open < 0 || rest < 0)
        return;
    for (int i = 0; i < wanted->nb_values; i++)
        if (i != open)
            rest = wanted->values[i] > 0 && rest >= 0 && rest % wanted->values[i] == 0
                       ? rest / wanted->values[i]
                       : -1;
    rule->shape->dims.sizes[open] = rest;
}

void ff_style_shape_from_values(const Rule *rule)
{
    rule->shape->dims = dims_from(rule, 0);
}

void ff_style_shape_broadcast_to(const Rule *rule)
{
    rule->shape->dims = dims_from(rule, 1);
}

void ff_style_shape_tile(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0), times = dims_from(rule, 1);

    if (in.rank < 0)
        return;
    rule->shape->dims = unknown_of_rank(in.rank);
    for (int i = 0; i < in.rank && times.rank == in.rank; i++)
        rule->shape->dims.sizes[i] = product(in.sizes[i], times.sizes[i]);
}

void ff_style_shape_range(const Rule *rule)
{
    const int64_t start = value_of(rule, 0), limit = value_of(rule, 1), step = value_of(rule, 2);

    rule->shape->dims = unknown_of_rank(1);
    if (start != FF_STYLE_UNKNOWN && limit != FF_STYLE_UNKNOWN && step > 0 && start >= 0 &&
        limit >= start)
        rule->shape->dims.sizes[0] =
            (limit - start) / step + ((limit - start) % step != 0); // may be beyond FF_STYLE_MOST
}

/** Slice(input, begin, size). */
void ff_style_shape_slice(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    const StyleShape *const begin = values_of(rule, 1), *const size = values_of(rule, 2);

    if (in.rank < 0)
        return;
    rule->shape->dims = unknown_of_rank(in.rank);
    for (int i = 0; i < in.rank && size && size->nb_values == in.rank; i++) {
        const int64_t from =
            begin && begin->nb_values == in.rank ? begin->values[i] : FF_STYLE_UNKNOWN;

        if (size->values[i] >= 0)
            rule->shape->dims.sizes[i] = size_of(size->values[i]);
        else if (size->values[i] == -1 && from >= 0 && from <= in.sizes[i])
            rule->shape->dims.sizes[i] = in.sizes[i] - from;
    }
}

/** What [begin:end] leaves of a size; a bound of FF_STYLE_UNKNOWN is not known, `open` ones are not there. */
static int64_t cut(int64_t size, int64_t begin, int open_begin, int64_t end, int open_end)
{
    if (size < 0 || (!open_begin && begin == FF_STYLE_UNKNOWN) ||
        (!open_end && end == FF_STYLE_UNKNOWN))
        return -1;
    begin = open_begin ? 0 : begin < 0 ? begin + size : begin;
    end = open_end ? size : end < 0 ? end + size : end;
    begin = begin < 0 ? 0 : begin;
    end = end > size ? size : end;
    return end > begin ? end - begin : 0;
}

typedef struct Stride {
    int64_t begin_mask, end_mask, ellipsis, new_axis, shrink;
    const StyleShape *begin, *end, *step;
    StyleDims in;
} Stride;

/** One place of a StridedSlice's lists, which reads axis `axis`; returns how many axes it reads. */
static int stride_axis(const Rule *rule, const Stride *s, int place, int axis)
{
    StyleDims *const out = &rule->shape->dims;
    const int left = s->begin->nb_values - place - 1;
    int64_t begin = s->begin->values[place];

    if (s->ellipsis >> place & 1) {
        int count = s->in.rank - axis - left;

        for (int later = place + 1; later < s->begin->nb_values; later++)
            count += s->new_axis >> later & 1;
        for (int i = 0; i < count && out->rank < FF_STYLE_MAX_DIMS; i++)
            out->sizes[out->rank++] = s->in.sizes[axis + i];
        return count > 0 ? count : 0;
    }
    if (s->new_axis >> place & 1) {
        if (out->rank < FF_STYLE_MAX_DIMS)
            out->sizes[out->rank++] = 1;
        return 0;
    }
    if (axis >= s->in.rank)
        return 0;
    if (s->shrink >> place & 1) {
        if (begin < 0 && begin != FF_STYLE_UNKNOWN)
            begin = s->in.sizes[axis] < 0 ? FF_STYLE_UNKNOWN : begin + s->in.sizes[axis];
        if (rule->shape->nb_values == -1 && values_of(rule, 0) && begin >= 0 &&
            begin < values_of(rule, 0)->nb_values) {
            rule->shape->nb_values = 1;
            rule->shape->values[0] = values_of(rule, 0)->values[begin];
        }
        return 1;
    }
    if (out->rank < FF_STYLE_MAX_DIMS)
        out->sizes[out->rank++] = s->step && s->step->values[place] == 1
                                      ? cut(s->in.sizes[axis], begin, s->begin_mask >> place & 1,
                                            s->end->values[place], s->end_mask >> place & 1)
                                      : -1;
    return 1;
}

/** The numbers of a vector that a StridedSlice leaves. */
static void stride_values(const Rule *rule, const Stride *s)
{
    const StyleShape *const from = values_of(rule, 0);
    StyleShape *const shape = rule->shape;
    const int64_t begin = s->begin_mask & 1 ? 0 : s->begin->values[0];

    if (!from || shape->dims.rank != 1 || s->begin->nb_values != 1 || shape->dims.sizes[0] < 0 ||
        begin == FF_STYLE_UNKNOWN || s->new_axis)
        return;
    for (int64_t i = 0, at = begin < 0 ? begin + from->nb_values : begin;
         i < shape->dims.sizes[0] && i < FF_STYLE_MAX_DIMS; i++)
        shape->values[i] =
            at + i >= 0 && at + i < from->nb_values ? from->values[at + i] : FF_STYLE_UNKNOWN;
    shape->nb_values = (int)shape->dims.sizes[0];
}

void ff_style_shape_stride(const Rule *rule)
{
    const StyleNode *const node = rule->node;
    const Stride s = {
        .begin_mask = ff_style_attr_int(node, "begin_mask", 0),
        .end_mask = ff_style_attr_int(node, "end_mask", 0),
        .ellipsis = ff_style_attr_int(node, "ellipsis_mask", 0),
        .new_axis = ff_style_attr_int(node, "new_axis_mask", 0),
        .shrink = ff_style_attr_int(node, "shrink_axis_mask", 0),
        .begin = values_of(rule, 1),
        .end = values_of(rule, 2),
        .step = values_of(rule, 3),
        .in = dims_of(rule, 0),
    };
    int axis = 0;

    if (s.in.rank < 0 || !s.begin || !s.end || s.begin->nb_values != s.end->nb_values ||
        (s.step && s.step->nb_values != s.begin->nb_values))
        return;
    rule->shape->dims = unknown_of_rank(0);
    for (int place = 0; place < s.begin->nb_values; place++)
        axis += stride_axis(rule, &s, place, axis);
    for (; axis < s.in.rank && rule->shape->dims.rank < FF_STYLE_MAX_DIMS; axis++)
        rule->shape->dims.sizes[rule->shape->dims.rank++] = s.in.sizes[axis];
    stride_values(rule, &s);
}

void ff_style_shape_transpose(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    const StyleShape *const order = values_of(rule, 1);

    if (in.rank < 0)
        return;
    rule->shape->dims = unknown_of_rank(in.rank);
    for (int i = 0; order && i < in.rank && order->nb_values == in.rank; i++)
        if (order->values[i] >= 0 && order->values[i] < in.rank)
            rule->shape->dims.sizes[i] = in.sizes[order->values[i]];
}

/** An axis that may count from the end; -1: it is not known, or not there. */
static int axis_of(int64_t axis, int rank)
{
    if (axis < 0 && axis != FF_STYLE_UNKNOWN)
        axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

void ff_style_shape_expand(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    const int axis = axis_of(value_of(rule, 1), in.rank + 1);

    copy(rule);
    if (in.rank < 0 || in.rank == FF_STYLE_MAX_DIMS) {
        rule->shape->dims = unknown_dims;
        return;
    }
    rule->shape->dims = unknown_of_rank(in.rank + 1);
    for (int i = 0; axis >= 0 && i <= in.rank; i++)
        rule->shape->dims.sizes[i] = i == axis ? 1 : in.sizes[i - (i > axis)];
}

void ff_style_shape_squeeze(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    int64_t axes[FF_STYLE_MAX_DIMS];
    const int count = ff_style_attr_ints(rule->node, "squeeze_dims", FF_STYLE_MAX_DIMS, axes);
    int gone = 0;

    copy(rule);
    rule->shape->dims = unknown_dims;
    for (int i = 0; i < in.rank; i++)
        gone |= (!count && in.sizes[i] < 0) << i; // it may be 1, or not
    if (in.rank < 0 || gone || count > FF_STYLE_MAX_DIMS)
        return;
    for (int i = 0; i < count; i++)
        if (axis_of(axes[i], in.rank) >= 0)
            gone |= 1 << axis_of(axes[i], in.rank);
    rule->shape->dims.rank = 0;
    for (int i = 0; i < in.rank; i++)
        if (count ? !(gone >> i & 1) : in.sizes[i] != 1)
            rule->shape->dims.sizes[rule->shape->dims.rank++] = in.sizes[i];
}

void ff_style_shape_join(const Rule *rule)
{
    const int is_old = ff_style_node_is(rule->node, "Concat"); // its axis comes first
    const int count = rule->node->nb_inputs - 1;
    const StyleDims first = dims_of(rule, is_old);
    const int axis = axis_of(value_of(rule, is_old ? 0 : count), first.rank);
    StyleShape *const shape = rule->shape;

    if (first.rank < 0)
        return;
    shape->dims = axis < 0 ? unknown_of_rank(first.rank) : first;
    shape->nb_values = first.rank == 1 ? 0 : -1;
    for (int i = 0; i < count && axis >= 0; i++) {
        const StyleDims in = dims_of(rule, i + is_old);
        const StyleShape *const from = values_of(rule, i + is_old);
        const int64_t size = in.rank == first.rank ? in.sizes[axis] : -1;

        if (i)
            shape->dims.sizes[axis] = size < 0 || shape->dims.sizes[axis] < 0
                                          ? -1
                                          : size_of(shape->dims.sizes[axis] + size);
        if (!from || shape->nb_values < 0 ||
            shape->nb_values + from->nb_values > FF_STYLE_MAX_DIMS) {
            shape->nb_values = -1;
            continue;
        }
        for (int k = 0; k < from->nb_values; k++)
            shape->values[shape->nb_values++] = from->values[k];
    }
}

void ff_style_shape_pack(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    const int axis = axis_of(ff_style_attr_int(rule->node, "axis", 0), in.rank + 1);
    const int count = rule->node->nb_inputs;
    StyleShape *const shape = rule->shape;

    if (in.rank < 0 || in.rank == FF_STYLE_MAX_DIMS || axis < 0)
        return;
    shape->dims = unknown_of_rank(in.rank + 1);
    for (int i = 0; i <= in.rank; i++)
        shape->dims.sizes[i] = i == axis ? count : in.sizes[i - (i > axis)];
    if (in.rank || count > FF_STYLE_MAX_DIMS)
        return;
    shape->nb_values = count;
    for (int i = 0; i < count; i++)
        shape->values[i] = value_of(rule, i);
}

void ff_style_shape_unpack(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    const int axis = axis_of(ff_style_attr_int(rule->node, "axis", 0), in.rank);

    if (axis < 0)
        return;
    rule->shape->dims = unknown_of_rank(in.rank - 1);
    for (int i = 0; i < in.rank - 1; i++)
        rule->shape->dims.sizes[i] = in.sizes[i + (i >= axis)];
}

void ff_style_shape_split(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 1);
    const int axis = axis_of(value_of(rule, 0), in.rank);
    const int64_t count = ff_style_attr_int(rule->node, "num_split", 0);

    if (in.rank < 0)
        return;
    rule->shape->dims = axis < 0 ? unknown_of_rank(in.rank) : in;
    if (axis >= 0 && in.sizes[axis] >= 0 && count > 0)
        rule->shape->dims.sizes[axis] /= count;
}

/** Mean, Sum and their like. */
void ff_style_shape_reduce(const Rule *rule)
{
    const StyleDims in = dims_of(rule, 0);
    const StyleShape *const axes = values_of(rule, 1);
    int gone = 0;

    if (in.rank < 0 || !axes)
        return;
    for (int i = 0; i < axes->nb_values; i++)
        if (axis_of(axes->values[i], in.rank) >= 0)
            gone |= 1 << axis_of(axes->values[i], in.rank);
    rule->shape->dims.rank = 0;
    for (int i = 0; i < in.rank; i++)
        if (!(gone >> i & 1))
            rule->shape->dims.sizes[rule->shape->dims.rank++] = in.sizes[i];
        else if (ff_style_attr_bool(rule->node, "keep_dims", 0))
            rule->shape->dims.sizes[rule->shape->dims.rank++] = 1;
}

void ff_style_shape_multiply_matrices(const Rule *rule)
{
    const StyleDims a = dims_of(rule, 0), b = dims_of(rule, 1);

    rule->shape->dims = unknown_of_rank(2);
    if (a.rank == 2)
        rule->shape->dims.sizes[0] = a.sizes[ff_style_attr_bool(rule->node, "transpose_a", 0)];
    if (b.rank == 2)
        rule->shape->dims.sizes[1] = b.sizes[!ff_style_attr_bool(rule->node, "transpose_b", 0)];
}

/** GatherV2(table, rows, 0) and Gather(table, rows). */
void ff_style_shape_gather(const Rule *rule)
{
    const StyleDims table = dims_of(rule, 0), rows = dims_of(rule, 1);
    StyleShape *const shape = rule->shape;

    if (table.rank < 1 || rows.rank < 0 || table.rank + rows.rank - 1 > FF_STYLE_MAX_DIMS ||
        (rule->node->nb_inputs > 2 && value_of(rule, 2) != 0))
        return;
    shape->dims = rows;
    for (int i = 1; i < table.rank; i++)
        shape->dims.sizes[shape->dims.rank++] = table.sizes[i];
    if (values_of(rule, 0) && value_of(rule, 1) >= 0 &&
        value_of(rule, 1) < values_of(rule, 0)->nb_values) {
        shape->nb_values = 1;
        shape->values[0] = values_of(rule, 0)->values[value_of(rule, 1)];
    }
}

/** The sizes of an equation's letters: "abcd,efgh->abcdefgh". */
void ff_style_shape_einsum(const Rule *rule)
{
    StyleSpan text = ff_style_attr_text(rule->node, "equation");
    int64_t sizes[256];
    int slot = 0, place = 0, is_result = 0;

    memset(sizes, 0xff, sizeof(sizes));
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t letter = text.data[i];
        const StyleDims in = dims_of(rule, slot);

        if (letter == '.')
            return;
        if (letter == ',') {
            slot++, place = 0;
        } else if (letter == '>') {
            is_result = 1;
            rule->shape->dims.rank = 0;
        } else if (letter == '-' || letter == ' ') {
            continue;
        } else if (!is_result && place < in.rank) {
            sizes[letter] = in.sizes[place++];
        } else if (is_result && rule->shape->dims.rank < FF_STYLE_MAX_DIMS) {
            rule->shape->dims.sizes[rule->shape->dims.rank++] = sizes[letter];
        }
    }
}
