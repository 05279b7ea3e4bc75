/*
 * Plans of small graphs: what they paint, what is refused and why, without memory, and with broken graphs.
 * tests/engine/test_plan.py looks at real networks, beside TensorFlow.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>

#include "graphs.h"
#include "kernels/processor.h"
#include "plan/plan.h"

/* More field numbers, of attr_value.proto and tensor.proto. */
enum { LIST_INT = 3, TENSOR_TYPE = 1, TENSOR_SHAPE = 2, TENSOR_FLOAT = 5, TENSOR_INT = 7 };

static StyleMessage graph = {.ctx = &graph_context};

/** A node of floats, with what convolutions and casts ask for. */
static void put_node(const char *name, const char *op, const char *inputs)
{
    StyleMessage node = begin_node(name, op, inputs), value = empty, list = empty;
    const int to_bytes = !strcmp(name, "styled");

    ff_style_put_text(&value, ATTR_BYTES, "SAME");
    put_attr(&node, "padding", &value);
    for (int i = 0; i < 4; i++)
        ff_style_put_number(&list, LIST_INT, 1);
    put_inner(&value, ATTR_LIST, &list);
    put_attr(&node, "strides", &value);
    put_number(&node, "SrcT", ATTR_TYPE, to_bytes ? FF_STYLE_DT_FLOAT : FF_STYLE_DT_UINT8);
    put_number(&node, "DstT", ATTR_TYPE, to_bytes ? FF_STYLE_DT_UINT8 : FF_STYLE_DT_FLOAT);
    put_inner(&graph, GRAPH_NODE, &node);
}

/** A constant of these dimensions, digits of a text: all values are `number`. */
static void put_constant(const char *name, int type, const char *dims, float number)
{
    StyleMessage node = begin_node(name, "Const", ""), value = empty, tensor = empty;
    StyleMessage shape = shape_of_digits(dims);

    ff_style_put_number(&tensor, TENSOR_TYPE, type);
    put_inner(&tensor, TENSOR_SHAPE, &shape);
    if (type == FF_STYLE_DT_FLOAT)
        ff_style_put_float(&tensor, TENSOR_FLOAT, number);
    else
        ff_style_put_number(&tensor, TENSOR_INT, (int)number);
    put_inner(&value, ATTR_TENSOR, &tensor);
    put_attr(&node, "value", &value);
    put_inner(&graph, GRAPH_NODE, &node);
}

/** Sums of each pixel's colours, brought to a norm, scaled, limited, rounded. */
static void make_network(void)
{
    graph.size = 0;
    put_node("frame", "Placeholder", "");
    put_node("cast", "Cast", "frame");
    put_constant("kernel", FF_STYLE_DT_FLOAT, "1133", 0.5f);
    put_constant("one", FF_STYLE_DT_FLOAT, "3", 1);
    put_constant("two", FF_STYLE_DT_FLOAT, "3", 2);
    put_node("conv", "Conv2D", "cast kernel");
    put_node("norm", "FusedBatchNormV3", "conv two one one one");
    put_node("relu", "Relu", "norm");
    put_constant("gain", FF_STYLE_DT_FLOAT, "", 40);
    put_node("mul", "Mul", "relu gain");
    put_constant("zero", FF_STYLE_DT_FLOAT, "", 0);
    put_constant("most", FF_STYLE_DT_FLOAT, "", 255);
    put_node("low", "Maximum", "mul zero");
    put_node("high", "Minimum", "low most");
    put_node("round", "Round", "high");
    put_node("styled", "Cast", "round");
    put_node("beside", "Softmax", "norm"); // which the painting does not depend on
}

typedef struct Opened {
    StyleGraphDef file;
    StyleNodes nodes;
    StyleSignature signature;
    StylePlan *plan;
    StyleProgram program;
    char reason[FF_STYLE_MESSAGE_SIZE];
} Opened;

static int node_of(const Opened *o, const char *name)
{
    return ff_style_find_node(&o->nodes, (StyleSpan){(const uint8_t *)name, strlen(name)});
}

