/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
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

/*
 * Rewriting graphs for operations of our own: what becomes of a small one, what is left alone, without
 * memory, and with broken graphs. tests/test_kernels.py looks at real graphs.
 */

#include "graph/proto.h"
#include "tensorflow/operations.h"
#include "tensorflow/rewrite.h"
#include "test.h"

/* More field numbers, of graph.proto and attr_value.proto. */
enum { GRAPH_VERSIONS = 4 };
enum { LIST_INT = 3 };

static StyleMessage graph = {.ctx = &test_context};

/** Ends an attribute that `value` was written for. */
static void put_attr(StyleMessage *node, const char *name, StyleMessage *value)
{
    StyleMessage attr = {.ctx = &test_context};

    ff_style_put_text(&attr, MAP_KEY, name);
    ff_style_put_message(&attr, MAP_VALUE, value);
    ff_style_put_message(node, NODE_ATTR, &attr);
    ff_style_free(&test_context, attr.data);
}

static void put_number(StyleMessage *node, const char *name, unsigned kind, int number)
{
    StyleMessage value = {.ctx = &test_context};

    ff_style_put_number(&value, kind, number);
    put_attr(node, name, &value);
    ff_style_free(&test_context, value.data);
}

static void put_type(StyleMessage *node, const char *name, int type)
{
    put_number(node, name, ATTR_TYPE, type);
}

/** The attributes of what moves bytes: of columns, by numbers of 32 bits. */
static void put_moving_attrs(StyleMessage *node)
{
    put_type(node, "Tidx", TF_INT32);
    put_type(node, "Tperm", TF_INT32);
    put_type(node, "Index", TF_INT32);
    put_number(node, "begin_mask", ATTR_INT, 3);
    put_number(node, "end_mask", ATTR_INT, 3);
}

/** The attributes of a convolution: SAME padding, and a stride. */
static void put_conv_attrs(StyleMessage *node, int stride)
{
    StyleMessage value = {.ctx = &test_context}, list = value;

    ff_style_put_text(&value, ATTR_BYTES, "SAME");
    put_attr(node, "padding", &value);
    for (int i = 0; i < 4; i++)
        ff_style_put_number(&list, LIST_INT, i % 3 ? stride : 1);
    ff_style_put_message(&value, ATTR_LIST, &list);
    put_attr(node, "strides", &value);
    ff_style_free(&test_context, value.data);
    ff_style_free(&test_context, list.data);
}

/** A node with its inputs, words of a text; `stride` is a convolution's. */
static void put_node(const char *name, const char *op, const char *inputs, int stride)
{
    StyleMessage node = {.ctx = &test_context};

    ff_style_put_text(&node, NODE_NAME, name);
    ff_style_put_text(&node, NODE_OP, op);
    for (size_t size; *inputs; inputs += size + (inputs[size] == ' ')) {
        size = strcspn(inputs, " ");
        ff_style_put_bytes(&node, NODE_INPUT, inputs, size);
    }
    put_type(&node, "T", strcmp(op, "ConcatV2") ? TF_FLOAT : TF_UINT8);
    put_type(&node, "U", TF_FLOAT);
    put_type(&node, "SrcT", strcmp(name, "cast") ? TF_FLOAT : TF_UINT8);
    put_type(&node, "DstT", strcmp(name, "cast") ? TF_UINT8 : TF_FLOAT);
    if (stride)
        put_conv_attrs(&node, stride);
    put_moving_attrs(&node);
    ff_style_put_message(&graph, GRAPH_NODE, &node);
    ff_style_free(&test_context, node.data);
}

static void begin_graph(void)
{
    graph.size = 0;
    put_node("frame", "Placeholder", "", 0);
    put_node("k", "Const", "", 0);
    ff_style_put_bytes(&graph, GRAPH_VERSIONS, "\x08\x01", 2);
}

