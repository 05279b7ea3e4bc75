/*
 * Scales pictures: first by whole numbers where they are far too large, then by Lanczos's filter.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <math.h>

#include "resize.h"

#define PI 3.14159265358979323846
#define REACH 3 // of the filter, in pixels of the smaller picture

/* The least factor that is left for the filter, so that what comes before it is not seen. */
#define LEFT 3

/** What each pixel along one axis is made of. */
typedef struct Axis {
    int most;       ///< weights that there is room for, of each
    int *first;     ///< the first pixel that is looked at
    int *count;     ///< how many are
    float *weights; ///< of them, with a sum of 1
} Axis;

static double lanczos(double x)
{
    if (fabs(x) >= REACH)
        return 0;
    return fabs(x) < 1e-9 ? 1 : REACH * sin(PI * x) * sin(PI * x / REACH) / (PI * PI * x * x);
}

static void weigh(Axis *axis, int from, double scale, int place)
{
    const double wide = scale > 1 ? scale : 1, center = (place + 0.5) * scale;
    const double low = center - REACH * wide + 0.5, high = center + REACH * wide + 0.5;
    const int first = low > 0 ? (int)low : 0, end = high < from ? (int)high : from;
    float *const weights = axis->weights + (size_t)place * (size_t)axis->most;
    double sum = 0;

    axis->first[place] = first;
    axis->count[place] = end - first;
    for (int i = first; i < end; i++)
        sum += lanczos((i - center + 0.5) / wide);
    for (int i = first; i < end; i++)
        weights[i - first] = (float)(lanczos((i - center + 0.5) / wide) / sum);
}

static int open_axis(const StyleContext *ctx, int from, int to, Axis *axis)
{
    const double scale = (double)from / to;

    axis->most = 2 * (int)ceil(REACH * (scale > 1 ? scale : 1)) + 1;
    if (!(axis->first = ff_style_alloc(ctx, (size_t)to * sizeof(int))) ||
        !(axis->count = ff_style_alloc(ctx, (size_t)to * sizeof(int))) ||
        !(axis->weights = ff_style_alloc(ctx, (size_t)to * (size_t)axis->most * sizeof(float))))
        return -ENOMEM;
    for (int i = 0; i < to; i++)
        weigh(axis, from, scale, i);
    return 0;
}

static void close_axis(const StyleContext *ctx, Axis *axis)
{
    ff_style_free(ctx, axis->first);
    ff_style_free(ctx, axis->count);
    ff_style_free(ctx, axis->weights);
}

/** Of a row, its pixels in floats. */
static void filter_row(const Axis *axis, const uint8_t *row, int width, float *to)
{
    for (int x = 0; x < width; x++, to += 3) {
        const float *const weights = axis->weights + (size_t)x * (size_t)axis->most;
        const uint8_t *from = row + 3 * axis->first[x];

        to[0] = to[1] = to[2] = 0;
        for (int i = 0; i < axis->count[x]; i++, from += 3)
            for (int c = 0; c < 3; c++)
                to[c] += weights[i] * (float)from[c];
    }
}

static void filter_columns(const Axis *axis, const float *rows, int values, int height, uint8_t *to)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < values; x++) {
            const float *const weights = axis->weights + (size_t)y * (size_t)axis->most;
            const float *from = rows + (size_t)axis->first[y] * (size_t)values + x;
            float sum = 0.5f;

            for (int i = 0; i < axis->count[y]; i++, from += values)
                sum += weights[i] * *from;
            *to++ = (uint8_t)(sum > 0 ? sum < 255 ? sum : 255 : 0);
        }
}

static int filter(const StyleContext *ctx, const uint8_t *pixels, ptrdiff_t stride, int width,
                  int height, uint8_t *to, int to_width, int to_height)
{
    const size_t values = 3 * (size_t)to_width;
    float *const rows = ff_style_alloc(ctx, (size_t)height * values * sizeof(*rows));
    Axis across = {0}, down = {0};
    int ret = rows ? 0 : -ENOMEM;

    if (ret >= 0 && (ret = open_axis(ctx, width, to_width, &across)) >= 0 &&
        (ret = open_axis(ctx, height, to_height, &down)) >= 0) {
        for (int y = 0; y < height; y++)
            filter_row(&across, pixels + y * stride, to_width, rows + (size_t)y * values);
        filter_columns(&down, rows, (int)values, to_height, to);
    }
    close_axis(ctx, &across);
    close_axis(ctx, &down);
    ff_style_free(ctx, rows);
    return ret;
}

/** Means of squares; those at the right and the lower end may be of fewer pixels. */
static void reduce(const uint8_t *pixels, ptrdiff_t stride, int width, int height, int factor,
                   uint8_t *to)
{
    for (int y = 0; y < height; y += factor)
        for (int x = 0; x < width; x += factor) {
            const int rows = height - y < factor ? height - y : factor;
            const int columns = width - x < factor ? width - x : factor;
            const unsigned count = (unsigned)(rows * columns);
            unsigned sums[3] = {0};

            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                    for (int c = 0; c < 3; c++)
                        sums[c] += pixels[(y + i) * stride + 3 * (x + j) + c];
            for (int c = 0; c < 3; c++)
                *to++ = (uint8_t)((sums[c] + count / 2) / count);
        }
}

int ff_style_resize(const StyleContext *ctx, const uint8_t *pixels, ptrdiff_t stride, int width,
                    int height, uint8_t *to, int to_width, int to_height)
{
    const int across = width / to_width / LEFT, down = height / to_height / LEFT;
    const int factor = across < down ? across : down;
    const int small_width = factor > 1 ? (width + factor - 1) / factor : 0;
    const int small_height = factor > 1 ? (height + factor - 1) / factor : 0;
    uint8_t *small;
    int ret;

    if (factor < 2)
        return filter(ctx, pixels, stride, width, height, to, to_width, to_height);
    if (!(small = ff_style_alloc(ctx, 3 * (size_t)small_width * (size_t)small_height)))
        return -ENOMEM;
    reduce(pixels, stride, width, height, factor, small);
    ret = filter(ctx, small, 3 * small_width, small_width, small_height, to, to_width, to_height);
    ff_style_free(ctx, small);
    return ret;
}
