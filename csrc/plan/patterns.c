/*
 * What operations do to images: one entry each in the table at the end. Convolutions are in convolution.c, what
 * only moves values is in moves.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>
#include <string.h>

#include "builder.h"

/* Arithmetic */

/** The only axis that a small tensor's values differ along, in an image that it is joined with; -1: several do. */
static int axis_of(const Builder *b, const Image *image, const StyleSmall *small)
{
    int found = 0;

    if (ff_style_node_is(b->node, "BiasAdd"))
        return small->rank == 1 ? ff_style_channel_axis(b->node, image) : -1;
    for (int i = 0; i < small->rank; i++)
        if (small->dims[i] != 1) {
            if (found)
                return -1;
            found = image->view.rank - small->rank + i + 1;
        }
    return found > 0 ? found - 1 : image->view.rank - 1;
}

/** Multiplies, divides, adds and subtracts an image and a small tensor. */
static int scale_by(Builder *b, const Image *from, StyleSmall *small, int is_second)
{
    const int is_difference = ff_style_node_is(b->node, "Sub");
    const int is_quotient =
        ff_style_node_is(b->node, "RealDiv") || ff_style_node_is(b->node, "Div");
    StyleSmall *const minus_one = is_difference ? ff_style_known_number(b, -1) : NULL;
    const int axis = axis_of(b, from, small);
    Image image = *from;

    image.id = 0;
    if (small->rank > from->view.rank)
        return ff_style_misfit(b);
    if (is_difference &&
        (!minus_one || (is_second && !(small = ff_style_compute_number(b, "Neg", small, NULL)))))
        return 0;
    if (is_quotient &&
        (!is_second || !(small = ff_style_compute_number(b, "Reciprocal", small, NULL))))
        return is_second ? 0 : ff_style_misfit(b);
    if (is_quotient || ff_style_node_is(b->node, "Mul")) {
        if (!ff_style_scale_image(b, &image, small, NULL, axis))
            return 0;
    } else if (!ff_style_scale_image(b, &image, is_difference && !is_second ? minus_one : NULL,
                                     small, axis)) {
        return 0;
    }
    return ff_style_add_image(b, &image) != NULL;
}

/** Whether nothing is to be done to the values: they can be added to others while those are read. */
static int is_plain(const Image *image)
{
    return !image->pending.channels && !image->pending.relu && !image->added.buffer &&
           !image->is_ending && !image->nb_moves;
}

static int sum_of(Builder *b, Image *first, Image *second)
{
    const int swaps = is_plain(first) && !is_plain(second);
    Image image;

    // In the place of the first or second value itself: others who take them find them done.
    if (first == second && !ff_style_settle(b, first))
        return 0;
    image = swaps ? *second : *first;
    image.id = 0;
    if (ff_style_node_is(b->node, "Sub")) {
        Image negative = *second;

        if (!ff_style_scale_image(b, &negative, ff_style_known_number(b, -1), NULL, 0))
            return 0;
        image = negative;
        image.id = 0;
        return ff_style_add_images(b, &image, first) && ff_style_add_image(b, &image);
    }
    return ff_style_add_images(b, &image, swaps ? first : second) && ff_style_add_image(b, &image);
}

static int arithmetic(Builder *b)
{
    const StyleSpan op = b->node->op;

    if (b->node->nb_inputs != 2)
        return ff_style_misfit(b);
    if (ff_style_image_at(b, 0) && ff_style_image_at(b, 1)) {
        if (!ff_style_span_is(op, "Add") && !ff_style_span_is(op, "AddV2") &&
            !ff_style_span_is(op, "Sub"))
            return ff_style_refuse(b, "it joins two images by other than a sum");
        return sum_of(b, ff_style_image_at(b, 0), ff_style_image_at(b, 1));
    }
    return ff_style_image_at(b, 0)
               ? scale_by(b, ff_style_image_at(b, 0), ff_style_small_at(b, 1), 1)
               : scale_by(b, ff_style_image_at(b, 1), ff_style_small_at(b, 0), 0);
}

static int negate(Builder *b)
{
    Image image = *ff_style_image_at(b, 0);

    image.id = 0;
    return ff_style_scale_image(b, &image, ff_style_known_number(b, -1), NULL, 0) &&
           ff_style_add_image(b, &image);
}

static double whole_part(double value)
{
    return isfinite(value) ? round(value) : value;
}