/** Plans what is written, and makes the program of a size; returns as ff_style_open_plan() does. */
static int open_graph(Opened *o)
{
    const StylePlanSettings settings = {ff_style_processor_vectors(), FF_STYLE_FLOAT};
    int ret;

    *o = (Opened){.file = {.path = "model.pb", .data = graph.data, .size = graph.size}};
    if ((ret = ff_style_read_nodes(&test_context, &o->file, &o->nodes)) < 0)
        return ret;
    o->signature.input = (StylePort){
        .source = {node_of(o, "frame"), 0}, .type = FF_STYLE_DT_UINT8, .range = FF_STYLE_RANGE_255};
    o->signature.output = o->signature.input;
    o->signature.output.source.node = node_of(o, "styled");
    o->signature.nb_styles = o->signature.min_size = 1;
    if (o->signature.input.source.node < 0 || o->signature.output.source.node < 0)
        return -EBADMSG;
    ret =
        ff_style_open_plan(&test_context, &o->nodes, &o->signature, &settings, &o->plan, o->reason);
    if (ret > 0 && (ret = ff_style_make_program(&test_context, o->plan, 7, 5, &o->program)) >= 0)
        return 1;
    return ret;
}

static void close_graph(Opened *o)
{
    ff_style_free_program(&o->program);
    ff_style_close_plan(&o->plan);
    ff_style_free_nodes(&test_context, &o->nodes);
}

static void test_painting(void)
{
    enum { COUNT = 35 };
    double sums[COUNT], mean = 0, variance = 0;
    uint8_t *pixels;
    Opened o;

    make_network();
    CHECK(open_graph(&o) > 0 && !*o.reason);
    pixels = ff_style_stored(&o.program, o.program.frame);
    for (int i = 0; i < COUNT; i++) {
        for (int c = 0; c < 3; c++)
            pixels[3 * i + c] = (uint8_t)(i * i * (c + 3) / 7);
        sums[i] = 0.5 * (pixels[3 * i] + pixels[3 * i + 1] + pixels[3 * i + 2]);
        mean += sums[i] / COUNT;
    }
    for (int i = 0; i < COUNT; i++)
        variance += pow(sums[i] - mean, 2) / COUNT;
    CHECK(ff_style_run_alone(&o.program) >= 0);
    pixels = ff_style_stored(&o.program, o.program.painting);
    for (int i = 0; i < 3 * COUNT; i++) {
        const double normed = (sums[i / 3] - mean) / sqrt(variance + 1e-4) * 2 + 1;
        const double expected = fmin(40 * fmax(normed, 0), 255);

        CHECK(fabs(pixels[i] - expected) <= 0.5 + 1e-3);
    }
    close_graph(&o);
}

static void check_refused(const char *words)
{
    Opened o;

    CHECK(!open_graph(&o) && !o.plan);
    snprintf(test_message, sizeof(test_message), "%s", o.reason);
    CHECK_MESSAGE(words);
    close_graph(&o);
}

static void test_refusals(void)
{
    graph.size = 0;
    put_node("frame", "Placeholder", "");
    put_node("styled", "Cast", "frame");
    check_refused("'styled' (Cast): it gives neither floats nor bytes");
    graph.size = 0;
    put_node("frame", "Placeholder", "");
    put_node("cast", "Cast", "frame");
    put_node("soft", "Softmax", "cast");
    put_node("styled", "Cast", "soft");
    check_refused("'soft' (Softmax): the engine does not run this operation on images");
    graph.size = 0;
    put_node("frame", "Placeholder", "");
    put_node("cast", "Cast", "frame");
    put_node("styled", "Cast", "cast");
    check_refused("not limited to 0..255");
    graph.size = 0;
    put_node("frame", "Placeholder", "");
    put_node("other", "Placeholder", "");
    put_node("styled", "AddV2", "frame other");
    check_refused("'other' (Placeholder)");
    graph.size = 0;
    put_node("frame", "Placeholder", "");
    put_node("cast", "Cast", "frame");
    put_constant("kernel", FF_STYLE_DT_FLOAT, "1193", 1);
    put_node("styled", "Conv2D", "cast kernel");
    check_refused("none that the engine runs");
    graph.size = 0;
    put_node("frame", "Placeholder", "");
    put_constant("shape", FF_STYLE_DT_INT32, "8", 9);
    put_constant("number", FF_STYLE_DT_FLOAT, "", 9);
    put_node("fill", "Fill", "shape number");
    put_node("styled", "AddV2", "frame fill");
    check_refused("computes with"); // 9^8 values are too many
}

