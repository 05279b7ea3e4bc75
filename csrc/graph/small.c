/*
 * Operations on small tensors that are no arithmetic number by number.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>
#include <string.h>

#include "small.h"

int ff_style_set_shape(StyleSmall *small, int type, int rank, const int64_t *dims)
{
    int64_t count = 1;
    int is_empty = 0;

    for (int i = 0; i < rank && count < FF_STYLE_TOO_MANY; i++) {
        if (dims[i] < 0)
            return 0;
        is_empty |= !dims[i];
        count = ff_style_times(count, dims[i] ? dims[i] : 1); // beside a 0, too, it must fit
    }
    small->type = type;
    small->count = (size_t)count;
    if (count == FF_STYLE_TOO_MANY)
        return 0;
    small->count = is_empty ? 0 : small->count;
    small->rank = rank;
    for (int i = 0; i < rank; i++)
        small->dims[i] = dims[i];
    return 1;
}

int ff_style_shape_small(StyleMemory *memory, StyleSmall *small, int type, int rank,
                         const int64_t *dims)
{
    if (small->values)
        return small->rank == rank &&
               (!rank || !memcmp(small->dims, dims, (size_t)rank * sizeof(*dims)));
    if (!ff_style_set_shape(small, type, rank, dims))
        return 0;
    if (memory->most && small->count > memory->most)
        return 1;
    return (small->values = ff_style_take(memory, small->count + 1, sizeof(double))) != NULL;
}

int ff_style_has_values(const StyleSmallCall *call)
{
    for (int i = 0; i < call->nb_inputs; i++)
        if (!call->inputs[i]->values)
            return 0;
    for (int i = 0; i < call->nb_outputs; i++)
        if (!call->outputs[i]->values)
            return 0;
    return 1;
}

int ff_style_view_small(StyleMemory *memory, const StyleSmall *from, const StyleView *view,
                        StyleSmall *to)
{
    StyleView whole;

    if (!ff_style_shape_small(memory, to, from->type, view->rank, view->dims))
        return 0;
    if (!from->values || !to->values)
        return 1;
    whole = ff_style_small_view(to);
    ff_style_copy_view(view, from->values, &whole, to->values, sizeof(double));
    return 1;
}

static int move(StyleSmallCall *call)
{
    StyleView view = ff_style_small_view(call->inputs[0]);

    return ff_style_move_view(call->node, call->inputs, call->nb_inputs, &view) &&
           ff_style_view_small(call->memory, call->inputs[0], &view, call->outputs[0]);
}

static int reshape(StyleSmallCall *call)
{
    const StyleSmall *const from = call->inputs[0];
    int64_t dims[FF_STYLE_MAX_DIMS];
    int rank;

    if (!ff_style_read_dims(call->inputs[1], (int64_t)from->count, &rank, dims) ||
        !ff_style_shape_small(call->memory, call->outputs[0], from->type, rank, dims))
        return 0;
    if (ff_style_has_values(call))
        memcpy(call->outputs[0]->values, from->values, from->count * sizeof(double));
    return 1;
}

/** Of numbers that single precision holds: what was rounded to half of it would have to be again. */
static int cast(StyleSmallCall *call)
{
    const StyleSmall *const from = call->inputs[0];
    const int type = ff_style_attr_type(call->node, "DstT");
    const int is_short = type == FF_STYLE_DT_HALF || type == FF_STYLE_DT_BFLOAT16 ||
                         type == FF_STYLE_DT_BOOL || type == FF_STYLE_DT_UINT8;

    if ((is_short && !call->memory->most) ||
        !ff_style_shape_small(call->memory, call->outputs[0], type, from->rank, from->dims))
        return 0;
    if (is_short)
        call->outputs[0]->values = NULL;
    for (size_t i = 0; i < from->count && ff_style_has_values(call); i++)
        call->outputs[0]->values[i] =
            ff_style_is_whole_type(type) ? trunc(from->values[i]) : from->values[i];
    return 1;
}

/* Sums and products over axes */