/** Limits from below and above; an infinite one is none. */
static int limit(Builder *b, Image *image, double low, double high)
{
    const int rounded = whole_part(low) == low && whole_part(high) == high;
    StyleEnding *const ending =
        low <= high ? ff_style_end_image(b, image, rounded && !image->ending.truncates) : NULL;

    if (!ending)
        return low <= high ? 0 : ff_style_misfit(b);
    ending->low = fminf(fmaxf(ending->low, (float)low), (float)high);
    ending->high = fminf(fmaxf(ending->high, (float)low), (float)high);
    return ff_style_add_image(b, image) != NULL;
}

static int bound(Builder *b)
{
    const int slot = ff_style_image_at(b, 0) ? 0 : 1;
    const StyleSmall *const small = b->node->nb_inputs == 2 ? ff_style_known_at(b, 1 - slot) : NULL;
    const int is_low = ff_style_node_is(b->node, "Maximum");
    Image image = *ff_style_image_at(b, slot);

    image.id = 0;
    if (!small || small->count != 1)
        return ff_style_misfit(b);
    return limit(b, &image, is_low ? small->values[0] : -INFINITY,
                 is_low ? INFINITY : small->values[0]);
}

static int clip(Builder *b)
{
    const StyleSmall *const low = b->node->nb_inputs == 3 ? ff_style_known_at(b, 1) : NULL;
    const StyleSmall *const high = low ? ff_style_known_at(b, 2) : NULL;
    Image image;

    if (!high || low->count != 1 || high->count != 1 || !ff_style_image_at(b, 0))
        return ff_style_misfit(b);
    image = *ff_style_image_at(b, 0);
    image.id = 0;
    return limit(b, &image, low->values[0],
                 fmax(low->values[0], high->values[0])); // the low one wins
}

static int rectify(Builder *b)
{
    Image image = *ff_style_image_at(b, 0);

    image.id = 0;
    if (ff_style_node_is(b->node, "Relu6"))
        return limit(b, &image, 0, 6);
    if (image.is_ending || image.nb_moves)
        return limit(b, &image, 0, INFINITY);
    if (image.type != FF_STYLE_DT_FLOAT)
        return ff_style_misfit(b);
    if (!ff_style_open_image(b, &image, 0))
        return 0;
    image.pending.relu = 1;
    image.conv = 0;
    return ff_style_add_image(b, &image) != NULL;
}

/** tanh, and by way of it the sigmoid: tanh(x / 2) / 2 + 1 / 2. */
static int bend(Builder *b)
{
    const int is_sigmoid = ff_style_node_is(b->node, "Sigmoid");
    Image image = *ff_style_image_at(b, 0);
    StyleEnding *ending;

    image.id = 0;
    if (image.is_ending && !ff_style_settle(b, &image))
        return 0;
    if (is_sigmoid && image.nb_moves && !ff_style_settle(b, &image))
        return 0;
    if (is_sigmoid && !ff_style_scale_image(b, &image, ff_style_known_number(b, 0.5), NULL, 0))
        return 0;
    if (!(ending = ff_style_end_image(b, &image, 0)))
        return 0;
    ending->tanh = 1;
    ending->gain = is_sigmoid ? 0.5f : 1;
    ending->middle = is_sigmoid ? 0.5f : 0;
    ending->low = is_sigmoid ? 0 : -1;
    ending->high = 1;
    return ff_style_add_image(b, &image) != NULL;
}

static int round_off(Builder *b)
{
    Image image = *ff_style_image_at(b, 0);
    StyleEnding *const ending = ff_style_end_image(b, &image, 1);

    image.id = 0;
    if (!ending)
        return 0;
    ending->rounds = 1;
    return ff_style_add_image(b, &image) != NULL;
}

static int cast(Builder *b)
{
    const int from = ff_style_attr_type(b->node, "SrcT"), to = ff_style_attr_type(b->node, "DstT");
    Image image = *ff_style_image_at(b, 0);

    if (from != image.type || (to != FF_STYLE_DT_FLOAT && to != FF_STYLE_DT_UINT8))
        return ff_style_refuse(b, "it gives neither floats nor bytes");
    image.id = 0;
    if (from != to && to == FF_STYLE_DT_FLOAT && image.is_ending && !ff_style_settle(b, &image))
        return 0;
    if (from != to && to == FF_STYLE_DT_UINT8) {
        if (!image.is_ending || !(image.ending.low >= 0 && image.ending.high <= 255))
            return ff_style_refuse(b, "it makes bytes of values that are not limited to 0..255");
        image.ending.truncates = !image.ending.rounds;
    }
    image.type = to;
    return ff_style_add_image(b, &image) != NULL;
}

/* Norms */

