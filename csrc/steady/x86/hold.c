/*
 * Paintings held with vectors of 256 bits.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "../../kernels/conv.h"

#if FF_STYLE_HAS_AVX

#define TARGET __attribute__((target("avx2")))
#define HOLD_ROWS ff_style_hold_rows_avx2
#define SHARPEN_ENDS ff_style_sharpen_ends_avx2
#include "filter.h"

#include "../hold_blocks.h"

#endif
