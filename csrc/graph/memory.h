/*
 * Blocks that are freed together.
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

#ifndef FF_STYLE_MEMORY_H
#define FF_STYLE_MEMORY_H

#include "../base/common.h"

typedef struct StyleBlock StyleBlock;

typedef struct StyleMemory {
    StyleContext ctx;
    StyleBlock *last;
    size_t left; ///< bytes that may still be taken
    size_t most; ///< values that a tensor keeps: of one that has more, the shape alone; 0: all
    int failed;  ///< there was no memory: -ENOMEM; or they were too many: -EFBIG
} StyleMemory;

/** `count` elements of zeros; NULL, and `failed` set, when there is no memory or it would be too much. */
void *ff_style_take(StyleMemory *memory, size_t count, size_t size);

/** Frees all blocks. */
void ff_style_return_blocks(StyleMemory *memory);

#endif
