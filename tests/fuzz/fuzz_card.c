/*
 * A fuzz target: a model's card, and the mixes of styles that name what is on it.
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

#include <stdlib.h>

#include "engine/mix.h"
#include "graph/card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *take(void *opaque, size_t size)
{
    (void)opaque;
    return malloc(size);
}

static void give(void *opaque, void *ptr)
{
    (void)opaque;
    free(ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"wave", "scream", "a:b"};
    const StyleContext ctx = {.alloc = take, .free = give};
    char *const text = malloc(size + 1); // a block of its own: a read beyond it is seen
    StyleCard card = {0};
    StyleMix mix;

    if (!text)
        return 0;
    for (size_t i = 0; i < size; i++)
        text[i] = (char)data[i];
    text[size] = 0;
    ff_style_read_card(&ctx, text, size, &card);
    for (int pictures = 0; pictures < 2; pictures++) {
        ff_style_read_terms(&ctx, text, names, 3, pictures, &mix);
        ff_style_free_mix(&ctx, &mix);
    }
    ff_style_free_card(&ctx, &card);
    free(text);
    return 0;
}
