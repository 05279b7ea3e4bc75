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

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // RUSAGE_THREAD
#endif

#include <stdlib.h>
#include <string.h>

#include "libavutil/avutil.h"
#include "libavutil/macros.h"
#include "libavutil/mathematics.h"
#include "libavutil/time.h"

#include "libavfilter/filters.h"
#include "libavfilter/version_major.h"

#include "vf_pace.h"

#define LONGEST_WAIT 1000000 // microseconds that a live source is kept waiting
#define PROOF 16             // frames in a row that prove a source to be ahead
#define MORE_PROOF 4         // that prove it to be ahead by one more

/**
 * Tells how often the calling thread gave up its processor, of itself or made
 * to; where the system does not, each time more often.
 */
static void get_switches(struct rusage *usage)
{
#ifdef RUSAGE_THREAD
    if (!getrusage(RUSAGE_THREAD, usage))
        return;
#endif
    *usage = (struct rusage){.ru_nvcsw = av_gettime_relative()};
}

/**
 * Whether a frame that is there when it is asked for can't be the answer to the
 * last painting, which has only just left the graph. With two ends, an answer
 * comes while the graph makes a frame for the other one; with a filter behind
 * that makes several frames of one, while it makes the second. And the program
 * ffmpeg before FFmpeg 7 encodes and writes in the thread that asks.
 */
static int would_prove(const AVFilterContext *ctx)
{
#if LIBAVFILTER_VERSION_MAJOR >= 10
    const AVFilterGraph *graph = ctx->graph;
    const AVFilterContext *end = NULL;

    for (unsigned i = 0; i < graph->nb_filters; i++)
        if (!graph->filters[i]->nb_outputs) {
            if (end)
                return 0;
            end = graph->filters[i];
        }
    return end && ff_filter_link(end->inputs[0])->frame_count_in <=
                      ff_filter_link(ctx->outputs[0])->frame_count_in;
#else
    return 0;
#endif
}

void ff_styletransfer_note_asking(StylePace *pace, int nb_painting,
                                  const AVFilterContext *ctx)
{
    if (!pace->asked)
        get_switches(&pace->since);
    pace->asked = 1;
    pace->nb_asked = nb_painting;
    pace->is_proof = would_prove(ctx);
}

/**
 * Whether who takes memory for a frame from the filter behind this one has that
 * frame, and sends it on when it is done: so do 'scale', which ffmpeg itself
 * puts there, and 'pad' with what comes from it. Others take it before they
 * have all that they wait for ('tile'), or keep it ('interleave').
 */
static int is_at_hand(const AVFilterContext *filter)
{
    while (!strcmp(filter->filter->name, "pad"))
        filter = filter->inputs[0]->src;
    return !strcmp(filter->filter->name, "scale");
}

void ff_styletransfer_note_coming(StylePace *pace, const AVFilterContext *from)
{
    if (!pace->asked || pace->is_coming || (from && !is_at_hand(from)))
        return;
    get_switches(&pace->came);
    pace->is_coming = 1;
}

/**
 * Who asks for a frame that is not there yet puts the application to sleep in
 * its source, and nothing leaves the filter until the source goes on:
 * ff_filter_set_ready() from a thread of the engine would not wake it (nor is
 * it thread-safe), as no series of FFmpeg runs a graph that waits for input. A
 * source that waits for a painting in its turn would never go on. So while
 * frames are being painted, another one is only asked for if the source has
 * proved that it does not wait for these: a frame was there without the thread
 * having given up its processor since it asked, just behind the last painting,
 * so that it can't be the answer to that. Filters around this one give it up
 * while their threads work (every 'scale' that ffmpeg inserts): what the thread
 * does before it asks and behind the frame's coming is not counted. Who has N
 * frames on their way proves to be ahead by less than N. Being made to give up
 * the processor, which may be at any moment since the last frame left, proves
 * nothing.
 */
void ff_styletransfer_learn_pace(StylePace *pace, int most_ahead)
{
    ff_styletransfer_note_coming(pace, NULL);
    if (!pace->asked)
        return;
    pace->asked = pace->is_coming = 0;
    pace->waited = pace->came.ru_nvcsw > pace->since.ru_nvcsw;
    if (pace->waited) {
        pace->ahead = FFMAX(pace->ahead - 1, 0);
        pace->proofs = 0;
    } else if (pace->is_proof && pace->came.ru_nivcsw == pace->left.ru_nivcsw &&
               pace->nb_asked >= pace->ahead &&
               ++pace->proofs >= (pace->ahead ? MORE_PROOF : PROOF)) {
        pace->ahead = FFMIN(pace->ahead + 1, most_ahead);
        pace->proofs = 0;
    }
}

int ff_styletransfer_note_arrival(StylePace *pace, int64_t pts,
                                  AVRational time_base)
{
    const int is_back =
        pts < pace->pts; // AV_NOPTS_VALUE is the smallest number

    pace->arrival = av_gettime_relative();
    pace->duration =
        pts == AV_NOPTS_VALUE || pace->pts == AV_NOPTS_VALUE
            ? 0
            : av_rescale_q(pts - pace->pts, time_base, AV_TIME_BASE_Q);
    pace->pts = pts;
    return is_back;
}

void ff_styletransfer_note_painting(StylePace *pace, int64_t arrival)
{
    const int64_t now = av_gettime_relative();

    pace->took = now - FFMAX(arrival, pace->painted);
    pace->painted = now;
}

int ff_styletransfer_is_soon_done(const StylePace *pace, int64_t arrival)
{
    const int64_t done = FFMAX(arrival, pace->painted) + pace->took;

    // One that is long overdue is no measure.
    return pace->took && llabs(done - pace->arrival) <= pace->duration / 4;
}

void ff_styletransfer_note_departure(StylePace *pace)
{
    get_switches(&pace->left);
}

int64_t ff_styletransfer_time_left(const StylePace *pace)
{
    return FFMIN(pace->duration, LONGEST_WAIT) -
           (av_gettime_relative() - pace->arrival);
}
