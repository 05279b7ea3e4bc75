/*
 * Shapes and strides of tensors, and copies of what lies scattered.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "../kernels/pixels.h"
#include "view.h"

StyleView ff_style_whole_view(int rank, const int64_t *dims)
{
    StyleView view = {.rank = rank};
    int64_t step = 1;

    for (int i = rank - 1; i >= 0; i--) {
        view.dims[i] = dims[i];
        view.steps[i] = step;
        step = dims[i] > 0 && step <= FF_STYLE_MAX_VALUES / dims[i] ? step * dims[i] : step;
    }
    return view;
}

int64_t ff_style_view_count(const StyleView *view)
{
    int64_t count = 1;

    for (int i = 0; i < view->rank; i++) {
        const int64_t dim = view->dims[i];

        if (dim < 0 || (dim && count > FF_STYLE_MAX_VALUES / dim))
            return -1;
        count *= dim;
    }
    return count;
}

int ff_style_view_is_whole(const StyleView *view)
{
    int64_t step = 1;

    for (int i = view->rank - 1; i >= 0; i--) {
        if (view->dims[i] != 1 && view->steps[i] != step)
            return 0;
        step *= view->dims[i];
    }
    return !view->offset;
}

int ff_style_view_is_permuted(const StyleView *view, int64_t count)
{
    int64_t step = 1;
    int found = 1;

    while (step < count && found) {
        found = 0;
        for (int i = 0; i < view->rank && !found; i++)
            if (view->dims[i] > 1 && view->steps[i] == step) {
                step *= view->dims[i];
                found = 1;
            }
    }
    return !view->offset && step == count && ff_style_view_count(view) == count;
}

void ff_style_slice_view(StyleView *view, int axis, int64_t begin, int64_t count, int64_t stride)
{
    view->offset += count ? begin * view->steps[axis] : 0;
    view->dims[axis] = count;
    view->steps[axis] *= stride;
}

int ff_style_add_axis(StyleView *view, int axis, int64_t count)
{
    const size_t behind = (size_t)(view->rank - axis);

    if (view->rank == FF_STYLE_MAX_DIMS)
        return 0;
    memmove(view->dims + axis + 1, view->dims + axis, behind * sizeof(*view->dims));
    memmove(view->steps + axis + 1, view->steps + axis, behind * sizeof(*view->steps));
    view->dims[axis] = count;
    view->steps[axis] = 0;
    view->rank++;
    return 1;
}

void ff_style_drop_axis(StyleView *view, int axis)
{
    const size_t behind = (size_t)(--view->rank - axis);

    memmove(view->dims + axis, view->dims + axis + 1, behind * sizeof(*view->dims));
    memmove(view->steps + axis, view->steps + axis + 1, behind * sizeof(*view->steps));
}

void ff_style_copy_view(const StyleView *from, const void *source, const StyleView *to,
                        void *target, size_t size)
{
    StyleAxis axes[FF_STYLE_MAX_DIMS];
    int nb_axes = 0;
    size_t unit = size;

    if (ff_style_view_count(from) < 1)
        return;
    for (int i = 0; i < from->rank; i++)
        if (from->dims[i] > 1)
            axes[nb_axes++] =
                (StyleAxis){(size_t)from->dims[i], (ptrdiff_t)(from->steps[i] * (int64_t)size),
                            (ptrdiff_t)(to->steps[i] * (int64_t)size)};
    for (; nb_axes && axes[nb_axes - 1].from == (ptrdiff_t)unit &&
           axes[nb_axes - 1].to == (ptrdiff_t)unit;
         nb_axes--) // the last ones stay as they are
        unit *= axes[nb_axes - 1].size;
    ff_style_move((const uint8_t *)source + from->offset * (int64_t)size, axes, nb_axes, unit,
                  (uint8_t *)target + to->offset * (int64_t)size);
}
