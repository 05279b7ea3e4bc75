/*
 * Vectors of floats for the files that say how many lanes theirs have: FF_STYLE_LANES is 16 (AVX-512), 8 (AVX2) or 4
 * (NEON); and FF_STYLE_DOTS, where they have dot products (of 16-bit integers on x86, of bfloat16 on ARM). The compilers' own operators do the rest: +, -, *, /.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_VECTORS_H
#define FF_STYLE_VECTORS_H

#ifdef __aarch64__
#include "arm/vectors.h"
#else
#include "x86/vectors.h"
#endif

#endif
