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
 * The model in TensorFlow: imported, its image input and output found and checked.
 */

#ifndef FF_STYLE_GRAPH_H
#define FF_STYLE_GRAPH_H

#include "../base/common.h"
#include "../graph/card.h"
#include "../graph/graphdef.h"
#include "library.h"

/** An image input or output. */
typedef struct StylePort {
    TF_Output tensor;
    TF_DataType type;  ///< TF_UINT8 or TF_FLOAT
    int width, height; ///< 0: any
} StylePort;

typedef struct StyleGraph {
    TF_Graph *graph;
    StylePort input, output;
    TF_Output weights; ///< the styles' weights; its oper is NULL when the graph has one style
    int nb_styles;
    int min_size;       ///< least width and height of a frame
    int width;          ///< the only width that the graph takes, 0: any
    int height;         ///< the only height that the graph takes, 0: any
    StyleRange range;   ///< of float32 images; never FF_STYLE_RANGE_AUTO
    int channels;       ///< the convolutions' median number of channels, 0: there is none
    int computed_norms; ///< a norm's scale or offset is the work of a convolution or the like
    int rewritten;      ///< operations of our own are in it, which compute in their own precision
} StyleGraph;

/**
 * Imports the model, checks its operations once more, and finds out how to use it.
 *
 * @param settings its `input`, `output` and `range` count
 * @param device   where the operations run, as TensorFlow names it; NULL: where TensorFlow puts them
 * @param graph    receives the graph, to be freed with ff_style_free_graph() after an error as well
 * @return 0, -EBADMSG or -ENOMEM after a message
 */
int ff_style_import_graph(const StyleContext *ctx, const StyleTensorFlow *tf,
                          const StyleGraphDef *file, const StyleCard *card,
                          const StyleSettings *settings, const char *device, StyleGraph *graph);

/** Frees the graph, and empties it. */
void ff_style_free_graph(const StyleTensorFlow *tf, StyleGraph *graph);

/** The range that the operations before `output` give their values, by what they clip or scale to. */
StyleRange ff_style_find_range(const StyleTensorFlow *tf, TF_Output output);

#endif
