/*
 * All that conv.c leaves to vectors, for the files that say of how many lanes theirs are, and what the
 * table is called: FF_STYLE_LANES and FF_STYLE_TABLE.
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

#ifndef FF_STYLE_CONV_VECTORS_H
#define FF_STYLE_CONV_VECTORS_H

#include "conv_floats.h"
#include "conv_squares.h"
#include "conv_values.h"

const ConvVectors FF_STYLE_TABLE = {
    .squares_at_once = SUMS,
    .normalise = normalise_values,
    .multiply = multiply_floats,
    .multiply_squares = multiply_squares,
    .finish = finish,
};

#endif
