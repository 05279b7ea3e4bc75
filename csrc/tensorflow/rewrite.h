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
 * A network's convolutions and instance norms as the operations of operations.h.
 */

#ifndef FF_STYLE_REWRITE_H
#define FF_STYLE_REWRITE_H

#include "../graph/graphdef.h"

/** Which of the operations of operations.h a graph gets. */
typedef enum StyleRewriting {
    FF_STYLE_NORMS,   ///< norms, in single precision
    FF_STYLE_FLOATS,  ///< convolutions as well: ff_style_processor_vectors()
    FF_STYLE_BFLOATS, ///< the same in bfloat16: ff_style_processor_has_matrices()
} StyleRewriting;

/**
 * Writes a graph that computes the same, with the operations of operations.h in place of FusedBatchNormV3
 * that takes its statistics from the image, with a ReLU and then a sum with another image of the same shape
 * behind it, if they are there; and, unless it is for FF_STYLE_NORMS, of
 *
 * - Conv2D with SAME padding, and Conv2DBackpropInput of stride 2 that doubles its input,
 * - the ends: bytes that become floats, less a constant, for a convolution, and the tanh that is scaled,
 *   clipped and rounded to bytes, with the BiasAdd before it and what reshapes, transposes and slices between
 *   them, which then moves bytes,
 * - ConcatV2 of bytes and, on both sides, a StridedSlice of them through ReverseV2: a border of reflected
 *   pixels.
 *
 * In bfloat16 a norm is replaced behind a convolution only.
 * All other operations stay, and so do the names of all results that they take. That sums are of one
 * shape, transposed convolutions double, and so on, is known of the graphs that this project exports: only
 * those are to be rewritten, and others may fail when they run.
 *
 * @param rewritten receives the graph; its data are to be freed with ff_style_free()
 * @return 1; 0: there was nothing to do, or the graph has something odd, and is to be run as it is;
 *         -ENOMEM after a message
 */
int ff_style_rewrite_graphdef(const StyleContext *ctx, const StyleGraphDef *file,
                              StyleRewriting rewriting, StyleGraphDef *rewritten);

#endif
