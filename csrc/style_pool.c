/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
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

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "style_pool.h"

/* Returned blocks that come and go before one that stays is given up: a few frames' of the deepest network. */
#define PATIENCE 512

/* Returns from one search for such blocks to the next: their first lines have left the cache. */
#define SEARCHES 64

/** In front of what its user sees. */
typedef union Block {
    struct {
        union Block *next;
        size_t size;       ///< of what its user sees
        unsigned returned; ///< when: how many had been before
    };
    uint8_t line[FF_STYLE_BLOCK_ALIGNMENT];
} Block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Block *blocks;    ///< that nobody uses, the last one first
static unsigned returns; ///< so far

/** Takes the smallest block that fits out of the list, unless half of it would be wasted. */
static Block *find_block(size_t size)
{
    Block **best = NULL, *found;

    for (Block **at = &blocks; *at; at = &(*at)->next)
        if ((*at)->size >= size && (*at)->size / 2 <= size &&
            (!best || (*at)->size < (*best)->size))
            best = at;
    if (!best)
        return NULL;
    found = *best;
    *best = found->next;
    return found;
}

/** Takes those out of the list that were returned `patience` returns ago or earlier. */
static Block *find_old(unsigned patience)
{
    Block *old = NULL, **at = &blocks;

    while (*at) {
        Block *const block = *at;

        if (returns - block->returned < patience) {
            at = &block->next;
            continue;
        }
        *at = block->next;
        block->next = old;
        old = block;
    }
    return old;
}

static void free_all(Block *block)
{
    while (block) {
        Block *const next = block->next;

        free(block);
        block = next;
    }
}

void *ff_style_take_block(size_t size)
{
    void *memory;
    Block *block;

    size += !size; // an empty one would fit nobody else
    if (size > SIZE_MAX / 2)
        return NULL;
    pthread_mutex_lock(&lock);
    block = find_block(size);
    pthread_mutex_unlock(&lock);
    if (!block) {
        size = (size + sizeof(Block) - 1) / sizeof(Block) * sizeof(Block);
        if (posix_memalign(&memory, sizeof(Block), sizeof(Block) + size))
            return NULL;
        block = memory;
        block->size = size;
    }
    return block + 1;
}

void ff_style_return_block(void *data)
{
    Block *const block = (Block *)data - 1, *old = NULL;

    pthread_mutex_lock(&lock);
    block->returned = ++returns;
    block->next = blocks;
    blocks = block;
    if (returns % SEARCHES == 0)
        old = find_old(PATIENCE);
    pthread_mutex_unlock(&lock);
    free_all(old);
}

void ff_style_empty_pool(void)
{
    Block *old;

    pthread_mutex_lock(&lock);
    old = find_old(0);
    pthread_mutex_unlock(&lock);
    free_all(old);
}

size_t ff_style_pool_size(void)
{
    size_t size = 0;

    pthread_mutex_lock(&lock);
    for (const Block *block = blocks; block; block = block->next)
        size += block->size;
    pthread_mutex_unlock(&lock);
    return size;
}
