/*
 * A fuzz target: the plan of a model that may be run, its programs for two sizes, and a frame painted by each.
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
