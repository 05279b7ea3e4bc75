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

#include "style_conv_parts.h"

#if FF_STYLE_HAS_CONV

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 24")
#endif

#define AHEAD 4 // vectors
#define BASE 8  // pixels whose places are told from one pointer

/**
 * One value of each pixel times those of its filters, one vector of them or two. `at` points to every eighth
 * pixel.
 */
static VECTORS_INLINE void multiply_value(const uint8_t *const *at, const ptrdiff_t *offsets,
                                          const float *left, const float *right, int vectors,
                                          __m512 *sums)
{
    const __m512 first = _mm512_loadu_ps(left), second = _mm512_loadu_ps(right);

    // A kernel is larger than the first cache, and the processor alone fetches it too late.
    _mm_prefetch((const char *)(left + AHEAD * TILE), _MM_HINT_T0);
    _mm_prefetch((const char *)(right + AHEAD * TILE), _MM_HINT_T0);
    UNROLL for (int i = 0; i < SUMS; i += vectors)
    {
        const int pixel = i / vectors;
        const void *const value = at[pixel / BASE] + offsets[pixel % BASE];
        const __m512 values = _mm512_set1_ps(*(const float *)value);

        sums[i] = _mm512_fmadd_ps(values, first, sums[i]);
        if (vectors > 1)
            sums[i + 1] = _mm512_fmadd_ps(values, second, sums[i + 1]);
    }
}

static VECTORS_INLINE void multiply_pixels(ConvWork *w, const float *kernel, int x, int vectors,
                                           __m512 *sums)
{
    const float *left = kernel, *right = kernel + (vectors > 1 ? packed_step(&w->plan) : 0);
    const ptrdiff_t pitch = w->window.pitch;
    ptrdiff_t offsets[BASE];

    UNROLL for (int i = 0; i < SUMS; i++) sums[i] = _mm512_setzero_ps();
    UNROLL for (int i = 0; i < BASE; i++) offsets[i] = i * pitch;
    for (int y = 0; y < w->plan.rows; y++) {
        const uint8_t *const row = w->window.rows[y] + x * pitch;
        const uint8_t *at[] = {row, row + BASE * pitch, row + 2 * BASE * pitch};

        fetch_ahead(&w->ahead);
        for (int i = 0; i < w->plan.chunks; i++, left += TILE, right += TILE) {
            multiply_value(at, offsets, left, right, vectors, sums);
            UNROLL for (int j = 0; j < SUMS / BASE; j++) at[j] += sizeof(float);
        }
    }
}

/** 16 or, in two vectors, 32 filters of a row; those that there are not are masked. */
static VECTORS_INLINE void multiply_filters(ConvWork *w, const float *kernel, size_t to, int filter,
                                            int vectors)
{
    const __mmask16 mask = lanes(w->conv->kernel.filters - filter);
    const size_t step = output_step(w);
    Moments moments[2];

    UNROLL for (int i = 0; i < vectors; i++) moments[i] = begin_moments(w, filter + i * TILE);
    for (int x = 0; x < w->width; x += SUMS / vectors) {
        __m512 sums[SUMS];

        multiply_pixels(w, kernel, x, vectors, sums);
        if (!x && to == (size_t)filter)
            UNROLL for (int i = 0; i < vectors; i++) moments[i] =
                begin_image(w, filter + i * TILE, sums[i]);
        UNROLL for (int i = 0; i < SUMS; i++)
        {
            if (x + i / vectors < w->width) {
                store(w->conv->output.data, w->conv->output.type,
                      to + (size_t)(x + i / vectors) * step + (size_t)(i % vectors * TILE), mask,
                      sums[i]);
                take_moments(sums[i], mask, &moments[i % vectors]);
            }
        }
    }
    UNROLL for (int i = 0; i < vectors; i++) add_moments(w, filter + i * TILE, &moments[i]);
}

