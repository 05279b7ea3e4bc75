/*
 * The convolutions beside sums in double precision, in each type that the processor has what they need for:
 * the engine never calls the others. Kernels are packed anywhere.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>

#include "kernels/conv.h"
#include "kernels/processor.h"
#include "test.h"

#define B FF_STYLE_BFLOAT16
#define F FF_STYLE_FLOAT
#define U FF_STYLE_UINT8
#define H FF_STYLE_HALF

static StyleVectors vectors; ///< that are tested
static uint32_t state = 1;

/** From -1 to 1, rounded to bfloat16. */
static float noise(void)
{
    state = state * 1664525 + 1013904223;
    return (float)(int)(state >> 24) / 128 - 1;
}

static float from_bfloat16(uint16_t value)
{
    const uint32_t bits = (uint32_t)value << 16;
    float number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

static float rounded(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return from_bfloat16((uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16));
}

static float from_half(uint16_t value)
{
    const int exponent = value >> 10 & 31, digits = value & 1023;
    const float number = exponent == 31 ? (digits ? NAN : INFINITY)
                                        : ldexpf((float)(exponent ? digits + 1024 : digits),
                                                 (exponent ? exponent : 1) - 25);

    return value >> 15 ? -number : number;
}

/** Of a normal number, or 0, that a half holds. */
static uint16_t to_half(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return (uint16_t)(bits >> 16 & 0x8000) |
           (uint16_t)(value != 0 ? (bits >> 13 & 0x3ffff) - (112 << 10) : 0);
}

/** As one that a half holds: of 11 bits, fewer below its normal ones. */
static float rounded_to_half(float value)
{
    int exponent;

    frexpf(value, &exponent);
    exponent = (exponent < -13 ? -13 : exponent) - 11;
    return ldexpf(rintf(ldexpf(value, -exponent)), exponent);
}

static float rounded_as(StyleType type, float value)
{
    return type == F ? value : type == H ? rounded_to_half(value) : rounded(value);
}

static size_t count_of(const StyleFeatures *features)
{
    return (size_t)features->height * (size_t)features->width * (size_t)features->channels;
}

static StyleFeatures make_features(StyleType type, int height, int width, int channels)
{
    StyleFeatures features = {NULL, type, height, width, channels};
    const size_t count = count_of(&features);

    features.data = malloc(count * (type == FF_STYLE_FLOAT ? 4 : type == FF_STYLE_UINT8 ? 1 : 2));
    for (size_t i = 0; i < count; i++) {
        const float value = noise();
        uint32_t bits;

        memcpy(&bits, &value, sizeof(bits));
        if (type == FF_STYLE_FLOAT)
            ((float *)features.data)[i] = value;
        else if (type == FF_STYLE_UINT8)
            ((uint8_t *)features.data)[i] = (uint8_t)(128 * value + 128);
        else if (type == H)
            ((uint16_t *)features.data)[i] = to_half(value);
        else
            ((uint16_t *)features.data)[i] = (uint16_t)(bits >> 16);
    }
    return features;
}

static float value_of(const StyleFeatures *features, size_t i)
{
    return features->type == F   ? ((const float *)features->data)[i]
           : features->type == U ? ((const uint8_t *)features->data)[i]
           : features->type == H ? from_half(((const uint16_t *)features->data)[i])
                                 : from_bfloat16(((const uint16_t *)features->data)[i]);
}

static float affine_value(const StyleAffine *affine, float value, size_t i)
{
    const size_t channel = affine->channels ? i % (size_t)affine->channels : 0;

    if (affine->channels)
        value = fmaf(value, affine->scale[channel], affine->offset[channel]);
    return affine->relu && value < 0 ? 0 : value;
}

/** One value of the input as the convolution takes it. */
static double input_value(const StyleConv *conv, size_t i)
{
    const float value = affine_value(&conv->affine, value_of(&conv->input, i), i) +
                        (conv->added.data ? value_of(&conv->added, i) : 0);

    return (double)(conv->kernel.type == B ? rounded(value) : value);
}

static void check_kept(const StyleConv *conv)
{
    for (size_t i = 0; i < count_of(&conv->input); i++)
        CHECK(value_of(&conv->kept, i) == rounded_as(conv->kept.type, (float)input_value(conv, i)));
}

static int padding(int size, int kernel, int stride)
{
    const int needed = ((size + stride - 1) / stride - 1) * stride + kernel - size;

    return needed > 0 ? needed / 2 : 0;
}

/** The row (of `size`, or column) of the input that a kernel's row reads for the output's; -1: none. */
static int source(const StyleConv *conv, int size, int before, int position, int taps, int tap)
{
    int place = position * conv->kernel.stride - before + tap;

    // As the gradient of a convolution of stride 2 is defined: where the output's pixel would be read.
    if (conv->kernel.transposed) {
        place = position + taps / 2 - 1 - tap;
        place = place % 2 ? -1 : place / 2;
    }
    return place < size ? place : -1;
}

/** The kernel by rows, columns, channels and filters, of which a transposed one's last two are swapped. */
static double *make_weights(const StyleKernelShape *shape, const float *kernel)
{
    const int channels = shape->channels, filters = shape->filters;
    const int count = shape->rows * shape->columns * channels * filters;
    double *const weights = malloc(sizeof(*weights) * (size_t)count);

    for (int i = 0; i < count; i++) {
        const int place = i / channels / filters, channel = i / filters % channels,
                  filter = i % filters;

        weights[i] =
            (double)kernel[shape->transposed ? (place * filters + filter) * channels + channel : i];
    }
    return weights;
}

/**
 * Adds one pixel of the input, with the weights for its place in the kernel, to the sums of the filters.
 *
 * Nearly all of the test's own time: a sanitizer is to look at what is tested.
 */
__attribute__((no_sanitize("address"), no_sanitize("undefined"))) static void
add_pixel(const StyleKernelShape *shape, const double *pixel, const double *weights, double *sums)
{
    for (int channel = 0; channel < shape->channels; channel++)
        for (int filter = 0; filter < shape->filters; filter++)
            sums[filter] += pixel[channel] * weights[channel * shape->filters + filter];
}

/** All values of the output, in double precision. */
static double *make_expected(const StyleConv *conv, const float *kernel)
{
    const StyleKernelShape *const shape = &conv->kernel;
    const StyleFeatures *const input = &conv->input;
    const int width = conv->output.width;
    double *const weights = make_weights(shape, kernel);
    double *const inputs = malloc(sizeof(*inputs) * count_of(input));
    double *const sums = calloc(count_of(&conv->output), sizeof(*sums));

    for (size_t i = 0; i < count_of(input); i++)
        inputs[i] = input_value(conv, i);
    for (int pixel = 0; pixel < conv->output.height * width; pixel++)
        for (int place = 0; place < shape->rows * shape->columns; place++) {
            const int row = source(conv, input->height, conv->top, pixel / width, shape->rows,
                                   place / shape->columns);
            const int column = source(conv, input->width, conv->left, pixel % width, shape->columns,
                                      place % shape->columns);

            if (row >= 0 && column >= 0)
                add_pixel(shape, inputs + (row * input->width + column) * input->channels,
                          weights + place * shape->channels * shape->filters,
                          sums + pixel * shape->filters);
        }
    free(weights);
    free(inputs);
    return sums;
}

/** Products that a value is the sum of. */
static double shape_size(const StyleKernelShape *shape)
{
    return (double)shape->rows * shape->columns * shape->channels;
}

/** How far a sum of products of about 1 may be off: of single precision, of bfloat16 or of integers. */
static double unit_of(const StyleKernelShape *shape)
{
    return shape->dots == FF_STYLE_DOTS_BF16    ? 4e-2 * sqrt(shape_size(shape))
           : shape->dots == FF_STYLE_DOTS_INT16 ? 2.5e-3 * sqrt(shape_size(shape))
                                                : 1e-4;
}

/** The moments of a filter beside those of what was written. */
static void check_moments(const StyleConv *conv, int filter)
{
    const StyleFeatures *output = &conv->output;
    const int count = output->height * output->width;
    double mean = 0, variance = 0, tolerance;

    for (int i = 0; i < count; i++) {
        const double found = (double)value_of(output, (size_t)(i * conv->kernel.filters + filter));

        mean += found / count;
        variance += found * found / count;
    }
    variance -= mean * mean;
    // Of the values as they are rounded when they are stored; the sums are of those before.
    tolerance = (output->type == F ? 2e-4 : 4e-3) * (1 + variance + fabs(mean));
    CHECK(fabs(conv->mean[filter] - mean) <= tolerance);
    CHECK(fabs(conv->variance[filter] - variance) <= tolerance);
}

static void check_output(const StyleConv *conv, const float *kernel)
{
    const StyleFeatures *output = &conv->output;
    const int filters = conv->kernel.filters;
    const double unit =
        (conv->input.type == U ? 256 : 1) * unit_of(&conv->kernel); // of pixels up to 255
    double *const expected = make_expected(conv, kernel);
    double found, tolerance, error = 0, power = 0;

    for (int filter = 0; filter < filters; filter++) {
        for (int i = 0; i < output->height * output->width; i++) {
            const double sum = expected[i * filters + filter];

            found = (double)value_of(output, (size_t)(i * filters + filter));
            tolerance = (output->type == F   ? 0
                         : output->type == H ? 5e-4 * fabs(sum)
                                             : 4e-3 * fabs(sum)) +
                        unit;
            CHECK(fabs(found - sum) <= tolerance);
            error += (found - sum) * (found - sum);
            power += sum * sum;
        }
        if (conv->mean)
            check_moments(conv, filter);
    }
    if (conv->kernel.dots == FF_STYLE_DOTS_INT16) {
        CHECK(error <= 1e-5 * power); // 50 dB at the least, as of a painting
        // One value of a hundred thousand is off by six times what they are off by in the mean.
        CHECK(output->type != F ||
              error <= output->height * output->width * filters * 0.05 * unit * unit);
    }
    free(expected);
}

typedef struct Case {
    int height, width;
    StyleKernelShape kernel;
    int affine; ///< channels
    int relu;
    StyleType input, output;
    int moments;
} Case;

static float *make_floats(int count)
{
    float *floats = malloc(sizeof(*floats) * (size_t)count);

    for (int i = 0; i < count; i++)
        floats[i] = noise();
    return floats;
}

/** What stands for bfloat16 in the cases: the features' type. */
static StyleType of_features(StyleType type, StyleType features)
{
    return type == B ? features : type;
}

/** With zeros around the image as SAME padding has them; with fewer, when `around` is 0, and with more. */
static void pad(StyleConv *conv, int around)
{
    const StyleKernelShape *const shape = &conv->kernel;
    StyleFeatures *const output = &conv->output;

    output->height = shape->transposed ? 2 * conv->input.height
                                       : (conv->input.height + shape->stride - 1) / shape->stride;
    output->width = shape->transposed ? 2 * conv->input.width
                                      : (conv->input.width + shape->stride - 1) / shape->stride;
    if (!shape->transposed) {
        conv->top = padding(conv->input.height, shape->rows, shape->stride);
        conv->left = padding(conv->input.width, shape->columns, shape->stride);
    }
    if (around && !shape->transposed) {
        conv->top += around;
        conv->left += 2 * around;
        output->height += around;
        output->width += 3 * around;
        output->height = output->height < 1 ? 1 : output->height;
        output->width = output->width < 1 ? 1 : output->width;
        conv->top = conv->top < 0 ? 0 : conv->top;
        conv->left = conv->left < 0 ? 0 : conv->left;
    }
}

static size_t bytes_of(const StyleFeatures *features)
{
    return count_of(features) * (features->type == F ? 4 : features->type == U ? 1 : 2);
}

static void *copy_bytes(const void *bytes, size_t size)
{
    return bytes ? memcpy(malloc(size + 1), bytes, size) : NULL;
}

/** Makes bands in memory of no byte more, which holds what are no numbers; the second half goes on. */
static void make_bands(StyleConv *conv, int first, int end)
{
    const size_t size = ff_style_conv_memory(conv);
    const int middle = (first + end + 1) / 2;
    uint8_t *const memory = aligned_alloc(64, size);

    memset(memory, 0xff, size);
    ff_style_conv(conv, first, middle, 0, memory);
    if (middle < end)
        ff_style_conv(conv, middle, end, 1, memory);
    free(memory);
}

/** All bands by one thread; then one by one, from the last one up: the bytes are the same. */
static void convolve(StyleConv *conv)
{
    const size_t filters = sizeof(double) * (size_t)conv->kernel.filters;
    const int bands = ff_style_conv_bands(conv);
    void *output, *kept, *mean, *variance;

    conv->sums = malloc(ff_style_conv_sums(conv) + 1);
    make_bands(conv, 0, bands);
    if (conv->mean)
        CHECK(ff_style_join_moments(conv));
    output = copy_bytes(conv->output.data, bytes_of(&conv->output));
    kept = copy_bytes(conv->kept.data, conv->kept.data ? bytes_of(&conv->kept) : 0);
    mean = copy_bytes(conv->mean, filters);
    variance = copy_bytes(conv->mean ? conv->variance : NULL, filters);
    memset(conv->output.data, 0xff, bytes_of(&conv->output));
    if (kept)
        memset(conv->kept.data, 0xff, bytes_of(&conv->kept));
    for (int band = bands - 1; band >= 0; band--)
        make_bands(conv, band, band + 1);
    if (conv->mean)
        ff_style_join_moments(conv);
    CHECK(!memcmp(output, conv->output.data, bytes_of(&conv->output)));
    CHECK(!kept || !memcmp(kept, conv->kept.data, bytes_of(&conv->kept)));
    CHECK(!mean || !memcmp(mean, conv->mean, filters));
    CHECK(!variance || !memcmp(variance, conv->variance, filters));
    free(output);
    free(kept);
    free(mean);
    free(variance);
    free(conv->sums);
    conv->sums = NULL;
}

static void check_conv(const Case *c, StyleType features, int around, int has_added,
                       StyleType added, int kept)
{
    const StyleKernelShape *shape = &c->kernel;
    const StyleType type = shape->type;
    void *packed = aligned_alloc(64, ff_style_packed_size(shape) * (type == F ? 4 : 2));
    float *const kernel =
        make_floats(shape->rows * shape->columns * shape->channels * shape->filters);
    float *const affine = make_floats(2 * c->affine + 1);
    double *const moments = malloc(2 * sizeof(*moments) * (size_t)shape->filters);
    StyleConv conv = {
        .vectors = vectors,
        .kernel = *shape,
        .packed = packed,
        .input =
            make_features(of_features(c->input, features), c->height, c->width, shape->channels),
        .affine = {affine, affine + c->affine, c->affine, c->relu},
        .mean = c->moments ? moments : NULL,
        .variance = moments + shape->filters,
    };

    pad(&conv, around);
    conv.output = make_features(of_features(c->output, features), conv.output.height,
                                conv.output.width, shape->filters);
    if (has_added)
        conv.added =
            make_features(of_features(added, features), c->height, c->width, shape->channels);
    if (kept)
        conv.kept = make_features(features, c->height, c->width, shape->channels);
    for (int i = 0;
         type == F && i < shape->rows * shape->columns * shape->channels * shape->filters; i++)
        kernel[i] *= 0.7f; // which bfloat16 does not hold
    ff_style_pack_kernel(shape, kernel, packed);
    convolve(&conv);
    check_output(&conv, kernel);
    if (kept)
        check_kept(&conv);
    free(packed);
    free(kernel);
    free(affine);
    free(moments);
    free(conv.input.data);
    free(conv.output.data);
    free(conv.added.data);
    free(conv.kept.data);
}

static void test_convolutions(StyleType type, StyleType features)
{
    static const Case cases[] = {
        {20, 33, {9, 9, 3, 16, 1, 0, B, 1, 0}, 1, 0, U, B, 1}, // johnson's first
        {20, 33, {9, 9, 3, 16, 1, 0, B, 1, 0}, 0, 0, F, B, 1},
        {20, 33, {3, 3, 64, 64, 1, 0, B, 1, 0}, 64, 1, B, B, 1}, // a residual block's
        {21, 34, {3, 3, 16, 32, 2, 0, B, 1, 0}, 16, 1, B, B, 1},
        {24, 36, {6, 6, 3, 16, 2, 0, B, 1, 0}, 1, 0, U, B, 1},   // fast's first
        {20, 12, {9, 3, 64, 12, 1, 0, B, 1, 0}, 16, 1, B, F, 0}, // the last, of four pixels each
        {10, 70, {3, 3, 16, 12, 1, 0, B, 1, 0}, 0, 0, B, F, 0},
        {10, 33, {4, 4, 64, 32, 2, 1, B, 1, 0}, 64, 0, B, B, 1}, // doublings
        {10, 20, {6, 6, 32, 16, 2, 1, B, 1, 0}, 32, 1, F, B, 1},
        {9, 98, {4, 4, 16, 48, 2, 1, B, 1, 0}, 16, 1, B, B, 1},
        {3, 5, {2, 2, 5, 3, 2, 1, B, 1, 0}, 5, 1, B, F, 1},
        {5, 70, {4, 4, 16, 16, 2, 1, B, 1, 0}, 16, 1, B, B, 1}, // two phases, each with its pixels
        {5, 70, {4, 4, 16, 16, 2, 1, B, 1, 0}, 16, 1, B, F, 1},
        {5, 37, {8, 8, 32, 12, 2, 1, B, 1, 0}, 32, 0, B, F, 1},
        {6, 141, {3, 3, 3, 16, 1, 0, B, 1, 0}, 0, 0, U, B, 1}, // pairs, and one without a neighbour
        {4, 5, {8, 8, 5, 3, 2, 1, B, 1, 0}, 5, 1, B, F, 1},
        {1, 1, {1, 1, 1, 1, 1, 0, B, 1, 0}, 1, 1, B, B, 1},
        {1, 1, {5, 5, 7, 33, 3, 0, B, 1, 0}, 0, 1, B, B, 1},
        {7,
         19,
         {5, 2, 7, 17, 3, 0, B, 1, 0},
         3,
         1,
         F,
         F,
         0}, // an affine that doesn't divide the channels
        {6, 21, {5, 3, 32, 3, 1, 0, B, 1, 0}, 32, 1, B, F, 1}, // three colours
        {3, 70, {5, 3, 32, 3, 1, 0, B, 1, 0}, 32, 1, B, B, 1}, // the same, three tiles and two
        {5, 100, {1, 3, 48, 40, 1, 0, B, 1, 0}, 12, 0, B, B, 1},
        {9, 103, {3, 3, 32, 48, 1, 0, B, 1, 0}, 32, 1, B, B, 1}, // of floats, in squares
        {8, 8, {3, 3, 16, 12, 1, 0, B, 1, 0}, 0, 1, B, F, 1},
        {13, 27, {3, 3, 16, 25, 1, 0, B, 1, 0}, 0, 1, B, F, 1},
        {1, 2, {3, 3, 48, 80, 1, 0, B, 1, 0}, 16, 1, B, B, 1},
        {4, 48, {3, 3, 16, 16, 1, 0, B, 1, 0}, 1, 0, U, B, 1}, // whole steps
        {5, 96, {3, 3, 16, 32, 1, 0, B, 1, 0}, 16, 1, B, B, 1},
        {1, 1, {4, 4, 16, 16, 2, 1, B, 1, 0}, 16, 1, B, B, 1},
        {2, 3, {4, 4, 32, 32, 2, 1, B, 1, 0}, 0, 0, B, F, 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        Case c = cases[i];

        c.kernel.type = type;
        c.kernel.dots = ff_style_dots_of(vectors);
        if (c.kernel.dots == FF_STYLE_DOTS_BF16 && c.kernel.rows != 3 + c.kernel.transposed)
            continue; // no squares: as without dot products
        for (int flags = 0; flags < 8; flags++)
            check_conv(&c, features, 0, flags & 1, flags & 2 ? F : B, flags >> 2);
        check_conv(&c, features, 2, 0, F, 0);
        check_conv(&c, features, -1, 0, F, 0);
    }
}

/** What one value far beyond the others, or that is no number, makes: only outputs that read it may tell. */
static void check_far_value(const StyleKernelShape *shape, int width, int column, float value)
{
    const double unit = unit_of(shape);
    double *const moments = malloc(2 * sizeof(*moments) * (size_t)shape->filters);
    float *const packed = aligned_alloc(64, ff_style_packed_size(shape) * sizeof(*packed));
    float *const kernel =
        make_floats(shape->rows * shape->columns * shape->channels * shape->filters);
    StyleConv conv = {.vectors = vectors,
                      .kernel = *shape,
                      .packed = packed,
                      .input = make_features(F, 20, width, shape->channels),
                      .mean = moments,
                      .variance = moments + shape->filters};
    double *expected;

    pad(&conv, 0);
    conv.output = make_features(F, conv.output.height, conv.output.width, shape->filters);
    ((float *)conv.input.data)[(9 * width + column) * shape->channels + 5] = value;
    ff_style_pack_kernel(shape, kernel, packed);
    convolve(&conv);
    expected = make_expected(&conv, kernel);
    for (size_t i = 0; i < count_of(&conv.output); i++) {
        const double found = (double)value_of(&conv.output, i);

        if (isfinite(expected[i]))
            CHECK(fabs(found - expected[i]) <= unit + 1e-5 * fabs(expected[i]));
        else
            CHECK(isnan(expected[i]) ? isnan(found) : found == expected[i]);
    }
    for (int filter = 0; filter < shape->filters && fabsf(value) < 1e10f; filter++)
        check_moments(&conv, filter);
    free(expected);
    free(packed);
    free(kernel);
    free(moments);
    free(conv.input.data);
    free(conv.output.data);
}

static void test_far_values(void)
{
    static const float values[] = {1e5f, -1e30f, INFINITY, NAN, 65, -3000};
    const StyleDots dots = ff_style_dots_of(vectors);
    // The last two are near enough for squares of floats to lose a bit, and not for integers.
    const size_t count = sizeof(values) / sizeof(*values) - (dots == FF_STYLE_DOTS_INT16 ? 0 : 2);

    for (size_t i = 0; i < count; i++) {
        check_far_value(&(StyleKernelShape){3, 3, 16, 32, 1, 0, F, 1, dots}, 33, 17, values[i]);
        check_far_value(&(StyleKernelShape){4, 4, 16, 16, 2, 1, F, 1, dots}, 33, 17, values[i]);
        check_far_value(&(StyleKernelShape){3, 3, 32, 32, 1, 0, F, 1, dots}, 33, 17, values[i]);
        check_far_value(&(StyleKernelShape){5, 3, 16, 3, 1, 0, F, 1, dots}, 33, 17, values[i]);
        // Both squares of a row read it.
        check_far_value(&(StyleKernelShape){3, 3, 16, 32, 1, 0, F, 1, dots}, 8, 3, values[i]);
        check_far_value(&(StyleKernelShape){3, 3, 32, 32, 1, 0, F, 1, dots}, 8, 3, values[i]);
    }
}

/** Whether halves are told to hold what comes of an input of ones, one of which is `value`. */
static void check_held(float value, StyleType kept, int expected)
{
    enum { SIZE = 20, CHANNELS = 16 };
    const StyleKernelShape shape = {1, 1, CHANNELS, 1, 1, 0, F, 1, FF_STYLE_DOTS_INT16};
    float *const packed = aligned_alloc(64, ff_style_packed_size(&shape) * sizeof(*packed));
    const float kernel[CHANNELS] = {[3] = 1};
    double mean, variance;
    StyleConv conv = {.vectors = vectors,
                      .kernel = shape,
                      .packed = packed,
                      .input = make_features(F, SIZE, SIZE, CHANNELS),
                      .kept = make_features(kept, SIZE, SIZE, CHANNELS),
                      .output = make_features(kept == H ? F : H, SIZE, SIZE, 1),
                      .mean = &mean,
                      .variance = &variance};

    for (int i = 0; i < SIZE * SIZE * CHANNELS; i++)
        ((float *)conv.input.data)[i] = i == 200 * CHANNELS + 3 ? value : 1;
    ff_style_pack_kernel(&shape, kernel, packed);
    conv.sums = malloc(ff_style_conv_sums(&conv));
    make_bands(&conv, 0, ff_style_conv_bands(&conv));
    CHECK(ff_style_join_moments(&conv) == expected);
    free(packed);
    free(conv.input.data);
    free(conv.kept.data);
    free(conv.output.data);
    free(conv.sums);
}

static void test_what_halves_hold(void)
{
    static const float values[] = {1, -60000, 65503, -66000, 1e30f, INFINITY, -INFINITY, NAN};

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        check_held(values[i], H, i < 3);
        if (i != 2) // it may be as far from the first value as that is from 0
            check_held(values[i], F, i < 2);
    }
}

/** A bright pixel, in squares of integers: the squares away from it have the bytes that they have without. */
static void check_bright_pixel(int row, int column, float value)
{
    enum { HEIGHT = 18, WIDTH = 103, CHANNELS = 32, FILTERS = 48 };
    const StyleKernelShape shape = {3, 3, CHANNELS, FILTERS, 1, 0, F, 1, FF_STYLE_DOTS_INT16};
    float *const packed = aligned_alloc(64, ff_style_packed_size(&shape) * sizeof(*packed));
    float *const kernel = make_floats(9 * CHANNELS * FILTERS);
    StyleConv conv = {.vectors = vectors,
                      .kernel = shape,
                      .packed = packed,
                      .input = make_features(F, HEIGHT, WIDTH, CHANNELS)};
    float *calm, *bright;

    pad(&conv, 0);
    conv.output = make_features(F, HEIGHT, WIDTH, FILTERS);
    ff_style_pack_kernel(&shape, kernel, packed);
    convolve(&conv);
    calm = copy_bytes(conv.output.data, bytes_of(&conv.output));
    ((float *)conv.input.data)[(row * WIDTH + column) * CHANNELS + 7] = value;
    convolve(&conv);
    bright = conv.output.data;
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        const int down = i / WIDTH / 4 * 4 - row, right = i % WIDTH / 4 * 4 - column;

        // Squares read six pixels, and eight of a row tell what they are scaled by.
        if (down > 1 || down < -4 || right > 1 || right < -6)
            CHECK(!memcmp(bright + i * FILTERS, calm + i * FILTERS, FILTERS * sizeof(*calm)));
    }
    free(calm);
    free(packed);
    free(kernel);
    free(conv.input.data);
    free(conv.output.data);
}

