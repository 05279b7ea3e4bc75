/*
 * Reads a model's file, and looks through its nodes for what is not allowed.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // O_CLOEXEC, where FFmpeg asks for an older POSIX
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats.h"
#include "graphdef.h"
#include "nodes.h"
#include "proto.h"

/* Sorted as strcmp() sorts, for the search; one a line would fill three screens. */
// clang-format off
static const char *const allowed_ops[] = {
    "Abs", "AccumulateNV2", "Add", "AddN", "AddV2", "All", "Any", "ArgMax", "ArgMin", "Atan",
    "AvgPool", "BatchMatMul", "BatchMatMulV2", "BatchToSpaceND", "BiasAdd", "BroadcastTo", "Cast",
    "Ceil", "ClipByValue", "Concat", "ConcatV2", "Const", "Conv2D", "Conv2DBackpropInput", "Cos",
    "Cumsum", "DepthToSpace", "DepthwiseConv2dNative", "Dequantize", "Div", "Einsum", "Elu",
    "Equal", "Erf", "Exp", "ExpandDims", "Expm1", "FakeQuantWithMinMaxArgs",
    "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel", "Fill", "Floor", "FloorDiv",
    "FloorMod", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "Gather", "GatherNd",
    "GatherV2", "Greater", "GreaterEqual", "Identity", "IdentityN", "Inv", "IsFinite", "IsInf",
    "IsNan", "L2Loss", "LRN", "LeakyRelu", "Less", "LessEqual", "LinSpace", "Log", "Log1p",
    "LogSoftmax", "LogicalAnd", "LogicalNot", "LogicalOr", "MatMul", "Max", "MaxPool", "Maximum",
    "Mean", "Min", "Minimum", "MirrorPad", "Mod", "Mul", "Neg", "NoOp", "NotEqual", "OneHot",
    "OnesLike", "Pack", "Pad", "PadV2", "Placeholder", "PlaceholderWithDefault", "Pow",
    "PreventGradient", "Prod", "QuantizeV2", "Range", "Rank", "RealDiv", "Reciprocal", "Relu",
    "Relu6", "Reshape", "ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor", "ReverseV2",
    "Round", "Rsqrt", "ScatterNd", "Select", "SelectV2", "Selu", "Shape", "ShapeN", "Sigmoid",
    "Sign", "Sin", "Size", "Slice", "Softmax", "Softplus", "Softsign", "SpaceToBatchND",
    "SpaceToDepth", "Split", "SplitV", "Sqrt", "Square", "SquaredDifference", "Squeeze",
    "StopGradient", "StridedSlice", "Sub", "Sum", "Tanh", "Tile", "TopKV2", "Transpose", "Unpack",
    "ZerosLike",
};
// clang-format on

static int compare_op(const void *key, const void *element)
{
    const StyleSpan *op = key;
    const char *allowed = *(const char *const *)element;
    const int difference = strncmp((const char *)op->data, allowed, op->size);

    return difference ? difference : -(allowed[op->size] != 0);
}

int ff_style_op_is_allowed(const char *op, size_t length)
{
    const StyleSpan key = {(const uint8_t *)op, length};

    return !memchr(op, 0, length) &&
           bsearch(&key, allowed_ops, sizeof(allowed_ops) / sizeof(*allowed_ops),
                   sizeof(*allowed_ops), compare_op);
}

/**
 * Operations that no graph has by accident, wherever in it they stand: others that are not allowed are refused
 * only where the painted image depends on them.
 */
static int is_harmful(StyleSpan op)
{
    static const char *const ops[] = {
        "Abort",       "DebugIdentity", "DebugIdentityV2", "DebugIdentityV3",
        "EagerPyFunc", "PyFunc",        "PyFuncStateless", "ReadFile",
        "Save",        "SaveSlices",    "While",           "WriteFile",
    };

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        if (ff_style_span_is(op, ops[i]))
            return 1;
    return 0;
}

