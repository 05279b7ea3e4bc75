/*
 * Moments in single precision beside double precision.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>

#include "kernels/moments.h"
#include "test.h"

static float noise(void)
{
    static uint32_t state = 1;

    state = state * 1664525 + 1013904223;
    return (float)(int)(state >> 8) / (1 << 23) - 1;
}

static float *make_floats(size_t count)
{
    float *const floats = malloc(sizeof(*floats) * count);

    for (size_t i = 0; i < count; i++)
        floats[i] = noise();
    return floats;
}

static void check(size_t pixels, int channels)
{
    const size_t count = pixels * (size_t)channels, size = sizeof(double) * (size_t)channels;
    float *const input = make_floats(count);
    float *const memory = malloc(ff_style_moments_memory(channels));
    double *const sums = malloc(ff_style_moments_sums(pixels, channels));
    const int parts = ff_style_moments_parts(pixels, channels);
    double *const means = malloc(size), *const variances = malloc(size);

    for (size_t i = 0; i < count; i++) // channels of another mean and deviation each
        input[i] =
            input[i] * (float)(i % (size_t)channels + 1) + 30 * (float)(i % (size_t)channels);
    for (int part = parts - 1; part >= 0; part--) // in any order
        ff_style_add_moments(input, pixels, channels, part, part + 1, sums, memory);
    ff_style_join_parts(input, pixels, channels, sums, means, variances);
    for (size_t c = 0; c < (size_t)channels; c++) {
        double mean = 0, variance = 0;

        for (size_t i = c; i < count; i += (size_t)channels)
            mean += (double)input[i] / (double)pixels;
        for (size_t i = c; i < count; i += (size_t)channels)
            variance += pow((double)input[i] - mean, 2) / (double)pixels;
        CHECK(fabs(means[c] - mean) <= 1e-5 * (1 + fabs(mean)));
        CHECK(fabs(variances[c] - variance) <= 1e-4 * variance);
    }
    free(input);
    free(memory);
    free(sums);
    free(means);
    free(variances);
}

int main(void)
{
    static const int channels[] = {1, 3, 16, 33, 64, 130};
    static const size_t pixels[] = {7, 64, 1000, 40000};

    for (size_t i = 0; i < sizeof(channels) / sizeof(*channels); i++)
        for (size_t j = 0; j < sizeof(pixels) / sizeof(*pixels); j++)
            check(pixels[j], channels[i]);
    return 0;
}
