/*
 * Graphs as they are written, for tests: nodes, attributes and constants.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_TEST_GRAPHS_H
#define FF_STYLE_TEST_GRAPHS_H

#include "graph/nodes.h"
#include "test.h"

/* Memory that no test counts, or lets fail. */

static inline void *graph_alloc(void *opaque, size_t size)
{
    (void)opaque;
    return malloc(size);
}

static inline void graph_free(void *opaque, void *ptr)
{
    (void)opaque;
    free(ptr);
}

static const StyleContext graph_context = {NULL, test_log, graph_alloc, graph_free, 0};
static const StyleMessage empty = {.ctx = &graph_context};

/** Appends a message, and empties it. */
static inline void put_inner(StyleMessage *outer, unsigned field, StyleMessage *inner)
{
    ff_style_put_message(outer, field, inner);
    ff_style_free(&graph_context, inner->data);
    *inner = empty;
}

/** Appends an attribute to a node; the value is empty then. */
static inline void put_attr(StyleMessage *node, const char *name, StyleMessage *value)
{
    StyleMessage attr = empty;

    ff_style_put_text(&attr, MAP_KEY, name);
    put_inner(&attr, MAP_VALUE, value);
    put_inner(node, NODE_ATTR, &attr);
}

/** An attribute that is a number, or counts a type. */
static inline void put_number(StyleMessage *node, const char *name, unsigned kind, int64_t number)
{
    StyleMessage value = empty;

    ff_style_put_number(&value, kind, number);
    put_attr(node, name, &value);
}

/** A node with inputs, words of a text; put_inner() appends it to a graph as GRAPH_NODE. */
static inline StyleMessage begin_node(const char *name, const char *op, const char *inputs)
{
    StyleMessage node = empty;

    ff_style_put_text(&node, NODE_NAME, name);
    ff_style_put_text(&node, NODE_OP, op);
    for (size_t size; *inputs; inputs += size + (inputs[size] == ' ')) {
        size = strcspn(inputs, " ");
        ff_style_put_bytes(&node, NODE_INPUT, inputs, size);
    }
    return node;
}

/** Appends a constant that is a text. */
static inline void put_text(StyleMessage *graph, const char *name, const char *text)
{
    StyleMessage node = begin_node(name, "Const", ""), value = empty, tensor = empty;

    ff_style_put_text(&tensor, 8, text);
    put_inner(&value, ATTR_TENSOR, &tensor);
    put_attr(&node, "value", &value);
    put_inner(graph, GRAPH_NODE, &node);
}

/** A shape as TensorShapeProto; a size of -1 is not known. */
static inline StyleMessage shape_of(int rank, const int *sizes)
{
    StyleMessage shape = empty, dim = empty;

    for (int i = 0; i < rank; i++) {
        ff_style_put_number(&dim, 1, sizes[i]);
        put_inner(&shape, 2, &dim);
    }
    return shape;
}

/** The same of digits; '?' is not known. */
static inline StyleMessage shape_of_digits(const char *digits)
{
    int sizes[16], rank = 0;

    for (; digits[rank]; rank++)
        sizes[rank] = digits[rank] == '?' ? -1 : digits[rank] - '0';
    return shape_of(rank, sizes);
}

#endif
