/*
 * What makes a painting's vector: the other half of a model for any painting.
 *
 * This file is part of ffmpeg-style.
 *
 * ffmpeg-style is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * ffmpeg-style is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with ffmpeg-style; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
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
