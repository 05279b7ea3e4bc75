/*
 * The running of a program: one step after the other, each by all threads of a crew.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "../kernels/moments.h"
#include "program.h"

/* What a thread takes of a step at the least: more than what it costs to tell it. Parts are a thread's, bands a
 * convolution's. */
#define PART_VALUES ((int64_t)1 << 16)
#define MOST_MOVES 64

/** A step on its way. */
typedef struct Run {
    StyleProgram *program;
    const StyleStep *step;
    StyleConv conv;      ///< of FF_STYLE_CONVOLVE
    StyleAffine affine;  ///< of the others
    int64_t part_values; ///< of FF_STYLE_APPLY, FF_STYLE_FINISH and FF_STYLE_CLEAR
    int axis, parts;     ///< of FF_STYLE_MOVE: what is split, and in how many
} Run;

/** Of what is stored: halves, unless they can't hold the frame. */
static StyleType type_of(const StyleProgram *program, StyleStored stored)
{
    return stored.type == FF_STYLE_HALF && program->has_far ? FF_STYLE_FLOAT : stored.type;
}

static size_t size_of(StyleType type)
{
    return type == FF_STYLE_FLOAT ? 4 : type == FF_STYLE_UINT8 ? 1 : 2;
}

static float number_at(const StyleSmall *small, size_t i, float otherwise)
{
    return small ? (float)small->values[small->count > 1 ? i : 0] : otherwise;
}

static StyleAffine affine_of(const StyleProgram *program, const StylePending *pending)
{
    const size_t channels = (size_t)pending->channels;
    float *const floats = (float *)(void *)program->shared;

    for (size_t i = 0; i < channels; i++) {
        floats[i] = number_at(pending->scale, i, 1);
        floats[channels + i] = number_at(pending->offset, i, 0);
    }
    return (StyleAffine){channels ? floats : NULL, channels ? floats + channels : NULL,
                         pending->channels, pending->relu};
}

static StyleFeatures features_of(const StyleProgram *program, StyleStored stored,
                                 StyleFeatures features)
{
    features.data = ff_style_stored(program, stored);
    features.type = type_of(program, stored);
    return features;
}

/* Convolutions */

static void make_bands(void *job, const StyleParts *parts)
{
    ff_style_conv(&((const Run *)job)->conv, parts->first, parts->end, parts->goes_on,
                  parts->memory);
}

static void convolve(Run *run, StyleCrew *crew)
{
    StyleProgram *const program = run->program;
    const StyleStep *const step = run->step;
    StyleConv *const conv = &run->conv;

    *conv = step->conv;
    conv->affine = affine_of(program, &step->pending);
    conv->sums = program->shared + ff_style_affine_size(&step->pending);
    conv->input = features_of(program, step->input, conv->input);
    conv->added = features_of(program, step->added, conv->input);
    conv->kept = features_of(program, step->kept, conv->input);
    conv->output = features_of(program, step->output, conv->output);
    ff_style_share(crew, make_bands, run, ff_style_conv_bands(conv));
    if (conv->mean && !ff_style_join_moments(conv))
        program->has_far = 1;
}

/* Values one by one */

/** Some values in a row. */
static StyleFeatures some_of(const StyleProgram *program, StyleStored stored, int64_t from,
                             int64_t count)
{
    uint8_t *const data = ff_style_stored(program, stored);

    const StyleType type = type_of(program, stored);

    return (StyleFeatures){data ? data + (size_t)from * size_of(type) : NULL, type, 1, 1,
                           (int)count};
}

/** Values of some parts: from where, and how many. */
static int64_t count_values(const Run *run, const StyleParts *parts, int64_t *from)
{
    const int64_t last = run->part_values * parts->end;

    *from = run->part_values * parts->first;
    return (last < run->step->count ? last : run->step->count) - *from;
}

static void apply_parts(void *job, const StyleParts *parts)
{
    const Run *const run = job;
    const StyleStep *const step = run->step;
    const StyleVectors vectors = run->program->vectors;
    int64_t from;
    const int64_t count = count_values(run, parts, &from);
    const StyleFeatures input = some_of(run->program, step->input, from, count);
    const StyleFeatures added = some_of(run->program, step->added, from, count);
    const StyleFeatures output = some_of(run->program, step->output, from, count);

    if (step->kind == FF_STYLE_APPLY)
        ff_style_apply(vectors, &input, &run->affine, &added, &output, parts->memory);
    else
        ff_style_finish(vectors, &step->ending, &input, &run->affine, &output, parts->memory);
}

static void clear_parts(void *job, const StyleParts *parts)
{
    const Run *const run = job;
    int64_t from;
    const int64_t count = count_values(run, parts, &from);
    const StyleFeatures output = some_of(run->program, run->step->output, from, count);

    memset(output.data, 0, (size_t)count * size_of(output.type));
}