/** A network with all that is rewritten. */
static void make_network(void)
{
    begin_graph();
    put_node("first", "StridedSlice", "frame k k k", 0);
    put_node("last", "StridedSlice", "frame k k k", 0);
    put_node("before", "ReverseV2", "first k", 0);
    put_node("behind", "ReverseV2", "last k", 0);
    put_node("wide", "ConcatV2", "before frame behind k", 0);
    put_node("cast", "Cast", "wide", 0);
    put_node("sub", "Sub", "cast k", 0);
    put_node("conv1", "Conv2D", "sub k", 2);
    put_node("norm1", "FusedBatchNormV3", "conv1 k k k k", 0);
    put_node("relu1", "Relu", "norm1", 0);
    put_node("shape", "Shape", "relu1", 0);
    put_node("up", "Conv2DBackpropInput", "shape k relu1:0", 2);
    put_node("norm2", "FusedBatchNormV3", "up k k k k", 0);
    put_node("sum", "AddV2", "relu3 norm2", 0);
    put_node("conv3", "Conv2D", "sub k", 1);
    put_node("norm3", "FusedBatchNormV3", "conv3 k k k k", 0);
    put_node("relu3", "Relu", "norm3", 0);
    put_node("reshape", "Reshape", "sum shape", 0);
    put_node("conv4", "Conv2D", "reshape k", 1);
    put_node("bias", "BiasAdd", "conv4 k", 0);
    put_node("across", "Transpose", "bias k", 0);
    put_node("tanh", "Tanh", "across", 0);
    put_node("mul", "Mul", "tanh k", 0);
    put_node("add", "AddV2", "mul k", 0);
    put_node("minimum", "Minimum", "add k", 0);
    put_node("maximum", "Maximum", "minimum k", 0);
    put_node("round", "Round", "maximum", 0);
    put_node("styled", "Cast", "round", 0);
}

static int rewrite(const void *data, size_t size, StyleRewriting kind, StyleGraphDef *rewritten)
{
    const StyleGraphDef file = {.path = "test", .data = (uint8_t *)(uintptr_t)data, .size = size};

    return ff_style_rewrite_graphdef(&test_context, &file, kind, rewritten);
}

/** Whether the graph has so many nodes of this operation. */
static int has_ops(const StyleGraphDef *file, const char *op, int expected)
{
    StyleSpan rest = {file->data, file->size}, found;
    StyleField field;
    int count = 0, ret;

    while ((ret = ff_style_take_field(&rest, &field)) > 0)
        if (field.number == GRAPH_NODE)
            count += ff_style_find_bytes(field.bytes, NODE_OP, &found) >= 0 &&
                     ff_style_span_is(found, op);
    CHECK(!ret);
    return count == expected;
}

static void test_network(void)
{
    StyleGraphDef rewritten;

    make_network();
    for (int i = 0; i < 2; i++) {
        CHECK(rewrite(graph.data, graph.size, i ? FF_STYLE_BFLOATS : FF_STYLE_FLOATS, &rewritten) ==
              1);
        CHECK(has_ops(&rewritten, FF_STYLE_PACK, 4) && has_ops(&rewritten, FF_STYLE_CONV, 4));
        CHECK(has_ops(&rewritten, FF_STYLE_APPLY, 2) && has_ops(&rewritten, FF_STYLE_PIXELS, 1));
        CHECK(has_ops(&rewritten, "Conv2D", 0) && has_ops(&rewritten, "Conv2DBackpropInput", 0));
        CHECK(has_ops(&rewritten, "FusedBatchNormV3", 0) && has_ops(&rewritten, "Relu", 0));
        CHECK(has_ops(&rewritten, "Reshape", 1) && has_ops(&rewritten, "Placeholder", 1));
        CHECK(has_ops(&rewritten, FF_STYLE_REFLECT, 1) && has_ops(&rewritten, "StridedSlice", 0));
        CHECK(has_ops(&rewritten, FF_STYLE_TRANSPOSE, 1) && has_ops(&rewritten, "ReverseV2", 0));
        ff_style_free(&test_context, rewritten.data);
    }

    CHECK(rewrite(graph.data, graph.size, FF_STYLE_NORMS, &rewritten) == 1);
    CHECK(has_ops(&rewritten, FF_STYLE_NORM, 3) && has_ops(&rewritten, "FusedBatchNormV3", 0));
    CHECK(has_ops(&rewritten, "Conv2D", 3) && has_ops(&rewritten, "Conv2DBackpropInput", 1));
    ff_style_free(&test_context, rewritten.data);
}

