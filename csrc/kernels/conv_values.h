/*
 * What happens to values one by one, at either end of a network and between its convolutions. For
 * conv_vectors.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CONV_VALUES_H
#define FF_STYLE_CONV_VALUES_H

#include <math.h>

#include "conv_parts.h"
#include "vectors.h"

#if !INTEGERS // nobody asks

static VECTORS_INLINE Vector larger(Vector magnitudes, Vector values)
{
    (void)values;
    return magnitudes;
}

#endif

/** A vector of values from number `i` on, or as many as there are, with one of the affine; returns it. */
static VECTORS_INLINE Vector normalise_vector(const Normed *n, Vector floor, const float *scale,
                                              const float *offset, size_t i, Lanes lanes)
{
    Vector value = load(n->input, n->input_type, i, lanes);

    value = multiply_add(value, get_vector(scale), get_vector(offset));
    value = greater(floor, value); // in this order, what is not a number stays so
    if (n->added)
        value += load(n->added, n->added_type, i, lanes);
    store(n->output, n->output_type, i, lanes, value);
    if (n->kept)
        store(n->kept, n->kept_type, i, lanes, value);
    return value;
}

/** Takes a copy, which the compiler knows to stay as it is. */
static VECTORS_INLINE void normalise(const Normed n)
{
    const Vector floor = fill(n.affine->affine->relu ? 0 : -INFINITY);
    const float *const scale = n.affine->scale, *const offset = n.affine->offset;
    const size_t repeats = (size_t)n.affine->vectors * TILE;
    uint32_t *most = n.most;
    size_t from = 0, i = 0, end = INTEGERS && most ? n.first : n.count;

    for (; i < n.count; end += n.piece) {
        Vector found = fill(0);

        end = end < n.count ? end : n.count;
        for (; i + FF_STYLE_LANES <= end; i += FF_STYLE_LANES) {
            found = larger(found,
                           normalise_vector(&n, floor, scale + from, offset + from, i, ALL_LANES));
            from = from + FF_STYLE_LANES == repeats ? 0 : from + FF_STYLE_LANES;
        }
        if (i < end) { // the last piece's: others are of whole vectors
            const Lanes rest = lanes((ptrdiff_t)(end - i));

            found = larger(
                found, keep_lanes(normalise_vector(&n, floor, scale + from, offset + from, i, rest),
                                  rest));
            i = end;
        }
        if (INTEGERS && most) {
            put_vector((float *)(void *)most, found);
            most += TILE;
        }
    }
}

static VECTORS_INLINE void normalise_types(Normed n, StyleType input, StyleType added,
                                           StyleType output)
{
    n.input_type = input;
    n.added_type = added;
    n.output_type = output;
    normalise(n);
}

/** Loops of their own for the usual types: the compiler leaves the questions out of them. */
static VECTORS void normalise_values(const Normed *n)
{
    const StyleType from = n->input_type, added = n->added ? n->added_type : from;
    const StyleType to = n->output_type;

    if (INTEGERS && from == FF_STYLE_HALF && added == FF_STYLE_HALF && to == FF_STYLE_FLOAT)
        normalise_types(*n, FF_STYLE_HALF, FF_STYLE_HALF, FF_STYLE_FLOAT);
    else if (from == FF_STYLE_FLOAT && added == FF_STYLE_FLOAT && to == FF_STYLE_FLOAT)
        normalise_types(*n, FF_STYLE_FLOAT, FF_STYLE_FLOAT, FF_STYLE_FLOAT);
    else if (from == FF_STYLE_UINT8 && !n->added && to == FF_STYLE_FLOAT)
        normalise_types(*n, FF_STYLE_UINT8, FF_STYLE_UINT8, FF_STYLE_FLOAT);
    else if (from == FF_STYLE_BFLOAT16 && added == FF_STYLE_BFLOAT16 && to == FF_STYLE_BFLOAT16)
        normalise_types(*n, FF_STYLE_BFLOAT16, FF_STYLE_BFLOAT16, FF_STYLE_BFLOAT16);
    else if (from == FF_STYLE_UINT8 && !n->added && to == FF_STYLE_BFLOAT16)
        normalise_types(*n, FF_STYLE_UINT8, FF_STYLE_UINT8, FF_STYLE_BFLOAT16);
    else
        normalise(*n);
}

/** exp(value), for what is not beyond the range of its result; to a few units in the last place. */
static VECTORS_INLINE Vector exponential(Vector value)
{
    // 2^n * e^rest: the series of e^rest ends where the next term is below the precision.
    const Vector n = round_values(value * fill(1.44269504f));
    const Vector rest = multiply_add(n, fill(-0.693147181f), value);
    static const float terms[] = {1 / 720.f, 1 / 120.f, 1 / 24.f, 1 / 6.f, 1 / 2.f, 1, 1};
    Vector sum = fill(terms[0]);

    for (size_t i = 1; i < sizeof(terms) / sizeof(*terms); i++)
        sum = multiply_add(sum, rest, fill(terms[i]));
    return scale_by_power(sum, n);
}

/** 1 / value, to a unit or two in the last place; a division takes far longer. */
static VECTORS_INLINE Vector reciprocal(Vector value)
{
    const Vector estimate = estimate_reciprocal(value);

    return multiply_add(estimate, multiply_add(-value, estimate, fill(1)),
                        estimate); // Newton's step
}

static VECTORS_INLINE Vector take_tanh(Vector value)
{
    const Vector one = fill(1), two = fill(2);

    // tanh(x) = 1 - 2 / (e^2x + 1), and 1 long before 10.
    value = greater(fill(-20), smaller(fill(20), value * two)); // what is not a number stays so
    return one - two * reciprocal(exponential(value) + one);
}

static VECTORS_INLINE Vector end_value(const StyleEnding *ending, Vector value)
{
    if (ending->tanh)
        value = take_tanh(value);
    value = multiply_add(value, fill(ending->gain), fill(ending->middle));
    value = smaller(fill(ending->high), greater(fill(ending->low), value));
    return ending->truncates ? round_down(value) : ending->rounds ? round_values(value) : value;
}

/** Takes copies, which the compiler knows to stay as they are. */
static VECTORS_INLINE void finish_values(const StyleEnding ending, const float *values,
                                         size_t count, const ConvAffine affine, void *output,
                                         StyleType type)
{
    const size_t repeats = (size_t)affine.vectors * TILE;
    size_t from = 0;

    for (size_t i = 0; i < count; i += FF_STYLE_LANES) {
        const Lanes left = lanes((ptrdiff_t)(count - i));
        Vector value = load(values, FF_STYLE_FLOAT, i, left);

        value =
            multiply_add(value, get_vector(affine.scale + from), get_vector(affine.offset + from));
        value = end_value(&ending, value);
        if (type == FF_STYLE_UINT8)
            store_bytes((uint8_t *)output + i, left, value);
        else
            store(output, FF_STYLE_FLOAT, i, left, value);
        from = from + FF_STYLE_LANES == repeats ? 0 : from + FF_STYLE_LANES;
    }
}

static VECTORS void finish(const StyleEnding *ending, const float *values, size_t count,
                           const ConvAffine *affine, void *output, StyleType type)
{
    StyleEnding end = *ending;

    if (end.tanh && type == FF_STYLE_UINT8 && !end.truncates) { // the usual one
        end.tanh = 1;
        end.truncates = end.rounds = 0; // bytes are rounded anyway
        finish_values(end, values, count, *affine, output, FF_STYLE_UINT8);
    } else {
        finish_values(end, values, count, *affine, output, type);
    }
}

#endif
