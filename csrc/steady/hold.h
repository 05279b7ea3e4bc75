/*
 * The last painting, moved along with the picture, in the place of the new one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
    uint8_t *sharpness;     ///< of each block: room for it
    unsigned seed;          ///< of the dither
} StyleHold;

/**
 * Holds a painting, in place: blends in the last one from where each block was, and sharpens what is blurred by that.
 *
 * What is kept is not sharpened: of what was painted long ago, nothing would fade.
 *
 * @param last padded
 * @param kept receives what the painting became but for the sharpening, padded
 */
void ff_style_hold_painting(const StyleHold *hold, const StylePainting *last,
                            const StylePainting *kept, uint8_t *painting, ptrdiff_t stride);

/** The same with vectors that not every processor has. */
void ff_style_hold_painting_avx2(const StyleHold *hold, const StylePainting *last,
                                 const StylePainting *kept, uint8_t *painting, ptrdiff_t stride);

#endif
