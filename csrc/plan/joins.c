/*
 * Images that are made of parts of others: joined, mirrored at their borders, with zeros around. An entry each in
 * the table of patterns.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "builder.h"

/** Whether two images are the same values with the same to be done to them. */
static int is_same(const Image *a, const Image *b)
{
    return a->stored.buffer == b->stored.buffer && a->type == b->type &&
           !memcmp(&a->pending, &b->pending, sizeof(a->pending)) && !a->nb_moves && !b->nb_moves;
}

/** Whether what is pending can wait until parts are joined: the channels stay where they are. */
static int can_wait(const Image *parts, int nb_parts, int axis)
{
    const int last = parts[0].view.rank - 1;

    for (int i = 0; i < nb_parts; i++)
        if (!is_same(parts, &parts[i]) || parts[i].added.buffer || parts[i].is_ending ||
            (parts[i].pending.channels > 1 &&
             (axis == last || parts[i].view.steps[last] != 1 ||
              parts[i].view.dims[last] % parts[i].pending.channels)))
            return 0;
    return 1;
}

static int settle_parts(Builder *b, Image *parts, int nb_parts)
{
    int floats = 0;

    for (int i = 0; i < nb_parts; i++) {
        if (!ff_style_settle(b, &parts[i]))
            return 0;
        floats |= parts[i].stored.type != parts[0].stored.type;
    }
    for (int i = 0; i < nb_parts && floats; i++)
        if (!ff_style_settle_floats(b, &parts[i]))
            return 0;
    return 1;
}

/** Puts parts one behind the other along an axis. */
static int join(Builder *b, Image *parts, int nb_parts, int axis)
{
    Image image;
    StyleView view = parts[0].view;
    int64_t begin = 0;

    if (!can_wait(parts, nb_parts, axis) && !settle_parts(b, parts, nb_parts))
        return 0;
    view.dims[axis] = 0;
    for (int i = 0; i < nb_parts; i++) {
        if (parts[i].view.rank != view.rank || parts[i].type != parts[0].type || parts[i].squared)
            return ff_style_misfit(b);
        for (int j = 0; j < view.rank; j++)
            if (j != axis && parts[i].view.dims[j] != view.dims[j])
                return ff_style_misfit(b);
        view.dims[axis] += parts[i].view.dims[axis];
    }
    image = (Image){.pending = parts[0].pending,
                    .is_normed = 1,
                    .type = parts[0].type,
                    .view = ff_style_whole_view(view.rank, view.dims)};
    image.count = ff_style_view_count(&image.view);
    image.stored = ff_style_new_buffer(b, parts[0].stored.type, image.count);
    if (!image.stored.buffer)
        return 0;
    for (int i = 0; i < nb_parts; i++) {
        StyleView target = image.view;

        ff_style_slice_view(&target, axis, begin, parts[i].view.dims[axis], 1);
        if (!ff_style_move_values(b, parts[i].stored, &parts[i].view, image.stored, &target))
            return 0;
        begin += parts[i].view.dims[axis];
        image.is_normed &= parts[i].is_normed;
    }
    parts[0] = image;
    return 1;
}

/** More than any network joins. */
#define MAX_PARTS 16

int ff_style_build_concat(Builder *b)
{
    const int count = b->node->nb_inputs - 1;
    const StyleSmall *const number = count > 0 ? ff_style_known_at(b, count) : NULL;
    Image parts[MAX_PARTS];
    int axis;

    if (!number || number->count != 1 || count > MAX_PARTS)
        return ff_style_misfit(b);
    for (int i = 0; i < count; i++) {
        if (!ff_style_image_at(b, i))
            return ff_style_misfit(b);
        parts[i] = *ff_style_image_at(b, i);
    }
    axis = ff_style_axis(number->values[0], parts[0].view.rank);
    return axis >= 0 ? join(b, parts, count, axis) && ff_style_add_image(b, parts)
                     : ff_style_misfit(b);
}

/** A border of the image's own values, reversed; with the outermost once or twice. */
static int mirror(Builder *b, Image *image, int axis, int64_t in_front, int64_t behind, int twice)
{
    const int64_t dim = image->view.dims[axis];
    Image parts[3] = {*image, *image, *image};

    if (in_front < 0 || behind < 0 || in_front > dim - !twice || behind > dim - !twice)
        return ff_style_refuse(b, "it mirrors more than there is");
    ff_style_slice_view(&parts[0].view, axis, in_front - twice, in_front, -1);
    ff_style_slice_view(&parts[2].view, axis, dim - 1 - !twice, behind, -1);
    if (!join(b, parts, 3, axis))
        return 0;
    *image = parts[0];
    return 1;
}

int ff_style_build_pad_mirrored(Builder *b)
{
    const StyleSmall *const sizes = b->node->nb_inputs == 2 ? ff_style_known_at(b, 1) : NULL;
    const int twice = ff_style_attr_is(b->node, "mode", "SYMMETRIC", 0);
    Image image;

    if (!sizes || !ff_style_image_at(b, 0) || ff_style_image_at(b, 0)->squared ||
        sizes->count != 2 * (size_t)ff_style_image_at(b, 0)->view.rank)
        return ff_style_misfit(b);
    image = *ff_style_image_at(b, 0);
    image.id = 0;
    if ((image.nb_moves || image.is_ending || image.added.buffer) && !ff_style_settle(b, &image))
        return 0;
    for (int i = 0; i < image.view.rank; i++) {
        const int64_t in_front = ff_style_whole(sizes->values[2 * i]);
        const int64_t behind = ff_style_whole(sizes->values[2 * i + 1]);

        if ((in_front || behind) && !mirror(b, &image, i, in_front, behind, twice))
            return 0;
    }
    image.conv = 0;
    return ff_style_add_image(b, &image) != NULL;
}

int ff_style_build_pad(Builder *b)
{
    const StyleSmall *const sizes = b->node->nb_inputs == 2 ? ff_style_known_at(b, 1) : NULL;
    Image *const from = ff_style_image_at(b, 0);
    Image image;
    StyleStep *step;
    StyleView target;

    if (!sizes || !from || sizes->count != 2 * (size_t)from->view.rank || !ff_style_settle(b, from))
        return sizes && from ? 0 : ff_style_misfit(b);
    image = (Image){.type = from->type, .view = from->view, .is_normed = from->is_normed};
    for (int i = 0; i < image.view.rank; i++) {
        const int64_t in_front = ff_style_whole(sizes->values[2 * i]);
        const int64_t behind = ff_style_whole(sizes->values[2 * i + 1]);

        if (in_front < 0 || behind < 0)
            return ff_style_misfit(b);
        image.view.dims[i] += in_front + behind;
    }
    image.view = target = ff_style_whole_view(image.view.rank, image.view.dims);
    for (int i = 0; i < image.view.rank; i++)
        ff_style_slice_view(&target, i, ff_style_whole(sizes->values[2 * i]), from->view.dims[i],
                            1);
    image.count = ff_style_view_count(&image.view);
    image.stored = ff_style_new_buffer(b, from->stored.type, image.count);
    if (!image.stored.buffer || !(step = ff_style_add_step(b->program, FF_STYLE_CLEAR)))
        return 0;
    step->output = image.stored;
    step->count = image.count;
    return ff_style_move_values(b, from->stored, &from->view, image.stored, &target) &&
           ff_style_add_image(b, &image);
}
