/*
 * Convolutions of 3x3 in squares of 4x4 pixels, with a quarter of the multiplications: Lavin and Gray, "Fast
 * Algorithms for Convolutional Neural Networks" (2016), section 4.3, after Winograd's F(4,3), but with the
 * points 0, 1/sqrt(2) and sqrt(2): with 0, 1 and 2, sums of 576 products of numbers below 1 were off by up to
 * 2e-4, with these by less than 1e-4. For conv_vectors.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CONV_SQUARES_H
#define FF_STYLE_CONV_SQUARES_H

#include <float.h>
#include <math.h>

#include "conv_floats.h"

#define NEAR ((float)NEAR_POINT)
#define FAR ((float)FAR_POINT)

/** The six values of a line as they are multiplied, B^T in the paper. */
static VECTORS_INLINE void transform_input(const Vector *line, int step, Vector *to)
{
    const Vector a = line[0], b = line[step], c = line[2 * step];
    const Vector d = line[3 * step], e = line[4 * step], f = line[5 * step];
    const Vector both = fill(-2.5f), near = fill(-2), far = fill(-0.5f);
    const Vector near_even = multiply_add(near, c, e), near_odd = multiply_add(near, b, d);
    const Vector far_even = multiply_add(far, c, e), far_odd = multiply_add(far, b, d);

    to[0] = multiply_add(both, c, a + e);
    to[1] = multiply_add(fill(NEAR), near_odd, near_even);
    to[2] = multiply_add(fill(-NEAR), near_odd, near_even);
    to[3] = multiply_add(fill(FAR), far_odd, far_even);
    to[4] = multiply_add(fill(-FAR), far_odd, far_even);
    to[5] = multiply_add(both, d, b + f);
}

/** The four values of a line, of what was multiplied: A^T. */
static VECTORS_INLINE void transform_output(const Vector *line, Vector *to)
{
    const Vector near_even = line[1] + line[2], near_odd = line[1] - line[2];
    const Vector far_even = line[3] + line[4], far_odd = line[3] - line[4];

    to[0] = line[0] + near_even + far_even;
    to[1] = multiply_add(fill(NEAR), near_odd, fill(FAR) * far_odd);
    to[2] = multiply_add(fill(0.5f), near_even, fill(2) * far_even);
    to[3] = multiply_add(fill(NEAR / 2), near_odd, multiply_add(fill(2 * FAR), far_odd, line[5]));
}

/* Vectors of channels that are transformed at a time: integers are paired across two. */
#define TRANSFORMED (INTEGERS ? 2 : 1)

/** What is to be multiplied: floats, pairs of bfloat16, or pairs of integers after they were scaled. */
static VECTORS_INLINE void put_factors(float *to, const Vector *values, float scale)
{
#if INTEGERS
    put_vector(to, pair_integers(values[0], values[1], scale));
#elif DOTS
    const Halves rounded = to_bfloat16(values[0]);

    (void)scale;
    memcpy(to, &rounded, sizeof(rounded));
#else
    (void)scale;
    put_vector(to, values[0]);
#endif
}

/** The lines of a vector of channels of a square, transformed: `from` is the first one's in the window. */
static VECTORS_INLINE void transform_lines(const ConvWork *w, ptrdiff_t from, Vector *lines)
{
    const ptrdiff_t channels = w->conv->input.channels;

    for (int y = 0; y < SQUARE_INPUT; y++) {
        const float *const row = (const float *)(const void *)w->window.rows[y] + from;
        Vector line[SQUARE_INPUT];

        UNROLL for (int x = 0; x < SQUARE_INPUT; x++) line[x] = get_vector(row + x * channels);
        transform_input(line, 1, lines + y * SQUARE_INPUT);
    }
}

/**
 * One or two vectors of channels of a square: `from` and `to` are the first one's in the window and in the result.
 *
 * @param scales of each place, what makes integers of its values
 * @return the squares of the corners added to `energy`: each of the 36 values is in one of them; nobody asks for integers'
 */
