/*
 * Shows a painting to a model's predictor, at the size that it learned to read.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "../kernels/resize.h"
#include "predict.h"

/* The short side of the paintings that predictors learn from, and the longest one that they are shown. */
#define SHORT_SIDE 512
#define LONG_SIDE 2048
/* As JPEG allows; a longer strip is no painting, and would take long to shrink. */
#define LONGEST_SIDE 65535

static int scaled(int side, double factor)
{
    return side * factor < 1 ? 1 : (int)(side * factor + 0.5);
}

static int run_plan(const StyleContext *ctx, const StyleModel *model, const uint8_t *pixels,
                    int width, int height, float *vector)
{
    StyleProgram program;
    int ret = ff_style_make_program(ctx, model->predictor_plan, width, height, &program);

    if (ret >= 0) {
        memcpy(ff_style_stored(&program, program.frame), pixels,
               3 * (size_t)width * (size_t)height);
        if ((ret = ff_style_run_alone(&program)) < 0)
            ff_style_error(ctx, ret, "out of memory for a painting of %dx%d pixels", width, height);
        for (int i = 0; ret >= 0 && i < model->predictor.nb_values; i++)
            vector[i] = (float)program.vector->values[i];
    }
    ff_style_free_program(&program);
    return ret;
}

static int run_session(const StyleContext *ctx, const StyleModel *model, const uint8_t *pixels,
                       int width, int height, float *vector)
{
    const StyleTensorFlow *const tf = model->tf;
    const size_t size = 3 * (size_t)width * (size_t)height;
    const size_t vector_size = (size_t)model->predictor.nb_values * sizeof(*vector);
    TF_Tensor *const image =
        tf->AllocateTensor(TF_UINT8, (const int64_t[]){1, height, width, 3}, 4, size);
    TF_Status *const status = tf->NewStatus();
    TF_Tensor *found = NULL;
    int ret = 0;

    if (!image || !status) {
        ret = ff_style_error(ctx, -ENOMEM, "out of memory for a painting of %dx%d pixels", width,
                             height);
        goto end;
    }
    memcpy(tf->TensorData(image), pixels, size);
    tf->SessionRun(model->session.session, NULL, &model->graph.painting, &image, 1,
                   &model->graph.painting_vector, &found, 1, NULL, 0, NULL, status);
    if (tf->GetCode(status) != TF_OK)
        ret = ff_style_tf_error(ctx, tf, status, -EIO, "TensorFlow failed to read a painting");
    else if (tf->TensorByteSize(found) != vector_size)
        ret = ff_style_error(ctx, -EBADMSG, "the model made no vector of %d numbers of a painting",
                             model->predictor.nb_values);
    else
        memcpy(vector, tf->TensorData(found), vector_size);
end:
    if (found)
        tf->DeleteTensor(found);
    if (image)
        tf->DeleteTensor(image);
    if (status)
        tf->DeleteStatus(status);
    return ret;
}

static int check_vector(const StyleContext *ctx, const StyleModel *model, const float *vector)
{
    for (int i = 0; i < model->predictor.nb_values; i++)
        if (!isfinite(vector[i]))
            return ff_style_error(ctx, -EIO, "the model makes no finite vector of a painting");
    return 0;
}

int ff_style_predict(const StyleContext *ctx, const StyleModel *model, const StylePicture *picture,
                     float *vector)
{
    const int shorter = picture->width < picture->height ? picture->width : picture->height;
    const int longer = picture->width < picture->height ? picture->height : picture->width;
    const double factor = fmin((double)SHORT_SIDE / shorter, (double)LONG_SIDE / longer);
    const int width = scaled(picture->width, factor), height = scaled(picture->height, factor);
    uint8_t *pixels;
    int ret;

    if (longer > LONGEST_SIDE)
        return ff_style_error(ctx, -EINVAL,
                              "the style's picture has %dx%d pixels; expected sides of at most %d: "
                              "crop it",
                              picture->width, picture->height, LONGEST_SIDE);
    if (!(pixels = ff_style_alloc(ctx, 3 * (size_t)width * (size_t)height)))
        return -ENOMEM;
    ret = ff_style_resize(ctx, picture->pixels, picture->stride, picture->width, picture->height,
                          pixels, width, height);
    if (ret >= 0)
        ret = (model->plan ? run_plan : run_session)(ctx, model, pixels, width, height, vector);
    if (ret >= 0)
        ret = check_vector(ctx, model, vector);
    ff_style_free(ctx, pixels);
    return ret;
}