/** A bit for each axis that the second input names; -1: they make no sense. */
static int read_axes(const StyleSmall *axes, int rank)
{
    int mask = 0;

    for (size_t i = 0; i < axes->count; i++) {
        const int axis = ff_style_axis(axes->values[i], rank);

        if (axis < 0)
            return -1;
        mask |= 1 << axis;
    }
    return mask;
}

static double combine(StyleSpan op, double a, double b)
{
    switch (op.data[1]) { // of Prod, Max and Min; Mean is a Sum first
    case 'r':
        return a * b;
    case 'a':
        return a > b ? a : b;
    case 'i':
        return a < b ? a : b;
    default:
        return a + b;
    }
}

static int reduce(StyleSmallCall *call)
{
    const StyleSpan op = call->node->op;
    const StyleSmall *const from = call->inputs[0];
    const int keeps = ff_style_attr_bool(call->node, "keep_dims", 0);
    const int mean = ff_style_node_is(call->node, "Mean"),
              mask = read_axes(call->inputs[1], from->rank);
    StyleSmall *const to = call->outputs[0];
    int64_t dims[FF_STYLE_MAX_DIMS], steps[FF_STYLE_MAX_DIMS] = {0}, step = 1, at = 0;
    int64_t index[FF_STYLE_MAX_DIMS] = {0};
    int rank = 0;
    size_t share = 1;

    for (int i = 0; i < from->rank && mask >= 0; i++)
        if (!(mask >> i & 1) || keeps)
            dims[rank++] = mask >> i & 1 ? 1 : from->dims[i];
    if (mask < 0 || !ff_style_shape_small(call->memory, to, from->type, rank, dims))
        return 0;
    if (!ff_style_has_values(call))
        return 1;
    for (int i = from->rank - 1; i >= 0; i--) {
        steps[i] = mask >> i & 1 ? 0 : step;
        step *= mask >> i & 1 ? 1 : from->dims[i];
        share *= mask >> i & 1 ? (size_t)from->dims[i] : 1;
    }
    for (size_t i = 0; i < to->count; i++)
        to->values[i] = op.data[1] == 'a'   ? -INFINITY
                        : op.data[1] == 'i' ? INFINITY
                                            : op.data[1] == 'r';
    for (size_t i = 0; i < from->count; i++) {
        to->values[at] = combine(op, to->values[at], from->values[i]);
        for (int axis = from->rank - 1; axis >= 0; axis--) {
            at += steps[axis];
            if (++index[axis] < from->dims[axis])
                break;
            at -= steps[axis] * from->dims[axis];
            index[axis] = 0;
        }
    }
    for (size_t i = 0; i < to->count && mean && share; i++)
        to->values[i] = ff_style_round_small(to->type, to->values[i] / (double)share);
    return 1;
}

/* Far more than any dense layer of a style takes; dimensions are too few for an overflow. */
#define MAX_PRODUCTS ((int64_t)1 << 26)

static int matrix_product(StyleSmallCall *call)
{
    const StyleSmall *const a = call->inputs[0], *const b = call->inputs[1];
    const int over = ff_style_attr_bool(call->node, "transpose_a", 0);
    const int under = ff_style_attr_bool(call->node, "transpose_b", 0);
    int64_t dims[2], inner;
    double *to;

    if (a->rank != 2 || b->rank != 2)
        return 0;
    dims[0] = a->dims[over];
    dims[1] = b->dims[!under];
    inner = a->dims[!over];
    if (inner != b->dims[under] || !ff_style_set_shape(call->outputs[0], a->type, 2, dims))
        return 0;
    if (!a->values || !b->values)
        return 1;
    if (dims[0] * dims[1] > MAX_PRODUCTS / (inner + 1) ||
        !ff_style_shape_small(call->memory, call->outputs[0], a->type, 2, dims))
        return 0;
    if (!ff_style_has_values(call))
        return 1;
    to = call->outputs[0]->values;
    for (int64_t y = 0; y < dims[0]; y++)
        for (int64_t x = 0; x < dims[1]; x++, to++) {
            *to = 0;
            for (int64_t i = 0; i < inner; i++)
                *to += a->values[over ? i * dims[0] + y : y * inner + i] *
                       b->values[under ? x * inner + i : i * dims[1] + x];
        }
    return 1;
}

