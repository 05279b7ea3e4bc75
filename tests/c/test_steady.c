/*
 * Motion is found, paintings are held where the picture goes on, and left alone where it does not.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>
#include <pthread.h>

#include "base/pool.h"
#include "kernels/processor.h"
#include "steady/steady.h"
#include "test.h"

/** What the processor has, for the steady that is opened next. */
static StyleVectors vectors;

StyleVectors ff_style_processor_vectors(void)
{
    return vectors;
}

/** The longest up to these that this processor has. */
static StyleVectors own_vectors(StyleVectors most)
{
#if FF_STYLE_HAS_AVX
    if (most >= FF_STYLE_AVX512 && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return FF_STYLE_AVX512;
    if (most >= FF_STYLE_AVX2 && __builtin_cpu_supports("avx2"))
        return FF_STYLE_AVX2;
#endif
    return most < FF_STYLE_AVX2 ? most : FF_STYLE_NO_VECTORS;
}

#define WIDTH 160
#define HEIGHT 96
#define SIZE (3 * WIDTH * HEIGHT)
#define BESIDE 0xa5 // bytes between lines

/** A number from 0 to 255 that depends on all of it. */
static int noise(unsigned x, unsigned y, unsigned seed)
{
    unsigned mixed = (x * 73856093u) ^ (y * 19349663u) ^ (seed * 83492791u);

    mixed = (mixed ^ mixed >> 15) * 0x2c1b3c6du;
    mixed = (mixed ^ mixed >> 12) * 0x297a2d39u;
    return (int)((mixed ^ mixed >> 15) & 255);
}

/** A smooth texture: noise of a grid of 8 pixels, bilinear between. */
static int texture(double x, double y, unsigned seed)
{
    const double left = floor(x / 8), top = floor(y / 8), u = x / 8 - left, v = y / 8 - top;
    const unsigned i = (unsigned)((int)left + 1000), j = (unsigned)((int)top + 1000);

    return (int)((1 - v) * ((1 - u) * noise(i, j, seed) + u * noise(i + 1, j, seed)) +
                 v * ((1 - u) * noise(i, j + 1, seed) + u * noise(i + 1, j + 1, seed)));
}

/** A picture that has moved, with noise of so many levels at most. */
static void draw(uint8_t *rgb, double dx, double dy, unsigned seed, int grain, unsigned number)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int i = 0; i < 3; i++) {
                const int n = noise((unsigned)(3 * x + i), (unsigned)y, number) % (2 * grain + 1);
                const int value = texture(x + dx, y + dy, seed) + n - grain;

                rgb[3 * (y * WIDTH + x) + i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
}

/** A painting in its own right: strokes that shimmer with the noise of the frame. */
static void paint(uint8_t *painting, const uint8_t *source, unsigned number)
{
    for (int i = 0; i < SIZE; i++) {
        const int value = 255 - source[i] + noise((unsigned)i, 0, number) % 31 - 15;

        painting[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

static double difference(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;

    for (int i = 0; i < SIZE; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum / SIZE);
}

static uint8_t source[SIZE], painting[SIZE], original[SIZE], last[SIZE];

/** Paints the picture in `source` and holds it; `original` is what it would be without. */
/** Who helps with each step; NULL: nobody. */
static StyleCrew *helping;

static void step(StyleSteady *steady, double amount, unsigned number)
{
    static StylePyramid pyramid;

    memcpy(last, painting, SIZE);
    paint(painting, source, number);
    memcpy(original, painting, SIZE);
    CHECK(ff_style_make_pyramid(&pyramid, source, 3 * WIDTH, WIDTH, HEIGHT) == 0);
    CHECK(ff_style_steady(steady, helping, &pyramid, painting, 3 * WIDTH, amount) == 0);
    ff_style_free_pyramid(&pyramid);
}

static void finds_motion(void)
{
    static const double moves[][2] = {{0, 0}, {5, -3}, {-0.5, 0.25}, {3.25, 6.5}, {-21, 14}};

    for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
        const double dx = moves[i][0], dy = moves[i][1];
        StylePyramid before = {0}, now = {0};
        StyleMotion motion;
        int good = 0, count = 0;

        draw(source, 0, 0, 1, 0, 0);
        CHECK(ff_style_make_pyramid(&before, source, 3 * WIDTH, WIDTH, HEIGHT) == 0);
        draw(source, dx, dy, 1, 0, 0);
        CHECK(ff_style_make_pyramid(&now, source, 3 * WIDTH, WIDTH, HEIGHT) == 0);
        CHECK(ff_style_open_motion(&motion, &now) == 0);
        ff_style_find_motion(&motion, NULL, &now, &before);
        for (int row = 3; row < motion.rows - 3; row++)
            for (int column = 3; column < motion.columns - 3; column++, count++) {
                const StyleVector v = motion.vectors[row * motion.columns + column];

                good += fabs(v.x / 16. - dx) < 0.2 && fabs(v.y / 16. - dy) < 0.2;
            }

        CHECK(good > count * 8 / 10);
        ff_style_close_motion(&motion);
        ff_style_free_pyramid(&before);
        ff_style_free_pyramid(&now);
    }
}

static void holds_a_still_scene_under_noise(void)
{
    StyleSteady steady = {0};
    double held = 0, unheld = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint8_t before[SIZE];

        memcpy(before, original, SIZE);
        draw(source, 0, 0, 1, 4, i);
        step(&steady, 1, i);
        if (i > 3) {
            held += difference(painting, last);
            unheld += difference(original, before);
        }
    }
    CHECK(held < 0.2 * unheld);
    ff_style_close_steady(&steady);
}

static void comes_to_the_painting_when_that_stays(void)
{
    StyleSteady steady = {0};

    draw(source, 0, 0, 1, 0, 0);
    for (unsigned i = 0; i < 120; i++)
        step(&steady, 0.9, i > 0);
    CHECK(difference(painting, original) < 1);
    ff_style_close_steady(&steady);
}

static void leaves_what_is_new_alone(void)
{
    StyleSteady steady = {0};

    draw(source, 0, 0, 1, 2, 0);
    step(&steady, 1, 0);
    CHECK(!memcmp(painting, original, SIZE)); // the first
    draw(source, 0, 0, 1, 2, 1);
    step(&steady, 0, 1);
    CHECK(!memcmp(painting, original, SIZE)); // not to be held
    step(&steady, 1, 2);
    CHECK(memcmp(painting, original, SIZE));
    draw(source, 0, 0, 2, 2, 3);
    step(&steady, 1, 3);
    CHECK(!memcmp(painting, original, SIZE)); // a cut
    step(&steady, 1, 4);
    CHECK(memcmp(painting, original, SIZE));
    ff_style_forget(&steady);
    step(&steady, 1, 5);
    CHECK(!memcmp(painting, original, SIZE)); // as asked for
    ff_style_close_steady(&steady);
}

/** What was painted before is no part of what comes behind a flush, even of the same scene. */
static void begins_anew(void)
{
    static uint8_t first[SIZE];
    StyleSteady steady = {0};

    draw(source, 0, 0, 1, 2, 1);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 4; i++)
            step(&steady, 0.9, i);
        if (!round)
            memcpy(first, painting, SIZE);
        ff_style_forget(&steady);
    }
    CHECK(!memcmp(painting, first, SIZE));
    ff_style_close_steady(&steady);
}

