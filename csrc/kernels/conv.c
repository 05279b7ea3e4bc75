/*
 * A convolution row by row: a window of normalised rows, multiplied, and the moments of what comes out.
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
        (size_t)shape->channels > MAX_PACKED / PLACES / (size_t)square_filters(shape))
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
                      .chunks = shape->channels,
                      .group = TILE,
                      .run = 1,
                      .row_step = SQUARE,
                      .column_step = SQUARE,
                      .first_row = {first, first},
                      .first_column = {first, first}};
}

/** Columns are counted from where output 0 begins to read: ff_style_conv() knows where that is. */
static ConvPlan plan_kernel(const StyleKernelShape *shape)
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

    if (has_squares(shape))
        return plan_squares(shape);
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

/** Kernels that are packed one behind the other. */
static int count_parts(const ConvPlan *plan)
{
    return plan->in_squares ? PLACES : plan->row_phases * plan->column_phases;
}

static int count_groups(const ConvPlan *plan)
{
    return (plan->filters + plan->group - 1) / plan->group;
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
    plan = plan_kernel(shape);
    size = (size_t)(count_parts(&plan) * count_groups(&plan)) * packed_step(&plan);
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
                        float *packed, size_t step)
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

        packed[(size_t)i * step] =
            (float)(row[0] * columns[0][x] + row[1] * columns[1][x] + row[2] * columns[2][x]);
    }
}

/** The groups of filters of the first place, channel by channel; then those of the next. */
static void pack_squares(const StyleKernelShape *shape, const ConvPlan *plan, const float *kernel,
                         float *packed)
{
    const size_t group = packed_step(plan), place = group * (size_t)count_groups(plan);

    memset(packed, 0, PLACES * place * sizeof(*packed));
    for (int filter = 0; filter < plan->filters; filter++)
        for (int channel = 0; channel < shape->channels; channel++)
            pack_square(shape, kernel, channel, filter,
                        packed + (size_t)(filter / TILE) * group + (size_t)(channel * TILE) +
                            filter % TILE,
                        place);
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
    const ConvPlan plan = plan_kernel(shape);
    size_t to = 0;

    if (plan.in_squares) {
        pack_squares(shape, &plan, kernel, packed);
        return;
    }
    for (int i = 0; i < count_parts(&plan); i++)
        for (int filter = 0; filter < plan.filters; filter += plan.group)
            for (int row = 0; row < plan.rows; row++) {
                const Part part = {i / plan.column_phases, i % plan.column_phases, filter};

                to += (size_t)pack_row(shape, &plan, kernel, &part, row, packed, to);
            }
}

#if FF_STYLE_HAS_CONV

static const ConvVectors *vectors_of(StyleVectors vectors)
{
    return vectors == FF_STYLE_AVX512 ? &ff_style_avx512 : &ff_style_avx2;
}

static int count_vectors(const StyleAffine *affine)
{
    return !affine->channels ? 1 : affine->channels % 16 ? affine->channels : affine->channels / 16;
}

/** `memory` has room for 32 values per vector. */
static ConvAffine repeat(const StyleAffine *affine, float *memory)
{
    const int vectors = count_vectors(affine);

    return (ConvAffine){affine, memory, memory + 16 * vectors, vectors, -1};
}

/** For values that begin with the one of this number in their tensor. */
static void begin_at(ConvAffine *repeated, size_t value)
{
    const StyleAffine *affine = repeated->affine;
    const int phase = affine->channels ? (int)(value % (size_t)affine->channels) : 0;

    for (int i = 0; i < 16 * repeated->vectors && phase != repeated->phase; i++) {
        repeated->scale[i] =
            affine->scale && affine->channels ? affine->scale[(phase + i) % affine->channels] : 1;
        repeated->offset[i] = affine->channels ? affine->offset[(phase + i) % affine->channels] : 0;
    }
    repeated->phase = phase;
}

static const void *advance(const void *values, StyleType type, size_t count)
{
    return values ? (const uint8_t *)values + count * type_size(type) : NULL;
}

/** Like normalise(), of all but the first values. */
static void normalise_rest(StyleVectors vectors, const Normed *values, size_t done)
{
    const StyleType type = values->output_type;
    Normed rest = *values;

    rest.input = advance(values->input, values->input_type, done);
    rest.added = advance(values->added, values->added_type, done);
    rest.output = (uint8_t *)values->output + done * type_size(type);
    rest.count -= done;
    vectors_of(vectors)->normalise(&rest);
    if (values->kept)
        memcpy((uint8_t *)values->kept + done * type_size(type), rest.output,
               rest.count * type_size(type));
}

