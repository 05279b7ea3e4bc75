/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
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

/*
 * Prints a graph as the engine rewrites it for operations of its own, for the tests that look into it:
 *
 *   print_rewritten MODEL norms|fp32|bf16 >rewritten.pb
 *
 * Exits with 3 when there is nothing to rewrite.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tensorflow/rewrite.h"

int main(int argc, char **argv)
{
    StyleSettings settings;
    StyleContext ctx;
    StyleGraphDef file = {0}, rewritten = {0};
    int ret;

    ff_style_default_settings(&settings);
    ctx = (StyleContext){NULL, settings.log, settings.alloc, settings.free, 0};
    if (argc != 3 || ff_style_read_graphdef(&ctx, argv[1], SIZE_MAX, &file) < 0)
        return 2;
    ret = ff_style_rewrite_graphdef(&ctx, &file,
                                    !strcmp(argv[2], "bf16")   ? FF_STYLE_BFLOATS
                                    : !strcmp(argv[2], "fp32") ? FF_STYLE_FLOATS
                                                               : FF_STYLE_NORMS,
                                    &rewritten);
    if (ret > 0)
        ret = fwrite(rewritten.data, 1, rewritten.size, stdout) == rewritten.size ? 1 : -EIO;
    ff_style_free(&ctx, rewritten.data);
    ff_style_free(&ctx, file.data);
    return ret > 0 ? 0 : ret < 0 ? 1 : 3;
}
