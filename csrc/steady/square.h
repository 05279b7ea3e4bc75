/*
 * Squares of 8x8 grey pixels, in vectors where every processor of the kind has them; the others do the same.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_SQUARE_H
#define FF_STYLE_SQUARE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define FF_STYLE_SIDE 8
#define FF_STYLE_AREA (FF_STYLE_SIDE * FF_STYLE_SIDE)
/** Parts of a pixel that squares are looked up at. */
#define FF_STYLE_UNITS 32

#if defined(__SSE2__)

typedef struct StyleSquare {
    __m128i lines[4]; ///< two of them each
} StyleSquare;

/** The square whose first pixel this is. */
static inline StyleSquare ff_style_take_square(const uint8_t *from, ptrdiff_t stride)
{
    StyleSquare square;

    for (int i = 0; i < 4; i++, from += 2 * stride)
        square.lines[i] = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)from),
                                             _mm_loadl_epi64((const __m128i *)(from + stride)));
    return square;
}

/** A line of a square between pixels, 8 times as large. */
static inline __m128i ff_style_blend_line(const uint8_t *from, __m128i left, __m128i right)
{
    const __m128i zero = _mm_setzero_si128();
    const __m128i a = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)from), zero);
    const __m128i b = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(from + 1)), zero);

    return _mm_srli_epi16(
        _mm_add_epi16(_mm_add_epi16(_mm_mullo_epi16(a, left), _mm_mullo_epi16(b, right)),
                      _mm_set1_epi16(2)),
        2);
}

/** The square that begins so many UNITS right of a pixel and below it, by bilinear interpolation. */
static inline StyleSquare ff_style_take_between(const uint8_t *from, ptrdiff_t stride, int right,
                                                int below)
{
    const __m128i before = _mm_set1_epi16((short)(FF_STYLE_UNITS - right));
    const __m128i behind = _mm_set1_epi16((short)right);
    const __m128i above = _mm_set1_epi16((short)(FF_STYLE_UNITS - below));
    const __m128i under = _mm_set1_epi16((short)below), half = _mm_set1_epi16(128);
    __m128i upper = ff_style_blend_line(from, before, behind), lines[FF_STYLE_SIDE];
    StyleSquare square;

    for (int i = 0; i < FF_STYLE_SIDE; i++) {
        const __m128i lower = ff_style_blend_line(from += stride, before, behind);
        const __m128i sum =
            _mm_add_epi16(_mm_mullo_epi16(upper, above), _mm_mullo_epi16(lower, under));

        lines[i] = _mm_srli_epi16(_mm_add_epi16(sum, half), 8);
        upper = lower;
    }
    for (int i = 0; i < 4; i++)
        square.lines[i] = _mm_packus_epi16(lines[2 * i], lines[2 * i + 1]);
    return square;
}

static inline int ff_style_add_halves(__m128i sums)
{
    return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_srli_si128(sums, 8)));
}

static inline int ff_style_sum_square(const StyleSquare *square)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i sums = zero;

    for (int i = 0; i < 4; i++)
        sums = _mm_add_epi32(sums, _mm_sad_epu8(square->lines[i], zero));
    return ff_style_add_halves(sums);
}

/** Sum of the absolute differences from a square with so much more light, -255 to 255. */
static inline int ff_style_compare_lit(const StyleSquare *a, const StyleSquare *b, int light)
{
    const __m128i more = _mm_set1_epi8((char)(light > 0 ? light : 0));
    const __m128i less = _mm_set1_epi8((char)(light < 0 ? -light : 0));
    __m128i sums = _mm_setzero_si128();

    for (int i = 0; i < 4; i++) {
        const __m128i lit = _mm_subs_epu8(_mm_adds_epu8(b->lines[i], more), less);

        sums = _mm_add_epi32(sums, _mm_sad_epu8(a->lines[i], lit));
    }
    return ff_style_add_halves(sums);
}

static inline StyleSquare ff_style_flat_square(int value)
{
    const __m128i lines = _mm_set1_epi8((char)value);

    return (StyleSquare){{lines, lines, lines, lines}};
}

/** Differences of the pixels, line by line. */
static inline void ff_style_subtract_square(int16_t differences[FF_STYLE_AREA],
                                            const StyleSquare *a, const StyleSquare *b)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i *const out = (__m128i *)differences;

    for (int i = 0; i < 4; i++) {
        _mm_storeu_si128(out + 2 * i, _mm_sub_epi16(_mm_unpacklo_epi8(a->lines[i], zero),
                                                    _mm_unpacklo_epi8(b->lines[i], zero)));
        _mm_storeu_si128(out + 2 * i + 1, _mm_sub_epi16(_mm_unpackhi_epi8(a->lines[i], zero),
                                                        _mm_unpackhi_epi8(b->lines[i], zero)));
    }
}

#else

typedef struct StyleSquare {
    uint8_t pixels[FF_STYLE_AREA];
} StyleSquare;

static inline StyleSquare ff_style_take_square(const uint8_t *from, ptrdiff_t stride)
{
    StyleSquare square;

    for (int i = 0; i < FF_STYLE_SIDE; i++)
        memcpy(square.pixels + i * FF_STYLE_SIDE, from + i * stride, FF_STYLE_SIDE);
    return square;
}

static inline StyleSquare ff_style_take_between(const uint8_t *from, ptrdiff_t stride, int right,
                                                int below)
{
    const uint16_t before = (uint16_t)(FF_STYLE_UNITS - right), behind = (uint16_t)right;
    const uint16_t above = (uint16_t)(FF_STYLE_UNITS - below), under = (uint16_t)below;
    uint16_t lines[FF_STYLE_AREA + FF_STYLE_SIDE];
    StyleSquare square;

    for (int i = 0; i <= FF_STYLE_SIDE; i++, from += stride)
        for (int j = 0; j < FF_STYLE_SIDE; j++)
            lines[i * FF_STYLE_SIDE + j] =
                (uint16_t)((from[j] * before + from[j + 1] * behind + 2) >> 2);
    for (int i = 0; i < FF_STYLE_AREA; i++)
        square.pixels[i] =
            (uint8_t)((lines[i] * above + lines[i + FF_STYLE_SIDE] * under + 128) >> 8);
    return square;
}

static inline int ff_style_sum_square(const StyleSquare *square)
{
    int sum = 0;

    for (int i = 0; i < FF_STYLE_AREA; i++)
        sum += square->pixels[i];
    return sum;
}

static inline int ff_style_compare_lit(const StyleSquare *a, const StyleSquare *b, int light)
{
    int sum = 0;

    for (int i = 0; i < FF_STYLE_AREA; i++) {
        const int lit = b->pixels[i] + light, difference = a->pixels[i] - (lit < 0     ? 0
                                                                           : lit > 255 ? 255
                                                                                       : lit);

        sum += difference < 0 ? -difference : difference;
    }
    return sum;
}

static inline StyleSquare ff_style_flat_square(int value)
{
    StyleSquare square;

    memset(square.pixels, value, FF_STYLE_AREA);
    return square;
}

static inline void ff_style_subtract_square(int16_t differences[FF_STYLE_AREA],
                                            const StyleSquare *a, const StyleSquare *b)
{
    for (int i = 0; i < FF_STYLE_AREA; i++)
        differences[i] = (int16_t)(a->pixels[i] - b->pixels[i]);
}
#endif

#endif
