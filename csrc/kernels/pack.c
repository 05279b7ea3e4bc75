/*
 * Kernels as they are packed for the processors: what a shape is multiplied as, and in which order its values lie.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <float.h>
#include <math.h>
#include <string.h>

#include "conv_parts.h"

/* A packed kernel of more values than this, or a larger stride, is no style network's. */
#define MAX_PACKED ((size_t)1 << 26)
#define MAX_STRIDE 64

/*
 * What the magnitudes of a filter's integers may add up to, so that no sum with the largest values leaves 32 bits: these
 * are 2^15 in squares, 2^INPUT_BITS in rows.
 */
#define SQUARES_SUM (INT32_MAX >> 15)
#define ROWS_SUM (INT32_MAX >> INPUT_BITS)

/* Sums of more values would leave too few bits to each. */
#define MAX_SUMMED 4096
#define MAX_SQUARED 512

/** First row, or column, of the input that an output of this phase needs of a transposed kernel. */
static int first_of_phase(int size, int phase)
{
    return -((size / 2 - phase) / 2);
}

/** Whether the rows of two phases' kernels fit into the chunks of one. */
static int folds(const ConvPlan *plan, const StyleKernelShape *shape, int shift)
{
    return ((size_t)plan->columns + (size_t)shift) * (size_t)shape->channels <=
           (size_t)plan->chunks * (size_t)plan->chunk;
}

/** Whether vectors hold the channels of a pixel: three filters would leave most of one empty. */
static int has_colours(const StyleKernelShape *shape)
{
    return shape->type == FF_STYLE_FLOAT && !shape->transposed && shape->filters == COLOURS &&
           shape->channels % TILE == 0;
}

/** Filters that squares are made with: of all phases. */
static int square_filters(const StyleKernelShape *shape)
{
    return shape->transposed ? 4 * shape->filters : shape->filters;
}

/** Whether a kernel is taken in squares: what they cost does not pay for a few filters. */
static int has_squares(const StyleKernelShape *shape)
{
    if (shape->type != FF_STYLE_FLOAT || shape->channels % TILE || shape->rows != shape->columns ||
        (size_t)shape->channels > MAX_PACKED / (PLACES + 9) / (size_t)square_filters(shape))
        return 0;
    // Rows of integers take less time for few channels, and for the phases, which share their products in squares.
    if (shape->dots == FF_STYLE_DOTS_INT16 &&
        (shape->transposed || shape->channels % (2 * TILE) || shape->channels > MAX_SQUARED))
        return 0;
    // The phases of whole vectors of filters are told apart where they are written.
    return shape->transposed ? shape->rows == 4 && shape->filters % TILE == 0
                             : shape->rows == 3 && shape->stride == 1 && shape->filters > TILE / 2;
}

static ConvPlan plan_squares(const StyleKernelShape *shape)
{
    const int first = shape->transposed ? -1 : 0;

    return (ConvPlan){.in_squares = 1,
                      .integers = shape->dots == FF_STYLE_DOTS_INT16,
                      .filters = square_filters(shape),
                      .row_phases = 1,
                      .column_phases = 1,
                      .together = 1,
                      .rows = 1,
                      .columns = 1,
                      .chunk = 1,
                      .chunks = shape->dots ? shape->channels / 2 : shape->channels,
                      .group = TILE,
                      .run = 1,
                      .row_step = SQUARE,
                      .column_step = SQUARE,
                      .first_row = {first, first},
                      .first_column = {first, first}};
}

