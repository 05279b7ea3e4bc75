/*
 * The range of a network's images, by interval arithmetic over its last operations.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>
#include <string.h>

#include "signature.h"

#define MAX_OPERATIONS 64

typedef struct Interval {
    double low, high;
} Interval;

/** What the search needs at every node. */
typedef struct Search {
    const StyleNodes *nodes;
    int budget; ///< nodes that may still be looked at
} Search;

static const Interval everything = {-INFINITY, INFINITY};

/** The values of a float32 constant, at most `count` of them; 0: it is none, or not finite. */
static int read_constant(const StyleNode *node, size_t count, Interval *values)
{
    double numbers[4];
    StyleTensor tensor;

    *values = (Interval){INFINITY, -INFINITY};
    if (!ff_style_node_is(node, "Const") || !ff_style_attr_tensor(node, "value", &tensor) ||
        tensor.type != FF_STYLE_DT_FLOAT || !tensor.count || tensor.count > count ||
        tensor.count > 4 || ff_style_tensor_numbers(&tensor, tensor.count, numbers) < 0)
        return 0;
    for (size_t i = 0; i < tensor.count; i++) {
        if (!isfinite(numbers[i]))
            return 0;
        values->low = fmin(values->low, numbers[i]);
        values->high = fmax(values->high, numbers[i]);
    }
    return 1;
}

static Interval clip(Interval a, Interval low, Interval high)
{
    return (Interval){fmin(fmax(a.low, low.low), high.low),
                      fmin(fmax(a.high, low.high), high.high)};
}

/** The products of the bounds. Infinity times zero is NaN, which fmin() and fmax() pass over. */
static Interval multiply(Interval a, Interval b)
{
    const double c = a.low * b.low, d = a.low * b.high, e = a.high * b.low, f = a.high * b.high;

    return (Interval){fmin(fmin(c, d), fmin(e, f)), fmax(fmax(c, d), fmax(e, f))};
}

static Interval divide(Interval a, Interval b)
{
    if (b.low <= 0 && b.high >= 0)
        return everything;
    return multiply(a, (Interval){1 / b.high, 1 / b.low});
}

static Interval interval(Search *search, int number);

static Interval input(Search *search, const StyleNode *node, int slot)
{
    return slot < node->nb_inputs ? interval(search, node->inputs[slot].node) : everything;
}

static Interval of_two(const StyleNode *node, Interval a, Interval b)
{
    if (ff_style_node_is(node, "Minimum"))
        return (Interval){fmin(a.low, b.low), fmin(a.high, b.high)};
    if (ff_style_node_is(node, "Maximum"))
        return (Interval){fmax(a.low, b.low), fmax(a.high, b.high)};
    if (ff_style_node_is(node, "Add") || ff_style_node_is(node, "AddV2") ||
        ff_style_node_is(node, "BiasAdd"))
        return (Interval){a.low + b.low, a.high + b.high};
    if (ff_style_node_is(node, "Sub"))
        return (Interval){a.low - b.high, a.high - b.low};
    if (ff_style_node_is(node, "Mul"))
        return multiply(a, b);
    if (ff_style_node_is(node, "RealDiv") || ff_style_node_is(node, "Div"))
        return divide(a, b);
    return everything;
}

static int is_one_of(const StyleNode *node, const char *const *ops)
{
    while (*ops && !ff_style_node_is(node, *ops))
        ops++;
    return *ops != NULL;
}

/** Operations that leave the range as it is. */
static const char *const keep[] = {"Identity",  "Slice", "StridedSlice", "Reshape", "Squeeze",
                                   "MirrorPad", "Round", "ExpandDims",   "Cast",    "Transpose",
                                   NULL};