static void test_bright_pixels(void)
{
    static const float values[] = {20, 50, -300, 1e30f, NAN};

    if (ff_style_dots_of(vectors) != FF_STYLE_DOTS_INT16)
        return;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        check_bright_pixel(0, 0, values[i]);
        check_bright_pixel(9, 50, values[i]);
        check_bright_pixel(11, 51, values[i]);
        check_bright_pixel(17, 102, values[i]);
    }
}

/* The largest sums that there can be: those of integers would be the first to leave 32 bits. */

/** The sign of what a line of B^T, by which squares are transformed, multiplies a place by. */
static float sign_of(int line, int place)
{
    static const char signs[][7] = {"+ - + ", " --++ ", " +--+ ", " --++ ", " +--+ ", " + - +"};

    return line >= 0 && signs[line][place] == '-' ? -1 : 1;
}

/** An image, and a kernel of ones, whose products have one sign: lines `down` and `right`, or values alike (-1). */
static void check_largest(StyleKernelShape shape, int size, float most, int down, int right)
{
    const int count = shape.rows * shape.columns * shape.channels * shape.filters;
    const int made = shape.transposed ? 2 * size : (size - shape.rows) / shape.stride + 1;
    float *const kernel = make_floats(count), *packed, *values;
    StyleConv conv = {.vectors = vectors,
                      .kernel = shape,
                      .input = make_features(F, size, size, shape.channels),
                      .output = make_features(F, made, made, shape.filters)};
    double *expected;

    values = conv.input.data;
    for (int i = 0; i < count; i++) {
        const int channel = shape.transposed ? i % shape.channels : i / shape.filters;

        kernel[i] = channel % shape.channels % 3 ? -1 : 1;
    }
    for (size_t i = 0; i < count_of(&conv.input); i++) {
        const int channel = (int)i % shape.channels, place = (int)i / shape.channels;

        values[i] = most * sign_of(down, place / size) * sign_of(right, place % size) *
                    (channel % 3 ? -1 : 1);
    }
    packed = aligned_alloc(64, ff_style_packed_size(&shape) * sizeof(*packed));
    ff_style_pack_kernel(&shape, kernel, packed);
    conv.packed = packed;
    convolve(&conv);
    expected = make_expected(&conv, kernel);
    for (size_t i = 0; i < count_of(&conv.output); i++)
        CHECK(fabs((double)value_of(&conv.output, i) - expected[i]) <=
              1e-2 * shape_size(&shape) * (double)most + 1e-30);
    free(expected);
    free(packed);
    free(kernel);
    free(conv.input.data);
    free(conv.output.data);
}

