/*
 * The attributes of a node, and the constants that they hold.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "nodes.h"

/* More field numbers, of attr_value.proto, tensor.proto and tensor_shape.proto. */
enum { ATTR_SHAPE = 7, LIST_INT = 3 };
enum { TENSOR_TYPE = 1, TENSOR_SHAPE = 2, TENSOR_CONTENT = 4 };
enum { SHAPE_DIM = 2, SHAPE_UNKNOWN = 3, DIM_SIZE = 1 };

/** The last field of an attribute's last value, if it has this number; its number is 0 otherwise. */
static StyleField find_value(const StyleNode *node, const char *name, unsigned number)
{
    StyleSpan rest = node->message, key, value = {NULL, 0};
    StyleField field, found = {0};

    while (ff_style_take_field(&rest, &field) > 0)
        if (field.number == NODE_ATTR && field.type == FF_STYLE_BYTES &&
            ff_style_find_bytes(field.bytes, MAP_KEY, &key) >= 0 && ff_style_span_is(key, name))
            ff_style_find_bytes(field.bytes, MAP_VALUE, &value);
    while (value.size && ff_style_take_field(&value, &field) > 0)
        found = field;
    return found.number == number ? found : (StyleField){0};
}

int64_t ff_style_attr_int(const StyleNode *node, const char *name, int64_t missing)
{
    const StyleField field = find_value(node, name, ATTR_INT);

    return field.number && field.type == FF_STYLE_VARINT ? (int64_t)field.value : missing;
}

int ff_style_attr_bool(const StyleNode *node, const char *name, int missing)
{
    const StyleField field = find_value(node, name, ATTR_BOOL);

    return field.number && field.type == FF_STYLE_VARINT ? field.value != 0 : missing;
}

int ff_style_attr_type(const StyleNode *node, const char *name)
{
    const StyleField field = find_value(node, name, ATTR_TYPE);

    return field.type == FF_STYLE_VARINT && field.value < 1000 ? (int)field.value : 0;
}

StyleSpan ff_style_attr_text(const StyleNode *node, const char *name)
{
    const StyleField field = find_value(node, name, ATTR_BYTES);

    return field.type == FF_STYLE_BYTES ? field.bytes : (StyleSpan){NULL, 0};
}

int ff_style_attr_is(const StyleNode *node, const char *name, const char *text, int missing)
{
    const StyleSpan value = ff_style_attr_text(node, name);

    return value.data ? ff_style_span_is(value, text) : missing;
}

const char *ff_style_type_name(int type)
{
    static const char *const names[] = {
        "no type",  "float32", "float64", "int32",  "uint8",   "int16",   "int8",
        "string",   "complex", "int64",   "bool",   "qint8",   "quint8",  "qint32",
        "bfloat16", "qint16",  "quint16", "uint16", "complex", "float16",
    };

    return type >= 0 && type < (int)(sizeof(names) / sizeof(*names)) ? names[type] : "another type";
}

/** `size` bytes, the lowest first. */
static uint64_t read_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    while (size--)
        value = value << 8 | bytes[size];
    return value;
}

static double float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return (double)value;
}

float ff_style_attr_float(const StyleNode *node, const char *name, float missing)
{
    const StyleField field = find_value(node, name, ATTR_FLOAT);

    return field.type == FF_STYLE_FIXED32
               ? (float)float_of((uint32_t)read_bytes(field.bytes.data, 4))
               : missing;
}

int ff_style_attr_ints(const StyleNode *node, const char *name, int max, int64_t *numbers)
{
    const StyleField found = find_value(node, name, ATTR_LIST);
    StyleSpan list = found.type == FF_STYLE_BYTES ? found.bytes : (StyleSpan){NULL, 0};
    StyleField field;
    uint64_t value;
    int count = 0;

    while (list.size && count <= max && ff_style_take_field(&list, &field) > 0) {
        if (field.number != LIST_INT)
            continue;
        if (field.type == FF_STYLE_VARINT && count++ < max)
            numbers[count - 1] = (int64_t)field.value;
        while (field.type == FF_STYLE_BYTES && field.bytes.size && count <= max &&
               ff_style_take_varint(&field.bytes, &value) >= 0)
            if (count++ < max)
                numbers[count - 1] = (int64_t)value;
    }
    return count;
}

static int read_shape(StyleSpan shape, StyleDims *dims)
{
    StyleField field, size;
    int ret;

    *dims = (StyleDims){0};
    while ((ret = ff_style_take_field(&shape, &field)) > 0) {
        if (field.number == SHAPE_UNKNOWN && field.type == FF_STYLE_VARINT && field.value) {
            dims->rank = -1;
            return 1;
        }
        if (field.number != SHAPE_DIM || field.type != FF_STYLE_BYTES)
            continue;
        if (dims->rank == FF_STYLE_MAX_DIMS)
            return 0;
        while ((ret = ff_style_take_field(&field.bytes, &size)) > 0)
            if (size.number == DIM_SIZE && size.type == FF_STYLE_VARINT)
                dims->sizes[dims->rank] = (int64_t)size.value < 0 ? -1 : (int64_t)size.value;
        if (ret < 0)
            return 0;
        dims->rank++;
    }
    return ret >= 0;
}

int ff_style_attr_shape(const StyleNode *node, const char *name, StyleDims *dims)
{
    const StyleField field = find_value(node, name, ATTR_SHAPE);

    return field.type == FF_STYLE_BYTES && read_shape(field.bytes, dims);
}