static int normalise(Builder *b)
{
    const int trains = ff_style_attr_bool(b->node, "is_training", 1);
    StyleSmall *inputs[4];
    StyleSmallCall call = {.function = ff_style_norm_small,
                           .inputs = inputs,
                           .nb_inputs = 4,
                           .nb_outputs = 2,
                           .epsilon = ff_style_attr_float(b->node, "epsilon", 1e-4f)};
    Image image;

    if (b->node->nb_inputs != 5 || !ff_style_image_at(b, 0) || !ff_style_small_at(b, 1) ||
        !ff_style_small_at(b, 2))
        return ff_style_misfit(b);
    image = *ff_style_image_at(b, 0);
    inputs[2] = ff_style_small_at(b, 1);
    inputs[3] = ff_style_small_at(b, 2);
    if (!trains) {
        inputs[0] = ff_style_small_at(b, 3);
        inputs[1] = ff_style_small_at(b, 4);
    } else if (!ff_style_find_image_moments(b, ff_style_image_at(b, 0),
                                            ff_style_channel_axis(b->node, &image), &inputs[0],
                                            &inputs[1])) {
        return 0;
    }
    if (!inputs[0] || !inputs[1])
        return ff_style_misfit(b);
    image = *ff_style_image_at(b, 0);
    image.id = 0;
    return ff_style_compute(b, &call) &&
           ff_style_scale_image(b, &image, call.outputs[0], call.outputs[1],
                                ff_style_channel_axis(b->node, &image)) &&
           ff_style_add_image(b, &image);
}

/** The mean over rows and columns: of an image, or of its squared differences from the mean. */
static int average(Builder *b)
{
    const StyleSmall *const axes = b->node->nb_inputs == 2 ? ff_style_known_at(b, 1) : NULL;
    const int keeps = ff_style_attr_bool(b->node, "keep_dims", 0);
    Image *const image = ff_style_image_at(b, 0);
    StyleSmall *mean, *variance, *result;
    StyleView view;
    int mask = 0, channel = -1;

    if (!axes || image->view.rank != 4 || image->view.dims[0] != 1)
        return ff_style_misfit(b);
    for (size_t i = 0; i < axes->count; i++)
        mask |= 1 << (ff_style_axis(axes->values[i], 4) + 1) >> 1;
    for (int i = 1; i < 4; i++)
        if (!(mask >> i & 1) && (mask | 1 << i | 1) == 15)
            channel = i;
    if (channel < 0)
        return ff_style_refuse(b, "it takes a mean over other axes than rows and columns");
    if (image->squared) {
        Image plain = *image;

        plain.squared = 0;
        if (!ff_style_find_image_moments(b, &plain, channel, &mean, &variance))
            return 0;
    } else if (!ff_style_find_image_moments(b, image, channel, &mean, &variance)) {
        return 0;
    }
    view = image->view;
    for (int i = 3; i >= 0; i--) {
        if (i != channel)
            view.dims[i] = 1;
        if (!keeps && mask >> i & 1)
            ff_style_drop_axis(&view, i);
    }
    if (!(result = ff_style_reshape_small(b, image->squared ? variance : mean, &view)))
        return 0;
    result->mean_of = image->squared ? 0 : image->id;
    b->values[b->plan->first[b->node - b->plan->nodes->nodes]].small = result;
    return 1;
}

/** The square of the difference from the image's own mean: in one operation, or of a difference. */
static int square(Builder *b)
{
    const int slot = ff_style_image_at(b, 0) ? 0 : 1;
    const StyleSmall *const mean = b->node->nb_inputs == 2 ? ff_style_small_at(b, 1 - slot) : NULL;
    Image image = *ff_style_image_at(b, slot);

    if (b->node->nb_inputs == 1) {
        const StyleSource source = b->node->inputs[0];
        const StyleNode *const before = &b->plan->nodes->nodes[source.node];
        const Value whole = ff_style_node_is(before, "Sub") && before->nb_inputs == 2
                                ? ff_style_input_value(b, before, 0)
                                : (Value){NULL, NULL};
        const Value part = whole.image ? ff_style_input_value(b, before, 1) : whole;

        if (!part.small || part.small->mean_of != whole.image->id)
            return ff_style_refuse(b, "it is no part of a norm");
        image = *whole.image;
    } else if (!mean || mean->mean_of != image.id) {
        return ff_style_refuse(b, "it is no part of a norm");
    }
    image.id = 0;
    image.squared = 1;
    return ff_style_add_image(b, &image) != NULL;
}

/* Moving */