static Interval interval(Search *search, int number)
{
    const StyleNode *const node = &search->nodes->nodes[number];
    Interval constant;

    if (--search->budget < 0)
        return everything;
    if (ff_style_node_is(node, "Const"))
        return read_constant(node, 1, &constant) ? constant : everything;
    if (ff_style_node_is(node, "Sigmoid"))
        return (Interval){0, 1};
    if (ff_style_node_is(node, "Tanh"))
        return (Interval){-1, 1};
    if (ff_style_node_is(node, "Relu"))
        return clip(input(search, node, 0), (Interval){0, 0}, (Interval){INFINITY, INFINITY});
    if (ff_style_node_is(node, "ClipByValue"))
        return clip(input(search, node, 0), input(search, node, 1), input(search, node, 2));
    if (is_one_of(node, keep))
        return input(search, node, 0);
    if (node->nb_inputs < 2)
        return everything;
    return of_two(node, input(search, node, 0), input(search, node, 1));
}

StyleRange ff_style_find_output_range(const StyleNodes *nodes, StyleSource output)
{
    Search search = {nodes, MAX_OPERATIONS};
    const Interval found = interval(&search, output.node);

    if (!(found.low >= -1.5 && found.high <= 1.5)) // wider, or not known
        return FF_STYLE_RANGE_255;
    return found.low >= -0.25 ? FF_STYLE_RANGE_1 : FF_STYLE_RANGE_SIGNED;
}

/** What a first sum or product with a constant, one value or one for each colour, tells of the values it takes. */
static StyleRange range_of(const StyleNode *node, Interval constant, StyleRange otherwise)
{
    const int is_sum = ff_style_node_is(node, "Add") || ff_style_node_is(node, "AddV2") ||
                       ff_style_node_is(node, "BiasAdd");
    const int is_divided = ff_style_node_is(node, "RealDiv") || ff_style_node_is(node, "Div");
    const double size = fmax(fabs(constant.low), fabs(constant.high));

    if (ff_style_node_is(node, "Sub") || is_sum)
        return size >= 16                                          ? FF_STYLE_RANGE_255
               : size >= 0.3 && size < 0.99                        ? FF_STYLE_RANGE_1
               : is_sum && constant.low == 1 && constant.high == 1 ? FF_STYLE_RANGE_SIGNED
                                                                   : otherwise;
    if (is_divided && size >= 16)
        return FF_STYLE_RANGE_255;
    if (ff_style_node_is(node, "Mul"))
        return size > 0 && size < 1. / 16   ? FF_STYLE_RANGE_255
               : size > 254 && size < 257   ? FF_STYLE_RANGE_1
               : size >= 127 && size <= 128 ? FF_STYLE_RANGE_SIGNED
               : size == 2                  ? FF_STYLE_RANGE_1
                                            : otherwise;
    return otherwise;
}

/** The place where a node's result is taken for more than its shape; NULL: there is none. */
static const StyleUse *first_use(const StyleNodes *nodes, int number)
{
    const StyleNode *const node = &nodes->nodes[number];

    for (int i = 0; i < node->nb_uses; i++)
        if (!ff_style_node_is(&nodes->nodes[node->uses[i].node], "Shape") &&
            !ff_style_node_is(&nodes->nodes[node->uses[i].node], "ShapeN"))
            return &node->uses[i];
    return NULL;
}

StyleRange ff_style_find_input_range(const StyleNodes *nodes, StyleSource from,
                                     StyleRange otherwise)
{
    const StyleUse *use = first_use(nodes, from.node);
    int convolved = 0;

    for (int i = 0; i < MAX_OPERATIONS && use; i++) {
        const StyleNode *const node = &nodes->nodes[use->node];
        Interval constant;

        if (is_one_of(node, keep) || ff_style_node_is(node, "Pad")) {
            use = first_use(nodes, use->node);
        } else if (ff_style_node_is(node, "Conv2D")) { // linear: what comes behind may still scale
            convolved = 1;
            use = first_use(nodes, use->node);
        } else {
            return node->nb_inputs == 2 && use->slot < 2 &&
                           read_constant(&nodes->nodes[node->inputs[1 - use->slot].node],
                                         convolved ? 1 : 4, &constant)
                       ? range_of(node, constant, otherwise)
                       : otherwise;
        }
    }
    return otherwise;
}
