/*
 * Mean and variance of each channel, in single precision.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_MOMENTS_H
#define FF_STYLE_MOMENTS_H

#include <stddef.h>

/** Parts of an image, each summed up by itself; all are joined in their order. */
int ff_style_moments_parts(size_t pixels, int channels);

/** Bytes that a thread works in. */
size_t ff_style_moments_memory(int channels);

/** Bytes of the sums of all parts. */
size_t ff_style_moments_sums(size_t pixels, int channels);

/** Sums up the parts from `first` up to `end`; threads may take different ones at a time. */
void ff_style_add_moments(const float *image, size_t pixels, int channels, int first, int end,
                          double *sums, float *memory);

/** Finds mean and variance of each channel when all parts are summed up. */
void ff_style_join_parts(const float *image, size_t pixels, int channels, const double *sums,
                         double *mean, double *variance);

#endif