/** The last painting of a moving scene that is held from a frame on. */
static void paint_from(uint8_t *last_painting, unsigned begin, unsigned end)
{
    StyleSteady steady = {0};

    for (unsigned i = begin; i < end; i++) {
        draw(source, 0.7 * i, 0.3 * i, 1, 2, i);
        step(&steady, 0.9, i);
    }
    memcpy(last_painting, painting, SIZE);
    ff_style_close_steady(&steady);
}

static void forgets_what_was_long_ago(void)
{
    static uint8_t whole[SIZE], late[SIZE], later[SIZE];

    paint_from(whole, 0, 90);
    paint_from(late, 90 - 38, 90);
    paint_from(later, 90 - 3, 90);
    CHECK(difference(whole, late) < 1.43); // 45 dB
    CHECK(difference(whole, later) > 2.86);
}

/** Half of the picture goes on, the other one is exchanged. */
static void follows_where_the_picture_changes(void)
{
    static uint8_t other[SIZE];
    double kept = 0, changed = 0;
    StyleSteady steady = {0};

    draw(source, 0, 0, 1, 0, 0);
    step(&steady, 1, 0);
    draw(other, 0, 0, 7, 0, 0);
    for (int y = 0; y < HEIGHT; y++)
        memcpy(source + 3 * (y * WIDTH + WIDTH / 2), other + 3 * (y * WIDTH + WIDTH / 2),
               3 * WIDTH / 2);
    step(&steady, 1, 1);
    for (int i = 0; i < SIZE; i++)
        *(i / 3 % WIDTH < WIDTH / 2 ? &kept : &changed) += abs(painting[i] - original[i]);
    CHECK(changed < 1.1 * kept);
    ff_style_close_steady(&steady);
}

static void hold_a_moving_scene(unsigned frames)
{
    StyleSteady steady = {0};

    for (unsigned i = 0; i < frames; i++) {
        draw(source, 1.5 * i, 0.75 * i, 1, 3, i);
        step(&steady, 0.8, i);
    }
    ff_style_close_steady(&steady);
}