static void test_largest_values(void)
{
    static const StyleKernelShape shapes[] = {{9, 9, 3, 16, 1, 0, F, 1, 0},
                                              {9, 9, 16, 3, 1, 0, F, 1, 0},
                                              {3, 3, 16, 32, 2, 0, F, 1, 0},
                                              {4, 4, 64, 32, 2, 1, F, 1, 0},
                                              {3, 3, 512, 16, 1, 0, F, 1, 0}};
    static const float most[] = {63.99f, 64, 1, 0.99999f, 1e-20f, 1e-35f, 0};
    StyleKernelShape square = {3, 3, 64, 16, 1, 0, F, 1, ff_style_dots_of(vectors)};

    if (square.dots == FF_STYLE_DOTS_BF16)
        return; // what has no such sums
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
        for (size_t j = 0; j < sizeof(most) / sizeof(*most); j++) {
            StyleKernelShape shape = shapes[i];

            shape.dots = square.dots;
            check_largest(shape, 12, most[j], -1, -1);
        }
    for (int i = 0; i < 36; i++)
        check_largest(square, 6, 1, i / 6, i % 6);
}

/** Of three filters, laid out for so many neighbouring pixels at a time. */
static float *join_pixels(const StyleKernelShape *single, const float *kernel, int pixels,
                          StyleKernelShape *joined)
{
    float *values;

    *joined = *single;
    joined->columns = (single->columns - 1) / pixels + 1;
    joined->channels = single->channels * pixels;
    joined->filters = single->filters * pixels;
    values = calloc((size_t)joined->rows * (size_t)joined->columns * (size_t)joined->channels *
                        (size_t)joined->filters,
                    sizeof(*values));
    for (int i = 0; i < single->rows * single->columns * single->channels * single->filters; i++)
        for (int pixel = 0; pixel < pixels; pixel++) {
            const int filter = i % single->filters,
                      channel = i / single->filters % single->channels;
            const int place = i / single->filters / single->channels;
            const int row = place / single->columns, column = place % single->columns + pixel;

            values[((row * joined->columns + column / pixels) * joined->channels +
                    column % pixels * single->channels + channel) *
                       joined->filters +
                   pixel * single->filters + filter] = kernel[i];
        }
    return values;
}

