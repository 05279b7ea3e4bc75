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

/*
 * What the files behind style_conv.h share. style_conv.c brings the input's rows to where they are
 * multiplied; style_conv_bf16.c multiplies them on the matrix unit, style_conv_fp32.c on the vector unit.
 */

#ifndef FF_STYLE_CONV_PARTS_H
#define FF_STYLE_CONV_PARTS_H

#include "style_conv.h"

#define TILE 16       // pixels or filters of one of the matrix unit's tiles; values of a vector
#define SUMS 24       // vectors of floats that are summed up at a time; there are 32 registers
#define COLOURS 3     // filters of a network's last convolution
#define CHUNK 32      // values of a row that the matrix unit takes at a time
#define LINE_BYTES 64 // of the cache

/**
 * The kernels that multiply rows of the input.
 *
 * A transposed one of stride 2 becomes four, one for each phase of the output's rows and columns: the even
 * ones and the odd ones. Few filters don't fill the matrix unit, and it gets those of two phases of the
 * columns together, of other convolutions too where both find room in what is read anyway.
 */
typedef struct ConvPlan {
    int row_phases, column_phases;
    int together;                      ///< phases of columns that are multiplied at a time
    int folded;                        ///< these read the same values, each its own part of them
    int rows, columns;                 ///< of one kernel
    int chunk, chunks;                 ///< values of a chunk; chunks of the columns of one row
    int group;                         ///< filters that are packed side by side
    int run;                           ///< values of one of them that are packed side by side
    int row_step, column_step;         ///< of the input, from an output of a phase to the next
    int first_row[2], first_column[2]; ///< of the input that output 0 of each phase reads
} ConvPlan;

/**
 * The rows of the input that the kernel reads next, in turn in as many places; in the kernel's type, with
 * zeros around.
 */
typedef struct ConvWindow {
    uint8_t *lines;
    const uint8_t **rows; ///< what the kernel reads
    size_t line;          ///< bytes
    ptrdiff_t pitch;      ///< bytes from a pixel of the output to the next of its phase
    int capacity, loaded; ///< `loaded`: the next row to come
} ConvWindow;

/** What of the input comes next: it is fetched while the window is multiplied, a share with each step. */
typedef struct ConvAhead {
    const uint8_t *next, *end;
    ptrdiff_t share;
} ConvAhead;

/** A StyleAffine as vectors of 16 channels, as many as it takes until they repeat. */
typedef struct ConvAffine {
    const StyleAffine *affine;
    float *scale, *offset;
    int vectors;
    int phase; ///< channel that the first vector begins with
} ConvAffine;

/** What ff_style_conv() works with. */
typedef struct ConvWork {
    const StyleConv *conv;
    ConvPlan plan;
    int width; ///< of the output, for its first phase
    ConvWindow window;
    ConvAhead ahead;
    ConvAffine affine;
    double *sums, *squares; ///< of the output by filter; NULL: nobody asks
    float *pivots;          ///< what is subtracted before
    void *memory;
} ConvWork;

/** Values of a packed kernel for a group of filters. */
static inline size_t packed_step(const ConvPlan *plan)
{
    return (size_t)plan->rows * (size_t)plan->chunks * (size_t)plan->chunk * (size_t)plan->group;
}

/** Values of the input from where the first phase's kernel begins to read to where this one's does. */
static inline int column_shift(const ConvPlan *plan, int phase, int channels)
{
    return (plan->first_column[phase] - plan->first_column[0]) * channels;
}

/** Values of the output from a pixel to the next of its phase. */
static inline size_t output_step(const ConvWork *w)
{
    return (size_t)w->plan.column_phases * (size_t)w->conv->kernel.filters;
}

#if FF_STYLE_HAS_CONV

#include <immintrin.h>

#define VECTORS __attribute__((target("avx512f,avx512bw,avx512vl")))
#define VECTORS_INLINE __attribute__((target("avx512f,avx512bw,avx512vl"), always_inline)) inline

