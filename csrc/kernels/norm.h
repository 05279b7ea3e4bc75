/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
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

/*
 * Instance norm in single precision, for processors without a matrix unit as well.
 */

#ifndef FF_STYLE_NORM_H
#define FF_STYLE_NORM_H

#include <stddef.h>

#include "conv.h"

/** What is done to an image [1,height,width,channels] of `pixels` pixels. */
typedef struct StyleNormalise {
    const float *input;
    float *output; ///< may be the input
    size_t pixels;
    int channels;
    StyleNorm norm;
    int relu;           ///< what is below zero becomes zero
    const float *added; ///< to the rest, of the same size; NULL: nothing
} StyleNormalise;

/**
 * Brings an image to its norm: (x - mean) / sqrt(variance + epsilon) * gamma + beta, with mean and variance
 * of each channel over all its pixels (Ulyanov et al. 2016, equation 4); then the ReLU, then the sum.
 *
 * @return 0 or -ENOMEM
 */
int ff_style_normalise(const StyleNormalise *job);

#endif
