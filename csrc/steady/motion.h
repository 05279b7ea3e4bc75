/*
 * Where each part of a picture was in the one before.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_MOTION_H
#define FF_STYLE_MOTION_H

#include "../base/crew.h"
#include "pyramid.h"

/** Pixels along a block's side. */
#define FF_STYLE_BLOCK 8
/** Parts of a pixel in which vectors count. */
#define FF_STYLE_SUBPIXELS 16

typedef struct StyleVector {
    int16_t x, y; ///< from a block to where it was, in parts of a pixel
} StyleVector;

/** Of a picture's blocks, line by line; all zeros: none. */
typedef struct StyleMotion {
    int columns, rows;
    StyleVector *vectors;
    uint8_t *changes; ///< mean difference of a block from where it was, in quarters of a grey level
    uint8_t *details; ///< what it would be from the block's own mean
    struct StyleSquares *squares; ///< as found last: the next search begins there
    void *memory;                 ///< of all of them, from the pool
    size_t size;                  ///< of the memory behind `squares`
} StyleMotion;

/** Makes room for a size of pictures, and sets all to zero. Returns 0 or -ENOMEM. */
int ff_style_open_motion(StyleMotion *motion, const StylePyramid *pyramid);

/** Sets all to zero, as for a new scene. */
void ff_style_reset_motion(StyleMotion *motion);

/** Frees what it holds, and leaves none. */
void ff_style_close_motion(StyleMotion *motion);

/** Finds where the blocks of one picture were in another of the same size, with those who help. */
void ff_style_find_motion(StyleMotion *motion, StyleCrew *crew, const StylePyramid *now,
                          const StylePyramid *before);

#endif
