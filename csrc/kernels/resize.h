/*
 * Pictures scaled by Lanczos's filter, as Pillow does for training.
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

#ifndef FF_STYLE_RESIZE_H
#define FF_STYLE_RESIZE_H

#include "../base/common.h"

/**
 * Scales an image of 8-bit RGB.
 *
 * @param stride bytes from one of its rows to the next
 * @param to     receives `to_width` x `to_height` pixels, rows without gaps
 * @return 0, or -ENOMEM after a message
 */
int ff_style_resize(const StyleContext *ctx, const uint8_t *pixels, ptrdiff_t stride, int width,
                    int height, uint8_t *to, int to_width, int to_height);

#endif