static void gives_the_same_bytes_on_any_processor(void)
{
    static uint8_t first[SIZE];

    for (int round = 0; round < 3; round++) {
        vectors = own_vectors((StyleVectors)round);
        hold_a_moving_scene(4);
        if (round)
            CHECK(!memcmp(painting, first, SIZE));
        memcpy(first, painting, SIZE);
    }
}

enum { HELPERS = 2, HELPED_FRAMES = 12 };

static atomic_int called, closing;

static void *help(void *crew)
{
    while (!atomic_load(&closing))
        ff_style_help(crew, &called);
    return NULL;
}

static void gives_the_same_bytes_whoever_helps(void)
{
    static uint8_t alone[SIZE];
    pthread_t threads[HELPERS];
    StyleCrew crew;

    hold_a_moving_scene(HELPED_FRAMES);
    memcpy(alone, painting, SIZE);
    CHECK(ff_style_open_crew(&crew) >= 0);
    ff_style_begin_crew(&crew, HELPERS);
    CHECK(ff_style_equip_crew(&crew, 1) >= 0);
    for (int i = 0; i < HELPERS; i++)
        CHECK(!pthread_create(&threads[i], NULL, help, &crew));
    while (ff_style_count_helpers(&crew) < HELPERS)
        ; // they come
    helping = &crew;
    hold_a_moving_scene(HELPED_FRAMES);
    helping = NULL;
    atomic_store(&closing, 1);
    ff_style_end_crew(&crew);
    for (int i = 0; i < HELPERS; i++)
        pthread_join(threads[i], NULL);
    ff_style_close_crew(&crew);
    CHECK(!memcmp(painting, alone, SIZE));
}

/**
 * Holds paintings of a moving picture, in memory that is as large as it has to be: sanitizers see what is read or
 * written beside it. What lies between the painting's lines stays as it is.
 *
 * @param held  the last one; lines `stride` apart, nothing behind the last
 * @param speed pixels from frame to frame, to the right and down
 */
static void hold_size(uint8_t *held, int width, int height, int stride, double speed)
{
    const int size = (height - 1) * stride + 3 * width;
    StyleSteady steady = {0};
    StylePyramid pyramid = {0};

    for (int frame = 0; frame < 4; frame++) {
        for (int i = 0; i < size; i++) {
            const int x = i % stride / 3, y = i / stride;
            const int grain = noise((unsigned)i, 0, (unsigned)frame) % 7;
            const int value = texture(x + speed * frame, y + speed * frame, 1);

            held[i] = x < width ? (uint8_t)(value * 15 / 16 + grain) : BESIDE;
        }
        CHECK(ff_style_make_pyramid(&pyramid, held, stride, width, height) == 0);
        CHECK(ff_style_steady(&steady, NULL, &pyramid, held, stride, 1) == 0);
        for (int i = 0; i < size; i++)
            CHECK(i % stride < 3 * width || held[i] == BESIDE);
    }
    ff_style_free_pyramid(&pyramid);
    ff_style_close_steady(&steady);
    ff_style_empty_pool(); // or the next has a part of a larger block
}

static void gives_the_same_bytes_at(int width, int height, int stride, double speed)
{
    const size_t size = (size_t)(height - 1) * (size_t)stride + 3 * (size_t)width;
    uint8_t *const first = malloc(size), *const other = malloc(size);

    for (int round = 0; round < 3; round++) {
        vectors = own_vectors((StyleVectors)round);
        hold_size(round ? other : first, width, height, stride, speed);
        if (round)
            CHECK(!memcmp(first, other, size));
    }
    free(first);
    free(other);
}

static void takes_any_size(void)
{
    static const int wide[] = {127, 129, 131, 137}; // one tile, and a second of a few pixels

    ff_style_empty_pool();
    for (int width = 1; width < 36; width += 1 + width / 8)
        for (int height = 1; height < 36; height += 1 + height / 8)
            gives_the_same_bytes_at(width, height, 3 * width, 0.5);
    // What follows the last line: the pool's rounding leaves no room there, and the last block was beside the picture.
    gives_the_same_bytes_at(25, 17, 75, 7.5);
    for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++)
        gives_the_same_bytes_at(wide[i], 17, 3 * wide[i] + 13, 7.5);
}

int main(void)
{
    vectors = own_vectors(FF_STYLE_AVX512);
    finds_motion();
    holds_a_still_scene_under_noise();
    comes_to_the_painting_when_that_stays();
    leaves_what_is_new_alone();
    begins_anew();
    forgets_what_was_long_ago();
    follows_where_the_picture_changes();
    gives_the_same_bytes_on_any_processor();
    gives_the_same_bytes_whoever_helps();
    vectors = FF_STYLE_NO_VECTORS;
    holds_a_still_scene_under_noise();
    takes_any_size();
    return 0;
}