/** Each part begins with the first channel. */
static void share_values(Run *run, StyleCrew *crew, StyleWork work)
{
    const int64_t channels = run->step->pending.channels + !run->step->pending.channels;

    run->affine = affine_of(run->program, &run->step->pending);
    run->part_values = (PART_VALUES + channels - 1) / channels * channels;
    ff_style_share(crew, work, run,
                   (int)((run->step->count + run->part_values - 1) / run->part_values));
}

/* Copies */

static void move_parts(void *job, const StyleParts *parts)
{
    const Run *const run = job;
    const StyleStep *const step = run->step;
    StyleView from = step->from, to = step->to;

    if (run->parts > 1) {
        const int64_t dim = step->from.dims[run->axis], begin = dim * parts->first / run->parts;
        const int64_t count = dim * parts->end / run->parts - begin;

        ff_style_slice_view(&from, run->axis, begin, count, 1);
        ff_style_slice_view(&to, run->axis, begin, count, 1);
    }
    ff_style_copy_view(&from, ff_style_stored(run->program, step->input), &to,
                       ff_style_stored(run->program, step->output), size_of(step->input.type));
}

/** Along the first axis that is long enough. */
static void move(Run *run, StyleCrew *crew)
{
    const StyleView *const view = &run->step->from;
    const int64_t parts = ff_style_view_count(view) / PART_VALUES;
    int64_t most = parts < MOST_MOVES ? parts : MOST_MOVES;

    while (run->axis < view->rank - 1 && view->dims[run->axis] < most)
        run->axis++;
    most = view->rank && view->dims[run->axis] < most ? view->dims[run->axis] : most;
    run->parts = view->rank && most > 1 ? (int)most : 1;
    ff_style_share(crew, move_parts, run, run->parts);
}

/* Moments */

static const float *image_of(const Run *run)
{
    return (const float *)(const void *)ff_style_stored(run->program, run->step->input);
}

static void sum_parts(void *job, const StyleParts *parts)
{
    const Run *const run = job;
    const size_t channels = run->step->mean->count;

    ff_style_add_moments(image_of(run), (size_t)run->step->count / channels, (int)channels,
                         parts->first, parts->end, (double *)(void *)run->program->shared,
                         parts->memory);
}

static void find_moments(Run *run, StyleCrew *crew)
{
    const StyleStep *const step = run->step;
    const int channels = (int)step->mean->count;
    const size_t pixels = (size_t)step->count / step->mean->count;

    ff_style_share(crew, sum_parts, run, ff_style_moments_parts(pixels, channels));
    ff_style_join_parts(image_of(run), pixels, channels,
                        (const double *)(const void *)run->program->shared, step->mean->values,
                        step->variance->values);
}

static void run_step(StyleProgram *program, const StyleStep *step, StyleCrew *crew)
{
    Run run = {.program = program, .step = step};
    StyleSmallCall call = step->call;

    switch (step->kind) {
    case FF_STYLE_COMPUTE:
        call.function(&call);
        break;
    case FF_STYLE_CONVOLVE:
        convolve(&run, crew);
        break;
    case FF_STYLE_APPLY:
    case FF_STYLE_FINISH:
        share_values(&run, crew, apply_parts);
        break;
    case FF_STYLE_MOVE:
        move(&run, crew);
        break;
    case FF_STYLE_CLEAR:
        share_values(&run, crew, clear_parts);
        break;
    case FF_STYLE_MOMENTS:
        find_moments(&run, crew);
        break;
    }
}

/** Whether a step's result is there from a frame before. */
static int is_done(const StyleProgram *program, const StyleStep *step)
{
    return program->has_chosen && step->kind == FF_STYLE_COMPUTE &&
           step->varies == FF_STYLE_BY_STYLE;
}

/** Tells whether the values were within what they were stored as. */
static int run_steps(StyleProgram *program, StyleCrew *crew)
{
    const int was_far = program->has_far;

    for (int i = 0; i < program->nb_steps && program->has_far == was_far; i++)
        if (!is_done(program, &program->steps[i]))
            run_step(program, &program->steps[i], crew);
    return program->has_far == was_far;
}

void ff_style_run_program(StyleProgram *program, StyleCrew *crew)
{
    program->has_far = 0; // whatever the frame before was: its bytes are not to depend on that
    if (!run_steps(program, crew))
        run_steps(program, crew);
    program->has_chosen = 1;
}

int ff_style_run_alone(StyleProgram *program)
{
    StyleCrew crew;
    int ret = ff_style_open_crew(&crew);

    if (ret < 0)
        return ret;
    ff_style_begin_crew(&crew, 0);
    if ((ret = ff_style_equip_crew(&crew, program->thread_size)) >= 0)
        ff_style_run_program(program, &crew);
    ff_style_end_crew(&crew);
    ff_style_close_crew(&crew);
    return ret;
}
