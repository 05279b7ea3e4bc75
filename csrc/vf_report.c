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

#include <inttypes.h>
#include <stdio.h>

#include "libavutil/dict.h"
#include "libavutil/error.h"
#include "libavutil/log.h"
#include "libavutil/macros.h"
#include "libavutil/pixdesc.h"
#include "libavutil/time.h"

#include "vf_report.h"

#define LOG_INTERVAL 10000000 // microseconds between two lines of counts
#define METADATA "lavfi.styletransfer."

void ff_styletransfer_log(void *log_ctx, StyleLogLevel level,
                          const char *message)
{
    static const int levels[] = {
        [FF_STYLE_LOG_ERROR] = AV_LOG_ERROR,
        [FF_STYLE_LOG_WARNING] = AV_LOG_WARNING,
        [FF_STYLE_LOG_INFO] = AV_LOG_INFO,
        [FF_STYLE_LOG_DEBUG] = AV_LOG_DEBUG,
    };

    av_log(log_ctx, levels[level], "%s\n", message);
}

void ff_styletransfer_log_counts(void *log_ctx, int level,
                                 const StyleReport *report, size_t in_flight)
{
    av_log(log_ctx, level,
           "in %" PRId64 ", painted %" PRId64 ", dropped %" PRId64
           ", passed %" PRId64 ", in flight %zu, delay %.3f s\n",
           report->nb_in, report->nb_painted, report->nb_dropped,
           report->nb_passed, in_flight, report->delay / 1e6);
}

void ff_styletransfer_log_progress(void *log_ctx, StyleReport *report,
                                   size_t in_flight)
{
    const int64_t now = av_gettime_relative();

    if (now - report->logged < LOG_INTERVAL)
        return;
    ff_styletransfer_log_counts(log_ctx, AV_LOG_INFO, report, in_flight);
    report->logged = now;
}

int ff_styletransfer_set_metadata(const StyleReport *report, AVFrame *frame)
{
    const struct {
        const char *key;
        int64_t value;
    } counts[] = {
        {METADATA "in", report->nb_in},
        {METADATA "painted", report->nb_painted},
        {METADATA "dropped", report->nb_dropped},
    };
    AVDictionary **metadata = &frame->metadata;
    char delay[32];
    int ret = 0;

    for (size_t i = 0; i < FF_ARRAY_ELEMS(counts) && ret >= 0; i++)
        ret = av_dict_set_int(metadata, counts[i].key, counts[i].value, 0);
    snprintf(delay, sizeof(delay), "%.3f", report->delay / 1e6);
    return ret < 0 ? ret : av_dict_set(metadata, METADATA "delay", delay, 0);
}

int ff_styletransfer_check_format(void *log_ctx, const AVFrame *frame,
                                  int expected)
{
    if (frame->format == expected)
        return 0;
    av_log(log_ctx, AV_LOG_ERROR,
           "expected frames of the format %s, found %s in mid-stream: put the "
           "filter 'scale' before this one\n",
           av_get_pix_fmt_name(expected), av_get_pix_fmt_name(frame->format));
    return AVERROR(EINVAL);
}

void ff_styletransfer_warn_of_hdr(void *log_ctx, const AVFrame *frame)
{
    if (frame->color_trc == AVCOL_TRC_SMPTE2084 ||
        frame->color_trc == AVCOL_TRC_ARIB_STD_B67)
        av_log(log_ctx, AV_LOG_WARNING,
               "the source is HDR (%s), and is painted as if it were SDR: put "
               "a tone mapping before this filter, as the manual has it\n",
               av_color_transfer_name(frame->color_trc));
}
