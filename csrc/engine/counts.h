/*
 * How many frames are painted at a time, and by how many threads, where the user leaves it open.
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

#ifndef FF_STYLE_COUNTS_H
#define FF_STYLE_COUNTS_H

#include "../styletransfer.h"

typedef struct StyleCounts {
    int requests; ///< frames painted at a time
    int threads;  ///< most that paint one of them; of TensorFlow, for each operation
    int workers;  ///< threads of the engine
} StyleCounts;

/**
 * What a machine of so many processors is to do.
 *
 * A plan has a thread for each processor, and those that have no frame of their own help with others': for the most
 * frames a second as many frames are painted at a time as there are threads, and for the shortest delay one.
 * TensorFlow has threads of its own, and those that share an operation wait for each other 400 times in a frame.
 */
StyleCounts ff_style_choose_counts(const StyleSettings *settings, int has_plan, int processors);

/** How many of `requests` frames of `bytes` each go into `most` bytes, when the number is not the user's: one at least. */
int ff_style_frames_that_fit(int requests, int64_t bytes, int64_t most);

#endif
