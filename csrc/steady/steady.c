/*
 * Decides where a painting is held, and how firmly.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "../base/pool.h"
#include "steady.h"

#define LEAST_CHANGE 4 // grey levels in the mean that no noise makes
#define FALL 48        // grey levels of change at which nothing is held
#define BAND 4         // rows of blocks that a thread takes at a time, or more where there would be
#define MOST_BANDS 1024
#define DOUBT 4 // weight of what a block fits worse than another does that claims its place

/**
 * Whether the two pictures show different scenes: what was found for the blocks fits no better than a plain grey
 * would. Measured on 30 cuts: 1.4 of that or more, on Sintel's fastest scene 0.8.
 */
static int is_cut(const StyleMotion *motion)
{
    const int count = motion->columns * motion->rows;
    int64_t change = 0, detail = 0;

    for (int i = 0; i < count; i++) {
        change += motion->changes[i];
        detail += motion->details[i];
    }
    return change > 4 * LEAST_CHANGE * (int64_t)count && 10 * change > 11 * detail;
}

static int open_steady(StyleSteady *s, const StylePyramid *source)
{
    size_t count;

    if (ff_style_open_motion(&s->motion, source) < 0 ||
        ff_style_open_painting(&s->last, source->width, source->height) < 0 ||
        ff_style_open_painting(&s->next, source->width, source->height) < 0)
        return -ENOMEM;
    count = (size_t)(s->motion.columns + 1) * (size_t)(s->motion.rows + 1);
    if (!(s->memory = ff_style_take_block(3 * count)))
        return -ENOMEM;
    s->weights = s->memory;
    s->sharpness = s->weights + count;
    s->claims = s->sharpness + count;
    ff_style_make_filters(&s->filters);
    s->holder = ff_style_choose_holder();
    return 0;
}

/** Weights of the last painting by the changes, which are in quarters of a grey level. */
static void fill_table(uint8_t table[256], double amount)
{
    for (int i = 0; i < 256; i++) {
        const double share = i < 4 * FALL ? 1 - i / (4. * FALL) : 0;

        table[i] = (uint8_t)lrint(FF_STYLE_WHOLE * amount * share * share);
    }
}

static unsigned checksum(const StylePlane *plane)
{
    uint64_t sum = 14695981039346656037u; // FNV-1a of eight bytes at a time

    for (int y = 0; y < plane->height; y++)
        for (int x = 0; x < plane->width; x += 8) { // what is beside a line belongs to it
            uint64_t pixels; // in the processor's order: others may dither otherwise

            memcpy(&pixels, plane->pixels + y * plane->stride + x, 8);
            sum = (sum ^ pixels) * 1099511628211u;
        }
    return (unsigned)(sum ^ sum >> 32);
}

/**
 * Another seed for each frame, so that what is held still goes where it should; but by what the source shows, so
 * that whoever begins somewhere before paints the same from the source's next change on.
 */
static void sow(StyleSteady *s, const StylePyramid *source)
{
    const unsigned look = checksum(&source->levels[source->nb_levels > 1]);

    s->seed = s->has_last && look == s->look ? s->seed + 1 : look;
    s->look = look;
}

/** The block of the last picture that a block was nearest to. */
static int origin(const StyleMotion *motion, int column, int row)
{
    const int side = FF_STYLE_BLOCK * FF_STYLE_SUBPIXELS;
    const StyleVector *const vector = &motion->vectors[row * motion->columns + column];
    const int x = (column * side + vector->x + side / 2) / side;
    const int y = (row * side + vector->y + side / 2) / side;

    return (y < 0              ? 0
            : y < motion->rows ? y
                               : motion->rows - 1) *
               motion->columns +
           (x < 0                 ? 0
            : x < motion->columns ? x
                                  : motion->columns - 1);
}

/**
 * What comes to light behind a moving thing has no place in the last picture: it is found at one that belongs to
 * another block, which fits better. Such blocks are taken for more changed than they look.
 */
