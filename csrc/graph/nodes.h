/*
 * A GraphDef as nodes: each with its operation, what it takes from whom, and its attributes, which stay
 * where the file has them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_NODES_H
#define FF_STYLE_NODES_H

#include "graphdef.h"
#include "proto.h"

/* Types of values, as types.proto numbers them. */
enum {
    FF_STYLE_DT_FLOAT = 1,
    FF_STYLE_DT_DOUBLE = 2,
    FF_STYLE_DT_INT32 = 3,
    FF_STYLE_DT_UINT8 = 4,
    FF_STYLE_DT_STRING = 7,
    FF_STYLE_DT_INT64 = 9,
    FF_STYLE_DT_BOOL = 10,
    FF_STYLE_DT_BFLOAT16 = 14,
    FF_STYLE_DT_HALF = 19,
};

/** A type's name in TensorFlow's own words, such as "float32". */
const char *ff_style_type_name(int type);

/** More dimensions than any tensor of a style network has. */
#define FF_STYLE_MAX_DIMS 8

/** For messages, as "%.*s": a name in a hostile file may be of any length. */
#define FF_STYLE_SPAN_ARGUMENTS(span) \
    (int)((span).size < 100 ? (span).size : 100), (const char *)(span).data

/** One of a node's results: output number `output` of node number `node`. */
typedef struct StyleSource {
    int node, output;
} StyleSource;

/** One place where a node's result is taken: its output `output`, as input number `slot` of node `node`. */
typedef struct StyleUse {
    int node, slot, output;
} StyleUse;

typedef struct StyleNode {
    StyleSpan name, op;
    StyleSpan message; ///< the whole NodeDef, for its attributes
    const StyleSource *inputs;
    int nb_inputs;
    const StyleSource *controls; ///< nodes that are to run before; their output is -1
    int nb_controls;
    const StyleUse *uses; ///< of all outputs; control inputs are not among them
    int nb_uses;
} StyleNode;

/** A node's name, in the order of names. */
typedef struct StyleNodeName {
    StyleSpan name;
    int node;
} StyleNodeName;

typedef struct StyleNodes {
    StyleNode *nodes; ///< in the file's order
    int nb_nodes;
    int *order; ///< numbers of all nodes, each behind those that it takes something from
    StyleSource *sources;
    StyleUse *uses;
    StyleNodeName *names;
} StyleNodes;

/** Dimensions; those that are not known are -1. */
typedef struct StyleDims {
    int rank; ///< -1: not known
    int64_t sizes[FF_STYLE_MAX_DIMS];
} StyleDims;

/** A constant, whose values stay where the file has them. */
typedef struct StyleTensor {
    int type;
    StyleDims dims; ///< all known
    size_t count;   ///< of its values
    StyleSpan
        content; ///< the values one behind the other; its data are NULL where the message lists them
    StyleSpan message; ///< the whole TensorProto
} StyleTensor;

/**
 * Reads the nodes of a graph that ff_style_read_graphdef() has looked through.
 *
 * @param nodes receives them; it points into the file, and is to be freed after an error as well
 * @return 0; -EBADMSG after a message: a node takes what is not there, two have one name, or they wait for each
 *         other in a circle; or -ENOMEM
 */
int ff_style_read_nodes(const StyleContext *ctx, const StyleGraphDef *file, StyleNodes *nodes);

/** Frees what the nodes hold, and empties them. */
void ff_style_free_nodes(const StyleContext *ctx, StyleNodes *nodes);

/** A node's number by its name; -1: there is none. */
int ff_style_find_node(const StyleNodes *nodes, StyleSpan name);

static inline int ff_style_node_is(const StyleNode *node, const char *op)
{
    return ff_style_span_is(node->op, op);
}

/* Attributes. One that is missing, or is of another kind, has the value that the caller names. */

int64_t ff_style_attr_int(const StyleNode *node, const char *name, int64_t missing);
float ff_style_attr_float(const StyleNode *node, const char *name, float missing);
int ff_style_attr_bool(const StyleNode *node, const char *name, int missing);

/** A type of values; 0: it is missing. */
int ff_style_attr_type(const StyleNode *node, const char *name);

/** A text; its data are NULL when it is missing. */
StyleSpan ff_style_attr_text(const StyleNode *node, const char *name);

/** Whether a text is this one; `missing` when there is none. */
int ff_style_attr_is(const StyleNode *node, const char *name, const char *text, int missing);

/** The numbers of a list; returns how many it has, at most `max` of which are stored. */
int ff_style_attr_ints(const StyleNode *node, const char *name, int max, int64_t *numbers);

/** Returns whether it is there and makes sense. One of more than FF_STYLE_MAX_DIMS makes none. */
int ff_style_attr_shape(const StyleNode *node, const char *name, StyleDims *dims);

/** Returns whether it is there and makes sense: a known shape, and no more content than that. */
int ff_style_attr_tensor(const StyleNode *node, const char *name, StyleTensor *tensor);

/**
 * Reads the first `count` values, of those that there are, of any type of numbers; whole ones beyond 2^53 are rounded.
 *
 * @return 0, or -EBADMSG when the tensor holds something else or its message is broken
 */
int ff_style_tensor_numbers(const StyleTensor *tensor, size_t count, double *numbers);

#endif
