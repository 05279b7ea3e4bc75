/*
 * Mean and variance of each channel, in single precision.
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
