/*
 * Sums the mean and variance of each channel.
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

#include <string.h>

#include "moments.h"

/* FFmpeg's configure turns the vectoriser off for some versions of GCC; these loops are made for it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize")
#endif

/* Rows whose sums are in single precision, before they are added to the others in double. */
#define BLOCK 128

/** As many pixels as it takes for the loops to be worth it: a row of values of known channels. */
#define ROW_VALUES 64

/** What the loops work with: arrays of `values`, in which the channels repeat. */
typedef struct Row {
    size_t values;
    float *sums, *squares;
    float *first; ///< values of the image: differences from them lose less than what is far from 0
} Row;

#define INLINE static inline __attribute__((always_inline))

INLINE void add_rows(const Row *row, const float *restrict from, size_t count)
{
    float *restrict sums = row->sums, *restrict squares = row->squares;
    const float *restrict first = row->first;

    while (count) {
        const size_t size = count < row->values ? count : row->values;

        for (size_t i = 0; i < size; i++) {
            const float difference = from[i] - first[i];

            sums[i] += difference;
            squares[i] += difference * difference;
        }
        from += size;
        count -= size;
    }
}

/* The same for each kind of processor that has longer vectors than the compiler was told of. */

static void sum_anywhere(const Row *row, const float *from, size_t count)
{
    add_rows(row, from, count);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma"))) static void sum_avx2(const Row *row, const float *from,
                                                         size_t count)
{
    add_rows(row, from, count);
}

static void sum_rows(const Row *row, const float *from, size_t count)
{
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        sum_avx2(row, from, count);
    else
        sum_anywhere(row, from, count);
}
#else
#define sum_rows sum_anywhere
#endif

/** Adds the sums of the row to those of the channels, and begins anew. */
static void collect(const Row *row, double *sums, double *squares, size_t channels)
{
    for (size_t i = 0; i < row->values; i++) {
        sums[i % channels] += (double)row->sums[i];
        squares[i % channels] += (double)row->squares[i];
        row->sums[i] = row->squares[i] = 0;
    }
}

static size_t row_values(size_t channels)
{
    return (ROW_VALUES + channels - 1) / channels * channels;
}

size_t ff_style_moments_memory(int channels)
{
    return 3 * sizeof(float) * row_values((size_t)channels);
}

void ff_style_find_moments(const float *image, size_t pixels, int channels, double *mean,
                           double *variance, float *memory)
{
    const size_t each = (size_t)channels, values = row_values(each), count = pixels * each;
    const Row row = {values, memory, memory + values, memory + 2 * values};

    memset(memory, 0, 2 * values * sizeof(*memory));
    memset(mean, 0, each * sizeof(*mean));
    memset(variance, 0, each * sizeof(*variance));
    for (size_t i = 0; i < values; i++)
        row.first[i] = image[i % each];
    for (size_t i = 0; i < count; i += BLOCK * values) {
        sum_rows(&row, image + i, count - i < BLOCK * values ? count - i : BLOCK * values);
        collect(&row, mean, variance, each);
    }
    for (size_t i = 0; i < each; i++) {
        mean[i] /= (double)pixels;
        variance[i] = variance[i] / (double)pixels - mean[i] * mean[i];
        variance[i] = variance[i] < 0 ? 0 : variance[i];
        mean[i] += (double)row.first[i];
    }
}
