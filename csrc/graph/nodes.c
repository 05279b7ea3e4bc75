/*
 * Reads a GraphDef into nodes that know whom they take their inputs from.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nodes.h"

/* Far beyond any network's, and what is made for each fits into memory. */
#define MAX_NODES (1 << 20)
#define MAX_INPUTS (1 << 22)

static int compare_names(const void *a, const void *b)
{
    const StyleSpan left = ((const StyleNodeName *)a)->name;
    const StyleSpan right = ((const StyleNodeName *)b)->name;
    const size_t size = left.size < right.size ? left.size : right.size;
    const int difference = size ? memcmp(left.data, right.data, size) : 0;

    return difference ? difference : (left.size > right.size) - (left.size < right.size);
}

int ff_style_find_node(const StyleNodes *nodes, StyleSpan name)
{
    const StyleNodeName key = {name, 0};
    const StyleNodeName *const found =
        bsearch(&key, nodes->names, (size_t)nodes->nb_nodes, sizeof(key), compare_names);

    return found ? found->node : -1;
}

static int is_control(StyleSpan input)
{
    return input.size && *input.data == '^';
}

/** Splits "name:1", "name" or "^name". */
static StyleSource find_source(const StyleNodes *nodes, StyleSpan name)
{
    size_t digits = 0;
    int number = 0;

    if (is_control(name))
        return (StyleSource){ff_style_find_node(nodes, (StyleSpan){name.data + 1, name.size - 1}),
                             -1};
    for (int factor = 1; digits < name.size && digits < 6; digits++, factor *= 10) {
        const uint8_t digit = name.data[name.size - 1 - digits];

        if (digit < '0' || digit > '9')
            break;
        number += factor * (digit - '0');
    }
    if (!digits || digits == name.size || name.data[name.size - 1 - digits] != ':')
        return (StyleSource){ff_style_find_node(nodes, name), 0};
    name.size -= digits + 1;
    return (StyleSource){ff_style_find_node(nodes, name), number};
}

/** Returns 0, or -EBADMSG when there are more than any network has. */
static int count_fields(const StyleGraphDef *file, int *nb_nodes, int *nb_inputs)
{
    StyleSpan graph = {file->data, file->size}, node;
    StyleField field;

    *nb_nodes = *nb_inputs = 0;
    while (ff_style_take_field(&graph, &field) > 0) {
        if (field.number != GRAPH_NODE)
            continue;
        if (++*nb_nodes > MAX_NODES)
            return -EBADMSG;
        for (node = field.bytes; ff_style_take_field(&node, &field) > 0;)
            if (field.number == NODE_INPUT && ++*nb_inputs > MAX_INPUTS)
                return -EBADMSG;
    }
    return 0;
}

/** A list of at least one, so that none is no lack of memory. */
static void *alloc_list(const StyleContext *ctx, int count, size_t size)
{
    return ff_style_alloc(ctx, (size_t)(count + !count) * size);
}

static int open_nodes(const StyleContext *ctx, const StyleGraphDef *file, StyleNodes *nodes)
{
    int nb_inputs;

    *nodes = (StyleNodes){0};
    if (count_fields(file, &nodes->nb_nodes, &nb_inputs) < 0)
        return ff_style_error(ctx, -EBADMSG,
                              "model '%s' has more than %d nodes, or than %d inputs of nodes: no "
                              "style network is as large",
                              file->path, MAX_NODES, MAX_INPUTS);
    if (!(nodes->nodes = alloc_list(ctx, nodes->nb_nodes, sizeof(*nodes->nodes))) ||
        !(nodes->order = alloc_list(ctx, nodes->nb_nodes, sizeof(*nodes->order))) ||
        !(nodes->names = alloc_list(ctx, nodes->nb_nodes, sizeof(*nodes->names))) ||
        !(nodes->sources = alloc_list(ctx, nb_inputs, sizeof(*nodes->sources))) ||
        !(nodes->uses = alloc_list(ctx, nb_inputs, sizeof(*nodes->uses))))
        return -ENOMEM;
    return 0;
}

static int name_nodes(const StyleContext *ctx, const StyleGraphDef *file, StyleNodes *nodes)
{
    StyleSpan graph = {file->data, file->size};
    StyleField field;

    for (int i = 0; ff_style_take_field(&graph, &field) > 0;) {
        StyleNode *const node = &nodes->nodes[i];

        if (field.number != GRAPH_NODE)
            continue;
        node->message = field.bytes;
        ff_style_find_bytes(node->message, NODE_NAME, &node->name);
        ff_style_find_bytes(node->message, NODE_OP, &node->op);
        nodes->names[i] = (StyleNodeName){node->name, i};
        i++;
    }
    qsort(nodes->names, (size_t)nodes->nb_nodes, sizeof(*nodes->names), compare_names);
    for (int i = 1; i < nodes->nb_nodes; i++)
        if (!compare_names(&nodes->names[i - 1], &nodes->names[i]))
            return ff_style_error(ctx, -EBADMSG,
                                  "model '%s' has two nodes by the name '%.*s'; expected one",
                                  file->path, FF_STYLE_SPAN_ARGUMENTS(nodes->names[i].name));
    return 0;
}

