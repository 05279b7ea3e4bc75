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

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "norm.h"

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
    float *sums, *squares, *scale, *offset;
    float *first; ///< values of the image: differences from them lose less than what is far from 0
} Row;

#define INLINE static inline __attribute__((always_inline))

INLINE void sum_rows(const Row *row, const float *restrict from, size_t count)
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

/** `to` may be `from`: each value is read before it is written, and by nobody else. */
INLINE void apply_rows(const Row *row, const float *from, float *to, const float *restrict added,
                       size_t count, float floor)
{
    const float *restrict scale = row->scale, *restrict offset = row->offset;

    while (count) {
        const size_t size = count < row->values ? count : row->values;

        for (size_t i = 0; i < size; i++) {
            const float value = from[i] * scale[i] + offset[i];

            to[i] = (value < floor ? floor : value) + (added ? added[i] : 0);
        }
        from += size;
        to += size;
        added = added ? added + size : NULL;
        count -= size;
    }
}

/** Adds the sums of the row to those of the channels, and begins anew. */
static void collect(const Row *row, double *sums, double *squares, size_t channels)
{
    for (size_t i = 0; i < row->values; i++) {
        sums[i % channels] += (double)row->sums[i];
        squares[i % channels] += (double)row->squares[i];
        row->sums[i] = row->squares[i] = 0;
    }
}

static void find_affine(const StyleNormalise *job, const Row *row, const double *sums,
                        const double *squares)
{
    const size_t channels = (size_t)job->channels;

    for (size_t i = 0; i < channels; i++) {
        const double difference = sums[i] / (double)job->pixels;
        const double variance = squares[i] / (double)job->pixels - difference * difference;
        const double mean = (double)row->first[i] + difference;
        const double scale = (double)job->norm.gamma[i] /
                             sqrt((variance > 0 ? variance : 0) + (double)job->norm.epsilon);

        for (size_t j = i; j < row->values; j += channels) {
            row->scale[j] = (float)scale;
            row->offset[j] = (float)((double)job->norm.beta[i] - mean * scale);
        }
    }
}

INLINE void normalise(const StyleNormalise *job, const Row *row, double *sums, double *squares)
{
    const size_t channels = (size_t)job->channels, count = job->pixels * channels;
    const size_t block = BLOCK * row->values;

    for (size_t i = 0; i < row->values; i++)
        row->first[i] = job->input[i % channels];
    for (size_t i = 0; i < count; i += block) {
        sum_rows(row, job->input + i, count - i < block ? count - i : block);
        collect(row, sums, squares, channels);
    }
    find_affine(job, row, sums, squares);
    if (job->added)
        apply_rows(row, job->input, job->output, job->added, count, job->relu ? 0 : -INFINITY);
    else
        apply_rows(row, job->input, job->output, NULL, count, job->relu ? 0 : -INFINITY);
}

/* The same for each kind of processor that has longer vectors than the compiler was told of. */

static void normalise_anywhere(const StyleNormalise *job, const Row *row, double *sums,
                               double *squares)
{
    normalise(job, row, sums, squares);
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma"))) static void
normalise_avx2(const StyleNormalise *job, const Row *row, double *sums, double *squares)
{
    normalise(job, row, sums, squares);
}

__attribute__((target("avx512f"))) static void
normalise_avx512(const StyleNormalise *job, const Row *row, double *sums, double *squares)
{
    normalise(job, row, sums, squares);
}

static void normalise_here(const StyleNormalise *job, const Row *row, double *sums, double *squares)
{
    if (__builtin_cpu_supports("avx512f"))
        normalise_avx512(job, row, sums, squares);
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        normalise_avx2(job, row, sums, squares);
    else
        normalise_anywhere(job, row, sums, squares);
}
#else
#define normalise_here normalise_anywhere
#endif

int ff_style_normalise(const StyleNormalise *job)
{
    const size_t channels = (size_t)job->channels;
    const size_t pixels = (ROW_VALUES + channels - 1) / channels;
    Row row = {.values = pixels * channels};
    double *const sums = calloc(2 * channels, sizeof(*sums));

    row.sums = calloc(5 * row.values, sizeof(*row.sums));
    if (sums && row.sums) {
        row.squares = row.sums + row.values;
        row.scale = row.squares + row.values;
        row.offset = row.scale + row.values;
        row.first = row.offset + row.values;
        normalise_here(job, &row, sums, sums + channels);
    }
    free(sums);
    free(row.sums);
    return sums && row.sums ? 0 : -ENOMEM;
}