/** 16 channels of each pixel times those of the three filters. */
static VECTORS_INLINE void multiply_channels(const uint8_t *pixel, const ptrdiff_t *offsets,
                                             const float *kernel, __m512 *sums)
{
    const __m512 colours[] = {_mm512_loadu_ps(kernel), _mm512_loadu_ps(kernel + TILE),
                              _mm512_loadu_ps(kernel + 2 * TILE)};

    UNROLL for (int i = 0; i < SUMS / COLOURS; i++)
    {
        __m512 values = _mm512_loadu_ps(pixel + offsets[i]);

        // The compiler would load it for each colour, and loads are what this waits for.
        __asm__("" : "+v"(values));
        UNROLL for (int j = 0; j < COLOURS; j++) sums[COLOURS * i + j] =
            _mm512_fmadd_ps(values, colours[j], sums[COLOURS * i + j]);
    }
}

/** The sums of four vectors, one behind the other; in each quarter, of the vectors' same quarter. */
static VECTORS_INLINE __m512 sum_quarters(const __m512 *v)
{
    const __m512 left =
        _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
    const __m512 right =
        _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
    const __m512d a = _mm512_castps_pd(left), b = _mm512_castps_pd(right);

    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)),
                         _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
}

/** The sums of 16 vectors. */
static VECTORS_INLINE __m512 sum_vectors(const __m512 *v)
{
    const __m512 a = sum_quarters(v), b = sum_quarters(v + 4);
    const __m512 c = sum_quarters(v + 8), d = sum_quarters(v + 12);
    const __m512 left =
        _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    const __m512 right =
        _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));

    return _mm512_add_ps(_mm512_shuffle_f32x4(left, right, 0x88),
                         _mm512_shuffle_f32x4(left, right, 0xdd));
}

/** Writes the first `count` sums, of each pixel in its colours, and adds them up for a norm. */
static VECTORS_INLINE void store_colours(const ConvWork *w, size_t to, int count,
                                         const __m512 *sums)
{
    float values[SUMS];

    _mm512_storeu_ps(values, sum_vectors(sums));
    _mm512_storeu_ps(values + SUMS - TILE, sum_vectors(sums + SUMS - TILE));
    for (int i = 0; i < count; i += TILE)
        store(w->conv->output.data, w->conv->output.type, to + (size_t)i, lanes(count - i),
              _mm512_maskz_loadu_ps(lanes(SUMS - i), values + i));
    for (int i = 0; i < count && w->sums; i++) {
        double difference;

        if (to + (size_t)i < COLOURS)
            w->pivots[i] = values[i];
        difference = (double)values[i] - (double)w->pivots[i % COLOURS];
        w->sums[i % COLOURS] += difference;
        w->squares[i % COLOURS] += difference * difference;
    }
}

/** Pixels of three filters: in vectors of channels, summed up at the end. */
static VECTORS_INLINE void multiply_colours(ConvWork *w, const float *kernel, size_t to)
{
    const ptrdiff_t pitch = w->window.pitch;
    const int pixels = SUMS / COLOURS;
    ptrdiff_t offsets[SUMS / COLOURS];

    UNROLL for (int i = 0; i < pixels; i++) offsets[i] = i * pitch;
    for (int x = 0; x < w->width; x += pixels) {
        const int count = COLOURS * (w->width - x < pixels ? w->width - x : pixels);
        const float *next = kernel;
        __m512 sums[SUMS];

        UNROLL for (int i = 0; i < SUMS; i++) sums[i] = _mm512_setzero_ps();
        for (int y = 0; y < w->plan.rows; y++) {
            const uint8_t *pixel = w->window.rows[y] + x * pitch;

            fetch_ahead(&w->ahead);
            for (int i = 0; i < w->plan.chunks; i++, next += COLOURS * TILE) {
                multiply_channels(pixel, offsets, next, sums);
                pixel += TILE * sizeof(float);
            }
        }
        store_colours(w, to + (size_t)(COLOURS * x), count, sums);
    }
}

VECTORS void ff_style_multiply_fp32(ConvWork *w, const float *kernel, size_t to)
{
    const size_t step = packed_step(&w->plan);
    const int filters = w->conv->kernel.filters;
    int filter = 0;

    if (w->plan.group == COLOURS) {
        multiply_colours(w, kernel, to);
        return;
    }
    for (; filter + 2 * TILE <= filters; filter += 2 * TILE, kernel += 2 * step)
        multiply_filters(w, kernel, to + (size_t)filter, filter, 2);
    for (; filter < filters; filter += TILE, kernel += step)
        multiply_filters(w, kernel, to + (size_t)filter, filter, 1);
}

#endif
