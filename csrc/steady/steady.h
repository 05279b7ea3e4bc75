/*
 * What was painted last, and how it holds what is painted next.
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

#ifndef FF_STYLE_STEADY_H
#define FF_STYLE_STEADY_H

#include "hold.h"
#include "motion.h"
#include "pyramid.h"

/** All zeros: nothing was painted so far. */
typedef struct StyleSteady {
    StylePyramid before; ///< of the last source
    StyleMotion motion;
    StylePainting last, next;
    uint8_t *weights;   ///< at the blocks' corners
    uint8_t *sharpness; ///< of the blocks
    void *memory;       ///< of the two, from the pool
    StyleFilters filters;
    unsigned number; ///< of frames since it was started anew; 0: nothing to hold with
} StyleSteady;

/**
 * Holds a painting, in place, with the one before. The first, and the first after a change of size or a scene
 * cut, stays as it is.
 *
 * @param source   pyramid of the painting's source; exchanged for one that may be filled again
 * @param painting 8-bit RGB of the source's size
 * @param amount   0, the painting stays as it is, to 1
 * @return 0; -ENOMEM: the painting stays as it is, and the next one is the first
 */
int ff_style_steady(StyleSteady *steady, StylePyramid *source, uint8_t *painting, ptrdiff_t stride,
                    double amount);

/** Starts anew: the next painting is the first. */
void ff_style_forget(StyleSteady *steady);

/** Frees all, and leaves what nothing was painted with. */
void ff_style_close_steady(StyleSteady *steady);

#endif
