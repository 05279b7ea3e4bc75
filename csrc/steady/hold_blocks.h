/*
 * How paintings are held, a row of blocks after the other: for the files that say what it is called (HOLD_ROWS,
 * SHARPEN_ENDS), which processors it is for (TARGET), and what filters a block (FILTER_BLOCK) where these have something
 * for it.
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
#define LONG_ROW FF_STYLE_LONG_ROW
#define PADDING FF_STYLE_HELD_PADDING
#define SHARPNESS_BITS 6
#define MAX_SHARPNESS 31 // 1020 times that fits into 16 bits
#define GAIN 24          // of the sharpness, for a detail that is lost
#define TILE_BLOCKS FF_STYLE_TILE_BLOCKS
#define TILE (TILE_BLOCKS * ROW) // bytes of a tile's line
#define HELD_STRIDE FF_STYLE_HELD_STRIDE
#define HELD (BLOCK * HELD_STRIDE)

#define SUBPIXEL_BITS 4
_Static_assert(FF_STYLE_SUBPIXELS == 1 << SUBPIXEL_BITS, "places are shifted by other bits");

/** Neighbouring blocks of a row: what is known of them stays in the nearest cache, and their lines are long. */
typedef struct Tile {
    int column, row;   ///< of the first block
    int columns;       ///< of blocks
    int width, height; ///< what of them is in the picture: bytes, lines
    uint8_t *painting;
    ptrdiff_t stride; ///< of the painting
    uint8_t *kept;
} Tile;

static TARGET inline int limit(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static TARGET inline int16_t least(int16_t a, int16_t b)
{
    return a < b ? a : b;
}

static TARGET inline int16_t most(int16_t a, int16_t b)
{
    return a > b ? a : b;
}

#ifndef FILTER_BLOCK
#define FILTER_BLOCK filter_block

/** What the taps make of four pixels; sums fit into 16 bits. */
static TARGET inline uint8_t filter(int a, int b, int c, int d, const int16_t *taps)
{
    const int sum = a * taps[0] + b * taps[1] + c * taps[2] + d * taps[3];
    const int16_t value = (int16_t)((int16_t)(sum + FF_STYLE_TAPS_SCALE / 2) >> 6);

    return (uint8_t)least(most(value, 0), 255);
}

/** Filters LONG_ROW bytes of each of a block's lines, which begin `BEFORE` lines and pixels behind `from`. */
static TARGET void filter_block(uint8_t *restrict out, const uint8_t *restrict from,
                                ptrdiff_t stride, const int16_t *across, const int16_t *down)
{
    uint8_t lines[LINES * LONG_ROW];

    for (int i = 0; i < LINES; i++, from += stride)
        for (int j = 0; j < LONG_ROW; j++)
            lines[i * LONG_ROW + j] =
                filter(from[j], from[j + 3], from[j + 6], from[j + 9], across);
    for (int i = 0; i < BLOCK; i++, out += HELD_STRIDE)
        for (int j = 0; j < LONG_ROW; j++) {
            const uint8_t *const p = lines + i * LONG_ROW + j;

            out[j] = filter(p[0], p[LONG_ROW], p[2 * LONG_ROW], p[3 * LONG_ROW], down);
        }
}
#endif

/**
 * A block of the last painting at a place given in parts of a pixel.
 *
 * @param out lines HELD_STRIDE apart, of LONG_ROW bytes
 */
static TARGET void look_up(uint8_t *out, const StylePainting *last, int x, int y,
                           const StyleFilters *filters)
{
    const int column =
        limit(x >> SUBPIXEL_BITS, -PADDING + BEFORE, last->width + PADDING - LINES + BEFORE);
    const int row =
        limit(y >> SUBPIXEL_BITS, -PADDING + BEFORE, last->height + PADDING - LINES + BEFORE);
    const uint8_t *from = last->pixels + row * last->stride + 3 * column;
    const int right = x & (FF_STYLE_SUBPIXELS - 1), below = y & (FF_STYLE_SUBPIXELS - 1);

    if (!right && !below) {
        for (int i = 0; i < BLOCK; i++)
            memcpy(out + i * HELD_STRIDE, from + i * last->stride, LONG_ROW);
        return;
    }
    FILTER_BLOCK(out, from - BEFORE * (last->stride + 3), last->stride, filters->taps[right],
                 filters->taps[below]);
}

static TARGET void look_up_tile(uint8_t held[HELD], const StyleHold *hold, const Tile *tile)
{
    const int place = tile->row * hold->motion->columns + tile->column;
    const StyleVector *const vectors = hold->motion->vectors + place;
    const int x = tile->column * BLOCK, y = tile->row * BLOCK;

    for (int i = 0; i < tile->columns; i++)
        look_up(held + i * ROW, hold->last, (x + i * BLOCK) * FF_STYLE_SUBPIXELS + vectors[i].x,
                y * FF_STYLE_SUBPIXELS + vectors[i].y, hold->filters);
}

/** Weights of a line at the height of blocks' corners, in 16ths of those. */
static TARGET void spread_weights(uint16_t *restrict line, const uint8_t *weights, int columns)
{
    for (int i = 0; i < columns; i++, line += ROW)
        for (int j = 0; j < ROW; j++) {
            const int right = 2 * (j / 3) + 1;

            line[j] = (uint16_t)(weights[i] * (2 * BLOCK - right) + weights[i + 1] * right);
        }
}

/** From 0 to WHOLE - 1: rounds up or down by chance, so that what is held still goes where it should. */
static TARGET void fill_dither(int16_t *restrict dither, unsigned seed, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const unsigned mixed = (seed * ROW + i) * 0x9e3779b1u;

        dither[i] = (int16_t)((mixed ^ mixed >> 15) >> 7 & (FF_STYLE_WHOLE - 1));
    }
}

