/*
 * What happens to frames after they were painted, one after the other and in their order: each painting is held
 * by the one before.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_FINISH_H
#define FF_STYLE_FINISH_H

#include "../steady/steady.h"
#include "request.h"

typedef struct StyleFinisher {
    StyleSteady steady;
    float *chooser; ///< of the style of the last painting
    int nb_values;
    int64_t sequence; ///< that the last painting belongs to
} StyleFinisher;

/** Makes a finisher; to be closed after an error as well. Returns 0 or -ENOMEM. */
int ff_style_open_finisher(const StyleContext *ctx, int nb_values, StyleFinisher *finisher);

/** Frees what the finisher keeps. */
void ff_style_close_finisher(const StyleContext *ctx, StyleFinisher *finisher);

/** On the thread that will paint the frame: keeps of the source what finishing needs. */
void ff_style_prepare_request(StyleRequest *request);

/**
 * Finishes a frame that was painted, or failed. One thread at a time, and in the order of the frames.
 *
 * @param crew who helps; NULL: nobody
 */
void ff_style_finish_request(StyleFinisher *finisher, StyleCrew *crew, StyleRequest *request);

/** Frees what a request keeps for frames to come. */
void ff_style_clear_request(StyleRequest *request);

#endif
