/*
 * A style as a user writes it, with pictures among its names, made into what the graph takes.
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

#ifndef FF_STYLE_STYLE_H
#define FF_STYLE_STYLE_H

#include "model.h"

/** How pictures are read, as in StyleSettings. */
typedef struct StylePictures {
    int (*open)(void *opaque, const char *path, StylePicture *picture);
    void (*close)(void *opaque, StylePicture *picture);
    int64_t max_pixels;
} StylePictures;

/** The same of the settings. */
StylePictures ff_style_pictures_of(const StyleSettings *settings);

/**
 * Reads a style or a mix; see ff_style_set_style().
 *
 * @param model  open; or only read, when `values` is NULL: then pictures are looked at, and that is all
 * @param names  of the `count` styles
 * @param values receives signature.nb_values numbers
 * @return 0; what ff_style_set_style() returns on an error, after a message
 */
int ff_style_read_style(const StyleContext *ctx, const StylePictures *pictures,
                        const StyleModel *model, const char *const *names, int count,
                        const char *text, float *values);

#endif
