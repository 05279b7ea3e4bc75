/*
 * How paintings are held, block by block: for the files that say what it is called (HOLD_PAINTING) and which
 * processors it is for (TARGET).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "hold.h"

/* FFmpeg's configure turns the vectoriser off for some versions of GCC; these loops are made for it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize")
#endif

#define BLOCK FF_STYLE_BLOCK
#define ROW (3 * BLOCK) // bytes of a block's line
#define TAPS FF_STYLE_TAPS
#define BEFORE FF_STYLE_TAPS_BEFORE
#define LINES (BLOCK + TAPS - 1)
#define LONG_ROW 40 // bytes of a line with what the taps reach beside it, rounded up
#define PADDING FF_STYLE_HELD_PADDING
#define SCALE FF_STYLE_TAPS_SCALE
#define GAIN 16 // of the sharpness, for a detail that is lost

/** A block of a painting, lines without gaps. */
typedef uint8_t Block[BLOCK * ROW];

static TARGET inline int limit(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static TARGET void take_block(Block block, const uint8_t *from, ptrdiff_t stride)
{
    for (int i = 0; i < BLOCK; i++)
        memcpy(block + i * ROW, from + i * stride, ROW);
}

static TARGET void widen(uint16_t *restrict lines, const uint8_t *restrict from, ptrdiff_t stride)
{
    for (int i = 0; i < LINES; i++, lines += LONG_ROW, from += stride)
        for (int j = 0; j < LONG_ROW; j++)
            lines[j] = from[j];
}

/** Sums of products are modulo 2^16, and the results fit into it. */
static TARGET void filter_across(int16_t *restrict out, const uint16_t *restrict lines,
                                 const int16_t *restrict taps)
{
    const unsigned a = (uint16_t)taps[0], b = (uint16_t)taps[1], c = (uint16_t)taps[2];
    const unsigned d = (uint16_t)taps[3], e = (uint16_t)taps[4], f = (uint16_t)taps[5];

    for (int i = 0; i < LINES; i++, lines += LONG_ROW, out += ROW)
        for (int j = 0; j < ROW; j++)
            out[j] =
                (int16_t)((int16_t)(uint16_t)(lines[j] * a + lines[j + 3] * b + lines[j + 6] * c +
                                              lines[j + 9] * d + lines[j + 12] * e +
                                              lines[j + 15] * f + SCALE / 2) >>
                          6);
}

static TARGET void filter_down(uint8_t *restrict out, const int16_t *restrict lines,
                               const int16_t *restrict taps)
{
    const unsigned a = (uint16_t)taps[0], b = (uint16_t)taps[1], c = (uint16_t)taps[2];
    const unsigned d = (uint16_t)taps[3], e = (uint16_t)taps[4], f = (uint16_t)taps[5];

    for (int j = 0; j < BLOCK * ROW; j++) {
        const uint16_t *const p = (const uint16_t *)lines + j;
        int16_t value =
            (int16_t)((int16_t)(uint16_t)(p[0] * a + p[ROW] * b + p[2 * ROW] * c + p[3 * ROW] * d +
                                          p[4 * ROW] * e + p[5 * ROW] * f + SCALE / 2) >>
                      6);

        value = value < 0 ? 0 : value;
        out[j] = (uint8_t)(value > 255 ? 255 : value);
    }
}

/** A block of the last painting at a place given in parts of a pixel. */
static TARGET void look_up(Block block, const StylePainting *last, int x, int y,
                           const int16_t taps[FF_STYLE_SUBPIXELS][TAPS], int sharpness)
{
    const int column = limit(x >> 4, -PADDING + BEFORE, last->width + PADDING - LINES + BEFORE);
    const int row = limit(y >> 4, -PADDING + BEFORE, last->height + PADDING - LINES + BEFORE);
    const uint8_t *from = last->pixels + row * last->stride + 3 * column;
    const int right = x & (FF_STYLE_SUBPIXELS - 1), below = y & (FF_STYLE_SUBPIXELS - 1);
    uint16_t wide[LINES * LONG_ROW];
    int16_t lines[LINES * ROW];

    if (!right && !below && !sharpness) {
        take_block(block, from, last->stride);
        return;
    }
    // All of them first: what has just been written can't be read at other places without waiting.
    widen(wide, from - BEFORE * (last->stride + 3), last->stride);
    filter_across(lines, wide, taps[right]);
    filter_down(block, lines, taps[below]);
}

/** Weights of a block's pixels in a line, from those at its two ends in 8ths of WHOLE. */
static TARGET void spread_weights(int16_t weights[ROW], int left, int right)
{
    for (int i = 0; i < BLOCK; i++)
        weights[3 * i] = weights[3 * i + 1] = weights[3 * i + 2] =
            (int16_t)((left * (2 * BLOCK - 1 - 2 * i) + right * (2 * i + 1) + 8 * BLOCK) >> 7);
}

/** From 0 to WHOLE - 1: rounds up or down by chance, so that what is held still goes where it should. */
static TARGET void fill_dither(int16_t dither[ROW], unsigned seed)
{
    for (unsigned i = 0; i < ROW; i++) {
        const unsigned mixed = (seed * 24 + i) * 0x9e3779b1u;

        dither[i] = (int16_t)((mixed ^ mixed >> 15) >> 7 & (FF_STYLE_WHOLE - 1));
    }
}

/** |(last - new) * weight| is at most 255 * 128, and with the dither just below 2^15. */
static TARGET void blend_line(uint8_t *restrict line, const uint8_t *restrict last,
                              const int16_t *restrict weights, const int16_t *restrict dither)
{
    for (int i = 0; i < ROW; i++) {
        const int16_t difference = (int16_t)(last[i] - line[i]);
        const int16_t more = (int16_t)((int16_t)(difference * weights[i]) + dither[i]);

        line[i] = (uint8_t)(line[i] + (int16_t)(more >> 7));
    }
}

static TARGET void blend(Block block, const Block last, const uint8_t *weights, int next,
                         unsigned seed)
{
    int16_t across[ROW], dither[ROW];

    fill_dither(dither, seed);
    if (weights[0] == weights[1] && weights[0] == weights[next] && weights[0] == weights[next + 1])
        for (int i = 0; i < ROW; i++)
            across[i] = weights[0];
    for (int i = 0; i < BLOCK; i++) {
        const int below = 2 * i + 1, above = 2 * BLOCK - below;

        if (weights[0] != weights[1] || weights[0] != weights[next] ||
            weights[0] != weights[next + 1])
            spread_weights(across, (weights[0] * above + weights[next] * below) >> 1,
                           (weights[1] * above + weights[next + 1] * below) >> 1);
        blend_line(block + i * ROW, last + i * ROW, across, dither);
    }
}

/** How much two lines of a block bend: the sum of second differences. */
static TARGET int detail(const Block block)
{
    int sum = 0;

    for (int i = 2; i < BLOCK; i += 3) {
        const uint8_t *const line = block + i * ROW;

        for (int j = 3; j < ROW - 3; j++) {
            const int across = 2 * line[j] - line[j - 3] - line[j + 3];
            const int down = 2 * line[j] - line[j - ROW] - line[j + ROW];

            sum += (across < 0 ? -across : across) + (down < 0 ? -down : down);
        }
    }
    return sum;
}

/** The sharpness for the next time, by what was lost of the detail. */
static TARGET uint8_t next_sharpness(int wanted, int found)
{
    const int floor = 2 * ROW;

    return (uint8_t)limit(GAIN * (wanted - wanted / 20 - found) / (found + floor), 0,
                          FF_STYLE_SHARPNESS - 1);
}

static TARGET void hold_block(const StyleHold *hold, const StylePainting *last, Block block,
                              int column, int row)
{
    const StyleMotion *const motion = hold->motion;
    const int place = row * motion->columns + column, next = motion->columns + 1;
    const StyleVector *const vector = &motion->vectors[place];
    const uint8_t *const weights = hold->weights + row * next + column;
    uint8_t *const sharpness = &hold->sharpness[place];
    Block held;
    int wanted;

    if (!(weights[0] | weights[1] | weights[next] | weights[next + 1])) {
        *sharpness = 0;
        return;
    }
    look_up(held, last, column * BLOCK * FF_STYLE_SUBPIXELS + vector->x,
            row * BLOCK * FF_STYLE_SUBPIXELS + vector->y, hold->filters->taps[*sharpness],
            *sharpness);
    wanted = detail(block);
    blend(block, held, weights, next, hold->number * 131 + (unsigned)place);
    *sharpness = next_sharpness(wanted, detail(block));
}

static TARGET void copy_part(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from,
                             ptrdiff_t from_stride, int width, int height)
{
    for (int i = 0; i < height; i++)
        memcpy(to + i * to_stride, from + i * from_stride, 3 * (size_t)width);
}

TARGET void HOLD_PAINTING(const StyleHold *hold, const StylePainting *last,
                          const StylePainting *kept, uint8_t *painting, ptrdiff_t stride)
{
    const StyleMotion *const motion = hold->motion;
    Block block = {0};

    for (int row = 0; row < motion->rows; row++)
        for (int column = 0; column < motion->columns; column++) {
            const int x = column * BLOCK, y = row * BLOCK;
            const int width = limit(kept->width - x, 0, BLOCK);
            const int height = limit(kept->height - y, 0, BLOCK);
            uint8_t *const here = painting + y * stride + 3 * x;

            if (width == BLOCK && height == BLOCK)
                take_block(block, here, stride);
            else
                copy_part(block, ROW, here, stride, width, height);
            hold_block(hold, last, block, column, row);
            copy_part(here, stride, block, ROW, width, height);
            copy_part(kept->pixels + y * kept->stride + 3 * x, kept->stride, block, ROW, width,
                      height);
        }
    ff_style_pad_painting(kept);
}