/** A node of `nb_inputs` inputs, one of them an image or a number, the others numbers, and the image behind it. */
static void make_odd(const char *op, int nb_inputs, int place, const char *what)
{
    char inputs[64] = "";

    for (int i = 0; i < nb_inputs; i++)
        ff_style_append(inputs, sizeof(inputs), "%s%s", i ? " " : "", i == place ? what : "one");
    graph.size = 0;
    put_node("frame", "Placeholder", "");
    put_node("cast", "Cast", "frame");
    put_constant("one", FF_STYLE_DT_INT32, "1", 1);
    put_node("odd", op, inputs);
    put_node("styled", "AddV2", "cast odd");
}

/** Operations that lack an input, or all. */
static void test_missing_inputs(void)
{
    static const char *const takers[] = {
        [1] = "AvgPool Cast DepthToSpace Einsum Identity Pack Relu Squeeze Unpack",
        [2] = "AddV2 BroadcastTo Concat ConcatV2 Conv2D DepthwiseConv2dNative ExpandDims Fill "
              "Gather MatMul Max Mean MirrorPad Pad Reshape ResizeBilinear ReverseV2 Split Tile "
              "Transpose",
        [3] = "Conv2DBackpropInput GatherV2 PadV2 Range Slice SplitV",
        [4] = "StridedSlice",
        [5] = "FusedBatchNormV3"};

    for (int count = 1; count <= 5; count++)
        for (const char *op = takers[count]; *op; op += strcspn(op, " "), op += *op == ' ')
            for (int i = 0; i < 2 * count; i++) {
                char name[32];

                snprintf(name, sizeof(name), "%.*s", (int)strcspn(op, " "), op);
                make_odd(name, i / 2, 0, i % 2 ? "cast" : "one");
                check_refused("'odd'");
            }
}

/** Operations whose image is where they take numbers. */
static void test_images_in_other_places(void)
{
    static const struct {
        const char *op;
        int nb_inputs;
    } takers[] = {{"Concat", 3},
                  {"ConcatV2", 3},
                  {"ClipByValue", 3},
                  {"Conv2D", 2},
                  {"Mean", 2},
                  {"Conv2DBackpropInput", 3},
                  {"DepthwiseConv2dNative", 2},
                  {"Pad", 2},
                  {"FusedBatchNormV3", 5},
                  {"MirrorPad", 2},
                  {"Reshape", 2},
                  {"ResizeNearestNeighbor", 2},
                  {"Split", 2},
                  {"Tile", 2},
                  {"StridedSlice", 4},
                  {"ExpandDims", 2},
                  {"Slice", 3},
                  {"Transpose", 2}};

    for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++)
        for (int place = 1; place < takers[i].nb_inputs; place++) {
            make_odd(takers[i].op, takers[i].nb_inputs, place, "cast");
            check_refused("'odd'");
        }
}

static void test_without_memory(void)
{
    int ret, i = 0, before;
    Opened o;

    make_network();
    before = test_blocks;
    do {
        test_fail_at = ++i;
        ret = open_graph(&o);
        test_fail_at = 0;
        close_graph(&o);
        CHECK(ret == -ENOMEM || ret > 0);
        CHECK(test_blocks == before);
    } while (ret < 0);
    CHECK(i > 50);
}

/** Each byte of the network changed, at random: a plan or none, and no harm. */
static void test_broken(void)
{
    uint32_t state = 1;
    Opened o;

    for (int i = 0; i < 20000; i++) {
        StyleSpan rest;
        StyleField field;
        int is_graph = 1;

        make_network();
        for (int j = 0; j < 3; j++) {
            state = state * 1664525 + 1013904223;
            graph.data[(state >> 8) % graph.size] = (uint8_t)(state >> 3);
        }
        for (rest = (StyleSpan){graph.data, graph.size}; rest.size && is_graph;)
            is_graph = ff_style_take_field(&rest, &field) > 0 && field.type == FF_STYLE_BYTES;
        if (!is_graph)
            continue;
        if (open_graph(&o) > 0)
            ff_style_run_alone(&o.program);
        close_graph(&o);
    }
}

int main(void)
{
    if (ff_style_processor_vectors()) {
        test_painting();
        test_refusals();
        test_missing_inputs();
        test_images_in_other_places();
        test_without_memory();
        test_broken();
    }
    ff_style_free(&graph_context, graph.data);
    CHECK(!test_blocks);
    return 0;
}
