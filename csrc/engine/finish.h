/*
 * What happens to frames after they were painted, one after the other and in their order: each painting is held
 * by the one before.
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

/** Finishes a frame that was painted, or failed. One thread at a time, and in the order of the frames. */
void ff_style_finish_request(StyleFinisher *finisher, StyleRequest *request);

/** Frees what a request keeps for frames to come. */
void ff_style_clear_request(StyleRequest *request);

#endif
