/*
 * What was painted last, and how it holds what is painted next.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
    uint8_t *claims;    ///< the least change of those that were at a block's place
    void *memory;       ///< of the three, from the pool
    StyleFilters filters;
    StyleHolder holder;
    int has_last;  ///< there is something to hold with
    unsigned look; ///< a checksum of the last source
    unsigned seed; ///< of the dither
} StyleSteady;

/**
 * Holds a painting, in place, with the one before. The first, and the first after a change of size or a scene
 * cut, stays as it is.
 *
 * @param crew     who helps; NULL: nobody
 * @param source   pyramid of the painting's source; exchanged for one that may be filled again
 * @param painting 8-bit RGB of the source's size
 * @param amount   0, the painting stays as it is, to 1
 * @return 0; -ENOMEM: the painting stays as it is, and the next one is the first
 */
int ff_style_steady(StyleSteady *steady, StyleCrew *crew, StylePyramid *source, uint8_t *painting,
                    ptrdiff_t stride, double amount);

/** Starts anew: the next painting is the first. */
void ff_style_forget(StyleSteady *steady);

/** Frees all, and leaves what nothing was painted with. */
void ff_style_close_steady(StyleSteady *steady);

#endif
