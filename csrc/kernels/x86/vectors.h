/*
 * Vectors of AVX-512 (FF_STYLE_LANES is 16) and of AVX2 (8). For vectors.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_X86_VECTORS_H
#define FF_STYLE_X86_VECTORS_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../conv.h"

#ifdef FF_STYLE_DOTS
#define DOTS 1
#define INTEGERS 1 // these are what it has dot products of
#define AVX512 "avx512f,avx512bw,avx512vl,avx512vnni"
#else
#define DOTS 0
#define INTEGERS 0
#define AVX512 "avx512f,avx512bw,avx512vl"
#endif

#if FF_STYLE_LANES == 16

#define VECTORS __attribute__((target(AVX512)))
#define VECTORS_INLINE __attribute__((target(AVX512), always_inline)) inline
#define INTRINSIC(name) _mm512_##name

typedef __m512 Vector;
typedef __m256i Halves; ///< as many of 16 bits

#else

#define VECTORS __attribute__((target("avx2,fma")))
#define VECTORS_INLINE __attribute__((target("avx2,fma"), always_inline)) inline
#define INTRINSIC(name) _mm256_##name

typedef __m256 Vector;

#endif

static VECTORS_INLINE Vector fill(float value)
{
    return INTRINSIC(set1_ps)(value);
}

static VECTORS_INLINE Vector get_vector(const float *from)
{
    return INTRINSIC(loadu_ps)(from);
}

/** The same, which the compiler does not load again for each use. */
static VECTORS_INLINE Vector get_vector_once(const float *from)
{
    Vector value = get_vector(from);

    __asm__("" : "+v"(value));
    return value;
}

static VECTORS_INLINE void put_vector(float *to, Vector value)
{
    INTRINSIC(storeu_ps)(to, value);
}

/** a * b + c, rounded once. */
static VECTORS_INLINE Vector multiply_add(Vector a, Vector b, Vector c)
{
    return INTRINSIC(fmadd_ps)(a, b, c);
}

/**
 * Pairs of 16-bit integers, each multiplied and added up with `c`, integers of 32 bits; only where there are dot
 * products. Not the intrinsic: GCC 12 would put each sum into memory and back.
 */
static VECTORS_INLINE Vector add_dots(Vector a, Vector b, Vector c)
{
#if DOTS
    __asm__("vpdpwssd %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
#else
    (void)a, (void)b;
#endif
    return c;
}

/** Of what is not a number: `b`. */
static VECTORS_INLINE Vector greater(Vector a, Vector b)
{
    return INTRINSIC(max_ps)(a, b);
}

static VECTORS_INLINE Vector smaller(Vector a, Vector b)
{
    return INTRINSIC(min_ps)(a, b);
}

#if FF_STYLE_LANES == 16

/** The first lanes of a vector, that is, which of its values there are. */
typedef __mmask16 Lanes;

#define ALL_LANES ((Lanes)0xffff)

/** All, when there are more values than that. */
static VECTORS_INLINE Lanes lanes(ptrdiff_t count)
{
    return count >= 16 ? ALL_LANES : count > 0 ? (Lanes)((1u << count) - 1) : 0;
}

/** Zero in the other lanes. */
static VECTORS_INLINE Vector keep_lanes(Vector value, Lanes kept)
{
    return _mm512_maskz_mov_ps(kept, value);
}

static VECTORS_INLINE Vector round_values(Vector value)
{
    return _mm512_roundscale_ps(value, 0);
}

static VECTORS_INLINE Vector round_down(Vector value)
{
    return _mm512_roundscale_ps(value, 1);
}

/** 1 / value to 11 bits or more. */
static VECTORS_INLINE Vector estimate_reciprocal(Vector value)
{
    return _mm512_rcp14_ps(value);
}

/** value * 2^exponent, for whole exponents that leave it a normal number. */
static VECTORS_INLINE Vector scale_by_power(Vector value, Vector exponent)
{
    return _mm512_scalef_ps(value, exponent);
}

#if INTEGERS

/** To the nearest whole numbers, after they were scaled, in 16 bits; what is beyond them, or no number, to the last one. */
static VECTORS_INLINE Halves to_integers(Vector values, float scale)
{
    return _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(values * fill(scale)));
}