/** Says what a file is instead of a frozen graph, and how to make one of it. */
static int refuse_format(const StyleContext *ctx, const char *path, const StyleFormat *format)
{
    return ff_style_error(ctx, -EBADMSG,
                          "model '%s' is %s, and no frozen TensorFlow graph (.pb): %s%s%s", path,
                          format->name, format->before, path, format->after);
}

static int refuse(const StyleContext *ctx, const StyleGraphDef *file, const uint8_t *position)
{
    const StyleFormat *const format = ff_style_find_format(file->path, file->data, file->size);

    if (format)
        return refuse_format(ctx, file->path, format);
    return ff_style_error(
        ctx, -EBADMSG,
        "model '%s' is no frozen TensorFlow graph (a GraphDef), or was cut short: "
        "byte %zu of %zu makes no sense",
        file->path, (size_t)(position - file->data), file->size);
}

/* More field numbers of tensorflow/core/framework/graph.proto and of the files that it imports. */
enum { GRAPH_LIBRARY = 2, GRAPH_VERSION = 3, GRAPH_VERSIONS = 4, GRAPH_DEBUG = 5 };
enum { TENSOR_STRING = 8 };
enum { LIBRARY_FUNCTION = 1, FUNCTION_SIGNATURE = 1, SIGNATURE_NAME = 1 };

/** The string of a Const node's `value`. */
static int read_string(StyleSpan node, StyleSpan *string)
{
    StyleField field;
    StyleSpan key, value, tensor;
    int ret;

    while ((ret = ff_style_take_field(&node, &field)) > 0) {
        if (field.number != NODE_ATTR || field.type != FF_STYLE_BYTES)
            continue;
        if ((ret = ff_style_find_bytes(field.bytes, MAP_KEY, &key)) < 0)
            return ret;
        if (!ff_style_span_is(key, "value"))
            continue;
        if ((ret = ff_style_find_bytes(field.bytes, MAP_VALUE, &value)) < 0 ||
            (ret = ff_style_find_bytes(value, ATTR_TENSOR, &tensor)) < 0 ||
            (ret = ff_style_find_bytes(tensor, TENSOR_STRING, string)) < 0)
            return ret;
    }
    return ret;
}

static int check_node(const StyleContext *ctx, StyleGraphDef *file, StyleSpan node)
{
    const StyleSpan whole = node;
    StyleSpan name, card = {NULL, 0};
    StyleField field;
    int ret, ops = 0;

    if (ff_style_find_bytes(node, NODE_NAME, &name) < 0)
        return refuse(ctx, file, whole.data);
    while ((ret = ff_style_take_field(&node, &field)) > 0) {
        if (field.number != NODE_OP || field.type != FF_STYLE_BYTES)
            continue;
        ops++;
        if (is_harmful(field.bytes))
            return ff_style_error(ctx, -EBADMSG,
                                  "model '%s' is refused: its node '%.*s' is a '%.*s', which is "
                                  "not among the feed-forward operations that a style network "
                                  "needs",
                                  file->path, FF_STYLE_SPAN_ARGUMENTS(name),
                                  FF_STYLE_SPAN_ARGUMENTS(field.bytes));
    }
    if (ret < 0 || ops != 1 || !name.size)
        return refuse(ctx, file, whole.data);
    if (ff_style_span_is(name, "model_card") && read_string(whole, &card) < 0)
        return refuse(ctx, file, whole.data);
    if (card.data) {
        file->card = (const char *)card.data;
        file->card_size = card.size;
    }
    return 0;
}

static int check_library(const StyleContext *ctx, const StyleGraphDef *file, StyleSpan library)
{
    StyleSpan function, signature, name;

    if (ff_style_find_bytes(library, LIBRARY_FUNCTION, &function) < 0 ||
        ff_style_find_bytes(function, FUNCTION_SIGNATURE, &signature) < 0 ||
        ff_style_find_bytes(signature, SIGNATURE_NAME, &name) < 0)
        return refuse(ctx, file, library.data);
    if (function.data)
        return ff_style_error(
            ctx, -EBADMSG,
            "model '%s' is refused: it calls a function ('%.*s'), and only frozen "
            "graphs without functions are run; freeze it with its functions inlined",
            file->path, FF_STYLE_SPAN_ARGUMENTS(name));
    return 0;
}

