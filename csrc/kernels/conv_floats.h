/*
 * Convolutions of floats, value by value. For conv_vectors.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CONV_FLOATS_H
#define FF_STYLE_CONV_FLOATS_H

#include "conv_moments.h"

/* Vectors that are summed up at a time. There are 32 registers, or AVX2's 16, and a kernel needs a few. */
#if FF_STYLE_LANES == 8
#define SUMS 12
#else
#define SUMS 24
#endif

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 24")
#endif

#define AHEAD (4 * TILE) // values
#define BASE 8           // pixels whose places are told from one pointer
#define BASES ((SUMS + BASE - 1) / BASE)

/** What is multiplied: for each of some pixels, rows of values that lie one behind the other. */
typedef struct Multiplied {
    const uint8_t *const *rows; ///< of the first pixel
    int nb_rows, values;
    ptrdiff_t pitch;           ///< bytes from a pixel to the next
    const float *left, *right; ///< the kernel of each of the vectors
    ConvAhead *ahead;
} Multiplied;

/** A value, or a pair of 16 bits each, which lies at any of those. */
static VECTORS_INLINE Vector fill_from(const uint8_t *from)
{
    float value;

    memcpy(&value, from, sizeof(value));
    return fill(value);
}

/** One value of each pixel, or a pair, times those of its filters, one vector of them or two. */
static VECTORS_INLINE void multiply_value(const uint8_t *const *at, const ptrdiff_t *offsets,
                                          const float *left, const float *right, int dots,
                                          int vectors, int count, Vector *sums)
{
    const Vector first = get_vector(left), second = get_vector(right);

    // A kernel is larger than the first cache, and the processor alone fetches it too late.
    __builtin_prefetch(left + AHEAD);
    if (vectors > 1 && FF_STYLE_LANES == TILE) // otherwise it is the same line
        __builtin_prefetch(right + AHEAD);
    UNROLL for (int i = 0; i < count; i += vectors)
    {
        const int pixel = i / vectors;
        const Vector values = fill_from(at[pixel / BASE] + offsets[pixel % BASE]);

        sums[i] = dots ? add_dots(values, first, sums[i]) : multiply_add(values, first, sums[i]);
        if (vectors > 1)
            sums[i + 1] = dots ? add_dots(values, second, sums[i + 1])
                               : multiply_add(values, second, sums[i + 1]);
    }
}

/** The pixels from `x` on, for which there are `count` vectors; `dots`: the values are pairs. */
static VECTORS_INLINE void multiply_pixels(const Multiplied *m, int x, int dots, int vectors,
                                           int count, Vector *sums)
{
    const float *left = m->left, *right = m->right;
    const ptrdiff_t pitch = m->pitch;
    ptrdiff_t offsets[BASE];

    UNROLL for (int i = 0; i < count; i++) sums[i] = fill(0);
    UNROLL for (int i = 0; i < BASE; i++) offsets[i] = i * pitch;
    for (int y = 0; y < m->nb_rows; y++) {
        const uint8_t *at[BASES];

        UNROLL for (int i = 0; i < BASES; i++) at[i] = m->rows[y] + (x + i * BASE) * pitch;
        fetch_ahead(m->ahead);
        for (int i = 0; i < m->values; i++, left += TILE, right += TILE) {
            multiply_value(at, offsets, left, right, dots, vectors, count, sums);
            UNROLL for (int j = 0; j < BASES; j++) at[j] += sizeof(float);
        }
    }
}

/** Where a packed kernel has the values of this filter and of those beside it. */
static inline const float *kernel_of(const ConvWork *w, const float *kernel, int filter)
{
    return kernel + (size_t)(filter / TILE) * packed_step(&w->plan) + filter % TILE;
}

/** What makes a row of the output, or of one phase: floats or integers. */
typedef struct Factors {
    const uint8_t *const *rows;
    ptrdiff_t pitch;
    const float *kernel;
    const float *units; ///< of integers: what one of each filter's sums stands for, times `unit`
    float unit;
} Factors;

/** Sums as floats, if they are integers, each of which stands for so much. */
static VECTORS_INLINE Vector to_sums(Vector sums, int dots, Vector unit)
{
#if INTEGERS
    if (dots)
        return from_dots(sums) * unit;
#else
    (void)dots, (void)unit;
#endif
    return sums;
}

/** One or two vectors of the filters of a row; those that there are not are left out. */
static VECTORS_INLINE void multiply_filters(ConvWork *w, const Factors *factors, int dots,
                                            size_t to, int filter, int vectors)
{
    const int last = filter + (vectors - 1) * FF_STYLE_LANES;
    const Multiplied m = {factors->rows,
                          w->plan.rows,
                          w->plan.chunks,
                          factors->pitch,
                          kernel_of(w, factors->kernel, filter),
                          kernel_of(w, factors->kernel, last),
                          &w->ahead};
    const Lanes some = lanes(w->conv->kernel.filters - last);
    const size_t step = output_step(w);
    Vector units[2] = {fill(1), fill(1)};
    Moments moments[2];

    to += (size_t)filter;
    UNROLL for (int i = 0; i < vectors; i++)
    {
        moments[i] = begin_moments(w, filter + i * FF_STYLE_LANES);
        if (dots)
            units[i] =
                get_vector(factors->units + filter + i * FF_STYLE_LANES) * fill(factors->unit);
    }
    for (int x = 0; x < w->width; x += SUMS / vectors) {
        Vector sums[SUMS];

        multiply_pixels(&m, x, dots, vectors, SUMS, sums);
        UNROLL for (int i = 0; i < SUMS; i++) sums[i] = to_sums(sums[i], dots, units[i % vectors]);
        if (!x && to == w->first + (size_t)filter)
            UNROLL for (int i = 0; i < vectors; i++) moments[i] =
                begin_band(w, filter + i * FF_STYLE_LANES, sums[i]);
        UNROLL for (int i = 0; i < SUMS; i++)
        {
            const Lanes there = i % vectors == vectors - 1 ? some : ALL_LANES;

            if (x + i / vectors < w->width) {
                store(w->conv->output.data, w->conv->output.type,
                      to + (size_t)(x + i / vectors) * step +
                          (size_t)(i % vectors * FF_STYLE_LANES),
                      there, sums[i]);
                take_moments(sums[i], there, &moments[i % vectors]);
            }
        }
    }
    UNROLL for (int i = 0; i < vectors; i++)
        add_moments(w, filter + i * FF_STYLE_LANES, &moments[i]);
}

