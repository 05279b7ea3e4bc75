/*
 * Pictures scaled: flat ones stay flat, and each pixel is where it belongs.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "kernels/resize.h"
#include "test.h"

#define MOST 200
#define MARGIN 5 // bytes at the end of each row that belong to nobody

static uint8_t picture[MOST * (3 * MOST + MARGIN)], scaled[3 * MOST * MOST];

/** A slope down to the right, with other colours down. */
static void draw(int width, int height)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *const pixel = picture + y * (3 * width + MARGIN) + 3 * x;

            pixel[0] = (uint8_t)(250 * (x + 0.5) / width);
            pixel[1] = (uint8_t)(250 * (y + 0.5) / height);
            pixel[2] = 77;
        }
}

static int resize(int width, int height, int to_width, int to_height)
{
    return ff_style_resize(&test_context, picture, 3 * width + MARGIN, width, height, scaled,
                           to_width, to_height);
}

static void check(int width, int height, int to_width, int to_height, int tolerance)
{
    draw(width, height);
    CHECK(resize(width, height, to_width, to_height) == 0);
    for (int y = 0; y < to_height; y++)
        for (int x = 0; x < to_width; x++) {
            const uint8_t *const pixel = scaled + 3 * (y * to_width + x);

            CHECK(abs(pixel[0] - (int)(250 * (x + 0.5) / to_width)) <= tolerance);
            CHECK(abs(pixel[1] - (int)(250 * (y + 0.5) / to_height)) <= tolerance);
            CHECK(pixel[2] == 77);
        }
}

static void test_sizes(void)
{
    check(40, 30, 40, 30, 0);
    check(1, 1, 30, 20, 125);
    check(64, 48, 32, 24, 4);
    check(50, 40, 100, 80, 4);
    check(199, 151, 7, 5, 12); // by whole numbers first, with what is left over
    check(200, 3, 10, 1, 30);
    check(3, 200, 1, 1, 60);
}

/** A hard edge: the filter is sharper than a mean, and overshoots within 0..255. */
static void test_edge(void)
{
    draw(40, 1);
    for (int x = 0; x < 40; x++)
        for (int c = 0; c < 3; c++)
            picture[3 * x + c] = x < 20 ? 0 : 200;
    CHECK(resize(40, 1, 20, 1) == 0);
    CHECK(scaled[0] == 0 && scaled[3 * 9] < 30 && scaled[3 * 10] > 170 && scaled[3 * 11] > 200);
}

static void test_without_memory(void)
{
    draw(199, 151);
    for (int i = 1; i < 9; i++) {
        test_fail_at = i;
        CHECK(resize(199, 151, 7, 5) == -ENOMEM);
        CHECK(!test_blocks);
    }
    test_fail_at = 0;
    CHECK(resize(199, 151, 7, 5) == 0 && !test_blocks);
}

int main(void)
{
    test_sizes();
    test_edge();
    test_without_memory();
    return 0;
}
