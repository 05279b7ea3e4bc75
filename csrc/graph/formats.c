/*
 * Tells other formats of networks by how their files begin, or by their names.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "formats.h"

#define FREEZE "freeze it by: ffmpeg-style freeze ", " model.pb"

const StyleFormat ff_style_saved_model = {"a SavedModel", FREEZE};

/** A format's first bytes, at an offset, and the end of its files' names; NULL: any. */
typedef struct Sign {
    StyleFormat format;
    size_t offset;
    const char *bytes, *suffix;
} Sign;

static const Sign signs[] = {
    {{"a Keras model in HDF5", FREEZE}, 0, "\x89HDF\r\n\x1a\n", NULL},
    {{"a Keras model", FREEZE}, 0, "PK\3\4", ".keras"},
    {{"a model of PyTorch", "export what is in ", " as ONNX, by torch.onnx.export()"},
     0,
     "PK\3\4",
     NULL},
    {{"a TensorFlow Lite model", "none can be made of it; freeze what was converted into ", ""},
     4,
     "TFL3",
     NULL},
    {{"a graph as text", FREEZE}, 0, "node {", NULL},
    {{"a graph as text", FREEZE}, 0, NULL, ".pbtxt"},
    {{"the graph of a checkpoint, without its weights", FREEZE}, 0, NULL, ".meta"},
    {{"a SavedModel", FREEZE}, 0, "\x08\x01\x12", NULL},
    {{"an ONNX model", "make a SavedModel of it by: onnx2tf -i ",
      " -o saved; and freeze that by: ffmpeg-style freeze saved model.pb"},
     0,
     "\x08",
     NULL},
};

static int ends_with(const char *text, const char *end)
{
    const size_t size = strlen(text), length = strlen(end);

    return size >= length && !strcmp(text + size - length, end);
}

static int has_sign(const Sign *sign, const char *path, const uint8_t *data, size_t size)
{
    const size_t length = sign->bytes ? strlen(sign->bytes) : 0;

    if (sign->suffix && !ends_with(path, sign->suffix))
        return 0;
    return size >= sign->offset + length &&
           (!length || !memcmp(data + sign->offset, sign->bytes, length));
}

const StyleFormat *ff_style_find_format(const char *path, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
        if (has_sign(&signs[i], path, data, size))
            return &signs[i].format;
    return NULL;
}
