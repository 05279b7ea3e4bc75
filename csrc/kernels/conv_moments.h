/*
 * Sums over a row of what was written, for the filters of a vector: of the difference from a value that the
 * image has, which loses less than what is far from 0. For the files that include vectors.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CONV_MOMENTS_H
#define FF_STYLE_CONV_MOMENTS_H

#include "conv_parts.h"
#include "vectors.h"

typedef struct Moments {
    Vector sum, power, pivot;
} Moments;

static VECTORS_INLINE Moments begin_moments(const ConvWork *w, int filter)
{
    const Vector zero = fill(0);

    return (Moments){zero, zero, w->pivots ? get_vector(w->pivots + filter) : zero};
}

/** The same with the band's first pixel, which becomes the pivot. */
static VECTORS_INLINE Moments begin_band(const ConvWork *w, int filter, Vector pixel)
{
    if (w->pivots)
        put_vector(w->pivots + filter, pixel);
    return begin_moments(w, filter);
}

static VECTORS_INLINE void take_moments(Vector value, Lanes lanes, Moments *moments)
{
    const Vector difference = keep_lanes(value - moments->pivot, lanes);

    moments->sum += difference;
    moments->power = multiply_add(difference, difference, moments->power);
}

static inline VECTORS void add_moments(const ConvWork *w, int filter, const Moments *moments)
{
    float sum[FF_STYLE_LANES], power[FF_STYLE_LANES];

    if (!w->sums)
        return;
    put_vector(sum, moments->sum);
    put_vector(power, moments->power);
    for (int i = 0; i < FF_STYLE_LANES; i++) {
        w->sums[filter + i] += (double)sum[i];
        w->powers[filter + i] += (double)power[i];
    }
}

#endif
