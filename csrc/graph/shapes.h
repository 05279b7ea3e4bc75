/*
 * The shapes of a graph's tensors, as far as they follow from the nodes, and what a frame takes in bytes.
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

#ifndef FF_STYLE_SHAPES_H
#define FF_STYLE_SHAPES_H

#include "nodes.h"

/** What is known of a node's first output. */
typedef struct StyleShape {
    int type; ///< 0: not known
    StyleDims dims;
} StyleShape;

/** Shapes of all nodes, by their numbers; to be freed with ff_style_free(). */
typedef struct StyleShapes {
    StyleShape *nodes;
} StyleShapes;

/** The type of a node's output; 0: not known. */
int ff_style_output_type(const StyleNode *node, int output);

/**
 * Finds the shapes of all nodes.
 *
 * @param input the node that takes the frame, -1: none
 * @param frame the frame's shape, in place of what the graph says of it
 * @return 0; -ENOMEM or -EFBIG after a message; `shapes` is to be freed in both cases
 */
int ff_style_find_shapes(const StyleContext *ctx, const StyleNodes *nodes, int input,
                         const StyleDims *frame, StyleShapes *shapes);

/** The shape of a node's output; of outputs but the first, only those of Split and Unpack are known. */
StyleDims ff_style_dims_of(const StyleNodes *nodes, const StyleShapes *shapes, StyleSource source);

/** The bytes of all of a node's outputs, more than there are when they are too many; 0: not known. */
int64_t ff_style_node_bytes(const StyleNodes *nodes, const StyleShapes *shapes, int node);

/** "[1,?,?,3]". */
void ff_style_print_dims(const StyleDims *dims, char *text, size_t size);

#endif
