/*
 * A fuzz target: a model's card, and the mixes of styles that name what is on it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
