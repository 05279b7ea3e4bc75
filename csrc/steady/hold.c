/*
 * Holds paintings on any processor, and chooses the vectors where there are some.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "hold.h"
#include "../kernels/processor.h"

#define TARGET
#define HOLD_PAINTING hold_plainly
static StyleHolder hold_plainly;
#include "hold_blocks.h"

StyleHolder *ff_style_choose_holder(void)
{
#if FF_STYLE_HAS_AVX
    const StyleVectors vectors = ff_style_processor_vectors();

    if (vectors != FF_STYLE_NO_VECTORS)
        return vectors == FF_STYLE_AVX2 ? ff_style_hold_painting_avx2
                                        : ff_style_hold_painting_avx512;
#endif
    return hold_plainly;
}
