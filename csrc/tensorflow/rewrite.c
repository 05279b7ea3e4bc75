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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../graph/proto.h"
#include "operations.h"
#include "rewrite.h"

#define NOTHING "ffmpeg_style/nothing" // an empty tensor, for what an operation is to do without
#define ONE "ffmpeg_style/one"

/* More field numbers, of attr_value.proto and tensor.proto. */
enum { LIST_INT = 3 };
enum { TENSOR_TYPE = 1, TENSOR_SHAPE = 2, TENSOR_FLOAT = 5, SHAPE_DIM = 2, DIM_SIZE = 1 };

#define DEFAULT_EPSILON 1e-4f // of FusedBatchNormV3

/** What becomes of a node. */
typedef enum Fate {
    KEPT,
    DROPPED,   ///< the operation of another node does what it did
    CONV,      ///< a convolution
    APPLIED,   ///< the last of a norm, a ReLU and a sum, whose result is needed as it is
    RETYPED,   ///< a Reshape, or a Shape, that takes what type it is given
    NORMED,    ///< the last of the same, with no convolution of ours in front
    BYTES,     ///< a Sub of bytes as floats: the convolutions take the bytes, and subtract
    PIXELS,    ///< the Cast to bytes behind a scaled and clipped Tanh, or the BiasAdd before that
    MOVED,     ///< a Reshape or the like in between, which has bytes to move then
    PASSED,    ///< that Cast, for which nothing is left then
    REFLECTED, ///< a ConcatV2 of bytes and, on both sides, a slice of them, reversed
} Fate;

/** A node's input: output number `output` of node `node`. */
typedef struct Input {
    StyleSpan text;
    int node, output;
} Input;

/** One place where a node's result is taken: input number `slot` of node `node`. */
typedef struct Use {
    int node, slot;
} Use;

typedef struct Node {
    StyleSpan whole, name, op;
    int first_input, nb_inputs;
    int first_use, nb_uses; ///< of any output
    int other_uses;         ///< of outputs but the first
    Fate fate;
    // Of a convolution:
    int transposed, stride;
    int norm; ///< the norm behind it, -1: none; of the last of what is joined with a norm: that norm
    // Of that last one:
    int conv;  ///< that the norm stands behind
    int relu;  ///< a ReLU follows the norm
    int added; ///< input number of the sum that is not the norm, -1: there is no sum
    float epsilon;
    int left_to_convs; ///< the convolutions that take it bring their image to the norm themselves
    int carrier;       ///< one convolution that does so, for the others as well; -1: none
    int is_kept;       ///< there are others
    // Of the ends:
    StyleSpan bytes; ///< what gives them
    int first_end;   ///< the Tanh
    int next_end;    ///< the node behind, up to the Cast
    int borders[2];  ///< of a REFLECTED: the slices
    // Of any node:
    int is_ours; ///< its result is taken by operations of ours only
} Node;

typedef struct Rewrite {
    const StyleContext *ctx;
    const StyleGraphDef *file;
    Node *nodes;
    Input *inputs;
    Use *uses;
    int *by_name;
    int nb_nodes, nb_inputs;
    StyleRewriting rewriting;
    StyleMessage graph, node, attr, value, inner; ///< what is being written
} Rewrite;

/* Reading */

static StyleSpan find_attr(const Node *node, const char *name)
{
    StyleSpan rest = node->whole, key, value = {NULL, 0};
    StyleField field;

    while (ff_style_take_field(&rest, &field) > 0)
        if (field.number == NODE_ATTR && field.type == FF_STYLE_BYTES &&
            ff_style_find_bytes(field.bytes, MAP_KEY, &key) >= 0 && ff_style_span_is(key, name))
            ff_style_find_bytes(field.bytes, MAP_VALUE, &value);
    return value;
}

/** The field of this number in an attribute's value; its number is 0 when there is none. */
static StyleField find_value(const Node *node, const char *name, unsigned number)
{
    StyleSpan rest = find_attr(node, name);
    StyleField field, found = {0};

    while (rest.size && ff_style_take_field(&rest, &field) > 0)
        if (field.number == number)
            found = field;
    return found;
}

static int attr_is_text(const Node *node, const char *name, const char *text, int by_default)
{
    const StyleField field = find_value(node, name, ATTR_BYTES);

    return field.number ? ff_style_span_is(field.bytes, text) : by_default;
}

static int attr_is_float32(const Node *node, const char *name)
{
    return find_value(node, name, ATTR_TYPE).value == TF_FLOAT;
}

/** The numbers of a list attribute; how many, at most `max` of which are stored. */
static int read_list(const Node *node, const char *name, int max, int64_t *numbers)
{
    StyleSpan list = find_value(node, name, ATTR_LIST).bytes;
    StyleField field;
    uint64_t value;
    int count = 0;

    while (list.size && ff_style_take_field(&list, &field) > 0) {
        if (field.number != LIST_INT)
            continue;
        if (field.type == FF_STYLE_VARINT) {
            if (count++ < max)
                numbers[count - 1] = (int64_t)field.value;
            continue;
        }
        while (field.bytes.size && ff_style_take_varint(&field.bytes, &value) >= 0)
            if (count++ < max)
                numbers[count - 1] = (int64_t)value;
    }
    return count;
}

