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

/** Neighbouring blocks that are worked on at a time. */
#define FF_STYLE_TILE_BLOCKS 16
/** Bytes of a block's line, rounded up to whole vectors. */
#define FF_STYLE_LONG_ROW 32
/** From line to line of a tile that is looked up: the last block is as long as any other. */
#define FF_STYLE_HELD_STRIDE (3 * FF_STYLE_BLOCK * (FF_STYLE_TILE_BLOCKS - 1) + FF_STYLE_LONG_ROW)

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
 * @param kept receives what the painting became but for the sharpening, padded; as large as the last
 */
typedef void StyleHolder(const StyleHold *hold, const StylePainting *last,
                         const StylePainting *kept, uint8_t *painting, ptrdiff_t stride);

/** The processor's; all of them paint the same. */
StyleHolder *ff_style_choose_holder(void);

/** With vectors that not every processor has. */
StyleHolder ff_style_hold_painting_avx2, ff_style_hold_painting_avx512;

#endif
