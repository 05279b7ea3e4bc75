/*
 * Motion is found the same without a processor's vectors: what other kinds of processors run is compiled here too.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "steady/motion.h"
#include "test.h"

/* The same functions by other names, in the plain half of square.h. */
#undef __SSE2__
#define ff_style_open_motion open_plainly
#define ff_style_reset_motion reset_plainly
#define ff_style_close_motion close_plainly
#define ff_style_find_motion find_plainly
static int open_plainly(StyleMotion *motion, const StylePyramid *pyramid);
static void reset_plainly(StyleMotion *motion);
static void close_plainly(StyleMotion *motion);
static void find_plainly(StyleMotion *motion, StyleCrew *crew, const StylePyramid *now,
                         const StylePyramid *before);
#include "steady/motion.c"
#undef ff_style_open_motion
#undef ff_style_reset_motion
#undef ff_style_close_motion
#undef ff_style_find_motion

enum { WIDTH = 150, HEIGHT = 90, FRAMES = 6 };

/** Bright and dark patches that move by less than pixels, under a light that changes. */
static void draw(uint8_t *rgb, int frame)
{
    unsigned grain = 1;

    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++, rgb += 3) {
            const int across = 4 * x + 9 * frame, down = 4 * y - 5 * frame;
            const int patch = abs((across & 127) - 64) + abs((down & 63) - 32);
            const int value = 4 * patch + 40 * (frame % 3) - 120 + (int)((grain >> 16) % 9);

            grain = grain * 1664525u + 1013904223u;
            rgb[0] = rgb[1] = rgb[2] = (uint8_t)limit(value, 0, 255);
        }
}

int main(void)
{
    static uint8_t rgb[3 * WIDTH * HEIGHT];
    StylePyramid before = {0}, now = {0};
    StyleMotion motion, plain;
    size_t between = 0;

    draw(rgb, 0);
    CHECK(ff_style_make_pyramid(&before, rgb, 3 * WIDTH, WIDTH, HEIGHT) == 0);
    CHECK(ff_style_open_motion(&motion, &before) == 0 && open_plainly(&plain, &before) == 0);
    for (int i = 1; i < FRAMES; i++) {
        const size_t count = (size_t)motion.columns * (size_t)motion.rows;
        const StylePyramid last = before;

        draw(rgb, i);
        CHECK(ff_style_make_pyramid(&now, rgb, 3 * WIDTH, WIDTH, HEIGHT) == 0);
        ff_style_find_motion(&motion, NULL, &now, &before);
        find_plainly(&plain, NULL, &now, &before);
        CHECK(!memcmp(motion.vectors, plain.vectors, count * sizeof(StyleVector)));
        CHECK(!memcmp(motion.changes, plain.changes, count));
        CHECK(!memcmp(motion.details, plain.details, count));
        for (size_t k = 0; k < count; k++)
            between += motion.vectors[k].x % FF_STYLE_SUBPIXELS != 0;
        before = now;
        now = last;
    }
    CHECK(between > 100);
    ff_style_close_motion(&motion);
    close_plainly(&plain);
    ff_style_free_pyramid(&before);
    ff_style_free_pyramid(&now);
    ff_style_empty_pool();
    return 0;
}
