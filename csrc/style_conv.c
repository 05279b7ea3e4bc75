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

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // syscall()
#endif

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "style_conv.h"

#define CHUNK 32 // values of a row that the matrix unit takes at a time
#define TILE 16  // pixels or filters of one of its tiles
#define PACKED (CHUNK * TILE)
#define LINE_BYTES 64 // of the cache; a load across two of them takes twice its time

/* A packed kernel of more values than this is no style network's. */
#define MAX_PACKED ((size_t)1 << 26)

static int round_up(int value, int unit)
{
    return (value + unit - 1) / unit * unit;
}

/**
 * The kernel that multiplies rows of the input. A transposed one of stride 2 becomes two, for the even
 * and the odd rows of the output; each gives a pixel and its right neighbour as twice the filters.
 */
typedef struct Plan {
    int parities;
    int rows, columns, filters;
    int chunks;   ///< of CHUNK values, for the columns of one row
    int first[2]; ///< input row that the kernel's first row reads, for output row 0 of each parity
    int left;     ///< columns of zeros in front of the input
} Plan;

/** Offset of the first input row that an output row of this parity needs. */
static int first_of_parity(int size, int parity)
{
    return -((size / 2 - parity) / 2);
}

static Plan plan_kernel(const StyleKernelShape *shape)
{
    Plan plan = {1, shape->rows, shape->columns, shape->filters, 0, {0, 0}, 0};

    if (shape->transposed) {
        plan.parities = 2;
        plan.rows = shape->rows / 2;
        plan.left = shape->columns / 4;
        plan.columns = 2 * plan.left + 1;
        plan.filters = 2 * shape->filters;
        plan.first[0] = first_of_parity(shape->rows, 0);
        plan.first[1] = first_of_parity(shape->rows, 1);
    }
    plan.chunks = round_up(plan.columns * shape->channels, CHUNK) / CHUNK;
    return plan;
}

size_t ff_style_packed_size(const StyleKernelShape *shape)
{
    const size_t rows = (size_t)shape->rows, columns = (size_t)shape->columns;
    Plan plan;
    size_t size;

    if (shape->rows < 1 || shape->columns < 1 || shape->channels < 1 || shape->filters < 1 ||
        (size_t)shape->channels > MAX_PACKED / rows / columns / (size_t)shape->filters ||
        (shape->transposed && (shape->rows % 2 || shape->columns % 2)))
        return 0;
    plan = plan_kernel(shape);
    size = (size_t)plan.parities * (size_t)plan.rows * (size_t)plan.chunks * PACKED *
           (size_t)(round_up(plan.filters, TILE) / TILE);
    return size <= MAX_PACKED ? size : 0;
}

static uint16_t to_bfloat16(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7fffffff) > 0x7f800000) // not a number, and must not round to infinity
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/** The kernel's value for a row and a column of the plan; zero where it has none. */
static float kernel_value(const StyleKernelShape *shape, const Plan *plan, const float *kernel,
                          int parity, int row, int column, int channel, int filter)
{
    int right;

    if (!shape->transposed)
        return kernel[((row * shape->columns + column) * shape->channels + channel) *
                          shape->filters +
                      filter];
    // Output 2 * i + parity takes input i + offset by the kernel's place padding + parity - 2 * offset.
    right = filter / shape->filters;
    filter %= shape->filters;
    row = shape->rows / 2 - 1 + parity - 2 * (plan->first[parity] + row);
    column = shape->columns / 2 - 1 + right - 2 * (column - plan->left);
    if (column < 0 || column >= shape->columns)
        return 0;
    return kernel[((row * shape->columns + column) * shape->filters + filter) * shape->channels +
                  channel];
}

void ff_style_pack_kernel(const StyleKernelShape *shape, const float *kernel, uint16_t *packed)
{
    const Plan plan = plan_kernel(shape);
    const int values = plan.columns * shape->channels;

    for (int parity = 0; parity < plan.parities; parity++)
        for (int tile = 0; tile < plan.filters; tile += TILE)
            for (int row = 0; row < plan.rows; row++)
                for (int i = 0; i < plan.chunks * PACKED; i++) {
                    // Pairs of values, for one filter after the other.
                    const int value = i / (2 * TILE) * 2 + i % 2;
                    const int filter = tile + i / 2 % TILE;

                    *packed++ = value < values && filter < plan.filters
                                    ? to_bfloat16(kernel_value(shape, &plan, kernel, parity, row,
                                                               value / shape->channels,
                                                               value % shape->channels, filter))
                                    : 0;
                }
}

