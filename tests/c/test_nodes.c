/*
 * Graphs as nodes: inputs, order, attributes and constants; what is broken; without memory.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "graphs.h"

static StyleMessage graph = {.ctx = &graph_context};

/** Appends a node with its inputs, words of a text, and with attributes as they are written, which are empty then. */
static void put_node(const char *name, const char *inputs, StyleMessage *attrs)
{
    StyleMessage node = begin_node(name, "Op", inputs);

    if (attrs) {
        ff_style_put_raw(&node, attrs->data, attrs->size);
        ff_style_free(&graph_context, attrs->data);
        *attrs = empty;
    }
    put_inner(&graph, GRAPH_NODE, &node);
}

static int read_graph(StyleNodes *nodes)
{
    const StyleGraphDef file = {.path = "model.pb", .data = graph.data, .size = graph.size};

    return ff_style_read_nodes(&test_context, &file, nodes);
}

static void test_inputs_and_order(void)
{
    StyleNodes nodes;
    int place[5];

    graph.size = 0;
    put_node("sum", "split:12 first ^last", NULL);
    put_node("split", "first:0", NULL);
    put_node("first", "", NULL);
    put_node("last", "split split:1", NULL);
    put_node("12", "sum", NULL);
    CHECK(!read_graph(&nodes) && nodes.nb_nodes == 5);
    CHECK(ff_style_find_node(&nodes, (StyleSpan){(const uint8_t *)"last", 4}) == 3);
    CHECK(ff_style_find_node(&nodes, (StyleSpan){(const uint8_t *)"las", 3}) == -1);
    CHECK(nodes.nodes[0].nb_inputs == 2 && nodes.nodes[0].nb_controls == 1);
    CHECK(nodes.nodes[0].inputs[0].node == 1 && nodes.nodes[0].inputs[0].output == 12);
    CHECK(nodes.nodes[0].controls[0].node == 3 && nodes.nodes[0].controls[0].output == -1);
    CHECK(nodes.nodes[1].nb_uses == 3 && nodes.nodes[2].nb_uses == 2 && !nodes.nodes[4].nb_uses);
    CHECK(nodes.nodes[1].uses[0].node == 0 && nodes.nodes[1].uses[0].output == 12);
    CHECK(nodes.nodes[1].uses[2].node == 3 && nodes.nodes[1].uses[2].slot == 1);
    for (int i = 0; i < 5; i++)
        place[nodes.order[i]] = i;
    CHECK(place[2] < place[1] && place[1] < place[3] && place[3] < place[0] && place[0] < place[4]);
    ff_style_free_nodes(&test_context, &nodes);
}

static void check_refused(const char *words)
{
    StyleNodes nodes;

    CHECK(read_graph(&nodes) == -EBADMSG);
    CHECK_MESSAGE(words);
    ff_style_free_nodes(&test_context, &nodes);
}

static void test_refusals(void)
{
    static const char *const inputs[] = {"missing", "^missing", ":0", "^", "b:", "b:1000000", ""};

    for (int i = 0; *inputs[i]; i++) {
        graph.size = 0;
        put_node("a", inputs[i], NULL);
        put_node("b", "", NULL);
        check_refused("not in the graph");
    }
    graph.size = 0;
    put_node("a", "", NULL);
    put_node("a", "", NULL);
    check_refused("two nodes by the name 'a'");
    graph.size = 0;
    put_node("a", "a", NULL);
    check_refused("circle");
    graph.size = 0;
    put_node("a", "b", NULL);
    put_node("b", "c", NULL);
    put_node("c", "^a", NULL);
    check_refused("circle");
}

/** A chain this deep would overflow a stack that recursion grows. */
static void test_deep(void)
{
    enum { COUNT = 200000 };
    StyleNodes nodes;
    char name[32], source[32] = "";

    graph.size = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "node%d", i);
        put_node(name, source, NULL);
        snprintf(source, sizeof(source), "%s", name);
    }
    CHECK(!read_graph(&nodes) && nodes.order[COUNT - 1] == COUNT - 1);
    ff_style_free_nodes(&test_context, &nodes);
}