/** How a line lies between the corners above and below it. */
typedef struct Weights {
    uint16_t upper[TILE], lower[TILE];
    int16_t dither[TILE];
} Weights;

/** |(last - new) * weight| is at most 255 * 128, and with the dither just below 2^15. */
static TARGET void blend_line(uint8_t *restrict out, const uint8_t *restrict line,
                              const uint8_t *restrict last, const Weights *restrict weights,
                              int place, int width)
{
    const unsigned below = 2 * (unsigned)place + 1, above = 2 * BLOCK - below;

    for (int i = 0; i < width; i++) {
        const uint16_t sum =
            (uint16_t)(weights->upper[i] * above + weights->lower[i] * below + 128);
        const int16_t weight = (int16_t)(sum >> 8), difference = (int16_t)(last[i] - line[i]);
        const int16_t more = (int16_t)((int16_t)(difference * weight) + weights->dither[i]);

        out[i] = (uint8_t)(line[i] + (int16_t)(more >> 7));
    }
}

static TARGET void blend(const StyleHold *hold, const Tile *tile, const uint8_t *held)
{
    const int columns = hold->motion->columns;
    const unsigned place = (unsigned)(tile->row * columns + tile->column);
    const uint8_t *const corners = hold->weights + tile->row * (columns + 1) + tile->column;
    Weights weights;

    spread_weights(weights.upper, corners, tile->columns);
    spread_weights(weights.lower, corners + columns + 1, tile->columns);
    fill_dither(weights.dither, hold->seed * 131 + place, (unsigned)(tile->columns * ROW));
    for (int i = 0; i < tile->height; i++)
        blend_line(tile->kept + i * hold->kept->stride, tile->painting + i * tile->stride,
                   held + i * HELD_STRIDE, &weights, i, tile->width);
}

/** How much a line bends: second differences. */
static TARGET void add_bends(uint16_t *restrict bends, const uint8_t *restrict line,
                             ptrdiff_t stride, int width)
{
    for (int i = 3; i < width - 3; i++) {
        const int16_t across = (int16_t)(2 * line[i] - line[i - 3] - line[i + 3]);
        const int16_t down = (int16_t)(2 * line[i] - line[i - stride] - line[i + stride]);

        bends[i] =
            (uint16_t)(bends[i] + most(across, (int16_t)-across) + most(down, (int16_t)-down));
    }
}

