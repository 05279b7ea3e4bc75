/*
 * The graph inside of TensorFlow: what the signature needs of the file, and TensorFlow's names for its ports.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_TENSORFLOW_GRAPH_H
#define FF_STYLE_TENSORFLOW_GRAPH_H

#include "../base/common.h"
#include "../graph/graphdef.h"
#include "../graph/nodes.h"
#include "../graph/signature.h"
#include "library.h"

typedef struct StyleGraph {
    TF_Graph *graph;
    TF_Output input, output;
    TF_Output chooser; ///< what chooses the style; its oper is NULL when the graph has one style
    TF_Output painting, painting_vector; ///< of a graph for any painting, else likewise
} StyleGraph;

/**
 * Gives TensorFlow the nodes that the painted image depends on.
 *
 * @param predictor what the vector of a painting depends on is wanted too; NULL: there is none
 * @param device that operations run on which name none; NULL: TensorFlow's choice
 * @param graph  receives the graph; to be freed with ff_style_free_graph() after an error as well
 * @return 0, -EBADMSG or -ENOMEM after a message
 */
int ff_style_import_graph(const StyleContext *ctx, const StyleTensorFlow *tf,
                          const StyleGraphDef *file, const StyleNodes *nodes,
                          const StyleSignature *signature, const StyleSignature *predictor,
                          const char *device, StyleGraph *graph);

/** Frees the graph, and empties it. */
void ff_style_free_graph(const StyleTensorFlow *tf, StyleGraph *graph);

#endif
