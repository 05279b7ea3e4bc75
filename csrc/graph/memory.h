/*
 * Blocks that are freed together.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