/** How much two lines of each block bend. */
static TARGET void find_details(int details[TILE_BLOCKS], const Tile *tile, const uint8_t *from,
                                ptrdiff_t stride)
{
    uint16_t bends[TILE] = {0};

    for (int i = 2; i + 1 < tile->height; i += 3)
        add_bends(bends, from + i * stride, stride, tile->width);
    for (int i = 0; i < tile->columns; i++) {
        uint16_t sum = 0;

        for (int j = 3; j < ROW - 3; j++)
            sum = (uint16_t)(sum + bends[i * ROW + j]);
        details[i] = sum;
    }
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

/** The weights around a block. */
static TARGET int weight_of(const StyleHold *hold, int column, int row)
{
    const int next = hold->motion->columns + 1;
    const uint8_t *const weights = hold->weights + row * next + column;

    return weights[0] + weights[1] + weights[next] + weights[next + 1];
}

static TARGET int is_held(const StyleHold *hold, const Tile *tile)
{
    for (int i = 0; i < tile->columns; i++)
        if (weight_of(hold, tile->column + i, tile->row))
            return 1;
    return 0;
}

static TARGET Tile take_tile(const StyleHold *hold, int column, int row)
{
    const StylePainting *const kept = hold->kept;
    const int x = column * BLOCK, y = row * BLOCK;
    const int width = limit(kept->width - x, 0, TILE_BLOCKS * BLOCK);

    return (Tile){column,
                  row,
                  (width + BLOCK - 1) / BLOCK,
                  3 * width,
                  limit(kept->height - y, 0, BLOCK),
                  hold->painting + y * hold->stride + 3 * x,
                  hold->stride,
                  kept->pixels + y * kept->stride + 3 * x};
}

/** Keeps what the painting becomes, and finds how much of that is to be sharpened. */
static TARGET void hold_tile(const StyleHold *hold, const Tile *tile)
{
    const ptrdiff_t stride = hold->kept->stride;
    uint8_t *const sharpness = hold->sharpness + tile->row * hold->motion->columns + tile->column;
    uint8_t held[HELD];
    int painted[TILE_BLOCKS], left[TILE_BLOCKS];

    if (!is_held(hold, tile)) {
        for (int i = 0; i < tile->height; i++)
            memcpy(tile->kept + i * stride, tile->painting + i * tile->stride, (size_t)tile->width);
        return;
    }
    look_up_tile(held, hold, tile);
    blend(hold, tile, held);
    find_details(painted, tile, tile->painting, tile->stride);
    find_details(left, tile, tile->kept, stride);
    for (int i = 0; i < tile->columns; i++)
        sharpness[i] =
            find_sharpness(painted[i], left[i], weight_of(hold, tile->column + i, tile->row) / 4);
}

/** Towards zero is rounded, so that what noise leaves is not sharpened. */
static TARGET void sharpen_line(uint8_t *restrict out, const uint8_t *restrict from,
                                ptrdiff_t stride, const int16_t *restrict sharpness, int width)
{
    for (int i = 0; i < width; i++) {
        const int16_t near =
            (int16_t)(from[i - 3] + from[i + 3] + from[i - stride] + from[i + stride]);
        const int16_t more = (int16_t)((int16_t)(4 * from[i] - near) * sharpness[i]);
        const int16_t up = (int16_t)(more >> 15 & ((1 << SHARPNESS_BITS) - 1));

        const int16_t value = (int16_t)(from[i] + ((int16_t)(more + up) >> SHARPNESS_BITS));

        out[i] = (uint8_t)least(most(value, 0), 255);
    }
}

/** Paints what is kept, sharpened. */
static TARGET void sharpen_tile(const StyleHold *hold, const Tile *tile)
{
    const ptrdiff_t stride = hold->kept->stride;
    const uint8_t *const blocks =
        hold->sharpness + tile->row * hold->motion->columns + tile->column;
    int16_t sharpness[TILE];

    if (!is_held(hold, tile))
        return; // it was painted
    for (int i = 0; i < tile->columns; i++)
        for (int j = 0; j < ROW; j++)
            sharpness[i * ROW + j] = blocks[i];
    for (int i = 0; i < tile->height; i++)
        sharpen_line(tile->painting + i * tile->stride, tile->kept + i * stride, stride, sharpness,
                     tile->width);
}

static TARGET void hold_row(const StyleHold *hold, int row)
{
    for (int column = 0; column < hold->motion->columns; column += TILE_BLOCKS) {
        const Tile tile = take_tile(hold, column, row);

        hold_tile(hold, &tile);
    }
    ff_style_pad_lines(hold->kept, row * BLOCK, limit(hold->kept->height - row * BLOCK, 0, BLOCK));
}

static TARGET void sharpen_row(const StyleHold *hold, int row)
{
    for (int column = 0; column < hold->motion->columns; column += TILE_BLOCKS) {
        const Tile tile = take_tile(hold, column, row);

        sharpen_tile(hold, &tile);
    }
}

/** A row is sharpened when the one below is kept too: while both are in the cache. */
TARGET void HOLD_ROWS(const StyleHold *hold, int first, int end)
{
    for (int row = first; row < end; row++) {
        hold_row(hold, row);
        if (row > first + 1)
            sharpen_row(hold, row - 1);
    }
}

TARGET void SHARPEN_ENDS(const StyleHold *hold, int first, int end)
{
    sharpen_row(hold, first);
    if (end > first + 1)
        sharpen_row(hold, end - 1);
}