/* Joining and splitting */

/** Copies `from` into the output's place that begins with index `begin` of an axis. */
static void put_in(const StyleSmall *from, const StyleView *view, StyleSmall *to, int axis,
                   int64_t begin)
{
    StyleView target = ff_style_small_view(to);

    ff_style_slice_view(&target, axis, begin, view->dims[axis], 1);
    ff_style_copy_view(view, from->values, &target, to->values, sizeof(double));
}

static int join(StyleSmallCall *call, StyleSmall *const *parts, int nb_parts, int axis, int is_new)
{
    StyleView whole = ff_style_small_view(parts[0]), part;
    int64_t begin = 0;

    if (is_new && !ff_style_add_axis(&whole, axis, 0))
        return 0;
    whole.dims[axis] = 0;
    for (int i = 0; i < nb_parts; i++) {
        part = ff_style_small_view(parts[i]);
        if (is_new && !ff_style_add_axis(&part, axis, 1))
            return 0;
        if (part.rank != whole.rank)
            return 0;
        for (int j = 0; j < part.rank; j++)
            if (j != axis && part.dims[j] != whole.dims[j])
                return 0;
        whole.dims[axis] += part.dims[axis];
    }
    if (!ff_style_shape_small(call->memory, call->outputs[0], parts[0]->type, whole.rank,
                              whole.dims))
        return 0;
    for (int i = 0; i < nb_parts && ff_style_has_values(call); i++, begin += part.dims[axis]) {
        part = ff_style_small_view(parts[i]);
        if (is_new)
            ff_style_add_axis(&part, axis, 1);
        put_in(parts[i], &part, call->outputs[0], axis, begin);
    }
    return 1;
}

static int concat_on(StyleSmallCall *call, const StyleSmall *axis, StyleSmall *const *parts)
{
    const int place = call->nb_inputs > 1 && axis->count == 1
                          ? ff_style_axis(axis->values[0], parts[0]->rank)
                          : -1;

    return place >= 0 && join(call, parts, call->nb_inputs - 1, place, 0);
}

static int concat(StyleSmallCall *call)
{
    return concat_on(call, call->inputs[call->nb_inputs - 1], call->inputs);
}

/** Concat, whose axis comes first. */
static int concat_old(StyleSmallCall *call)
{
    return concat_on(call, call->inputs[0], call->inputs + 1);
}

static int pack(StyleSmallCall *call)
{
    const int axis =
        ff_style_axis((double)ff_style_attr_int(call->node, "axis", 0), call->inputs[0]->rank + 1);

    return axis >= 0 && join(call, call->inputs, call->nb_inputs, axis, 1);
}

/** Cuts an axis into so many parts, of which the first few are asked for; `sizes` NULL: equal ones. */
static int cut(StyleSmallCall *call, const StyleSmall *from, int axis, int64_t nb_parts,
               const StyleSmall *sizes, int drops)
{
    int64_t begin = 0;

    if (axis < 0 || nb_parts < call->nb_outputs || (!sizes && from->dims[axis] % nb_parts))
        return 0;
    for (int i = 0; i < call->nb_outputs; i++) {
        StyleView view = ff_style_small_view(from);
        const int64_t size = sizes ? ff_style_whole(sizes->values[i]) : from->dims[axis] / nb_parts;

        if (size < 0 || size > from->dims[axis] - begin)
            return 0;
        ff_style_slice_view(&view, axis, begin, size, 1);
        if (drops)
            ff_style_drop_axis(&view, axis);
        if (!ff_style_view_small(call->memory, from, &view, call->outputs[i]))
            return 0;
        begin += size;
    }
    return 1;
}

