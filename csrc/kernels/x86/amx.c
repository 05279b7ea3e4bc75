/*
 * Convolutions in bfloat16 on the matrix unit (AMX).
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>

#include "../conv_parts.h"

#if FF_STYLE_HAS_AVX

#define FF_STYLE_LANES 16
#include "../conv_moments.h"

#define MATRICES __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16")))
#define MATRICES_INLINE                                                              \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512bf16"), \
                   always_inline)) inline

#define PACKED (CHUNK * TILE)

/* Not the intrinsics, which don't tell the compiler that they read and write the whole of it. */
static MATRICES void load_config(const TileConfig *config)
{
    __asm__ volatile("ldtilecfg %0" : : "m"(*config));
}

static MATRICES void save_config(TileConfig *config)
{
    __asm__ volatile("sttilecfg %0" : "=m"(*config));
}

void ff_style_take_matrices(TileConfig *before)
{
    static const TileConfig full_tiles = {
        .palette = 1,
        .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
        .rows = {16, 16, 16, 16, 16, 16, 16, 16},
    };

    save_config(before); // oneDNN keeps its own from one call to the next
    load_config(&full_tiles);
}

void ff_style_return_matrices(const TileConfig *before)
{
    load_config(before);
}

/*
 * Features are brought to their norm 32 values at a time: 16 even ones and 16 odd ones, which lie in the upper
 * halves of the floats that they are to become.
 */

#define PAIRED 32     // values that are taken at a time
#define MAX_REPEATS 4 // times 32 channels whose affine stays in registers

typedef struct Pairs {
    Vector even, odd;
} Pairs;

static MATRICES_INLINE Pairs part(__m512i values)
{
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);

    return (Pairs){_mm512_castsi512_ps(_mm512_slli_epi32(values, 16)),
                   _mm512_castsi512_ps(_mm512_and_si512(values, upper))};
}

static MATRICES_INLINE __m512i join(Pairs pairs)
{
    static const uint16_t order[PAIRED] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                           21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                           11, 27, 12, 28, 13, 29, 14, 30, 15, 31};

    return _mm512_permutexvar_epi16(_mm512_loadu_si512(order),
                                    (__m512i)_mm512_cvtne2ps_pbh(pairs.odd, pairs.even));
}

/** The even and the odd ones of 32 floats. */
static MATRICES_INLINE Pairs part_floats(Vector left, Vector right)
{
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));

    return (Pairs){_mm512_permutex2var_ps(left, even, right),
                   _mm512_permutex2var_ps(left, odd, right)};
}

static MATRICES_INLINE Vector join_left(Pairs pairs)
{
    const __m512i order = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);

    return _mm512_permutex2var_ps(pairs.even, order, pairs.odd);
}

static MATRICES_INLINE Vector join_right(Pairs pairs)
{
    const __m512i order =
        _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);

    return _mm512_permutex2var_ps(pairs.even, order, pairs.odd);
}

/** Of 32 channels, or twice of 16. */
static MATRICES_INLINE Pairs part_affine(const float *values, int repeated)
{
    return part_floats(_mm512_loadu_ps(values), _mm512_loadu_ps(values + (repeated ? 0 : TILE)));
}

static MATRICES_INLINE __m512i normalise_32(const uint16_t *input, const uint16_t *added,
                                            Pairs scale, Pairs offset, Vector floor)
{
    Pairs values = part(_mm512_loadu_si512(input));

    // In this order, what is not a number stays so.
    values.even = greater(floor, multiply_add(values.even, scale.even, offset.even));
    values.odd = greater(floor, multiply_add(values.odd, scale.odd, offset.odd));
    if (added) {
        const Pairs more = part(_mm512_loadu_si512(added));

        values.even += more.even;
        values.odd += more.odd;
    }
    return join(values);
}

/** For channels that repeat after so many times 32 values. */
static MATRICES_INLINE size_t normalise_repeats(const Normed *normed, int repeats)
{
    const Normed n = *normed; // which the compiler knows to stay as it is
    const Vector floor = _mm512_set1_ps(n.affine->affine->relu ? 0 : -INFINITY);
    const size_t step = (size_t)repeats * PAIRED, whole = n.count / step * step;
    Pairs scale[MAX_REPEATS], offset[MAX_REPEATS];

    for (int j = 0; j < repeats; j++) {
        scale[j] = part_affine(n.affine->scale + j * PAIRED, n.affine->vectors == 1);
        offset[j] = part_affine(n.affine->offset + j * PAIRED, n.affine->vectors == 1);
    }
    for (size_t i = 0; i < whole; i += step)
        for (int j = 0; j < repeats; j++) {
            const size_t from = i + (size_t)j * PAIRED;
            const __m512i values = normalise_32((const uint16_t *)n.input + from,
                                                n.added ? (const uint16_t *)n.added + from : NULL,
                                                scale[j], offset[j], floor);

            _mm512_storeu_si512((uint16_t *)n.output + from, values);
            if (n.kept)
                _mm512_storeu_si512((uint16_t *)n.kept + from, values);
        }
    return whole;
}

