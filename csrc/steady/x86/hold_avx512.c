/*
 * Paintings held with vectors of 512 bits where lines are long.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "../../kernels/conv.h"

#if FF_STYLE_HAS_AVX

#ifdef __clang__
#define TARGET __attribute__((target("avx512bw,avx512vl")))
#else
#define TARGET __attribute__((target("avx512bw,avx512vl,prefer-vector-width=512")))
#endif
#define HOLD_ROWS ff_style_hold_rows_avx512
#define SHARPEN_ENDS ff_style_sharpen_ends_avx512
#include "filter.h"

#include "../hold_blocks.h"

#endif
