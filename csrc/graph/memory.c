/*
 * Takes blocks, and frees them together.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