/** The node's inputs of one kind, control inputs or others; returns how many there are, or -EBADMSG. */
static int read_inputs(const StyleContext *ctx, const StyleGraphDef *file, const StyleNodes *nodes,
                       const StyleNode *node, int control, StyleSource *sources)
{
    StyleSpan rest = node->message;
    StyleField field;
    int count = 0;

    while (ff_style_take_field(&rest, &field) > 0) {
        if (field.number != NODE_INPUT || is_control(field.bytes) != control)
            continue;
        sources[count] = find_source(nodes, field.bytes);
        if (sources[count++].node < 0)
            return ff_style_error(ctx, -EBADMSG,
                                  "model '%s': the node '%.*s' takes '%.*s', which is not in the "
                                  "graph; it was cut short, or is broken",
                                  file->path, FF_STYLE_SPAN_ARGUMENTS(node->name),
                                  FF_STYLE_SPAN_ARGUMENTS(field.bytes));
    }
    return count;
}

static int join_nodes(const StyleContext *ctx, const StyleGraphDef *file, StyleNodes *nodes)
{
    StyleSource *sources = nodes->sources;

    for (int i = 0; i < nodes->nb_nodes; i++) {
        StyleNode *const node = &nodes->nodes[i];

        node->inputs = sources;
        if ((node->nb_inputs = read_inputs(ctx, file, nodes, node, 0, sources)) < 0)
            return -EBADMSG;
        sources += node->nb_inputs;
        node->controls = sources;
        if ((node->nb_controls = read_inputs(ctx, file, nodes, node, 1, sources)) < 0)
            return -EBADMSG;
        sources += node->nb_controls;
    }
    return 0;
}

static void list_uses(StyleNodes *nodes)
{
    StyleUse *uses = nodes->uses;

    for (int i = 0; i < nodes->nb_nodes; i++)
        for (int slot = 0; slot < nodes->nodes[i].nb_inputs; slot++)
            nodes->nodes[nodes->nodes[i].inputs[slot].node].nb_uses++;
    for (int i = 0; i < nodes->nb_nodes; i++) {
        nodes->nodes[i].uses = uses;
        uses += nodes->nodes[i].nb_uses;
        nodes->nodes[i].nb_uses = 0;
    }
    for (int i = 0; i < nodes->nb_nodes; i++)
        for (int slot = 0; slot < nodes->nodes[i].nb_inputs; slot++) {
            const StyleSource source = nodes->nodes[i].inputs[slot];
            StyleNode *const from = &nodes->nodes[source.node];
            StyleUse *const first = nodes->uses + (from->uses - nodes->uses);

            first[from->nb_uses++] = (StyleUse){i, slot, source.output};
        }
}

/**
 * Depth first, on a stack of its own in `waiting`: `next` counts each node's inputs that were looked at, -1: it
 * is in the order. Control inputs count as well.
 */
static int order_from(StyleNodes *nodes, int root, int *waiting, int *next, int *ordered)
{
    int depth = 0;

    waiting[depth++] = root;
    while (depth) {
        const int at = waiting[depth - 1];
        const StyleNode *const node = &nodes->nodes[at];
        int source;

        if (next[at] == node->nb_inputs + node->nb_controls) {
            next[at] = -1;
            nodes->order[(*ordered)++] = at;
            depth--;
            continue;
        }
        source = node->inputs[next[at]++].node; // the controls lie behind the inputs
        if (next[source] > 0)                   // it waits already
            return -EBADMSG;
        if (!next[source])
            waiting[depth++] = source;
    }
    return 0;
}

static int order_nodes(const StyleContext *ctx, const StyleGraphDef *file, StyleNodes *nodes)
{
    int *const waiting = alloc_list(ctx, 2 * nodes->nb_nodes, sizeof(*waiting));
    int *const next = waiting ? waiting + nodes->nb_nodes : NULL;
    int ret = waiting ? 0 : -ENOMEM, ordered = 0;

    for (int i = 0; i < nodes->nb_nodes && ret >= 0; i++)
        if (next[i] >= 0 && (ret = order_from(nodes, i, waiting, next, &ordered)) < 0)
            ff_style_error(ctx, ret,
                           "model '%s': nodes wait for each other in a circle, '%.*s' among them "
                           "or behind it; expected a network without loops",
                           file->path, FF_STYLE_SPAN_ARGUMENTS(nodes->nodes[i].name));
    ff_style_free(ctx, waiting);
    return ret;
}

int ff_style_read_nodes(const StyleContext *ctx, const StyleGraphDef *file, StyleNodes *nodes)
{
    int ret = open_nodes(ctx, file, nodes);

    if (ret < 0 || (ret = name_nodes(ctx, file, nodes)) < 0 ||
        (ret = join_nodes(ctx, file, nodes)) < 0)
        return ret;
    list_uses(nodes);
    return order_nodes(ctx, file, nodes);
}

void ff_style_free_nodes(const StyleContext *ctx, StyleNodes *nodes)
{
    ff_style_free(ctx, nodes->nodes);
    ff_style_free(ctx, nodes->order);
    ff_style_free(ctx, nodes->names);
    ff_style_free(ctx, nodes->sources);
    ff_style_free(ctx, nodes->uses);
    *nodes = (StyleNodes){0};
}
