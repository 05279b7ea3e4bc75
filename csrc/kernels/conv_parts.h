/*
 * What the files behind conv.h share. pack.c lays kernels out for it; conv.c brings the input's rows to where they are
 * multiplied; kernels/x86/amx.c multiplies them on the matrix unit, the other files of kernels/x86 and kernels/arm on
 * the vector unit; bands.c adds up what the bands of rows tell of their values.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CONV_PARTS_H
#define FF_STYLE_CONV_PARTS_H

#include <limits.h>

#include "conv.h"

#define TILE 16 // pixels or filters of one of the matrix unit's tiles; filters packed side by side
#define COLOURS 3     // filters of a network's last convolution
#define CHUNK 32      // values of a row that the matrix unit takes at a time
#define LINE_BYTES 64 // of the cache

/* Squares: of the output, of the input that one needs, and in a transformed one. */
#define SQUARE 4
#define SQUARE_INPUT (SQUARE + 2)
#define PLACES (SQUARE_INPUT * SQUARE_INPUT)

/* The points where the polynomials of a transform are taken: 0, these and their negatives, and infinity. */
#define NEAR_POINT 0.70710678118654752 // its square: 1 / 2
#define FAR_POINT 1.41421356237309505  // its square: 2

/**
 * The kernels that multiply rows of the input.
 *
 * A transposed one of stride 2 becomes four, one for each phase of the output's rows and columns: the even
 * ones and the odd ones. Few filters don't fill the matrix unit, and it gets those of two phases of the
 * columns together, of other convolutions too where both find room in what is read anyway.
 *
 * A float one of 3x3 becomes 36 of 1x1, one for each place in a transformed square of 6x6
 * (conv_squares.h); so does a transposed one of 4x4, as one of 3x3 that gives the four phases as filters. Its chunks are
 * channels, or pairs of them. Others become integers (conv_integers.h) where there are dot products of those: their
 * chunks are pairs of values. Behind either, it is packed as it is for rows: a square, or a row, in which one value is
 * far beyond the others would lose those.
 */
typedef struct ConvPlan {
    int in_squares; ///< the output is made in squares, and what is called a pixel here is one of them
    int integers;   ///< pairs of 16-bit integers are multiplied; a pair counts as one value here
    int filters;    ///< of all phases that are not told apart below
    int row_phases, column_phases;
    int together;                      ///< phases of columns that are multiplied at a time
    int folded;                        ///< these read the same values, each its own part of them
    int rows, columns;                 ///< of one kernel
    int chunk, chunks;                 ///< values of a chunk; chunks of the columns of one row
    int group;                         ///< filters that are packed side by side
    int run;                           ///< values of one of them that are packed side by side
    int row_step, column_step;         ///< of the input, from an output of a phase to the next
    int first_row[2], first_column[2]; ///< of the input that output 0 of each phase reads
} ConvPlan;

/**
 * The rows of the input that the kernel reads next, in turn in as many places; in the kernel's type, with
 * zeros around.
 */
typedef struct ConvWindow {
    uint8_t *lines;
    const uint8_t **rows; ///< what the kernel reads
    size_t line;          ///< bytes
    ptrdiff_t pitch;      ///< bytes from a pixel of the output to the next of its phase
    int capacity, loaded; ///< `loaded`: the next row to come
    uint32_t *magnitudes; ///< of each piece of each line, as Normed.most; of integers
    size_t pieces;        ///< of a line: of four pixels, where squares begin; otherwise one
    uint32_t most;        ///< the largest that the kernel reads, where a line is one piece
} ConvWindow;

/** The window's lines as integers, in the same places. */
typedef struct ConvIntegers {
    int16_t *lines;
    const uint8_t **rows;
    int *exponents; ///< of the power of two that each line was multiplied by
} ConvIntegers;

#define INPUT_BITS 13 // of the largest integers in rows of the input
#define STALE INT_MIN // in the place of the exponent: the line is not there

/** What of the input comes next: it is fetched while the window is multiplied, a share with each step. */
typedef struct ConvAhead {
    const uint8_t *next, *end;
    ptrdiff_t share;
} ConvAhead;

