/*
 * Refuses graphs that ask for more than a machine has.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../base/groups.h"
#include "budget.h"
#include "small.h"

/* More outputs than a node of a style network has, more nodes than a network, and more bytes than there are. */
#define MAX_OUTPUTS 4096
#define MAX_NODES 100000
// Rows or columns of a pooling's window, or of a block: TensorFlow goes over all of a window for each value.
#define MAX_WINDOW 1024
#define MAX_BYTES FF_STYLE_NO_LIMIT

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/** Bytes that a limit of the address space leaves; without one, as many as there are. */
static int64_t free_addresses(void)
{
    const int64_t page = sysconf(_SC_PAGESIZE), mapped = ff_style_read_number("/proc/self/statm");
    struct rlimit limit;
    int64_t most;

    if (getrlimit(RLIMIT_AS, &limit) || limit.rlim_cur >= (rlim_t)MAX_BYTES)
        return MAX_BYTES;
    most = (int64_t)limit.rlim_cur;
    return mapped < most / page ? most - mapped * page : 0;
}

int64_t ff_style_free_memory(void)
{
    const int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    const int64_t machine = pages > 0 && page > 0 ? pages * page : MAX_BYTES;

    // The rest of memory is for those who share the machine, that of addresses for libraries and threads.
    return smaller(smaller(machine, ff_style_group_memory("")) / 4 * 3, free_addresses() / 2);
}

