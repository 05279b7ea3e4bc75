/*
 * What a file is that is no frozen graph: networks are kept in many ways.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_FORMATS_H
#define FF_STYLE_FORMATS_H

#include <stddef.h>
#include <stdint.h>

typedef struct StyleFormat {
    const char *name;           ///< with its article
    const char *before, *after; ///< the path, in the sentence on how a frozen graph is made of it
} StyleFormat;

/** The format of a file of which a frozen graph can be expected by mistake; NULL: none that is known. */
const StyleFormat *ff_style_find_format(const char *path, const uint8_t *data, size_t size);

/** That of a folder. */
extern const StyleFormat ff_style_saved_model;

#endif