int ff_style_conv_size(const StyleKernelShape *shape, int stride, int size)
{
    return shape->transposed ? 2 * size : (size + stride - 1) / stride;
}

#if defined(__linux__) && defined(__x86_64__) && \
    (defined(__clang__) ? __clang_major__ >= 12 : defined(__GNUC__) && __GNUC__ >= 11)

#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MATRICES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))
#define MATRICES_INLINE \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16"), always_inline))

/* arch/x86/include/uapi/asm/prctl.h */
#define REQUEST_STATE 0x1023
#define TILE_DATA 18

static int has_instructions(void)
{
    unsigned eax, ebx, ecx, edx, state, state_high;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & 1u << 27)) // OSXSAVE
        return 0;
    __asm__ volatile("xgetbv" : "=a"(state), "=d"(state_high) : "c"(0));
    if ((state & 0x600e6) != 0x600e6) // the system saves no 512-bit registers, or no tiles
        return 0;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) ||
        (ebx & 0xc0010000) != 0xc0010000 || // AVX512F, BW and VL
        (edx & 0x01400000) != 0x01400000)   // AMX-TILE and AMX-BF16
        return 0;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & 1u << 5); // AVX512_BF16
}

int ff_style_processor_has_matrices(void)
{
    return has_instructions() && !syscall(SYS_arch_prctl, REQUEST_STATE, TILE_DATA);
}

/** How the tiles are laid out, as LDTILECFG reads it. */
typedef struct TileConfig {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TileConfig;

static const TileConfig full_tiles = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

/* Not the intrinsics, which don't tell the compiler that they read and write the whole of it. */
static MATRICES void load_config(const TileConfig *config)
{
    __asm__ volatile("ldtilecfg %0" : : "m"(*config));
}

static MATRICES void save_config(TileConfig *config)
{
    __asm__ volatile("sttilecfg %0" : "=m"(*config));
}

/** The first lanes of a vector; all, when there are more values than that. */
static MATRICES_INLINE inline __mmask16 lanes(ptrdiff_t count)
{
    return count >= 16 ? 0xffff : count > 0 ? (__mmask16)((1u << count) - 1) : 0;
}

/** 16 values of bfloat16. */
static MATRICES_INLINE inline __m512 to_float(__m256i values)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(values), 16));
}

static MATRICES_INLINE inline __m512 load(const void *data, StyleType type, size_t i,
                                          __mmask16 mask)
{
    if (type == FF_STYLE_FLOAT)
        return _mm512_maskz_loadu_ps(mask, (const float *)data + i);
    if (type == FF_STYLE_UINT8)
        return _mm512_cvtepi32_ps(
            _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, (const uint8_t *)data + i)));
    return to_float(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)data + i));
}

static MATRICES_INLINE inline void store(void *data, StyleType type, size_t i, __mmask16 mask,
                                         __m512 value)
{
    if (type == FF_STYLE_FLOAT)
        _mm512_mask_storeu_ps((float *)data + i, mask, value);
    else
        _mm256_mask_storeu_epi16((uint16_t *)data + i, mask, (__m256i)_mm512_cvtneps_pbh(value));
}

/** A StyleAffine as vectors of 16 channels, as many as it takes until they repeat. */
typedef struct Repeated {
    const StyleAffine *affine;
    float *scale, *offset;
    int vectors;
    int phase; ///< channel that the first vector begins with
} Repeated;

static int count_vectors(const StyleAffine *affine)
{
    return !affine->channels ? 1 : affine->channels % 16 ? affine->channels : affine->channels / 16;
}

/** `memory` has room for 32 values per vector. */
static Repeated repeat(const StyleAffine *affine, float *memory)
{
    const int vectors = count_vectors(affine);

    return (Repeated){affine, memory, memory + 16 * vectors, vectors, -1};
}

