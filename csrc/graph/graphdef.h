/*
 * The model's file: read, and looked through before TensorFlow gets to see it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_GRAPHDEF_H
#define FF_STYLE_GRAPHDEF_H

#include <stddef.h>
#include <stdint.h>

#include "../base/common.h"

/** A serialised GraphDef. */
typedef struct StyleGraphDef {
    const char *path; ///< the caller's
    uint8_t *data;    ///< freed with ff_style_free()
    size_t size;
    const char *card; ///< the model card, within data and not terminated; NULL: there is none
    size_t card_size;
} StyleGraphDef;

/**
 * Reads the file at `path`, and makes sure that it is a GraphDef without functions and harmful operations.
 *
 * @param file receives the content; its data are to be freed after an error as well
 * @return 0, or a negative errno after a message that names what is wrong
 */
int ff_style_read_graphdef(const StyleContext *ctx, const char *path, size_t max_size,
                           StyleGraphDef *file);

/**
 * Makes sure that a file's data, with their size and the path for messages, are such a GraphDef, and finds the
 * card in it: what ff_style_read_graphdef() does with a file that is read.
 *
 * @return 0, or -EBADMSG after a message that names what is wrong
 */
int ff_style_scan_graphdef(const StyleContext *ctx, StyleGraphDef *file);

/**
 * Whether the engine runs this operation: feed-forward arithmetic on tensors, and nothing that has a side
 * effect, keeps a state, branches, loops, or calls back.
 */
int ff_style_op_is_allowed(const char *op, size_t length);

#endif
