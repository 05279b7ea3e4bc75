/*
 * Sums the mean and variance of each channel.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "moments.h"

/* FFmpeg's configure turns the vectoriser off for some versions of GCC; these loops are made for it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize")
#endif

/* Rows whose sums are in single precision, before they are added to the others in double. */
#define BLOCK 128
#define PART_BLOCKS 8 // of a part, which one thread sums up

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

/** Values of a part. */
static size_t part_values(int channels)
{
    return PART_BLOCKS * BLOCK * row_values((size_t)channels);
}

int ff_style_moments_parts(size_t pixels, int channels)
{
    const size_t values = part_values(channels);

    return (int)((pixels * (size_t)channels + values - 1) / values);
}

size_t ff_style_moments_sums(size_t pixels, int channels)
{
    return 2 * sizeof(double) * (size_t)channels * (size_t)ff_style_moments_parts(pixels, channels);
}

static void add_part(const Row *row, const float *from, size_t count, int channels, double *sums)
{
    const size_t block = BLOCK * row->values;

    memset(sums, 0, 2 * (size_t)channels * sizeof(*sums));
    for (size_t i = 0; i < count; i += block) {
        sum_rows(row, from + i, count - i < block ? count - i : block);
        collect(row, sums, sums + channels, (size_t)channels);
    }
}

void ff_style_add_moments(const float *image, size_t pixels, int channels, int first, int end,
                          double *sums, float *memory)
{
    const size_t each = (size_t)channels, values = row_values(each), count = pixels * each;
    const size_t part = part_values(channels);
    const Row row = {values, memory, memory + values, memory + 2 * values};

    memset(memory, 0, 2 * values * sizeof(*memory));
    for (size_t i = 0; i < values; i++)
        row.first[i] = image[i % each];
    for (int i = first; i < end; i++) {
        const size_t from = (size_t)i * part;

        add_part(&row, image + from, count - from < part ? count - from : part, channels,
                 sums + 2 * each * (size_t)i);
    }
}

void ff_style_join_parts(const float *image, size_t pixels, int channels, const double *sums,
                         double *mean, double *variance)
{
    const size_t each = (size_t)channels;
    const int parts = ff_style_moments_parts(pixels, channels);

    memset(mean, 0, each * sizeof(*mean));
    memset(variance, 0, each * sizeof(*variance));
    for (int part = 0; part < parts; part++, sums += 2 * each)
        for (size_t i = 0; i < each; i++) {
            mean[i] += sums[i];
            variance[i] += sums[each + i];
        }
    for (size_t i = 0; i < each; i++) {
        mean[i] /= (double)pixels;
        variance[i] = variance[i] / (double)pixels - mean[i] * mean[i];
        variance[i] = variance[i] < 0 ? 0 : variance[i];
        mean[i] += (double)image[i];
    }
}
