/*
 * Finds where a graph takes the image and where it gives the painted one, and says why one can't be used.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"

/* The names of this project's graphs, and the smallest frame that they take. */
#define FRAME "frame"
#define STYLED "styled"
#define MIN_SIZE 16

/** Marks what those that are marked depend on. */
void ff_style_mark_needed(const Reading *r, uint8_t *needed)
{
    for (int i = r->nodes->nb_nodes - 1; i >= 0; i--) { // users before those that they take from
        const StyleNode *const node = &r->nodes->nodes[r->nodes->order[i]];

        if (!needed[r->nodes->order[i]] || r->nodes->order[i] == r->signature->input.source.node)
            continue; // what is in front of a node that is fed is not run
        for (int k = 0; k < node->nb_inputs + node->nb_controls; k++)
            needed[node->inputs[k].node] = 1; // the controls lie behind the inputs
    }
}

/** Marks what depends on a node, and the node itself. */
static void mark_fed(const Reading *r, int number, uint8_t *fed)
{
    fed[number] = 1;
    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        const StyleNode *const node = &r->nodes->nodes[r->nodes->order[i]];

        for (int k = 0; k < node->nb_inputs; k++)
            fed[r->nodes->order[i]] |= fed[node->inputs[k].node];
    }
}

uint8_t *ff_style_alloc_marks(const Reading *r)
{
    return ff_style_alloc(r->ctx, (size_t)r->nodes->nb_nodes + !r->nodes->nb_nodes);
}

/** Whether a tensor's three dimensions behind the first may be those of an RGB image, channels last or first. */
static int may_be_image(const StyleDims *dims)
{
    return dims->rank < 0 || (dims->rank == 4 && ff_style_size_fits(dims->sizes[0], 1) &&
                              (ff_style_size_fits(dims->sizes[3], 3) || dims->sizes[1] == 3));
}

static int is_candidate(const Reading *r, int number)
{
    const StyleShape *const shape = &r->shapes.nodes[number];

    return may_be_image(&shape->dims) &&
           (shape->type == FF_STYLE_DT_UINT8 || shape->type == FF_STYLE_DT_FLOAT);
}

/** A node whose results nobody takes, and that depends on one that is fed. */
static int is_end(const Reading *r, int number, const uint8_t *fed)
{
    return fed[number] && !r->nodes->nodes[number].nb_uses && !ff_style_is_placeholder(r, number) &&
           !ff_style_node_is(&r->nodes->nodes[number], "NoOp");
}

/**
 * Takes the one node that is marked; of several, the one that may be an image. Says which there are when that
 * leaves none, or several.
 */
static int take_only(const Reading *r, const uint8_t *marks, const char *kind, const char *option,
                     StyleSource *found)
{
    char names[FF_STYLE_MESSAGE_SIZE / 2] = "";
    int all = 0, images = 0, shown = 0;

    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        all += marks[i];
        images += marks[i] && is_candidate(r, i);
    }
    for (int i = 0; i < r->nodes->nb_nodes; i++) {
        if (!marks[i] || (images && !is_candidate(r, i)))
            continue;
        *found = (StyleSource){i, 0};
        if (shown++ < 10)
            ff_style_append(names, sizeof(names), "%s%.*s", shown > 1 ? ", " : "",
                            FF_STYLE_SPAN_ARGUMENTS(r->nodes->nodes[i].name));
    }
    if (shown == 1)
        return 0;
    if (!all)
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' has no %s, which every style network has", r->path, kind);
    return ff_style_error(r->ctx, -EBADMSG,
                          "model '%s' has %d operations that could be the %s (%s%s): choose one "
                          "by the option '%s'",
                          r->path, shown, kind, names, shown > 10 ? ", ..." : "", option);
}

/** More outputs than a node has, of those that have several, or 1. */
static int most_outputs(const StyleNode *node)
{
    static const char *const ops[] = {"IdentityN", "ShapeN", "Split", "SplitV", "TopKV2", "Unpack"};

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        if (ff_style_node_is(node, ops[i]))
            return 100;
    return node->op.size >= 14 && !memcmp(node->op.data, "FusedBatchNorm", 14) ? 6 : 1;
}

/** Finds an output by its name, "operation" or "operation:index". */
static int find_named(const Reading *r, const char *name, const char *option, StyleSource *found)
{
    const char *const colon = strrchr(name, ':');
    const size_t length = colon ? (size_t)(colon - name) : strlen(name);
    char *rest = NULL;
    const long index = colon ? strtol(colon + 1, &rest, 10) : 0;

    found->node = ff_style_find_node(r->nodes, (StyleSpan){(const uint8_t *)name, length});
    if (found->node < 0)
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' has no operation '%s', as the option '%s' has it",
                              r->path, name, option);
    if ((rest && (*rest || rest == colon + 1)) || index < 0 ||
        index >= most_outputs(ff_style_node_of(r, *found)))
        return ff_style_error(r->ctx, -EBADMSG,
                              "option '%s': expected the name of an operation, or with the number "
                              "of one of its outputs as in 'split:1', found '%s'",
                              option, name);
    found->output = (int)index;
    return 0;
}

/** Finds a tensor by a name that is this project's own; its node is -1 when there is none. */
int ff_style_find_reserved(const Reading *r, const char *name, StyleSource *found)
{
    *found = (StyleSource){
        ff_style_find_node(r->nodes, (StyleSpan){(const uint8_t *)name, strlen(name)}), 0};
    if (found->node >= 0 && ff_style_node_is(ff_style_node_of(r, *found), "NoOp"))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s': expected a tensor by the name '%s', found an operation "
                              "of type NoOp, which has none",
                              r->path, name);
    return 0;
}

