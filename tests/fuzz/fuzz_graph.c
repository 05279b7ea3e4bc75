/*
 * A fuzz target: a model's file as the engine reads it before it is run: the scanner, the card, the nodes, the
 * signature, the budget, and the estimate for a frame.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