ConvPlan ff_style_plan_rows(const StyleKernelShape *shape)
{
    const int can_pair = shape->type == FF_STYLE_BFLOAT16 && shape->filters <= TILE;
    const int halves = shape->transposed ? 2 : 1;
    ConvPlan plan = {.filters = shape->filters,
                     .row_phases = halves,
                     .column_phases = halves,
                     .rows = shape->rows / halves,
                     .columns = shape->columns / halves,
                     .row_step = shape->stride / halves,
                     .column_step = shape->stride / halves};

    plan.chunk = shape->type == FF_STYLE_BFLOAT16 ? CHUNK : 1;
    plan.group = TILE;
    plan.run = shape->type == FF_STYLE_BFLOAT16 ? 2 : 1;
    if (has_colours(shape)) {
        plan.chunk = plan.run = TILE;
        plan.group = COLOURS;
    }
    plan.chunks = (plan.columns * shape->channels + plan.chunk - 1) / plan.chunk;
    for (int phase = 0; phase < 2 && shape->transposed; phase++) {
        plan.first_row[phase] = first_of_phase(shape->rows, phase);
        plan.first_column[phase] = first_of_phase(shape->columns, phase);
    }
    if (!shape->transposed && can_pair && folds(&plan, shape, shape->stride)) {
        plan.column_phases = 2;
        plan.column_step *= 2;
        plan.first_column[1] = shape->stride;
    }
    plan.together = can_pair ? plan.column_phases : 1;
    plan.folded =
        plan.together > 1 && folds(&plan, shape, plan.first_column[1] - plan.first_column[0]);
    return plan;
}

/** Whether a kernel is taken as integers, in rows. */
static int has_integers(const StyleKernelShape *shape)
{
    return shape->type == FF_STYLE_FLOAT && shape->dots == FF_STYLE_DOTS_INT16 &&
           shape->rows * shape->columns * shape->channels <= MAX_SUMMED;
}

static ConvPlan plan_integers(const StyleKernelShape *shape)
{
    ConvPlan plan = ff_style_plan_rows(shape);

    plan.integers = 1;
    plan.run *= 2;
    plan.chunks = (plan.columns * shape->channels + 2 * plan.chunk - 1) / (2 * plan.chunk);
    return plan;
}

ConvPlan ff_style_plan_kernel(const StyleKernelShape *shape)
{
    return has_squares(shape)    ? plan_squares(shape)
           : has_integers(shape) ? plan_integers(shape)
                                 : ff_style_plan_rows(shape);
}

int ff_style_takes_integers(const StyleKernelShape *shape)
{
    return ff_style_plan_kernel(shape).integers;
}

size_t ff_style_packed_size(const StyleKernelShape *shape)
{
    const size_t rows = (size_t)shape->rows, columns = (size_t)shape->columns;
    ConvPlan plan;
    size_t size;

    if (shape->rows < 1 || shape->columns < 1 || shape->channels < 1 || shape->filters < 1 ||
        shape->stride < 1 || shape->stride > MAX_STRIDE || shape->pixels < 1 ||
        (size_t)shape->channels > MAX_PACKED / rows / columns / (size_t)shape->filters ||
        (shape->transposed && (shape->rows % 2 || shape->columns % 2 || shape->stride != 2)))
        return 0;
    if (shape->pixels > 1 &&
        (!has_colours(shape) || shape->stride > 1 || (shape->columns - 1) % shape->pixels))
        return 0;
    plan = ff_style_plan_rows(shape);
    size = packed_values(&plan);
    plan = ff_style_plan_kernel(shape);
    if (plan.in_squares || plan.integers)
        size += packed_first(&plan);
    return size <= MAX_PACKED ? size : 0;
}

static uint16_t round_to_bfloat16(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7fffffff) > 0x7f800000) // not a number, and must not round to infinity
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/** What values are packed as: pairs, or floats. */
static StyleDots packed_as(const StyleKernelShape *shape, const ConvPlan *plan)
{
    return plan->integers                     ? FF_STYLE_DOTS_INT16
           : shape->type == FF_STYLE_BFLOAT16 ? FF_STYLE_DOTS_BF16
           : plan->in_squares                 ? shape->dots // of bfloat16, or none
                                              : FF_STYLE_NO_DOTS;
}

/* Integers: each filter of a kernel has a scale of its own. */

/** Magnitudes of what is summed up. */
typedef struct Magnitudes {
    double sum, most;
    int count;
} Magnitudes;

static void add_magnitude(Magnitudes *m, float value)
{
    const double magnitude = fabs((double)value);

    m->sum += magnitude;
    m->most = magnitude > m->most ? magnitude : m->most;
    m->count++;
}

