/*
 * Where each part of a picture was in the one before.
 *
 * This file is part of ffmpeg-style.
 *
 * ffmpeg-style is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * ffmpeg-style is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with ffmpeg-style; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

#ifndef FF_STYLE_MOTION_H
#define FF_STYLE_MOTION_H

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

/** Finds where the blocks of one picture were in another of the same size. */
void ff_style_find_motion(StyleMotion *motion, const StylePyramid *now, const StylePyramid *before);

#endif
