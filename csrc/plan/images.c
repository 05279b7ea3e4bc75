/*
 * What is done to images when somebody takes them: the steps that make their values.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "builder.h"

static const StyleEnding no_ending = {.gain = 1, .low = -INFINITY, .high = INFINITY};

Image *ff_style_add_image(Builder *b, const Image *image)
{
    Image *const copy = ff_style_take(&b->program->memory, 1, sizeof(*copy));
    const int number = b->plan->first[b->node - b->plan->nodes->nodes];

    if (!copy)
        return NULL;
    *copy = *image;
    if (!copy->id)
        copy->id = number + 1;
    b->values[number].image = copy;
    return copy;
}

StyleStored ff_style_new_buffer(Builder *b, StyleType type, int64_t count)
{
    const int64_t size = type == FF_STYLE_FLOAT ? 4 : type == FF_STYLE_UINT8 ? 1 : 2;

    if (count < 1 || count > INT32_MAX) {
        ff_style_refuse(b, "it is an image of no value, or of more than the engine takes");
        return (StyleStored){0, type};
    }
    return (StyleStored){ff_style_add_buffer(b->program, (size_t)(count * size)), type};
}

/** What waits to be done one by one, but for the ending. */
static int is_pending(const Image *image)
{
    return image->pending.channels || image->pending.relu || image->added.buffer;
}

static void forget_pending(Image *image, StyleStored stored)
{
    image->stored = stored;
    image->pending = (StylePending){0};
    image->added = (StyleStored){0};
    image->conv = 0;
}

static int apply(Builder *b, Image *image, StyleType type)
{
    const StyleStored output = ff_style_new_buffer(b, type, image->count);
    StyleStep *const step = output.buffer ? ff_style_add_step(b->program, FF_STYLE_APPLY) : NULL;

    if (!step)
        return 0;
    step->input = image->stored;
    step->added = image->added;
    step->output = output;
    step->pending = image->pending;
    step->count = image->count;
    forget_pending(image, output);
    return 1;
}

static int finish(Builder *b, Image *image)
{
    StyleStored output;
    StyleStep *step;

    if ((image->pending.relu || image->added.buffer || image->stored.type != FF_STYLE_FLOAT) &&
        !apply(b, image, FF_STYLE_FLOAT))
        return 0;
    output = ff_style_new_buffer(
        b, image->type == FF_STYLE_DT_UINT8 ? FF_STYLE_UINT8 : FF_STYLE_FLOAT, image->count);
    if (!output.buffer || !(step = ff_style_add_step(b->program, FF_STYLE_FINISH)))
        return 0;
    step->input = image->stored;
    step->output = output;
    step->pending = image->pending;
    step->ending = image->ending;
    step->count = image->count;
    forget_pending(image, output);
    image->is_ending = 0;
    return 1;
}

int ff_style_move_values(Builder *b, StyleStored from, const StyleView *view, StyleStored to,
                         const StyleView *target)
{
    StyleStep *const step = ff_style_add_step(b->program, FF_STYLE_MOVE);

    if (!step)
        return 0;
    step->input = from;
    step->output = to;
    step->from = *view;
    step->to = *target;
    return 1;
}

/** Copies what a view sees into a buffer of its own. */
static int move(Builder *b, Image *image, const StyleView *view)
{
    const StyleView whole = ff_style_whole_view(view->rank, view->dims);
    const StyleStored to = ff_style_new_buffer(b, image->stored.type, ff_style_view_count(view));

    if (!to.buffer || !ff_style_move_values(b, image->stored, view, to, &whole))
        return 0;
    forget_pending(image, to);
    image->count = ff_style_view_count(view);
    return 1;
}

int ff_style_settle(Builder *b, Image *image)
{
    if (image->squared)
        return ff_style_refuse(b, "squares of differences from a mean are for another mean only");
    if (image->is_ending ? !finish(b, image)
                         : is_pending(image) && !apply(b, image, FF_STYLE_FLOAT))
        return 0;
    for (int i = 0; i < image->nb_moves; i++)
        if (!move(b, image, &image->moves[i]))
            return 0;
    image->nb_moves = 0;
    return 1;
}