/** A vector of channels of each pixel times those of the three filters. */
static VECTORS_INLINE void multiply_channels(const uint8_t *pixel, const ptrdiff_t *offsets,
                                             const float *kernel, int dots, Vector *sums)
{
    const Vector colours[] = {get_vector(kernel), get_vector(kernel + TILE),
                              get_vector(kernel + 2 * TILE)};

    UNROLL for (int i = 0; i < SUMS / COLOURS; i++)
    {
        // The compiler would load it for each colour, and loads are what this waits for.
        const Vector values = get_vector_once((const float *)(const void *)(pixel + offsets[i]));

        UNROLL for (int j = 0; j < COLOURS; j++) sums[COLOURS * i + j] =
            dots ? add_dots(values, colours[j], sums[COLOURS * i + j])
                 : multiply_add(values, colours[j], sums[COLOURS * i + j]);
    }
}

/** The sum of each of SUMS vectors. */
static VECTORS_INLINE void put_sums(float *to, const Vector *v)
{
    UNROLL for (int i = 0; i < SUMS; i += FF_STYLE_LANES)
    {
        const int first = i < SUMS - FF_STYLE_LANES ? i : SUMS - FF_STYLE_LANES;

        put_vector(to + first, sum_vectors(v + first));
    }
}

/** Writes the first `count` sums, of each pixel in its colours, and adds them up for a norm. */
static VECTORS_INLINE void store_colours(const ConvWork *w, size_t to, int count,
                                         const Vector *sums)
{
    float values[SUMS];

    put_sums(values, sums);
    for (int i = 0; i < count; i += FF_STYLE_LANES)
        store(w->conv->output.data, w->conv->output.type, to + (size_t)i, lanes(count - i),
              load(values, FF_STYLE_FLOAT, (size_t)i, lanes(SUMS - i)));
    for (int i = 0; i < count && w->sums; i++) {
        double difference;

        if (to + (size_t)i < w->first + COLOURS)
            w->pivots[i] = values[i];
        difference = (double)values[i] - (double)w->pivots[i % COLOURS];
        w->sums[i % COLOURS] += difference;
        w->powers[i % COLOURS] += difference * difference;
    }
}

/** Pixels of three filters: in vectors of channels, summed up at the end. */
static VECTORS_INLINE void multiply_colours(ConvWork *w, const Factors *factors, int dots,
                                            size_t to)
{
    const ptrdiff_t pitch = factors->pitch;
    const int pixels = SUMS / COLOURS;
    ptrdiff_t offsets[SUMS / COLOURS];
    Vector units[COLOURS];

    UNROLL for (int i = 0; i < pixels; i++) offsets[i] = i * pitch;
    UNROLL for (int i = 0; i < COLOURS; i++) units[i] =
        fill(dots ? factors->units[i] * factors->unit : 1);
    for (int x = 0; x < w->width; x += pixels) {
        const int count = COLOURS * (w->width - x < pixels ? w->width - x : pixels);
        const float *next = factors->kernel;
        Vector sums[SUMS];

        UNROLL for (int i = 0; i < SUMS; i++) sums[i] = fill(0);
        for (int y = 0; y < w->plan.rows; y++) {
            const uint8_t *pixel = factors->rows[y] + x * pitch;

            fetch_ahead(&w->ahead);
            for (int i = 0; i < w->plan.chunks; i++, next += COLOURS * TILE)
                UNROLL for (int j = 0; j < TILE; j += FF_STYLE_LANES)
                {
                    multiply_channels(pixel, offsets, next + j, dots, sums);
                    pixel += FF_STYLE_LANES * sizeof(float);
                }
        }
        UNROLL for (int i = 0; i < SUMS; i++) sums[i] = to_sums(sums[i], dots, units[i % COLOURS]);
        store_colours(w, to + (size_t)(COLOURS * x), count, sums);
    }
}

static VECTORS_INLINE void multiply_factors(ConvWork *w, const Factors *factors, int dots,
                                            size_t to)
{
    const int filters = w->conv->kernel.filters;
    int filter = 0;

    if (w->plan.group == COLOURS) {
        multiply_colours(w, factors, dots, to);
        return;
    }
    for (; filter + FF_STYLE_LANES < filters; filter += 2 * FF_STYLE_LANES)
        multiply_filters(w, factors, dots, to, filter, 2);
    if (filter < filters)
        multiply_filters(w, factors, dots, to, filter, 1);
}

static VECTORS void multiply_floats(ConvWork *w, const float *kernel, size_t to)
{
    const Factors factors = {w->window.rows, w->window.pitch, kernel, NULL, 1};

    multiply_factors(w, &factors, 0, to);
}

#endif
