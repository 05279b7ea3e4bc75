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

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t taken = 0;
    const StyleContext ctx = {.opaque = &taken, .alloc = take, .free = give};
    Graph graph;

    if (open_graph(&ctx, data, size, &graph)) {
        ff_style_frame_bytes(&ctx, &graph.nodes, &graph.signature, 640, 360);
        ff_style_frame_bytes(&ctx, &graph.nodes, &graph.signature, 8192, 8192);
    }
    close_graph(&ctx, &graph);
    return 0;
}
