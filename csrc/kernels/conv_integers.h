/*
 * Convolutions of rows of 16-bit integers, two products at a time. For conv_vectors.h, where there are dot products of
 * those.
 *
 * The largest value of the rows that an output row reads is brought below 2^INPUT_BITS by a power of two, and the sum of
 * the magnitudes of a filter's kernel to 2^(31 - INPUT_BITS) at the most when it is packed: so no sum leaves 32 bits,
 * whatever the picture. Rows are kept as floats too: they become integers again when a row comes or goes that is larger
 * than the others.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CONV_INTEGERS_H
#define FF_STYLE_CONV_INTEGERS_H

#include "conv_floats.h"

/*
 * The least magnitudes that integers can't hold beside what is about 1, which is what norms leave: they would leave to
 * that seven bits or fewer. Those of pixels are all alike.
 */
#define TOO_FAR 64.f
#define PIXELS_TOO_FAR 256.f

#define LEAST_EXPONENT (-100) // whatever is below that

static inline float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/** 2^exponent */
static inline float power_of_two(int exponent)
{
    return float_of((uint32_t)(127 + exponent) << 23);
}

/** Makes integers of a line that are not there yet. */
static VECTORS void make_integers(ConvWork *w, int line, int exponent)
{
    const float scale = power_of_two(exponent);
    const size_t count = w->window.line / sizeof(float);
    const float *const from = (const float *)(const void *)w->window.lines + (size_t)line * count;
    int16_t *const to = w->integers.lines + (size_t)line * count;

    for (size_t i = 0; i < count; i += FF_STYLE_LANES) {
        const Halves factors = to_integers(get_vector(from + i), scale);

        memcpy(to + i, &factors, sizeof(factors));
    }
    w->integers.exponents[line] = exponent;
}

/** Of all rows that the kernel reads; tells what one of them stands for. */
static VECTORS float make_all_integers(ConvWork *w)
{
    const int exponent = (int)(w->window.most >> 23) - 126; // of the least power of two beyond all
    const int shift = INPUT_BITS - (exponent < LEAST_EXPONENT ? LEAST_EXPONENT : exponent);

    for (int i = 0; i < w->plan.rows; i++) {
        const ptrdiff_t from = w->window.rows[i] - w->window.lines;
        const int line = (int)(from / (ptrdiff_t)w->window.line);

        if (w->integers.exponents[line] != shift)
            make_integers(w, line, shift);
    }
    return power_of_two(-shift);
}

/** What integers can't hold: as it is. */
static VECTORS void multiply_without_integers(const ConvWork *w, int phase, size_t to)
{
    const ConvPlan *const plan = &w->in_rows;
    const float *const kernel = (const float *)w->conv->packed + packed_first(&w->plan) +
                                (size_t)(phase * count_groups(plan)) * packed_step(plan);
    ConvWork work = *w;

    work.plan = *plan;
    multiply_floats(&work, kernel, to);
}

static VECTORS void multiply_integers(ConvWork *w, int phase, size_t to)
{
    Factors factors = {w->integers.rows, w->window.pitch / 2,
                       (const float *)w->conv->packed +
                           (size_t)(phase * count_groups(&w->plan)) * packed_step(&w->plan),
                       packed_units(w, phase), 0};
    const float too_far = w->conv->input.type == FF_STYLE_UINT8 ? PIXELS_TOO_FAR : TOO_FAR;

    if (!(float_of(w->window.most) < too_far)) { // what is no number neither
        multiply_without_integers(w, phase, to);
        return;
    }
    factors.unit = make_all_integers(w);
    multiply_factors(w, &factors, 1, to);
}

#endif
