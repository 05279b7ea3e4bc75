/*
 * The grey pictures, each half as large as the one before, in which motion is looked for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PYRAMID_H
#define FF_STYLE_PYRAMID_H

#include <stddef.h>
#include <stdint.h>

/** Pixels around each of the pictures, which repeat those at its edge. */
#define FF_STYLE_PADDING 24

#define FF_STYLE_MAX_LEVELS 12

/** Greys that are mixed at a time. */
#define FF_STYLE_MIXED 64

/** Mixes greys of half the size from a part of two lines of RGB; green counts twice. */
typedef void StyleMix(uint8_t *out, const uint8_t *a, const uint8_t *b);

/** With vectors that not every processor has. */
StyleMix ff_style_mix_part_avx2;

typedef struct StylePlane {
    uint8_t *pixels; ///< the first one of the picture itself
    ptrdiff_t stride;
    int width, height;
} StylePlane;

/** A picture at a half, a quarter, ... of its size; all zeros: none. */
typedef struct StylePyramid {
    int width, height; ///< of the picture
    int nb_levels;     ///< down to pictures too small for a search
    StylePlane levels[FF_STYLE_MAX_LEVELS];
    StyleMix *mix; ///< the processor's
    void *memory;  ///< from the pool
} StylePyramid;

/**
 * Makes the pyramid of a picture of 8-bit RGB, in the memory of the one before when the size is the same.
 *
 * @return 0, or -ENOMEM: there is no pyramid then
 */
int ff_style_make_pyramid(StylePyramid *pyramid, const uint8_t *rgb, ptrdiff_t stride, int width,
                          int height);

/** Frees what it holds, and leaves none. */
void ff_style_free_pyramid(StylePyramid *pyramid);

#endif
