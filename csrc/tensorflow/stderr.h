/*
 * TensorFlow's start, without what it writes to stderr.
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

#ifndef FF_STYLE_STDERR_H
#define FF_STYLE_STDERR_H

#include <stdio.h>

/** What was there before, only for the functions below. */
typedef struct StyleQuiet {
    FILE *stream;       ///< stderr; NULL: it stays as it is
    char **environment; ///< environ; NULL: it stays as it is
} StyleQuiet;

/**
 * From here on TensorFlow finds TF_CPP_MIN_LOG_LEVEL=3 in the environment, and lines of its log that are written
 * to the C library's stderr are dropped; all others go on as they are.
 *
 * File descriptor 2 stays what it is: a program that another thread starts meanwhile has its stderr. The
 * environment is another array with the same strings and one more, and both arrays stay: unlike setenv(), that
 * takes nothing away from a thread that is in getenv().
 */
StyleQuiet ff_style_be_quiet(void);

/** Ends what ff_style_be_quiet() began. */
void ff_style_be_loud(const StyleQuiet *before);

#endif