int ff_style_settle_floats(Builder *b, Image *image)
{
    return ff_style_settle(b, image) &&
           (image->stored.type == FF_STYLE_FLOAT || apply(b, image, FF_STYLE_FLOAT));
}

int ff_style_settle_whole(Builder *b, Image *image)
{
    if (!ff_style_settle(b, image))
        return 0;
    if (ff_style_view_is_whole(&image->view) && ff_style_view_count(&image->view) == image->count)
        return 1;
    if (!move(b, image, &image->view))
        return 0;
    image->view = ff_style_whole_view(image->view.rank, image->view.dims);
    return 1;
}

/** Whether each value has its place in memory, where the next thing can be done to it. */
static int is_in_place(const Image *image)
{
    return !image->nb_moves && ff_style_view_is_permuted(&image->view, image->count);
}

int ff_style_open_image(Builder *b, Image *image, int for_affine)
{
    if (image->squared || image->is_ending || image->added.buffer || !is_in_place(image) ||
        (for_affine && image->pending.relu)) {
        if (!ff_style_settle(b, image))
            return 0;
        return is_in_place(image) || ff_style_settle_whole(b, image);
    }
    return 1;
}

StyleEnding *ff_style_end_image(Builder *b, Image *image, int rounded)
{
    if (image->type != FF_STYLE_DT_FLOAT || image->squared) {
        ff_style_refuse(b, "it is no arithmetic of floats");
        return NULL;
    }
    if (image->is_ending && (image->ending.rounds || image->ending.truncates) && !rounded &&
        !ff_style_settle(b, image))
        return NULL;
    if (!image->is_ending)
        image->ending = no_ending;
    image->is_ending = 1;
    image->conv = 0;
    return &image->ending;
}

/** Numbers that come behind what can't be done on the way any more. */
static int scale_ending(Builder *b, Image *image, double scale, double offset)
{
    StyleEnding *const ending = ff_style_end_image(b, image, 0);
    float low, high;

    if (!ending)
        return 0;
    if (!(fabs(scale) > 0) || isinf(scale))
        return ff_style_refuse(b, "it multiplies by nothing");
    ending->gain = (float)((double)ending->gain * scale);
    ending->middle = (float)((double)ending->middle * scale + offset);
    low = (float)((double)ending->low * scale + offset);
    high = (float)((double)ending->high * scale + offset);
    ending->low = scale < 0 ? high : low;
    ending->high = scale < 0 ? low : high;
    return 1;
}

static int is_known_number(const StyleSmall *small)
{
    return !small || (small->count == 1 && !small->varies);
}

/** Whether an axis is that of the channels of the memory, and has as many as these. */
static int fits_channels(const Image *image, int axis, const StyleSmall *small)
{
    return !small || small->count == 1 ||
           (axis >= 0 && axis < image->view.rank && image->view.steps[axis] == 1 &&
            (size_t)image->view.dims[axis] == small->count);
}

/** Brings the image to where it takes so many channels, on this axis. */
static int prepare_channels(Builder *b, Image *image, int channels)
{
    if (!ff_style_open_image(b, image, 1))
        return 0;
    if (image->pending.channels > 1 && channels > 1 && image->pending.channels != channels)
        return ff_style_settle(b, image);
    return 1;
}

int ff_style_scale_image(Builder *b, Image *image, StyleSmall *scale, StyleSmall *offset, int axis)
{
    StylePending *const pending = &image->pending;
    const int channels =
        (int)((scale && scale->count > 1) || !offset ? scale->count : offset->count);

    if (image->type != FF_STYLE_DT_FLOAT || image->squared)
        return ff_style_refuse(b, "it is no arithmetic of floats");
    if (is_known_number(scale) && is_known_number(offset) &&
        (image->is_ending || !is_in_place(image)))
        return scale_ending(b, image, scale ? scale->values[0] : 1, offset ? offset->values[0] : 0);
    if (!prepare_channels(b, image, channels))
        return 0;
    if (!fits_channels(image, axis, scale) || !fits_channels(image, axis, offset))
        return ff_style_refuse(b, "its numbers are neither one nor one for each channel");
    if (scale && !(scale = ff_style_flatten_small(b, scale)))
        return 0;
    if (offset && !(offset = ff_style_flatten_small(b, offset)))
        return 0;
    if (scale && pending->scale &&
        !(pending->scale = ff_style_compute_number(b, "Mul", pending->scale, scale)))
        return 0;
    if (scale && pending->offset &&
        !(pending->offset = ff_style_compute_number(b, "Mul", pending->offset, scale)))
        return 0;
    if (offset && pending->offset &&
        !(pending->offset = ff_style_compute_number(b, "AddV2", pending->offset, offset)))
        return 0;
    image->is_normed |= scale && scale->count > 1;
    pending->scale = pending->scale ? pending->scale : scale;
    pending->offset = pending->offset ? pending->offset : offset;
    pending->channels = channels > pending->channels ? channels : pending->channels;
    return 1;
}