static VECTORS_INLINE Vector transform_square(const ConvWork *w, ptrdiff_t from, float *to,
                                              const float *scales, Vector energy)
{
    const size_t step = place_step(w, w->plan.chunks);
    Vector lines[TRANSFORMED][PLACES];

    UNROLL for (int i = 0; i < TRANSFORMED; i++)
        transform_lines(w, from + i * FF_STYLE_LANES, lines[i]);
    for (int x = 0; x < SQUARE_INPUT; x++) {
        Vector places[SQUARE_INPUT][TRANSFORMED];

        UNROLL for (int i = 0; i < TRANSFORMED; i++)
        {
            Vector column[SQUARE_INPUT];

            transform_input(lines[i] + x, SQUARE_INPUT, column);
            UNROLL for (int y = 0; y < SQUARE_INPUT; y++) places[y][i] = column[y];
            if (!INTEGERS && x % (SQUARE_INPUT - 1) == 0) {
                energy = multiply_add(column[0], column[0], energy);
                energy = multiply_add(column[SQUARE_INPUT - 1], column[SQUARE_INPUT - 1], energy);
            }
        }
        UNROLL for (int y = 0; y < SQUARE_INPUT; y++)
        {
            const int place = y * SQUARE_INPUT + x;

            put_factors(to + (size_t)place * step, places[y], INTEGERS ? scales[place] : 1);
        }
    }
    return energy;
}

#if INTEGERS

/* The magnitudes of the numbers in the lines of B^T, added up: how far a line may bring the largest of its values. */
#define GROWN_ENDS 4.5f
#define GROWN_NEAR (3 + 3 * NEAR)
#define GROWN_FAR (1.5f + 1.5f * FAR)

#define MOST_FACTOR 32766.f // the last one of 16 bits is for what the transforms round up
#define FACTOR(down, right) (MOST_FACTOR / ((down) * (right)))
#define LINE_FACTORS(down)                                                        \
    FACTOR(down, GROWN_ENDS), FACTOR(down, GROWN_NEAR), FACTOR(down, GROWN_NEAR), \
        FACTOR(down, GROWN_FAR), FACTOR(down, GROWN_FAR), FACTOR(down, GROWN_ENDS)

/**
 * What makes integers of the values of each place of a square whose largest one is 1, transformed. With kernels whose
 * magnitudes add up to SQUARES_SUM, no sum leaves 32 bits.
 */
static const float place_factors[PLACES] = {LINE_FACTORS(GROWN_ENDS), LINE_FACTORS(GROWN_NEAR),
                                            LINE_FACTORS(GROWN_NEAR), LINE_FACTORS(GROWN_FAR),
                                            LINE_FACTORS(GROWN_FAR),  LINE_FACTORS(GROWN_ENDS)};

/** What makes integers of the values of a square whose largest one is `most`. */
static VECTORS_INLINE void scale_places(float most, float *scales)
{
    for (int i = 0; i < PLACES; i++)
        scales[i] = place_factors[i] * (1 / most);
}

/** The larger magnitudes of a piece of six lines. */
static VECTORS_INLINE Vector larger_of_lines(const float *const *lines, int at)
{
    Vector most = get_vector(lines[0] + at);

    UNROLL for (int y = 1; y < SQUARE_INPUT; y++) most = larger(most, get_vector(lines[y] + at));
    return most;
}

#define LEAST 1e-20f // the largest value, told from zero

