/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
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

/*
 * TensorFlow's start, without what it writes to stderr.
 */

#ifndef FF_STYLE_STDERR_H
#define FF_STYLE_STDERR_H

/** stderr while it is held back; only for the functions below. */
typedef struct StyleStderr {
    int real; ///< where stderr went, -1: it is not held back
    int held; ///< where it goes meanwhile
} StyleStderr;

/**
 * Sends what the whole process writes to stderr (file descriptor 2) into memory, on systems that have
 * memfd_create(); elsewhere, and when that fails, stderr stays as it is.
 */
StyleStderr ff_style_hold_stderr(void);

/** Gives stderr back, and writes what was held, except for lines of TensorFlow's own log. */
void ff_style_release_stderr(StyleStderr *state);

#endif
