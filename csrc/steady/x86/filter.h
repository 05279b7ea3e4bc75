/*
 * A block of a painting between pixels, with vectors of 256 bits: for the files that say which processors it is for
 * (TARGET).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <immintrin.h>

#include "../hold.h"

#define FILTER_BLOCK filter_block
#define LINES (FF_STYLE_BLOCK + FF_STYLE_TAPS - 1)

/** Two pairs of taps, for products of bytes that lie beside each other. */
typedef struct Taps {
    __m256i first, second;
} Taps;

static TARGET inline Taps pair_taps(const int16_t *taps)
{
    return (Taps){_mm256_set1_epi16((short)((taps[0] & 255) | taps[1] * 256)),
                  _mm256_set1_epi16((short)((taps[2] & 255) | taps[3] * 256))};
}

/** Four pixels' bytes by their taps, as one: (sum + 32) / 64. */
static TARGET inline __m256i filter(__m256i a, __m256i b, __m256i c, __m256i d, const Taps *taps)
{
    const __m256i scale = _mm256_set1_epi16(512);
    const __m256i low =
        _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), taps->first),
                         _mm256_maddubs_epi16(_mm256_unpacklo_epi8(c, d), taps->second));
    const __m256i high =
        _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), taps->first),
                         _mm256_maddubs_epi16(_mm256_unpackhi_epi8(c, d), taps->second));

    return _mm256_packus_epi16(_mm256_mulhrs_epi16(low, scale), _mm256_mulhrs_epi16(high, scale));
}

static TARGET inline __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

static TARGET inline void filter_block(uint8_t *out, const uint8_t *from, ptrdiff_t stride,
                                       const int16_t *across, const int16_t *down)
{
    const Taps right = pair_taps(across), below = pair_taps(down);
    __m256i lines[LINES];

    for (int i = 0; i < LINES; i++, from += stride)
        lines[i] = filter(load(from), load(from + 3), load(from + 6), load(from + 9), &right);
    for (int i = 0; i < FF_STYLE_BLOCK; i++, out += FF_STYLE_HELD_STRIDE)
        _mm256_storeu_si256((__m256i *)out,
                            filter(lines[i], lines[i + 1], lines[i + 2], lines[i + 3], &below));
}

#undef LINES