/** Brings values to their norm whose first is what the affine's vectors begin with. */
static void normalise(StyleVectors vectors, const Normed *values)
{
    const StyleType type = values->output_type;
    size_t done = 0;

    if (type == FF_STYLE_BFLOAT16 && values->input_type == type &&
        (!values->added || values->added_type == type))
        done = ff_style_normalise_bf16(values);
    if (done < values->count)
        normalise_rest(vectors, values, done);
}

/** The affine, for values that begin with the first one of a tensor. */
static ConvAffine begin_affine(const StyleAffine *affine, float *memory)
{
    ConvAffine repeated = repeat(affine, memory);

    begin_at(&repeated, 0);
    return repeated;
}

static size_t count_values(const StyleFeatures *features)
{
    return (size_t)features->height * (size_t)features->width * (size_t)features->channels;
}

size_t ff_style_affine_memory(int channels)
{
    return 32 * sizeof(float) * (size_t)count_vectors(&(StyleAffine){.channels = channels});
}

void ff_style_apply(StyleVectors vectors, const StyleFeatures *input, const StyleAffine *affine,
                    const StyleFeatures *added, const StyleFeatures *output, float *memory)
{
    const ConvAffine repeated = begin_affine(affine, memory);

    normalise(vectors, &(Normed){.input = input->data,
                                 .added = added->data,
                                 .output = output->data,
                                 .input_type = input->type,
                                 .added_type = added->type,
                                 .output_type = output->type,
                                 .count = count_values(input),
                                 .affine = &repeated});
}

void ff_style_finish(StyleVectors vectors, const StyleEnding *ending, const StyleFeatures *input,
                     const StyleAffine *affine, const StyleFeatures *output, float *memory)
{
    const ConvAffine repeated = begin_affine(affine, memory);

    vectors_of(vectors)->finish(ending, input->data, count_values(input), &repeated, output->data,
                                output->type);
}

