/*
 * Tensors of few values, and the operations on them: constants, sizes, weights of styles, what a norm makes of
 * its moments.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_SMALL_H
#define FF_STYLE_SMALL_H

#include "memory.h"
#include "view.h"

/** How often values are other ones. */
typedef enum StyleVaries {
    FF_STYLE_KNOWN,
    FF_STYLE_BY_STYLE, ///< with what chooses the style
    FF_STYLE_BY_FRAME,
} StyleVaries;

typedef struct StyleSmall {
    int type; ///< as types.proto numbers it
    int rank;
    int64_t dims[FF_STYLE_MAX_DIMS];
    size_t count;
    double *values;     ///< NULL: only the shape is known
    StyleVaries varies; ///< the values are not known yet, the dimensions are
    int mean_of;        ///< of an image in this buffer, 0: of none
} StyleSmall;

typedef struct StyleSmallCall StyleSmallCall;

/** Returns 1; 0 when the inputs do not fit, or there is no memory. */
typedef int (*StyleSmallFunction)(StyleSmallCall *call);

/** An operation on small tensors: computed once, or with each frame again into the same memory. */
struct StyleSmallCall {
    StyleSmallFunction function;
    double (*number)(double a, double b); ///< of operations on single numbers
    const StyleNode *node;                ///< for its attributes
    StyleSmall **inputs, **outputs;
    int nb_inputs, nb_outputs;
    float epsilon;          ///< of a norm
    const StyleView *shape; ///< of the output, for ff_style_copy_small(); only while it is made
    StyleMemory *memory;
};

/** An operation, how many inputs it takes, and a bit for each that decides on its output's shape. */
typedef struct StyleRule {
    const char *op;
    StyleSmallFunction function;
    int nb_inputs; ///< -1: one or more
    unsigned parameters;
} StyleRule;

#define FF_STYLE_LAST 0x80000000u ///< the last input does

/** Takes a rule for the call, if it has as many inputs and those that decide are known. Returns as ff_style_find_small(). */
int ff_style_take_rule(StyleRule rule, StyleSmallCall *call);

/**
 * Finds the node's operation for the call's inputs.
 *
 * @return 1; 0: there is none, or an input that decides on the output's shape varies or is not known
 */
int ff_style_find_small(const StyleNode *node, StyleSmallCall *call);

/** Whether ff_style_find_small() has an operation of this name, for inputs that it fits. */
int ff_style_knows_small(const StyleNode *node);

/** Scale and offset of a norm, of the inputs mean, variance, gamma and beta. */
int ff_style_norm_small(StyleSmallCall *call);

/** The values of the only input, in another shape. */
int ff_style_copy_small(StyleSmallCall *call);

/** The number operation of this name, such as "Mul". Returns as ff_style_find_small(). */
int ff_style_find_number(StyleSpan op, StyleSmallCall *call);

/** Spreads a shape, of no axis at first, to hold another one too. Returns 0 when they do not fit each other. */
int ff_style_broadcast(const StyleSmall *small, int *rank, int64_t *dims);

/** Whether a type's values are whole numbers. */
int ff_style_is_whole_type(int type);

/** Rounds as the type does: what is divided is whole when it was whole. */
double ff_style_round_small(int type, double value);

/** As many values as no tensor has: what a count is that would be larger. */
#define FF_STYLE_TOO_MANY (FF_STYLE_MAX_VALUES + 1)

/** The product of two counts; -1: one of them is negative. */
static inline int64_t ff_style_times(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return -1;
    return b && a > FF_STYLE_MAX_VALUES / b ? FF_STYLE_TOO_MANY : a * b;
}

/** Gives a tensor its shape; returns 0 when that makes no sense, or is too large: its count is too many then. */
int ff_style_set_shape(StyleSmall *small, int type, int rank, const int64_t *dims);

/** Whether the values of all inputs and outputs are there, and not their shapes alone. */
int ff_style_has_values(const StyleSmallCall *call);

/** The dimensions behind a Pad of `from` by as many zeros as `sizes` says. Returns as ff_style_find_small(). */
int ff_style_pad_dims(const StyleSmall *from, const StyleSmall *sizes, int64_t *dims);

/** The same for the shape of what an operation on images gives, and no values; of image_shapes.c. -1: it has no rule. */
int ff_style_find_image_shape(const StyleNode *node, StyleSmallCall *call);

/** Gives a tensor its shape and memory, for its first values; checks them later. Returns whether that fits. */
int ff_style_shape_small(StyleMemory *memory, StyleSmall *small, int type, int rank,
                         const int64_t *dims);

/** What a view sees of the values of `from`. Returns as StyleSmallFunction. */
int ff_style_view_small(StyleMemory *memory, const StyleSmall *from, const StyleView *view,
                        StyleSmall *to);

StyleView ff_style_small_view(const StyleSmall *small);

/**
 * Changes a view as an operation that only moves values does: slices, transpositions, reversals, axes of one index.
 *
 * @param inputs of the node; those behind the first are its parameters
 * @return 1; 0: it is none of them, or they make no sense
 */
int ff_style_move_view(const StyleNode *node, StyleSmall *const *inputs, int nb_inputs,
                       StyleView *view);

/** Whether ff_style_move_view() knows the operation. */
int ff_style_is_move(const StyleNode *node);

/** The dimensions that a Reshape, ExpandDims or Squeeze ... asks for. Returns 1, or 0 when they do not fit `count`. */
int ff_style_read_dims(const StyleSmall *shape, int64_t count, int *rank, int64_t *dims);

/** A whole number that sums with others without overflow; beyond: far more than any dimension. */
static inline int64_t ff_style_whole(double number)
{
    const double most = (double)((int64_t)1 << 40);

    return (int64_t)(number < most ? number > -most ? number : -most : most);
}

/** An axis from a number that may count from the end; -1: there is none. */
int ff_style_axis(double number, int rank);

#endif
