/*
 * Convolutions with the norms around them: in bfloat16 on the processor's matrix unit (AMX), in single
 * precision on its vectors of 512 bits (AVX-512), 256 (AVX2 with FMA) or 128 (NEON).
 *
 * A convolution reads each row of its input once: it brings the row to its norm and ReLU, keeps it with
 * its neighbours in the cache, and multiplies from there. While it writes its own rows it sums up what
 * the next norm needs. So a norm costs no pass over memory of its own.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CONV_H
#define FF_STYLE_CONV_H

#include <stddef.h>
#include <stdint.h>

/* Whether the compiler knows these instructions. Kernels are packed anywhere; the rest is for processors
 * that have what processor.h tells. */
#ifdef FF_STYLE_HAS_CONV // as it was given, for a test of the other case
#elif defined(__linux__) && defined(__x86_64__) && \
    (defined(__clang__) ? __clang_major__ >= 12 : defined(__GNUC__) && __GNUC__ >= 11)
#define FF_STYLE_HAS_CONV 1
#elif defined(__linux__) && defined(__aarch64__) && \
    (defined(__clang__) ? __clang_major__ >= 16 : defined(__GNUC__) && __GNUC__ >= 11)
#define FF_STYLE_HAS_CONV 1
#else
#define FF_STYLE_HAS_CONV 0
#endif

/* Whose they are. */
#ifdef __aarch64__
#define FF_STYLE_HAS_AVX 0
#define FF_STYLE_HAS_NEON FF_STYLE_HAS_CONV
#else
#define FF_STYLE_HAS_AVX FF_STYLE_HAS_CONV
#define FF_STYLE_HAS_NEON 0
#endif

/** The matrix unit needs FF_STYLE_AVX512 too. */
typedef enum StyleVectors {
    FF_STYLE_NO_VECTORS,
    FF_STYLE_AVX2,
    FF_STYLE_AVX512,
    FF_STYLE_AVX512_VNNI, ///< and dot products of 16-bit integers
    FF_STYLE_NEON,
    FF_STYLE_NEON_BF16, ///< and dot products of bfloat16
} StyleVectors;

/** What vectors have dot products of: pairs of these are multiplied and summed up by one instruction. */
typedef enum StyleDots {
    FF_STYLE_NO_DOTS,
    FF_STYLE_DOTS_BF16,
    FF_STYLE_DOTS_INT16,
} StyleDots;

static inline StyleDots ff_style_dots_of(StyleVectors vectors)
{
    return vectors == FF_STYLE_AVX512_VNNI ? FF_STYLE_DOTS_INT16
           : vectors == FF_STYLE_NEON_BF16 ? FF_STYLE_DOTS_BF16
                                           : FF_STYLE_NO_DOTS;
}

/** The same vectors without those. */
static inline StyleVectors ff_style_without_dots(StyleVectors vectors)
{
    return vectors == FF_STYLE_AVX512_VNNI ? FF_STYLE_AVX512
           : vectors == FF_STYLE_NEON_BF16 ? FF_STYLE_NEON
                                           : vectors;
}

typedef enum StyleType {
    FF_STYLE_BFLOAT16,
    FF_STYLE_FLOAT,
    FF_STYLE_UINT8, ///< of what is read only
    FF_STYLE_HALF,  ///< IEEE's of 16 bits; of features, where there are dot products of integers
} StyleType;

/** A tensor [1,height,width,channels]. */
typedef struct StyleFeatures {
    void *data;
    StyleType type;
    int height, width, channels;
} StyleFeatures;

/** What a norm does to features once its statistics are known: value * scale + offset, per channel. */
typedef struct StyleAffine {
    const float *scale, *offset; ///< `scale` is NULL: 1
    int channels; ///< 0: the features stay as they are; they repeat where the features have more
    int relu;     ///< what is below zero becomes zero
} StyleAffine;

/** A kernel's shape. */
typedef struct StyleKernelShape {
    int rows, columns, channels, filters;
    int stride;     ///< 2 when it is transposed
    int transposed; ///< of a transposed convolution; rows and columns are even
    StyleType type; ///< of the values that it is packed as, and multiplied with
    int pixels; ///< neighbours that lie in the channels of the features, and count as columns here
    StyleDots dots; ///< of a float one: what its products may be of, as the vectors have it
} StyleKernelShape;

