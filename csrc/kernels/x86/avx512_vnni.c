/*
 * Vectors of 512 bits, with dot products of 16-bit integers, for kernels/conv.c.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "../conv_parts.h"

#if FF_STYLE_HAS_AVX

#define FF_STYLE_LANES 16
#define FF_STYLE_DOTS
#define FF_STYLE_TABLE ff_style_avx512_vnni
#include "../conv_vectors.h"

#endif
