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

#include "style_conv_parts.h"

#if FF_STYLE_HAS_CONV

#define FF_STYLE_LANES 16
#include "style_conv_moments.h"

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
 * The tiles: sums in 0 to 3, pixels and kernel in 4 to 7. The loads of a step come first, so that none of
 * the products waits. What was summed up before is written between the steps, a few pixels at a time: the
 * matrix unit and the rest of the processor work side by side.
 */

/** Pixels that are to be written: of one phase, or pairs of two. */
typedef struct Pending {
    const float *sums; ///< of the next pixel
    size_t to, step;   ///< where it belongs in the output, and how far from it the next one
    int left;          ///< how many
    int half;          ///< the last of a pair is beyond the row
} Pending;

/** Those of up to `most` from `x` on, in a row of the output that begins at value `row`. */
static Pending pend(const ConvWork *w, const float *sums, size_t row, int x, int most)
{
    const size_t step = output_step(w);
    const int left = w->width - x < most ? w->width - x : most;

    return (Pending){sums, row + (size_t)x * step, step, left,
                     (x + left) * w->plan.column_phases > w->conv->output.width};
}

/** Writes 32 filters of up to `count` pixels. */
static MATRICES_INLINE void write_32(const ConvWork *w, Pending *pending, int count, StyleType type,
                                     Moments *moments)
{
    for (; count && pending->left; count--, pending->left--) {
        Vector left = _mm512_load_ps(pending->sums);
        Vector right = _mm512_load_ps(pending->sums + TILE);

        if (type == FF_STYLE_FLOAT) {
            _mm512_storeu_ps((float *)w->conv->output.data + pending->to, left);
            _mm512_storeu_ps((float *)w->conv->output.data + pending->to + TILE, right);
        } else {
            const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(right, left);

            _mm512_storeu_si512((uint16_t *)w->conv->output.data + pending->to, both);
            left = to_float(_mm512_castsi512_si256(both));
            right = to_float(_mm512_extracti64x4_epi64(both, 1));
        }
        take_moments(left, ALL_LANES, &moments[0]);
        take_moments(right, ALL_LANES, &moments[1]);
        pending->sums += 2 * TILE;
        pending->to += pending->step;
    }
}

/** Writes one vector of up to 16 filters. */
static MATRICES_INLINE void write_pixel(const ConvWork *w, const float *sums, size_t to, Lanes mask,
                                        StyleType type, Moments *moments)
{
    const Vector value = _mm512_load_ps(sums);

    store(w->conv->output.data, type, to, mask, value);
    take_moments(type == FF_STYLE_FLOAT ? value : to_float(to_bfloat16(value)), mask, moments);
}

/** Writes up to 16 filters, of `phases` pixels side by side. */
static MATRICES_INLINE void write_16(const ConvWork *w, Pending *pending, int count, Lanes mask,
                                     int phases, StyleType type, Moments *moments)
{
    const size_t filters = (size_t)w->conv->kernel.filters;

    for (; count && pending->left; count--, pending->left--) {
        const Lanes right = pending->left > 1 || !pending->half ? mask : 0;

        write_pixel(w, pending->sums, pending->to, mask, type, &moments[0]);
        if (phases > 1)
            write_pixel(w, pending->sums + TILE, pending->to + filters, right, type, &moments[1]);
        pending->sums += phases * TILE;
        pending->to += pending->step;
    }
}

/**
 * 32 filters of a row; `row`: the number of the first value. Two tiles of pixels by two of filters. With two
 * `phases`, 16 filters of two phases of the columns, which read pixels of their own unless they are folded;
 * `masked`: fewer, or the last pixel of the row has no right neighbour.
 */
