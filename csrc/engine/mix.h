/*
 * A style, or a mix of styles, as a user writes it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_MIX_H
#define FF_STYLE_MIX_H

#include "../base/common.h"

/** A style of a mix. */
typedef struct StyleTerm {
    int style;  ///< its index; -1: it is a picture
    char *path; ///< of the picture
    double weight;
} StyleTerm;

/** Styles with weights that have a sum of 1. */
typedef struct StyleMix {
    StyleTerm *terms;
    int nb_terms;
} StyleMix;

/**
 * Reads a text as ff_style_set_style() takes it. What is no style is the path of a picture, if there may be any.
 *
 * @param names    of the `count` styles
 * @param pictures whether there may be
 * @param mix      to be freed with ff_style_free_mix() after an error as well
 * @return 0; -EINVAL or -ENOMEM after a message
 */
int ff_style_read_terms(const StyleContext *ctx, const char *text, const char *const *names,
                        int count, int pictures, StyleMix *mix);

/** Frees what the mix holds, and empties it. */
void ff_style_free_mix(const StyleContext *ctx, StyleMix *mix);

#endif
