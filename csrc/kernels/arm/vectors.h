/*
 * Vectors of NEON, of 4 floats. For vectors.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_ARM_VECTORS_H
#define FF_STYLE_ARM_VECTORS_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../conv.h"

#define INTEGERS 0 // there are no dot products of these

#ifdef FF_STYLE_DOTS
#define DOTS 1
#define VECTORS __attribute__((target("arch=armv8.2-a+bf16")))
#define VECTORS_INLINE __attribute__((target("arch=armv8.2-a+bf16"), always_inline)) inline
#else
#define DOTS 0
#define VECTORS // NEON is part of every processor of 64 bits
#define VECTORS_INLINE __attribute__((always_inline)) inline
#endif

typedef float32x4_t Vector;
typedef uint16x4_t Halves; ///< as many of bfloat16

static VECTORS_INLINE Vector fill(float value)
{
    return vdupq_n_f32(value);
}

static VECTORS_INLINE Vector get_vector(const float *from)
{
    return vld1q_f32(from);
}

/** The same, which the compiler does not load again for each use. */
static VECTORS_INLINE Vector get_vector_once(const float *from)
{
    Vector value = get_vector(from);

    __asm__("" : "+w"(value));
    return value;
}

static VECTORS_INLINE void put_vector(float *to, Vector value)
{
    vst1q_f32(to, value);
}

/** a * b + c, rounded once. */
static VECTORS_INLINE Vector multiply_add(Vector a, Vector b, Vector c)
{
    return vfmaq_f32(c, a, b);
}

/** Pairs of bfloat16, each multiplied and added up with `c`; only where there are dot products. */
static VECTORS_INLINE Vector add_dots(Vector a, Vector b, Vector c)
{
#if DOTS
    return vbfdotq_f32(c, vreinterpretq_bf16_f32(a), vreinterpretq_bf16_f32(b));
#else
    (void)a, (void)b;
    return c;
#endif
}

#if DOTS
static VECTORS_INLINE Halves to_bfloat16(Vector values)
{
    return vreinterpret_u16_bf16(vcvt_bf16_f32(values));
}
#endif

/** Of what is not a number: `b`, as on other processors; the instruction for it would give what is none. */
static VECTORS_INLINE Vector greater(Vector a, Vector b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

static VECTORS_INLINE Vector smaller(Vector a, Vector b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

/** The first lanes of a vector, that is, how many of its values there are. */
typedef int Lanes;

#define ALL_LANES 4

/** All, when there are more values than that. */
static VECTORS_INLINE Lanes lanes(ptrdiff_t count)
{
    return count >= ALL_LANES ? ALL_LANES : count > 0 ? (Lanes)count : 0;
}

/** Zero in the other lanes. */
static VECTORS_INLINE Vector keep_lanes(Vector value, Lanes kept)
{
    static const uint32_t places[ALL_LANES] = {0, 1, 2, 3};
    const uint32x4_t mask = vcltq_u32(vld1q_u32(places), vdupq_n_u32((uint32_t)kept));

    return kept == ALL_LANES ? value
                             : vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(value), mask));
}

static VECTORS_INLINE Vector round_values(Vector value)
{
    return vrndnq_f32(value);
}

static VECTORS_INLINE Vector round_down(Vector value)
{
    return vrndmq_f32(value);
}

/** 1 / value to 11 bits or more: 8 of the estimate, and twice as many after a step of Newton's. */
static VECTORS_INLINE Vector estimate_reciprocal(Vector value)
{
    const Vector estimate = vrecpeq_f32(value);

    return estimate * vrecpsq_f32(value, estimate);
}

/** value * 2^exponent, for whole exponents that leave it a normal number. */
static VECTORS_INLINE Vector scale_by_power(Vector value, Vector exponent)
{
    const int32x4_t power = vshlq_n_s32(vcvtnq_s32_f32(exponent), 23);

    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(value), power));
}

/** `type` is not bfloat16, which is for squares alone here. */
static VECTORS_INLINE Vector load(const void *data, StyleType type, size_t i, Lanes lanes)
{
    float floats[ALL_LANES] = {0};
    uint8_t bytes[2 * ALL_LANES] = {0};

    if (type == FF_STYLE_FLOAT) {
        if (lanes == ALL_LANES)
            return get_vector((const float *)data + i);
        memcpy(floats, (const float *)data + i, (size_t)lanes * sizeof(*floats));
        return get_vector(floats);
    }
    memcpy(bytes, (const uint8_t *)data + i, lanes == ALL_LANES ? ALL_LANES : (size_t)lanes);
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vld1_u8(bytes)))));
}

static VECTORS_INLINE void store(void *data, StyleType type, size_t i, Lanes lanes, Vector value)
{
    float *const to = (float *)data + i;

    (void)type;
    if (lanes == ALL_LANES)
        put_vector(to, value);
    else
        memcpy(to, &value, (size_t)lanes * sizeof(*to));
}

/** Rounds values from 0 to 255; what is not a number becomes 0. */
static VECTORS_INLINE void store_bytes(uint8_t *bytes, Lanes lanes, Vector value)
{
    const uint16x4_t words = vqmovn_u32(vcvtnq_u32_f32(value));
    const uint8x8_t narrow = vqmovn_u16(vcombine_u16(words, words));

    memcpy(bytes, &narrow, lanes == ALL_LANES ? ALL_LANES : (size_t)lanes);
}

/** The sums of as many vectors as one has lanes. */
static VECTORS_INLINE Vector sum_vectors(const Vector *v)
{
    return vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3]));
}

#endif