static MATRICES_INLINE void multiply_32(ConvWork *w, const uint16_t *kernel, size_t row, int filter,
                                        int phases, int masked, StyleType type)
{
    const int steps = w->plan.rows * w->plan.chunks, share = (2 * TILE + steps - 1) / steps;
    const int second = filter + (phases > 1 ? 0 : TILE);
    const Lanes mask = lanes(w->conv->kernel.filters - filter);
    const ptrdiff_t pitch = w->window.pitch;
    const ptrdiff_t shift =
        (ptrdiff_t)sizeof(*kernel) * column_shift(&w->plan, phases - 1, w->conv->input.channels);
    _Alignas(LINE_BYTES) float sums[2][2 * TILE][2 * TILE];
    Moments moments[2] = {begin_moments(w, filter), begin_moments(w, second)};
    Pending pending = {0};

    for (int x = 0, turn = 0; x < w->width; x += 2 * TILE, turn ^= 1) {
        const uint16_t *left = kernel, *right = kernel + (size_t)steps * PACKED;

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
                _tile_loadd(5, pixels + TILE * pitch, pitch);
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(2, 5, 6);
                if (phases > 1 && !w->plan.folded) {
                    _tile_loadd(4, pixels + shift, pitch);
                    _tile_loadd(5, pixels + TILE * pitch + shift, pitch);
                }
                _tile_dpbf16ps(1, 4, 7);
                _tile_dpbf16ps(3, 5, 7);
                pixels += sizeof(uint16_t) * CHUNK;
                left += PACKED;
                right += PACKED;
                fetch_ahead(&w->ahead);
                if (masked)
                    write_16(w, &pending, share, mask, phases, type, moments);
                else
                    write_32(w, &pending, share, type, moments);
            }
        }
        _tile_stored(0, &sums[turn][0][0], 2 * 64);
        _tile_stored(1, &sums[turn][0][TILE], 2 * 64);
        _tile_stored(2, &sums[turn][TILE][0], 2 * 64);
        _tile_stored(3, &sums[turn][TILE][TILE], 2 * 64);
        if (!x && row == (size_t)filter) {
            moments[0] = begin_image(w, filter, _mm512_load_ps(sums[turn][0]));
            moments[1] = phases > 1 ? begin_moments(w, second)
                                    : begin_image(w, second, _mm512_load_ps(sums[turn][0] + TILE));
        }
        pending = pend(w, sums[turn][0], row, x, 2 * TILE);
    }
    if (masked)
        write_16(w, &pending, 2 * TILE, mask, phases, type, moments);
    else
        write_32(w, &pending, 2 * TILE, type, moments);
    add_moments(w, filter, &moments[0]);
    add_moments(w, second, &moments[1]);
}

/** Up to 16 filters of a row. Three tiles of pixels by one of filters. */
static MATRICES_INLINE void multiply_16(ConvWork *w, const uint16_t *kernel, size_t row, int filter,
                                        StyleType type)
{
    const int steps = w->plan.rows * w->plan.chunks, share = (3 * TILE + steps - 1) / steps;
    const Lanes mask = lanes(w->conv->kernel.filters - filter);
    const ptrdiff_t pitch = w->window.pitch;
    _Alignas(LINE_BYTES) float sums[2][3 * TILE][TILE];
    Moments moments = begin_moments(w, filter);
    Pending pending = {0};

    for (int x = 0, turn = 0; x < w->width; x += 3 * TILE, turn ^= 1) {
        const uint16_t *values = kernel;

        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        for (int y = 0; y < w->plan.rows; y++) {
            const uint8_t *pixels = w->window.rows[y] + x * pitch;

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
                fetch_ahead(&w->ahead);
                write_16(w, &pending, share, mask, 1, type, &moments);
            }
        }
        _tile_stored(0, sums[turn][0], 64);
        _tile_stored(1, sums[turn][TILE], 64);
        _tile_stored(2, sums[turn][2 * TILE], 64);
        if (!x && row == (size_t)filter)
            moments = begin_image(w, filter, _mm512_load_ps(sums[turn][0]));
        pending = pend(w, sums[turn][0], row, x, 3 * TILE);
    }
    write_16(w, &pending, 3 * TILE, mask, 1, type, &moments);
    add_moments(w, filter, &moments);
}

/** All filters of a row, in groups that fill the tiles. */
static MATRICES_INLINE void multiply_groups(ConvWork *w, const uint16_t *kernel, size_t to,
                                            StyleType type)
{
    const size_t step = packed_step(&w->plan);
    const int filters = w->conv->kernel.filters;
    int filter = 0;

    __asm__ volatile("" : : : "memory"); // the intrinsics don't tell that they read the window
    if (w->plan.together > 1) {
        if (filters == TILE && w->conv->output.width % 2 == 0)
            multiply_32(w, kernel, to, 0, 2, 0, type);
        else
            multiply_32(w, kernel, to, 0, 2, 1, type);
        return;
    }
    for (; filter + 2 * TILE <= filters; filter += 2 * TILE, kernel += 2 * step)
        multiply_32(w, kernel, to + (size_t)filter, filter, 1, 0, type);
    for (; filter < filters; filter += TILE, kernel += step)
        multiply_16(w, kernel, to + (size_t)filter, filter, type);
}

MATRICES void ff_style_multiply_bf16(ConvWork *w, const uint16_t *kernel, size_t to)
{
    if (w->conv->output.type == FF_STYLE_FLOAT)
        multiply_groups(w, kernel, to, FF_STYLE_FLOAT);
    else
        multiply_groups(w, kernel, to, FF_STYLE_BFLOAT16);
}

#endif
