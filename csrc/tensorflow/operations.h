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
 * Operations of our own in TensorFlow: what kernels/conv.h, kernels/norm.h and kernels/pixels.h do, for a graph to
 * call. All but FF_STYLE_NORM, FF_STYLE_TRANSPOSE and FF_STYLE_REFLECT need ff_style_processor_vectors(), and
 * with bfloat16 ff_style_processor_has_matrices().
 *
 * | operation | inputs | outputs | attributes |
 * |---|---|---|---|
 * | FF_STYLE_PACK | kernel (float) | packed (Tp), shape (int32) | stride (int), transposed, part (bool) |
 * | FF_STYLE_CONV | x (Tx), scale, offset, packed (Tp), shape, gamma, beta, added (Ta), size (N * int32) | y (Ty), y_scale, y_offset, kept (Tp) | relu, keep (bool), N (int), epsilon (float) |
 * | FF_STYLE_APPLY | x (Tx), scale, offset, added (Ta) | y (Ty) | relu (bool) |
 * | FF_STYLE_NORM | x, gamma, beta, added | y | relu (bool), epsilon (float) |
 * | FF_STYLE_PIXELS | x, bias, gain, middle, low, high | y (uint8) | |
 * | FF_STYLE_TRANSPOSE | x (uint8), perm (int32) | y (uint8) | |
 * | FF_STYLE_REFLECT | x (uint8), slices (N * int32), axis (int32) | y (uint8) | axis, N (int) |
 *
 * With `part`, a kernel may be packed as ff_style_part_pixels() tells: there must be no norm behind it then.
 * The types are float or bfloat16, for the convolution's x also uint8, and float where none is named.
 * `scale`, `offset` and `relu` are what becomes of x first, and `added` comes to it then; empty ones leave it as
 * it is. With `keep` the result of that is `kept`, which is empty otherwise. `gamma` and `beta`
 * are of the norm behind the convolution, which the outputs y_scale and y_offset bring y to; empty ones:
 * there is none. `size` is what the output must have, and is there for transposed convolutions.
 * FF_STYLE_REFLECT has slices of x, reversed, in front of it and behind. For each of the two, `slices` has what
 * StridedSlice and ReverseV2 take: begin, end and strides, with a number for each axis up to the reflected one,
 * which alone is limited, and that axis. The attribute tells it too, as the masks of StridedSlice do.
 *
 * The number in the names goes up with every change of theirs: one process
 * can hold several copies of this code, and TensorFlow knows an operation once.
 */

#ifndef FF_STYLE_KERNELS_H
#define FF_STYLE_KERNELS_H

#include "library.h"

#define FF_STYLE_PACK "FfmpegStylePack4"
#define FF_STYLE_CONV "FfmpegStyleConv4"
#define FF_STYLE_APPLY "FfmpegStyleApply3"
#define FF_STYLE_NORM "FfmpegStyleNorm2"
#define FF_STYLE_PIXELS "FfmpegStylePixels4"
#define FF_STYLE_TRANSPOSE "FfmpegStyleTranspose1"
#define FF_STYLE_REFLECT "FfmpegStyleReflect1"

/**
 * Makes the operations known to TensorFlow, the first time. This code then stays in memory for good.
 *
 * @return whether graphs may use them: not when TensorFlow lacks what they need
 */
int ff_style_register_kernels(const StyleContext *ctx, const StyleTensorFlow *tf);

#endif
