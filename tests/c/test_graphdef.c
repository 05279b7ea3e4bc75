/*
 * Models' files: what is read of them, and what is refused.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <sys/stat.h>

#include "graphs.h"

static char folder[1024], path[1100];
static StyleMessage graph = {.ctx = &graph_context};

static int read_file(size_t max_size)
{
    StyleGraphDef file;
    int ret;

    *test_message = 0;
    ret = ff_style_read_graphdef(&test_context, path, max_size, &file);
    ff_style_free(&test_context, file.data);
    CHECK(!test_blocks);
    CHECK(ret == 0 || *test_message);
    return ret;
}

static int read_bytes(const void *bytes, size_t size)
{
    test_write_file(path, bytes, size);
    return read_file(1 << 20);
}

static void put_node(const char *name, const char *op)
{
    StyleMessage node = begin_node(name, op, "");

    put_inner(&graph, GRAPH_NODE, &node);
}

static void make_graph(void)
{
    graph.size = 0;
    put_node("frame", "Placeholder");
    put_node("styled", "Identity");
    put_text(&graph, "model_card", "{\"name\": \"sea\"}");
}

static void finds_the_card(void)
{
    StyleGraphDef file;

    make_graph();
    test_write_file(path, graph.data, graph.size);
    CHECK(ff_style_read_graphdef(&test_context, path, graph.size, &file) == 0);
    CHECK(file.card_size == 15 && !memcmp(file.card, "{\"name\": \"sea\"}", 15));
    ff_style_free(&test_context, file.data);
}

static void refuses_other_files(void)
{
    static const uint8_t png[] = "\x89PNG\r\n\x1a\n", saved_model[] = {8, 1, 0x12, 0};

    CHECK(read_bytes("", 0) == -EBADMSG);
    CHECK_MESSAGE("empty");
    CHECK(read_bytes(png, sizeof(png)) == -EBADMSG);
    CHECK_MESSAGE("no frozen TensorFlow graph");
    CHECK(read_bytes(saved_model, sizeof(saved_model)) == -EBADMSG);
    CHECK_MESSAGE("SavedModel");
    CHECK(read_bytes("\x22\0", 2) == -EBADMSG); // versions only
    CHECK_MESSAGE("no node");

    make_graph();
    test_write_file(path, graph.data, graph.size);
    CHECK(read_file(graph.size - 1) == -EFBIG);
    CHECK_MESSAGE("the limit is");

    remove(path);
    CHECK(read_file(1 << 20) == -ENOENT);
    CHECK(mkdir(path, 0777) == 0 && read_file(1 << 20) == -EBADMSG);
    CHECK_MESSAGE("folder");
    remove(path);
    CHECK(mkfifo(path, 0600) == 0 && read_file(1 << 20) == -EBADMSG); // and does not wait
    CHECK_MESSAGE("regular");
    remove(path);
}

static void refuses_operations(void)
{
    static const char *const ops[] = {"ReadFile", "WriteFile", "PyFunc", "Save", "Abort", "While"};
    static const char *const others[] = {"Conv", "Conv2DX", "conv2d", "", "A", "Zzz"};

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
        make_graph();
        put_node("intruder", ops[i]);
        CHECK(read_bytes(graph.data, graph.size) == -EBADMSG);
        CHECK_MESSAGE(ops[i]);
        CHECK_MESSAGE("intruder");
        CHECK(!ff_style_op_is_allowed(ops[i], strlen(ops[i])));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        CHECK(!ff_style_op_is_allowed(others[i], strlen(others[i])));
    CHECK(ff_style_op_is_allowed("Conv2D", 6));
    CHECK(ff_style_op_is_allowed("Abs", 3) && ff_style_op_is_allowed("ZerosLike", 9));
    CHECK(!ff_style_op_is_allowed("Conv2D\0Save", 11));
}

/** A second `op` in a node: whichever a reader takes, both are looked at. */
static void refuses_two_operations_in_one(void)
{
    StyleMessage node = begin_node("intruder", "Identity", "");

    make_graph();
    ff_style_put_text(&node, NODE_OP, "WriteFile");
    put_inner(&graph, GRAPH_NODE, &node);
    CHECK(read_bytes(graph.data, graph.size) == -EBADMSG);
    CHECK_MESSAGE("WriteFile");
}

static void refuses_functions(void)
{
    StyleMessage signature = empty, function = empty, library = empty;

    make_graph();
    put_inner(&graph, 2, &library); // an empty one is what TensorFlow writes
    CHECK(read_bytes(graph.data, graph.size) == 0);
    ff_style_put_text(&signature, 1, "called");
    put_inner(&function, 1, &signature);
    put_inner(&library, 1, &function);
    put_inner(&graph, 2, &library);
    CHECK(read_bytes(graph.data, graph.size) == -EBADMSG);
    CHECK_MESSAGE("called");
}

/** Cut anywhere but between two nodes, the file is refused; there, TensorFlow will miss what is gone. */
static void refuses_every_cut(void)
{
    size_t ends[3], refused = 0;

    graph.size = 0;
    put_node("frame", "Placeholder");
    ends[0] = graph.size;
    put_node("styled", "Identity");
    ends[1] = graph.size;
    put_text(&graph, "model_card", "{}");
    for (size_t size = 0; size < graph.size; size++)
        if (size != ends[0] && size != ends[1]) {
            CHECK(read_bytes(graph.data, size) == -EBADMSG);
            refused++;
        }
    CHECK(refused == graph.size - 2);
}

static void survives_every_change(void)
{
    make_graph();
    for (size_t i = 0; i < graph.size; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            graph.data[i] ^= (uint8_t)(1 << bit);
            read_bytes(graph.data, graph.size);
            graph.data[i] ^= (uint8_t)(1 << bit);
        }
}

static void refuses_odd_numbers(void)
{
    static const char *const odd[] = {
        "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a length of 2^64 - 1
        "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", // a varint without an end
        "\x0b\x0c",                                     // a group
        "\x32\x01a",                                    // field 6
    };

    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
        CHECK(read_bytes(odd[i], strlen(odd[i])) == -EBADMSG);
}

int main(int argc, char **argv)
{
    snprintf(folder, sizeof(folder), "%s/graphdef", test_folder(argc, argv));
    mkdir(folder, 0777);
    snprintf(path, sizeof(path), "%s/model.pb", folder);
    remove(path);
    finds_the_card();
    refuses_other_files();
    refuses_operations();
    refuses_two_operations_in_one();
    refuses_functions();
    refuses_every_cut();
    survives_every_change();
    refuses_odd_numbers();
    ff_style_free(&graph_context, graph.data);
    return 0;
}
