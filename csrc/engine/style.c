/*
 * Reads styles and mixes of them: weights of a model's own, or the mean of what pictures are made into.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "mix.h"
#include "predict.h"
#include "style.h"

/** What the steps below share. */
typedef struct Reading {
    const StyleContext *ctx;
    const StylePictures *pictures;
    const StyleModel *model;
    float *values; ///< NULL: nobody asks for them
} Reading;

StylePictures ff_style_pictures_of(const StyleSettings *settings)
{
    return (StylePictures){settings->open_picture, settings->close_picture, settings->max_pixels};
}

static int check_picture(const Reading *r, const char *path, const StylePicture *picture)
{
    if (!picture->pixels || picture->width < 1 || picture->height < 1)
        return ff_style_error(r->ctx, -EINVAL, "style '%s': expected a picture, found no pixel",
                              path);
    if (picture->width > r->pictures->max_pixels / picture->height)
        return ff_style_error(r->ctx, -EFBIG,
                              "style '%s': the picture has %dx%d pixels, and the limit is %lld "
                              "pixels: scale it down",
                              path, picture->width, picture->height,
                              (long long)r->pictures->max_pixels);
    return 0;
}

/** Adds a share of a picture's vector. */
static int add_picture(const Reading *r, const StyleTerm *term)
{
    const int count = r->model->signature.nb_values;
    StylePicture picture = {0};
    float *vector = NULL;
    int ret = r->pictures->open(r->ctx->opaque, term->path, &picture);

    if (ret < 0)
        return ret;
    ret = check_picture(r, term->path, &picture);
    if (ret >= 0 && r->values &&
        !(vector = ff_style_alloc(r->ctx, (size_t)count * sizeof(*vector))))
        ret = -ENOMEM;
    if (ret >= 0 && vector)
        ret = ff_style_predict(r->ctx, r->model, &picture, vector);
    for (int i = 0; i < count && ret >= 0 && vector; i++)
        r->values[i] += (float)term->weight * vector[i];
    ff_style_free(r->ctx, vector);
    r->pictures->close(r->ctx->opaque, &picture);
    return ret;
}

static int add_term(const Reading *r, const StyleTerm *term)
{
    if (term->path)
        return add_picture(r, term);
    // The only style of a model for any painting is all zeros.
    if (r->values && r->model->signature.control != FF_STYLE_CONTROL_VECTOR)
        r->values[term->style] += (float)term->weight;
    return 0;
}

/** Whether a model that takes the number of one style is asked for more. */
static int check_number(const Reading *r, const char *text, const StyleMix *mix)
{
    int found = -1;

    if (r->model->signature.control != FF_STYLE_CONTROL_INDEX)
        return 0;
    for (int i = 0; i < mix->nb_terms; i++) {
        if (!(mix->terms[i].weight > 0))
            continue;
        if (found >= 0 && found != mix->terms[i].style)
            return ff_style_error(r->ctx, -EINVAL,
                                  "style '%s' is a mix, and the model takes the number of one "
                                  "style",
                                  text);
        found = mix->terms[i].style;
    }
    return 0;
}

int ff_style_read_style(const StyleContext *ctx, const StylePictures *pictures,
                        const StyleModel *model, const char *const *names, int count,
                        const char *text, float *values)
{
    const Reading r = {ctx, pictures, model, values};
    const int takes = model->signature.control == FF_STYLE_CONTROL_VECTOR && pictures->open;
    StyleMix mix;
    int ret = ff_style_read_terms(ctx, text, names, count, takes, &mix);

    if (values)
        memset(values, 0, (size_t)model->signature.nb_values * sizeof(*values));
    if (ret >= 0)
        ret = check_number(&r, text, &mix);
    for (int i = 0; i < mix.nb_terms && ret >= 0; i++)
        ret = add_term(&r, &mix.terms[i]);
    ff_style_free_mix(ctx, &mix);
    return ret;
}
