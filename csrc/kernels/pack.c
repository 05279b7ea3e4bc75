/*
 * Kernels as they are packed for the processors: what a shape is multiplied as, and in which order its values lie.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "conv_parts.h"

/* A packed kernel of more values than this, or a larger stride, is no style network's. */
#define MAX_PACKED ((size_t)1 << 26)
#define MAX_STRIDE 64

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
    // The phases of whole vectors of filters are told apart where they are written.
    return shape->transposed ? shape->rows == 4 && shape->filters % TILE == 0
                             : shape->rows == 3 && shape->stride == 1 && shape->filters > TILE / 2;
}

static ConvPlan plan_squares(const StyleKernelShape *shape)
{
    const int first = shape->transposed ? -1 : 0;

    return (ConvPlan){.in_squares = 1,
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

ConvPlan ff_style_plan_kernel(const StyleKernelShape *shape)
{
    return has_squares(shape) ? plan_squares(shape) : ff_style_plan_rows(shape);
}

/** Kernels for rows, which are packed one behind the other. */
static int count_parts(const ConvPlan *plan)
{
    return plan->row_phases * plan->column_phases;
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
    size = (size_t)(count_parts(&plan) * count_groups(&plan)) * packed_step(&plan);
    plan = ff_style_plan_kernel(shape);
    if (plan.in_squares)
        size += packed_squares(&plan);
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

/** Packs one filter's kernel of 3x3 for one channel, brought to the places of a square: G g G^T. */
static void pack_square(const StyleKernelShape *shape, const float *kernel, int channel, int filter,
                        void *packed, size_t at, size_t step)
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
        const float value =
            (float)(row[0] * columns[0][x] + row[1] * columns[1][x] + row[2] * columns[2][x]);

        if (shape->dots)
            ((uint16_t *)packed)[at + (size_t)i * step] = round_to_bfloat16(value);
        else
            ((float *)packed)[at + (size_t)i * step] = value;
    }
}

/** The groups of filters of the first place, channel by channel or in pairs; then those of the next. Returns how many values that makes. */
static size_t pack_squares(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                           void *packed)
{
    const int run = shape->dots ? 2 : 1;
    const size_t group = packed_step(plan), place = group * (size_t)count_groups(plan);

    memset(packed, 0, PLACES * place * sizeof(float));
    for (int filter = 0; filter < plan->filters; filter++)
        for (int channel = 0; channel < shape->channels; channel++) {
            const size_t at = (size_t)(filter / TILE) * group + (size_t)(channel / run * TILE) +
                              (size_t)(filter % TILE);

            pack_square(shape, kernel, channel, filter, packed,
                        at * (size_t)run + (size_t)(channel % run), place * (size_t)run);
        }
    return packed_squares(plan);
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

/** Packs one row of a part; returns how many values that makes. */
static int pack_row(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                    const Part *part, int row, void *packed, size_t to)
{
    const int values = plan->columns * shape->channels;
    const int size = plan->chunks * plan->chunk * plan->group;
    const int shift = plan->folded ? column_shift(plan, part->column_phase, shape->channels) : 0;

    for (int i = 0; i < size; i++) {
        const int value = i / (plan->run * plan->group) * plan->run + i % plan->run - shift;
        const int filter = part->filter + i / plan->run % plan->group;
        const float number =
            value >= 0 && value < values && filter < plan->filters
                ? kernel_value(shape, plan, kernel, part, row, value / shape->channels,
                               value % shape->channels, filter)
                : 0;

        if (shape->type == FF_STYLE_FLOAT)
            ((float *)packed)[to + (size_t)i] = number;
        else
            ((uint16_t *)packed)[to + (size_t)i] = round_to_bfloat16(number);
    }
    return size;
}

void ff_style_pack_kernel(const StyleKernelShape *shape, const float *kernel, void *packed)
{
    ConvPlan plan = ff_style_plan_kernel(shape);
    size_t to = 0;

    if (plan.in_squares)
        to = pack_squares(shape, &plan, kernel, packed);
    plan = ff_style_plan_rows(shape);
    for (int i = 0; i < count_parts(&plan); i++)
        for (int filter = 0; filter < plan.filters; filter += plan.group)
            for (int row = 0; row < plan.rows; row++) {
                const Part part = {i / plan.column_phases, i % plan.column_phases, filter};

                to += (size_t)pack_row(shape, &plan, kernel, &part, row, packed, to);
            }
}