typedef struct StyleConv {
    StyleVectors vectors; ///< that the processor has
    StyleKernelShape kernel;
    const void *packed; ///< the kernel as ff_style_pack_kernel() wrote it
    StyleFeatures input;
    StyleAffine affine;  ///< of the input
    StyleFeatures added; ///< to that, of the input's shape; its data are NULL: nothing
    StyleFeatures kept;  ///< receives it all, for others; its data are NULL: there are none
    StyleFeatures output;
    int top, left; ///< zeros in front of the input's rows and columns; none when it is transposed
    double *mean, *variance; ///< of the output's channels; NULL: nobody asks
    void *sums;              ///< for those, as many bytes as ff_style_conv_sums() tells
} StyleConv;

/**
 * The same kernel for single pixels, of three filters, when it stands for several neighbouring ones that share
 * channels and filters to fill vectors better; the given shape, of one pixel, otherwise.
 */
StyleKernelShape ff_style_part_pixels(const StyleKernelShape *shape, const float *kernel);

/** Number of values in a packed kernel; 0: it has no such shape, or is beyond all reason. */
size_t ff_style_packed_size(const StyleKernelShape *shape);

/**
 * Writes a kernel in its type, in the order in which it is multiplied; zeros fill the rest. It is read as it was
 * before ff_style_part_pixels().
 */
void ff_style_pack_kernel(const StyleKernelShape *shape, const float *kernel, void *packed);

/**
 * Bands of rows that the output is made in, from the first one down. Their number depends on the shapes alone; so do
 * the moments, and all bytes.
 */
int ff_style_conv_bands(const StyleConv *conv);

/** Bytes that a thread works in, for these shapes; what they point to is not looked at, but for NULL. */
size_t ff_style_conv_memory(const StyleConv *conv);

/** Bytes of `conv->sums`, likewise. */
size_t ff_style_conv_sums(const StyleConv *conv);

/**
 * Makes the bands from `first` up to `end`, in `memory`, which begins on a cache line. Threads may make different ones
 * at a time.
 *
 * @param goes_on the memory holds what making the band before `first` left; otherwise it holds anything
 *
 * Convolves: output (y, x) begins to read at row y * stride - top and column x * stride - left of the input, and
 * beyond that are zeros. A transposed one gives twice the input's height and width, as TensorFlow's
 * Conv2DBackpropInput does with SAME padding.
 *
 * It is for processors that processor.h tells the instructions of, as the two below are.
 */
void ff_style_conv(const StyleConv *conv, int first, int end, int goes_on, void *memory);

/**
 * Finds mean and variance, where somebody asks, when all bands are made.
 *
 * @return whether all that was written as halves may be such; 0: some values may be beyond them
 */
int ff_style_join_moments(const StyleConv *conv);

/** Whether a kernel of this shape is taken as integers: then what is kept may be halves. */
int ff_style_takes_integers(const StyleKernelShape *shape);

/** Bytes of memory that the two below work in. */
size_t ff_style_affine_memory(int channels);

/** Writes the input, brought to its norm, plus `added` unless its data are NULL. All have one shape. */
void ff_style_apply(StyleVectors vectors, const StyleFeatures *input, const StyleAffine *affine,
                    const StyleFeatures *added, const StyleFeatures *output, float *memory);

/** What the end of a network does: min(max(tanh(value) * gain + middle, low), high), rounded or not. */
typedef struct StyleEnding {
    int tanh; ///< 0: the value as it is
    float gain, middle, low, high;
    int rounds,
        truncates; ///< to the nearest whole number, down to one; bytes are rounded if they are not whole
} StyleEnding;

/** Makes bytes (`low` and `high` are within 0..255) or floats of floats, brought to their affine, without its ReLU. */
void ff_style_finish(StyleVectors vectors, const StyleEnding *ending, const StyleFeatures *input,
                     const StyleAffine *affine, const StyleFeatures *output, float *memory);

#endif
