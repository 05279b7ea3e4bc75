/*
 * A fuzz target: a model's file as the engine reads it before it is run: the scanner, the card, the nodes, the
 * signature, the budget, and the estimate for a frame.
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
#include <string.h>

#include "graph/budget.h"
#include "graph/card.h"
#include "graph/graphdef.h"
#include "graph/signature.h"

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

static void read_all(const StyleContext *ctx, StyleGraphDef *file)
{
    const StyleSettings settings = {.max_pixels = 1 << 26};
    StyleSignature signature = {0};
    StyleCard card = {0};
    StyleNodes nodes = {0};

    if (ff_style_scan_graphdef(ctx, file) >= 0 &&
        (!file->card || ff_style_read_card(ctx, file->card, file->card_size, &card) >= 0) &&
        ff_style_read_nodes(ctx, file, &nodes) >= 0 &&
        ff_style_find_signature(ctx, file->path, &nodes, &card, &settings, &signature) >= 0 &&
        ff_style_check_budget(ctx, file->path, &nodes, &signature, INT64_C(1) << 30) >= 0) {
        ff_style_frame_bytes(ctx, &nodes, &signature, 640, 360);
        ff_style_frame_bytes(ctx, &nodes, &signature, 8192, 8192);
    }
    ff_style_free_signature(ctx, &signature);
    ff_style_free_nodes(ctx, &nodes);
    ff_style_free_card(ctx, &card);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const StyleContext ctx = {.alloc = take, .free = give};
    StyleGraphDef file = {.path = "model.pb", .data = malloc(size + !size), .size = size};

    if (!file.data)
        return 0;
    if (size)
        memcpy(file.data, data, size); // a block of its own: a read beyond it is seen
    read_all(&ctx, &file);
    free(file.data);
    return 0;
}
