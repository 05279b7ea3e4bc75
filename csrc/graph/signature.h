/*
 * What a graph takes and gives: the image, what chooses the style, the painted image, and what these depend on.
 * All of it is told from the file, before TensorFlow is loaded.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_SIGNATURE_H
#define FF_STYLE_SIGNATURE_H

#include "card.h"
#include "nodes.h"
#include "shapes.h"

/** The image that is taken or given. */
typedef struct StylePort {
    StyleSource source;
    int type;           ///< FF_STYLE_DT_UINT8 or FF_STYLE_DT_FLOAT
    int channels_first; ///< [1,3,height,width]; else [1,height,width,3]
    int width, height;  ///< 0: any
    StyleRange range;   ///< of a float32 image; never FF_STYLE_RANGE_AUTO
} StylePort;

/** What the graph takes to choose a style by. */
typedef enum StyleControl {
    FF_STYLE_CONTROL_NONE,
    FF_STYLE_CONTROL_WEIGHTS, ///< float32, a weight for each style
    FF_STYLE_CONTROL_INDEX,   ///< int32 or int64, the number of one style
    FF_STYLE_CONTROL_VECTOR,  ///< float32, what a painting was made into; all zeros: the only style
} StyleControl;

typedef struct StyleSignature {
    StylePort input, output;
    StyleControl control;
    StyleSource chooser;    ///< the node that it goes into; not with FF_STYLE_CONTROL_NONE
    int chooser_type;       ///< of its values
    StyleDims chooser_dims; ///< all known
    int nb_styles;
    int nb_values;      ///< numbers that a style or a mix is: a weight of each style, or a vector
    int is_predictor;   ///< it gives no image but a vector of `nb_values`, of a painting
    int min_size;       ///< least width and height of a frame
    int width;          ///< the only width that the graph takes, 0: any
    int height;         ///< the only height that the graph takes, 0: any
    uint8_t *needed;    ///< for each node, whether the painted image depends on it
    int channels;       ///< the convolutions' median number of channels, 0: there is none
    int computed_norms; ///< a norm's scale or offset is the work of a convolution or the like
} StyleSignature;

/**
 * Finds the signature, and refuses what the engine can't feed or won't run.
 *
 * @param path      of the model, for messages
 * @param signature to be freed with ff_style_free_signature() after an error as well
 * @return 0, -EBADMSG or -ENOMEM after a message
 */
int ff_style_find_signature(const StyleContext *ctx, const char *path, const StyleNodes *nodes,
                            const StyleCard *card, const StyleSettings *settings,
                            StyleSignature *signature);

/**
 * Finds what makes the vector of a painting, in a graph whose control is FF_STYLE_CONTROL_VECTOR.
 *
 * @param signature of that graph
 * @param predictor to be freed with ff_style_free_signature() after an error as well
 * @return 0, -EBADMSG or -ENOMEM after a message
 */
int ff_style_find_predictor(const StyleContext *ctx, const char *path, const StyleNodes *nodes,
                            const StyleSettings *settings, const StyleSignature *signature,
                            StyleSignature *predictor);

/** Frees what the signature holds, and empties it. */
void ff_style_free_signature(const StyleContext *ctx, StyleSignature *signature);

/** The range that the nodes before `output` give their values, by what they clip or scale to. */
StyleRange ff_style_find_output_range(const StyleNodes *nodes, StyleSource output);

/**
 * The range that the nodes behind `input` expect, by what they subtract and divide; `otherwise` where they show
 * none.
 */
StyleRange ff_style_find_input_range(const StyleNodes *nodes, StyleSource input,
                                     StyleRange otherwise);

#endif
