/*
 * Vectors of 128 bits, with dot products of bfloat16 in squares, for kernels/conv.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "../conv_parts.h"

#if FF_STYLE_HAS_NEON

#define FF_STYLE_LANES 4
#define FF_STYLE_DOTS
#define FF_STYLE_TABLE ff_style_neon_bf16
#include "../conv_vectors.h"

#endif