static int compare_spans(StyleSpan a, StyleSpan b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int difference = size ? memcmp(a.data, b.data, size) : 0;

    return difference ? difference : (a.size > b.size) - (a.size < b.size);
}

/** Sorts nodes' numbers by name: a heap sort, as qsort() has no argument for the nodes. */
static void sift_down(const Rewrite *r, int root, int end)
{
    for (int child; (child = 2 * root + 1) < end; root = child) {
        int *const order = r->by_name;
        const int moved = order[root];

        if (child + 1 < end &&
            compare_spans(r->nodes[order[child]].name, r->nodes[order[child + 1]].name) < 0)
            child++;
        if (compare_spans(r->nodes[moved].name, r->nodes[order[child]].name) >= 0)
            return;
        order[root] = order[child];
        order[child] = moved;
    }
}

static void sort_by_name(const Rewrite *r)
{
    for (int i = 0; i < r->nb_nodes; i++)
        r->by_name[i] = i;
    for (int i = r->nb_nodes / 2 - 1; i >= 0; i--)
        sift_down(r, i, r->nb_nodes);
    for (int end = r->nb_nodes - 1; end > 0; end--) {
        const int last = r->by_name[end];

        r->by_name[end] = r->by_name[0];
        r->by_name[0] = last;
        sift_down(r, 0, end);
    }
}