/** For values that begin with the one of this number in their tensor. */
static void begin_at(Repeated *repeated, size_t value)
{
    const StyleAffine *affine = repeated->affine;
    const int phase = affine->channels ? (int)(value % (size_t)affine->channels) : 0;

    for (int i = 0; i < 16 * repeated->vectors && phase != repeated->phase; i++) {
        repeated->scale[i] = affine->channels ? affine->scale[(phase + i) % affine->channels] : 1;
        repeated->offset[i] = affine->channels ? affine->offset[(phase + i) % affine->channels] : 0;
    }
    repeated->phase = phase;
}

static MATRICES_INLINE inline void normalise(const void *input, StyleType type, size_t count,
                                             const Repeated *repeated, const void *added,
                                             StyleType added_type, void *output,
                                             StyleType output_type)
{
    const __m512 floor = _mm512_set1_ps(repeated->affine->relu ? 0 : -INFINITY);
    int vector = 0;

    for (size_t i = 0; i < count; i += 16) {
        const __mmask16 mask = lanes((ptrdiff_t)(count - i));
        __m512 value = load(input, type, i, mask);

        value = _mm512_fmadd_ps(value, _mm512_loadu_ps(repeated->scale + 16 * vector),
                                _mm512_loadu_ps(repeated->offset + 16 * vector));
        value = _mm512_max_ps(floor, value); // in this order, what is not a number stays so
        if (added)
            value = _mm512_add_ps(value, load(added, added_type, i, mask));
        store(output, output_type, i, mask, value);
        vector = vector + 1 == repeated->vectors ? 0 : vector + 1;
    }
}

/** Calls of their own for each type: the compiler leaves the questions out of the loop. */
static MATRICES void normalise_row(const void *input, StyleType type, size_t count,
                                   const Repeated *repeated, uint16_t *output)
{
    if (type == FF_STYLE_FLOAT)
        normalise(input, FF_STYLE_FLOAT, count, repeated, NULL, FF_STYLE_FLOAT, output,
                  FF_STYLE_BFLOAT16);
    else if (type == FF_STYLE_UINT8)
        normalise(input, FF_STYLE_UINT8, count, repeated, NULL, FF_STYLE_FLOAT, output,
                  FF_STYLE_BFLOAT16);
    else
        normalise(input, FF_STYLE_BFLOAT16, count, repeated, NULL, FF_STYLE_FLOAT, output,
                  FF_STYLE_BFLOAT16);
}

static MATRICES void normalise_all(const StyleFeatures *input, const Repeated *repeated,
                                   const StyleFeatures *added, const StyleFeatures *output)
{
    const size_t count = (size_t)input->height * (size_t)input->width * (size_t)input->channels;

    if (input->type == FF_STYLE_BFLOAT16 && output->type == FF_STYLE_BFLOAT16 &&
        (!added->data || added->type == FF_STYLE_BFLOAT16))
        normalise(input->data, FF_STYLE_BFLOAT16, count, repeated, added->data, FF_STYLE_BFLOAT16,
                  output->data, FF_STYLE_BFLOAT16);
    else
        normalise(input->data, input->type, count, repeated, added->data, added->type, output->data,
                  output->type);
}

int ff_style_apply(const StyleFeatures *input, const StyleAffine *affine,
                   const StyleFeatures *added, const StyleFeatures *output)
{
    float *memory = malloc(32 * sizeof(*memory) * (size_t)count_vectors(affine));
    Repeated repeated;

    if (!memory)
        return -ENOMEM;
    repeated = repeat(affine, memory);
    begin_at(&repeated, 0);
    normalise_all(input, &repeated, added, output);
    free(memory);
    return 0;
}

/**
 * The rows of the input that the kernel reads next, in turn in as many places; rounded to bfloat16, with
 * zeros around. Where the pixels would not begin on a cache line, each gets all that the kernel's
 * columns read from it on.
 */
typedef struct Window {
    uint16_t *lines,
        *plain;            ///< `plain`: a row before its pixels are spread, NULL when they are not
    const uint16_t **rows; ///< what the kernel reads
    size_t line;           ///< values
    ptrdiff_t pitch;       ///< bytes from a pixel of the output to the next
    int capacity, loaded;  ///< `loaded`: the next row to come
} Window;

