/*
 * Halves a grey picture again and again.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "../base/pool.h"
#include "../kernels/processor.h"
#include "pyramid.h"

/* FFmpeg's configure turns the vectoriser off for some versions of GCC; these loops are made for it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize")
#endif

#define PADDING FF_STYLE_PADDING
#define SMALLEST 12 // side of the smallest picture worth a search
#define PART FF_STYLE_MIXED

static size_t plane_size(const StylePlane *plane)
{
    return (size_t)plane->stride * (size_t)(plane->height + 2 * PADDING);
}

/** Lays out the planes; their memory is missing. Returns its size. */
static size_t plan_levels(StylePyramid *pyramid, int width, int height)
{
    size_t size = 0;

    *pyramid = (StylePyramid){.width = width, .height = height};
    do {
        StylePlane *const plane = &pyramid->levels[pyramid->nb_levels++];

        width = (width + 1) / 2;
        height = (height + 1) / 2;
        *plane = (StylePlane){NULL, width + 2 * PADDING, width, height};
        size += plane_size(plane);
    } while (width >= 2 * SMALLEST && height >= 2 * SMALLEST &&
             pyramid->nb_levels < FF_STYLE_MAX_LEVELS);
    return size;
}

static void mix_part(uint8_t *restrict out, const uint8_t *restrict a, const uint8_t *restrict b)
{
    uint16_t sums[6 * PART];

    for (int i = 0; i < 6 * PART; i++)
        sums[i] = (uint16_t)(a[i] + b[i]);
    for (int x = 0; x < PART; x++)
        out[x] =
            (uint8_t)((sums[6 * x] + sums[6 * x + 3] + 2 * (sums[6 * x + 1] + sums[6 * x + 4]) +
                       sums[6 * x + 2] + sums[6 * x + 5] + 8) >>
                      4);
}

static StyleMix *choose_mix(void)
{
#if FF_STYLE_HAS_AVX
    if (ff_style_processor_vectors() != FF_STYLE_NO_VECTORS)
        return ff_style_mix_part_avx2;
#endif
    return mix_part;
}

static int open_pyramid(StylePyramid *pyramid, int width, int height)
{
    const size_t size = plan_levels(pyramid, width, height);
    uint8_t *memory = ff_style_take_block(size);

    if (!memory)
        return -ENOMEM;
    pyramid->memory = memory;
    pyramid->mix = choose_mix();
    for (int i = 0; i < pyramid->nb_levels; i++) {
        StylePlane *const plane = &pyramid->levels[i];

        plane->pixels = memory + PADDING * plane->stride + PADDING;
        memory += plane_size(plane);
    }
    return 0;
}

void ff_style_free_pyramid(StylePyramid *pyramid)
{
    if (pyramid->memory)
        ff_style_return_block(pyramid->memory);
    *pyramid = (StylePyramid){0};
}

static void pad(const StylePlane *plane)
{
    uint8_t *const first = plane->pixels - PADDING;
    uint8_t *const last = first + (plane->height - 1) * plane->stride;

    for (int y = 0; y < plane->height; y++) {
        uint8_t *const line = plane->pixels + y * plane->stride;

        memset(line - PADDING, line[0], PADDING);
        memset(line + plane->width, line[plane->width - 1], PADDING);
    }
    for (int y = 1; y <= PADDING; y++) {
        memcpy(first - y * plane->stride, first, (size_t)plane->stride);
        memcpy(last + y * plane->stride, last, (size_t)plane->stride);
    }
}

static void mix_line(StyleMix *mix, uint8_t *out, const uint8_t *a, const uint8_t *b, int width)
{
    uint8_t ends[2][6 * PART], part[PART];
    int x = 0;

    for (; x + 2 * PART <= width; x += 2 * PART, out += PART)
        mix(out, a + 3 * x, b + 3 * x);
    if (x == width)
        return;
    memset(ends, 0, sizeof(ends));
    memcpy(ends[0], a + 3 * x, 3 * (size_t)(width - x));
    memcpy(ends[1], b + 3 * x, 3 * (size_t)(width - x));
    if (width % 2) // the last pixel stands for the one beside it too
        for (int i = 0; i < 2; i++)
            memcpy(ends[i] + 3 * (width - x), ends[i] + 3 * (width - x - 1), 3);
    mix(part, ends[0], ends[1]);
    memcpy(out, part, (size_t)(width - x + 1) / 2);
}

static void halve_line(uint8_t *restrict out, const uint8_t *restrict a, const uint8_t *restrict b,
                       int width)
{
    for (int x = 0; x < width; x++)
        out[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2);
}

static void fill_pyramid(const StylePyramid *pyramid, const uint8_t *rgb, ptrdiff_t stride)
{
    const StylePlane *plane = pyramid->levels;

    for (int y = 0; y < plane->height; y++) {
        const uint8_t *const line = rgb + 2 * y * stride;

        mix_line(pyramid->mix, plane->pixels + y * plane->stride, line,
                 2 * y + 1 < pyramid->height ? line + stride : line, pyramid->width);
    }
    pad(plane);
    for (int i = 1; i < pyramid->nb_levels; i++) {
        const StylePlane *const larger = plane++;

        for (int y = 0; y < plane->height; y++) {
            const uint8_t *const line = larger->pixels + 2 * y * larger->stride;

            halve_line(plane->pixels + y * plane->stride, line, line + larger->stride,
                       plane->width);
        }
        pad(plane);
    }
}

int ff_style_make_pyramid(StylePyramid *pyramid, const uint8_t *rgb, ptrdiff_t stride, int width,
                          int height)
{
    if (!pyramid->memory || pyramid->width != width || pyramid->height != height) {
        ff_style_free_pyramid(pyramid);
        if (open_pyramid(pyramid, width, height) < 0) {
            *pyramid = (StylePyramid){0};
            return -ENOMEM;
        }
    }
    fill_pyramid(pyramid, rgb, stride);
    return 0;
}
