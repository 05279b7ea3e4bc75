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
#define SHARPNESS_BITS 6
#define MAX_SHARPNESS 31 // 1020 times that fits into 16 bits
#define GAIN 24          // of the sharpness, for a detail that is lost

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
    const unsigned d = (uint16_t)taps[3];

    for (int i = 0; i < LINES; i++, lines += LONG_ROW, out += ROW)
        for (int j = 0; j < ROW; j++)
            out[j] =
                (int16_t)((int16_t)(uint16_t)(lines[j] * a + lines[j + 3] * b + lines[j + 6] * c +
                                              lines[j + 9] * d + SCALE / 2) >>
                          6);
}

static TARGET void filter_down(uint8_t *restrict out, const int16_t *restrict lines,
                               const int16_t *restrict taps)
{
    const unsigned a = (uint16_t)taps[0], b = (uint16_t)taps[1], c = (uint16_t)taps[2];
    const unsigned d = (uint16_t)taps[3];

    for (int j = 0; j < BLOCK * ROW; j++) {
        const uint16_t *const p = (const uint16_t *)lines + j;
        int16_t value = (int16_t)((int16_t)(uint16_t)(p[0] * a + p[ROW] * b + p[2 * ROW] * c +
                                                      p[3 * ROW] * d + SCALE / 2) >>
                                  6);

        value = value < 0 ? 0 : value;
        out[j] = (uint8_t)(value > 255 ? 255 : value);
    }
}

/** A block of the last painting at a place given in parts of a pixel. */
static TARGET void look_up(Block block, const StylePainting *last, int x, int y,
                           const StyleFilters *filters)
{
    const int column = limit(x >> 4, -PADDING + BEFORE, last->width + PADDING - LINES + BEFORE);
    const int row = limit(y >> 4, -PADDING + BEFORE, last->height + PADDING - LINES + BEFORE);
    const uint8_t *from = last->pixels + row * last->stride + 3 * column;
    const int right = x & (FF_STYLE_SUBPIXELS - 1), below = y & (FF_STYLE_SUBPIXELS - 1);
    uint16_t wide[LINES * LONG_ROW];
    int16_t lines[LINES * ROW];

    if (!right && !below) {
        take_block(block, from, last->stride);
        return;
    }
    // All of them first: what has just been written can't be read at other places without waiting.
    widen(wide, from - BEFORE * (last->stride + 3), last->stride);
    filter_across(lines, wide, filters->taps[right]);
    filter_down(block, lines, filters->taps[below]);
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

/**
 * How much a block is sharpened, by the detail that its painting has and what is left of it. Where it is held
 * loosely, what is sharpened flickers.
 */
static TARGET uint8_t find_sharpness(int painted, int held, int weight)
{
    const int lost = painted - painted / 20 - held, floor = 2 * ROW;
    const int firmness = weight * weight / FF_STYLE_WHOLE;

    return (uint8_t)limit(GAIN * firmness * lost / (FF_STYLE_WHOLE * (held + floor)), 0,
                          MAX_SHARPNESS);
}

static TARGET void hold_block(const StyleHold *hold, const StylePainting *last, Block block,
                              int column, int row)
{
    const StyleMotion *const motion = hold->motion;
    const int place = row * motion->columns + column, next = motion->columns + 1;
    const StyleVector *const vector = &motion->vectors[place];
    const uint8_t *const weights = hold->weights + row * next + column;
    const int weight = weights[0] + weights[1] + weights[next] + weights[next + 1];
    Block held;
    int painted;

    hold->sharpness[place] = 0;
    if (!weight)
        return;
    look_up(held, last, column * BLOCK * FF_STYLE_SUBPIXELS + vector->x,
            row * BLOCK * FF_STYLE_SUBPIXELS + vector->y, hold->filters);
    painted = detail(block);
    blend(block, held, weights, next, hold->seed * 131 + (unsigned)place);
    hold->sharpness[place] = find_sharpness(painted, detail(block), weight / 4);
}

/** Towards zero is rounded, so that what noise leaves is not sharpened. */
static TARGET void sharpen_block(Block block, const uint8_t *from, ptrdiff_t stride, int sharpness)
{
    for (int i = 0; i < BLOCK; i++, from += stride, block += ROW)
        for (int j = 0; j < ROW; j++) {
            const int16_t near =
                (int16_t)(from[j - 3] + from[j + 3] + from[j - stride] + from[j + stride]);
            const int16_t more = (int16_t)((int16_t)(4 * from[j] - near) * sharpness);
            const int16_t up = (int16_t)(more >> 15 & ((1 << SHARPNESS_BITS) - 1));
            const int16_t value = (int16_t)(from[j] + ((int16_t)(more + up) >> SHARPNESS_BITS));

            block[j] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
}

static TARGET void copy_part(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from,
                             ptrdiff_t from_stride, int width, int height)
{
    for (int i = 0; i < height; i++)
        memcpy(to + i * to_stride, from + i * from_stride, 3 * (size_t)width);
}

/** Holds the blocks of a painting, and keeps them. */
static TARGET void hold_blocks(const StyleHold *hold, const StylePainting *last,
                               const StylePainting *kept, const uint8_t *painting, ptrdiff_t stride)
{
    const StyleMotion *const motion = hold->motion;
    Block block = {0};

    for (int row = 0; row < motion->rows; row++)
        for (int column = 0; column < motion->columns; column++) {
            const int x = column * BLOCK, y = row * BLOCK;
            const int width = limit(kept->width - x, 0, BLOCK);
            const int height = limit(kept->height - y, 0, BLOCK);

            copy_part(block, ROW, painting + y * stride + 3 * x, stride, width, height);
            hold_block(hold, last, block, column, row);
            copy_part(kept->pixels + y * kept->stride + 3 * x, kept->stride, block, ROW, width,
                      height);
        }
    ff_style_pad_painting(kept);
}

TARGET void HOLD_PAINTING(const StyleHold *hold, const StylePainting *last,
                          const StylePainting *kept, uint8_t *painting, ptrdiff_t stride)
{
    const StyleMotion *const motion = hold->motion;

    hold_blocks(hold, last, kept, painting, stride);
    for (int row = 0; row < motion->rows; row++)
        for (int column = 0; column < motion->columns; column++) {
            const int x = column * BLOCK, y = row * BLOCK;
            const int sharpness = hold->sharpness[row * motion->columns + column];
            const uint8_t *const from = kept->pixels + y * kept->stride + 3 * x;
            Block block;

            if (sharpness)
                sharpen_block(block, from, kept->stride, sharpness);
            copy_part(painting + y * stride + 3 * x, stride, sharpness ? block : from,
                      sharpness ? ROW : kept->stride, limit(kept->width - x, 0, BLOCK),
                      limit(kept->height - y, 0, BLOCK));
        }
}