/** A StyleAffine as vectors of 16 channels, as many as it takes until they repeat. */
typedef struct ConvAffine {
    const StyleAffine *affine;
    float *scale, *offset;
    int vectors;
    int phase; ///< channel that the first vector begins with
} ConvAffine;

/** What ff_style_conv() works with. */
typedef struct ConvWork {
    const StyleConv *conv;
    ConvPlan plan;
    ConvPlan in_rows; ///< what is done where squares or integers can't hold the values
    int width;        ///< pixels of the output's first phase; or squares of a row
    ConvWindow window;
    ConvIntegers integers; ///< where rows of those are multiplied
    ConvAhead ahead;
    ConvAffine affine;
    int band_row;           ///< of the output: the first one of the band that is made
    size_t first;           ///< number of its first value
    int kept_from, kept_to; ///< rows of the input that others don't keep
    double *sums, *powers;  ///< of the band by filter, and of its square; NULL: nobody asks
    float *pivots;          ///< what is subtracted before
    uint32_t *farthest;     ///< the largest magnitude of what the band has kept, as Normed.most
    int squares_at_once;
    float *transformed,
        *products; ///< of squares; pairs of 16 bits when they are multiplied as such
    /** Of each square of a row, what its integers are scaled by; infinity: it is not multiplied as a square. */
    float *mosts;
} ConvWork;

/** Columns are counted from where output 0 begins to read: ff_style_conv() knows where that is. */
ConvPlan ff_style_plan_kernel(const StyleKernelShape *shape);

/** The same without squares. */
ConvPlan ff_style_plan_rows(const StyleKernelShape *shape);

static inline int count_groups(const ConvPlan *plan)
{
    return (plan->filters + plan->group - 1) / plan->group;
}

/** Values of a packed kernel for a group of filters. */
static inline size_t packed_step(const ConvPlan *plan)
{
    return (size_t)plan->rows * (size_t)plan->chunks * (size_t)plan->chunk * (size_t)plan->group;
}

/** Kernels that are packed one behind the other: for the places of a square, or the phases of rows. */
static inline int count_kernels(const ConvPlan *plan)
{
    return plan->in_squares ? PLACES : plan->row_phases * plan->column_phases;
}

/** Values of all of them. */
static inline size_t packed_values(const ConvPlan *plan)
{
    return (size_t)(count_kernels(plan) * count_groups(plan)) * packed_step(plan);
}

/** Values of the input from where the first phase's kernel begins to read to where this one's does. */
static inline int column_shift(const ConvPlan *plan, int phase, int channels)
{
    return (plan->first_column[phase] - plan->first_column[0]) * channels;
}

/** Bytes of a value. */
static inline size_t type_size(StyleType type)
{
    return type == FF_STYLE_FLOAT ? 4 : type == FF_STYLE_UINT8 ? 1 : 2;
}

static inline int round_up(int value, int unit)
{
    return (value + unit - 1) / unit * unit;
}

/** The filters, and the zeros that fill the last group of 16. */
static inline int packed_filters(const ConvPlan *plan)
{
    return round_up(plan->filters, TILE);
}

/**
 * Values of squares or integers: what is packed for rows begins there. Behind the kernels of integers there is for each
 * filter of each what one of them stands for.
 */
static inline size_t packed_first(const ConvPlan *plan)
{
    const size_t units = plan->integers ? (size_t)(count_kernels(plan) * packed_filters(plan)) : 0;

    return packed_values(plan) + units;
}

/** Those of a kernel. */
static inline const float *packed_units(const ConvWork *w, int kernel)
{
    return (const float *)w->conv->packed + packed_values(&w->plan) +
           (size_t)(kernel * packed_filters(&w->plan));
}

/** Values of so many transformed squares of one place, and a line more: places would share the cache's sets. */
static inline size_t place_step(const ConvWork *w, int values)
{
    return (size_t)w->squares_at_once * (size_t)values + LINE_BYTES / sizeof(float);
}

/** Values of the output from a pixel to the next of its phase. */
static inline size_t output_step(const ConvWork *w)
{
    return (size_t)w->plan.column_phases * (size_t)w->conv->kernel.filters;
}

