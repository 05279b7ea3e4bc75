/*
 * The last painting, moved along with the picture, in the place of the new one.
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

#ifndef FF_STYLE_HOLD_H
#define FF_STYLE_HOLD_H

#include "motion.h"
#include "painting.h"

/** Weight of a painting that is held entirely. */
#define FF_STYLE_WHOLE 128

/** What a painting is held with. */
typedef struct StyleHold {
    const StyleFilters *filters;
    const StyleMotion *motion;
    const uint8_t *weights; ///< of the last painting at the blocks' corners, line by line
    uint8_t *sharpness; ///< of each block: how the last painting is looked up, then the next time
    unsigned number;    ///< of the frame, for the dither
} StyleHold;

/**
 * Holds a painting, in place: blends in the last one from where each block was. What is blurred by that is
 * sharpened the next time.
 *
 * @param last padded
 * @param kept receives what the painting became, padded
 */
void ff_style_hold_painting(const StyleHold *hold, const StylePainting *last,
                            const StylePainting *kept, uint8_t *painting, ptrdiff_t stride);

/** The same with vectors that not every processor has. */
void ff_style_hold_painting_avx2(const StyleHold *hold, const StylePainting *last,
                                 const StylePainting *kept, uint8_t *painting, ptrdiff_t stride);

#endif
