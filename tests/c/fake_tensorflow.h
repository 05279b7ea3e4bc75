/*
 * How a test and the fake TensorFlow talk: the fake exports one FakeTensorFlow, named fake_tensorflow.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_FAKE_TENSORFLOW_H
#define FF_STYLE_FAKE_TENSORFLOW_H

#include <stdint.h>

typedef struct FakeTensorFlow {
    // What the test asks for.
    int nb_styles;   ///< of the graph: a placeholder style_weights when there are several
    int float_graph; ///< float32 images, and names that are not the project's
    int width;       ///< fixed size of the graph, 0: any
    int height;
    int wider;       ///< how much wider than the frame the output is
    int forbidden;   ///< whether importing turns a node into a WriteFile
    int gpus;        ///< how many there are
    int delay;       ///< milliseconds that the first pixel's red value of 255 takes
    int held;        ///< while it is set, frames that are being painted wait, ten seconds at most
    int fail_at;     ///< the call that fails, 1 is the next; 0: none
    int fail_frames; ///< whether running fails, with a message of several lines
    int exhausted;   ///< whether a failing call says that the memory is used up

    // What the test gets to know.
    const char *failed; ///< the call that failed last
    int calls;          ///< calls that could have failed
    int live;           ///< objects that exist
    int runs;           ///< frames painted
    int running;        ///< frames that are being painted
    int most_running;   ///< how many there have been at a time
    int tensors;        ///< tensors ever allocated by the caller
    uint8_t config[256];
    int config_size;
    uint8_t run_options[32]; ///< of the frame painted last
    int run_options_size;
    char device[64]; ///< of the import
} FakeTensorFlow;

#endif
