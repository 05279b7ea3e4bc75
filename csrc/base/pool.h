/*
 * Memory that is used again, by all threads. The system gives large blocks anew each time and clears them page
 * by page as they are written: the network `fast` took 54 ms for a frame of 1280x720 with this, 62 without.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_POOL_H
#define FF_STYLE_POOL_H

#include <stddef.h>

#define FF_STYLE_BLOCK_ALIGNMENT 64

/** At least `size` bytes, which hold anything, from the start of a cache line on; NULL: there is no memory. */
void *ff_style_take_block(size_t size);

/** Keeps a block, not NULL, for others. Those that nobody took while 512 others came back go to the system. */
void ff_style_return_block(void *block);

/** Bytes that are kept for others now. */
size_t ff_style_pool_size(void);

/** Gives all blocks that are not in use back to the system. */
void ff_style_empty_pool(void);

#endif
