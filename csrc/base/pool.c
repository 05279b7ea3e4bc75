/*
 * Blocks of memory kept for the next who asks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

/* Returned blocks that come and go before one that stays is given up: a few frames' of the deepest network. */
#define PATIENCE 512

/** In front of what its user sees. */
typedef union Block {
    size_t size; ///< of what its user sees
    uint8_t line[FF_STYLE_BLOCK_ALIGNMENT];
} Block;

/** A block that nobody uses. Its size is here too: the block itself has left the cache. */
typedef struct Idle {
    Block *block;
    size_t size;
    unsigned returned; ///< when: how many had been before
} Idle;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Idle *idle; ///< in the order in which they came back
static size_t nb_idle, capacity;
static unsigned returns; ///< so far

static Block *take_out(size_t index)
{
    Block *const block = idle[index].block;

    memmove(idle + index, idle + index + 1, (--nb_idle - index) * sizeof(*idle));
    return block;
}

/** Takes out the smallest block that fits, of these the last one that came back; none if half would be wasted. */
static Block *find_block(size_t size)
{
    const Idle *best = NULL;

    for (size_t i = 0; i < nb_idle; i++)
        if (idle[i].size >= size && idle[i].size / 2 <= size &&
            (!best || idle[i].size <= best->size))
            best = &idle[i];
    return best ? take_out((size_t)(best - idle)) : NULL;
}

/** Returns whether there was room in the list. */
static int put_in(Block *block)
{
    if (nb_idle == capacity) {
        Idle *const larger = realloc(idle, (2 * capacity + 16) * sizeof(*idle));

        if (!larger)
            return 0;
        idle = larger;
        capacity = 2 * capacity + 16;
    }
    idle[nb_idle++] = (Idle){block, block->size, ++returns};
    return 1;
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
    Block *block = (Block *)data - 1;

    pthread_mutex_lock(&lock);
    if (put_in(block))
        block = returns - idle[0].returned >= PATIENCE ? take_out(0) : NULL;
    pthread_mutex_unlock(&lock);
    free(block);
}

void ff_style_empty_pool(void)
{
    Idle *old;
    size_t nb_old;

    pthread_mutex_lock(&lock);
    old = idle;
    nb_old = nb_idle;
    idle = NULL;
    nb_idle = capacity = 0;
    pthread_mutex_unlock(&lock);
    while (nb_old)
        free(old[--nb_old].block);
    free(old);
}

size_t ff_style_pool_size(void)
{
    size_t size = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < nb_idle; i++)
        size += idle[i].size;
    pthread_mutex_unlock(&lock);
    return size;
}