/** The same of two vectors, as pairs of a value of each; what is beyond 16 bits becomes any. */
static VECTORS_INLINE Vector pair_integers(Vector left, Vector right, float scale)
{
    // Sums of such a size have whole numbers in their last bits.
    const Vector size = fill(1.5f * (1 << 23)), scales = fill(scale);
    const __m512i first = _mm512_castps_si512(multiply_add(left, scales, size));
    const __m512i second = _mm512_castps_si512(multiply_add(right, scales, size));

    return _mm512_castsi512_ps(
        _mm512_mask_blend_epi16(0xaaaaaaaa, first, _mm512_slli_epi32(second, 16)));
}

/** Sums of dot products as floats. */
static VECTORS_INLINE Vector from_dots(Vector sums)
{
    return _mm512_cvtepi32_ps(_mm512_castps_si512(sums));
}

/** The larger magnitudes, as bits without the sign. */
static VECTORS_INLINE Vector larger(Vector magnitudes, Vector values)
{
    const __m512i bits =
        _mm512_and_si512(_mm512_castps_si512(values), _mm512_set1_epi32(0x7fffffff));

    return _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(magnitudes), bits));
}

#endif

/** 16 values of bfloat16. */
static VECTORS_INLINE Vector to_float(Halves values)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}

/** Only where there is bfloat16; not the intrinsic, which functions without it can't have. */
static VECTORS_INLINE Halves to_bfloat16(Vector values)
{
    Halves rounded;

    __asm__("vcvtneps2bf16 %1, %0" : "=v"(rounded) : "v"(values));
    return rounded;
}

static VECTORS_INLINE Vector load(const void *data, StyleType type, size_t i, Lanes lanes)
{
    if (type == FF_STYLE_FLOAT)
        return _mm512_maskz_loadu_ps(lanes, (const float *)data + i);
    if (type == FF_STYLE_UINT8)
        return _mm512_cvtepi32_ps(
            _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, (const uint8_t *)data + i)));
    if (INTEGERS)
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, (const uint16_t *)data + i));
    return to_float(_mm256_maskz_loadu_epi16(lanes, (const uint16_t *)data + i));
}

static VECTORS_INLINE void store(void *data, StyleType type, size_t i, Lanes lanes, Vector value)
{
    if (type == FF_STYLE_FLOAT)
        _mm512_mask_storeu_ps((float *)data + i, lanes, value);
    else if (INTEGERS)
        _mm256_mask_storeu_epi16(
            (uint16_t *)data + i, lanes,
            _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    else
        _mm256_mask_storeu_epi16((uint16_t *)data + i, lanes, to_bfloat16(value));
}

/** Rounds values from 0 to 255; what is not a number becomes 0. */
static VECTORS_INLINE void store_bytes(uint8_t *bytes, Lanes lanes, Vector value)
{
    const Vector number = greater(value, fill(0));

    _mm_mask_storeu_epi8(bytes, lanes, _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(number)));
}

/** The sums, or of magnitudes the larger ones. */
static VECTORS_INLINE Vector join_lanes(Vector a, Vector b, int magnitudes)
{
#if INTEGERS
    if (magnitudes)
        return larger(a, b);
#else
    (void)magnitudes;
#endif
    return a + b;
}

/** Those of four vectors, one behind the other; in each quarter, of the vectors' same quarter. */
static VECTORS_INLINE Vector join_quarters(const Vector *v, int magnitudes)
{
    const Vector left =
        join_lanes(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]), magnitudes);
    const Vector right =
        join_lanes(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]), magnitudes);
    const __m512d a = _mm512_castps_pd(left), b = _mm512_castps_pd(right);

    return join_lanes(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)),
                      _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)), magnitudes);
}