static void doubt(StyleSteady *s)
{
    const StyleMotion *const motion = &s->motion;

    memset(s->claims, 255, (size_t)motion->columns * (size_t)motion->rows);
    for (int pass = 0; pass < 2; pass++)
        for (int row = 0; row < motion->rows; row++)
            for (int column = 0; column < motion->columns; column++) {
                uint8_t *const claim = &s->claims[origin(motion, column, row)];
                uint8_t *const change = &motion->changes[row * motion->columns + column];
                const int doubted = *change + DOUBT * (*change - *claim);

                if (pass)
                    *change = (uint8_t)(doubted < 255 ? doubted : 255);
                else if (*change < *claim)
                    *claim = *change;
            }
}

/** At a corner, the mean of the blocks around. */
static void weigh(StyleSteady *s, double amount)
{
    const StyleMotion *const motion = &s->motion;
    uint8_t table[256];

    fill_table(table, amount);
    for (int row = 0; row <= motion->rows; row++)
        for (int column = 0; column <= motion->columns; column++) {
            const int left = column ? column - 1 : 0, above = row ? row - 1 : 0;
            const int right = column < motion->columns ? column : column - 1;
            const int below = row < motion->rows ? row : row - 1;
            const uint8_t *const upper = motion->changes + above * motion->columns;
            const uint8_t *const lower = motion->changes + below * motion->columns;
            uint8_t *const weight = &s->weights[row * (motion->columns + 1) + column];

            *weight = (uint8_t)((table[upper[left]] + table[upper[right]] + table[lower[left]] +
                                 table[lower[right]] + 2) /
                                4);
        }
}

/** Something that is done to all rows of blocks. */
typedef struct Bands {
    const StyleHold *hold;
    int height; ///< of a band, in rows
    StyleRows *rows;
} Bands;

static void do_bands(void *job, const StyleParts *parts)
{
    const Bands *const bands = job;
    const int rows = bands->hold->motion->rows;

    for (int i = parts->first; i < parts->end; i++) {
        const int end = (i + 1) * bands->height;

        bands->rows(bands->hold, i * bands->height, end < rows ? end : rows);
    }
}

static void hold(StyleSteady *s, StyleCrew *crew, uint8_t *painting, ptrdiff_t stride)
{
    const StyleHold hold = {&s->filters, &s->motion, s->weights, s->sharpness, s->seed,
                            &s->last,    &s->next,   painting,   stride};
    const int height = BAND + s->motion.rows / MOST_BANDS;
    const int count = (s->motion.rows + height - 1) / height;
    Bands holding = {&hold, height, s->holder.hold_rows};
    Bands sharpening = {&hold, height, s->holder.sharpen_ends};
    StylePainting last;

    ff_style_share(crew, do_bands, &holding, count);
    ff_style_share(crew, do_bands, &sharpening, count);
    last = s->last;
    s->last = s->next;
    s->next = last;
}

void ff_style_forget(StyleSteady *s)
{
    s->has_last = 0;
}

void ff_style_close_steady(StyleSteady *s)
{
    ff_style_free_pyramid(&s->before);
    ff_style_close_motion(&s->motion);
    ff_style_close_painting(&s->last);
    ff_style_close_painting(&s->next);
    if (s->memory)
        ff_style_return_block(s->memory);
    *s = (StyleSteady){0};
}

int ff_style_steady(StyleSteady *s, StyleCrew *crew, StylePyramid *source, uint8_t *painting,
                    ptrdiff_t stride, double amount)
{
    StylePyramid before;

    if (!s->memory || source->width != s->before.width || source->height != s->before.height) {
        ff_style_close_steady(s);
        if (open_steady(s, source) < 0) {
            ff_style_close_steady(s);
            return -ENOMEM;
        }
    }
    before = s->before;
    sow(s, source);
    if (s->has_last)
        ff_style_find_motion(&s->motion, crew, source, &s->before);
    if (s->has_last && !is_cut(&s->motion)) {
        doubt(s);
        weigh(s, amount);
        hold(s, crew, painting, stride);
    } else {
        ff_style_keep_painting(&s->last, painting, stride);
        ff_style_reset_motion(&s->motion);
        s->has_last = 1;
    }
    s->before = *source;
    *source = before; // its memory is for a source to come
    return 0;
}