/** Whether two images' values lie in memory alike. */
static int lie_alike(const Image *a, const Image *b)
{
    if (a->count != b->count || a->view.offset != b->view.offset)
        return 0;
    for (int i = 0; i < a->view.rank; i++)
        if (a->view.dims[i] > 1 && a->view.steps[i] != b->view.steps[i])
            return 0;
    return 1;
}

static int has_dims_of(const Image *a, const Image *b)
{
    return a->view.rank == b->view.rank &&
           !memcmp(a->view.dims, b->view.dims, (size_t)a->view.rank * sizeof(*a->view.dims));
}

int ff_style_add_images(Builder *b, Image *image, Image *other)
{
    if (!has_dims_of(image, other))
        return ff_style_refuse(b, "it joins images of two shapes");
    if (image->type != FF_STYLE_DT_FLOAT || other->type != FF_STYLE_DT_FLOAT)
        return ff_style_refuse(b, "it is no arithmetic of floats");
    if (!ff_style_open_image(b, image, 0) || !ff_style_settle(b, other))
        return 0;
    if (!is_in_place(other) && !ff_style_settle_whole(b, other))
        return 0;
    if (!lie_alike(image, other) &&
        (!ff_style_settle_whole(b, image) || !ff_style_settle_whole(b, other)))
        return 0;
    image->added = other->stored;
    image->is_normed &= other->is_normed;
    image->conv = 0;
    return 1;
}

int ff_style_channel_axis(const StyleNode *node, const Image *image)
{
    return ff_style_attr_is(node, "data_format", "NCHW", 0) ? 1 : image->view.rank - 1;
}

static StyleSmall *new_moments(Builder *b, int64_t channels)
{
    StyleSmall *const small = ff_style_take(&b->program->memory, 1, sizeof(*small));

    if (!small ||
        !ff_style_shape_small(&b->program->memory, small, FF_STYLE_DT_FLOAT, 1, &channels))
        return NULL;
    small->varies = FF_STYLE_BY_FRAME;
    return small;
}

/** Of values in memory as they are, which a convolution sums up while it writes them. */
static StyleStep *moments_step(Builder *b, Image *image)
{
    StyleStep *step;

    if (image->conv)
        return &b->program->steps[image->conv - 1];
    if ((step = ff_style_add_step(b->program, FF_STYLE_MOMENTS))) {
        step->input = image->stored;
        step->count = image->count;
    }
    return step;
}

int ff_style_find_image_moments(Builder *b, Image *image, int axis, StyleSmall **mean,
                                StyleSmall **variance)
{
    const int is_output = image->conv && !image->pending.scale && !image->pending.relu &&
                          !image->added.buffer && !image->is_ending && is_in_place(image);
    StyleStep *step;

    if (!is_output && (!ff_style_settle_floats(b, image) ||
                       (!is_in_place(image) && !ff_style_settle_whole(b, image))))
        return 0;
    if (axis < 0 || axis >= image->view.rank || image->view.steps[axis] != 1)
        return ff_style_refuse(b, "it takes moments over other axes than rows and columns");
    if (!(step = moments_step(b, image)))
        return 0;
    if (!step->mean && (!(step->mean = new_moments(b, image->view.dims[axis])) ||
                        !(step->variance = new_moments(b, image->view.dims[axis]))))
        return 0;
    *mean = step->mean;
    *variance = step->variance;
    if (image->pending.offset)
        *mean = ff_style_compute_number(b, "AddV2", *mean, image->pending.offset);
    return *mean != NULL;
}
