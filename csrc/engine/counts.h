/*
 * How many frames are painted at a time, and by how many threads, where the user leaves it open.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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

/**
 * How many frames of `bytes` each are painted at a time, when the number is not the user's: as many as go into `most`
 * bytes, and half of them where they are large and all workers may still help. One at least.
 */
int ff_style_frames_that_fit(const StyleCounts *counts, int64_t bytes, int64_t most);

#endif
