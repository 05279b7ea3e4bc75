/*
 * The bands of rows that a convolution is made in, and the moments of what each has written.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>
#include <string.h>

#include "conv_parts.h"

#if FF_STYLE_HAS_CONV

#define MOST_BANDS \
    64 // of an image: enough for all threads, and few enough that most rows are read by one

int ff_style_unit_rows(const StyleConv *conv)
{
    return conv->kernel.transposed ? 2 * SQUARE : SQUARE;
}

static int band_rows(const StyleConv *conv)
{
    const int units =
        (conv->output.height + ff_style_unit_rows(conv) - 1) / ff_style_unit_rows(conv);

    return ff_style_unit_rows(conv) * ((units + MOST_BANDS - 1) / MOST_BANDS);
}

int ff_style_first_row(const StyleConv *conv, int band)
{
    const int row = band * band_rows(conv);

    return row < conv->output.height ? row : conv->output.height;
}

int ff_style_conv_bands(const StyleConv *conv)
{
    return (conv->output.height + band_rows(conv) - 1) / band_rows(conv);
}

size_t ff_style_conv_sums(const StyleConv *conv)
{
    return conv->mean ? (size_t)ff_style_conv_bands(conv) * ff_style_sums_size(conv) : 0;
}

size_t ff_style_sums_size(const StyleConv *conv)
{
    const ConvPlan plan = ff_style_plan_kernel(&conv->kernel);
    const size_t filters = (size_t)packed_filters(&plan);

    return filters * (2 * sizeof(double) + sizeof(float)) + LINE_BYTES;
}

void ff_style_find_sums(ConvWork *w, int band)
{
    const size_t filters = (size_t)packed_filters(&w->plan);
    uint8_t *const sums = (uint8_t *)w->conv->sums + (size_t)band * ff_style_sums_size(w->conv);

    w->sums = (double *)(void *)sums;
    w->powers = w->sums + filters;
    w->pivots = (float *)(void *)(w->powers + filters);
    w->farthest = (uint32_t *)(void *)(w->pivots + filters);
}

/** Pixels of a band. */
static double count_band(const StyleConv *conv, int band)
{
    return (double)(ff_style_first_row(conv, band + 1) - ff_style_first_row(conv, band)) *
           (double)conv->output.width;
}

#define LARGEST_HALF 65504.f

/** Whether halves hold what a band has written as such. No value is farther from the pivot than the sum of all squares. */
static int have_held(const ConvWork *w)
{
    float farthest;

    memcpy(&farthest, w->farthest, sizeof(farthest));
    if (w->conv->kept.type == FF_STYLE_HALF && w->conv->kept.data && !(farthest <= LARGEST_HALF))
        return 0;
    for (int i = 0; i < w->conv->kernel.filters && w->conv->output.type == FF_STYLE_HALF; i++)
        // Single precision has summed them up.
        if (!(1.001 * sqrt(w->powers[i]) + fabs((double)w->pivots[i]) <= LARGEST_HALF))
            return 0;
    return 1;
}

int ff_style_join_moments(const StyleConv *conv)
{
    const int filters = conv->kernel.filters, bands = ff_style_conv_bands(conv);
    const double count = (double)conv->output.height * (double)conv->output.width;
    ConvWork w = {.conv = conv, .plan = ff_style_plan_kernel(&conv->kernel)};
    int have_all = 1;

    memset(conv->mean, 0, (size_t)filters * sizeof(*conv->mean));
    memset(conv->variance, 0, (size_t)filters * sizeof(*conv->variance));
    for (int band = 0; band < bands; band++) {
        ff_style_find_sums(&w, band);
        have_all &= have_held(&w);
        for (int i = 0; i < filters; i++)
            conv->mean[i] += w.sums[i] + (double)w.pivots[i] * count_band(conv, band);
    }
    for (int i = 0; i < filters; i++)
        conv->mean[i] /= count;
    // Of each band's own variance, and of how far its pixels' mean is from that of all.
    for (int band = 0; band < bands; band++) {
        ff_style_find_sums(&w, band);
        for (int i = 0; i < filters; i++) {
            const double from_pivot = w.sums[i] / count_band(conv, band);
            const double from_mean = from_pivot + (double)w.pivots[i] - conv->mean[i];
            const double own = w.powers[i] - from_pivot * w.sums[i];

            // What is not a number stays so.
            conv->variance[i] +=
                ((own < 0 ? 0 : own) + from_mean * from_mean * count_band(conv, band)) / count;
        }
    }
    return have_all;
}

#else

int ff_style_conv_bands(const StyleConv *conv)
{
    (void)conv;
    return 1;
}

size_t ff_style_conv_sums(const StyleConv *conv)
{
    (void)conv;
    return 0;
}

int ff_style_join_moments(const StyleConv *conv)
{
    (void)conv;
    return 1;
}

#endif
