/*
 * A style, or a mix of styles, as a user writes it.
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

#ifndef FF_STYLE_MIX_H
#define FF_STYLE_MIX_H

#include "../base/common.h"

/**
 * Reads "wave", "1" or "wave:0.7+scream:0.3"; see ff_style_set_style().
 *
 * @param names   of the `count` styles
 * @param weights receives `count` weights with a sum of 1; what it holds after an error is undefined
 * @return 0, or -EINVAL after a message
 */
int ff_style_read_mix(const StyleContext *ctx, const char *text, const char *const *names,
                      int count, float *weights);

#endif
