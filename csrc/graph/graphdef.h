/*
 * The model's file: read, and looked through before TensorFlow gets to see it.
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