/** What ff_style_conv() works with. */
typedef struct Work {
    const StyleConv *conv;
    Plan plan;
    int stride, width, height; ///< of the output, for one parity
    Window window;
    Repeated repeated;
    double *sums, *squares; ///< of the output by filter of the plan; NULL: nobody asks
    float *pivots;          ///< what is subtracted before
    void *memory;
} Work;

static int padding_in_front(int size, int kernel, int stride)
{
    const int needed = ((size + stride - 1) / stride - 1) * stride + kernel - size;

    return needed > 0 ? needed / 2 : 0;
}

/** The next part of the memory, which begins on a cache line; NULL while there is none and it is measured. */
static void *carve(uint8_t *memory, size_t *used, size_t size)
{
    void *const part = memory ? memory + *used : NULL;

    *used += (size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    return part;
}

/** Lays all parts out in `memory`; returns the bytes that they take. */
static size_t lay_out(Work *w, uint8_t *memory)
{
    const StyleConv *conv = w->conv;
    const size_t channels = (size_t)conv->input.channels, columns = (size_t)w->stride * channels;
    const size_t read = (size_t)w->plan.chunks * CHUNK;
    const size_t own = (size_t)(w->plan.left + conv->input.width) * channels;
    // A tile takes 16 pixels, three tiles are filled at once, and the last ones may be beyond the row.
    const size_t pixels = (size_t)round_up(w->width, TILE) + 2 * TILE;
    const size_t filters = (size_t)round_up(w->plan.filters, TILE);
    const int spread = columns * sizeof(uint16_t) % LINE_BYTES != 0;
    const size_t plain = own > pixels * columns + read ? own : pixels * columns + read;
    Window *window = &w->window;
    size_t used = 0;
    float *affine;

    window->pitch = (ptrdiff_t)(sizeof(uint16_t) * (spread ? read : columns));
    window->line = ((spread ? pixels * read : plain) + CHUNK - 1) / CHUNK * CHUNK;
    window->lines =
        carve(memory, &used, sizeof(uint16_t) * window->line * (size_t)window->capacity);
    window->plain = spread ? carve(memory, &used, sizeof(uint16_t) * plain) : NULL;
    window->rows = carve(memory, &used, sizeof(*window->rows) * (size_t)w->plan.rows);
    affine = carve(memory, &used, 32 * sizeof(float) * (size_t)count_vectors(&conv->affine));
    if (affine)
        w->repeated = repeat(&conv->affine, affine);
    w->sums = conv->norm.gamma ? carve(memory, &used, sizeof(double) * filters) : NULL;
    w->squares = conv->norm.gamma ? carve(memory, &used, sizeof(double) * filters) : NULL;
    w->pivots = conv->norm.gamma ? carve(memory, &used, sizeof(float) * filters) : NULL;
    return used;
}

static int begin(Work *w)
{
    const StyleConv *conv = w->conv;
    const StyleFeatures *input = &conv->input;
    size_t size;

    w->plan = plan_kernel(&conv->kernel);
    w->stride = conv->kernel.transposed ? 1 : conv->stride;
    if (!conv->kernel.transposed) {
        w->plan.first[0] = -padding_in_front(input->height, w->plan.rows, w->stride);
        w->plan.left = padding_in_front(input->width, w->plan.columns, w->stride);
    }
    w->width = conv->output.width / w->plan.parities;
    w->height = conv->output.height / w->plan.parities;
    w->window.loaded = w->plan.first[0];
    w->window.capacity =
        w->plan.rows + (w->plan.parities > 1 ? w->plan.first[1] - w->plan.first[0] : 0);
    size = lay_out(w, NULL);
    if (!(w->memory = aligned_alloc(LINE_BYTES, size)))
        return -ENOMEM;
    memset(w->memory, 0, size);
    lay_out(w, w->memory);
    return 0;
}

static uint16_t *line_of(const Window *window, int row)
{
    const int place = row % window->capacity;

    return window->lines + (size_t)(place < 0 ? place + window->capacity : place) * window->line;
}

static MATRICES void spread_pixels(const Work *w, uint16_t *line)
{
    const size_t step = (size_t)w->stride * (size_t)w->conv->input.channels;

    for (int x = 0; x < w->width; x++)
        for (int i = 0; i < w->plan.chunks; i++, line += CHUNK)
            _mm512_storeu_si512(line,
                                _mm512_loadu_si512(w->window.plain + (size_t)x * step + CHUNK * i));
}

static size_t type_size(StyleType type)
{
    return type == FF_STYLE_FLOAT ? 4 : type == FF_STYLE_UINT8 ? 1 : 2;
}

/** Brings a row that others take too to its norm, where they find it. */
static MATRICES void keep_row(Work *w, size_t first, size_t count, uint16_t *to)
{
    const StyleConv *conv = w->conv;
    uint16_t *const kept = conv->kept.data ? (uint16_t *)conv->kept.data + first : to;
    const void *added = NULL;

    if (conv->added.data)
        added = (const uint8_t *)conv->added.data + first * type_size(conv->added.type);
    begin_at(&w->repeated, first);
    if (conv->input.type == FF_STYLE_BFLOAT16 && conv->added.type == FF_STYLE_BFLOAT16)
        normalise((const uint16_t *)conv->input.data + first, FF_STYLE_BFLOAT16, count,
                  &w->repeated, added, FF_STYLE_BFLOAT16, kept, FF_STYLE_BFLOAT16);
    else
        normalise((const uint8_t *)conv->input.data + first * type_size(conv->input.type),
                  conv->input.type, count, &w->repeated, added, conv->added.type, kept,
                  FF_STYLE_BFLOAT16);
    if (kept != to)
        memcpy(to, kept, count * sizeof(*to));
}

static void load_row(Work *w, int row)
{
    const StyleFeatures *input = &w->conv->input;
    const size_t count = (size_t)input->width * (size_t)input->channels;
    const size_t first = (size_t)row * count; // not used when it makes no sense
    uint16_t *const line = line_of(&w->window, row);
    uint16_t *const to =
        (w->window.plain ? w->window.plain : line) + (size_t)w->plan.left * (size_t)input->channels;

    if (row < 0 || row >= input->height) {
        memset(line, 0, w->window.line * sizeof(*line));
        return;
    }
    if (w->conv->added.data || w->conv->kept.data) {
        keep_row(w, first, count, to);
    } else if (input->type != FF_STYLE_BFLOAT16 || w->conv->affine.channels ||
               w->conv->affine.relu) {
        begin_at(&w->repeated, first);
        normalise_row((const uint8_t *)input->data + first * type_size(input->type), input->type,
                      count, &w->repeated, to);
    } else {
        memcpy(to, (const uint16_t *)input->data + first, count * sizeof(*to));
    }
    if (w->window.plain)
        spread_pixels(w, line);
}

/** Brings what the kernel reads for row `y` of the output into the window. */
static void move_window(Work *w, int y, int parity)
{
    Window *window = &w->window;
    const int first = y * w->stride + w->plan.first[parity];

    while (window->loaded < first + w->plan.rows)
        load_row(w, window->loaded++);
    for (int i = 0; i < w->plan.rows; i++)
        window->rows[i] = line_of(window, first + i);
}

/*
 * The tiles: sums in 0 to 3, pixels and kernel in 4 to 7. The loads of a step come first, so that none of
 * the products waits. What was summed up before is written between the steps, a few pixels at a time: the
 * matrix unit and the rest of the processor work side by side.
 */

/**
 * Sums over a row of what was written, for 16 filters: of the difference from a value that the image has,
 * which loses less than what is far from 0.
 */
typedef struct Moments {
    __m512 sum, square, pivot;
} Moments;

static MATRICES_INLINE inline Moments begin_moments(const Work *w, int filter)
{
    const __m512 zero = _mm512_setzero_ps();

    return (Moments){zero, zero, w->pivots ? _mm512_loadu_ps(w->pivots + filter) : zero};
}

static MATRICES_INLINE inline void take_moments(__m512 value, Moments *moments)
{
    const __m512 difference = _mm512_sub_ps(value, moments->pivot);

    moments->sum = _mm512_add_ps(moments->sum, difference);
    moments->square = _mm512_fmadd_ps(difference, difference, moments->square);
}

static MATRICES void add_moments(const Work *w, int filter, const Moments *moments)
{
    float sum[TILE], square[TILE];

    if (!w->sums)
        return;
    _mm512_storeu_ps(sum, moments->sum);
    _mm512_storeu_ps(square, moments->square);
    for (int i = 0; i < TILE; i++) {
        w->sums[filter + i] += (double)sum[i];
        w->squares[filter + i] += (double)square[i];
    }
}

/** Takes the first pixel's values, once it is there; both pixels of a doubling have one channel's. */
static void set_pivots(const Work *w, const float *values, int filter, int count)
{
    for (int i = filter; i < filter + count; i++)
        w->pivots[i] = i < w->conv->kernel.filters ? values[i - filter]
                                                   : w->pivots[i % w->conv->kernel.filters];
}

/** Pixels that are to be written. */
typedef struct Pending {
    const float *sums; ///< of the next pixel
    size_t to;         ///< where it belongs in the output
    int left;          ///< how many
} Pending;

/** Those of up to `most` pixels from `x` on, in a row of the output that begins at value `row`. */
static Pending pend(const Work *w, const float *sums, size_t row, int x, int most)
{
    return (Pending){sums, row + (size_t)x * (size_t)w->plan.filters,
                     w->width - x < most ? w->width - x : most};
}

/** Writes 32 filters of up to `count` pixels. */
static MATRICES_INLINE inline void write_32(const Work *w, Pending *pending, int count,
                                            StyleType type, Moments *moments)
{
    for (; count && pending->left; count--, pending->left--) {
        __m512 left = _mm512_load_ps(pending->sums);
        __m512 right = _mm512_load_ps(pending->sums + TILE);

        if (type == FF_STYLE_FLOAT) {
            _mm512_storeu_ps((float *)w->conv->output.data + pending->to, left);
            _mm512_storeu_ps((float *)w->conv->output.data + pending->to + TILE, right);
        } else {
            const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(right, left);

            _mm512_storeu_si512((uint16_t *)w->conv->output.data + pending->to, both);
            left = to_float(_mm512_castsi512_si256(both));
            right = to_float(_mm512_extracti64x4_epi64(both, 1));
        }
        take_moments(left, &moments[0]);
        take_moments(right, &moments[1]);
        pending->sums += 2 * TILE;
        pending->to += (size_t)w->plan.filters;
    }
}

/** Writes up to 16 filters. */
static MATRICES_INLINE inline void write_16(const Work *w, Pending *pending, int count,
                                            __mmask16 mask, StyleType type, Moments *moments)
{
    for (; count && pending->left; count--, pending->left--) {
        const __m512 value = _mm512_load_ps(pending->sums);

        store(w->conv->output.data, type, pending->to, mask, value);
        take_moments(type == FF_STYLE_FLOAT ? value : to_float((__m256i)_mm512_cvtneps_pbh(value)),
                     moments);
        pending->sums += TILE;
        pending->to += (size_t)w->plan.filters;
    }
}

/** 32 filters of a row; `row`: the number of the first value. Two tiles of pixels by two of filters. */
static MATRICES_INLINE inline void multiply_32(const Work *w, const uint16_t *kernel, size_t row,
                                               int filter, StyleType type)
{
    const int steps = w->plan.rows * w->plan.chunks, share = (2 * TILE + steps - 1) / steps;
    const ptrdiff_t pitch = w->window.pitch;
    _Alignas(LINE_BYTES) float sums[2][2 * TILE][2 * TILE];
    Moments moments[2] = {begin_moments(w, filter), begin_moments(w, filter + TILE)};
    Pending pending = {NULL, 0, 0};

    for (int x = 0, turn = 0; x < w->width; x += 2 * TILE, turn ^= 1) {
        const uint16_t *left = kernel, *right = kernel + (size_t)steps * PACKED;

        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (int y = 0; y < w->plan.rows; y++) {
            const uint8_t *pixels = (const uint8_t *)w->window.rows[y] + x * pitch;

            for (int i = 0; i < w->plan.chunks; i++) {
                _tile_loadd(6, left, 64);
                _tile_loadd(7, right, 64);
                _tile_loadd(4, pixels, pitch);
                _tile_loadd(5, pixels + TILE * pitch, pitch);
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(1, 4, 7);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
                pixels += sizeof(uint16_t) * CHUNK;
                left += PACKED;
                right += PACKED;
                write_32(w, &pending, share, type, moments);
            }
        }
        _tile_stored(0, &sums[turn][0][0], 2 * 64);
        _tile_stored(1, &sums[turn][0][TILE], 2 * 64);
        _tile_stored(2, &sums[turn][TILE][0], 2 * 64);
        _tile_stored(3, &sums[turn][TILE][TILE], 2 * 64);
        if (!x && row == (size_t)filter && w->pivots) {
            set_pivots(w, sums[turn][0], filter, 2 * TILE);
            moments[0] = begin_moments(w, filter);
            moments[1] = begin_moments(w, filter + TILE);
        }
        pending = pend(w, sums[turn][0], row, x, 2 * TILE);
    }
    write_32(w, &pending, 2 * TILE, type, moments);
    add_moments(w, filter, &moments[0]);
    add_moments(w, filter + TILE, &moments[1]);
}

/** Up to 16 filters of a row. Three tiles of pixels by one of filters. */
static MATRICES_INLINE inline void multiply_16(const Work *w, const uint16_t *kernel, size_t row,
                                               int filter, StyleType type)
{
    const int steps = w->plan.rows * w->plan.chunks, share = (3 * TILE + steps - 1) / steps;
    const __mmask16 mask = lanes(w->plan.filters - filter);
    const ptrdiff_t pitch = w->window.pitch;
    _Alignas(LINE_BYTES) float sums[2][3 * TILE][TILE];
    Moments moments = begin_moments(w, filter);
    Pending pending = {NULL, 0, 0};

    for (int x = 0, turn = 0; x < w->width; x += 3 * TILE, turn ^= 1) {
        const uint16_t *values = kernel;

        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        for (int y = 0; y < w->plan.rows; y++) {
            const uint8_t *pixels = (const uint8_t *)w->window.rows[y] + x * pitch;

            for (int i = 0; i < w->plan.chunks; i++) {
                _tile_loadd(7, values, 64);
                _tile_loadd(4, pixels, pitch);
                _tile_loadd(5, pixels + TILE * pitch, pitch);
                _tile_loadd(6, pixels + 2 * TILE * pitch, pitch);
                _tile_dpbf16ps(0, 4, 7);
                _tile_dpbf16ps(1, 5, 7);
                _tile_dpbf16ps(2, 6, 7);
                pixels += sizeof(uint16_t) * CHUNK;
                values += PACKED;
                write_16(w, &pending, share, mask, type, &moments);
            }
        }
        _tile_stored(0, sums[turn][0], 64);
        _tile_stored(1, sums[turn][TILE], 64);
        _tile_stored(2, sums[turn][2 * TILE], 64);
        if (!x && row == (size_t)filter && w->pivots) {
            set_pivots(w, sums[turn][0], filter, TILE);
            moments = begin_moments(w, filter);
        }
        pending = pend(w, sums[turn][0], row, x, 3 * TILE);
    }
    write_16(w, &pending, 3 * TILE, mask, type, &moments);
    add_moments(w, filter, &moments);
}

static MATRICES_INLINE inline void multiply_row(const Work *w, const uint16_t *kernel, size_t row,
                                                StyleType type)
{
    const size_t step = (size_t)w->plan.rows * (size_t)w->plan.chunks * PACKED;
    int filter = 0;

    __asm__ volatile("" : : : "memory"); // the intrinsics don't tell that they read the window
    for (; filter + 2 * TILE <= w->plan.filters; filter += 2 * TILE, kernel += 2 * step)
        multiply_32(w, kernel, row + (size_t)filter, filter, type);
    for (; filter < w->plan.filters; filter += TILE, kernel += step)
        multiply_16(w, kernel, row + (size_t)filter, filter, type);
}

static MATRICES void multiply_rows(Work *w)
{
    const size_t row = (size_t)w->width * (size_t)w->plan.filters;
    const size_t kernel = (size_t)w->plan.rows * (size_t)w->plan.chunks * PACKED *
                          (size_t)(round_up(w->plan.filters, TILE) / TILE);
    TileConfig before;

    save_config(&before); // oneDNN keeps its own from one call to the next
    load_config(&full_tiles);
    for (int y = 0; y < w->height; y++)
        for (int parity = 0; parity < w->plan.parities; parity++) {
            const size_t to = ((size_t)y * (size_t)w->plan.parities + (size_t)parity) * row;
            const uint16_t *packed = w->conv->packed + (size_t)parity * kernel;

            move_window(w, y, parity);
            if (w->conv->output.type == FF_STYLE_FLOAT)
                multiply_row(w, packed, to, FF_STYLE_FLOAT);
            else
                multiply_row(w, packed, to, FF_STYLE_BFLOAT16);
        }
    while (w->conv->kept.data && w->window.loaded < w->conv->input.height)
        load_row(w, w->window.loaded++); // which a stride has passed over
    load_config(&before);
}

static void find_affine(const Work *w)
{
    const StyleConv *conv = w->conv;
    const int filters = conv->kernel.filters;
    const double count = (double)conv->output.height * (double)conv->output.width;

    for (int i = 0; w->sums && i < filters; i++) {
        double sum = 0, square = 0, mean, variance;

        for (int filter = i; filter < w->plan.filters; filter += filters) {
            sum += w->sums[filter];
            square += w->squares[filter];
        }
        mean = sum / count;
        variance = square / count - mean * mean;
        mean += (double)w->pivots[i];
        conv->scale[i] = conv->norm.gamma[i] /
                         (float)sqrt((variance > 0 ? variance : 0) + (double)conv->norm.epsilon);
        conv->offset[i] = conv->norm.beta[i] - (float)mean * conv->scale[i];
    }
}

int ff_style_conv(const StyleConv *conv)
{
    Work w = {.conv = conv};

    if (begin(&w) < 0)
        return -ENOMEM;
    multiply_rows(&w);
    find_affine(&w);
    free(w.memory);
    return 0;
}

/** exp(value), for what is not beyond the range of its result; to a few units in the last place. */
static MATRICES_INLINE inline __m512 exponential(__m512 value)
{
    // 2^n * e^rest: the series of e^rest ends where the next term is below the precision.
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(value, _mm512_set1_ps(1.44269504f)), 0);
    const __m512 rest = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693147181f), value);
    static const float terms[] = {1 / 720.f, 1 / 120.f, 1 / 24.f, 1 / 6.f, 1 / 2.f, 1, 1};
    __m512 sum = _mm512_set1_ps(terms[0]);

    for (size_t i = 1; i < sizeof(terms) / sizeof(*terms); i++)
        sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(terms[i]));
    return _mm512_scalef_ps(sum, n);
}