/** How a type's values lie in a tensor's content, and in what field a message lists them; 0: not read here. */
typedef struct Layout {
    int type;
    unsigned size, field;
} Layout;

static Layout layout_of(int type)
{
    static const Layout layouts[] = {
        {FF_STYLE_DT_FLOAT, 4, 5},     {FF_STYLE_DT_DOUBLE, 8, 6}, {FF_STYLE_DT_INT32, 4, 7},
        {FF_STYLE_DT_UINT8, 1, 7},     {FF_STYLE_DT_INT64, 8, 10}, {FF_STYLE_DT_BOOL, 1, 11},
        {FF_STYLE_DT_BFLOAT16, 2, 13}, {FF_STYLE_DT_HALF, 2, 13},
    };

    for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
        if (layouts[i].type == type)
            return layouts[i];
    return (Layout){0};
}

static int count_values(StyleTensor *tensor)
{
    tensor->count = 1;
    for (int i = 0; i < tensor->dims.rank; i++) {
        const int64_t size = tensor->dims.sizes[i];

        if (size < 0 || (size && tensor->count > ((uint64_t)1 << 40) / (uint64_t)size))
            return 0;
        tensor->count *= (size_t)size;
    }
    return tensor->dims.rank >= 0;
}

int ff_style_attr_tensor(const StyleNode *node, const char *name, StyleTensor *tensor)
{
    const StyleField found = find_value(node, name, ATTR_TENSOR);
    StyleSpan rest = found.bytes, shape = {NULL, 0};
    StyleField field;
    int ret;

    if (found.type != FF_STYLE_BYTES)
        return 0;
    *tensor = (StyleTensor){.message = found.bytes};
    while ((ret = ff_style_take_field(&rest, &field)) > 0) {
        if (field.number == TENSOR_TYPE && field.type == FF_STYLE_VARINT && field.value < 1000)
            tensor->type = (int)field.value;
        else if (field.number == TENSOR_SHAPE && field.type == FF_STYLE_BYTES)
            shape = field.bytes;
        else if (field.number == TENSOR_CONTENT && field.type == FF_STYLE_BYTES && field.bytes.size)
            tensor->content = field.bytes;
    }
    return ret >= 0 && read_shape(shape, &tensor->dims) && count_values(tensor) &&
           (!tensor->content.data ||
            tensor->content.size == tensor->count * layout_of(tensor->type).size);
}

static double float_of_half(uint32_t half)
{
    const uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 0x1f, rest = half & 0x3ff;
    const double tiny = (double)rest / (1 << 24);

    if (!exponent)
        return sign ? -tiny : tiny;
    return float_of(sign | (exponent == 0x1f ? 0x7f800000 : (exponent + 112) << 23) | rest << 13);
}

static double number_of(int type, uint64_t bits)
{
    double value;

    switch (type) {
    case FF_STYLE_DT_FLOAT:
        return float_of((uint32_t)bits);
    case FF_STYLE_DT_BFLOAT16:
        return float_of((uint32_t)(bits << 16));
    case FF_STYLE_DT_HALF:
        return float_of_half((uint32_t)bits & 0xffff);
    case FF_STYLE_DT_DOUBLE:
        memcpy(&value, &bits, sizeof(value));
        return value;
    case FF_STYLE_DT_INT32:
        return (double)(int32_t)(uint32_t)bits;
    default:
        return (double)(int64_t)bits;
    }
}

/** The values of a message that lists them, one after the other. */
typedef struct Listed {
    StyleSpan rest, packed;
    Layout layout;
    unsigned wire; ///< how one of them is written
    uint64_t last; ///< which stands for all that are not listed
} Listed;

/** Takes the next value into `last`; returns 0 at the end, or -EBADMSG. */
static int take_listed(Listed *list)
{
    StyleField field;
    int ret;

    while (!list->packed.size) {
        if ((ret = ff_style_take_field(&list->rest, &field)) <= 0)
            return ret;
        if (field.number != list->layout.field)
            continue;
        if (field.type == list->wire) {
            list->last = field.type == FF_STYLE_VARINT
                             ? field.value
                             : read_bytes(field.bytes.data, field.bytes.size);
            return 1;
        }
        if (field.type != FF_STYLE_BYTES)
            return -EBADMSG;
        list->packed = field.bytes;
    }
    if (list->wire == FF_STYLE_VARINT)
        return ff_style_take_varint(&list->packed, &list->last) < 0 ? -EBADMSG : 1;
    if (list->packed.size < list->layout.size)
        return -EBADMSG;
    list->last = read_bytes(list->packed.data, list->layout.size);
    list->packed.data += list->layout.size;
    list->packed.size -= list->layout.size;
    return 1;
}

int ff_style_tensor_numbers(const StyleTensor *tensor, size_t count, double *numbers)
{
    const Layout layout = layout_of(tensor->type);
    Listed list = {.rest = tensor->message, .layout = layout, .wire = FF_STYLE_VARINT};
    int ret = 1;

    if (!layout.size)
        return -EBADMSG;
    if (tensor->type == FF_STYLE_DT_FLOAT)
        list.wire = FF_STYLE_FIXED32;
    else if (tensor->type == FF_STYLE_DT_DOUBLE)
        list.wire = FF_STYLE_FIXED64;
    for (size_t i = 0; i < count && i < tensor->count; i++) {
        if (tensor->content.data)
            list.last = read_bytes(tensor->content.data + i * layout.size, layout.size);
        else if (ret > 0 && (ret = take_listed(&list)) < 0)
            return ret;
        numbers[i] = number_of(tensor->type, list.last);
    }
    return 0;
}
