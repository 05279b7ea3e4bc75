/*
 * What the fuzz targets share: memory by malloc(), of which a run has only so much.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "graph/budget.h"
#include "graph/card.h"
#include "graph/graphdef.h"
#include "graph/signature.h"

#define MEMORY ((size_t)1 << 26) // bytes; a graph may ask for more, and must go on without

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *take(void *opaque, size_t size)
{
    size_t *const taken = opaque;
    size_t *const block =
        size < MEMORY - *taken ? malloc(size + alignof(max_align_t)) : NULL; // its size in front

    if (!block)
        return NULL;
    *block = size;
    *taken += size;
    return (uint8_t *)block + alignof(max_align_t);
}

static void give(void *opaque, void *ptr)
{
    size_t *const block = (size_t *)(void *)((uint8_t *)ptr - alignof(max_align_t));

    *(size_t *)opaque -= *block;
    free(block);
}

/** What is known of a graph before it is run. */
typedef struct Graph {
    StyleGraphDef file;
    StyleCard card;
    StyleNodes nodes;
    StyleSignature signature;
} Graph;

/** Reads a model's file as the engine does; returns whether it may be run. */
static inline int open_graph(const StyleContext *ctx, const uint8_t *data, size_t size, Graph *g)
{
    const StyleSettings settings = {.max_pixels = 1 << 26};

    *g = (Graph){.file = {.path = "model.pb", .data = ctx->alloc(ctx->opaque, size), .size = size}};
    if (!g->file.data)
        return 0;
    if (size)
        memcpy(g->file.data, data, size); // a block of its own: a read beyond it is seen
    return ff_style_scan_graphdef(ctx, &g->file) >= 0 &&
           (!g->file.card ||
            ff_style_read_card(ctx, g->file.card, g->file.card_size, &g->card) >= 0) &&
           ff_style_read_nodes(ctx, &g->file, &g->nodes) >= 0 &&
           ff_style_find_signature(ctx, g->file.path, &g->nodes, &g->card, &settings,
                                   &g->signature) >= 0 &&
           ff_style_check_budget(ctx, g->file.path, &g->nodes, &g->signature, MEMORY) >= 0;
}

static inline void close_graph(const StyleContext *ctx, Graph *g)
{
    ff_style_free_signature(ctx, &g->signature);
    ff_style_free_nodes(ctx, &g->nodes);
    ff_style_free_card(ctx, &g->card);
    ff_style_free(ctx, g->file.data);
}

#endif
