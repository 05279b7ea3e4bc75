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
 * What the filter tells of its frames and its engine, in the log and in the
 * frames' metadata.
 */

#ifndef AVFILTER_STYLETRANSFER_VF_REPORT_H
#define AVFILTER_STYLETRANSFER_VF_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "libavutil/frame.h"

#include "styletransfer.h"

typedef struct StyleReport {
    int64_t nb_in, nb_painted, nb_dropped, nb_passed;
    int64_t delay;  ///< of the last frame, from its coming in to its going out
    int64_t logged; ///< when the counts were logged
} StyleReport;

/** What the engine says: StyleSettings.log. */
void ff_styletransfer_log(void *log_ctx, StyleLogLevel level,
                          const char *message);

void ff_styletransfer_log_counts(void *log_ctx, int level,
                                 const StyleReport *report, size_t in_flight);

/** Logs the counts at intervals. */
void ff_styletransfer_log_progress(void *log_ctx, StyleReport *report,
                                   size_t in_flight);

/** Returns 0, or a negative error code. */
int ff_styletransfer_set_metadata(const StyleReport *report, AVFrame *frame);

/**
 * Without a new configuration of the graph (-reinit_filter 0), frames of any
 * format may come: tells of one that is not as expected.
 *
 * @return 0, or AVERROR(EINVAL)
 */
int ff_styletransfer_check_format(void *log_ctx, const AVFrame *frame,
                                  int expected);

/** Tells that HDR's values, taken for those of SDR, are dim and pale. */
void ff_styletransfer_warn_of_hdr(void *log_ctx, const AVFrame *frame);

#endif /* AVFILTER_STYLETRANSFER_VF_REPORT_H */