/** What makes integers of a filter's values, whose magnitudes add up to `limit` at the most after they are rounded. */
static double find_scale(const Magnitudes *m, int limit)
{
    const double whole = (limit - 1 - m->count / 2.) / m->sum;

    return m->most * whole > INT16_MAX ? INT16_MAX / m->most : whole;
}

/** Returns what a filter's values are multiplied by, and notes down what one of its integers stands for. */
static double put_unit(float *unit, const Magnitudes *m, int limit)
{
    if (m->sum > 0 && m->sum <= DBL_MAX) {
        const double scale = find_scale(m, limit);

        *unit = (float)(1 / scale);
        return scale;
    }
    *unit = m->sum > 0 || !(m->sum <= 0) ? NAN : 0; // numbers that there are none of make none
    return 0;
}

static void put_value(void *packed, StyleDots as, size_t at, double value)
{
    if (as == FF_STYLE_DOTS_INT16)
        ((int16_t *)packed)[at] = (int16_t)(isnan(value) ? 0 : lrint(value));
    else if (as == FF_STYLE_DOTS_BF16)
        ((uint16_t *)packed)[at] = round_to_bfloat16((float)value);
    else
        ((float *)packed)[at] = (float)value;
}

/** A kernel of the plan: of these phases, for a group of filters from `filter` on. */
typedef struct Part {
    int row_phase, column_phase, filter;
} Part;

/** Of a kernel as it is, [rows,columns,channels,filters]. */
static float value_at(const StyleKernelShape *shape, const float *kernel, int row, int column,
                      int channel, int filter)
{
    const size_t place =
        ((size_t)row * (size_t)shape->columns + (size_t)column) * (size_t)shape->channels +
        (size_t)channel;

    return kernel[place * (size_t)shape->filters + (size_t)filter];
}

/** The kernel for all pixels that ff_style_part_pixels() made one for a single pixel from. */
static StyleKernelShape join_pixels(StyleKernelShape shape)
{
    shape.columns = (shape.columns - 1) / shape.pixels + 1;
    shape.channels *= shape.pixels;
    shape.filters *= shape.pixels;
    return shape;
}

/** Of a transposed kernel, [rows,columns,filters,channels]; beyond it: 0. */
static float transposed_value(const StyleKernelShape *shape, const float *kernel, int row,
                              int column, int channel, int filter)
{
    const int place = row * shape->columns + column;

    if (row < 0 || row >= shape->rows || column < 0 || column >= shape->columns)
        return 0;
    return kernel[(place * shape->filters + filter) * shape->channels + channel];
}

/** Of the kernel of 3x3 that squares are made with. */
static float tap_value(const StyleKernelShape *shape, const float *kernel, int row, int column,
                       int channel, int filter)
{
    const int phase = filter / shape->filters;

    if (!shape->transposed)
        return value_at(shape, kernel, row, column, channel, filter);
    // Output 2 * i + phase takes input i - 1 + row by the kernel's place 3 + phase - 2 * row.
    return transposed_value(shape, kernel, 3 + phase / 2 - 2 * row, 3 + phase % 2 - 2 * column,
                            channel, filter % shape->filters);
}

/** One filter's kernel of 3x3 for one channel, brought to the places of a square: G g G^T. */
static void transform_kernel(const StyleKernelShape *shape, const float *kernel, int channel,
                             int filter, float *values)
{
    static const double rows[SQUARE_INPUT][3] = {
        {1, 0, 0},
        {-2 / 3., -2 / 3. * NEAR_POINT, -1 / 3.},
        {-2 / 3., 2 / 3. * NEAR_POINT, -1 / 3.},
        {1 / 6., 1 / 6. * FAR_POINT, 1 / 3.},
        {1 / 6., -1 / 6. * FAR_POINT, 1 / 3.},
        {0, 0, 1},
    };
    double columns[3][SQUARE_INPUT] = {{0}};

    for (int i = 0; i < 9; i++) {
        const double tap = (double)tap_value(shape, kernel, i / 3, i % 3, channel, filter);

        for (int x = 0; x < SQUARE_INPUT; x++)
            columns[i / 3][x] += tap * rows[x][i % 3];
    }
    for (int i = 0; i < PLACES; i++) {
        const double *const row = rows[i / SQUARE_INPUT];
        const int x = i % SQUARE_INPUT;

        values[i] =
            (float)(row[0] * columns[0][x] + row[1] * columns[1][x] + row[2] * columns[2][x]);
    }
}

