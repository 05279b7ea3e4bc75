/*
 * Holds paintings on any processor, and chooses the vectors where there are some.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "hold.h"
#include "../kernels/processor.h"

#define TARGET
#define HOLD_ROWS hold_rows_plainly
#define SHARPEN_ENDS sharpen_ends_plainly
static StyleRows hold_rows_plainly, sharpen_ends_plainly;
#include "hold_blocks.h"

StyleHolder ff_style_choose_holder(void)
{
#if FF_STYLE_HAS_AVX
    const StyleVectors vectors = ff_style_processor_vectors();

    if (vectors == FF_STYLE_AVX2)
        return (StyleHolder){ff_style_hold_rows_avx2, ff_style_sharpen_ends_avx2};
    if (vectors != FF_STYLE_NO_VECTORS)
        return (StyleHolder){ff_style_hold_rows_avx512, ff_style_sharpen_ends_avx512};
#endif
    return (StyleHolder){hold_rows_plainly, sharpen_ends_plainly};
}
