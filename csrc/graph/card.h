/*
 * The model card: the JSON that a graph of this project carries, as far as the engine needs it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_CARD_H
#define FF_STYLE_CARD_H

#include <stddef.h>

#include "../base/common.h"

#define FF_STYLE_MAX_STYLES 4096

typedef struct StyleCard {
    char *text;    ///< the whole card; NULL: the model has none
    char *name;    ///< its "name"; NULL: it has none
    char **styles; ///< its "styles"
    int nb_styles; ///< 0: it has none
} StyleCard;

/**
 * Reads the card's "name" and "styles"; what else it holds must be JSON.
 *
 * @param card receives strings of its own, to be freed with ff_style_free_card() after an error as well
 * @return 0, -EBADMSG or -ENOMEM after a message
 */
int ff_style_read_card(const StyleContext *ctx, const char *text, size_t size, StyleCard *card);

/** Frees what the card holds, and empties it. */
void ff_style_free_card(const StyleContext *ctx, StyleCard *card);

#endif