/** The first lanes of a vector; all, when there are more values than that. */
static VECTORS_INLINE __mmask16 lanes(ptrdiff_t count)
{
    return count >= 16 ? 0xffff : count > 0 ? (__mmask16)((1u << count) - 1) : 0;
}

/** 16 values of bfloat16. */
static VECTORS_INLINE __m512 to_float(__m256i values)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}

/** Only where there is bfloat16; not the intrinsic, which functions without it can't have. */
static VECTORS_INLINE __m256i to_bfloat16(__m512 values)
{
    __m256i rounded;

    __asm__("vcvtneps2bf16 %1, %0" : "=v"(rounded) : "v"(values));
    return rounded;
}

static VECTORS_INLINE __m512 load(const void *data, StyleType type, size_t i, __mmask16 mask)
{
    if (type == FF_STYLE_FLOAT)
        return _mm512_maskz_loadu_ps(mask, (const float *)data + i);
    if (type == FF_STYLE_UINT8)
        return _mm512_cvtepi32_ps(
            _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, (const uint8_t *)data + i)));
    return to_float(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)data + i));
}

static VECTORS_INLINE void store(void *data, StyleType type, size_t i, __mmask16 mask, __m512 value)
{
    if (type == FF_STYLE_FLOAT)
        _mm512_mask_storeu_ps((float *)data + i, mask, value);
    else
        _mm256_mask_storeu_epi16((uint16_t *)data + i, mask, to_bfloat16(value));
}

/** Into the second cache: the first is full of what is being multiplied. */
static VECTORS_INLINE void fetch_ahead(ConvAhead *ahead)
{
    const uint8_t *const end =
        ahead->end - ahead->next > ahead->share ? ahead->next + ahead->share : ahead->end;

    for (; ahead->next < end; ahead->next += LINE_BYTES)
        _mm_prefetch((const char *)ahead->next, _MM_HINT_T1);
}

/**
 * Sums over a row of what was written, for 16 filters: of the difference from a value that the image has,
 * which loses less than what is far from 0.
 */
typedef struct Moments {
    __m512 sum, square, pivot;
} Moments;

static VECTORS_INLINE Moments begin_moments(const ConvWork *w, int filter)
{
    const __m512 zero = _mm512_setzero_ps();

    return (Moments){zero, zero, w->pivots ? _mm512_loadu_ps(w->pivots + filter) : zero};
}

/** The same with the image's first pixel, which becomes the pivot. */
static VECTORS_INLINE Moments begin_image(const ConvWork *w, int filter, __m512 pixel)
{
    if (w->pivots)
        _mm512_storeu_ps(w->pivots + filter, pixel);
    return begin_moments(w, filter);
}

static VECTORS_INLINE void take_moments(__m512 value, __mmask16 mask, Moments *moments)
{
    const __m512 difference = _mm512_maskz_sub_ps(mask, value, moments->pivot);

    moments->sum = _mm512_add_ps(moments->sum, difference);
    moments->square = _mm512_fmadd_ps(difference, difference, moments->square);
}

static inline VECTORS void add_moments(const ConvWork *w, int filter, const Moments *moments)
{
    float sum[TILE], square[TILE];

    if (!w->sums)
        return;
    _mm512_storeu_ps(sum, moments->sum);
    _mm512_storeu_ps(square, moments->square);
    for (int i = 0; i < TILE; i++) {
        w->sums[filter + i] += (double)sum[i];
        w->squares[filter + i] += (double)square[i];
    }
}

/** How the matrix unit's tiles are laid out, as LDTILECFG reads it. */
typedef struct TileConfig {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TileConfig;

/** Takes the matrix unit from whoever has it in this thread. */
void ff_style_take_matrices(TileConfig *before);

/** Gives it back. */
void ff_style_return_matrices(const TileConfig *before);

/**
 * Multiplies the window's rows into a row of the output: the pixels of one phase, or of those that are
 * taken together.
 *
 * @param kernel of the first of these phases
 * @param to     number of the row's first value in the output
 */
void ff_style_multiply_bf16(ConvWork *w, const uint16_t *kernel, size_t to);
void ff_style_multiply_fp32(ConvWork *w, const float *kernel, size_t to);

#endif

#endif
