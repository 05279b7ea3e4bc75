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

/** A painting, and what it is held with. */
typedef struct StyleHold {
    const StyleFilters *filters;
    const StyleMotion *motion;
    const uint8_t *weights;    ///< of the last painting at the blocks' corners, line by line
    uint8_t *sharpness;        ///< of each block: room for it
    unsigned seed;             ///< of the dither
    const StylePainting *last; ///< padded
    const StylePainting *kept; ///< padded: becomes the painting before it is sharpened
    uint8_t *painting;         ///< is held in place
    ptrdiff_t stride;
} StyleHold;

/** Does something to the rows of blocks from `first` up to `end`. */
typedef void StyleRows(const StyleHold *hold, int first, int end);

/**
 * What holds a painting: blends in the last one from where each block was, and sharpens what is blurred by that.
 *
 * What is kept is not sharpened: of what was painted long ago, nothing would fade.
 */
typedef struct StyleHolder {
    StyleRows *hold_rows;    ///< sharpens all but the first and the last, which have neighbours
    StyleRows *sharpen_ends; ///< these two, when all rows of the painting are held
} StyleHolder;

/** The processor's; all of them paint the same. */
StyleHolder ff_style_choose_holder(void);

/** With vectors that not every processor has. */
StyleRows ff_style_hold_rows_avx2, ff_style_hold_rows_avx512;
StyleRows ff_style_sharpen_ends_avx2, ff_style_sharpen_ends_avx512;

#endif