static void check_pixels(const StyleKernelShape *single, int pixels, int width)
{
    float *const kernel =
        make_floats(single->rows * single->columns * single->channels * single->filters);
    StyleKernelShape joined, parted;
    float *const values = join_pixels(single, kernel, pixels, &joined);
    float *packed;
    StyleConv conv = {.vectors = vectors,
                      .kernel = joined,
                      .input = make_features(F, 7, width, joined.channels),
                      .output = make_features(F, 7, width, joined.filters)};

    parted = ff_style_part_pixels(&joined, values);
    CHECK(parted.pixels == pixels && parted.columns == single->columns);
    CHECK(parted.channels == single->channels && parted.filters == single->filters);
    packed = aligned_alloc(64, ff_style_packed_size(&parted) * sizeof(*packed));
    ff_style_pack_kernel(&parted, values, packed);
    conv.packed = packed;
    conv.kernel = parted;
    conv.top = padding(7, joined.rows, 1);
    conv.left = padding(width, joined.columns, 1);
    convolve(&conv);
    conv.kernel = joined;
    check_output(&conv, values);

    // A value where there should be none, and one that differs.
    values[joined.filters - 1] += 1;
    CHECK(ff_style_part_pixels(&joined, values).pixels == 1);
    values[joined.filters - 1] -= 1;
    values[joined.channels * joined.filters] += 0.5f;
    CHECK(ff_style_part_pixels(&joined, values).pixels == 1);
    free(packed);
    free(kernel);
    free(values);
    free(conv.input.data);
    free(conv.output.data);
}

