/*
 * Reads and writes the fields of protocol buffers.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "proto.h"

static int take(StyleSpan *message, size_t size, StyleSpan *taken)
{
    if (size > message->size)
        return -EBADMSG;
    *taken = (StyleSpan){message->data, size};
    message->data += size;
    message->size -= size;
    return 0;
}

int ff_style_take_varint(StyleSpan *message, uint64_t *value)
{
    StyleSpan byte;

    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (take(message, 1, &byte) < 0)
            return -EBADMSG;
        *value |= (uint64_t)(*byte.data & 0x7f) << shift;
        if (!(*byte.data & 0x80))
            return 0;
    }
    return -EBADMSG;
}

int ff_style_take_field(StyleSpan *message, StyleField *field)
{
    uint64_t value;
    int ret;

    if (!message->size)
        return 0;
    if ((ret = ff_style_take_varint(message, &value)) < 0)
        return ret;
    *field = (StyleField){.number = value >> 3 <= 0x1fffffff ? (unsigned)(value >> 3) : 0,
                          .type = value & 7};
    if (!field->number)
        return -EBADMSG;

    switch (field->type) {
    case FF_STYLE_VARINT:
        ret = ff_style_take_varint(message, &field->value);
        break;
    case FF_STYLE_FIXED64:
        ret = take(message, 8, &field->bytes);
        break;
    case FF_STYLE_FIXED32:
        ret = take(message, 4, &field->bytes);
        break;
    case FF_STYLE_BYTES:
        ret = ff_style_take_varint(message, &value);
        if (ret >= 0)
            ret = value <= SIZE_MAX ? take(message, (size_t)value, &field->bytes) : -EBADMSG;
        break;
    default: // groups, which no message here has ever had
        ret = -EBADMSG;
    }
    return ret < 0 ? ret : 1;
}

int ff_style_find_bytes(StyleSpan message, unsigned number, StyleSpan *bytes)
{
    StyleField field;
    int ret;

    *bytes = (StyleSpan){NULL, 0};
    while ((ret = ff_style_take_field(&message, &field)) > 0)
        if (field.number == number && field.type == FF_STYLE_BYTES)
            *bytes = field.bytes;
    return ret;
}

int ff_style_span_is(StyleSpan span, const char *text)
{
    return ff_style_spans_equal(span, (StyleSpan){(const uint8_t *)text, strlen(text)});
}

int ff_style_spans_equal(StyleSpan a, StyleSpan b)
{
    return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}

static int make_room(StyleMessage *message, size_t size)
{
    uint8_t *data;
    size_t capacity;

    if (message->failed || size > SIZE_MAX / 4 - message->size) {
        message->failed = 1;
        return -ENOMEM;
    }
    if (size <= message->capacity - message->size)
        return 0;
    capacity = 2 * (message->size + size);
    if (!(data = ff_style_alloc(message->ctx, capacity))) {
        message->failed = 1;
        return -ENOMEM;
    }
    if (message->size)
        memcpy(data, message->data, message->size);
    ff_style_free(message->ctx, message->data);
    message->data = data;
    message->capacity = capacity;
    return 0;
}

void ff_style_put_raw(StyleMessage *message, const void *bytes, size_t size)
{
    if (!size || make_room(message, size) < 0)
        return;
    memcpy(message->data + message->size, bytes, size);
    message->size += size;
}

static void put_varint(StyleMessage *message, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;

    for (; value > 0x7f; value >>= 7)
        bytes[size++] = (uint8_t)(value | 0x80);
    bytes[size++] = (uint8_t)value;
    ff_style_put_raw(message, bytes, size);
}

void ff_style_put_number(StyleMessage *message, unsigned field, int64_t value)
{
    put_varint(message, field << 3 | FF_STYLE_VARINT);
    put_varint(message, (uint64_t)value);
}

void ff_style_put_float(StyleMessage *message, unsigned field, float value)
{
    uint8_t bytes[4];
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    put_varint(message, field << 3 | FF_STYLE_FIXED32);
    ff_style_put_raw(message, bytes, sizeof(bytes));
}

void ff_style_put_bytes(StyleMessage *message, unsigned field, const void *bytes, size_t size)
{
    put_varint(message, field << 3 | FF_STYLE_BYTES);
    put_varint(message, size);
    ff_style_put_raw(message, bytes, size);
}

void ff_style_put_text(StyleMessage *message, unsigned field, const char *text)
{
    ff_style_put_bytes(message, field, text, strlen(text));
}

void ff_style_put_message(StyleMessage *message, unsigned field, StyleMessage *inner)
{
    ff_style_put_bytes(message, field, inner->data, inner->size);
    message->failed |= inner->failed;
    inner->size = 0;
}
