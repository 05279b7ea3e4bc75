/*
 * Takes blocks, and frees them together.
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

#include <errno.h>

#include "memory.h"

struct StyleBlock {
    StyleBlock *before;
    max_align_t data[]; ///< the user's
};

void *ff_style_take(StyleMemory *memory, size_t count, size_t size)
{
    StyleBlock *block;

    if (memory->failed || count > memory->left / size) {
        memory->failed = memory->failed ? memory->failed : -EFBIG;
        return NULL;
    }
    if (!(block = ff_style_alloc(&memory->ctx, sizeof(*block) + count * size))) {
        memory->failed = -ENOMEM;
        return NULL;
    }
    memory->left -= count * size;
    block->before = memory->last;
    memory->last = block;
    return block->data;
}

void ff_style_return_blocks(StyleMemory *memory)
{
    while (memory->last) {
        StyleBlock *const block = memory->last;

        memory->last = block->before;
        ff_style_free(&memory->ctx, block);
    }
}