/** How many inputs or outputs a node says that it has; -1: it does not say. */
static int64_t said_count(const StyleNode *node, int *is_outputs)
{
    static const struct {
        const char *op, *attribute;
        int is_outputs;
    } counts[] = {
        {"AccumulateNV2", "N", 0}, {"AddN", "N", 0},          {"Concat", "N", 0},
        {"ConcatV2", "N", 0},      {"Einsum", "N", 0},        {"Pack", "N", 0},
        {"ShapeN", "N", 0},        {"Split", "num_split", 1}, {"SplitV", "num_split", 1},
        {"Unpack", "num", 1},
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        if (ff_style_node_is(node, counts[i].op)) {
            *is_outputs = counts[i].is_outputs;
            return ff_style_attr_int(node, counts[i].attribute, -1);
        }
    return -1;
}

static int check_count(const StyleContext *ctx, const char *path, const StyleNode *node)
{
    int is_outputs = 0;
    const int64_t count = said_count(node, &is_outputs);

    if (count < 0 || (is_outputs ? count <= MAX_OUTPUTS : count <= node->nb_inputs))
        return 0;
    return ff_style_error(
        ctx, -EBADMSG,
        "model '%s': the node '%.*s' (%.*s) says that it has %lld %s; expected at "
        "most %d",
        path, FF_STYLE_SPAN_ARGUMENTS(node->name), FF_STYLE_SPAN_ARGUMENTS(node->op),
        (long long)count, is_outputs ? "outputs" : "inputs",
        is_outputs ? MAX_OUTPUTS : node->nb_inputs);
}

/** The sizes that a node gives its window, or its blocks; returns how many there are. */
static int window_sizes(const StyleNodes *nodes, const StyleNode *node, int64_t sizes[4])
{
    double numbers[4];
    StyleTensor tensor;

    if (ff_style_node_is(node, "AvgPool") || ff_style_node_is(node, "MaxPool"))
        return ff_style_attr_ints(node, "ksize", 4, sizes);
    if (ff_style_node_is(node, "DepthToSpace") || ff_style_node_is(node, "SpaceToDepth")) {
        *sizes = ff_style_attr_int(node, "block_size", 0);
        return 1;
    }
    if ((ff_style_node_is(node, "BatchToSpaceND") || ff_style_node_is(node, "SpaceToBatchND")) &&
        node->nb_inputs > 1 &&
        ff_style_attr_tensor(&nodes->nodes[node->inputs[1].node], "value", &tensor) &&
        tensor.count <= 4 && ff_style_tensor_numbers(&tensor, tensor.count, numbers) >= 0) {
        for (size_t i = 0; i < tensor.count; i++)
            sizes[i] = ff_style_whole(numbers[i]);
        return (int)tensor.count;
    }
    return 0;
}

static int check_window(const StyleContext *ctx, const char *path, const StyleNodes *nodes,
                        const StyleNode *node)
{
    int64_t sizes[4];
    const int count = window_sizes(nodes, node, sizes);

    for (int i = 0; i < count && i < 4; i++)
        if (sizes[i] > MAX_WINDOW)
            return ff_style_error(
                ctx, -EBADMSG,
                "model '%s': the node '%.*s' (%.*s) has a window of %lld; expected "
                "at most %d",
                path, FF_STYLE_SPAN_ARGUMENTS(node->name), FF_STYLE_SPAN_ARGUMENTS(node->op),
                (long long)sizes[i], MAX_WINDOW);
    return 0;
}

/** The shapes of the graph for frames of any size, or of one. */
static int find_shapes(const StyleContext *ctx, const StyleNodes *nodes,
                       const StyleSignature *signature, int width, int height, StyleShapes *shapes)
{
    const StyleDims last = {4, {1, height, width, 3}}, first = {4, {1, 3, height, width}};

    return ff_style_find_shapes(ctx, nodes, signature->input.source.node,
                                signature->input.channels_first ? &first : &last, shapes);
}

static int check_sizes(const StyleContext *ctx, const char *path, const StyleNodes *nodes,
                       const StyleSignature *signature, const StyleShapes *shapes,
                       int64_t max_memory)
{
    int64_t constants = 0;

    for (int i = 0; i < nodes->nb_nodes; i++) {
        const StyleNode *const node = &nodes->nodes[i];
        int64_t bytes;
        StyleTensor tensor;

        if (!signature->needed[i])
            continue;
        bytes = ff_style_node_bytes(nodes, shapes, i);
        if (ff_style_node_is(node, "Const")) {
            if (!ff_style_attr_tensor(node, "value", &tensor))
                return ff_style_error(ctx, -EBADMSG,
                                      "model '%s': the constant '%.*s' makes no sense: its shape "
                                      "and its content don't belong together, or it is larger than "
                                      "any machine",
                                      path, FF_STYLE_SPAN_ARGUMENTS(node->name));
            bytes = constants = smaller(constants, MAX_BYTES / 2) + smaller(bytes, MAX_BYTES / 2);
        }
        if (bytes > max_memory)
            return ff_style_error(ctx, -EFBIG,
                                  "model '%s': the node '%.*s' (%.*s) takes %.1f GB whatever the "
                                  "frame, or has a size below 0, and the limit is %.1f GB",
                                  path, FF_STYLE_SPAN_ARGUMENTS(node->name),
                                  FF_STYLE_SPAN_ARGUMENTS(node->op), (double)bytes / 1e9,
                                  (double)max_memory / 1e9);
    }
    return 0;
}

int ff_style_check_budget(const StyleContext *ctx, const char *path, const StyleNodes *nodes,
                          const StyleSignature *signature, int64_t max_memory)
{
    StyleShapes shapes = {NULL};
    int ret = 0;

    if (nodes->nb_nodes > MAX_NODES)
        return ff_style_error(ctx, -EBADMSG,
                              "model '%s' has %d nodes; expected a style network, of %d at most",
                              path, nodes->nb_nodes, MAX_NODES);
    for (int i = 0; i < nodes->nb_nodes && ret >= 0; i++)
        if ((ret = check_count(ctx, path, &nodes->nodes[i])) >= 0)
            ret = check_window(ctx, path, nodes, &nodes->nodes[i]);
    if (ret >= 0)
        ret = find_shapes(ctx, nodes, signature, -1, -1, &shapes);
    if (ret >= 0)
        ret = check_sizes(ctx, path, nodes, signature, &shapes, max_memory);
    ff_style_free(ctx, shapes.nodes);
    return ret;
}

/** Operations that TensorFlow writes into the memory of their input, when nobody else needs that. */
static int is_in_place(const StyleNode *node)
{
    static const char *const ops[] = {"Add",      "AddV2",   "BiasAdd", "Elu",   "ExpandDims",
                                      "Identity", "Maximum", "Minimum", "Mul",   "RealDiv",
                                      "Relu",     "Relu6",   "Reshape", "Round", "Sigmoid",
                                      "Squeeze",  "Sub",     "Tanh"};

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        if (ff_style_node_is(node, ops[i]))
            return 1;
    return 0;
}

/** A walk through the nodes in the order in which they run. */
typedef struct Walk {
    const StyleNodes *nodes;
    const StyleShapes *shapes;
    int *uses; ///< of each node, that are still to come
    int64_t live, peak;
} Walk;

/** Lets go of what the node was the last to take. */
static void release_inputs(Walk *walk, const StyleNode *node)
{
    for (int i = 0; i < node->nb_inputs; i++)
        if (!--walk->uses[node->inputs[i].node])
            walk->live -= ff_style_node_bytes(walk->nodes, walk->shapes, node->inputs[i].node);
}

static void run_node(Walk *walk, int number)
{
    const StyleNode *const node = &walk->nodes->nodes[number];
    const int in_place = is_in_place(node);
    const int64_t bytes = ff_style_node_bytes(walk->nodes, walk->shapes, number);

    if (in_place)
        release_inputs(walk, node);
    walk->live = smaller(walk->live, MAX_BYTES / 2) + smaller(bytes, MAX_BYTES / 2);
    walk->peak = walk->live > walk->peak ? walk->live : walk->peak;
    if (!in_place)
        release_inputs(walk, node);
}

int64_t ff_style_frame_bytes(const StyleContext *ctx, const StyleNodes *nodes,
                             const StyleSignature *signature, int width, int height)
{
    StyleShapes shapes = {NULL};
    Walk walk = {nodes, &shapes, ff_style_alloc(ctx, (size_t)nodes->nb_nodes * sizeof(int)), 0, 0};
    int ret = walk.uses ? find_shapes(ctx, nodes, signature, width, height, &shapes) : -ENOMEM;

    for (int i = 0; i < nodes->nb_nodes && ret >= 0; i++)
        for (int k = 0; k < nodes->nodes[i].nb_inputs && signature->needed[i]; k++)
            walk.uses[nodes->nodes[i].inputs[k].node]++;
    for (int i = 0; i < nodes->nb_nodes && ret >= 0; i++)
        if (signature->needed[nodes->order[i]])
            run_node(&walk, nodes->order[i]);
    ff_style_free(ctx, walk.uses);
    ff_style_free(ctx, shapes.nodes);
    return ret < 0 ? ret : walk.peak;
}
