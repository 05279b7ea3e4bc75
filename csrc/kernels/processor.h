/*
 * What the processor has, and the system lets this process use. A program that defines these functions
 * puts another processor in the place of the real one.
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

#ifndef FF_STYLE_PROCESSOR_H
#define FF_STYLE_PROCESSOR_H

#include "conv.h"

/** bfloat16 dot products or matrices: what TensorFlow needs to gain from bfloat16. */
int ff_style_processor_has_bf16(void);

/** The longest vectors of conv.h that this processor has. */
StyleVectors ff_style_processor_vectors(void);

/**
 * Whether dot products of bfloat16 are faster than floats: twice as many products a second on AMD's processors, and
 * half as many on Intel's, which leave this work to the matrix unit.
 */
int ff_style_processor_gains_from_dots(void);

/** What conv.h needs for bfloat16: the matrix unit, which the system has to let this process use. */
int ff_style_processor_has_matrices(void);

#endif
