/*
 * Prints the session's configuration as the engine writes it, for the test that has TensorFlow read it:
 *
 *   print_config THREADS BF16 GPU >config.bin
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

#include <stdio.h>
#include <stdlib.h>

#include "tensorflow/session.h"

int main(int argc, char **argv)
{
    StyleSettings settings;
    StyleContext ctx;
    StyleMessage message = {.ctx = &ctx};
    StyleConfig config;
    int failed;

    if (argc != 4)
        return 2;
    ff_style_default_settings(&settings);
    ctx = (StyleContext){NULL, settings.log, settings.alloc, settings.free, 0};
    config = (StyleConfig){atoi(argv[1]), atoi(argv[2]), atoi(argv[3])};
    ff_style_write_config(&config, &message);
    failed = message.failed || fwrite(message.data, 1, message.size, stdout) != message.size;
    ff_style_free(&ctx, message.data);
    return failed;
}
