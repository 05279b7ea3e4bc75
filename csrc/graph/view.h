/*
 * Where a tensor's values lie in memory: what only moves values about changes this, and copies nothing.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_VIEW_H
#define FF_STYLE_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "nodes.h"

/** More values than any tensor of a frame has. */
#define FF_STYLE_MAX_VALUES ((int64_t)1 << 40)

/** A value's place is the offset and, for each axis, its index times the step: in values. */
typedef struct StyleView {
    int rank;
    int64_t dims[FF_STYLE_MAX_DIMS], steps[FF_STYLE_MAX_DIMS];
    int64_t offset;
} StyleView;

/** Values one behind the other, the last axis the innermost. */
StyleView ff_style_whole_view(int rank, const int64_t *dims);

/** How many values it has; -1: a dimension is negative, or they are more than FF_STYLE_MAX_VALUES. */
int64_t ff_style_view_count(const StyleView *view);

/** Whether it is what ff_style_whole_view() tells of its dimensions. */
int ff_style_view_is_whole(const StyleView *view);

/** Whether it has each of the `count` values of the memory once, in whatever order of axes. */
int ff_style_view_is_permuted(const StyleView *view, int64_t count);

/** Keeps of an axis `count` indices from `begin` on, `stride` apart. */
void ff_style_slice_view(StyleView *view, int axis, int64_t begin, int64_t count, int64_t stride);

/** Puts an axis of so many equal values (a step of 0), or of one, in front of `axis`; returns 0 when there is no room. */
int ff_style_add_axis(StyleView *view, int axis, int64_t count);

/** Takes an axis of one index away. */
void ff_style_drop_axis(StyleView *view, int axis);

/** Copies values of `size` bytes; both views have the same dimensions. */
void ff_style_copy_view(const StyleView *from, const void *source, const StyleView *to,
                        void *target, size_t size);

#endif
