/*
 * The defaults of the settings, and what is wrong with those of a user.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdlib.h>

#include "../graph/budget.h"
#include "model.h"
#include "settings.h"

static void *default_alloc(void *opaque, size_t size)
{
    (void)opaque;
    return malloc(size);
}

static void default_free(void *opaque, void *ptr)
{
    (void)opaque;
    free(ptr);
}

void ff_style_default_settings(StyleSettings *settings)
{
    *settings = (StyleSettings){
        .strength = 1,
        .steady = FF_STYLE_DEFAULT_STEADY,
        .max_pixels = (int64_t)1 << 26,
        .max_model_bytes = (size_t)1 << 29,
        .alloc = default_alloc,
        .free = default_free,
    };
}

int ff_style_check_strength(const StyleContext *ctx, double strength)
{
    if (strength >= 0 && strength <= 1)
        return 0;
    return ff_style_error(ctx, -EINVAL,
                          "strength is %g; expected 0 (the source) to 1 (the painting)", strength);
}

int ff_style_check_steady(const StyleContext *ctx, double steady)
{
    if (steady >= 0 && steady <= 1)
        return 0;
    return ff_style_error(ctx, -EINVAL,
                          "steady is %g; expected 0 (each frame by itself) to 1 (as steady as the "
                          "source)",
                          steady);
}

int ff_style_check_choice(const StyleContext *ctx, const char *name, int value, int last)
{
    if (value >= 0 && value <= last)
        return 0;
    return ff_style_error(ctx, -EINVAL, "%s is %d; expected a value of its enumeration, 0 to %d",
                          name, value, last);
}

static int check_count(const StyleContext *ctx, const char *name, int value, int last)
{
    if (value >= 0 && value <= last)
        return 0;
    return ff_style_error(ctx, -EINVAL, "%s is %d; expected 1 to %d, or 0 for auto", name, value,
                          last);
}

int ff_style_check_settings(const StyleContext *ctx, const StyleSettings *settings)
{
    int ret;

    if (!settings->model || !*settings->model)
        return ff_style_error(ctx, -EINVAL,
                              "no model is given; expected the path of a frozen "
                              "graph (.pb) as 'model'");
    if (settings->max_memory < 0)
        return ff_style_error(ctx, -EINVAL, "max_memory is %lld; expected 1 or more, or 0 for auto",
                              (long long)settings->max_memory);
    if (settings->max_pixels < 1)
        return ff_style_error(ctx, -EINVAL, "max_pixels is %lld; expected 1 or more",
                              (long long)settings->max_pixels);
    if ((ret = ff_style_check_strength(ctx, settings->strength)) < 0 ||
        (ret = ff_style_check_steady(ctx, settings->steady)) < 0 ||
        (ret = ff_style_check_choice(ctx, "colors", (int)settings->colors,
                                     FF_STYLE_COLORS_CONTENT)) < 0 ||
        (ret = ff_style_check_choice(ctx, "precision", (int)settings->precision,
                                     FF_STYLE_PRECISION_INT16)) < 0 ||
        (ret = ff_style_check_choice(ctx, "runtime", (int)settings->runtime,
                                     FF_STYLE_RUNTIME_TENSORFLOW)) < 0 ||
        (ret = ff_style_check_choice(ctx, "range", (int)settings->range, FF_STYLE_RANGE_SIGNED)) <
            0 ||
        (ret = ff_style_check_choice(ctx, "input_range", (int)settings->input_range,
                                     FF_STYLE_RANGE_SIGNED)) < 0 ||
        (ret = ff_style_check_choice(ctx, "output_range", (int)settings->output_range,
                                     FF_STYLE_RANGE_SIGNED)) < 0 ||
        (ret = check_count(ctx, "requests", settings->requests, FF_STYLE_MAX_REQUESTS)) < 0)
        return ret;
    return check_count(ctx, "threads", settings->threads, FF_STYLE_MAX_THREADS);
}

int64_t ff_style_memory_of(const StyleSettings *settings)
{
    return settings->max_memory ? settings->max_memory : ff_style_free_memory();
}

int ff_style_check(const StyleSettings *settings)
{
    const StyleContext ctx = {settings->opaque, settings->log, settings->alloc, settings->free, 0};
    StyleModel model = {0};
    int ret;

    if ((ret = ff_style_check_settings(&ctx, settings)) < 0)
        return ret;
    ret = ff_style_read_model(&ctx, settings, &model);
    if (ret >= 0 && model.predictor.is_predictor)
        ret = ff_style_check_style(&ctx, settings, &model);
    ff_style_close_model(&ctx, &model);
    return ret;
}