/** What makes integers of a filter's values in each place. */
static void scale_filter(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                         int filter, float *units, double *scales)
{
    Magnitudes magnitudes[PLACES] = {{0}};

    for (int channel = 0; channel < shape->channels; channel++) {
        float values[PLACES];

        transform_kernel(shape, kernel, channel, filter, values);
        for (int i = 0; i < PLACES; i++)
            add_magnitude(&magnitudes[i], values[i]);
    }
    for (int i = 0; i < PLACES; i++)
        scales[i] =
            put_unit(&units[i * packed_filters(plan) + filter], &magnitudes[i], SQUARES_SUM);
}

/** Where a group of filters has a channel of its first one, counted in values of 16 bits or floats. */
static size_t channel_at(StyleDots as, int channel)
{
    const int half = channel / TILE % 2, pair = channel / (2 * TILE) * TILE + channel % TILE;

    return as == FF_STYLE_DOTS_INT16 // pairs across two vectors of channels
               ? (size_t)(2 * TILE * pair + half)
               : as == FF_STYLE_DOTS_BF16 // of neighbours
                     ? (size_t)(2 * TILE * (channel / 2) + channel % 2)
                     : (size_t)(TILE * channel);
}

/** The groups of filters of the first place, channel by channel or in pairs; then those of the next. */
static void pack_squares(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                         void *packed)
{
    const StyleDots as = packed_as(shape, plan);
    const size_t run = as ? 2 : 1, group = packed_step(plan) * run;
    const size_t place = group * (size_t)count_groups(plan);
    float *const units = (float *)packed + packed_values(plan);

    memset(packed, 0, packed_first(plan) * sizeof(float));
    for (int filter = 0; filter < plan->filters; filter++) {
        double scales[PLACES];

        if (plan->integers)
            scale_filter(shape, plan, kernel, filter, units, scales);
        for (int channel = 0; channel < shape->channels; channel++) {
            const size_t at = (size_t)(filter / TILE) * group + channel_at(as, channel) +
                              (size_t)(filter % TILE) * run;
            float values[PLACES];

            transform_kernel(shape, kernel, channel, filter, values);
            for (size_t i = 0; i < PLACES; i++)
                put_value(packed, as, at + i * place,
                          plan->integers ? scales[i] * (double)values[i] : (double)values[i]);
        }
    }
}

static float kernel_value(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                          const Part *part, int row, int column, int channel, int filter)
{
    if (!shape->transposed) {
        const StyleKernelShape joined = join_pixels(*shape);

        return value_at(&joined, kernel, row, column / shape->pixels,
                        column % shape->pixels * shape->channels + channel, filter);
    }
    // Output 2 * i + phase takes input i + offset by the kernel's place padding + phase - 2 * offset.
    row = shape->rows / 2 - 1 + part->row_phase - 2 * (plan->first_row[part->row_phase] + row);
    column = shape->columns / 2 - 1 + part->column_phase -
             2 * (plan->first_column[part->column_phase] + column);
    return transposed_value(shape, kernel, row, column, channel, filter);
}

/** Whether the kernel does the same for each of so many neighbouring pixels. */
static int has_pixels(const StyleKernelShape *shape, const float *kernel, int pixels)
{
    const int channels = shape->channels / pixels, filters = shape->filters / pixels;
    const int columns = shape->columns * pixels; // of which a pixel sees all but pixels - 1

    for (int row = 0; row < shape->rows; row++)
        for (int i = 0; i < columns * channels * shape->filters; i++) {
            const int column = i / shape->filters / channels;
            const int channel = i / shape->filters % channels;
            const int pixel = i % shape->filters / filters, filter = i % filters;
            const int own = column - pixel;
            const float value = value_at(shape, kernel, row, column / pixels,
                                         column % pixels * channels + channel, i % shape->filters);
            const float first = own < 0 || own > columns - pixels
                                    ? 0
                                    : value_at(shape, kernel, row, own / pixels,
                                               own % pixels * channels + channel, filter);

            if (!(value == first))
                return 0;
        }
    return 1;
}

