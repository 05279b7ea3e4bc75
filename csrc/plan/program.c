/*
 * A program's steps, and the places of its buffers in the arena.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "../kernels/moments.h"
#include "program.h"

#define ALIGNMENT 64 // bytes: a cache line

static size_t align(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/** Room for one more in a list that doubles; NULL: there is no memory. */
static void *grow(StyleMemory *memory, void *list, int count, size_t size)
{
    void *larger;

    if (count & (count - 1) || (count && count < 16))
        return list;
    larger = ff_style_take(memory, (size_t)(count ? 2 * count : 16), size);
    return larger && count ? memcpy(larger, list, (size_t)count * size) : larger;
}

int ff_style_add_buffer(StyleProgram *program, size_t size)
{
    StyleBuffer *const list =
        grow(&program->memory, program->buffers, program->nb_buffers, sizeof(*program->buffers));

    if (!list)
        return 0;
    program->buffers = list;
    list[program->nb_buffers] = (StyleBuffer){align(size), 0, program->nb_steps, 0};
    return program->nb_buffers++;
}

StyleStep *ff_style_add_step(StyleProgram *program, StyleStepKind kind)
{
    StyleStep *list;

    if (program->nb_steps == FF_STYLE_MAX_STEPS ||
        !(list = grow(&program->memory, program->steps, program->nb_steps, sizeof(*list))))
        return NULL;
    program->steps = list;
    list[program->nb_steps].kind = kind;
    return &list[program->nb_steps++];
}

/* Places */

static void use(StyleProgram *program, StyleStored stored, int step)
{
    StyleBuffer *const buffer = &program->buffers[stored.buffer];

    if (stored.buffer && step > buffer->last)
        buffer->last = step;
}

/** Whether features may be halves: where these vectors take them. */
static int has_halves(StyleVectors vectors)
{
    return ff_style_dots_of(vectors) == FF_STYLE_DOTS_INT16;
}

static void find_lifetimes(StyleProgram *program)
{
    for (int i = 0; i < program->nb_steps; i++) {
        const StyleStep *const step = &program->steps[i];

        use(program, step->input, i);
        use(program, step->added, i);
        use(program, step->kept, i);
        use(program, step->output, i);
    }
    use(program, program->painting, program->nb_steps);
    if (has_halves(program->vectors)) // a frame that they can't hold is painted again
        use(program, program->frame, program->nb_steps);
}

/** The lowest place where a buffer fits between those that are in use at the same time. */
static size_t find_place(const StyleBuffer *buffer, const StyleBuffer **placed, int nb_placed)
{
    size_t place = 0;

    for (int i = 0; i < nb_placed; i++) {
        const StyleBuffer *const other = placed[i];

        if (other->last < buffer->first || other->first > buffer->last)
            continue;
        if (other->offset >= place && other->offset - place >= buffer->size)
            break;
        if (other->offset + other->size > place)
            place = other->offset + other->size;
    }
    return place;
}

