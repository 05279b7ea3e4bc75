/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
 *
 * This file is part of ffmpeg-style.
 *
 * ffmpeg-style is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * ffmpeg-style is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with ffmpeg-style; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/*
 * Instance norm in single precision beside double precision.
 */

#include <math.h>

#include "kernels/norm.h"
#include "test.h"

#define EPSILON 1e-5f

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

static void check(size_t pixels, int channels, int relu, int has_added, int in_place)
{
    const size_t count = pixels * (size_t)channels;
    float *const input = make_floats(count), *const before = malloc(sizeof(*before) * count);
    float *const output = in_place ? input : make_floats(count);
    float *const added = make_floats(count), *const affine = make_floats(2 * (size_t)channels);
    const StyleNormalise job = {
        .input = input,
        .output = output,
        .pixels = pixels,
        .channels = channels,
        .norm = {affine, affine + channels, EPSILON},
        .relu = relu,
        .added = has_added ? added : NULL,
    };

    for (size_t i = 0; i < count; i++) // channels of another mean and deviation each
        before[i] = input[i] =
            input[i] * (float)(i % (size_t)channels + 1) + 30 * (float)(i % (size_t)channels);
    CHECK(!ff_style_normalise(&job));
    for (size_t c = 0; c < (size_t)channels; c++) {
        double mean = 0, variance = 0, expected;

        for (size_t i = c; i < count; i += (size_t)channels)
            mean += (double)before[i] / (double)pixels;
        for (size_t i = c; i < count; i += (size_t)channels)
            variance += pow((double)before[i] - mean, 2) / (double)pixels;
        for (size_t i = c; i < count; i += (size_t)channels) {
            expected =
                ((double)before[i] - mean) / sqrt(variance + (double)EPSILON) * (double)affine[c] +
                (double)affine[c + (size_t)channels];
            expected = relu && expected < 0 ? 0 : expected;
            expected += has_added ? (double)added[i] : 0;
            CHECK(fabs((double)output[i] - expected) <= 1e-4);
        }
    }
    if (!in_place)
        free(output);
    free(input);
    free(before);
    free(added);
    free(affine);
}

int main(void)
{
    static const int channels[] = {1, 3, 16, 33, 64, 130};
    static const size_t pixels[] = {7, 64, 1000, 40000};

    for (size_t i = 0; i < sizeof(channels) / sizeof(*channels); i++)
        for (size_t j = 0; j < sizeof(pixels) / sizeof(*pixels); j++)
            for (int flags = 0; flags < 8; flags++)
                check(pixels[j], channels[i], flags & 1, flags >> 1 & 1, flags >> 2);
    return 0;
}
