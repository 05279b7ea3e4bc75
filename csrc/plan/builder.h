/*
 * What the making of a program works with. Nodes are looked at in their order, and each gives values: small
 * tensors, which are known or computed with each frame, and images, which wait: what is done to them pixel by
 * pixel is noted down, until somebody takes them who can do it on the way.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_BUILDER_H
#define FF_STYLE_BUILDER_H

#include "plan.h"

#define MAX_MOVES 4

typedef struct Image {
    StyleStored stored;   ///< the values that are there
    int64_t count;        ///< of them
    StylePending pending; ///< what is to be done to them, one by one, first
    StyleStored added;    ///< then this is added
    int is_ending;        ///< and then what `ending` says
    StyleEnding ending;
    int type;                   ///< of what comes out: FF_STYLE_DT_FLOAT or FF_STYLE_DT_UINT8
    StyleView moves[MAX_MOVES]; ///< copies to be made then, one of the other
    int nb_moves;
    StyleView view; ///< of the last of them
    int conv;       ///< the step, counted from 1, whose output these values are, all of it; 0: none
    int is_normed; ///< it was brought to a norm, or to what one has learned: its values are about 1
    int squared;   ///< it is the square of the difference from the mean, which only a mean may take
    int id;        ///< the value that it began as: a mean tells by that what it is of
} Image;

/** A node's output: one of the two, or neither: it is not there. */
typedef struct Value {
    StyleSmall *small;
    Image *image;
} Value;

/** A packed kernel. */
typedef struct Packed {
    StyleKernelShape shape;
    int top, left; ///< of a transposed one: where it was put into a larger one
    void *values;
    struct Packed *next; ///< of the same node
} Packed;

struct StylePlan {
    StyleMemory memory, constants; ///< what stays, and what is needed until all kernels are packed
    const StyleNodes *nodes;
    const StyleSignature *signature;
    StylePlanSettings settings;
    int *first;      ///< number of each node's first value
    int *nb_outputs; ///< how many of them are asked for
    int nb_values;
    int *order; ///< the nodes that the painting depends on and that are no constants
    int nb_ordered;
    uint8_t *needed;    ///< of each node: the painting depends on it
    uint8_t *convolved; ///< a convolution does
    Value *values;      ///< constants
    Packed **kernels;   ///< of each node
};

typedef struct Builder {
    const StylePlan *plan;
    StylePlan *open; ///< the same while it is opened, and takes kernels; NULL later
    StyleProgram *program;
    Value *values;
    const StyleNode *node; ///< that is looked at
    char reason[FF_STYLE_MESSAGE_SIZE];
} Builder;

/** Notes down why there is no program; returns 0. */
int ff_style_refuse(Builder *b, const char *why);

/** Values that an input stands for. */
Value ff_style_input_value(const Builder *b, const StyleNode *node, int slot);

/* Inputs of the node that is looked at; NULL: there is no such. */

static inline Image *ff_style_image_at(const Builder *b, int slot)
{
    return ff_style_input_value(b, b->node, slot).image;
}

static inline StyleSmall *ff_style_small_at(const Builder *b, int slot)
{
    return ff_style_input_value(b, b->node, slot).small;
}

/** A small tensor that is known; NULL: there is none. */
static inline StyleSmall *ff_style_known_at(const Builder *b, int slot)
{
    StyleSmall *const small = ff_style_small_at(b, slot);

    return small && !small->varies ? small : NULL;
}

static inline int ff_style_misfit(Builder *b)
{
    return ff_style_refuse(b, "its inputs or attributes are none that the engine runs");
}

/* Small tensors. They return NULL after a refusal, or without memory. */

StyleSmall *ff_style_known_number(Builder *b, double number);

/** Computes now what is known, and with each frame what is not. Returns whether it could. */
int ff_style_compute(Builder *b, StyleSmallCall *call);

/** Like an operation of this name on one or two tensors. */
StyleSmall *ff_style_compute_number(Builder *b, const char *op, StyleSmall *first,
                                    StyleSmall *second);

/** The same values in one dimension, or in those of a view. */
StyleSmall *ff_style_flatten_small(Builder *b, StyleSmall *small);
StyleSmall *ff_style_reshape_small(Builder *b, StyleSmall *small, const StyleView *view);

/** Makes the image of `number`, for the node's only output. */
Image *ff_style_add_image(Builder *b, const Image *image);

/* Images. They return 0 after a refusal, or without memory. */

/** Does all that waits. The values are then as the image's view tells, of any type. */
int ff_style_settle(Builder *b, Image *image);

/** The same, and in the order of the image's axes. */
int ff_style_settle_whole(Builder *b, Image *image);

/** The same as ff_style_settle(), in single precision. */
int ff_style_settle_floats(Builder *b, Image *image);

/** Makes room for another scale and offset, or ReLU, or sum. */
int ff_style_open_image(Builder *b, Image *image, int for_affine);

/** Multiplies by `scale` and adds `offset`, numbers or values of each channel of `axis`; NULL: neither. */
int ff_style_scale_image(Builder *b, Image *image, StyleSmall *scale, StyleSmall *offset, int axis);

/** Begins, or goes on with, the ending; `rounded`: also where it was rounded already. */
StyleEnding *ff_style_end_image(Builder *b, Image *image, int rounded);

int ff_style_add_images(Builder *b, Image *image, Image *other);

/** The axis of an image's channels as the node says it. */
int ff_style_channel_axis(const StyleNode *node, const Image *image);

/** Mean and variance of each channel of this axis, without what is pending but for an offset. */
int ff_style_find_image_moments(Builder *b, Image *image, int axis, StyleSmall **mean,
                                StyleSmall **variance);

/** A new buffer of so many values; its number is 0 after a refusal. */
StyleStored ff_style_new_buffer(Builder *b, StyleType type, int64_t count);

/** Reads a view of one buffer into a view of another. */
int ff_style_move_values(Builder *b, StyleStored from, const StyleView *view, StyleStored to,
                         const StyleView *target);

/** Compiles the node `b->node` that takes an image: a pattern of patterns.c. Returns 1; 0 after a refusal. */
int ff_style_build_image(Builder *b);

/** A convolution: of convolution.c. */
int ff_style_build_convolution(Builder *b);

/* Images of several parts: of joins.c. */
int ff_style_build_concat(Builder *b);
int ff_style_build_pad_mirrored(Builder *b);
int ff_style_build_pad(Builder *b);

#endif
