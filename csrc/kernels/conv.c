/*
 * A convolution row by row: a window of normalised rows, multiplied, and the moments of what comes out.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "conv_parts.h"

#if FF_STYLE_HAS_CONV

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

/** Pixels of a row of the output, of its first phase. */
static int count_phase(const StyleConv *conv, const ConvPlan *plan)
{
    return (conv->output.width + plan->column_phases - 1) / plan->column_phases;
}

/** Values of a row that are read for the pixels of one phase and of the next; squares read no more. */
static size_t count_read(const ConvWork *w)
{
    const ConvPlan *plan = w->plan.in_squares ? &w->in_rows : &w->plan;
    const size_t channels = (size_t)w->conv->input.channels;
    const size_t step = (size_t)plan->column_step * channels;

    // 24 floats' pixels are taken at a time, or 16, and the last ones may be beyond the row.
    return ((size_t)round_up(count_phase(w->conv, plan), TILE) + TILE) * step +
           (size_t)(plan->chunks * plan->chunk * (plan->integers ? 2 : 1)) +
           (size_t)column_shift(plan, plan->column_phases - 1, (int)channels);
}

/** Zeros left and right of a row, which what is loaded leaves as they are. */
static void clear_margins(ConvWork *w, size_t own)
{
    const size_t value = type_size(w->conv->kernel.type);
    const size_t channels = (size_t)w->conv->input.channels;
    const size_t left = (size_t)-w->plan.first_column[0] * channels * value;

    for (int i = 0; i < w->window.capacity; i++) {
        uint8_t *const line = w->window.lines + w->window.line * (size_t)i;

        memset(line, 0, left);
        memset(line + own, 0, w->window.line - own);
    }
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
    if (memory)
        clear_margins(w, own * value);
}

/** Room for the magnitudes of its lines' pieces, which are zeros around the input too. */
static void lay_out_magnitudes(ConvWork *w, uint8_t *memory, size_t *used)
{
    const size_t square = SQUARE * sizeof(float) * (size_t)w->conv->input.channels;
    ConvWindow *const window = &w->window;
    size_t size;

    window->pieces = w->plan.in_squares ? window->line / square : 1;
    size = TILE * sizeof(*window->magnitudes) * window->pieces * (size_t)window->capacity;
    window->magnitudes = carve(memory, used, size);
    if (memory)
        memset(window->magnitudes, 0, size);
}

/** The same for those lines as integers. */
static void lay_out_integers(ConvWork *w, uint8_t *memory, size_t *used)
{
    const size_t capacity = (size_t)w->window.capacity;
    ConvIntegers *const integers = &w->integers;

    integers->lines =
        carve(memory, used, w->window.line / sizeof(float) * sizeof(int16_t) * capacity);
    integers->rows = carve(memory, used, sizeof(*integers->rows) * (size_t)rows_read(&w->plan));
    integers->exponents = carve(memory, used, sizeof(*integers->exponents) * capacity);
}

/** Room for squares of so many values, in all places. */
static float *carve_places(const ConvWork *w, int values, uint8_t *memory, size_t *used)
{
    return carve(memory, used, PLACES * sizeof(float) * place_step(w, values));
}

/** Lays all parts out in `memory`; tells the bytes that they take. */
static size_t lay_out(ConvWork *w, uint8_t *memory)
{
    const StyleConv *conv = w->conv;
    size_t used = 0, before;
    float *affine;

    lay_out_window(w, memory, &used);
    if (w->plan.integers)
        lay_out_magnitudes(w, memory, &used);
    if (w->plan.integers && !w->plan.in_squares)
        lay_out_integers(w, memory, &used);
    affine =
        carve(memory, &used, 32 * sizeof(float) * (size_t)ff_style_affine_vectors(&conv->affine));
    if (affine)
        w->affine = ff_style_repeat_affine(&conv->affine, affine);
    if (!w->plan.in_squares)
        return used;
    before = used;
    w->transformed = carve_places(w, w->plan.chunks, memory, &used);
    // Some squares are multiplied that there are not: what is no number, or nearly none, takes long.
    if (memory && w->width < w->squares_at_once)
        memset(w->transformed, 0, used - before);
    w->products = carve_places(w, packed_filters(&w->plan), memory, &used);
    w->mosts = carve(memory, &used, sizeof(*w->mosts) * (size_t)w->width);
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
    return w->plan.in_squares ? count_squares(w, w->conv->output.width)
                              : count_phase(w->conv, &w->plan);
}

/** Plans the work, but for its memory. */
static ConvWork plan_work(const StyleConv *conv)
{
    ConvWork w = {.conv = conv,
                  .plan = ff_style_plan_kernel(&conv->kernel),
                  .in_rows = ff_style_plan_rows(&conv->kernel)};
    ConvPlan *const plan = &w.plan;

    if (!conv->kernel.transposed) {
        plan->first_row[0] = plan->first_row[1] = -conv->top;
        plan->first_column[0] -= conv->left;
        plan->first_column[1] -= conv->left;
    }
    w.width = count_pixels(&w);
    w.squares_at_once = ff_style_vectors_of(conv->vectors)->squares_at_once;
    w.window.capacity = rows_read(plan) + plan->first_row[1] - plan->first_row[0];
    return w;
}

