/*
 * Holds paintings on any processor, and chooses the vectors where there are some.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "hold.h"
#include "../kernels/processor.h"

#define TARGET
#define HOLD_PAINTING hold_plainly
static void hold_plainly(const StyleHold *hold, const StylePainting *last,
                         const StylePainting *kept, uint8_t *painting, ptrdiff_t stride);
#include "hold_blocks.h"

void ff_style_hold_painting(const StyleHold *hold, const StylePainting *last,
                            const StylePainting *kept, uint8_t *painting, ptrdiff_t stride)
{
#if FF_STYLE_HAS_AVX
    if (ff_style_processor_vectors() != FF_STYLE_NO_VECTORS) {
        ff_style_hold_painting_avx2(hold, last, kept, painting, stride);
        return;
    }
#endif
    hold_plainly(hold, last, kept, painting, stride);
}