int ff_style_scan_graphdef(const StyleContext *ctx, StyleGraphDef *file)
{
    StyleSpan graph = {file->data, file->size};
    const uint8_t *position = graph.data;
    StyleField field;
    int ret, nodes = 0;

    for (; (ret = ff_style_take_field(&graph, &field)) > 0; position = graph.data) {
        if (field.type != (field.number == GRAPH_VERSION ? FF_STYLE_VARINT : FF_STYLE_BYTES) ||
            field.number > GRAPH_DEBUG)
            return refuse(ctx, file, position);
        if (field.number == GRAPH_NODE)
            nodes++, ret = check_node(ctx, file, field.bytes);
        else if (field.number == GRAPH_LIBRARY)
            ret = check_library(ctx, file, field.bytes);
        if (ret < 0)
            return ret;
    }
    if (ret < 0)
        return refuse(ctx, file, position);
    if (!nodes)
        return ff_style_error(ctx, -EBADMSG, "model '%s' is a graph with no node in it",
                              file->path);
    return 0;
}

static int check_file(const StyleContext *ctx, const char *path, int fd, size_t max_size,
                      size_t *size)
{
    struct stat info, inside;
    int ret;

    if (fstat(fd, &info) < 0) {
        ret = -errno;
        return ff_style_error(ctx, ret, "model '%s' can't be read: %s", path, strerror(-ret));
    }
    if (S_ISDIR(info.st_mode) && !fstatat(fd, "saved_model.pb", &inside, 0))
        return refuse_format(ctx, path, &ff_style_saved_model);
    if (S_ISDIR(info.st_mode))
        return ff_style_error(ctx, -EBADMSG,
                              "model '%s' is a folder; expected a frozen TensorFlow graph (.pb)",
                              path);
    if (!S_ISREG(info.st_mode))
        return ff_style_error(ctx, -EBADMSG, "model '%s' is not a regular file", path);
    if (!info.st_size)
        return ff_style_error(ctx, -EBADMSG, "model '%s' is an empty file", path);
    if ((uintmax_t)info.st_size > max_size)
        return ff_style_error(ctx, -EFBIG, "model '%s' has %ju bytes, and the limit is %zu", path,
                              (uintmax_t)info.st_size, max_size);
    *size = (size_t)info.st_size;
    return 0;
}

static int read_all(const StyleContext *ctx, StyleGraphDef *file, int fd)
{
    size_t done = 0;

    while (done < file->size) {
        const ssize_t count = read(fd, file->data + done, file->size - done);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return ff_style_error(ctx, -EIO, "model '%s' can't be read beyond byte %zu of %zu: %s",
                                  file->path, done, file->size,
                                  count ? strerror(errno) : "it got shorter meanwhile");
        done += (size_t)count;
    }
    return 0;
}

int ff_style_read_graphdef(const StyleContext *ctx, const char *path, size_t max_size,
                           StyleGraphDef *file)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO must not block
    int ret;

    *file = (StyleGraphDef){.path = path};
    if (fd < 0) {
        ret = -errno;
        return ff_style_error(ctx, ret, "model '%s' can't be opened: %s", path, strerror(-ret));
    }
    ret = check_file(ctx, path, fd, max_size, &file->size);
    if (ret >= 0)
        ret = (file->data = ff_style_alloc(ctx, file->size)) ? 0 : -ENOMEM;
    if (ret >= 0)
        ret = read_all(ctx, file, fd);
    close(fd);
    return ret < 0 ? ret : ff_style_scan_graphdef(ctx, file);
}
