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

#include "engine/mix.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"wave", "scream", "a:b"};
    size_t taken = 0;
    const StyleContext ctx = {.opaque = &taken, .alloc = take, .free = give};
    // A block of its own: a read beyond it is seen.
    char *const text = ff_style_copy(&ctx, (const char *)data, size);
    StyleCard card = {0};
    StyleMix mix;

    if (text)
        ff_style_read_card(&ctx, text, size, &card);
    for (int pictures = 0; pictures < 2 && text; pictures++) {
        ff_style_read_terms(&ctx, text, names, 3, pictures, &mix);
        ff_style_free_mix(&ctx, &mix);
    }
    ff_style_free_card(&ctx, &card);
    ff_style_free(&ctx, text);
    return 0;
}
