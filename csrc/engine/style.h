/*
 * A style as a user writes it, with pictures among its names, made into what the graph takes.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_STYLE_H
#define FF_STYLE_STYLE_H

#include "model.h"

/** How pictures are read, as in StyleSettings. */
typedef struct StylePictures {
    int (*open)(void *opaque, const char *path, StylePicture *picture);
    void (*close)(void *opaque, StylePicture *picture);
    int64_t max_pixels;
} StylePictures;

/** The same of the settings. */
StylePictures ff_style_pictures_of(const StyleSettings *settings);

/**
 * Reads a style or a mix; see ff_style_set_style().
 *
 * @param model  open; or only read, when `values` is NULL: then pictures are looked at, and that is all
 * @param names  of the `count` styles
 * @param values receives signature.nb_values numbers
 * @return 0; what ff_style_set_style() returns on an error, after a message
 */
int ff_style_read_style(const StyleContext *ctx, const StylePictures *pictures,
                        const StyleModel *model, const char *const *names, int count,
                        const char *text, float *values);

#endif
