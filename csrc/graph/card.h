/*
 * The model card: the JSON that a graph of this project carries, as far as the engine needs it.
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