/** Finds what the integers of each square of a row are scaled by. */
static VECTORS void measure_squares(ConvWork *w)
{
    const size_t step = w->window.pieces * TILE;
    const float *lines[SQUARE_INPUT];

    for (int y = 0; y < SQUARE_INPUT; y++)
        lines[y] = (const float *)(const void *)w->window.magnitudes +
                   (size_t)(w->window.rows[y] - w->window.lines) / w->window.line * step;
    for (int i = 0; i < w->width; i += FF_STYLE_LANES) {
        Vector pieces[FF_STYLE_LANES + 1];
        float *const mosts = w->mosts + i;
        const int count = w->width - i < FF_STYLE_LANES ? w->width - i : FF_STYLE_LANES;

        for (int j = 0; j <= FF_STYLE_LANES; j++)
            pieces[j] = j <= count ? larger_of_lines(lines, (i + j) * TILE) : fill(0);
        for (int j = 0; j < FF_STYLE_LANES; j++)
            pieces[j] = larger(pieces[j], pieces[j + 1]);
        store(mosts, FF_STYLE_FLOAT, 0, lanes(count), join_vectors(pieces, 1));
        for (int j = 0; j < count; j++)
            mosts[j] = mosts[j] < LEAST ? LEAST : mosts[j] < TOO_FAR ? mosts[j] : INFINITY;
    }
}

#else

/*
 * How far the values of a square may be beyond those of the calmest one beside it. What a square makes is sums and
 * differences of all its values, rounded as the largest one is: outputs that don't read that one would lose as many
 * bits. What is no number would be in all of them.
 */
#define RANGE (DOTS ? 128.f : 512.f)

/** Whether all are numbers, and within the range. */
static VECTORS_INLINE int have_range(const Vector *energies, int count, float floor)
{
    float sums[SUMS], least = FLT_MAX, most = 0;

    put_sums(sums, energies);
    for (int i = 0; i < count; i++) {
        if (!(sums[i] <= FLT_MAX))
            return 0;
        least = sums[i] < least ? sums[i] : least;
        most = sums[i] > most ? sums[i] : most;
    }
    // One or two neighbours may all have read the same value.
    least = count < 3 || least < floor ? floor : least;
    return most <= RANGE * RANGE * least;
}

#endif

/** `count` squares from number `first` of the row on, where they hold their values. */
static VECTORS_INLINE void transform_squares(ConvWork *w, int first, int count)
{
    const int channels = w->conv->input.channels;
    Vector energies[SUMS];

    for (int i = 0; i < SUMS; i++)
        energies[i] = fill(0);
    for (int i = 0; i < count; i++) {
        float scales[PLACES] = {0};

#if INTEGERS
        scale_places(w->mosts[first + i], scales);
#endif
        for (int channel = 0; channel < channels; channel += TRANSFORMED * FF_STYLE_LANES)
            energies[i] =
                transform_square(w, (ptrdiff_t)(first + i) * SQUARE * channels + channel,
                                 w->transformed + i * w->plan.chunks + channel / (DOTS ? 2 : 1),
                                 scales, energies[i]);
    }
#if !INTEGERS // they have a scale each: zeros may count as what is about 1
    for (int i = 0, held = have_range(energies, count, (float)channels); i < count; i++)
        w->mosts[first + i] = held ? 1 : INFINITY;
#endif
}

/** The squares from number `first` on, for which there are `count` vectors. */
static VECTORS_INLINE void multiply_some(const Multiplied *m, float *products, int filters,
                                         int first, int vectors, int count, const Vector *units)
{
    Vector sums[SUMS];

    multiply_pixels(m, first, DOTS, vectors, count, sums);
    UNROLL for (int i = 0; i < count; i++)
        put_vector(products + (first + i / vectors) * filters + i % vectors * FF_STYLE_LANES,
                   to_sums(sums[i], DOTS, units[i % vectors]));
}

