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
    if (!(s->memory = ff_style_take_block(2 * count)))
        return -ENOMEM;
    s->weights = s->memory;
    s->sharpness = s->weights + count;
    ff_style_make_filters(&s->filters);
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

static void hold(StyleSteady *s, uint8_t *painting, ptrdiff_t stride, double amount)
{
    const StyleHold hold = {&s->filters, &s->motion, s->weights, s->sharpness, s->number};
    const StylePainting last = s->last;

    weigh(s, amount);
    ff_style_hold_painting(&hold, &last, &s->next, painting, stride);
    s->last = s->next;
    s->next = last;
}

void ff_style_forget(StyleSteady *s)
{
    s->number = 0;
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

int ff_style_steady(StyleSteady *s, StylePyramid *source, uint8_t *painting, ptrdiff_t stride,
                    double amount)
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
    if (s->number)
        ff_style_find_motion(&s->motion, source, &s->before);
    if (s->number && !is_cut(&s->motion)) {
        hold(s, painting, stride, amount);
        s->number++;
    } else {
        ff_style_keep_painting(&s->last, painting, stride);
        ff_style_reset_motion(&s->motion);
        memset(s->sharpness, 0, (size_t)s->motion.columns * (size_t)s->motion.rows);
        s->number = 1;
    }
    s->before = *source;
    *source = before; // its memory is for a source to come
    return 0;
}
