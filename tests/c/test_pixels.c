/*
 * Pixels into values and back.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>

#include "kernels/pixels.h"
#include "test.h"

#define MAX_WIDTH 1100
#define HEIGHT 3
#define GAP 7
#define STRIDE (3 * MAX_WIDTH + GAP)

static uint8_t source[HEIGHT * STRIDE], result[HEIGHT * STRIDE];
static uint8_t painting[HEIGHT * 3 * MAX_WIDTH];
static float floats[HEIGHT * 3 * MAX_WIDTH];
static const int widths[] = {1, 2, 511, 512, 513, MAX_WIDTH};

static uint8_t noise(void)
{
    static uint32_t state = 1;

    state = state * 1664525 + 1013904223;
    return (uint8_t)(state >> 24);
}

static StyleFrame make_frame(int width)
{
    for (size_t i = 0; i < sizeof(source); i++)
        source[i] = noise();
    for (size_t i = 0; i < sizeof(painting); i++)
        painting[i] = noise();
    memset(result, 77, sizeof(result));
    return (StyleFrame){.src = source,
                        .src_stride = STRIDE,
                        .dst = result,
                        .dst_stride = STRIDE,
                        .width = width,
                        .height = HEIGHT};
}

static const uint8_t *row_of(const uint8_t *pixels, ptrdiff_t stride, int y)
{
    return pixels + y * stride;
}

/** Nothing beyond the rows is written. */
static void check_gaps(const StyleFrame *frame)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 3 * frame->width; x < STRIDE; x++)
            CHECK(result[y * STRIDE + x] == 77);
}

static int clip(int v)
{
    return v < 0 ? 0 : v > 255 ? 255 : v;
}

/** The blend as the header describes it, in floating point. */
static double expected(const uint8_t *from, const uint8_t *painted, int channel, double strength,
                       StyleColors colors)
{
    double value = painted[channel];

    if (colors == FF_STYLE_COLORS_CONTENT) {
        const double difference = 0.2126 * (painted[0] - from[0]) +
                                  0.7152 * (painted[1] - from[1]) + 0.0722 * (painted[2] - from[2]);
        value = clip((int)lrint(from[channel] + difference));
    }
    return strength * value + (1 - strength) * from[channel];
}

static void blends(int width, double strength, StyleColors colors, double tolerance)
{
    const StyleFrame frame = make_frame(width);

    ff_style_write_frame(&frame, painting, FF_STYLE_SAMPLE_UINT8, FF_STYLE_RANGE_255, strength,
                         colors);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < 3 * width; x++) {
            const uint8_t *from = row_of(source, STRIDE, y) + x / 3 * 3;
            const uint8_t *painted = row_of(painting, 3 * width, y) + x / 3 * 3;
            const double error =
                fabs(result[y * STRIDE + x] - expected(from, painted, x % 3, strength, colors));

            CHECK(error <= tolerance);
        }
    check_gaps(&frame);
}

static void blends_in_place(StyleColors colors)
{
    StyleFrame frame = make_frame(MAX_WIDTH);
    static uint8_t apart[sizeof(result)];

    ff_style_write_frame(&frame, painting, FF_STYLE_SAMPLE_UINT8, FF_STYLE_RANGE_255, 0.3, colors);
    memcpy(apart, result, sizeof(result));
    frame.dst = source;
    ff_style_write_frame(&frame, painting, FF_STYLE_SAMPLE_UINT8, FF_STYLE_RANGE_255, 0.3, colors);
    for (int y = 0; y < HEIGHT; y++)
        CHECK(!memcmp(row_of(source, STRIDE, y), row_of(apart, STRIDE, y), 3 * MAX_WIDTH));
}

static void keeps_colors(void)
{
    StyleFrame frame = make_frame(MAX_WIDTH);

    for (size_t i = 0; i < sizeof(source); i++)
        source[i] = (uint8_t)(110 + source[i] % 32); // far from what is clipped
    for (size_t i = 0; i < sizeof(painting); i++)
        painting[i] = (uint8_t)(110 + painting[i] % 32);
    ff_style_write_frame(&frame, painting, FF_STYLE_SAMPLE_UINT8, FF_STYLE_RANGE_255, 1,
                         FF_STYLE_COLORS_CONTENT);
    for (int x = 0; x < 3 * MAX_WIDTH; x += 3) {
        CHECK(result[x] - result[x + 1] == source[x] - source[x + 1]);
        CHECK(result[x + 2] - result[x + 1] == source[x + 2] - source[x + 1]);
    }
}

static void turns_upside_down(void)
{
    StyleFrame frame = make_frame(10);

    frame.src = row_of(source, STRIDE, HEIGHT - 1);
    frame.src_stride = -STRIDE;
    ff_style_copy_frame(&frame);
    for (int y = 0; y < HEIGHT; y++)
        CHECK(!memcmp(row_of(result, STRIDE, y), row_of(source, STRIDE, HEIGHT - 1 - y), 30));
    check_gaps(&frame);
}