/** Of as many vectors as one has lanes: the sum of each, or the largest magnitude. */
static VECTORS_INLINE Vector join_vectors(const Vector *v, int magnitudes)
{
    const Vector a = join_quarters(v, magnitudes), b = join_quarters(v + 4, magnitudes);
    const Vector c = join_quarters(v + 8, magnitudes), d = join_quarters(v + 12, magnitudes);
    const Vector left =
        join_lanes(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee), magnitudes);
    const Vector right =
        join_lanes(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee), magnitudes);

    return join_lanes(_mm512_shuffle_f32x4(left, right, 0x88),
                      _mm512_shuffle_f32x4(left, right, 0xdd), magnitudes);
}

static VECTORS_INLINE Vector sum_vectors(const Vector *v)
{
    return join_vectors(v, 0);
}

#else

/** The first lanes of a vector, that is, how many of its values there are. */
typedef int Lanes;

#define ALL_LANES 8

/** All, when there are more values than that. */
static VECTORS_INLINE Lanes lanes(ptrdiff_t count)
{
    return count >= ALL_LANES ? ALL_LANES : count > 0 ? (Lanes)count : 0;
}

static VECTORS_INLINE __m256i mask_of(Lanes lanes)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/** Zero in the other lanes. */
static VECTORS_INLINE Vector keep_lanes(Vector value, Lanes kept)
{
    return kept == ALL_LANES ? value : _mm256_and_ps(value, _mm256_castsi256_ps(mask_of(kept)));
}

static VECTORS_INLINE Vector round_values(Vector value)
{
    return _mm256_round_ps(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static VECTORS_INLINE Vector round_down(Vector value)
{
    return _mm256_floor_ps(value);
}

/** 1 / value to 11 bits or more. */
static VECTORS_INLINE Vector estimate_reciprocal(Vector value)
{
    return _mm256_rcp_ps(value);
}

/** value * 2^exponent, for whole exponents that leave it a normal number. */
static VECTORS_INLINE Vector scale_by_power(Vector value, Vector exponent)
{
    const __m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(exponent), 23);

    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(value), power));
}

/** `type` is not bfloat16, which these vectors don't have. */
static VECTORS_INLINE Vector load(const void *data, StyleType type, size_t i, Lanes lanes)
{
    const uint8_t *const bytes = (const uint8_t *)data + i;
    uint64_t eight = 0;

    if (type == FF_STYLE_FLOAT)
        return lanes == ALL_LANES ? get_vector((const float *)data + i)
                                  : _mm256_maskload_ps((const float *)data + i, mask_of(lanes));
    memcpy(&eight, bytes, lanes == ALL_LANES ? sizeof(eight) : (size_t)lanes);
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)eight)));
}

static VECTORS_INLINE void store(void *data, StyleType type, size_t i, Lanes lanes, Vector value)
{
    float *const to = (float *)data + i;

    (void)type;
    if (lanes == ALL_LANES)
        put_vector(to, value);
    else if (lanes == ALL_LANES / 2)
        _mm_storeu_ps(to, _mm256_castps256_ps128(
                              value)); // some processors take ten times as long for a masked one
    else
        _mm256_maskstore_ps(to, mask_of(lanes), value);
}

/** Rounds values from 0 to 255; what is not a number becomes 0, as the smallest of all whole ones. */
static VECTORS_INLINE void store_bytes(uint8_t *bytes, Lanes lanes, Vector value)
{
    const __m256i whole = _mm256_cvtps_epi32(value);
    const __m128i words =
        _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    const long long eight = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));

    memcpy(bytes, &eight, lanes == ALL_LANES ? sizeof(eight) : (size_t)lanes);
}

/** The sums of as many vectors as one has lanes. */
static VECTORS_INLINE Vector sum_vectors(const Vector *v)
{
    const Vector a = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    const Vector b = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));

    return _mm256_permute2f128_ps(a, b, 0x20) + _mm256_permute2f128_ps(a, b, 0x31);
}

#endif

#endif
