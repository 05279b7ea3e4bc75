/*
 * Opens a model's file, and chooses what runs it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/pool.h"
#include "../base/processors.h"
#include "../graph/budget.h"
#include "../kernels/processor.h"
#include "model.h"
#include "style.h"

int ff_style_check_style(const StyleContext *ctx, const StyleSettings *settings,
                         const StyleModel *model)
{
    const StylePictures pictures = ff_style_pictures_of(settings);

    if (!model->card.nb_styles) // those of the graph are counted when it is opened
        return 0;
    return ff_style_read_style(ctx, &pictures, model, (const char *const *)model->card.styles,
                               model->card.nb_styles, settings->style, NULL);
}

static int find_predictor(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model,
                          int64_t memory)
{
    const int ret = ff_style_find_predictor(ctx, settings->model, &model->nodes, settings,
                                            &model->signature, &model->predictor);

    return ret < 0 ? ret
                   : ff_style_check_budget(ctx, settings->model, &model->nodes, &model->predictor,
                                           memory);
}

/** What is too much for the smallest frame is too much for every one, and can be told before any comes. */
static int check_smallest_frame(const StyleContext *ctx, const StyleSettings *settings,
                                const StyleModel *model, int64_t memory)
{
    const StyleSignature *const graph = &model->signature;
    const int width = graph->width ? graph->width : graph->min_size;
    const int height = graph->height ? graph->height : graph->min_size;
    const int64_t bytes = ff_style_frame_bytes(ctx, &model->nodes, graph, width, height);

    if (bytes <= memory)
        return bytes < 0 ? (int)bytes : 0;
    return ff_style_error(ctx, -EFBIG,
                          "model '%s': a frame of no more than %dx%d pixels takes about %.1f GB, "
                          "and the limit is %.1f GB: take another model",
                          settings->model, width, height, (double)bytes / 1e9,
                          (double)memory / 1e9);
}

int ff_style_read_model(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model)
{
    const int64_t most = (int64_t)settings->max_model_bytes;
    const int64_t memory = settings->max_memory ? settings->max_memory : ff_style_free_memory();
    StyleGraphDef *const file = &model->file;
    int ret;

    if ((ret = ff_style_read_device(ctx, settings->device, &model->asked)) < 0 ||
        (ret = ff_style_read_graphdef(ctx, settings->model, settings->max_model_bytes, file)) < 0 ||
        (file->card &&
         (ret = ff_style_read_card(ctx, file->card, file->card_size, &model->card)) < 0) ||
        (ret = ff_style_read_nodes(ctx, file, &model->nodes)) < 0 ||
        (ret = ff_style_find_signature(ctx, settings->model, &model->nodes, &model->card, settings,
                                       &model->signature)) < 0)
        return ret;
    // What is the same for every frame is part of the model, whether the file holds it or says how to make it.
    if ((ret = ff_style_check_budget(ctx, settings->model, &model->nodes, &model->signature,
                                     most < memory ? most : memory)) < 0 ||
        (ret = check_smallest_frame(ctx, settings, model, memory)) < 0)
        return ret;
    return model->signature.control == FF_STYLE_CONTROL_VECTOR
               ? find_predictor(ctx, settings, model, most < memory ? most : memory)
               : ff_style_check_style(ctx, settings, model);
}

/* Plans */

static int has_gpu(void)
{
    return !access("/dev/nvidiactl", F_OK) || !access("/dev/kfd", F_OK);
}

/** The dot products that the processor has. */
static StyleDots processor_dots(void)
{
    return ff_style_dots_of(ff_style_processor_vectors());
}

/** Whether kernels of ours take bfloat16 on this processor. */
static int has_bfloat16(void)
{
    return ff_style_processor_has_matrices() || processor_dots() == FF_STYLE_DOTS_BF16;
}

/** Whether they take integers. */
static int has_integers(void)
{
    return processor_dots() == FF_STYLE_DOTS_INT16;
}

/** Why the settings or the machine leave a model to TensorFlow; NULL: they don't. */
static const char *find_obstacle(const StyleSettings *settings, const StyleModel *model)
{
    if (settings->runtime == FF_STYLE_RUNTIME_TENSORFLOW)
        return "runtime=tensorflow";
    if (model->asked.kind == FF_STYLE_DEVICE_GPU)
        return "device=gpu";
    if (!ff_style_processor_vectors())
        return "the processor has neither AVX2 nor NEON";
    if (settings->precision == FF_STYLE_PRECISION_BF16 && !has_bfloat16())
        return "precision=bf16 on a processor without AMX or ARM's BF16";
    if (settings->precision == FF_STYLE_PRECISION_INT16 && !has_integers())
        return "the processor lacks AVX512_VNNI";
    if (model->asked.kind == FF_STYLE_DEVICE_AUTO && has_gpu() &&
        settings->runtime == FF_STYLE_RUNTIME_AUTO)
        return "device=auto, and a GPU";
    return NULL;
}

/** The fastest one that the processor has. */
static StylePrecision choose_precision(const StyleSettings *settings)
{
    return settings->precision != FF_STYLE_PRECISION_AUTO ? settings->precision
           : has_bfloat16()                               ? FF_STYLE_PRECISION_BF16
           : has_integers()                               ? FF_STYLE_PRECISION_INT16
                                                          : FF_STYLE_PRECISION_FP32;
}

