/*
 * What the steps share that read a graph's signature: signature.c goes through them, ports.c finds the images,
 * chooser.c what chooses the style.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_READING_H
#define FF_STYLE_READING_H

#include "signature.h"

/* Names that more than one of the steps knows. */
#define STYLE_VECTOR "style_vector"

typedef struct Reading {
    const StyleContext *ctx;
    const char *path; ///< of the model, for messages
    const StyleNodes *nodes;
    const StyleSettings *settings;
    StyleShapes shapes;
    StyleSignature *signature;
} Reading;

static inline const StyleNode *ff_style_node_of(const Reading *r, StyleSource source)
{
    return &r->nodes->nodes[source.node];
}

static inline int ff_style_is_placeholder(const Reading *r, int number)
{
    return ff_style_node_is(&r->nodes->nodes[number], "Placeholder");
}

/** Whether a dimension is, or may be, the expected one. */
static inline int ff_style_size_fits(int64_t size, int64_t expected)
{
    return size < 0 || size == expected;
}

/** Whether a tensor is a vector of floats of a length that a style may have. */
int ff_style_is_vector(const Reading *r, StyleSource source);

/* Functions below return 0, or -EBADMSG, -EFBIG or -ENOMEM after a message. */

/** A mark for each node, all 0; NULL: there is no memory. To be freed with ff_style_free(). */
uint8_t *ff_style_alloc_marks(const Reading *r);

/** Marks what those that are marked depend on. */
void ff_style_mark_needed(const Reading *r, uint8_t *needed);

/** Finds a tensor by a name that is this project's own; its node is -1 when there is none. */
int ff_style_find_reserved(const Reading *r, const char *name, StyleSource *found);

/** Finds the sources of the signature's input and output, and the least size of a frame. */
int ff_style_find_ports(const Reading *r, const StyleCard *card);

/** Checks that a port is an RGB image, of which it takes the type, the layout and the size. */
int ff_style_check_port(const Reading *r, const char *role, StylePort *port);

/** Checks that both ports have the same size, which becomes the signature's. */
int ff_style_check_port_sizes(const Reading *r);

/** The input that this project's graphs have for the weights of their styles. */
int ff_style_find_weights(const Reading *r, const StyleCard *card);

/** The input that this project's graphs for any painting have in the place of weights. */
int ff_style_find_vector(const Reading *r);

/** Every placeholder that the output depends on must be fed: the image, and what chooses the style. */
int ff_style_check_placeholders(const Reading *r);

#endif
