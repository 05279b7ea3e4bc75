/*
 * Vectors of 512 bits, with dot products of bfloat16 in squares, for kernels/conv.c.
 *
 * This file is part of ffmpeg-style.
 *
 * ffmpeg-style is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * ffmpeg-style is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with ffmpeg-style; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

#include "../conv_parts.h"

#if FF_STYLE_HAS_CONV

#define FF_STYLE_LANES 16
#define FF_STYLE_DOTS
#define FF_STYLE_TABLE ff_style_avx512_bf16
#include "../conv_vectors.h"

#endif