static int find_node(const Rewrite *r, StyleSpan name)
{
    int low = 0, high = r->nb_nodes;

    while (low < high) {
        const int middle = low + (high - low) / 2;
        const int difference = compare_spans(name, r->nodes[r->by_name[middle]].name);

        if (!difference)
            return r->by_name[middle];
        if (difference < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

/** Splits "name:1"; 0 for a control input, or a name that no node has. */
static int resolve(const Rewrite *r, Input *input)
{
    StyleSpan name = input->text;
    size_t digits = 0;
    int factor = 1;

    input->output = 0;
    while (digits < name.size && digits < 6 && name.data[name.size - 1 - digits] >= '0' &&
           name.data[name.size - 1 - digits] <= '9') {
        input->output += factor * (name.data[name.size - 1 - digits] - '0');
        factor *= 10;
        digits++;
    }
    if (digits && digits < name.size && name.data[name.size - 1 - digits] == ':')
        name.size -= digits + 1;
    else
        input->output = 0;
    input->node = find_node(r, name);
    return input->node >= 0;
}

static void count_fields(Rewrite *r)
{
    StyleSpan graph = {r->file->data, r->file->size}, node;
    StyleField field;

    while (ff_style_take_field(&graph, &field) > 0) {
        if (field.number != GRAPH_NODE)
            continue;
        r->nb_nodes++;
        for (node = field.bytes; ff_style_take_field(&node, &field) > 0;)
            r->nb_inputs += field.number == NODE_INPUT;
    }
}

static void read_node(Rewrite *r, Node *node, StyleSpan whole, int *nb_inputs)
{
    StyleField field;

    *node = (Node){.whole = whole,
                   .first_input = *nb_inputs,
                   .norm = -1,
                   .conv = -1,
                   .added = -1,
                   .carrier = -1};
    ff_style_find_bytes(whole, NODE_NAME, &node->name);
    ff_style_find_bytes(whole, NODE_OP, &node->op);
    while (ff_style_take_field(&whole, &field) > 0)
        if (field.number == NODE_INPUT)
            r->inputs[(*nb_inputs)++].text = field.bytes;
    node->nb_inputs = *nb_inputs - node->first_input;
}

static Input *input_of(const Rewrite *r, const Node *node, int slot)
{
    return &r->inputs[node->first_input + slot];
}

/** The place that takes a node's only result, when there is just one; its node is -1 otherwise. */
static Use only_use(const Rewrite *r, const Node *node)
{
    return node->nb_uses == 1 && !node->other_uses ? r->uses[node->first_use] : (Use){-1, 0};
}

static void list_uses(Rewrite *r)
{
    int first = 0;

    for (int i = 0; i < r->nb_inputs; i++) {
        r->nodes[r->inputs[i].node].nb_uses++;
        r->nodes[r->inputs[i].node].other_uses += r->inputs[i].output != 0;
    }
    for (int i = 0; i < r->nb_nodes; i++) {
        r->nodes[i].first_use = first;
        first += r->nodes[i].nb_uses;
        r->nodes[i].nb_uses = 0;
    }
    for (int i = 0; i < r->nb_nodes; i++)
        for (int slot = 0; slot < r->nodes[i].nb_inputs; slot++) {
            Node *producer = &r->nodes[input_of(r, &r->nodes[i], slot)->node];

            r->uses[producer->first_use + producer->nb_uses++] = (Use){i, slot};
        }
}

/** Returns 1; 0 for a graph that is not to be rewritten; -ENOMEM. */
static int read_nodes(Rewrite *r)
{
    StyleSpan graph = {r->file->data, r->file->size};
    StyleField field;
    int node = 0, nb_inputs = 0;

    // A few bytes make a node, and a few more its input: fewer than an int can count.
    if (r->file->size > INT32_MAX)
        return 0;
    count_fields(r);
    if (!r->nb_inputs)
        return 0;
    if (!(r->nodes = ff_style_alloc(r->ctx, sizeof(*r->nodes) * (size_t)r->nb_nodes)) ||
        !(r->inputs = ff_style_alloc(r->ctx, sizeof(*r->inputs) * (size_t)r->nb_inputs)) ||
        !(r->uses = ff_style_alloc(r->ctx, sizeof(*r->uses) * (size_t)r->nb_inputs)) ||
        !(r->by_name = ff_style_alloc(r->ctx, sizeof(*r->by_name) * (size_t)r->nb_nodes)))
        return -ENOMEM;
    while (ff_style_take_field(&graph, &field) > 0)
        if (field.number == GRAPH_NODE)
            read_node(r, &r->nodes[node++], field.bytes, &nb_inputs);
    sort_by_name(r);
    for (int i = 0; i < r->nb_inputs; i++)
        if (!resolve(r, &r->inputs[i]))
            return 0;
    list_uses(r);
    return 1;
}

/* Deciding */

/** The slot of the image that a convolution takes. */
static int image_slot(const Node *node)
{
    return node->transposed ? 2 : 0;
}

static void mark_conv(Node *node)
{
    const int transposed = ff_style_span_is(node->op, "Conv2DBackpropInput");
    int64_t strides[4], dilations[4];
    const int nb_dilations = read_list(node, "dilations", 4, dilations);

    if ((!transposed && !ff_style_span_is(node->op, "Conv2D")) ||
        node->nb_inputs != 2 + transposed || !attr_is_float32(node, "T") ||
        !attr_is_text(node, "padding", "SAME", 0) ||
        !attr_is_text(node, "data_format", "NHWC", 1) ||
        read_list(node, "strides", 4, strides) != 4 || strides[0] != 1 || strides[3] != 1 ||
        strides[1] != strides[2] || strides[1] < 1 || strides[1] > 64 ||
        (transposed && strides[1] != 2) || (nb_dilations && nb_dilations != 4))
        return;
    for (int i = 0; i < nb_dilations; i++)
        if (dilations[i] != 1)
            return;
    node->fate = CONV;
    node->transposed = transposed;
    node->stride = (int)strides[1];
}

static int is_norm(const Node *node)
{
    const StyleField training = find_value(node, "is_training", ATTR_BOOL);

    return node->nb_inputs == 5 && ff_style_span_is(node->op, "FusedBatchNormV3") &&
           !node->other_uses && attr_is_float32(node, "T") && attr_is_float32(node, "U") &&
           attr_is_text(node, "data_format", "NHWC", 1) && (!training.number || training.value);
}

static int is_behind_conv(const Rewrite *r, const Node *norm)
{
    const Input *image = input_of(r, norm, 0);

    return !image->output && r->nodes[image->node].fate == CONV &&
           only_use(r, &r->nodes[image->node]).node >= 0;
}

static float read_epsilon(const Node *node)
{
    const StyleField field = find_value(node, "epsilon", ATTR_FLOAT);
    uint32_t bits = 0;
    float value;

    if (field.bytes.size != 4)
        return DEFAULT_EPSILON;
    for (int i = 0; i < 4; i++)
        bits |= (uint32_t)field.bytes.data[i] << 8 * i;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/** The only node that takes this one's result, when it is of this kind; -1 otherwise. */
static int follower(const Rewrite *r, int node, const char *op, int nb_inputs)
{
    const int next = only_use(r, &r->nodes[node]).node;

    return next >= 0 && ff_style_span_is(r->nodes[next].op, op) &&
                   r->nodes[next].nb_inputs == nb_inputs && r->nodes[next].fate == KEPT &&
                   attr_is_float32(&r->nodes[next], "T")
               ? next
               : -1;
}

/** Joins a norm with the ReLU and the sum that follow it; the last of them stands for all. */
static void mark_norm(Rewrite *r, int norm)
{
    const int conv = input_of(r, &r->nodes[norm], 0)->node;
    const int joined = is_behind_conv(r, &r->nodes[norm]);
    const float epsilon = read_epsilon(&r->nodes[norm]);
    const int relu = follower(r, norm, "Relu", 1);
    const int before = relu >= 0 ? relu : norm;
    const int sum = follower(r, before, "AddV2", 2);
    const int last = sum >= 0 ? sum : before;

    if (joined)
        r->nodes[conv].norm = norm;
    r->nodes[norm].epsilon = epsilon;
    r->nodes[norm].fate = r->nodes[before].fate = DROPPED;
    r->nodes[last].fate = joined ? APPLIED : NORMED;
    r->nodes[last].norm = norm;
    r->nodes[last].conv = conv;
    r->nodes[last].relu = relu >= 0;
    if (sum >= 0)
        r->nodes[last].added = only_use(r, &r->nodes[before]).slot == 0;
}

static int is_use_by_conv(const Rewrite *r, Use use)
{
    const Node *node = &r->nodes[use.node];

    return node->fate == CONV && use.slot == image_slot(node);
}

static int all_uses(const Rewrite *r, const Node *node, int (*is_so)(const Rewrite *, Use))
{
    if (!node->nb_uses || node->other_uses)
        return 0;
    for (int i = 0; i < node->nb_uses; i++)
        if (!is_so(r, r->uses[node->first_use + i]))
            return 0;
    return 1;
}

/** By a convolution, if need be behind a Reshape, or for its size only. */
static int is_use_by_conv_at_last(const Rewrite *r, Use use)
{
    return is_use_by_conv(r, use) || (r->nodes[use.node].fate == RETYPED && use.slot == 0);
}

/** By an operation of ours, which takes what type it is given. */
static int is_use_by_ours(const Rewrite *r, Use use)
{
    const Node *node = &r->nodes[use.node];

    return is_use_by_conv_at_last(r, use) || (node->fate == APPLIED && use.slot == node->added);
}

/** A Shape of what our operations give, or a Reshape between them. */
static void mark_retyped(const Rewrite *r, Node *node)
{
    const Input *input = node->nb_inputs ? input_of(r, node, 0) : NULL;
    const Node *producer = input && !input->output ? &r->nodes[input->node] : NULL;
    const int is_shape = ff_style_span_is(node->op, "Shape") && node->nb_inputs == 1;
    const int is_reshape = ff_style_span_is(node->op, "Reshape") && node->nb_inputs == 2;

    if (producer && attr_is_float32(node, "T") &&
        (producer->fate == APPLIED || (producer->fate == CONV && producer->norm < 0)) &&
        (is_shape || (is_reshape && all_uses(r, node, is_use_by_conv))))
        node->fate = RETYPED;
}

/** The node of this kind that gives an input of `node` and nothing else; -1 when it is another. */
static int only_producer(const Rewrite *r, int node, int slot, const char *op, int nb_inputs)
{
    const Input *input = input_of(r, &r->nodes[node], slot);
    const Node *producer = &r->nodes[input->node];

    return !input->output && ff_style_span_is(producer->op, op) &&
                   producer->nb_inputs == nb_inputs && producer->fate == KEPT &&
                   only_use(r, producer).node == node
               ? input->node
               : -1;
}

static int is_cast(const Node *node, int from, int to)
{
    return ff_style_span_is(node->op, "Cast") && node->nb_inputs == 1 &&
           find_value(node, "SrcT", ATTR_TYPE).value == (uint64_t)from &&
           find_value(node, "DstT", ATTR_TYPE).value == (uint64_t)to;
}

/** Bytes that become floats, less a constant, for convolutions only. */
static void mark_bytes(const Rewrite *r, int sub)
{
    Node *node = &r->nodes[sub];
    const int cast = ff_style_span_is(node->op, "Sub") && node->nb_inputs == 2
                         ? only_producer(r, sub, 0, "Cast", 1)
                         : -1;

    if (cast >= 0 && is_cast(&r->nodes[cast], TF_UINT8, TF_FLOAT) &&
        ff_style_span_is(r->nodes[input_of(r, node, 1)->node].op, "Const") &&
        all_uses(r, node, is_use_by_conv)) {
        node->fate = BYTES;
        node->bytes = input_of(r, &r->nodes[cast], 0)->text;
        r->nodes[cast].fate = DROPPED;
    }
}

/** The axis, rows or columns, that a slice limits alone, as far as its masks tell; 0: another one, or several. */
static int sliced_axis(const Node *node)
{
    const uint64_t mask = find_value(node, "begin_mask", ATTR_INT).value;
    const int axis = mask == 1 ? 1 : mask == 3 ? 2 : 0;
    const int is_plain = find_value(node, "end_mask", ATTR_INT).value == mask &&
                         !find_value(node, "ellipsis_mask", ATTR_INT).value &&
                         !find_value(node, "new_axis_mask", ATTR_INT).value &&
                         !find_value(node, "shrink_axis_mask", ATTR_INT).value &&
                         find_value(node, "Index", ATTR_TYPE).value == TF_INT32;

    return is_plain ? axis : 0;
}

/** The slice that stands, reversed, at a ConcatV2's slot; -1: something else does. */
static int find_border(const Rewrite *r, int concat, int slot)
{
    const Input *image = input_of(r, &r->nodes[concat], 1), *source;
    const int reversed = only_producer(r, concat, slot, "ReverseV2", 2);
    const int slice = reversed < 0 ? -1 : only_producer(r, reversed, 0, "StridedSlice", 4);

    if (slice < 0 || !sliced_axis(&r->nodes[slice]) ||
        find_value(&r->nodes[reversed], "Tidx", ATTR_TYPE).value != TF_INT32)
        return -1;
    source = input_of(r, &r->nodes[slice], 0);
    return source->node == image->node && source->output == image->output ? slice : -1;
}

/** Bytes with a border of their own, reversed. */
static void mark_reflected(const Rewrite *r, int concat)
{
    Node *const node = &r->nodes[concat];

    if (!ff_style_span_is(node->op, "ConcatV2") || node->nb_inputs != 4 ||
        find_value(node, "T", ATTR_TYPE).value != TF_UINT8 ||
        find_value(node, "Tidx", ATTR_TYPE).value != TF_INT32)
        return;
    for (int side = 0; side < 2; side++)
        if ((node->borders[side] = find_border(r, concat, 2 * side)) < 0)
            return;
    if (sliced_axis(&r->nodes[node->borders[0]]) != sliced_axis(&r->nodes[node->borders[1]]))
        return;
    node->fate = REFLECTED;
    for (int side = 0; side < 2; side++) {
        r->nodes[node->borders[side]].fate = DROPPED;
        r->nodes[input_of(r, node, 2 * side)->node].fate = DROPPED;
    }
}

/** Pixels of a network: in front of the Cast to bytes stand, each for the next only, these. */
static const char *const ends[] = {"Round", "Maximum", "Minimum", "AddV2", "Mul", "Tanh"};
enum { NB_ENDS = 6 };

static int is_shape_of_floats(const Node *node)
{
    return node->fate == KEPT && ff_style_span_is(node->op, "Shape") && attr_is_float32(node, "T");
}

/* More than any network asks for; all are looked at for each Tanh behind them. */
#define MAX_SHAPES 16

/** Whether only `user` takes a node's result, but for its size. */
static int is_for(const Rewrite *r, const Node *node, int user)
{
    if (node->nb_uses > MAX_SHAPES)
        return 0;
    for (int i = 0; i < node->nb_uses; i++) {
        const Use use = r->uses[node->first_use + i];

        if ((use.node != user || use.slot) && !is_shape_of_floats(&r->nodes[use.node]))
            return 0;
    }
    return !node->other_uses && attr_is_float32(node, "T") && node->fate == KEPT;
}

static int is_moving(const Node *node)
{
    return (ff_style_span_is(node->op, "Reshape") && node->nb_inputs == 2) ||
           (ff_style_span_is(node->op, "Transpose") && node->nb_inputs == 2) ||
           (ff_style_span_is(node->op, "Slice") && node->nb_inputs == 3);
}

/** The BiasAdd that a Tanh takes its values from, moved about or not; -1: there is none. */
static int find_bias(const Rewrite *r, int tanh)
{
    for (int node = tanh;;) {
        const Input *input = input_of(r, &r->nodes[node], 0);
        const Node *producer = &r->nodes[input->node];

        if (!is_for(r, producer, node))
            return -1;
        if (ff_style_span_is(producer->op, "BiasAdd"))
            return producer->nb_inputs == 2 && attr_is_text(producer, "data_format", "NHWC", 1) &&
                           r->nodes[input_of(r, producer, 0)->node].fate == CONV // an image
                       ? input->node
                       : -1;
        if (!is_moving(producer))
            return -1;
        node = input->node;
    }
}

/** Makes bytes where the values are still together, before they are moved about, if there they get a bias. */
static void mark_moved(const Rewrite *r, int cast)
{
    const int tanh = r->nodes[cast].first_end, bias = find_bias(r, tanh);

    if (bias < 0)
        return;
    for (int node = tanh; node != bias;) {
        node = input_of(r, &r->nodes[node], 0)->node;
        r->nodes[node].fate = MOVED;
        for (int i = 0; i < r->nodes[node].nb_uses; i++) {
            Node *const user = &r->nodes[r->uses[r->nodes[node].first_use + i].node];

            if (is_shape_of_floats(user))
                user->fate = MOVED;
        }
    }
    r->nodes[bias].fate = PIXELS;
    r->nodes[bias].first_end = tanh;
    r->nodes[cast].fate = PASSED;
}

static void mark_pixels(const Rewrite *r, int cast)
{
    int chain[NB_ENDS], node = cast;

    if (!is_cast(&r->nodes[cast], TF_FLOAT, TF_UINT8))
        return;
    for (int i = 0; i < NB_ENDS; i++) {
        const int nb_inputs = i == 0 || i == NB_ENDS - 1 ? 1 : 2;

        node = chain[i] = only_producer(r, node, 0, ends[i], nb_inputs);
        if (node < 0 ||
            (nb_inputs == 2 &&
             !ff_style_span_is(r->nodes[input_of(r, &r->nodes[node], 1)->node].op, "Const")))
            return;
    }
    r->nodes[cast].fate = PIXELS;
    r->nodes[cast].first_end = chain[NB_ENDS - 1];
    for (int i = 0; i < NB_ENDS; i++) {
        r->nodes[chain[i]].fate = DROPPED;
        r->nodes[chain[i]].next_end = i ? chain[i - 1] : cast;
    }
    mark_moved(r, cast);
}

/** Whether a node of ours asks for a result's size only. */
static int is_shape(const Rewrite *r, Use use)
{
    const Node *node = &r->nodes[use.node];

    return node->fate == RETYPED && node->nb_inputs == 1;
}

/** Leaves the work to a convolution that takes the result, if there is one. */
static void mark_carrier(const Rewrite *r, Node *node)
{
    for (int i = 0; i < node->nb_uses; i++) {
        const Use use = r->uses[node->first_use + i];

        if (node->carrier < 0 && is_use_by_conv(r, use))
            node->carrier = use.node;
        else if (!is_shape(r, use))
            node->is_kept = 1;
    }
    node->is_kept &= node->carrier >= 0;
}

static void mark_result(const Rewrite *r, Node *node)
{
    node->left_to_convs =
        node->fate == APPLIED && node->added < 0 && all_uses(r, node, is_use_by_conv_at_last);
    node->is_ours =
        (node->fate == CONV && node->norm >= 0) ||
        ((node->fate == CONV || node->fate == APPLIED) && all_uses(r, node, is_use_by_ours));
    if (node->fate == APPLIED && node->is_ours && !node->left_to_convs)
        mark_carrier(r, node);
}

static void mark_norms(Rewrite *r)
{
    for (int i = 0; i < r->nb_nodes; i++)
        if (r->nodes[i].fate == KEPT && is_norm(&r->nodes[i]) &&
            (r->rewriting != FF_STYLE_BFLOATS || is_behind_conv(r, &r->nodes[i])))
            mark_norm(r, i);
}

/** What stands between the convolutions: after them. */
static void mark_others(Rewrite *r)
{
    for (int i = 0; i < r->nb_nodes; i++)
        if (r->nodes[i].fate == KEPT)
            mark_retyped(r, &r->nodes[i]);
    for (int i = 0; i < r->nb_nodes; i++) {
        if (r->nodes[i].fate == KEPT)
            mark_bytes(r, i);
        if (r->nodes[i].fate == KEPT)
            mark_reflected(r, i);
        if (r->nodes[i].fate == KEPT)
            mark_pixels(r, i);
    }
    for (int i = 0; i < r->nb_nodes; i++)
        mark_result(r, &r->nodes[i]);
    for (int i = 0; i < r->nb_nodes; i++)
        if (r->nodes[i].fate == RETYPED)
            r->nodes[i].is_ours = r->nodes[input_of(r, &r->nodes[i], 0)->node].is_ours;
}

/** Returns whether there is anything to rewrite. */
static int decide(Rewrite *r)
{
    for (int i = 0; i < r->nb_nodes && r->rewriting != FF_STYLE_NORMS; i++)
        mark_conv(&r->nodes[i]);
    mark_norms(r);
    if (r->rewriting != FF_STYLE_NORMS)
        mark_others(r);
    for (int i = 0; i < r->nb_nodes; i++)
        if (r->nodes[i].fate == CONV || r->nodes[i].fate == NORMED)
            return 1;
    return 0;
}

/* Writing */

static void begin_node(Rewrite *r, StyleSpan name, const char *suffix, const char *op)
{
    ff_style_put_raw(&r->inner, name.data, name.size);
    ff_style_put_raw(&r->inner, suffix, strlen(suffix));
    ff_style_put_message(&r->node, NODE_NAME, &r->inner);
    ff_style_put_text(&r->node, NODE_OP, op);
}

static void end_node(Rewrite *r)
{
    ff_style_put_message(&r->graph, GRAPH_NODE, &r->node);
}

/** Takes what was written into r->value as the attribute's value. */
static void end_attr(Rewrite *r, const char *name)
{
    ff_style_put_text(&r->attr, MAP_KEY, name);
    ff_style_put_message(&r->attr, MAP_VALUE, &r->value);
    ff_style_put_message(&r->node, NODE_ATTR, &r->attr);
}

static void put_attr_number(Rewrite *r, const char *name, unsigned kind, int64_t number)
{
    ff_style_put_number(&r->value, kind, number);
    end_attr(r, name);
}

static void put_attr_float(Rewrite *r, const char *name, float number)
{
    ff_style_put_float(&r->value, ATTR_FLOAT, number);
    end_attr(r, name);
}

static void put_attr_type(Rewrite *r, const char *name, TF_DataType type)
{
    put_attr_number(r, name, ATTR_TYPE, type);
}

/** Of a result; what operations of ours give each other can be narrower than what others take. */
static TF_DataType result_type(const Rewrite *r, int is_ours)
{
    return is_ours && r->rewriting == FF_STYLE_BFLOATS ? TF_BFLOAT16 : TF_FLOAT;
}

/** `suffix` tells the node or the output, such as ":1". */
static void put_input(Rewrite *r, StyleSpan name, const char *suffix)
{
    ff_style_put_raw(&r->inner, name.data, name.size);
    ff_style_put_raw(&r->inner, suffix, strlen(suffix));
    ff_style_put_message(&r->node, NODE_INPUT, &r->inner);
}

/** An input that is one of our own constants. */
static void put_constant(Rewrite *r, const char *name)
{
    put_input(r, (StyleSpan){NULL, 0}, name);
}

/** A vector of float32: nothing in it, or a one. */
static void write_vector(Rewrite *r, const char *name, int size)
{
    begin_node(r, (StyleSpan){NULL, 0}, name, "Const");
    put_attr_type(r, "dtype", TF_FLOAT);
    ff_style_put_number(&r->inner, DIM_SIZE, size);
    ff_style_put_message(&r->attr, SHAPE_DIM, &r->inner);
    ff_style_put_number(&r->inner, TENSOR_TYPE, TF_FLOAT);
    ff_style_put_message(&r->inner, TENSOR_SHAPE, &r->attr);
    if (size)
        ff_style_put_float(&r->inner, TENSOR_FLOAT, 1);
    ff_style_put_message(&r->value, ATTR_TENSOR, &r->inner);
    end_attr(r, "value");
    end_node(r);
}

/** Scale and offset, two outputs of the convolution that `node` is the norm of. */
static void put_affine(Rewrite *r, const Node *node)
{
    put_input(r, r->nodes[node->conv].name, ":1");
    put_input(r, r->nodes[node->conv].name, ":2");
}

/** What is added to a norm, if anything is. */
static void put_added(Rewrite *r, const Node *node)
{
    const Input *added = node && node->added >= 0 ? input_of(r, node, node->added) : NULL;

    if (added)
        put_input(r, added->text, "");
    else
        put_constant(r, NOTHING);
    put_attr_type(r, "Ta",
                  result_type(r, added && !added->output && r->nodes[added->node].is_ours));
}

/**
 * The image that a convolution takes, and how it is brought to its norm; returns the norm, NULL where the
 * image is taken as it is.
 */
static const Node *put_image(Rewrite *r, const Node *node)
{
    const Input *image = input_of(r, node, image_slot(node));
    const Node *producer = image->output ? NULL : &r->nodes[image->node];
    const Node *norm = producer && producer->fate == RETYPED
                           ? &r->nodes[input_of(r, producer, 0)->node]
                           : producer;

    if (producer && producer->fate == BYTES) {
        put_input(r, producer->bytes, "");
        put_constant(r, ONE);
        put_input(r, producer->name, "/offset");
        put_attr_type(r, "Tx", TF_UINT8);
        return NULL;
    }
    if (norm && (norm->left_to_convs || norm->carrier == node - r->nodes)) {
        put_input(r, producer == norm ? r->nodes[norm->conv].name : image->text, "");
        put_affine(r, norm);
        put_attr_type(r, "Tx", result_type(r, 1));
        return norm;
    }
    put_input(r, image->text, "");
    put_constant(r, NOTHING);
    put_constant(r, NOTHING);
    put_attr_type(r, "Tx", result_type(r, producer && producer->is_ours));
    return NULL;
}

static void write_conv(Rewrite *r, const Node *node)
{
    const Node *norm = node->norm >= 0 ? &r->nodes[node->norm] : NULL;
    const Node *before;

    begin_node(r, node->name, "/packed", FF_STYLE_PACK);
    put_input(r, input_of(r, node, 1)->text, "");
    put_attr_type(r, "Tp", result_type(r, 1));
    put_attr_number(r, "stride", ATTR_INT, node->stride);
    put_attr_number(r, "transposed", ATTR_BOOL, node->transposed);
    put_attr_number(r, "part", ATTR_BOOL, !norm);
    end_node(r);

    begin_node(r, node->name, "", FF_STYLE_CONV);
    before = put_image(r, node);
    put_input(r, node->name, "/packed");
    put_input(r, node->name, "/packed:1");
    for (int slot = 1; slot <= 2; slot++) {
        if (norm)
            put_input(r, input_of(r, norm, slot)->text, "");
        else
            put_constant(r, NOTHING);
    }
    put_added(r, before);
    if (node->transposed)
        put_input(r, input_of(r, node, 0)->text, "");
    put_attr_type(r, "Tp", result_type(r, 1));
    put_attr_number(r, "N", ATTR_INT, node->transposed);
    put_attr_type(r, "Ty", result_type(r, node->is_ours));
    put_attr_number(r, "relu", ATTR_BOOL, before && before->relu);
    put_attr_number(r, "keep", ATTR_BOOL, before && before->is_kept);
    put_attr_float(r, "epsilon", norm ? norm->epsilon : 0);
    end_node(r);
}

static void write_applied(Rewrite *r, const Node *node)
{
    begin_node(r, node->name, "", FF_STYLE_APPLY);
    put_input(r, r->nodes[node->conv].name, "");
    put_affine(r, node);
    put_added(r, node);
    put_attr_type(r, "Tx", result_type(r, 1));
    put_attr_type(r, "Ty", result_type(r, node->is_ours));
    put_attr_number(r, "relu", ATTR_BOOL, node->relu);
    end_node(r);
}

/** What a convolution keeps, by the name that others take it by. */
static void write_kept(Rewrite *r, const Node *node)
{
    begin_node(r, node->name, "", "Identity");
    put_input(r, r->nodes[node->carrier].name, ":3");
    put_attr_type(r, "T", result_type(r, 1));
    end_node(r);
}

static void write_normed(Rewrite *r, const Node *node)
{
    const Node *norm = &r->nodes[node->norm];

    begin_node(r, node->name, "", FF_STYLE_NORM);
    for (int slot = 0; slot < 3; slot++)
        put_input(r, input_of(r, norm, slot)->text, "");
    if (node->added >= 0)
        put_input(r, input_of(r, node, node->added)->text, "");
    else
        put_constant(r, NOTHING);
    put_attr_number(r, "relu", ATTR_BOOL, node->relu);
    put_attr_float(r, "epsilon", norm->epsilon);
    end_node(r);
}

/** The node as it is, but for its type and, if there is another one, its first input. */
static void write_typed(Rewrite *r, const Node *node, const StyleSpan *first, TF_DataType type)
{
    StyleSpan rest = node->whole, key;
    StyleField field;
    int nb_inputs = 0;

    while (ff_style_take_field(&rest, &field) > 0) {
        if (field.type != FF_STYLE_BYTES)
            continue;
        ff_style_find_bytes(field.bytes, MAP_KEY, &key);
        if (field.number == NODE_INPUT && !nb_inputs++ && first)
            put_input(r, *first, "");
        else if (field.number != NODE_ATTR || !ff_style_span_is(key, "T"))
            ff_style_put_bytes(&r->node, field.number, field.bytes.data, field.bytes.size);
    }
    put_attr_type(r, "T", type);
    end_node(r);
}

static void write_retyped(Rewrite *r, const Node *node)
{
    const Node *producer = &r->nodes[input_of(r, node, 0)->node];
    // The convolution in front of a norm gives the same size.
    const int is_raw =
        producer->left_to_convs || (producer->fate == APPLIED && node->nb_inputs == 1);

    write_typed(r, node, is_raw ? &r->nodes[producer->conv].name : &producer->name,
                result_type(r, node->is_ours || is_raw));
}

/** The negative of what a BYTES subtracts. */
static void write_offset(Rewrite *r, const Node *node)
{
    begin_node(r, node->name, "/offset", "Neg");
    put_input(r, input_of(r, node, 1)->text, "");
    put_attr_type(r, "T", TF_FLOAT);
    end_node(r);
}

static void write_pixels(Rewrite *r, const Node *node)
{
    // From the Tanh on: Mul, AddV2, Minimum, Maximum; the operation takes the low limit first.
    const Node *gain = &r->nodes[r->nodes[node->first_end].next_end];
    const Node *middle = &r->nodes[gain->next_end], *high = &r->nodes[middle->next_end];
    const int has_bias = ff_style_span_is(node->op, "BiasAdd");
    const Node *const numbers[] = {gain, middle, &r->nodes[high->next_end], high};

    begin_node(r, node->name, "", FF_STYLE_PIXELS);
    put_input(r, input_of(r, has_bias ? node : &r->nodes[node->first_end], 0)->text, "");
    if (has_bias)
        put_input(r, input_of(r, node, 1)->text, "");
    else
        put_constant(r, NOTHING);
    for (int i = 0; i < 4; i++)
        put_input(r, input_of(r, numbers[i], 1)->text, "");
    end_node(r);
}

static void write_moved(Rewrite *r, const Node *node)
{
    if (!ff_style_span_is(node->op, "Transpose") ||
        find_value(node, "Tperm", ATTR_TYPE).value != TF_INT32) {
        write_typed(r, node, NULL, TF_UINT8);
        return;
    }
    begin_node(r, node->name, "", FF_STYLE_TRANSPOSE);
    for (int i = 0; i < 2; i++)
        put_input(r, input_of(r, node, i)->text, "");
    end_node(r);
}

static void write_passed(Rewrite *r, const Node *node)
{
    begin_node(r, node->name, "", "Identity");
    put_input(r, input_of(r, &r->nodes[node->first_end], 0)->text, "");
    put_attr_type(r, "T", TF_UINT8);
    end_node(r);
}

static void write_reflected(Rewrite *r, const Node *node)
{
    begin_node(r, node->name, "", FF_STYLE_REFLECT);
    put_input(r, input_of(r, node, 1)->text, "");
    for (int side = 0; side < 2; side++) {
        const Node *const reversed = &r->nodes[input_of(r, node, 2 * side)->node];

        for (int i = 1; i < 4; i++)
            put_input(r, input_of(r, &r->nodes[node->borders[side]], i)->text, "");
        put_input(r, input_of(r, reversed, 1)->text, "");
    }
    put_input(r, input_of(r, node, 3)->text, "");
    put_attr_number(r, "axis", ATTR_INT, sliced_axis(&r->nodes[node->borders[0]]));
    put_attr_number(r, "N", ATTR_INT, 8);
    end_node(r);
}

static void write_node(Rewrite *r, const Node *node)
{
    if (node->fate == CONV)
        write_conv(r, node);
    else if (node->fate == RETYPED)
        write_retyped(r, node);
    else if (node->fate == NORMED)
        write_normed(r, node);
    else if (node->fate == BYTES)
        write_offset(r, node);
    else if (node->fate == PIXELS)
        write_pixels(r, node);
    else if (node->fate == MOVED)
        write_moved(r, node);
    else if (node->fate == PASSED)
        write_passed(r, node);
    else if (node->fate == REFLECTED)
        write_reflected(r, node);
    else if (node->fate == APPLIED && node->is_kept)
        write_kept(r, node);
    else if (node->fate == APPLIED && !node->left_to_convs && node->carrier < 0)
        write_applied(r, node);
    else if (node->fate == KEPT)
        ff_style_put_bytes(&r->graph, GRAPH_NODE, node->whole.data, node->whole.size);
}

static void write_graph(Rewrite *r)
{
    StyleSpan graph = {r->file->data, r->file->size}, before = graph;
    StyleField field;

    for (; ff_style_take_field(&graph, &field) > 0; before = graph)
        if (field.number != GRAPH_NODE)
            ff_style_put_raw(&r->graph, before.data, before.size - graph.size);
    for (int i = 0; i < r->nb_nodes; i++)
        write_node(r, &r->nodes[i]);
    write_vector(r, NOTHING, 0);
    write_vector(r, ONE, 1);
}

int ff_style_rewrite_graphdef(const StyleContext *ctx, const StyleGraphDef *file,
                              StyleRewriting rewriting, StyleGraphDef *rewritten)
{
    const StyleMessage empty = {.ctx = ctx};
    Rewrite r = {
        .ctx = ctx,
        .file = file,
        .rewriting = rewriting,
        .graph = empty,
        .node = empty,
        .attr = empty,
        .value = empty,
        .inner = empty,
    };
    int ret = read_nodes(&r);

    if (ret > 0 && (ret = decide(&r)) > 0) {
        write_graph(&r);
        if (r.graph.failed)
            ret = -ENOMEM;
    }
    *rewritten = (StyleGraphDef){
        .path = file->path, .data = r.graph.data, .size = r.graph.size, .rewritten = 1};
    ff_style_free(ctx, r.nodes);
    ff_style_free(ctx, r.inputs);
    ff_style_free(ctx, r.uses);
    ff_style_free(ctx, r.by_name);
    ff_style_free(ctx, r.node.data);
    ff_style_free(ctx, r.attr.data);
    ff_style_free(ctx, r.value.data);
    ff_style_free(ctx, r.inner.data);
    return ret;
}