/** Values that are brought to their norm, and where they go. */
typedef struct Normed {
    const void *input, *added; ///< nothing is added: NULL
    void *output, *kept;       ///< both get them; `kept` may be NULL
    StyleType input_type, added_type, output_type, kept_type;
    size_t count;
    const ConvAffine *affine;
    /** Where there are dot products of integers, and somebody asks: of each piece 16 magnitudes, as bits without the
     * sign; each is the largest of every 16th value. */
    uint32_t *most;
    size_t first,
        piece; ///< values of the first piece and of the others, whole vectors but for the last
} Normed;

/** What is done in vectors of one size. */
typedef struct ConvVectors {
    int squares_at_once; ///< a multiple of the pixels that are multiplied at a time

    /** Into `output` alone. */
    void (*normalise)(const Normed *values);

    /**
     * Multiplies the window's rows into a row of the output: the pixels of one phase.
     *
     * @param to number of the row's first value in the output
     */
    void (*multiply)(ConvWork *w, const float *kernel, size_t to);

    /** Makes a row of squares: as many rows of the output, from `y` on. */
    void (*multiply_squares)(ConvWork *w, int y);

    /* Where there are dot products of integers. */

    /** Like `multiply`, with the kernel of this phase. */
    void (*multiply_integers)(ConvWork *w, int phase, size_t to);

    /** Takes one float after the other. */
    void (*finish)(const StyleEnding *ending, const float *values, size_t count,
                   const ConvAffine *affine, void *output, StyleType type);
} ConvVectors;

#if FF_STYLE_HAS_CONV

#if FF_STYLE_HAS_AVX
extern const ConvVectors ff_style_avx2, ff_style_avx512, ff_style_avx512_vnni;
#else
extern const ConvVectors ff_style_neon, ff_style_neon_bf16;
#endif

static inline const void *advance(const void *values, StyleType type, size_t count)
{
    return values ? (const uint8_t *)values + count * type_size(type) : NULL;
}

const ConvVectors *ff_style_vectors_of(StyleVectors vectors);

/** Vectors of 16 channels until they repeat. */
int ff_style_affine_vectors(const StyleAffine *affine);

/** `memory` has room for 32 values per vector. */
ConvAffine ff_style_repeat_affine(const StyleAffine *affine, float *memory);

/** For values that begin with the one of this number in their tensor. */
void ff_style_begin_affine(ConvAffine *repeated, size_t value);

/** Brings values to their norm whose first is what the affine's vectors begin with. */
void ff_style_normalise(StyleVectors vectors, const Normed *values);

/* Bands: of bands.c. */

/** Rows of the output that are begun together. */
int ff_style_unit_rows(const StyleConv *conv);

/** First row of a band, or one behind the last band's. */
int ff_style_first_row(const StyleConv *conv, int band);

/** Bytes of a band's moments. */
size_t ff_style_sums_size(const StyleConv *conv);

/** Where a band's moments are. */
void ff_style_find_sums(ConvWork *w, int band);

/** Into the second cache: the first is full of what is being multiplied. */
static inline void fetch_ahead(ConvAhead *ahead)
{
    const uint8_t *const end =
        ahead->end - ahead->next > ahead->share ? ahead->next + ahead->share : ahead->end;

    for (; ahead->next < end; ahead->next += LINE_BYTES)
        __builtin_prefetch(ahead->next, 0, 2);
}

/* Of the matrix unit, which processors without AVX have none of. */

/**
 * Like ConvVectors.normalise(), for what is all in bfloat16, and `kept` too.
 *
 * @return how many values it has brought to their norm, from the first on: what is left fills no step of its
 *         loop, which has up to 128 values, or it has none for that number of channels
 */
size_t ff_style_normalise_bf16(const Normed *values);

/** How the matrix unit's tiles are laid out, as LDTILECFG reads it. */
typedef struct TileConfig {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TileConfig;

/** Takes the matrix unit from whoever has it in this thread. */
void ff_style_take_matrices(TileConfig *before);

/** Gives it back. */
void ff_style_return_matrices(const TileConfig *before);

/**
 * Like ConvVectors.multiply(); several phases when they are taken together, whose first the kernel is of.
 */
void ff_style_multiply_bf16(ConvWork *w, const uint16_t *kernel, size_t to);

#endif

#endif