static int split(StyleSmallCall *call)
{
    return call->inputs[0]->count == 1 &&
           cut(call, call->inputs[1],
               ff_style_axis(call->inputs[0]->values[0], call->inputs[1]->rank),
               ff_style_attr_int(call->node, "num_split", 0), NULL, 0);
}

static int split_sizes(StyleSmallCall *call)
{
    return call->inputs[2]->count == 1 &&
           cut(call, call->inputs[0],
               ff_style_axis(call->inputs[2]->values[0], call->inputs[0]->rank),
               (int64_t)call->inputs[1]->count, call->inputs[1], 0);
}

static int unpack(StyleSmallCall *call)
{
    const StyleSmall *const from = call->inputs[0];
    const int axis = ff_style_axis((double)ff_style_attr_int(call->node, "axis", 0), from->rank);

    return axis >= 0 && cut(call, from, axis, from->dims[axis], NULL, 1);
}

int ff_style_pad_dims(const StyleSmall *from, const StyleSmall *sizes, int64_t *dims)
{
    if (sizes->count != 2 * (size_t)from->rank)
        return 0;
    for (int i = 0; i < from->rank; i++) {
        dims[i] = from->dims[i] + ff_style_whole(sizes->values[2 * i] + sizes->values[2 * i + 1]);
        if (sizes->values[2 * i] < 0 || sizes->values[2 * i + 1] < 0)
            return 0;
    }
    return 1;
}

static int pad(StyleSmallCall *call)
{
    const StyleSmall *const from = call->inputs[0], *const sizes = call->inputs[1];
    StyleSmall *const to = call->outputs[0];
    StyleView target, view = ff_style_small_view(from);
    int64_t dims[FF_STYLE_MAX_DIMS];

    if (!ff_style_pad_dims(from, sizes, dims) ||
        !ff_style_shape_small(call->memory, to, from->type, from->rank, dims))
        return 0;
    if (!ff_style_has_values(call))
        return 1;
    memset(to->values, 0, to->count * sizeof(double));
    target = ff_style_small_view(to);
    for (int i = 0; i < from->rank; i++)
        ff_style_slice_view(&target, i, ff_style_whole(sizes->values[2 * i]), from->dims[i], 1);
    ff_style_copy_view(&view, from->values, &target, to->values, sizeof(double));
    return 1;
}

static int tile(StyleSmallCall *call)
{
    const StyleSmall *const from = call->inputs[0];
    StyleSmall *const to = call->outputs[0];
    StyleView view = ff_style_small_view(from), target;
    const int fits = 2 * from->rank <= FF_STYLE_MAX_DIMS;
    int64_t dims[FF_STYLE_MAX_DIMS];

    if (call->inputs[1]->count != (size_t)from->rank || (!fits && !call->memory->most))
        return 0;
    for (int i = 0; i < from->rank; i++) {
        const double times = call->inputs[1]->values[i];

        if (!(times >= 1))
            return 0;
        dims[i] = ff_style_times(from->dims[i], ff_style_whole(times));
    }
    if (!ff_style_shape_small(call->memory, to, from->type, from->rank, dims))
        return 0;
    if (!fits)
        to->values = NULL;
    if (!ff_style_has_values(call))
        return 1;
    target = ff_style_small_view(to);
    for (int i = from->rank - 1; i >= 0; i--) { // an axis of repetitions in front of each
        const int64_t times = (int64_t)call->inputs[1]->values[i];

        ff_style_add_axis(&view, i, times);
        ff_style_add_axis(&target, i, times);
        target.dims[i + 1] = from->dims[i];
        target.steps[i] = target.steps[i + 1] * from->dims[i];
    }
    ff_style_copy_view(&view, from->values, &target, to->values, sizeof(double));
    return 1;
}