MATRICES size_t ff_style_normalise_bf16(const Normed *n)
{
    switch (n->affine->vectors) {
    case 1:
    case 2:
        return normalise_repeats(n, 1);
    case 4:
        return normalise_repeats(n, 2);
    case 8:
        return normalise_repeats(n, 4);
    default:
        return 0;
    }
}

/*
 * The tiles: sums in 0 to 3, pixels and kernel in 4 to 7. The loads of a step come first, so that none of
 * the products waits. What was summed up before is written between the steps, a few pixels at a time: the
 * matrix unit and the rest of the processor work side by side.
 */

/** Pixels that are to be written: of one phase, or pairs of two. */
typedef struct Pending {
    const float *sums; ///< of the next pixel
    uint8_t *to;       ///< where it belongs in the output
    size_t step;       ///< bytes from there to the next one
    int left;          ///< how many
    int half;          ///< the last of a pair is beyond the row
} Pending;

/** A row of the output, of some of its filters: what stays the same in it, and what is on its way. */
typedef struct Row {
    const uint16_t *kernel;
    uint8_t *to;
    StyleType type;
    Lanes mask; ///< of the filters
    int phases; ///< pixels side by side that are made together
    int masked; ///< written one vector at a time: not 32 filters, or the last pixel has no right neighbour
    int filter, second; ///< what the moments are of: their first filters
    int is_first;       ///< in the band
    int share;          ///< pixels that are written with each step
    Pending pending;
    Moments moments[2];
} Row;

/** Whether 32 values become bfloat16 at once, and are summed up as even and odd ones. */
static MATRICES_INLINE int in_pairs(const Row *row)
{
    return !row->masked && row->type == FF_STYLE_BFLOAT16;
}

static MATRICES_INLINE void begin_sums(const ConvWork *w, Row *row)
{
    Moments *const moments = row->moments;

    moments[0] = begin_moments(w, row->filter);
    moments[1] = begin_moments(w, row->second);
    if (in_pairs(row)) {
        const Pairs pivots = part_floats(moments[0].pivot, moments[1].pivot);

        moments[0].pivot = pivots.even;
        moments[1].pivot = pivots.odd;
    }
}

/** Leaves the sums of up to `most` pixels from `x` on to be written. */
static MATRICES_INLINE void pend(const ConvWork *w, Row *row, const float *sums, int x, int most)
{
    const size_t step = output_step(w) * type_size(row->type);
    const int left = w->width - x < most ? w->width - x : most;

    if (row->is_first && !x) {
        begin_band(w, row->filter, _mm512_load_ps(sums));
        if (row->second != row->filter)
            begin_band(w, row->second, _mm512_load_ps(sums + TILE));
        begin_sums(w, row);
    }
    row->pending = (Pending){sums, row->to + (size_t)x * step, step, left,
                             (x + left) * w->plan.column_phases > w->conv->output.width};
}

static MATRICES_INLINE void end_sums(const ConvWork *w, Row *row)
{
    Moments *const moments = row->moments;

    if (in_pairs(row)) {
        const Pairs sums = {moments[0].sum, moments[1].sum};
        const Pairs powers = {moments[0].power, moments[1].power};

        moments[0].sum = join_left(sums);
        moments[1].sum = join_right(sums);
        moments[0].power = join_left(powers);
        moments[1].power = join_right(powers);
    }
    add_moments(w, row->filter, &moments[0]);
    add_moments(w, row->second, &moments[1]);
}

