/*
 * One frame in flight, and what a thread paints it with.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_REQUEST_H
#define FF_STYLE_REQUEST_H

#include "../base/common.h"
#include "../base/crew.h"
#include "../steady/pyramid.h"
#include "model.h"

typedef struct StyleRequest {
    StyleFrame frame;
    float *
        chooser; ///< what chooses the style: weights of all or a vector, signature.nb_values numbers
    double strength;
    StyleColors colors;
    double steady;
    int64_t sequence; ///< of frames that hold each other's paintings

    StylePyramid source; ///< what is kept of it for that
    void *canvas;        ///< the painting without the source; NULL: it is in the frame
    int is_held;         ///< whether it is to be held, and hold the next one
    int painted;         ///< whether it waits for the frames before it

    int done;   ///< whether the two below are valid
    int result; ///< 1 or a negative errno, as ff_style_receive() returns it
    char message[FF_STYLE_MESSAGE_SIZE];
} StyleRequest;

/** What it takes to paint one frame, kept for the next one: as many as are painted at a time. */
typedef struct StylePainter {
    int is_busy;          ///< under the engine's lock: whether it paints a frame
    StyleProgram program; ///< of the plan; kept while the size stays, and empty without one
    StyleCrew crew;       ///< that runs it, which the thread leads that paints
    int has_crew;

    // TensorFlow's:
    TF_Status *status;
    TF_Tensor *image;   ///< the frame as the network takes it; kept while the size stays
    TF_Tensor *chooser; ///< what chooses the style; NULL when the graph has one
    uint8_t *pixels;    ///< the frame with its channels last, where the graph has them first
} StylePainter;

/** Makes what the painter keeps; to be closed after an error as well. Returns 0 or -ENOMEM. */
int ff_style_open_painter(const StyleContext *ctx, const StyleModel *model, StylePainter *painter);

/** Frees what the painter keeps. */
void ff_style_close_painter(const StyleModel *model, StylePainter *painter);

/**
 * Paints the request's frame, and sets its result and message. Takes no lock and logs nothing: it runs
 * on the engine's threads, each with a painter of its own meanwhile, whose crew has begun.
 */
void ff_style_paint(const StyleModel *model, StylePainter *painter, StyleRequest *request);

#endif
