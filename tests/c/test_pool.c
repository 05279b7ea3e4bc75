/*
 * Blocks come again when they fit, in any thread, and go back to the system when nobody takes them for long.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <pthread.h>

#include "base/pool.h"
#include "test.h"

#define LARGE ((size_t)1 << 20)

static void *take(size_t size)
{
    void *const block = ff_style_take_block(size);

    CHECK(block);
    CHECK((uintptr_t)block % FF_STYLE_BLOCK_ALIGNMENT == 0);
    memset(block, 0xa5, size);
    return block;
}

static void test_blocks_that_fit(void)
{
    void *const large = take(LARGE), *const small = take(100);
    void *other;

    CHECK(large != small && ff_style_pool_size() == 0);
    ff_style_return_block(large);
    ff_style_return_block(small);
    CHECK(ff_style_pool_size() >= LARGE + 100);
    CHECK(take(LARGE - 5) == large);
    other = take(LARGE);
    CHECK(other != large);
    CHECK(take(90) == small);
    ff_style_return_block(large);
    ff_style_return_block(other);
    ff_style_return_block(small);
    // One that would be wasted by more than half is not taken.
    other = take(LARGE / 2 - 64);
    CHECK(ff_style_pool_size() >= 2 * LARGE + 100);
    ff_style_return_block(other);
    // The smallest that fits, whatever came back last.
    CHECK(take(LARGE / 2 - 100) == other);
    ff_style_return_block(other);
    ff_style_return_block(take(0));
    ff_style_empty_pool();
    CHECK(ff_style_pool_size() == 0);
}

static void test_blocks_that_nobody_takes(void)
{
    ff_style_return_block(take(LARGE));
    for (int i = 0; i < 1000; i++)
        ff_style_return_block(take(100));
    CHECK(ff_style_pool_size() >= 100 && ff_style_pool_size() < LARGE);
    ff_style_empty_pool();
}

static void *take_and_return(void *seed)
{
    unsigned size = *(unsigned *)seed;

    for (int i = 0; i < 2000; i++) {
        uint8_t *first, *second;

        size = size * 1103515245 + 12345;
        first = take(size >> 20);
        second = take(size >> 19);
        *first = 1;
        *second = 2;
        CHECK(*first == 1);
        ff_style_return_block(first);
        CHECK(*second == 2);
        ff_style_return_block(second);
    }
    return NULL;
}

static void test_threads(void)
{
    unsigned seeds[] = {1, 2, 3, 4};
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        CHECK(!pthread_create(&threads[i], NULL, take_and_return, &seeds[i]));
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_join(threads[i], NULL));
    ff_style_empty_pool();
}

int main(void)
{
    test_blocks_that_fit();
    test_blocks_that_nobody_takes();
    test_threads();
    CHECK(!ff_style_take_block(SIZE_MAX));
    CHECK(!ff_style_take_block(SIZE_MAX / 2 + 1));
    return 0;
}