/** The image input: a placeholder that one of the ends depends on. */
static int find_input(const Reading *r, StyleSource *found)
{
    uint8_t *const marks = ff_style_alloc_marks(r), *const needed = ff_style_alloc_marks(r);
    const StyleSource output = r->signature->output.source;
    int ret = -ENOMEM;

    if (marks && needed) {
        for (int i = 0; i < r->nodes->nb_nodes; i++)
            needed[i] = output.node < 0
                            ? !r->nodes->nodes[i].nb_uses && !ff_style_is_placeholder(r, i)
                            : i == output.node;
        ff_style_mark_needed(r, needed);
        for (int i = 0; i < r->nodes->nb_nodes; i++)
            marks[i] = needed[i] && ff_style_is_placeholder(r, i);
        ret = take_only(r, marks, "image input (Placeholder)", "input", found);
    }
    ff_style_free(r->ctx, marks);
    ff_style_free(r->ctx, needed);
    return ret;
}

/** The image output: the end of what depends on the input. */
static int find_output(const Reading *r, StyleSource *found)
{
    uint8_t *const marks = ff_style_alloc_marks(r), *const fed = ff_style_alloc_marks(r);
    int ret = -ENOMEM;

    if (marks && fed) {
        mark_fed(r, r->signature->input.source.node, fed);
        for (int i = 0; i < r->nodes->nb_nodes; i++)
            marks[i] = (uint8_t)is_end(r, i, fed);
        ret = take_only(r, marks, "image output (one that nothing takes)", "output", found);
    }
    ff_style_free(r->ctx, marks);
    ff_style_free(r->ctx, fed);
    return ret;
}

int ff_style_find_ports(const Reading *r, const StyleCard *card)
{
    const StyleSettings *const settings = r->settings;
    StyleSource *const input = &r->signature->input.source;
    StyleSource *const output = &r->signature->output.source;
    StyleSource frame, styled;
    int ret, ours;

    *input = *output = (StyleSource){-1, 0};
    if ((ret = ff_style_find_reserved(r, FRAME, &frame)) < 0 ||
        (ret = ff_style_find_reserved(r, STYLED, &styled)) < 0)
        return ret;
    ours = frame.node >= 0 && styled.node >= 0;
    r->signature->min_size = ours ? MIN_SIZE : 1;
    if (frame.node >= 0 && styled.node < 0 && card->text &&
        !(settings->output && *settings->output))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' has a '%s' but no '%s', though it has a card of this "
                              "project: it was cut short; get it anew",
                              r->path, FRAME, STYLED);
    if (ours)
        *input = frame, *output = styled;
    if (settings->output && *settings->output &&
        (ret = find_named(r, settings->output, "output", output)) < 0)
        return ret;
    if (settings->input && *settings->input &&
        (ret = find_named(r, settings->input, "input", input)) < 0)
        return ret;
    if (input->node < 0 && (ret = find_input(r, input)) < 0)
        return ret;
    return output->node < 0 ? find_output(r, output) : 0;
}

/** `type` and `dims` are what the graph tells of the port. */
int ff_style_check_port(const Reading *r, const char *role, StylePort *port)
{
    const StyleDims dims = ff_style_dims_of(r->nodes, &r->shapes, port->source);
    const int type = ff_style_output_type(ff_style_node_of(r, port->source), port->source.output);
    char found[FF_STYLE_MAX_DIMS * 24];
    int height;

    ff_style_print_dims(&dims, found, sizeof(found));
    port->channels_first = dims.rank == 4 && dims.sizes[1] == 3 && dims.sizes[3] != 3;
    height = port->channels_first ? 2 : 1;
    if ((type != FF_STYLE_DT_UINT8 && type != FF_STYLE_DT_FLOAT) ||
        (dims.rank >= 0 && (dims.rank != 4 || !ff_style_size_fits(dims.sizes[0], 1) ||
                            !ff_style_size_fits(dims.sizes[port->channels_first ? 1 : 3], 3) ||
                            dims.sizes[height] > INT_MAX || dims.sizes[height + 1] > INT_MAX ||
                            !dims.sizes[height] || !dims.sizes[height + 1])))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s': the image %s '%.*s' is %s %s; expected uint8 or float32 "
                              "[1,height,width,3] or [1,3,height,width], which is one RGB image",
                              r->path, role,
                              FF_STYLE_SPAN_ARGUMENTS(ff_style_node_of(r, port->source)->name),
                              ff_style_type_name(type), found);
    port->type = type;
    if (dims.rank == 4) {
        port->height = dims.sizes[height] > 0 ? (int)dims.sizes[height] : 0;
        port->width = dims.sizes[height + 1] > 0 ? (int)dims.sizes[height + 1] : 0;
    }
    return 0;
}

int ff_style_check_port_sizes(const Reading *r)
{
    StyleSignature *const s = r->signature;
    const StylePort *const in = &s->input, *const out = &s->output;
    const int64_t width = in->width ? in->width : out->width;
    const int64_t height = in->height ? in->height : out->height;

    if ((in->width && out->width && in->width != out->width) ||
        (in->height && out->height && in->height != out->height))
        return ff_style_error(r->ctx, -EBADMSG,
                              "model '%s' makes %dx%d of an image of %dx%d (0: any); expected the "
                              "same size",
                              r->path, out->width, out->height, in->width, in->height);
    s->width = (int)width;
    s->height = (int)height;
    if (width && height && width > r->settings->max_pixels / height)
        return ff_style_error(r->ctx, -EFBIG,
                              "model '%s' is made for frames of %lldx%lld pixels only, and the "
                              "limit is %lld pixels",
                              r->path, (long long)width, (long long)height,
                              (long long)r->settings->max_pixels);
    return 0;
}