static void goes_there_and_back(StyleRange range, float low, float high)
{
    StyleFrame frame = make_frame(MAX_WIDTH);
    float least = INFINITY, most = -INFINITY;

    ff_style_read_frame(&frame, floats, FF_STYLE_SAMPLE_FLOAT, range);
    for (size_t i = 0; i < sizeof(floats) / sizeof(*floats); i++) {
        least = fminf(least, floats[i]);
        most = fmaxf(most, floats[i]);
    }
    CHECK(fabsf(least - low) < 1e-6f && fabsf(most - high) < 1e-4f);
    ff_style_write_frame(&frame, floats, FF_STYLE_SAMPLE_FLOAT, range, 1, FF_STYLE_COLORS_STYLE);
    for (int y = 0; y < HEIGHT; y++)
        CHECK(!memcmp(row_of(result, STRIDE, y), row_of(source, STRIDE, y), 3 * MAX_WIDTH));
    check_gaps(&frame);
}

static void clips_floats(void)
{
    StyleFrame frame = make_frame(2);

    frame.height = 1;
    floats[0] = -1000;
    floats[1] = 1e30f;
    floats[2] = NAN;
    floats[3] = -INFINITY;
    floats[4] = INFINITY;
    floats[5] = 126.5f;
    ff_style_write_frame(&frame, floats, FF_STYLE_SAMPLE_FLOAT, FF_STYLE_RANGE_255, 1,
                         FF_STYLE_COLORS_STYLE);
    CHECK(!memcmp(result, ((const uint8_t[]){0, 255, 0, 0, 255, 127}), 6));
}

/** Three rows of four pixels of two bytes, numbered from 0. */
static const uint8_t image[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                  12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

/** Columns are reversed, rows too, and rows are doubled. */
static void reverses(void)
{
    const StyleAxis columns[] = {{3, 8, 8}, {4, -2, 2}}, rows[] = {{3, -8, 8}};
    const StyleAxis doubled[] = {{3, 8, 16}, {2, 0, 8}};
    uint8_t found[48];

    ff_style_move(image + 6, columns, 2, 2, found);
    CHECK(!memcmp(found, ((const uint8_t[]){6, 7, 4, 5, 2, 3, 0, 1, 14, 15}), 10));
    ff_style_move(image + 16, rows, 1, 8, found);
    CHECK(!memcmp(found, image + 16, 8) && !memcmp(found + 16, image, 8));
    ff_style_move(image, doubled, 2, 8, found);
    CHECK(!memcmp(found, image, 8) && !memcmp(found + 8, image, 8));
    CHECK(!memcmp(found + 16, image + 8, 8) && !memcmp(found + 40, image + 16, 8));
    ff_style_move(image, NULL, 0, 24, found);
    CHECK(!memcmp(found, image, 24));
}

/** Rows become columns; then every other unit of each size comes first. */
static void transposes(void)
{
    static const ptrdiff_t units[] = {1, 2, 3, 6};
    const StyleAxis across[] = {{4, 2, 6}, {3, 8, 2}};
    uint8_t found[24];

    ff_style_move(image, across, 2, 2, found);
    CHECK(!memcmp(found, ((const uint8_t[]){0, 1, 8, 9, 16, 17, 2, 3, 10, 11}), 10));
    CHECK(found[22] == 22 && found[23] == 23);
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        const ptrdiff_t unit = units[i], half = 12 / unit;
        const StyleAxis halves[] = {{2, unit, 12}, {(size_t)half, 2 * unit, unit}};

        ff_style_move(image, halves, 2, (size_t)unit, found);
        for (ptrdiff_t j = 0; j < half; j++) {
            CHECK(!memcmp(found + j * unit, image + 2 * j * unit, (size_t)unit));
            CHECK(!memcmp(found + 12 + j * unit, image + (2 * j + 1) * unit, (size_t)unit));
        }
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
        blends(widths[i], 1, FF_STYLE_COLORS_STYLE, 0);
        blends(widths[i], 0, FF_STYLE_COLORS_STYLE, 0);
        blends(widths[i], 0.3, FF_STYLE_COLORS_STYLE, 1);
        blends(widths[i], 1, FF_STYLE_COLORS_CONTENT, 1);
        blends(widths[i], 0.7, FF_STYLE_COLORS_CONTENT, 2);
    }
    blends_in_place(FF_STYLE_COLORS_STYLE);
    blends_in_place(FF_STYLE_COLORS_CONTENT);
    keeps_colors();
    turns_upside_down();
    goes_there_and_back(FF_STYLE_RANGE_255, 0, 255);
    goes_there_and_back(FF_STYLE_RANGE_1, 0, 1);
    goes_there_and_back(FF_STYLE_RANGE_SIGNED, -1, 1);
    clips_floats();
    reverses();
    transposes();
    return 0;
}