static void test_attributes(void)
{
    StyleMessage attrs = empty, value = empty, list = empty;
    int64_t numbers[4] = {0};
    StyleNodes nodes;
    const StyleNode *node;

    ff_style_put_number(&value, ATTR_INT, -7);
    put_attr(&attrs, "int", &value);
    ff_style_put_number(&value, ATTR_BOOL, 1);
    put_attr(&attrs, "bool", &value);
    ff_style_put_number(&value, ATTR_TYPE, FF_STYLE_DT_HALF);
    put_attr(&attrs, "type", &value);
    ff_style_put_float(&value, ATTR_FLOAT, 0.25f);
    put_attr(&attrs, "float", &value);
    ff_style_put_text(&value, ATTR_BYTES, "SAME");
    put_attr(&attrs, "text", &value);
    ff_style_put_number(&list, 3, 1);
    ff_style_put_bytes(&list, 3, "\x02\x03", 2);
    put_inner(&value, ATTR_LIST, &list);
    put_attr(&attrs, "ints", &value);
    graph.size = 0;
    put_node("a", "", &attrs);
    CHECK(!read_graph(&nodes));
    node = nodes.nodes;
    CHECK(ff_style_attr_int(node, "int", 5) == -7 && ff_style_attr_int(node, "bool", 5) == 5);
    CHECK(ff_style_attr_bool(node, "bool", 0) == 1 && ff_style_attr_bool(node, "int", 0) == 0);
    CHECK(ff_style_attr_type(node, "type") == FF_STYLE_DT_HALF && !ff_style_attr_type(node, "no"));
    CHECK(ff_style_attr_float(node, "float", 1) == 0.25f);
    CHECK(ff_style_attr_float(node, "text", 1) == 1);
    CHECK(ff_style_attr_is(node, "text", "SAME", 0) && !ff_style_attr_is(node, "text", "SAM", 1));
    CHECK(ff_style_attr_is(node, "no", "SAME", 1) && !ff_style_attr_text(node, "no").data);
    CHECK(ff_style_attr_ints(node, "ints", 4, numbers) == 3);
    CHECK(numbers[0] == 1 && numbers[1] == 2 && numbers[2] == 3);
    CHECK(ff_style_attr_ints(node, "ints", 1, numbers) == 2);
    CHECK(!ff_style_attr_ints(node, "int", 4, numbers));
    ff_style_free_nodes(&test_context, &nodes);
}

/** Reads a tensor of this type and shape back from a node; `rest` are more fields of its message. */
static int read_tensor(int type, const char *dims, StyleMessage *rest, StyleNodes *nodes,
                       StyleTensor *tensor)
{
    StyleMessage attrs = empty, value = empty, message = empty, shape = shape_of_digits(dims);

    ff_style_put_number(&message, 1, type);
    put_inner(&message, 2, &shape);
    ff_style_put_raw(&message, rest->data, rest->size);
    ff_style_free(&graph_context, rest->data);
    *rest = empty;
    put_inner(&value, ATTR_TENSOR, &message);
    put_attr(&attrs, "value", &value);
    graph.size = 0;
    put_node("a", "", &attrs);
    CHECK(!read_graph(nodes));
    return ff_style_attr_tensor(nodes->nodes, "value", tensor);
}

