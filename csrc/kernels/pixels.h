/*
 * Between 8-bit RGB rows and what a network takes and gives.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PIXELS_H
#define FF_STYLE_PIXELS_H

#include "../styletransfer.h"

/** What a network's image holds, rows without gaps. */
typedef enum StyleSample {
    FF_STYLE_SAMPLE_UINT8,
    FF_STYLE_SAMPLE_FLOAT,
} StyleSample;

/** An axis of what is moved: how many there are, and bytes from one to the next, read and written. */
typedef struct StyleAxis {
    size_t size;
    ptrdiff_t from, to;
} StyleAxis;

/** Copies units of so many bytes along all axes, the last one the innermost. */
void ff_style_move(const uint8_t *from, const StyleAxis *axes, int nb_axes, size_t unit,
                   uint8_t *to);

/** Copies `frame->src` to `frame->dst`. */
void ff_style_copy_frame(const StyleFrame *frame);

/** Writes `frame->src` into the network's image; `range` is for floats. */
void ff_style_read_frame(const StyleFrame *frame, void *image, StyleSample sample,
                         StyleRange range);

/**
 * Writes the network's image into `frame->dst`, blended with `frame->src`.
 *
 * `strength` is how much of the painting shows, 0 to 1. With FF_STYLE_COLORS_CONTENT the painting gives
 * its luma (BT.709) only: each pixel of the source gets lighter or darker by the same in all channels,
 * which leaves its two colour differences as they are.
 */
void ff_style_write_frame(const StyleFrame *frame, const void *image, StyleSample sample,
                          StyleRange range, double strength, StyleColors colors);

#endif
