/*
 * Greys of RGB with vectors of 256 bits.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "../pyramid.h"
#include "../../kernels/conv.h"

#if FF_STYLE_HAS_AVX

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define PER_LANE 8          // greys
#define LANE (6 * PER_LANE) // bytes of a line that they are made of

/** 16 bytes of each of two lanes. */
static TARGET inline __m256i load(const uint8_t *from)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)from)),
                                   _mm_loadu_si128((const __m128i *)(from + LANE)), 1);
}

static TARGET inline __m256i repeat(char a, char b, char c, char d, char e, char f)
{
    return _mm256_setr_epi8(a, b, c, d, e, f, a, b, c, d, e, f, a, b, c, d, a, b, c, d, e, f, a, b,
                            c, d, e, f, a, b, c, d);
}

/** Sums of two neighbouring bytes in two lines, green twice. */
static TARGET inline __m256i add_pairs(const uint8_t *a, const uint8_t *b, __m256i weights)
{
    return _mm256_add_epi16(_mm256_maddubs_epi16(load(a), weights),
                            _mm256_maddubs_epi16(load(b), weights));
}

/** The words whose places are given, one after the other. */
static TARGET inline __m256i pick(__m256i words, char a, char b, char c, char d, char e, char f,
                                  char g, char h)
{
    const __m128i first = _mm_setr_epi8(a, a, b, b, c, c, d, d, e, e, f, f, g, g, h, h);
    const __m128i both = _mm_add_epi8(_mm_slli_epi16(first, 1), _mm_set1_epi16(256));

    return _mm256_shuffle_epi8(words, _mm256_broadcastsi128_si256(both));
}

/** PER_LANE greys in each lane: sums of three pairs. */
static TARGET inline __m256i mix(const uint8_t *a, const uint8_t *b)
{
    const __m256i x = add_pairs(a, b, repeat(1, 2, 1, 1, 2, 1));
    const __m256i y = add_pairs(a + 16, b + 16, repeat(2, 1, 1, 2, 1, 1));
    const __m256i z = add_pairs(a + 32, b + 32, repeat(1, 1, 2, 1, 1, 2));
    const __m256i first = _mm256_blend_epi16(_mm256_blend_epi16(x, y, 0x92), z, 0x24);
    const __m256i second = _mm256_blend_epi16(_mm256_blend_epi16(x, y, 0x24), z, 0x49);
    const __m256i third = _mm256_blend_epi16(_mm256_blend_epi16(x, y, 0x49), z, 0x92);
    const __m256i sum = _mm256_add_epi16(
        _mm256_add_epi16(pick(first, 0, 3, 6, 1, 4, 7, 2, 5), pick(second, 1, 4, 7, 2, 5, 0, 3, 6)),
        pick(third, 2, 5, 0, 3, 6, 1, 4, 7));

    return _mm256_srli_epi16(_mm256_add_epi16(sum, _mm256_set1_epi16(8)), 4);
}

TARGET void ff_style_mix_part_avx2(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
    for (int i = 0; i < FF_STYLE_MIXED; i += 4 * PER_LANE, a += 4 * LANE, b += 4 * LANE)
        _mm256_storeu_si256(
            (__m256i *)(out + i),
            _mm256_permute4x64_epi64(
                _mm256_packus_epi16(mix(a, b), mix(a + 2 * LANE, b + 2 * LANE)), 0xd8));
}

#endif