static void test_pixels_of_a_kernel(void)
{
    check_pixels(&(StyleKernelShape){9, 9, 16, 3, 1, 0, F, 1, 0}, 4, 11);
    check_pixels(&(StyleKernelShape){3, 5, 32, 3, 1, 0, F, 1, 0}, 2, 8);
    check_pixels(&(StyleKernelShape){1, 7, 16, 3, 1, 0, F, 1, 0}, 3, 1);
}

static void check_apply(int channels, int relu, StyleType input_type, StyleType added_type,
                        StyleType output_type, int has_added)
{
    const StyleFeatures input = make_features(input_type, 3, 7, 20);
    const StyleFeatures output = make_features(output_type, 3, 7, 20);
    StyleFeatures added = make_features(added_type, 3, 7, 20);
    void *const data = added.data;
    float *const floats = make_floats(2 * channels + 1);
    float *const memory = malloc(ff_style_affine_memory(channels));
    const StyleAffine affine = {floats, floats + channels, channels, relu};

    added.data = has_added ? data : NULL;
    ff_style_apply(vectors, &input, &affine, &added, &output, memory);
    for (size_t i = 0; i < count_of(&input); i++) {
        const float expected =
            affine_value(&affine, value_of(&input, i), i) + (has_added ? value_of(&added, i) : 0);

        CHECK(value_of(&output, i) == rounded_as(output_type, expected));
    }
    free(floats);
    free(memory);
    free(data);
    free(input.data);
    free(output.data);
}

