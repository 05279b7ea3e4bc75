/*
 * What a graph may ask for: a small file can hold counts and sizes that no machine has the memory for.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_BUDGET_H
#define FF_STYLE_BUDGET_H

#include "nodes.h"
#include "signature.h"

/** The bytes that this process may still take: a share of what the machine, its group and its limits give. */
int64_t ff_style_free_memory(void);

/**
 * Refuses nodes whose counts don't go with their inputs, and constants and results of the same size for every
 * frame that take more than `max_memory` bytes.
 *
 * @return 0, -EBADMSG, -EFBIG or -ENOMEM after a message
 */
int ff_style_check_budget(const StyleContext *ctx, const char *path, const StyleNodes *nodes,
                          const StyleSignature *signature, int64_t max_memory);

/**
 * The bytes that TensorFlow needs to paint a frame of this size: the results that are kept at a time.
 *
 * @return the bytes, at most 2^62; or -ENOMEM after a message
 */
int64_t ff_style_frame_bytes(const StyleContext *ctx, const StyleNodes *nodes,
                             const StyleSignature *signature, int width, int height);

#endif