MATRICES void ff_style_make_pixels(const StyleTanh *tanh, const float *values, size_t count,
                                   uint8_t *pixels)
{
    const __m512 one = _mm512_set1_ps(1), two = _mm512_set1_ps(2), most = _mm512_set1_ps(20);
    const __m512 gain = _mm512_set1_ps(tanh->gain), middle = _mm512_set1_ps(tanh->middle);
    const __m512 low = _mm512_set1_ps(tanh->low), high = _mm512_set1_ps(tanh->high);

    for (size_t i = 0; i < count; i += 16) {
        const __mmask16 mask = lanes((ptrdiff_t)(count - i));
        // tanh(x) = 1 - 2 / (e^2x + 1), and 1 long before 10.
        __m512 value = _mm512_mul_ps(load(values, FF_STYLE_FLOAT, i, mask), two);

        value = _mm512_max_ps(_mm512_min_ps(value, most), _mm512_sub_ps(_mm512_setzero_ps(), most));
        value = _mm512_sub_ps(one, _mm512_div_ps(two, _mm512_add_ps(exponential(value), one)));
        value = _mm512_fmadd_ps(value, gain, middle);
        value = _mm512_min_ps(_mm512_max_ps(value, low), high);
        _mm_mask_storeu_epi8(pixels + i, mask, _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(value)));
    }
}

#else

int ff_style_processor_has_matrices(void)
{
    return 0;
}

void ff_style_make_pixels(const StyleTanh *tanh, const float *values, size_t count, uint8_t *pixels)
{
    (void)tanh, (void)values, (void)count, (void)pixels;
}

int ff_style_apply(const StyleFeatures *input, const StyleAffine *affine,
                   const StyleFeatures *added, const StyleFeatures *output)
{
    (void)input, (void)affine, (void)added, (void)output;
    return -ENOSYS;
}

int ff_style_conv(const StyleConv *conv)
{
    (void)conv;
    return -ENOSYS;
}

#endif