/** One or two vectors of the filters of `count` squares in one place. */
static VECTORS_INLINE void multiply_place(ConvWork *w, int place, int filter, int vectors,
                                          int count)
{
    const int chunks = w->plan.chunks, filters = packed_filters(&w->plan);
    const uint8_t *const values =
        (const uint8_t *)(w->transformed + (size_t)place * place_step(w, chunks));
    float *const products = w->products + (size_t)place * place_step(w, filters) + filter;
    const float *const kernel =
        (const float *)w->conv->packed + (size_t)(place * filters / TILE) * packed_step(&w->plan);
    const Multiplied m = {&values,
                          1,
                          chunks,
                          (ptrdiff_t)sizeof(float) * chunks,
                          kernel_of(w, kernel, filter),
                          kernel_of(w, kernel, filter + (vectors - 1) * FF_STYLE_LANES),
                          &w->ahead};
    Vector units[2];
    int i = 0;

#if INTEGERS
    UNROLL for (int j = 0; j < vectors; j++) units[j] =
        get_vector(packed_units(w, place) + filter + j * FF_STYLE_LANES) *
        fill(1 / place_factors[place]);
#endif
    for (; i + SUMS / vectors / 2 < count; i += SUMS / vectors)
        multiply_some(&m, products, filters, i, vectors, SUMS, units);
    if (i < count)
        multiply_some(&m, products, filters, i, vectors, SUMS / 2, units);
}

static VECTORS_INLINE void multiply_places(ConvWork *w, int count)
{
    const int filters = packed_filters(&w->plan);

    for (int place = 0; place < PLACES; place++) {
        int filter = 0;

        for (; filter + FF_STYLE_LANES < filters; filter += 2 * FF_STYLE_LANES)
            multiply_place(w, place, filter, 2, count);
        if (filter < filters)
            multiply_place(w, place, filter, 1, count);
    }
}

/** Where in the output a vector of filters of the squares belongs: all have phases when it is doubled. */
typedef struct Target {
    int y, x;        ///< of the first square; in pixels of the input
    int scale;       ///< of the output, beside the input
    int row, column; ///< the phase
    int filter;      ///< the first one of the output
    Lanes lanes;
} Target;

static VECTORS_INLINE Target target_of(const ConvWork *w, int y, int x, int filter)
{
    const int filters = w->conv->kernel.filters, scale = w->conv->kernel.transposed ? 2 : 1;
    const int phase = filter / filters;

    return (Target){
        y, x, scale, phase / 2, phase % 2, filter % filters, lanes(filters - filter % filters)};
}

/** A vector of the filters of a square, of integers times `most`. */
static VECTORS_INLINE void write_square(const ConvWork *w, const float *products, float most,
                                        const Target *at, int x, Moments *moments)
{
    const StyleFeatures *output = &w->conv->output;
    const size_t step = place_step(w, packed_filters(&w->plan));
    const size_t channels = (size_t)output->channels, width = (size_t)output->width * channels;
    Vector lines[SQUARE * SQUARE_INPUT];

    for (int i = 0; i < SQUARE_INPUT; i++) {
        Vector line[SQUARE_INPUT], column[SQUARE];

        UNROLL for (int j = 0; j < SQUARE_INPUT; j++) line[j] =
            get_vector(products + (size_t)(j * SQUARE_INPUT + i) * step);
        transform_output(line, column);
        UNROLL for (int j = 0; j < SQUARE; j++) lines[j * SQUARE_INPUT + i] = column[j];
    }
    for (int i = 0; i < SQUARE && (at->y + i) * at->scale < output->height; i++) {
        const size_t row = (size_t)((at->y + i) * at->scale + at->row) * width + (size_t)at->filter;
        Vector line[SQUARE];

        transform_output(lines + i * SQUARE_INPUT, line);
        UNROLL for (int j = 0; INTEGERS && j < SQUARE; j++) line[j] *= fill(most);
        if (at->y * at->scale == w->band_row && !(x || i || at->row || at->column))
            *moments = begin_band(w, at->filter, line[0]);
        UNROLL for (int j = 0; j < SQUARE; j++) if ((x + j) * at->scale < output->width)
        {
            const size_t pixel = (size_t)((x + j) * at->scale + at->column);

            store(output->data, output->type, row + pixel * channels, at->lanes, line[j]);
            take_moments(line[j], at->lanes, moments);
        }
    }
}

