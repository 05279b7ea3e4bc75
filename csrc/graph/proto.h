/*
 * Protocol buffers, as far as TensorFlow's graphs and configurations need them: a message is a row of
 * fields, each a number and a wire type in one varint, then a varint, 8 bytes, 4 bytes, or a length and so
 * many bytes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PROTO_H
#define FF_STYLE_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "../base/common.h"

enum { FF_STYLE_VARINT = 0, FF_STYLE_FIXED64 = 1, FF_STYLE_BYTES = 2, FF_STYLE_FIXED32 = 5 };

/* Field numbers of TensorFlow's graph.proto, node_def.proto and attr_value.proto, and of any map. */
enum { GRAPH_NODE = 1 };
enum { NODE_NAME = 1, NODE_OP = 2, NODE_INPUT = 3, NODE_ATTR = 5 };
enum { ATTR_LIST = 1, ATTR_BYTES, ATTR_INT, ATTR_FLOAT, ATTR_BOOL, ATTR_TYPE, ATTR_TENSOR = 8 };
enum { MAP_KEY = 1, MAP_VALUE = 2 };

typedef struct StyleSpan {
    const uint8_t *data;
    size_t size;
} StyleSpan;

typedef struct StyleField {
    unsigned number;
    unsigned type;
    uint64_t value;  ///< for FF_STYLE_VARINT
    StyleSpan bytes; ///< the content, for the others
} StyleField;

/** Takes a varint off a message; 0, or -EBADMSG. */
int ff_style_take_varint(StyleSpan *message, uint64_t *value);

/** Takes the next field off a message; 0 at its end, 1 for a field, or -EBADMSG. */
int ff_style_take_field(StyleSpan *message, StyleField *field);

/**
 * Finds the last field of this number that holds bytes, as a reader of protocol buffers would.
 *
 * @param bytes its content; the data are NULL when there is none
 * @return 0 or -EBADMSG
 */
int ff_style_find_bytes(StyleSpan message, unsigned number, StyleSpan *bytes);

int ff_style_span_is(StyleSpan span, const char *text);
int ff_style_spans_equal(StyleSpan a, StyleSpan b);

/** A message that is being written. Its memory grows, and is to be freed with ff_style_free(). */
typedef struct StyleMessage {
    const StyleContext *ctx;
    uint8_t *data;
    size_t size, capacity;
    int failed; ///< there was no memory, and what was written is not all
} StyleMessage;

void ff_style_put_raw(StyleMessage *message, const void *bytes, size_t size);
void ff_style_put_number(StyleMessage *message, unsigned field, int64_t value);
void ff_style_put_float(StyleMessage *message, unsigned field, float value);
void ff_style_put_bytes(StyleMessage *message, unsigned field, const void *bytes, size_t size);
void ff_style_put_text(StyleMessage *message, unsigned field, const char *text);

/** Puts `inner` into `message`, and empties it for the next. */
void ff_style_put_message(StyleMessage *message, unsigned field, StyleMessage *inner);

#endif