/** The number of the line that has this row of the input. */
static int line_of(const ConvWindow *window, int row)
{
    const int place = row % window->capacity;

    return place < 0 ? place + window->capacity : place;
}

/** Has the largest magnitudes of the pieces of a line of the window noted down. */
static void note_magnitudes(const ConvWork *w, int line, Normed *row)
{
    const size_t channels = (size_t)w->conv->input.channels;
    const size_t left = (size_t)-w->plan.first_column[0]; // squares begin with it
    uint32_t *const most = w->window.magnitudes + (size_t)line * w->window.pieces * TILE;

    row->most = w->plan.in_squares ? most + left / SQUARE * TILE : most;
    row->first = w->plan.in_squares ? (SQUARE - left % SQUARE) * channels : row->count;
    row->piece = SQUARE * channels;
}

/** Notes down how far the values of a line are that was kept as halves: they might not hold them. */
static void watch_kept(const ConvWork *w, int line)
{
    const size_t count = w->window.pieces * TILE;
    const uint32_t *const most = w->window.magnitudes + (size_t)line * count;
    uint32_t farthest = *w->farthest;

    for (size_t i = 0; i < count; i++)
        farthest = most[i] > farthest ? most[i] : farthest;
    *w->farthest = farthest;
}

/** Brings a row of the input to its norm, in a line; where others take it too, they find it. */
static void normalise_row(ConvWork *w, int line, size_t first, size_t count, int is_kept, void *to)
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
                  .kept_type = kept->type,
                  .count = count,
                  .affine = &w->affine};

    if (kept->data && is_kept)
        row.kept = (uint8_t *)kept->data + first * type_size(kept->type);
    if (w->plan.integers)
        note_magnitudes(w, line, &row);
    ff_style_begin_affine(&w->affine, first);
    ff_style_normalise(conv->vectors, &row);
    if (row.kept && kept->type == FF_STYLE_HALF && w->sums)
        watch_kept(w, line);
}

/** Whether a row of the input is multiplied as it is, and nobody asks for its magnitudes. */
static int is_plain(const ConvWork *w)
{
    const StyleConv *const conv = w->conv;

    return conv->input.type == conv->kernel.type && !conv->affine.channels && !conv->affine.relu &&
           !conv->added.data && !conv->kept.data && !w->plan.integers;
}

static void clear_line(const ConvWork *w, int line)
{
    const ConvWindow *const window = &w->window;
    const size_t magnitudes = window->pieces * TILE;

    memset(window->lines + (size_t)line * window->line, 0, window->line);
    if (w->plan.integers)
        memset(window->magnitudes + (size_t)line * magnitudes, 0,
               magnitudes * sizeof(*window->magnitudes));
}