/** Writes 32 filters of up to `count` pixels. */
static MATRICES_INLINE void write_32(Row *row, int count)
{
    Pending *const pending = &row->pending;

    count = pending->left < count ? pending->left : count;
    pending->left -= count;
    for (; count; count--) {
        const Vector left = _mm512_load_ps(pending->sums);
        const Vector right = _mm512_load_ps(pending->sums + TILE);

        if (row->type == FF_STYLE_FLOAT) {
            _mm512_storeu_ps(pending->to, left);
            _mm512_storeu_ps(pending->to + sizeof(left), right);
            take_moments(left, ALL_LANES, &row->moments[0]);
            take_moments(right, ALL_LANES, &row->moments[1]);
        } else {
            const __m512i values = (__m512i)_mm512_cvtne2ps_pbh(right, left);
            const Pairs pairs = part(values);

            _mm512_storeu_si512(pending->to, values);
            take_moments(pairs.even, ALL_LANES, &row->moments[0]);
            take_moments(pairs.odd, ALL_LANES, &row->moments[1]);
        }
        pending->sums += 2 * TILE;
        pending->to += pending->step;
    }
}

/** Writes one vector of up to 16 filters. */
static MATRICES_INLINE void write_pixel(Row *row, const float *sums, size_t to, Moments *moments)
{
    const Vector value = _mm512_load_ps(sums);

    store(row->pending.to, row->type, to, row->mask, value);
    take_moments(row->type == FF_STYLE_FLOAT ? value : to_float(to_bfloat16(value)), row->mask,
                 moments);
}

/** Writes up to 16 filters, of `phases` pixels side by side. */
static MATRICES_INLINE void write_16(const ConvWork *w, Row *row, int count)
{
    const size_t filters = (size_t)w->conv->kernel.filters;
    Pending *const pending = &row->pending;

    for (; count && pending->left; count--, pending->left--) {
        write_pixel(row, pending->sums, 0, &row->moments[0]);
        if (row->phases > 1 && (pending->left > 1 || !pending->half))
            write_pixel(row, pending->sums + TILE, filters, &row->moments[1]);
        pending->sums += row->phases * TILE;
        pending->to += pending->step;
    }
}

static MATRICES_INLINE void write_share(ConvWork *w, Row *row, int count)
{
    fetch_ahead(&w->ahead);
    if (row->masked)
        write_16(w, row, count);
    else
        write_32(row, count);
}

/**
 * The sums of 32 filters of 16 pixels from `x` on, or of twice as many: one or two tiles of pixels by two of
 * filters. With two phases, 16 filters of each, which read pixels of their own unless they are folded.
 */
static MATRICES_INLINE void sum_32(ConvWork *w, Row *row, int x, int tiles, float (*sums)[2 * TILE])
{
    const ptrdiff_t pitch = w->window.pitch;
    const ptrdiff_t shift = (ptrdiff_t)sizeof(*row->kernel) *
                            column_shift(&w->plan, row->phases - 1, w->conv->input.channels);
    const uint16_t *left = row->kernel;
    const uint16_t *right = left + (size_t)(w->plan.rows * w->plan.chunks) * PACKED;

    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int y = 0; y < w->plan.rows; y++) {
        const uint8_t *pixels = w->window.rows[y] + x * pitch;

        for (int i = 0; i < w->plan.chunks; i++) {
            _tile_loadd(6, left, 64);
            _tile_loadd(7, right, 64);
            _tile_loadd(4, pixels, pitch);
            if (tiles > 1)
                _tile_loadd(5, pixels + TILE * pitch, pitch);
            _tile_dpbf16ps(0, 4, 6);
            if (tiles > 1)
                _tile_dpbf16ps(2, 5, 6);
            if (row->phases > 1 && !w->plan.folded) {
                _tile_loadd(4, pixels + shift, pitch);
                if (tiles > 1)
                    _tile_loadd(5, pixels + TILE * pitch + shift, pitch);
            }
            _tile_dpbf16ps(1, 4, 7);
            if (tiles > 1)
                _tile_dpbf16ps(3, 5, 7);
            pixels += sizeof(uint16_t) * CHUNK;
            left += PACKED;
            right += PACKED;
            write_share(w, row, row->share);
        }
    }
    _tile_stored(0, sums[0], 2 * 64);
    _tile_stored(1, &sums[0][TILE], 2 * 64);
    if (tiles > 1) {
        _tile_stored(2, sums[TILE], 2 * 64);
        _tile_stored(3, &sums[TILE][TILE], 2 * 64);
    }
}

/** 32 filters from this one on, or 16 of two phases. */
static MATRICES_INLINE void multiply_32(ConvWork *w, Row row, int filter)
{
    const int steps = w->plan.rows * w->plan.chunks;
    _Alignas(LINE_BYTES) float sums[2 * TILE][2 * TILE];
    int x = 0;

    row.share = (2 * TILE + steps - 1) / steps; // all are written before the next sums are stored
    row.filter = filter;
    row.second = row.phases > 1 ? filter : filter + TILE;
    begin_sums(w, &row);
    for (; w->width - x > TILE; x += 2 * TILE) {
        sum_32(w, &row, x, 2, sums);
        pend(w, &row, sums[0], x, 2 * TILE);
    }
    if (x < w->width) {
        sum_32(w, &row, x, 1, sums);
        pend(w, &row, sums[0], x, TILE);
    }
    write_share(w, &row, 2 * TILE);
    end_sums(w, &row);
}

