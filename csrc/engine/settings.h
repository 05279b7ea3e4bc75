/*
 * Settings looked through, one by one.
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

#ifndef FF_STYLE_SETTINGS_H
#define FF_STYLE_SETTINGS_H

#include "../base/common.h"

/* They return 0, or -EINVAL after a message. */

int ff_style_check_settings(const StyleContext *ctx, const StyleSettings *settings);
/** A value of an enumeration whose last one is `last`. */
int ff_style_check_choice(const StyleContext *ctx, const char *name, int value, int last);

int ff_style_check_strength(const StyleContext *ctx, double strength);
int ff_style_check_steady(const StyleContext *ctx, double steady);

/** The bytes that the frames being painted may take. */
int64_t ff_style_memory_of(const StyleSettings *settings);

#endif
