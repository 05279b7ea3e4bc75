/*
 * Paintings that are kept, and the filters to look them up between their pixels.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PAINTING_H
#define FF_STYLE_PAINTING_H

#include "motion.h"

/** Pixels around a held painting, which repeat those at its edge. */
#define FF_STYLE_HELD_PADDING 16

#define FF_STYLE_TAPS 4
#define FF_STYLE_TAPS_BEFORE 1 ///< of them in front of the pixel
#define FF_STYLE_TAPS_SCALE 64 ///< their sum

/** How paintings are looked up between pixels. */
typedef struct StyleFilters {
    int16_t taps[FF_STYLE_SUBPIXELS][FF_STYLE_TAPS];
} StyleFilters;

/** A painting of 8-bit RGB, with its padding; all zeros: none. */
typedef struct StylePainting {
    uint8_t *pixels; ///< the first one
    ptrdiff_t stride;
    int width, height;
    void *memory; ///< from the pool
} StylePainting;

void ff_style_make_filters(StyleFilters *filters);

/** Makes room for a painting. Returns 0 or -ENOMEM. */
int ff_style_open_painting(StylePainting *painting, int width, int height);

/** Frees what it holds, and leaves none. */
void ff_style_close_painting(StylePainting *painting);

/** Repeats its edge around it, beside some of its lines. */
void ff_style_pad_lines(const StylePainting *painting, int first, int count);

/** Copies a painting, and pads the copy. */
void ff_style_keep_painting(const StylePainting *kept, const uint8_t *painting, ptrdiff_t stride);

#endif
