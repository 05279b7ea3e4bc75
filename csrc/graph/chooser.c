/*
 * Finds what a graph chooses its style by: weights, the number of one, or the vector of a painting.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>

#include "reading.h"

/* The names of this project's graphs. */
#define STYLE_WEIGHTS "style_weights"

static int wrong_weights(const Reading *r, const StyleCard *card, StyleSource source)
{
    const int is_there = source.node >= 0;
    char found[FF_STYLE_MAX_DIMS * 24] = "not there";
    StyleDims dims;

    if (is_there) {
        dims = ff_style_dims_of(r->nodes, &r->shapes, source);
        ff_style_print_dims(&dims, found, sizeof(found));
    }
    return ff_style_error(
        r->ctx, -EBADMSG,
        "model '%s': '%s' is %s%s%s; expected float32 [%d], a weight for each style on its card",
        r->path, STYLE_WEIGHTS,
        is_there ? ff_style_type_name(ff_style_output_type(ff_style_node_of(r, source), 0)) : "",
        is_there ? " " : "", found, card->nb_styles > 1 ? card->nb_styles : 1);
}

/** The input that this project's graphs have for the weights of their styles. */
int ff_style_find_weights(const Reading *r, const StyleCard *card)
{
    StyleSignature *const s = r->signature;
    StyleSource source;
    StyleDims dims;
    int ret;

    if ((ret = ff_style_find_reserved(r, STYLE_WEIGHTS, &source)) < 0)
        return ret;
    if (source.node < 0)
        return card->nb_styles > 1 ? wrong_weights(r, card, source) : 0;
    dims = ff_style_dims_of(r->nodes, &r->shapes, source);
    if (ff_style_output_type(ff_style_node_of(r, source), 0) != FF_STYLE_DT_FLOAT ||
        dims.rank != 1 || dims.sizes[0] < 1 || dims.sizes[0] > FF_STYLE_MAX_STYLES ||
        (card->nb_styles && dims.sizes[0] != card->nb_styles))
        return wrong_weights(r, card, source);
    s->control = FF_STYLE_CONTROL_WEIGHTS;
    s->chooser = source;
    s->chooser_type = FF_STYLE_DT_FLOAT;
    s->chooser_dims = dims;
    s->nb_styles = (int)dims.sizes[0];
    return 0;
}

/** Whether a tensor is a vector of floats of a length that a style may have. */
int ff_style_is_vector(const Reading *r, StyleSource source)
{
    const StyleDims dims = ff_style_dims_of(r->nodes, &r->shapes, source);

    return ff_style_output_type(ff_style_node_of(r, source), source.output) == FF_STYLE_DT_FLOAT &&
           dims.rank == 1 && dims.sizes[0] > 0 && dims.sizes[0] <= FF_STYLE_MAX_STYLES;
}

/** The input that this project's graphs for any painting have in the place of weights. */
int ff_style_find_vector(const Reading *r)
{
    StyleSignature *const s = r->signature;
    StyleSource source;
    int ret;

    if (s->control)
        return 0;
    if ((ret = ff_style_find_reserved(r, STYLE_VECTOR, &source)) < 0 || source.node < 0)
        return ret;
    if (!ff_style_is_vector(r, source))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s': '%s' is no float32 vector of 1 to %d numbers, as a "
                              "graph for any painting has it",
                              r->path, STYLE_VECTOR, FF_STYLE_MAX_STYLES);
    s->control = FF_STYLE_CONTROL_VECTOR;
    s->chooser = source;
    s->chooser_type = FF_STYLE_DT_FLOAT;
    s->chooser_dims = ff_style_dims_of(r->nodes, &r->shapes, source);
    s->nb_values = (int)s->chooser_dims.sizes[0];
    return 0;
}

/** How many rows the table has that a number of a style is looked up in; 0: there is none. */
static int count_rows(const Reading *r, StyleSource source)
{
    const StyleNode *const node = ff_style_node_of(r, source);

    for (int i = 0; i < node->nb_uses; i++) {
        const StyleNode *const user = &r->nodes->nodes[node->uses[i].node];

        if ((ff_style_node_is(user, "Gather") || ff_style_node_is(user, "GatherV2")) &&
            node->uses[i].slot == 1) {
            const StyleDims table = ff_style_dims_of(r->nodes, &r->shapes, user->inputs[0]);

            if (table.rank > 0 && table.sizes[0] > 0 && table.sizes[0] <= FF_STYLE_MAX_STYLES)
                return (int)table.sizes[0];
        }
    }
    return 0;
}

/** Takes a graph's other placeholder for what chooses the style; returns whether it can be that. */
static int take_chooser(const Reading *r, StyleSource source)
{
    StyleSignature *const s = r->signature;
    const StyleDims dims = ff_style_dims_of(r->nodes, &r->shapes, source);
    const int type = ff_style_output_type(ff_style_node_of(r, source), 0);
    const int is_vector = dims.rank == 1 || (dims.rank == 2 && dims.sizes[0] == 1);
    const int64_t size = dims.rank > 0 ? dims.sizes[dims.rank - 1] : 1;

    s->chooser = source;
    s->chooser_type = type;
    s->chooser_dims = dims;
    if (type == FF_STYLE_DT_FLOAT && is_vector && size > 1 && size <= FF_STYLE_MAX_STYLES) {
        s->control = FF_STYLE_CONTROL_WEIGHTS;
        s->nb_styles = (int)size;
        return 1;
    }
    if ((type == FF_STYLE_DT_INT32 || type == FF_STYLE_DT_INT64) &&
        (!dims.rank || (dims.rank == 1 && ff_style_size_fits(size, 1)))) {
        s->control = FF_STYLE_CONTROL_INDEX;
        s->chooser_dims.sizes[0] = 1;
        s->nb_styles = count_rows(r, source);
        return s->nb_styles > 0;
    }
    return 0;
}

/** Every placeholder that the output depends on must be fed: the image, and what chooses the style. */
int ff_style_check_placeholders(const Reading *r)
{
    StyleSignature *const s = r->signature;
    char names[FF_STYLE_MESSAGE_SIZE / 2] = "", shape[FF_STYLE_MAX_DIMS * 24];
    int count = 0;

    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        const StyleSource source = {i, 0};

        if (!s->needed[i] || !ff_style_is_placeholder(r, i) || i == s->input.source.node ||
            (s->control && i == s->chooser.node) || (!s->control && take_chooser(r, source)))
            continue;
        if (count++ < 5) {
            ff_style_print_dims(&r->shapes.nodes[i].dims, shape, sizeof(shape));
            ff_style_append(names, sizeof(names), "%s'%.*s', %s %s", count > 1 ? "; " : "",
                            FF_STYLE_SPAN_ARGUMENTS(r->nodes->nodes[i].name),
                            ff_style_type_name(r->shapes.nodes[i].type), shape);
        }
    }
    if (!count)
        return 0;
    return ff_style_error(r->ctx, -EBADMSG,
                          "model '%s' takes more than an image and weights or the number of a "
                          "style: %s%s; give these their values when you freeze it",
                          r->path, names, count > 5 ? "; ..." : "");
}
