/*
 * Pictures scaled by Lanczos's filter, as Pillow does for training.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
