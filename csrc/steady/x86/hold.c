/*
 * Paintings held with vectors of 256 bits.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "../../kernels/conv.h"

#if FF_STYLE_HAS_AVX

#define TARGET __attribute__((target("avx2")))
#define HOLD_PAINTING ff_style_hold_painting_avx2
#include "filter.h"

#include "../hold_blocks.h"

#endif