static int fill(StyleSmallCall *call)
{
    const StyleSmall *const shape = call->inputs[0];
    int64_t dims[FF_STYLE_MAX_DIMS];

    if (call->inputs[1]->count != 1 || shape->rank != 1 || shape->count > FF_STYLE_MAX_DIMS)
        return 0;
    for (size_t i = 0; i < shape->count; i++)
        dims[i] = ff_style_whole(shape->values[i]);
    if (!ff_style_shape_small(call->memory, call->outputs[0], call->inputs[1]->type,
                              (int)shape->count, dims))
        return 0;
    for (size_t i = 0; i < call->outputs[0]->count && ff_style_has_values(call); i++)
        call->outputs[0]->values[i] = call->inputs[1]->values[0];
    return 1;
}

int ff_style_norm_small(StyleSmallCall *call)
{
    const StyleSmall *const mean = call->inputs[0], *const variance = call->inputs[1];
    const StyleSmall *const gamma = call->inputs[2], *const beta = call->inputs[3];
    StyleSmall *const scale = call->outputs[0], *const offset = call->outputs[1];
    const int64_t count = (int64_t)mean->count;

    if (variance->count != mean->count || gamma->count != mean->count ||
        beta->count != mean->count ||
        !ff_style_shape_small(call->memory, scale, FF_STYLE_DT_FLOAT, 1, &count) ||
        !ff_style_shape_small(call->memory, offset, FF_STYLE_DT_FLOAT, 1, &count))
        return 0;
    for (size_t i = 0; i < mean->count; i++) {
        scale->values[i] = gamma->values[i] / sqrt(variance->values[i] + (double)call->epsilon);
        offset->values[i] = beta->values[i] - mean->values[i] * scale->values[i];
    }
    return 1;
}

int ff_style_copy_small(StyleSmallCall *call)
{
    if (!call->outputs[0]->values &&
        !ff_style_shape_small(call->memory, call->outputs[0], call->inputs[0]->type,
                              call->shape->rank, call->shape->dims))
        return 0;
    if (call->inputs[0]->count != call->outputs[0]->count)
        return 0;
    memcpy(call->outputs[0]->values, call->inputs[0]->values,
           call->inputs[0]->count * sizeof(double));
    return 1;
}

static const StyleRule rules[] = {
    {"Cast", cast, 1, 0},
    {"Concat", concat_old, -1, 1},
    {"ConcatV2", concat, -1, FF_STYLE_LAST},
    {"Fill", fill, 2, 1},
    {"MatMul", matrix_product, 2, 0},
    {"Max", reduce, 2, 2},
    {"Mean", reduce, 2, 2},
    {"Min", reduce, 2, 2},
    {"Pack", pack, -1, 0},
    {"Pad", pad, 2, 2},
    {"Prod", reduce, 2, 2},
    {"Reshape", reshape, 2, 2},
    {"Split", split, 2, 1},
    {"SplitV", split_sizes, 3, 6},
    {"Sum", reduce, 2, 2},
    {"Tile", tile, 2, 2},
    {"Unpack", unpack, 1, 0},
};

int ff_style_take_rule(StyleRule rule, StyleSmallCall *call)
{
    if (rule.nb_inputs < 0 ? !call->nb_inputs : call->nb_inputs != rule.nb_inputs)
        return 0;
    for (int i = 0; i < call->nb_inputs; i++) {
        const int decides = rule.parameters == FF_STYLE_LAST
                                ? i == call->nb_inputs - 1
                                : rule.parameters >> (i < 31 ? i : 31) & 1;

        if (decides && (call->inputs[i]->varies || !call->inputs[i]->values))
            return 0;
    }
    call->function = rule.function;
    return 1;
}

static StyleRule find_rule(const StyleNode *node)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (ff_style_node_is(node, rules[i].op))
            return rules[i];
    return (StyleRule){NULL, ff_style_is_move(node) ? move : NULL, -1, ~1u};
}

int ff_style_knows_small(const StyleNode *node)
{
    return find_rule(node).function != NULL;
}

int ff_style_find_small(const StyleNode *node, StyleSmallCall *call)
{
    const StyleRule rule = find_rule(node);

    call->node = node;
    return ff_style_find_number(node->op, call) ||
           (rule.function && ff_style_take_rule(rule, call));
}
