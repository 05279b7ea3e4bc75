/*
 * Keeps a painting, with a border, to be looked up between its pixels.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "../base/pool.h"
#include "painting.h"

#define TAPS FF_STYLE_TAPS
#define BEFORE FF_STYLE_TAPS_BEFORE
#define PADDING FF_STYLE_HELD_PADDING
#define SLACK 32 // bytes behind the last line that vectors read
#define SCALE FF_STYLE_TAPS_SCALE

/** The cubic of Catmull and Rom at a distance from the pixel. */
static double cubic(double x)
{
    x = fabs(x);
    return x < 1 ? 1 + x * x * (1.5 * x - 2.5) : x < 2 ? 2 + x * (x * (2.5 - 0.5 * x) - 4) : 0;
}

void ff_style_make_filters(StyleFilters *filters)
{
    for (int i = 0; i < FF_STYLE_SUBPIXELS; i++) {
        const double phase = (double)i / FF_STYLE_SUBPIXELS;
        int16_t *const taps = filters->taps[i];
        int sum = 0;

        for (int j = 0; j < TAPS; j++) {
            taps[j] = (int16_t)lrint(cubic(j - BEFORE - phase) * SCALE);
            sum += taps[j];
        }
        taps[phase < 0.5 ? BEFORE : BEFORE + 1] += (int16_t)(SCALE - sum);
    }
}

int ff_style_open_painting(StylePainting *painting, int width, int height)
{
    const ptrdiff_t stride = 3 * (width + 2 * PADDING);
    uint8_t *const memory =
        ff_style_take_block((size_t)stride * (size_t)(height + 2 * PADDING) + SLACK);

    *painting = (StylePainting){NULL, stride, width, height, memory};
    if (!memory)
        return -ENOMEM;
    painting->pixels = memory + PADDING * stride + 3 * PADDING;
    return 0;
}

void ff_style_close_painting(StylePainting *painting)
{
    if (painting->memory)
        ff_style_return_block(painting->memory);
    *painting = (StylePainting){0};
}

/** Repeats a line with its ends above it, or below. */
static void repeat_line(const StylePainting *painting, int y, int step)
{
    uint8_t *const line = painting->pixels + y * painting->stride - 3 * PADDING;

    for (int i = 1; i <= PADDING; i++)
        memcpy(line + i * step * painting->stride, line, (size_t)painting->stride);
}

void ff_style_pad_lines(const StylePainting *painting, int first, int count)
{
    for (int y = first; y < first + count; y++) {
        uint8_t *const line = painting->pixels + y * painting->stride;
        uint8_t *const end = line + 3 * painting->width;

        for (int i = 0; i < PADDING; i++) {
            memcpy(line - 3 * PADDING + 3 * i, line, 3);
            memcpy(end + 3 * i, end - 3, 3);
        }
    }
    if (first == 0)
        repeat_line(painting, 0, -1);
    if (first + count == painting->height)
        repeat_line(painting, painting->height - 1, 1);
}

void ff_style_keep_painting(const StylePainting *kept, const uint8_t *painting, ptrdiff_t stride)
{
    for (int y = 0; y < kept->height; y++)
        memcpy(kept->pixels + y * kept->stride, painting + y * stride, 3 * (size_t)kept->width);
    ff_style_pad_lines(kept, 0, kept->height);
}
