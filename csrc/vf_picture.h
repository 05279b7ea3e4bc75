/*
 * This file is part of FFmpeg.
 *
 * FFmpeg is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * FFmpeg is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with FFmpeg; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

/**
 * @file
 * Pictures that the filter is given as styles.
 */

#ifndef AVFILTER_STYLETRANSFER_VF_PICTURE_H
#define AVFILTER_STYLETRANSFER_VF_PICTURE_H

#include "styletransfer.h"

/**
 * Read a still picture: upright as its EXIF data tell, what is transparent on
 * white.
 *
 * @param log_ctx for one line of what is wrong
 * @param path    of a file, which is never a URL
 * @param picture to be closed
 * @return 0, or a negative error code
 */
int ff_styletransfer_open_picture(void *log_ctx, const char *path,
                                  StylePicture *picture);

void ff_styletransfer_close_picture(void *log_ctx, StylePicture *picture);

#endif /* AVFILTER_STYLETRANSFER_VF_PICTURE_H */