static void check_nothing(const void *data, size_t size)
{
    StyleGraphDef rewritten;

    for (StyleRewriting kind = FF_STYLE_NORMS; kind <= FF_STYLE_BFLOATS; kind++) {
        CHECK(!rewrite(data, size, kind, &rewritten));
        ff_style_free(&test_context, rewritten.data);
    }
}

static void check_graph_is_left(void)
{
    check_nothing(graph.data, graph.size);
}

static void test_nothing_to_rewrite(void)
{
    check_nothing(NULL, 0);
    begin_graph();
    check_graph_is_left();
    put_node("styled", "Cast", "frame", 0);
    check_graph_is_left();
    put_node("conv", "Conv2D", "frame k", 0); // it tells no stride
    check_graph_is_left();
    make_network();
    put_node("after", "NoOp", "^styled", 0);
    check_graph_is_left();
    make_network();
    put_node("unknown", "Relu", "nowhere", 0);
    check_graph_is_left();
    make_network();
    put_node("unknown", "Relu", "k:", 0);
    check_graph_is_left();
    make_network();
    put_node("unknown", "Relu", "k:1234567", 0);
    check_graph_is_left();
    make_network();
    put_node("unknown", "Relu", ":1", 0);
    check_graph_is_left();
}

static void test_no_memory(void)
{
    StyleGraphDef rewritten;
    int before, ret, fail_at;

    make_network();
    before = test_blocks;
    for (StyleRewriting kind = FF_STYLE_NORMS; kind <= FF_STYLE_BFLOATS; kind++) {
        ret = -ENOMEM;
        for (fail_at = 1; ret < 0; fail_at++) {
            *test_message = 0;
            test_fail_at = fail_at;
            ret = rewrite(graph.data, graph.size, kind, &rewritten);
            CHECK(ret == 1 || (ret == -ENOMEM && *test_message));
            CHECK(ret < 0 || test_fail_at); // a failure that was met is told
            ff_style_free(&test_context, rewritten.data);
            CHECK(test_blocks == before);
        }
        test_fail_at = 0;
        CHECK(fail_at > 10);
    }
}

static uint32_t state = 1;

static uint32_t noise(uint32_t end)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % end;
}

/** A few bytes turned, moved or gone; returns the new size. */
static size_t mutate(uint8_t *bytes, size_t size)
{
    const uint32_t kind = noise(4);
    const size_t place = noise((uint32_t)size), length = noise(40) % (size - place);

    if (kind == 0) {
        for (uint32_t i = noise(8) + 1; i; i--)
            bytes[noise((uint32_t)size)] ^= (uint8_t)(1u << noise(8));
    } else if (kind == 1) {
        for (uint32_t i = noise(3) + 1; i; i--)
            bytes[noise((uint32_t)size)] = (uint8_t)noise(256);
    } else if (kind == 2) { // a part again, elsewhere
        memmove(bytes + place, bytes + noise((uint32_t)(size - length)), length);
    } else { // cut short, or out
        memmove(bytes + place, bytes + place + length, size - place - length);
        size -= length;
    }
    return size;
}

