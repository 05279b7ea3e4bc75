/*
 * What a graph may ask for: a small file can hold counts and sizes that no machine has the memory for.
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
