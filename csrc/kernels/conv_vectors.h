/*
 * All that conv.c leaves to vectors, for the files that say of how many lanes theirs are, and what the
 * table is called: FF_STYLE_LANES and FF_STYLE_TABLE.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CONV_VECTORS_H
#define FF_STYLE_CONV_VECTORS_H

#include "conv_floats.h"
#if INTEGERS
#include "conv_integers.h"
#endif
#include "conv_squares.h"
#include "conv_values.h"

const ConvVectors FF_STYLE_TABLE = {
    .squares_at_once = SUMS,
    .normalise = normalise_values,
    .multiply = multiply_floats,
    .multiply_squares = multiply_squares,
#if INTEGERS
    .multiply_integers = multiply_integers,
#endif
    .finish = finish,
};

#endif