static int move(Builder *b)
{
    StyleSmall *inputs[8] = {NULL};
    Image image;

    if (b->node->nb_inputs > 8 || !ff_style_image_at(b, 0) || ff_style_image_at(b, 0)->squared)
        return ff_style_misfit(b);
    for (int i = 1; i < b->node->nb_inputs; i++)
        if (!(inputs[i] = ff_style_known_at(b, i)))
            return ff_style_misfit(b);
    image = *ff_style_image_at(b, 0);
    if (!ff_style_node_is(b->node, "Identity") && !ff_style_node_is(b->node, "StopGradient"))
        image.id = 0;
    if (!ff_style_move_view(b->node, inputs, b->node->nb_inputs, &image.view))
        return ff_style_misfit(b);
    return ff_style_add_image(b, &image) != NULL;
}

/** Notes down that what the view sees is copied, and what it looks like then. */
static int reshape_image(Builder *b, Image *image, int rank, const int64_t *dims)
{
    if (!ff_style_view_is_whole(&image->view)) {
        if (image->nb_moves == MAX_MOVES && !ff_style_settle(b, image))
            return 0;
        image->moves[image->nb_moves++] = image->view;
    }
    image->conv = 0; // whose channels may be others
    image->view = ff_style_whole_view(rank, dims);
    return 1;
}

static int reshape(Builder *b)
{
    const StyleSmall *const shape = b->node->nb_inputs == 2 ? ff_style_known_at(b, 1) : NULL;
    int64_t dims[FF_STYLE_MAX_DIMS];
    Image image;
    int rank;

    if (!shape || !ff_style_image_at(b, 0) || ff_style_image_at(b, 0)->squared ||
        !ff_style_read_dims(shape, ff_style_view_count(&ff_style_image_at(b, 0)->view), &rank,
                            dims))
        return ff_style_misfit(b);
    image = *ff_style_image_at(b, 0);
    image.id = 0;
    return reshape_image(b, &image, rank, dims) && ff_style_add_image(b, &image);
}

/** To a whole multiple of the size: each pixel becomes several. */
static int enlarge(Builder *b)
{
    const StyleSmall *const size = b->node->nb_inputs == 2 ? ff_style_known_at(b, 1) : NULL;
    const Image *const from = ff_style_image_at(b, 0);
    const int64_t *const dims = from ? from->view.dims : NULL;
    int64_t larger[4], times[2];
    Image image;

    if (!size || !from || size->count != 2 || from->view.rank != 4 || from->squared ||
        ff_style_attr_bool(b->node, "align_corners", 0))
        return ff_style_misfit(b);
    image = *from;
    image.id = 0;
    for (int i = 0; i < 2; i++) {
        const int64_t wanted = ff_style_whole(size->values[i]);

        if (wanted < 1 || wanted % dims[1 + i])
            return ff_style_refuse(b, "it enlarges an image, but not to a multiple of its size");
        times[i] = wanted / dims[1 + i];
    }
    memcpy(larger, (const int64_t[]){dims[0], dims[1] * times[0], dims[2] * times[1], dims[3]},
           sizeof(larger));
    ff_style_add_axis(&image.view, 3, times[1]);
    ff_style_add_axis(&image.view, 2, times[0]);
    return reshape_image(b, &image, 4, larger) && ff_style_add_image(b, &image);
}

typedef struct Pattern {
    const char *op;
    int (*build)(Builder *b);
} Pattern;

static const Pattern patterns[] = {
    {"Add", arithmetic},
    {"AddV2", arithmetic},
    {"BiasAdd", arithmetic},
    {"Cast", cast},
    {"ClipByValue", clip},
    {"ConcatV2", ff_style_build_concat},
    {"Conv2D", ff_style_build_convolution},
    {"Conv2DBackpropInput", ff_style_build_convolution},
    {"Div", arithmetic},
    {"FusedBatchNorm", normalise},
    {"FusedBatchNormV2", normalise},
    {"FusedBatchNormV3", normalise},
    {"Maximum", bound},
    {"Mean", average},
    {"Minimum", bound},
    {"MirrorPad", ff_style_build_pad_mirrored},
    {"Mul", arithmetic},
    {"Neg", negate},
    {"Pad", ff_style_build_pad},
    {"RealDiv", arithmetic},
    {"Relu", rectify},
    {"Relu6", rectify},
    {"Reshape", reshape},
    {"ResizeNearestNeighbor", enlarge},
    {"Round", round_off},
    {"Sigmoid", bend},
    {"Square", square},
    {"SquaredDifference", square},
    {"Sub", arithmetic},
    {"Tanh", bend},
};

int ff_style_build_image(Builder *b)
{
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
        if (ff_style_node_is(b->node, patterns[i].op))
            return patterns[i].build(b);
    return ff_style_is_move(b->node)
               ? move(b)
               : ff_style_refuse(b, "the engine does not run this operation on images");
}