/** The next part of the memory, which begins on a cache line; NULL while there is none and it is measured. */
static void *carve(uint8_t *memory, size_t *used, size_t size)
{
    void *const part = memory ? memory + *used : NULL;

    *used += (size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    return part;
}

/** Rows of the window that are read for one of the output, or for one of squares. */
static int rows_read(const ConvPlan *plan)
{
    return plan->in_squares ? SQUARE_INPUT : plan->rows;
}

/** Values of a row that are read for the pixels of one phase and of the next. */
static size_t count_read(const ConvWork *w)
{
    const ConvPlan *plan = &w->plan;
    const size_t channels = (size_t)w->conv->input.channels;
    const size_t step = (size_t)plan->column_step * channels;

    if (plan->in_squares)
        return (size_t)w->width * step + (SQUARE_INPUT - SQUARE) * channels;
    // 24 floats' pixels are taken at a time, or 16, and the last ones may be beyond the row.
    return ((size_t)round_up(w->width, TILE) + TILE) * step + (size_t)(plan->chunks * plan->chunk) +
           (size_t)column_shift(plan, plan->column_phases - 1, (int)channels);
}

/** Measures the window's rows, and lays them out in `memory`. */
static void lay_out_window(ConvWork *w, uint8_t *memory, size_t *used)
{
    const StyleFeatures *input = &w->conv->input;
    const size_t value = type_size(w->conv->kernel.type), channels = (size_t)input->channels;
    const size_t own = (size_t)(input->width - w->plan.first_column[0]) * channels;
    const size_t needed = count_read(w);
    ConvWindow *window = &w->window;

    window->pitch = (ptrdiff_t)((size_t)w->plan.column_step * channels * value);
    window->line = (own > needed ? own : needed) * value;
    window->line = (window->line + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    window->lines = carve(memory, used, window->line * (size_t)window->capacity);
    window->rows = carve(memory, used, sizeof(*window->rows) * (size_t)rows_read(&w->plan));
}

/** Lays all parts out in `memory`; tells the bytes that they take, and how many of them begin as zeros. */
static size_t lay_out(ConvWork *w, uint8_t *memory, size_t *zeros)
{
    const StyleConv *conv = w->conv;
    const size_t filters = (size_t)packed_filters(&w->plan);
    size_t used = 0;
    float *affine;

    lay_out_window(w, memory, &used);
    affine = carve(memory, &used, 32 * sizeof(float) * (size_t)count_vectors(&conv->affine));
    if (affine)
        w->affine = repeat(&conv->affine, affine);
    w->sums = conv->mean ? carve(memory, &used, sizeof(double) * filters) : NULL;
    w->powers = conv->mean ? carve(memory, &used, sizeof(double) * filters) : NULL;
    w->pivots = conv->mean ? carve(memory, &used, sizeof(float) * filters) : NULL;
    if (w->plan.in_squares)
        w->transformed =
            carve(memory, &used, PLACES * sizeof(float) * place_step(w, conv->kernel.channels));
    *zeros = used;
    if (w->plan.in_squares)
        w->products =
            carve(memory, &used, PLACES * sizeof(float) * place_step(w, packed_filters(&w->plan)));
    return used;
}

/** Rows or columns of squares in those of the output. */
static int count_squares(const ConvWork *w, int size)
{
    const int pixels = w->conv->kernel.transposed ? 2 * SQUARE : SQUARE;

    return (size + pixels - 1) / pixels;
}

/** Of a row, for its first phase; or squares. */
static int count_pixels(const ConvWork *w)
{
    const int phases = w->plan.column_phases, width = w->conv->output.width;

    return w->plan.in_squares ? count_squares(w, width) : (width + phases - 1) / phases;
}

/** Plans the work, but for its memory. */
static ConvWork plan_work(const StyleConv *conv)
{
    ConvWork w = {.conv = conv, .plan = plan_kernel(&conv->kernel)};
    ConvPlan *const plan = &w.plan;

    if (!conv->kernel.transposed) {
        plan->first_row[0] = plan->first_row[1] = -conv->top;
        plan->first_column[0] -= conv->left;
        plan->first_column[1] -= conv->left;
    }
    w.width = count_pixels(&w);
    w.squares_at_once = vectors_of(conv->vectors)->squares_at_once;
    w.window.loaded = plan->first_row[0];
    w.window.capacity = rows_read(plan) + plan->first_row[1] - plan->first_row[0];
    return w;
}

static uint8_t *line_of(const ConvWindow *window, int row)
{
    const int place = row % window->capacity;

    return window->lines + (size_t)(place < 0 ? place + window->capacity : place) * window->line;
}

/** Brings a row of the input to its norm; where others take it too, they find it. */
static void normalise_row(ConvWork *w, size_t first, size_t count, void *to)
{
    const StyleConv *conv = w->conv;
    const StyleFeatures *input = &conv->input, *added = &conv->added, *kept = &conv->kept;
    const StyleType type = conv->kernel.type;
    Normed row = {.input = advance(input->data, input->type, first),
                  .added = advance(added->data, added->type, first),
                  .output = to,
                  .input_type = input->type,
                  .added_type = added->type,
                  .output_type = type,
                  .count = count,
                  .affine = &w->affine};

    if (kept->data)
        row.kept = (uint8_t *)kept->data + first * type_size(type);
    begin_at(&w->affine, first);
    normalise(conv->vectors, &row);
}

static void load_row(ConvWork *w, int row)
{
    const StyleConv *conv = w->conv;
    const StyleFeatures *input = &conv->input;
    const StyleType type = conv->kernel.type;
    const size_t count = (size_t)input->width * (size_t)input->channels;
    const size_t first = (size_t)row * count; // not used when it makes no sense
    uint8_t *const line = line_of(&w->window, row);
    uint8_t *const to =
        line + (size_t)(-w->plan.first_column[0] * input->channels) * type_size(type);

    if (row < 0 || row >= input->height) {
        memset(line, 0, w->window.line);
        return;
    }
    if (input->type == type && !conv->affine.channels && !conv->affine.relu && !conv->added.data &&
        !conv->kept.data)
        memcpy(to, (const uint8_t *)input->data + first * type_size(type), count * type_size(type));
    else
        normalise_row(w, first, count, to);
}

/** How often what multiplies fetches a share of what is ahead, at the least. */
static int count_steps(const ConvWork *w)
{
    const int pixels = w->conv->kernel.type == FF_STYLE_FLOAT ? w->squares_at_once : 3 * TILE;
    const int chunks = w->conv->kernel.type == FF_STYLE_FLOAT ? 1 : w->plan.chunks;

    if (w->plan.in_squares)
        return PLACES * ((w->width + w->squares_at_once - 1) / w->squares_at_once);
    return (w->width + pixels - 1) / pixels * w->plan.rows * chunks;
}

/** Aims at the rows that the next move of the window loads. */
static void look_ahead(ConvWork *w)
{
    const StyleFeatures *input = &w->conv->input;
    const size_t row = (size_t)input->width * (size_t)input->channels * type_size(input->type);
    const int first = w->window.loaded, last = first + w->plan.row_step;
    ConvAhead *ahead = &w->ahead;

    *ahead = (ConvAhead){0};
    if (first < 0 || first >= input->height)
        return;
    ahead->next = (const uint8_t *)input->data + (size_t)first * row;
    ahead->end =
        ahead->next + (size_t)((last < input->height ? last : input->height) - first) * row;
    ahead->share =
        (ahead->end - ahead->next) / count_steps(w) / LINE_BYTES * LINE_BYTES + LINE_BYTES;
}

/** Brings what the kernel reads for row `y` of the output into the window. */
static void move_window(ConvWork *w, int y, int row_phase, int column_phase)
{
    const ptrdiff_t shift = column_shift(&w->plan, column_phase, w->conv->input.channels) *
                            (ptrdiff_t)type_size(w->conv->kernel.type);
    const int first = y * w->plan.row_step + w->plan.first_row[row_phase];
    const int rows = rows_read(&w->plan);
    ConvWindow *window = &w->window;

    if (window->loaded < first + rows) {
        while (window->loaded < first + rows)
            load_row(w, window->loaded++);
        look_ahead(w);
    }
    for (int i = 0; i < rows; i++)
        window->rows[i] = line_of(window, first + i) + shift;
}

static void multiply_row(ConvWork *w, int part, size_t to)
{
    const size_t kernel = (size_t)(part * count_groups(&w->plan)) * packed_step(&w->plan);

    if (w->conv->kernel.type == FF_STYLE_FLOAT)
        vectors_of(w->conv->vectors)->multiply(w, (const float *)w->conv->packed + kernel, to);
    else
        ff_style_multiply_bf16(w, (const uint16_t *)w->conv->packed + kernel, to);
}

static void multiply_squares(ConvWork *w)
{
    for (int i = 0; i < count_squares(w, w->conv->output.height); i++) {
        move_window(w, i, 0, 0);
        vectors_of(w->conv->vectors)->multiply_squares(w, i * SQUARE);
    }
}

static void multiply_rows(ConvWork *w)
{
    const StyleFeatures *output = &w->conv->output;
    const int rows = w->plan.row_phases, columns = w->plan.column_phases;

    for (int y = 0; y < output->height; y++)
        for (int phase = 0; phase < columns; phase += w->plan.together) {
            move_window(w, y / rows, y % rows, phase);
            multiply_row(w, y % rows * columns + phase,
                         ((size_t)y * (size_t)output->width + (size_t)phase) *
                             (size_t)output->channels);
        }
}

static void multiply(ConvWork *w)
{
    if (w->plan.in_squares)
        multiply_squares(w);
    else
        multiply_rows(w);
    while (w->conv->kept.data && w->window.loaded < w->conv->input.height)
        load_row(w, w->window.loaded++); // which a stride has passed over
}

static void find_moments(const ConvWork *w)
{
    const StyleConv *conv = w->conv;
    const double count = (double)conv->output.height * (double)conv->output.width;

    for (int i = 0; w->sums && i < conv->kernel.filters; i++) {
        const double mean = w->sums[i] / count;
        const double variance = w->powers[i] / count - mean * mean;

        conv->mean[i] = mean + (double)w->pivots[i];
        conv->variance[i] = variance < 0 ? 0 : variance; // what is not a number stays so
    }
}

/** With a pixel for each of those that lie in one. */
static StyleFeatures part_features(StyleFeatures features, int pixels)
{
    features.width *= pixels;
    features.channels /= pixels;
    return features;
}

static StyleConv part_conv(const StyleConv *joined)
{
    const int pixels = joined->kernel.pixels;
    StyleConv parted = *joined;

    parted.input = part_features(joined->input, pixels);
    parted.output = part_features(joined->output, pixels);
    parted.left *= pixels;
    return parted;
}

size_t ff_style_conv_memory(const StyleConv *joined)
{
    const StyleConv conv = part_conv(joined);
    ConvWork w = plan_work(&conv);
    size_t zeros;

    return lay_out(&w, NULL, &zeros);
}

void ff_style_conv(const StyleConv *joined)
{
    const StyleConv conv = part_conv(joined);
    ConvWork w = plan_work(&conv);
    TileConfig before;
    size_t zeros;

    lay_out(&w, NULL, &zeros);
    memset(conv.memory, 0, zeros);
    lay_out(&w, conv.memory, &zeros);
    if (conv.kernel.type == FF_STYLE_BFLOAT16)
        ff_style_take_matrices(&before);
    multiply(&w);
    if (conv.kernel.type == FF_STYLE_BFLOAT16)
        ff_style_return_matrices(&before);
    find_moments(&w);
}

#else

size_t ff_style_affine_memory(int channels)
{
    (void)channels;
    return 0;
}

void ff_style_finish(StyleVectors vectors, const StyleEnding *ending, const StyleFeatures *input,
                     const StyleAffine *affine, const StyleFeatures *output, float *memory)
{
    (void)vectors, (void)ending, (void)input, (void)affine, (void)output, (void)memory;
}

void ff_style_apply(StyleVectors vectors, const StyleFeatures *input, const StyleAffine *affine,
                    const StyleFeatures *added, const StyleFeatures *output, float *memory)
{
    (void)vectors, (void)input, (void)affine, (void)added, (void)output, (void)memory;
}

size_t ff_style_conv_memory(const StyleConv *conv)
{
    (void)conv;
    return 0;
}

void ff_style_conv(const StyleConv *conv)
{
    (void)conv;
}

#endif
