/*
 * What the tests of the engine share: checks, messages caught, counted memory, small model files.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_TEST_H
#define FF_STYLE_TEST_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/common.h"

/** Ends the program when the condition does not hold, and says where. */
#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: %s: not so: %s\n(last message: %s)\n", __FILE__, __LINE__, \
                    __func__, #condition, test_message);                                       \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

#define CHECK_MESSAGE(words) CHECK(strstr(test_message, words))

/** The last message of level FF_STYLE_LOG_WARNING or worse. */
static char test_message[FF_STYLE_MESSAGE_SIZE];
static int test_errors;

static inline void test_log(void *opaque, StyleLogLevel level, const char *message)
{
    (void)opaque;
    if (level > FF_STYLE_LOG_WARNING)
        return;
    snprintf(test_message, sizeof(test_message), "%s", message);
    test_errors += level == FF_STYLE_LOG_ERROR;
}

/** How many blocks are allocated, and which allocation from now on fails: 1 is the next, 0 none. */
static _Atomic int test_blocks, test_fail_at; // several threads may submit

static inline void *test_alloc(void *opaque, size_t size)
{
    void *ptr;

    (void)opaque;
    if (test_fail_at && !--test_fail_at)
        return NULL;
    ptr = malloc(size);
    if (ptr)
        memset(ptr, 0xa5, size);
    test_blocks += ptr != NULL;
    return ptr;
}

static inline void test_free(void *opaque, void *ptr)
{
    (void)opaque;
    test_blocks -= ptr != NULL;
    free(ptr);
}

static const StyleContext test_context = {NULL, test_log, test_alloc, test_free, 0};

/** A GraphDef as it is written: see tensorflow/core/framework/graph.proto. */
typedef struct TestGraph {
    uint8_t bytes[1 << 16];
    size_t size;
} TestGraph;

static inline void test_put_varint(TestGraph *graph, size_t value)
{
    for (; value > 0x7f; value >>= 7)
        graph->bytes[graph->size++] = (uint8_t)(value | 0x80);
    graph->bytes[graph->size++] = (uint8_t)value;
}

static inline void test_put(TestGraph *graph, unsigned field, const void *bytes, size_t size)
{
    test_put_varint(graph, field << 3 | 2);
    test_put_varint(graph, size);
    memcpy(graph->bytes + graph->size, bytes, size);
    graph->size += size;
}

static inline void test_put_text(TestGraph *graph, unsigned field, const char *text)
{
    test_put(graph, field, text, strlen(text));
}

static inline void test_put_graph(TestGraph *graph, unsigned field, const TestGraph *inner)
{
    test_put(graph, field, inner->bytes, inner->size);
}

/** Appends an attribute to a node; `value` is the AttrValue as it is written. */
static inline void test_put_attr(TestGraph *node, const char *name, const TestGraph *value)
{
    static TestGraph attr;

    attr.size = 0;
    test_put_text(&attr, 1, name);
    test_put_graph(&attr, 2, value);
    test_put_graph(node, 5, &attr);
}

/**
 * Appends a node with inputs, words of a text, the type of its values as the attributes "T" and "dtype", and
 * its shape; a size of -1 is not known.
 */
static inline void test_put_tensor(TestGraph *graph, const char *name, const char *op,
                                   const char *inputs, unsigned type, int rank, const int *sizes)
{
    static TestGraph node, value, shape, dim;

    node.size = value.size = shape.size = 0;
    test_put_text(&node, 1, name);
    test_put_text(&node, 2, op);
    for (size_t size; *inputs; inputs += size + (inputs[size] == ' ')) {
        size = strcspn(inputs, " ");
        test_put(&node, 3, inputs, size);
    }
    test_put_varint(&value, 6 << 3);
    test_put_varint(&value, type);
    test_put_attr(&node, "T", &value);
    test_put_attr(&node, "dtype", &value);
    for (int i = 0; i < rank; i++) {
        dim.size = 0;
        test_put_varint(&dim, 1 << 3);
        test_put_varint(&dim, (size_t)(ptrdiff_t)sizes[i]);
        test_put_graph(&shape, 2, &dim);
    }
    value.size = 0;
    test_put_graph(&value, 7, &shape);
    test_put_attr(&node, "shape", &value);
    test_put_graph(graph, 1, &node);
}

/** Appends a node; `value` is the string that its attribute "value" holds, NULL: it has none. */
static inline void test_put_node(TestGraph *graph, const char *name, const char *op,
                                 const char *value)
{
    static TestGraph node, attr, attr_value, tensor;

    node.size = attr.size = attr_value.size = tensor.size = 0;
    test_put_text(&node, 1, name);
    test_put_text(&node, 2, op);
    if (value) {
        test_put_text(&tensor, 8, value);
        test_put_graph(&attr_value, 8, &tensor);
        test_put_text(&attr, 1, "value");
        test_put_graph(&attr, 2, &attr_value);
        test_put_graph(&node, 5, &attr);
    }
    test_put_graph(graph, 1, &node);
}

static inline void test_write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    CHECK(file && fwrite(bytes, 1, size, file) == size && !fclose(file));
}

#endif