/** The sums of up to 16 filters of one to three tiles of pixels from `x` on. */
static MATRICES_INLINE void sum_16(ConvWork *w, Row *row, int x, int tiles, float (*sums)[TILE])
{
    const ptrdiff_t pitch = w->window.pitch;
    const uint16_t *values = row->kernel;

    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    for (int y = 0; y < w->plan.rows; y++) {
        const uint8_t *pixels = w->window.rows[y] + x * pitch;

        for (int i = 0; i < w->plan.chunks; i++) {
            _tile_loadd(7, values, 64);
            _tile_loadd(4, pixels, pitch);
            if (tiles > 1)
                _tile_loadd(5, pixels + TILE * pitch, pitch);
            if (tiles > 2)
                _tile_loadd(6, pixels + 2 * TILE * pitch, pitch);
            _tile_dpbf16ps(0, 4, 7);
            if (tiles > 1)
                _tile_dpbf16ps(1, 5, 7);
            if (tiles > 2)
                _tile_dpbf16ps(2, 6, 7);
            pixels += sizeof(uint16_t) * CHUNK;
            values += PACKED;
            write_share(w, row, row->share);
        }
    }
    _tile_stored(0, sums[0], 64);
    if (tiles > 1)
        _tile_stored(1, sums[TILE], 64);
    if (tiles > 2)
        _tile_stored(2, sums[2 * TILE], 64);
}

/** Up to 16 filters from this one on. */
static MATRICES_INLINE void multiply_16(ConvWork *w, Row row, int filter)
{
    const int steps = w->plan.rows * w->plan.chunks;
    _Alignas(LINE_BYTES) float sums[3 * TILE][TILE];
    int x = 0;

    row.share = (3 * TILE + steps - 1) / steps;
    row.filter = row.second = filter;
    begin_sums(w, &row);
    for (; w->width - x > 2 * TILE; x += 3 * TILE) {
        sum_16(w, &row, x, 3, sums);
        pend(w, &row, sums[0], x, 3 * TILE);
    }
    if (w->width - x > TILE) {
        sum_16(w, &row, x, 2, sums);
        pend(w, &row, sums[0], x, 2 * TILE);
    } else if (x < w->width) {
        sum_16(w, &row, x, 1, sums);
        pend(w, &row, sums[0], x, TILE);
    }
    write_share(w, &row, 3 * TILE);
    end_sums(w, &row);
}

/** All filters of a row, in groups that fill the tiles; `to`: the number of its first value. */
static MATRICES_INLINE void multiply_groups(ConvWork *w, const uint16_t *kernel, size_t to,
                                            StyleType type)
{
    const size_t step = packed_step(&w->plan), bytes = type_size(type);
    const int filters = w->conv->kernel.filters;
    Row row = {.kernel = kernel,
               .to = (uint8_t *)w->conv->output.data + to * bytes,
               .type = type,
               .mask = ALL_LANES,
               .phases = 1,
               .is_first = to == w->first};
    int filter = 0;

    __asm__ volatile("" : : : "memory"); // the intrinsics don't tell that they read the window
    if (w->plan.together > 1) {
        row.phases = 2;
        if (filters == TILE && w->conv->output.width % 2 == 0) {
            multiply_32(w, row, 0);
        } else {
            row.masked = 1;
            row.mask = lanes(filters);
            multiply_32(w, row, 0);
        }
        return;
    }
    for (; filter + 2 * TILE <= filters; filter += 2 * TILE) {
        multiply_32(w, row, filter);
        row.kernel += 2 * step;
        row.to += 2 * TILE * bytes;
    }
    row.masked = 1;
    for (; filter < filters; filter += TILE) {
        row.mask = lanes(filters - filter);
        multiply_16(w, row, filter);
        row.kernel += step;
        row.to += TILE * bytes;
    }
}

MATRICES void ff_style_multiply_bf16(ConvWork *w, const uint16_t *kernel, size_t to)
{
    if (w->conv->output.type == FF_STYLE_FLOAT)
        multiply_groups(w, kernel, to, FF_STYLE_FLOAT);
    else
        multiply_groups(w, kernel, to, FF_STYLE_BFLOAT16);
}

#endif
