/*
 * What makes a painting's vector: the other half of a model for any painting.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PREDICT_H
#define FF_STYLE_PREDICT_H

#include "model.h"

/**
 * Makes a painting's vector. Any thread may call it.
 *
 * @param picture of any size from 1x1 on
 * @param vector  receives model->predictor.nb_values numbers
 * @return 0, -ENOMEM, -EFBIG, -EBADMSG or -EIO after a message
 */
int ff_style_predict(const StyleContext *ctx, const StyleModel *model, const StylePicture *picture,
                     float *vector);

#endif
