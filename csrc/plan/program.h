/*
 * What a frame of one size takes: steps, one after the other, over buffers in one arena.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PROGRAM_H
#define FF_STYLE_PROGRAM_H

#include "../base/crew.h"
#include "../graph/small.h"
#include "../kernels/conv.h"

/** More steps than any network of one's patience takes. */
#define FF_STYLE_MAX_STEPS 2048

typedef enum StyleStepKind {
    FF_STYLE_COMPUTE, ///< an operation on small tensors
    FF_STYLE_CONVOLVE,
    FF_STYLE_APPLY,   ///< affine, ReLU and sum, into memory
    FF_STYLE_FINISH,  ///< affine, tanh and limits, into bytes or floats
    FF_STYLE_MOVE,    ///< values from one view to another
    FF_STYLE_CLEAR,   ///< zeros
    FF_STYLE_MOMENTS, ///< mean and variance of each channel
} StyleStepKind;

/** Values in a buffer of the arena. */
typedef struct StyleStored {
    int buffer; ///< from 1 on; 0: none
    StyleType type;
} StyleStored;

/** What is done to values while they are read: in this order. `added` is in the step. */
typedef struct StylePending {
    StyleSmall *scale, *offset; ///< NULL: 1, 0
    int channels;               ///< of these, 1 for a number; 0: there are none
    int relu;
} StylePending;

typedef struct StyleStep {
    StyleStepKind kind;
    StyleStored input, added, kept, output;
    StylePending pending;
    int64_t count; ///< of the input's values; of the output's when it is cleared
    StyleConv conv;
    StyleSmall *mean, *variance; ///< NULL: nobody asks
    StyleEnding ending;
    StyleView from, to;
    StyleSmallCall call;
    StyleVaries varies; ///< what the call computes; of the other kinds: with each frame
} StyleStep;

typedef struct StyleBuffer {
    size_t size, offset; ///< in the arena
    int first, last;     ///< steps that write and read it
} StyleBuffer;

typedef struct StyleProgram {
    StyleMemory memory; ///< of all that follows
    StyleStep *steps;
    int nb_steps;
    StyleBuffer *buffers; ///< the first one is nobody's
    int nb_buffers;
    StyleVectors vectors;
    int width, height; ///< of the frame
    StyleStored frame; ///< where it goes, and where the painting is: bytes of RGB
    StyleStored painting;
    StyleSmall *chooser; ///< of the style: weights of all, or a number; NULL: the network has one
    int has_far;         ///< whether halves can't hold the frame's values, and all are floats
    int has_chosen;      ///< whether all was computed that follows from the chooser's values
    StyleSmall *vector;  ///< of a predictor, in the place of a painting
    uint8_t *arena, *shared; ///< `shared` is what a step's threads need beside its buffers
    size_t thread_size;      ///< bytes that each of them works in
} StyleProgram;

/** Adds a buffer of so many bytes; 0: there is no memory. */
int ff_style_add_buffer(StyleProgram *program, size_t size);

/** Adds a step; NULL: there is no memory, or they are too many. Steps move when one is added. */
StyleStep *ff_style_add_step(StyleProgram *program, StyleStepKind kind);

/** Gives each buffer its place, and makes the arena. Returns 0, -ENOMEM, or -EFBIG for too many bytes. */
int ff_style_place_buffers(StyleProgram *program);

/** Sets the chooser's values, if there is one and they are others: what follows from them is computed once. */
void ff_style_choose(StyleProgram *program, const float *values);

/**
 * Paints the frame that was put where it belongs. The crew, which the calling thread leads, works in `thread_size`
 * bytes; how many help makes no difference to the painting.
 */
void ff_style_run_program(StyleProgram *program, StyleCrew *crew);

/** The same by the calling thread alone. Returns 0 or -ENOMEM. */
int ff_style_run_alone(StyleProgram *program);

void ff_style_free_program(StyleProgram *program);

/** Bytes that scale and offset take in front of what else a step's threads share: whole cache lines. */
static inline size_t ff_style_affine_size(const StylePending *pending)
{
    return (2 * sizeof(float) * (size_t)(pending->channels + 1) + 63) / 64 * 64;
}

static inline uint8_t *ff_style_stored(const StyleProgram *program, StyleStored stored)
{
    return stored.buffer ? program->arena + program->buffers[stored.buffer].offset : NULL;
}

#endif
