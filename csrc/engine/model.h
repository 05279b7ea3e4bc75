/*
 * A model: what its file tells, and what runs it, a plan of the engine's own or a session of TensorFlow.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_MODEL_H
#define FF_STYLE_MODEL_H

#include "../base/common.h"
#include "../graph/card.h"
#include "../graph/graphdef.h"
#include "../graph/nodes.h"
#include "../graph/signature.h"
#include "../plan/plan.h"
#include "../tensorflow/graph.h"
#include "../tensorflow/library.h"
#include "../tensorflow/session.h"
#include "counts.h"

/** What all requests share; none of it changes while they run. */
typedef struct StyleModel {
    StyleDevice asked; ///< the device of the settings
    StyleGraphDef file;
    StyleCard card;
    StyleNodes nodes;
    StyleSignature signature;
    StyleSignature predictor; ///< of a model for any painting; else empty

    StylePlan *plan;           ///< NULL: TensorFlow runs the model, with the three below
    StylePlan *predictor_plan; ///< beside a plan; NULL: there is no predictor
    const StyleTensorFlow *tf; ///< NULL: it is not loaded
    StyleGraph graph;
    StyleSession session;

    StyleCounts counts;
    StylePrecision precision;        ///< what runs: not AUTO
    char why[FF_STYLE_MESSAGE_SIZE]; ///< there is no plan; "" when there is one
} StyleModel;

/**
 * Reads what there is before anything is loaded: the file, the card, the signature, and the style but for pictures.
 *
 * @param model to be closed with ff_style_close_model() after an error as well
 * @return 0, or a negative errno after a message
 */
int ff_style_read_model(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model);

/** Whether a model that was read has the style, and pictures in it can be read. Returns as ff_style_check(). */
int ff_style_check_style(const StyleContext *ctx, const StyleSettings *settings,
                         const StyleModel *model);

/**
 * Makes what runs the model that was read.
 *
 * @return 0, or a negative errno after a message
 */
int ff_style_open_model(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model);

void ff_style_close_model(const StyleContext *ctx, StyleModel *model);

#endif