/** The squares from number `first` of the row on, whose products are from number `from` on; the row of the input is `y`. */
static VECTORS_INLINE void write_squares(ConvWork *w, int y, int first, int from, int count)
{
    const int filters = packed_filters(&w->plan);

    for (int filter = 0; filter < w->plan.filters; filter += FF_STYLE_LANES) {
        const Target at = target_of(w, y, first * SQUARE, filter);
        Moments moments = begin_moments(w, at.filter);

        for (int i = 0; i < count; i++)
            write_square(w, w->products + (from + i) * filters + filter, w->mosts[first + i], &at,
                         (first + i) * SQUARE, &moments);
        add_moments(w, at.filter, &moments);
    }
}

/** The pixels of a row of the output, of one phase, that `count` from row `y` and column `x` of the input on make. */
static VECTORS void multiply_phase(const ConvWork *w, int y, int x, int count, int row, int column)
{
    const StyleFeatures *output = &w->conv->output;
    const int rows = w->in_rows.row_phases, columns = w->in_rows.column_phases;
    const int part = row % rows * columns + column, width = output->width / columns;
    const float *const kernel = (const float *)w->conv->packed + packed_first(&w->plan);
    const ptrdiff_t pitch = w->conv->input.channels * (ptrdiff_t)sizeof(float);
    const int top = w->in_rows.first_row[row % rows] - w->in_rows.first_row[0];
    const int left = w->in_rows.first_column[column] - w->in_rows.first_column[0];
    const uint8_t *read[SQUARE_INPUT];
    ConvWork work = *w;

    for (int i = 0; i < w->in_rows.rows; i++)
        read[i] = w->window.rows[row / rows + top + i] + (x + left) * pitch;
    work.plan = w->in_rows;
    work.width = width - x < count ? width - x : count;
    work.window.rows = read;
    work.window.pitch = pitch;
    multiply_floats(
        &work, kernel + (size_t)(part * count_groups(&work.plan)) * packed_step(&work.plan),
        ((size_t)(y * rows + row) * (size_t)output->width + (size_t)(x * columns + column)) *
            (size_t)output->channels);
}

/** What squares can't hold: as they are, `count` pixels from row `y` and column `x` of the input on. */
static VECTORS void multiply_without_squares(const ConvWork *w, int y, int x, int count)
{
    const int rows = w->in_rows.row_phases;

    for (int row = 0; row < SQUARE * rows && y * rows + row < w->conv->output.height; row++)
        for (int column = 0; column < w->in_rows.column_phases; column++)
            multiply_phase(w, y, x, count, row, column);
}

/** How many of `count` squares from number `first` on are alike: `held` tells whether they are multiplied as such. */
static int count_alike(const ConvWork *w, int first, int count, int *held)
{
    int alike = 1;

    *held = w->mosts[first] <= FLT_MAX;
    while (alike < count && (w->mosts[first + alike] <= FLT_MAX) == *held)
        alike++;
    return alike;
}

/** Makes `count` squares from number `first` of the row on, of which some are multiplied; the row of the input is `y`. */
static VECTORS_INLINE void make_squares(ConvWork *w, int y, int first, int count)
{
    for (int i = 0, held, alike; i < count; i += alike) {
        alike = count_alike(w, first + i, count - i, &held);
        if (held)
            write_squares(w, y, first + i, i, alike);
        else
            multiply_without_squares(w, y, (first + i) * SQUARE, alike * SQUARE);
    }
}

static VECTORS void multiply_squares(ConvWork *w, int y)
{
#if INTEGERS
    measure_squares(w);
#endif
    for (int i = 0, held; i < w->width; i += w->squares_at_once) {
        const int count = w->width - i < w->squares_at_once ? w->width - i : w->squares_at_once;

        transform_squares(w, i, count);
        if (count_alike(w, i, count, &held) < count || held)
            multiply_places(w, count);
        make_squares(w, y, i, count);
    }
}

#endif