static void insert(const StyleBuffer *buffer, const StyleBuffer **placed, int nb_placed)
{
    int at = nb_placed;

    for (; at > 0 && placed[at - 1]->offset > buffer->offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = buffer;
}

/** Large ones first: small ones fill what is left between. */
static StyleBuffer *largest_left(StyleProgram *program)
{
    StyleBuffer *found = NULL;

    for (int i = 1; i < program->nb_buffers; i++) {
        StyleBuffer *const one = &program->buffers[i];

        if (one->offset == SIZE_MAX && (!found || one->size > found->size))
            found = one;
    }
    return found;
}

/* What a step needs beside its buffers */

/** Bytes that all threads share. */
static size_t shared_size(const StyleStep *step)
{
    const size_t affine = ff_style_affine_size(&step->pending);

    switch (step->kind) {
    case FF_STYLE_CONVOLVE:
        return affine + ff_style_conv_sums(&step->conv);
    case FF_STYLE_APPLY:
    case FF_STYLE_FINISH:
        return affine;
    case FF_STYLE_MOMENTS:
        return ff_style_moments_sums((size_t)step->count / step->mean->count,
                                     (int)step->mean->count);
    default:
        return 0;
    }
}

/** Bytes that each thread works in. */
static size_t thread_size(const StyleStep *step)
{
    switch (step->kind) {
    case FF_STYLE_CONVOLVE:
        return ff_style_conv_memory(&step->conv);
    case FF_STYLE_APPLY:
    case FF_STYLE_FINISH:
        return ff_style_affine_memory(step->pending.channels);
    case FF_STYLE_MOMENTS:
        return ff_style_moments_memory((int)step->mean->count);
    default:
        return 0;
    }
}

/** How many channels a convolution's affine has decides on its memory. */
static void tell_channels(StyleStep *step)
{
    step->conv.affine.channels = step->pending.channels;
    step->conv.mean = step->mean ? step->mean->values : NULL;
    step->conv.variance = step->variance ? step->variance->values : NULL;
}

/* Halves */

/** Whether what a step writes is told to be within halves, and none that a norm magnifies: it was brought to one before. */
static int makes_halves(const StyleStep *step)
{
    const StyleSmall *const scale = step->pending.scale;

    return step->kind == FF_STYLE_CONVOLVE && step->mean && scale &&
           scale->varies == FF_STYLE_BY_FRAME;
}

static int takes_halves(const StyleStep *step)
{
    return step->kind == FF_STYLE_CONVOLVE ? has_halves(step->conv.vectors)
                                           : step->kind == FF_STYLE_APPLY;
}

/** Finds the buffers of floats that may hold halves: `halves` has a byte for each. */
static void find_halves(const StyleProgram *program, uint8_t *halves)
{
    for (int i = 0; i < program->nb_steps; i++) {
        const StyleStep *const step = &program->steps[i];

        halves[step->output.buffer] |= makes_halves(step);
        halves[step->kept.buffer] |=
            makes_halves(step) && ff_style_takes_integers(&step->conv.kernel);
    }
    for (int i = 0; i < program->nb_steps; i++) {
        const StyleStep *const step = &program->steps[i];

        if (!takes_halves(step))
            halves[step->input.buffer] = halves[step->added.buffer] = halves[step->kept.buffer] =
                halves[step->output.buffer] = 0;
    }
    halves[0] = 0;
}

static void narrow(StyleStored *stored, const uint8_t *halves)
{
    if (halves[stored->buffer])
        stored->type = FF_STYLE_HALF;
}

/** Lets features be halves: they take half the time to pass memory. */
static int narrow_buffers(StyleProgram *program)
{
    uint8_t *const halves = ff_style_take(&program->memory, (size_t)program->nb_buffers, 1);

    if (!halves)
        return program->memory.failed;
    find_halves(program, halves);
    for (int i = 0; i < program->nb_steps; i++) {
        StyleStep *const step = &program->steps[i];

        narrow(&step->input, halves);
        narrow(&step->added, halves);
        narrow(&step->kept, halves);
        narrow(&step->output, halves);
    }
    return 0;
}

int ff_style_place_buffers(StyleProgram *program)
{
    const size_t count = (size_t)program->nb_buffers;
    const StyleBuffer **const placed = ff_style_take(&program->memory, count, sizeof(*placed));
    size_t end = 0, shared = 0;
    StyleBuffer *buffer;

    if (!placed || (has_halves(program->vectors) && narrow_buffers(program) < 0))
        return program->memory.failed;
    find_lifetimes(program);
    for (size_t i = 1; i < count; i++)
        program->buffers[i].offset = SIZE_MAX;
    for (int i = 0; (buffer = largest_left(program)); i++) {
        buffer->offset = find_place(buffer, placed, i);
        insert(buffer, placed, i);
        if (buffer->offset > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4)
            return -EFBIG;
        end = larger(end, buffer->offset + buffer->size);
    }
    for (int i = 0; i < program->nb_steps; i++) {
        const StyleStep *const step = &program->steps[i];

        tell_channels(&program->steps[i]);
        shared = larger(shared, shared_size(step));
        program->thread_size = larger(program->thread_size, thread_size(step));
    }
    program->memory.left = SIZE_MAX;
    if (!(program->arena = ff_style_take(&program->memory, end + shared + ALIGNMENT, 1)))
        return program->memory.failed;
    program->arena += (ALIGNMENT - (uintptr_t)program->arena % ALIGNMENT) % ALIGNMENT;
    program->shared = program->arena + end;
    return 0;
}

void ff_style_choose(StyleProgram *program, const float *values)
{
    StyleSmall *const chooser = program->chooser;

    for (size_t i = 0; chooser && i < chooser->count; i++) {
        program->has_chosen &= chooser->values[i] == (double)values[i];
        chooser->values[i] = (double)values[i];
    }
}

void ff_style_free_program(StyleProgram *program)
{
    ff_style_return_blocks(&program->memory);
    *program = (StyleProgram){0};
}
