/*
 * Makes a network's values of RGB bytes, and bytes of its values.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "pixels.h"

/* FFmpeg's configure turns the vectoriser off for some versions of GCC; these loops are made for it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize")
#endif

/* Rows are worked on in blocks that stay in the first cache, in buffers that can't overlap. */
#define BLOCK_PIXELS 512
#define BLOCK (3 * BLOCK_PIXELS)

/** v = float * scale + offset, with v in [0,255]. */
typedef struct Scaling {
    float scale, offset;
} Scaling;

static Scaling scaling_of(StyleRange range)
{
    switch (range) {
    case FF_STYLE_RANGE_1:
        return (Scaling){255, 0};
    case FF_STYLE_RANGE_SIGNED:
        return (Scaling){127.5f, 127.5f};
    default:
        return (Scaling){1, 0};
    }
}

static void to_float(float *restrict out, const uint8_t *restrict in, size_t size, Scaling scaling)
{
    const float scale = 1 / scaling.scale, offset = -scaling.offset / scaling.scale;

    for (size_t i = 0; i < size; i++)
        out[i] = in[i] * scale + offset;
}

static void from_float(uint8_t *restrict out, const float *restrict in, size_t size,
                       Scaling scaling)
{
    for (size_t i = 0; i < size; i++) {
        float v = in[i] * scaling.scale + (scaling.offset + 0.5f);

        v = v > 0 ? v : 0; // also for a NaN
        v = v < 255 ? v : 255;
        out[i] = (uint8_t)(int)v;
    }
}

/** `share` of the painting, in 256ths; the sum of products stays below 2^16. */
static void blend(uint8_t *restrict out, const uint8_t *restrict source,
                  const uint8_t *restrict painting, unsigned share)
{
    const uint16_t of_painting = (uint16_t)share, of_source = (uint16_t)(256 - share);

    for (size_t i = 0; i < BLOCK; i++)
        out[i] =
            (uint8_t)((uint16_t)(source[i] * of_source + painting[i] * of_painting + 128) >> 8);
}

static int luma(const uint8_t *rgb) // BT.709, in 256ths
{
    return 54 * rgb[0] + 183 * rgb[1] + 19 * rgb[2];
}

static void take_colors(uint8_t *restrict out, const uint8_t *restrict source,
                        const uint8_t *restrict painting)
{
    int16_t lighter[BLOCK];

    for (size_t i = 0; i < BLOCK; i += 3) {
        const int difference = luma(painting + i) - luma(source + i);

        lighter[i] = lighter[i + 1] = lighter[i + 2] =
            (int16_t)((difference + 256 * 256 + 128) / 256 - 256); // rounds to the nearest
    }
    for (size_t i = 0; i < BLOCK; i++) {
        int16_t v = (int16_t)(source[i] + lighter[i]);

        v = v > 0 ? v : 0;
        out[i] = (uint8_t)(v < 255 ? v : 255);
    }
}

static uint8_t *destination(const StyleFrame *frame, int y)
{
    return frame->dst + y * frame->dst_stride;
}

static const uint8_t *source(const StyleFrame *frame, int y)
{
    return frame->src + y * frame->src_stride;
}

static inline void copy_units(const uint8_t *from, StyleAxis axis, size_t unit, uint8_t *to)
{
    for (size_t i = 0; i < axis.size; i++, from += axis.from, to += axis.to)
        memcpy(to, from, unit);
}

void ff_style_move(const uint8_t *from, const StyleAxis *axes, int nb_axes, size_t unit,
                   uint8_t *to)
{
    if (!nb_axes)
        memcpy(to, from, unit);
    else if (nb_axes > 1)
        for (size_t i = 0; i < axes->size; i++, from += axes->from, to += axes->to)
            ff_style_move(from, axes + 1, nb_axes - 1, unit, to);
    else if (unit == 3) // a pixel, or two, or a number: sizes that the compiler knows
        copy_units(from, *axes, 3, to);
    else if (unit == 6)
        copy_units(from, *axes, 6, to);
    else if (unit == 4)
        copy_units(from, *axes, 4, to);
    else if (unit == 8)
        copy_units(from, *axes, 8, to);
    else
        copy_units(from, *axes, unit, to);
}

void ff_style_copy_frame(const StyleFrame *frame)
{
    if (frame->dst == frame->src && frame->dst_stride == frame->src_stride)
        return;
    for (int y = 0; y < frame->height; y++)
        memcpy(destination(frame, y), source(frame, y), 3 * (size_t)frame->width);
}

void ff_style_read_frame(const StyleFrame *frame, void *image, StyleSample sample, StyleRange range)
{
    const size_t row = 3 * (size_t)frame->width;
    const Scaling scaling = scaling_of(range);

    for (int y = 0; y < frame->height; y++)
        if (sample == FF_STYLE_SAMPLE_FLOAT)
            to_float((float *)image + (size_t)y * row, source(frame, y), row, scaling);
        else
            memcpy((uint8_t *)image + (size_t)y * row, source(frame, y), row);
}

void ff_style_write_frame(const StyleFrame *frame, const void *image, StyleSample sample,
                          StyleRange range, double strength, StyleColors colors)
{
    const size_t row = 3 * (size_t)frame->width;
    const unsigned share = (unsigned)(strength * 256 + 0.5);
    const Scaling scaling = scaling_of(range);
    // Blocks are always whole for the loops; what lies beyond a row's end is never written out.
    uint8_t painting[BLOCK] = {0}, original[BLOCK] = {0}, mixed[BLOCK];

    for (int y = 0; y < frame->height; y++) {
        for (size_t x = 0, size; x < row; x += size) {
            const size_t position = (size_t)y * row + x;
            const uint8_t *result = painting;

            size = row - x < BLOCK ? row - x : BLOCK;
            if (sample == FF_STYLE_SAMPLE_FLOAT)
                from_float(painting, (const float *)image + position, size, scaling);
            else
                memcpy(painting, (const uint8_t *)image + position, size);
            if (colors == FF_STYLE_COLORS_CONTENT || share < 256)
                memcpy(original, source(frame, y) + x, size);
            if (colors == FF_STYLE_COLORS_CONTENT) {
                take_colors(mixed, original, painting);
                memcpy(painting, mixed, size);
            }
            if (share < 256) {
                blend(mixed, original, painting, share);
                result = mixed;
            }
            memcpy(destination(frame, y) + x, result, size);
        }
    }
}
