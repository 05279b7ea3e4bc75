/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/**
 * @file
 * What the filter learns of its source from when its frames come: whether it
 * is ahead of the paintings, and when its next frame is due.
 */

#ifndef AVFILTER_STYLETRANSFER_VF_PACE_H
#define AVFILTER_STYLETRANSFER_VF_PACE_H

#include <stdint.h>
#include <sys/resource.h>

#include "libavutil/rational.h"

#include "libavfilter/avfilter.h"

typedef struct StylePace {
    int64_t arrival;  ///< when the last frame came, by av_gettime_relative()
    int64_t pts;      ///< that frame's time
    int64_t duration; ///< and how long after the one before, in microseconds
    int asked;        ///< whether another one was asked for since then
    int nb_asked;     ///< how many were being painted at that moment
    int is_proof; ///< whether it would prove something that a frame is there
    struct rusage left;  ///< when a frame last left
    struct rusage since; ///< when one was first asked for
    int is_coming;       ///< whether the frame that was asked for has come to
                         ///< the filters before this one
    struct rusage came;  ///< and when
    int waited;          ///< whether the thread slept until the last frame came
    int proofs;          ///< frames in a row that it did not sleep for
    int ahead;           ///< how many may be painted while one is asked for
    int64_t painted;     ///< when a painting was last done
    int64_t took; ///< how long it was the oldest one that was being painted
} StylePace;

/** Call this when the filter asks for a frame while it paints so many. */
void ff_styletransfer_note_asking(StylePace *pace, int nb_painting,
                                  const AVFilterContext *ctx);

/**
 * Call this when memory for a frame is taken.
 *
 * @param from the filter that takes it; NULL: the frame is there
 */
void ff_styletransfer_note_coming(StylePace *pace, const AVFilterContext *from);

/**
 * Call this before a frame is taken that was asked for. It learns whether the
 * source is ahead, of so many frames at the most.
 */
void ff_styletransfer_learn_pace(StylePace *pace, int most_ahead);

/**
 * Call this with each frame that is taken.
 *
 * @return whether its time is before that of the last one
 */
int ff_styletransfer_note_arrival(StylePace *pace, int64_t pts,
                                  AVRational time_base);

/** Call this with each painting that is done, of a frame that came then. */
void ff_styletransfer_note_painting(StylePace *pace, int64_t arrival);

/**
 * Whether the oldest frame that is being painted, which came then, will be
 * done within a quarter of the source's interval from the last frame's coming,
 * if the last painting is a measure.
 */
int ff_styletransfer_is_soon_done(const StylePace *pace, int64_t arrival);

/** Call this with each frame that is sent on. */
void ff_styletransfer_note_departure(StylePace *pace);

/** How many microseconds there are until the next frame is due. */
int64_t ff_styletransfer_time_left(const StylePace *pace);

#endif /* AVFILTER_STYLETRANSFER_VF_PACE_H */
