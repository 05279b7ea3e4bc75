/*
 * Prints the session's configuration as the engine writes it, for the test that has TensorFlow read it:
 *
 *   print_config THREADS BF16 GPU >config.bin
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
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