static void test_content(void)
{
    // 1, -2, infinity and the smallest number of half precision
    static const uint8_t halves[] = {0, 0x3c, 0, 0xc0, 0, 0x7c, 1, 0};
    StyleMessage rest = empty;
    StyleNodes nodes;
    StyleTensor tensor;
    double values[4];

    ff_style_put_bytes(&rest, 4, halves, sizeof(halves));
    CHECK(read_tensor(FF_STYLE_DT_HALF, "22", &rest, &nodes, &tensor));
    CHECK(tensor.count == 4 && tensor.dims.rank == 2 && tensor.content.size == 8);
    CHECK(!ff_style_tensor_numbers(&tensor, 4, values));
    CHECK(values[0] == 1 && values[1] == -2 && values[2] > 1e38 && values[3] == 1. / 16777216);
    ff_style_free_nodes(&test_context, &nodes);

    ff_style_put_bytes(&rest, 4, halves, sizeof(halves));
    CHECK(!read_tensor(FF_STYLE_DT_HALF, "23", &rest, &nodes, &tensor)); // not enough
    ff_style_free_nodes(&test_context, &nodes);
    CHECK(!read_tensor(FF_STYLE_DT_FLOAT, "2?", &rest, &nodes, &tensor));
    ff_style_free_nodes(&test_context, &nodes);
    CHECK(!read_tensor(FF_STYLE_DT_FLOAT, "999999999", &rest, &nodes, &tensor)); // dimensions
    ff_style_free_nodes(&test_context, &nodes);
}

static void test_lists(void)
{
    StyleMessage rest = empty;
    StyleNodes nodes;
    StyleTensor tensor;
    double values[4];

    ff_style_put_float(&rest, 5, 3);
    ff_style_put_bytes(&rest, 5, "\0\0\x80\x3f\0\0\0\x40", 8); // packed: 1, 2
    CHECK(read_tensor(FF_STYLE_DT_FLOAT, "4", &rest, &nodes, &tensor));
    CHECK(!ff_style_tensor_numbers(&tensor, 4, values));
    CHECK(values[0] == 3 && values[1] == 1 && values[2] == 2 && values[3] == 2); // the last goes on
    ff_style_free_nodes(&test_context, &nodes);

    ff_style_put_number(&rest, 7, -5);
    CHECK(read_tensor(FF_STYLE_DT_INT32, "", &rest, &nodes, &tensor) && tensor.count == 1);
    CHECK(!ff_style_tensor_numbers(&tensor, 4, values) && values[0] == -5);
    ff_style_free_nodes(&test_context, &nodes);

    ff_style_put_bytes(&rest, 5, "\0\0\x80", 3); // cut short
    CHECK(read_tensor(FF_STYLE_DT_FLOAT, "4", &rest, &nodes, &tensor));
    CHECK(ff_style_tensor_numbers(&tensor, 4, values) == -EBADMSG);
    ff_style_free_nodes(&test_context, &nodes);

    CHECK(read_tensor(FF_STYLE_DT_INT64, "3", &rest, &nodes, &tensor)); // nothing is listed
    CHECK(!ff_style_tensor_numbers(&tensor, 3, values) && values[0] == 0 && values[2] == 0);
    ff_style_free_nodes(&test_context, &nodes);

    CHECK(read_tensor(FF_STYLE_DT_STRING, "", &rest, &nodes, &tensor));
    CHECK(ff_style_tensor_numbers(&tensor, 1, values) == -EBADMSG);
    ff_style_free_nodes(&test_context, &nodes);
}

static void test_without_memory(void)
{
    StyleNodes nodes;
    int ret, i = 0;

    graph.size = 0;
    put_node("a", "", NULL);
    put_node("b", "a ^a", NULL);
    do {
        test_fail_at = ++i;
        ret = read_graph(&nodes);
        ff_style_free_nodes(&test_context, &nodes);
        CHECK(!ret || ret == -ENOMEM);
    } while (ret);
    test_fail_at = 0;
    CHECK(i == 7 && !test_blocks);
}

int main(void)
{
    test_inputs_and_order();
    test_refusals();
    test_deep();
    test_attributes();
    test_content();
    test_lists();
    test_without_memory();
    ff_style_free(&graph_context, graph.data);
    CHECK(!test_blocks);
    return 0;
}
