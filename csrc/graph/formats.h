/*
 * What a file is that is no frozen graph: networks are kept in many ways.
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

#ifndef FF_STYLE_FORMATS_H
#define FF_STYLE_FORMATS_H

#include <stddef.h>
#include <stdint.h>

typedef struct StyleFormat {
    const char *name;           ///< with its article
    const char *before, *after; ///< the path, in the sentence on how a frozen graph is made of it
} StyleFormat;

/** The format of a file of which a frozen graph can be expected by mistake; NULL: none that is known. */
const StyleFormat *ff_style_find_format(const char *path, const uint8_t *data, size_t size);

/** That of a folder. */
extern const StyleFormat ff_style_saved_model;

#endif
