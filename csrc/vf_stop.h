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
 * Learns that the program is told to end. ffmpeg lets its filters work off all
 * frames that are on their way, and says nothing to them: of paintings that can
 * take a minute.
 */

#ifndef AVFILTER_STYLETRANSFER_VF_STOP_H
#define AVFILTER_STYLETRANSFER_VF_STOP_H

#include "styletransfer.h"

typedef struct StyleStop {
    int is_open;
    int seen; ///< how many signals had come when it was opened
} StyleStop;

/**
 * From now on SIGINT and SIGTERM are noticed on their way to the program's own
 * handlers. Where it has none for one of them, that one is left alone.
 */
void ff_styletransfer_open_stop(StyleStop *stop);

/** The last one to be closed gives the program's handlers back. */
void ff_styletransfer_close_stop(StyleStop *stop);

/** Whether the program was told to end since the opening. */
int ff_styletransfer_is_told_to_end(const StyleStop *stop);

/** As ff_style_receive(); -EINTR: the program is told to end. */
int ff_styletransfer_receive(const StyleStop *stop, StyleEngine *engine,
                             StyleFrame *frame, int wait);

#endif /* AVFILTER_STYLETRANSFER_VF_STOP_H */
