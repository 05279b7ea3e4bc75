/*
 * The shapes of a graph's tensors, as far as they follow from the nodes, and what a frame takes in bytes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
