/*
 * A fuzz target: the plan of a model that may be run, its programs for two sizes, and a frame painted by each.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "fuzz.h"
#include "kernels/processor.h"
#include "plan/plan.h"

/** Paints a grey frame, if the network takes that size. */
static void paint(const StyleContext *ctx, const Graph *graph, const StylePlan *plan, int size)
{
    const int width = graph->signature.width ? graph->signature.width : size + 7;
    const int height = graph->signature.height ? graph->signature.height : size;
    StyleProgram program;

    if (width * height < 1 << 14 &&
        ff_style_make_program(ctx, plan, width, height, &program) >= 0) {
        memset(ff_style_stored(&program, program.frame), 99, 3 * (size_t)(width * height));
        ff_style_run_alone(&program);
    }
    if (width * height < 1 << 14)
        ff_style_free_program(&program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t taken = 0;
    const StyleContext ctx = {.opaque = &taken, .alloc = take, .free = give};
    const StylePlanSettings settings = {.vectors = ff_style_processor_vectors(),
                                        .type = FF_STYLE_FLOAT};
    char reason[FF_STYLE_MESSAGE_SIZE];
    StylePlan *plan = NULL;
    Graph graph;

    if (open_graph(&ctx, data, size, &graph) &&
        ff_style_open_plan(&ctx, &graph.nodes, &graph.signature, &settings, &plan, reason) > 0) {
        paint(&ctx, &graph, plan, 16);
        paint(&ctx, &graph, plan, 29);
    }
    ff_style_close_plan(&plan);
    close_graph(&ctx, &graph);
    return 0;
}