/** One graph, in memory of its size to the byte, for the sanitizers. */
static void check_broken(const uint8_t *bytes, size_t size)
{
    uint8_t *const exact = malloc(size ? size : 1);
    StyleGraphDef once, twice;
    int ret;

    memcpy(exact, bytes, size);
    for (StyleRewriting kind = FF_STYLE_NORMS; kind <= FF_STYLE_BFLOATS; kind++) {
        ret = rewrite(exact, size, kind, &once);
        CHECK(ret == 0 || ret == 1);
        if (ret) { // what was written is a graph of nodes again
            CHECK(has_ops(&once, "no such operation", 0));
            CHECK(rewrite(once.data, once.size, FF_STYLE_BFLOATS - kind, &twice) >= 0);
            ff_style_free(&test_context, twice.data);
        }
        ff_style_free(&test_context, once.data);
    }
    free(exact);
}

static void test_broken_graphs(void)
{
    uint8_t bytes[16384];
    const int before = test_blocks;
    size_t size;

    make_network();
    CHECK(graph.size < sizeof(bytes));
    for (size = 0; size < graph.size; size++)
        check_broken(graph.data, size);
    for (int i = 0; i < 10000; i++) {
        memcpy(bytes, graph.data, size = graph.size);
        for (uint32_t j = noise(3) + 1; j && size; j--)
            size = mutate(bytes, size);
        check_broken(bytes, size);
    }
    CHECK(test_blocks == before);
}

/** Names in another order, so that inputs are mixed up: loops, convolutions of kernels, norms of sums. */
static void test_mixed_up_graphs(void)
{
    static const char *const ops[] = {
        "Conv2D", "Conv2DBackpropInput", "FusedBatchNormV3", "Relu", "AddV2", "Reshape", "Shape",
        "Const"};
    char name[16], inputs[128];
    size_t length;

    for (int i = 0; i < 3000; i++) {
        begin_graph();
        for (int j = 0; j < 10; j++) {
            const uint32_t op = noise(8);
            const int count = op == 7 ? 0 : op == 2 ? 5 : op == 1 ? 3 : op == 3 || op == 6 ? 1 : 2;

            length = 0;
            for (int k = 0; k < count; k++)
                length += (size_t)snprintf(inputs + length, sizeof(inputs) - length, "%sn%u%s",
                                           k ? " " : "", noise(10), noise(20) ? "" : ":1");
            inputs[length] = 0;
            snprintf(name, sizeof(name), "n%d", j);
            put_node(name, ops[op], inputs, op < 2 ? 2 : 0);
        }
        check_broken(graph.data, graph.size);
    }
}

static void test_messages(void)
{
    static const int64_t numbers[] = {0, 1, 127, 128, 16384, INT64_MAX, -1, INT64_MIN};
    StyleMessage message = {.ctx = &test_context}, inner = message;
    StyleSpan rest;
    StyleField field;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        message.size = 0;
        ff_style_put_number(&message, 1000, numbers[i]);
        rest = (StyleSpan){message.data, message.size};
        CHECK(ff_style_take_field(&rest, &field) == 1 && !rest.size);
        CHECK(field.number == 1000 && field.type == FF_STYLE_VARINT);
        CHECK((int64_t)field.value == numbers[i]);
    }
    message.size = 0;
    ff_style_put_float(&message, 1, -1.5f);
    ff_style_put_message(&message, 2, &inner);
    CHECK(message.size == 7 && !memcmp(message.data, "\x0d\x00\x00\xc0\xbf\x12\x00", 7));

    test_fail_at = 1; // a failure stays, and goes on to the message around
    ff_style_put_text(&inner, 1, "text");
    ff_style_put_text(&inner, 1, "text");
    CHECK(inner.failed && !inner.size && !message.failed);
    ff_style_put_message(&message, 3, &inner);
    CHECK(message.failed);
    ff_style_free(&test_context, message.data);
    ff_style_free(&test_context, inner.data);
}

int main(void)
{
    test_messages();
    test_network();
    test_nothing_to_rewrite();
    test_no_memory();
    test_broken_graphs();
    test_mixed_up_graphs();
    ff_style_free(&test_context, graph.data);
    CHECK(!test_blocks);
    return 0;
}