StyleKernelShape ff_style_part_pixels(const StyleKernelShape *shape, const float *kernel)
{
    const int pixels = shape->filters / COLOURS;
    StyleKernelShape parted = *shape;

    // Of an odd number of columns, as many are left and right of the pixel, before and after.
    if (pixels < 2 || shape->filters % pixels || shape->channels % pixels || shape->transposed ||
        shape->stride > 1 || shape->columns % 2 == 0 || !has_pixels(shape, kernel, pixels))
        return *shape;
    parted.pixels = pixels;
    parted.columns = (shape->columns - 1) * pixels + 1;
    parted.channels /= pixels;
    parted.filters /= pixels;
    return has_colours(&parted) ? parted : *shape;
}

/** A value of a row of a part as it is packed: number `i`. */
static float packed_value(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                          const Part *part, int row, int i)
{
    const int values = plan->columns * shape->channels;
    const int shift = plan->folded ? column_shift(plan, part->column_phase, shape->channels) : 0;
    const int value = i / (plan->run * plan->group) * plan->run + i % plan->run - shift;
    const int filter = part->filter + i / plan->run % plan->group;

    return value >= 0 && value < values && filter < plan->filters
               ? kernel_value(shape, plan, kernel, part, row, value / shape->channels,
                              value % shape->channels, filter)
               : 0;
}

/** Values of a row of a part. */
static int packed_row(const ConvPlan *plan)
{
    return plan->chunks * plan->chunk * plan->group * (plan->integers ? 2 : 1);
}

/** What makes integers of the values of each filter of a part. */
static void scale_part(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                       const Part *part, float *units, double *scales)
{
    Magnitudes magnitudes[TILE] = {{0}};

    for (int row = 0; row < plan->rows; row++)
        for (int i = 0; i < packed_row(plan); i++)
            add_magnitude(&magnitudes[i / plan->run % plan->group],
                          packed_value(shape, plan, kernel, part, row, i));
    for (int i = 0; i < plan->group; i++)
        scales[i] = put_unit(&units[i], &magnitudes[i], ROWS_SUM);
}

/** A group of filters of a part, row by row. */
static void pack_part(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                      const Part *part, float *units, void *packed)
{
    const StyleDots as = packed_as(shape, plan);
    double scales[TILE];
    size_t to = 0;

    if (plan->integers)
        scale_part(shape, plan, kernel, part, units, scales);
    for (int row = 0; row < plan->rows; row++)
        for (int i = 0; i < packed_row(plan); i++) {
            const double value = (double)packed_value(shape, plan, kernel, part, row, i);

            put_value(packed, as, to++,
                      plan->integers ? scales[i / plan->run % plan->group] * value : value);
        }
}

/** All parts, group by group. */
static void pack_rows(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                      void *packed)
{
    const size_t group = packed_step(plan) * type_size(shape->type);
    float *const units = (float *)packed + packed_values(plan); // of integers
    uint8_t *to = packed;

    for (int i = 0; i < count_kernels(plan); i++)
        for (int filter = 0; filter < plan->filters; filter += plan->group, to += group) {
            const Part part = {i / plan->column_phases, i % plan->column_phases, filter};

            pack_part(shape, plan, kernel, &part, units + i * packed_filters(plan) + filter, to);
        }
}

void ff_style_pack_kernel(const StyleKernelShape *shape, const float *kernel, void *packed)
{
    const ConvPlan plan = ff_style_plan_kernel(shape), rows = ff_style_plan_rows(shape);

    if (plan.in_squares)
        pack_squares(shape, &plan, kernel, packed);
    else if (plan.integers)
        pack_rows(shape, &plan, kernel, packed);
    if (plan.in_squares || plan.integers)
        packed = (float *)packed + packed_first(&plan);
    pack_rows(shape, &rows, kernel, packed);
}