/** The matrix unit takes everything in bfloat16; dot products what gains from them. */
static StylePlanSettings plan_settings(StylePrecision precision)
{
    const StyleVectors vectors = ff_style_processor_vectors();
    const int has_matrices =
        precision == FF_STYLE_PRECISION_BF16 && ff_style_processor_has_matrices();

    return (StylePlanSettings){
        .vectors = precision == FF_STYLE_PRECISION_FP32 || has_matrices
                       ? ff_style_without_dots(vectors)
                       : vectors,
        .type = has_matrices ? FF_STYLE_BFLOAT16 : FF_STYLE_FLOAT,
    };
}

/** Makes the plans of a model, both or neither. Returns as ff_style_open_plan(). */
static int open_plans(const StyleContext *ctx, StylePrecision precision, StyleModel *model)
{
    StylePlanSettings plan = plan_settings(precision);
    int ret =
        ff_style_open_plan(ctx, &model->nodes, &model->signature, &plan, &model->plan, model->why);

    if (ret <= 0 || !model->predictor.is_predictor)
        return ret;
    plan = plan_settings(FF_STYLE_PRECISION_FP32); // it runs once for a painting
    ret = ff_style_open_plan(ctx, &model->nodes, &model->predictor, &plan, &model->predictor_plan,
                             model->why);
    if (ret <= 0)
        ff_style_close_plan(&model->plan);
    return ret;
}

static int open_plan(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model)
{
    const StylePrecision precision = choose_precision(settings);
    const int ret = open_plans(ctx, precision, model);

    if (ret == -ENOMEM)
        return ff_style_error(ctx, ret, "out of memory for the plan of model '%s'",
                              settings->model);
    if (ret > 0) {
        model->precision = precision;
        *model->why = 0;
    }
    return 0;
}

/** Makes a plan where that can be, or tells why there is none. */
static int try_plan(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model)
{
    const char *const obstacle = find_obstacle(settings, model);
    int ret;

    if (obstacle)
        snprintf(model->why, sizeof(model->why), "%s", obstacle);
    else if ((ret = open_plan(ctx, settings, model)) < 0)
        return ret;
    if (settings->precision == FF_STYLE_PRECISION_INT16 && !model->plan)
        return ff_style_error(ctx, -ENODEV,
                              "precision=int16: the engine does not run model '%s' in integers "
                              "(%s): take precision=auto or fp32",
                              settings->model, model->why);
    if (settings->runtime == FF_STYLE_RUNTIME_OWN && !model->plan)
        return ff_style_error(ctx, -ENODEV,
                              "runtime=own: the engine has no plan of its own for model '%s' (%s): "
                              "take runtime=auto or tensorflow",
                              settings->model, model->why);
    return 0;
}

/* TensorFlow */

static void close_session(StyleModel *model)
{
    if (!model->tf)
        return;
    ff_style_close_session(model->tf, &model->session);
    ff_style_free_graph(model->tf, &model->graph);
    model->tf = NULL;
}

static int open_session(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model)
{
    const char *const device = *model->asked.name ? model->asked.name : NULL;
    int ret;

    if ((ret = ff_style_load_tensorflow(ctx, settings->library, model->why, &model->tf)) < 0 ||
        (ret = ff_style_import_graph(ctx, model->tf, &model->file, &model->nodes, &model->signature,
                                     model->predictor.is_predictor ? &model->predictor : NULL,
                                     device, &model->graph)) < 0)
        return ret;
    ret = ff_style_open_session(ctx, model->tf, &model->graph, &model->signature, settings,
                                &model->asked, &model->session);
    model->precision = model->session.precision;
    return ret;
}

/** Takes the GPU if TensorFlow sees it, and the plan if not. */
static int try_gpu(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model)
{
    StyleContext quiet = *ctx;

    quiet.is_trial = 1;
    if (open_session(&quiet, settings, model) >= 0 && strcmp(model->session.device, "cpu"))
        return 0;
    close_session(model);
    return open_plan(ctx, settings, model);
}

int ff_style_open_model(const StyleContext *ctx, const StyleSettings *settings, StyleModel *model)
{
    const int is_open = model->asked.kind == FF_STYLE_DEVICE_AUTO &&
                        settings->runtime == FF_STYLE_RUNTIME_AUTO && has_gpu();
    const int processors = ff_style_count_processors();
    StyleSettings chosen = *settings;
    int ret;

    model->counts = ff_style_choose_counts(settings, 0, processors);
    chosen.requests = model->counts.requests;
    chosen.threads = model->counts.threads;
    if ((ret = try_plan(ctx, settings, model)) < 0 ||
        (!model->plan && is_open && (ret = try_gpu(ctx, &chosen, model)) < 0))
        return ret;
    if (model->plan)
        model->counts = ff_style_choose_counts(settings, 1, processors);
    return model->plan || model->tf ? 0 : open_session(ctx, &chosen, model);
}

void ff_style_close_model(const StyleContext *ctx, StyleModel *model)
{
    close_session(model);
    ff_style_close_plan(&model->plan);
    ff_style_close_plan(&model->predictor_plan);
    ff_style_free_signature(ctx, &model->signature);
    ff_style_free_signature(ctx, &model->predictor);
    ff_style_free_nodes(ctx, &model->nodes);
    ff_style_free_card(ctx, &model->card);
    ff_style_free(ctx, model->file.data);
    ff_style_empty_pool(); // others that still run take what they need again
}