static void load_row(ConvWork *w, int row)
{
    const StyleConv *conv = w->conv;
    const StyleFeatures *input = &conv->input;
    const StyleType type = conv->kernel.type;
    const size_t count = (size_t)input->width * (size_t)input->channels;
    const size_t first = (size_t)row * count; // not used when it makes no sense
    const int number = line_of(&w->window, row);
    uint8_t *const line = w->window.lines + (size_t)number * w->window.line;
    uint8_t *const to =
        line + (size_t)(-w->plan.first_column[0] * input->channels) * type_size(type);

    if (row < 0 || row >= input->height)
        clear_line(w, number);
    else if (is_plain(w))
        memcpy(to, advance(input->data, type, first), count * type_size(type));
    else
        normalise_row(w, number, first, count, row >= w->kept_from && row < w->kept_to, to);
    if (w->integers.lines)
        w->integers.exponents[number] = STALE; // until they are made of what the line has now
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

/** Tells where the kernel reads `rows` rows of the input, from `first` on: so many values from where the lines begin. */
static void find_rows(ConvWork *w, int first, int rows, ptrdiff_t shift)
{
    ConvWindow *const window = &w->window;
    const ConvIntegers *const integers = &w->integers;
    const size_t value = type_size(w->conv->kernel.type), values = window->line / value;

    window->most = 0;
    for (int i = 0; i < rows; i++) {
        const int line = line_of(window, first + i);
        const size_t from = (size_t)line * values;

        window->rows[i] = window->lines + from * value + shift * (ptrdiff_t)value;
        if (integers->lines)
            integers->rows[i] = (const uint8_t *)(integers->lines + from + shift);
        for (int j = line * TILE; integers->lines && j < (line + 1) * TILE; j++)
            if (window->magnitudes[j] > window->most)
                window->most = window->magnitudes[j];
    }
}

/** Brings what the kernel reads for row `y` of the output into the window. */
static void move_window(ConvWork *w, int y, int row_phase, int column_phase)
{
    const int first = y * w->plan.row_step + w->plan.first_row[row_phase];
    const int rows = rows_read(&w->plan);
    ConvWindow *window = &w->window;

    if (window->loaded < first + rows) {
        while (window->loaded < first + rows)
            load_row(w, window->loaded++);
        look_ahead(w);
    }
    find_rows(w, first, rows, column_shift(&w->plan, column_phase, w->conv->input.channels));
}

static void multiply_row(ConvWork *w, int part, size_t to)
{
    const size_t kernel = (size_t)(part * count_groups(&w->plan)) * packed_step(&w->plan);
    const ConvVectors *const vectors = ff_style_vectors_of(w->conv->vectors);

    if (w->plan.integers)
        vectors->multiply_integers(w, part, to);
    else if (w->conv->kernel.type == FF_STYLE_FLOAT)
        vectors->multiply(w, (const float *)w->conv->packed + kernel, to);
    else if (FF_STYLE_HAS_AVX)
        ff_style_multiply_bf16(w, (const uint16_t *)w->conv->packed + kernel, to);
}

static void multiply_squares(ConvWork *w, int first, int end)
{
    const int rows = ff_style_unit_rows(w->conv);

    for (int i = first / rows; i * rows < end; i++) {
        move_window(w, i, 0, 0);
        ff_style_vectors_of(w->conv->vectors)->multiply_squares(w, i * SQUARE);
    }
}

static void multiply_rows(ConvWork *w, int first, int end)
{
    const StyleFeatures *output = &w->conv->output;
    const int rows = w->plan.row_phases, columns = w->plan.column_phases;

    for (int y = first; y < end; y++)
        for (int phase = 0; phase < columns; phase += w->plan.together) {
            move_window(w, y / rows, y % rows, phase);
            multiply_row(w, y % rows * columns + phase,
                         ((size_t)y * (size_t)output->width + (size_t)phase) *
                             (size_t)output->channels);
        }
}

/** The first row of the input that this row of the output reads, the first one of a band. */
static int first_read(const ConvWork *w, int row)
{
    const int step = w->plan.in_squares ? ff_style_unit_rows(w->conv) : w->plan.row_phases;

    return row / step * w->plan.row_step + w->plan.first_row[0];
}

static void begin_band(ConvWork *w, int band)
{
    const StyleFeatures *const output = &w->conv->output;

    w->band_row = ff_style_first_row(w->conv, band);
    w->first = (size_t)w->band_row * (size_t)output->width * (size_t)output->channels;
    if (w->conv->mean) {
        ff_style_find_sums(w, band);
        memset(w->sums, 0, ff_style_sums_size(w->conv));
    }
}

static void multiply(ConvWork *w, int first, int end, int goes_on)
{
    const StyleConv *const conv = w->conv;

    // What the band before has loaded of this one, it did not keep.
    if (!goes_on || conv->kept.data)
        w->window.loaded = first_read(w, ff_style_first_row(conv, first));
    w->kept_from = first ? first_read(w, ff_style_first_row(conv, first)) : 0;
    w->kept_to = end < ff_style_conv_bands(conv) ? first_read(w, ff_style_first_row(conv, end))
                                                 : conv->input.height;
    for (int band = first; band < end; band++) {
        begin_band(w, band);
        if (w->plan.in_squares)
            multiply_squares(w, w->band_row, ff_style_first_row(conv, band + 1));
        else
            multiply_rows(w, w->band_row, ff_style_first_row(conv, band + 1));
    }
    while (conv->kept.data && w->window.loaded < w->kept_to)
        load_row(w, w->window.loaded++); // which a stride has passed over
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

/** What a thread's memory begins with. */
typedef struct Held {
    StyleConv conv;
    ConvWork work;
} Held;

/** Bytes of it, in whole cache lines. */
static size_t held_size(void)
{
    return (sizeof(Held) + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

size_t ff_style_conv_memory(const StyleConv *joined)
{
    const StyleConv conv = part_conv(joined);
    ConvWork w = plan_work(&conv);

    return held_size() + lay_out(&w, NULL);
}

void ff_style_conv(const StyleConv *joined, int first, int end, int goes_on, void *memory)
{
    Held *const held = memory;
    TileConfig before;

    if (!goes_on) {
        held->conv = part_conv(joined);
        held->work = plan_work(&held->conv);
        lay_out(&held->work, (uint8_t *)memory + held_size());
    }
    if (FF_STYLE_HAS_AVX && held->conv.kernel.type == FF_STYLE_BFLOAT16)
        ff_style_take_matrices(&before);
    multiply(&held->work, first, end, goes_on);
    if (FF_STYLE_HAS_AVX && held->conv.kernel.type == FF_STYLE_BFLOAT16)
        ff_style_return_matrices(&before);
}

#else

size_t ff_style_conv_memory(const StyleConv *conv)
{
    (void)conv;
    return 0;
}

void ff_style_conv(const StyleConv *conv, int first, int end, int goes_on, void *memory)
{
    (void)conv, (void)first, (void)end, (void)goes_on, (void)memory;
}

#endif