static void test_apply(StyleType narrow)
{
    static const int channels[] = {0, 4, 8, 16, 20, 32, 64};

    for (size_t c = 0; c < sizeof(channels) / sizeof(*channels); c++)
        for (int i = 0; i < 32; i++)
            check_apply(channels[c], i & 1, i >> 1 & 1 ? F : narrow, i >> 2 & 1 ? F : narrow,
                        i >> 3 & 1 ? F : narrow, i >> 4 & 1);
}

/** What an ending makes of a value that is brought to its affine. */
static double ended(const StyleEnding *ending, double value)
{
    value = (ending->tanh ? tanh(value) : value) * (double)ending->gain + (double)ending->middle;
    value = fmin(fmax(value, (double)ending->low), (double)ending->high);
    return ending->truncates ? floor(value) : ending->rounds ? rint(value) : value;
}

static void check_finish(const StyleEnding *ending, const StyleAffine *affine)
{
    enum { COUNT = 1005 };
    static float values[COUNT], floats[COUNT], memory[32 * 16];
    static uint8_t bytes[COUNT];
    const StyleFeatures input = {values, F, 5, 67, 3};

    for (int i = 0; i < COUNT; i++)
        values[i] = i == 0 ? -INFINITY : i == 1 ? INFINITY : i == 2 ? 0 : 4 * noise();
    values[3] = values[COUNT - 1] = NAN; // also among the last ones, which fill no vector
    ff_style_finish(vectors, ending, &input, affine, &(StyleFeatures){bytes, U, 5, 67, 3}, memory);
    ff_style_finish(vectors, ending, &input, affine, &(StyleFeatures){floats, F, 5, 67, 3}, memory);
    for (int i = 0; i < COUNT; i++) {
        const double value = affine->channels ? (double)values[i] * (double)affine->scale[i % 3] +
                                                    (double)affine->offset[i % 3]
                                              : (double)values[i];
        const double expected = ended(ending, value), before = ended(ending, value - 1e-4);
        const double behind = ended(ending, value + 1e-4);

        if (isnan(values[i])) {
            CHECK(!bytes[i] && isnan(floats[i]));
            continue;
        }
        // A whole number's neighbour, where the value is next to where that begins.
        CHECK(fabs(bytes[i] - expected) <= 0.5 + 1e-2 || bytes[i] == before || bytes[i] == behind);
        CHECK(fabs((double)floats[i] - expected) <= 1e-2 || (double)floats[i] == before ||
              (double)floats[i] == behind);
    }
}

