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

/*
 * Blocks come again when they fit, and go back to the system when nobody takes them for long. The bytes that
 * the system has given are counted.
 */

#include <malloc.h>

#include "style_pool.h"
#include "test.h"

#define LARGE ((size_t)1 << 20)

static void fill(void *block, size_t size)
{
    CHECK((uintptr_t)block % FF_STYLE_BLOCK_ALIGNMENT == 0);
    memset(block, 0xa5, size);
}

static void *take(size_t size)
{
    void *const block = ff_style_take_block(size);

    CHECK(block);
    fill(block, size);
    return block;
}

static void test_blocks_that_fit(void)
{
    void *const large = take(LARGE), *const small = take(100);
    void *other;

    CHECK(large != small);
    ff_style_return_block(large);
    ff_style_return_block(small);
    CHECK(take(LARGE - 5) == large);
    other = take(LARGE);
    CHECK(other != large);
    CHECK(take(90) == small);
    ff_style_return_block(large);
    ff_style_return_block(other);
    ff_style_return_block(small);
    // The smallest that fits; and one that would be wasted is not taken.
    other = take(LARGE / 2 - 64);
    CHECK(other != large && other != small);
    ff_style_return_block(other);
    other = take(0);
    ff_style_return_block(other);
    ff_style_empty_pool();
}

static void test_blocks_that_nobody_takes(void)
{
    const size_t before = mallinfo2().uordblks;
    void *const large = take(LARGE / 16);

    ff_style_return_block(large);
    CHECK(mallinfo2().uordblks >= before + LARGE / 16);
    for (int i = 0; i < 1000; i++)
        ff_style_return_block(take(100));
    CHECK(mallinfo2().uordblks < before + 1000);
    ff_style_empty_pool();
    CHECK(mallinfo2().uordblks < before + 1000);
}

static void test_too_much(void)
{
    CHECK(!ff_style_take_block(SIZE_MAX));
    CHECK(!ff_style_take_block(SIZE_MAX / 4));
}

int main(void)
{
    test_blocks_that_fit();
    test_blocks_that_nobody_takes();
    test_too_much();
    return 0;
}