static void test_finish(void)
{
    const float scale[] = {1, -0.5f, 2}, offset[] = {0.5f, -0.25f, 0.125f};
    const StyleAffine none = {NULL, NULL, 0, 0}, some = {scale, offset, 3, 0};
    const StyleEnding endings[] = {{1, 150, 127.5f, 0, 255, 0, 0},
                                   {1, 100, 100, 50, 180, 1, 0},
                                   {0, 30, 100, 0, 255, 0, 1},
                                   {0, 30, 100.5f, 0, 255, 1, 0}};

    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        check_finish(&endings[i], &none);
        check_finish(&endings[i], &some);
    }
}

static void test_packing(void)
{
    const StyleKernelShape shape = {1, 1, 3, 2, 1, 0, B, 1, 0},
                           doubling = {4, 4, 3, 2, 2, 1, B, 1, 0};
    const float kernel[] = {1, 2, 3, 4, 5, -1.00390625f};
    StyleKernelShape floats = shape;
    uint16_t packed[1024];
    float exact[48];

    CHECK(ff_style_packed_size(&shape) == 2 * 512);
    ff_style_pack_kernel(&shape, kernel, packed);
    // Two channels of filter 0, of filter 1, 14 filters of nothing; then the third channel.
    CHECK(packed[0] == 0x3f80 && packed[1] == 0x4040 && packed[2] == 0x4000 && packed[3] == 0x4080);
    CHECK(packed[4] == 0 && packed[32] == 0x40a0 && packed[33] == 0);
    CHECK(packed[34] == 0xbf80); // half way: to even
    // The right neighbour's, which takes the three values behind.
    CHECK(packed[512] == 0 && packed[544] == 0 && packed[545] == 0x3f80 && packed[547] == 0x4000);
    CHECK(packed[576] == 0x4040 && packed[577] == 0x40a0 && packed[608] == 0);
    CHECK(ff_style_packed_size(&doubling) == 2 * 2 * 2 * 512);
    // The first channel of 2 filters, 14 of nothing; then the second.
    floats.type = F;
    CHECK(ff_style_packed_size(&floats) == 48);
    ff_style_pack_kernel(&floats, kernel, exact);
    CHECK(exact[0] == 1 && exact[1] == 2 && exact[2] == 0 && exact[16] == 3 && exact[17] == 4);
    CHECK(exact[33] == -1.00390625f);
    // In 36 places, and as it is; where those are too many, as it is alone.
    CHECK(ff_style_packed_size(&(StyleKernelShape){3, 3, 16, 20, 1, 0, F, 1, 0}) ==
          (36 + 9) * 16 * 32);
    CHECK(ff_style_packed_size(&(StyleKernelShape){4, 4, 16, 16, 2, 1, F, 1, 0}) ==
          (36 * 4 + 16) * 16 * 16);
    CHECK(ff_style_packed_size(&(StyleKernelShape){3, 3, 2048, 2048, 1, 0, F, 1, 0}) == 9 << 22);

    CHECK(!ff_style_packed_size(&(StyleKernelShape){0, 1, 1, 1, 1, 0, B, 1, 0}));
    CHECK(!ff_style_packed_size(&(StyleKernelShape){1, -1, 1, 1, 1, 0, B, 1, 0}));
    CHECK(!ff_style_packed_size(&(StyleKernelShape){3, 4, 1, 1, 2, 1, B, 1, 0}));
    CHECK(!ff_style_packed_size(&(StyleKernelShape){1 << 14, 1 << 14, 1 << 14, 1, 1, 0, B, 1, 0}));
    CHECK(!ff_style_packed_size(
        &(StyleKernelShape){INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX, 1, 0, F, 1, 0}));
}

#define FIRST_VECTORS (FF_STYLE_HAS_NEON ? FF_STYLE_NEON : FF_STYLE_AVX2) // of a kind of processor

int main(void)
{
    test_packing();
    for (vectors = FIRST_VECTORS; vectors <= ff_style_processor_vectors(); vectors++) {
        test_convolutions(F, F);
        test_far_values();
        test_bright_pixels();
        test_largest_values();
        test_pixels_of_a_kernel();
        test_apply(F);
        test_finish();
    }
    if (ff_style_dots_of(--vectors) == FF_STYLE_DOTS_INT16) {
        test_convolutions(F, H);
        test_apply(H);
        test_what_halves_hold();
    }
    if (ff_style_processor_has_matrices()) {
        vectors = FF_STYLE_AVX512;
        test_convolutions(B, B);
        test_apply(B);
    }
    return 0;
}
