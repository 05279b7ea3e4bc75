/*
 * Reads the JSON of a model card.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "card.h"

#define MAX_DEPTH 64

typedef struct Json {
    const char *next, *end;
} Json;

static void skip_space(Json *json)
{
    while (json->next < json->end && memchr(" \t\r\n", *json->next, 4))
        json->next++;
}

/** Whether the next token is this character; takes it if so. */
static int take(Json *json, char character)
{
    skip_space(json);
    if (json->next == json->end || *json->next != character)
        return 0;
    json->next++;
    return 1;
}

static int take_hex(Json *json, unsigned *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++) {
        const char c = json->next < json->end ? *json->next++ : 0;

        if (c >= '0' && c <= '9')
            *code = *code * 16 + (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            *code = *code * 16 + (unsigned)((c | 32) - 'a' + 10);
        else
            return -EBADMSG;
    }
    return 0;
}

/** Takes what follows "\u", with the second half of a surrogate pair. */
static int take_unicode(Json *json, unsigned *code)
{
    unsigned low;

    if (take_hex(json, code) < 0)
        return -EBADMSG;
    if (*code < 0xd800 || *code > 0xdfff)
        return *code ? 0 : -EBADMSG; // a zero would end the C string
    if (*code > 0xdbff || json->end - json->next < 2 || memcmp(json->next, "\\u", 2))
        return -EBADMSG;
    json->next += 2;
    if (take_hex(json, &low) < 0 || low < 0xdc00 || low > 0xdfff)
        return -EBADMSG;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return 0;
}

static char *put_utf8(char *text, unsigned code)
{
    if (code < 0x80) {
        *text++ = (char)code;
        return text;
    }
    if (code < 0x800) {
        *text++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *text++ = (char)(0xe0 | code >> 12);
        } else {
            *text++ = (char)(0xf0 | code >> 18);
            *text++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *text++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *text++ = (char)(0x80 | (code & 0x3f));
    return text;
}

/** Takes what follows a backslash; gives the place behind what it put, or NULL. */
static char *take_escape(Json *json, char *text)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char c = json->next < json->end ? *json->next++ : 0;
    const char *const found = c ? strchr(from, c) : NULL;
    unsigned code;

    if (found)
        code = (unsigned char)to[found - from];
    else if (c != 'u' || take_unicode(json, &code) < 0)
        return NULL;
    return put_utf8(text, code);
}

/** Takes a string into `text`, which has room for as many bytes as the JSON has left. */
static int take_string(Json *json, char *text)
{
    if (!take(json, '"'))
        return -EBADMSG;
    while (json->next < json->end && *json->next != '"') {
        const char c = *json->next++;

        if ((unsigned char)c < ' ')
            return -EBADMSG;
        if (c != '\\')
            *text++ = c;
        else if (!(text = take_escape(json, text)))
            return -EBADMSG;
    }
    *text = 0;
    return take(json, '"') ? 0 : -EBADMSG;
}

static int skip_word(Json *json)
{
    const char *const start = json->next;

    while (json->next < json->end && *json->next && !strchr(",:]} \t\r\n", *json->next))
        json->next++;
    return json->next > start ? 0 : -EBADMSG;
}

static int skip_value(Json *json, char *scratch, int depth)
{
    const int object = take(json, '{');

    if (depth > MAX_DEPTH)
        return -EBADMSG;
    if (!object && !take(json, '[')) {
        skip_space(json);
        return json->next < json->end && *json->next == '"' ? take_string(json, scratch)
                                                            : skip_word(json);
    }
    if (take(json, object ? '}' : ']'))
        return 0;
    do {
        if (object && (take_string(json, scratch) < 0 || !take(json, ':')))
            return -EBADMSG;
        if (skip_value(json, scratch, depth + 1) < 0)
            return -EBADMSG;
    } while (take(json, ','));
    return take(json, object ? '}' : ']') ? 0 : -EBADMSG;
}

static int count_values(Json json, char *scratch)
{
    int count = 0;

    do {
        if (skip_value(&json, scratch, 0) < 0)
            return -EBADMSG;
        count++;
    } while (take(&json, ','));
    return count;
}

static int take_styles(const StyleContext *ctx, Json *json, char *scratch, StyleCard *card)
{
    int count;

    if (card->styles || !take(json, '['))
        return -EBADMSG;
    if (take(json, ']'))
        return 0;
    if ((count = count_values(*json, scratch)) < 0 || count > FF_STYLE_MAX_STYLES)
        return -EBADMSG;
    if (!(card->styles = ff_style_alloc(ctx, (size_t)count * sizeof(*card->styles))))
        return -ENOMEM;
    do {
        if (take_string(json, scratch) < 0)
            return -EBADMSG;
        if (!(card->styles[card->nb_styles] = ff_style_copy(ctx, scratch, strlen(scratch))))
            return -ENOMEM;
        card->nb_styles++;
    } while (take(json, ','));
    return take(json, ']') ? 0 : -EBADMSG;
}

static int take_name(const StyleContext *ctx, Json *json, char *scratch, StyleCard *card)
{
    if (card->name || take_string(json, scratch) < 0)
        return -EBADMSG;
    return (card->name = ff_style_copy(ctx, scratch, strlen(scratch))) ? 0 : -ENOMEM;
}

static int take_card(const StyleContext *ctx, Json *json, char *scratch, StyleCard *card)
{
    int ret = 0;

    if (!take(json, '{'))
        return -EBADMSG;
    do {
        if (take_string(json, scratch) < 0 || !take(json, ':'))
            return -EBADMSG;
        if (!strcmp(scratch, "styles"))
            ret = take_styles(ctx, json, scratch, card);
        else if (!strcmp(scratch, "name"))
            ret = take_name(ctx, json, scratch, card);
        else
            ret = skip_value(json, scratch, 0);
    } while (ret >= 0 && take(json, ','));
    if (ret < 0)
        return ret;
    if (!take(json, '}'))
        return -EBADMSG;
    skip_space(json);
    return json->next == json->end ? 0 : -EBADMSG;
}

int ff_style_read_card(const StyleContext *ctx, const char *text, size_t size, StyleCard *card)
{
    Json json = {text, text + size};
    char *scratch = ff_style_alloc(ctx, size + 1);
    int ret = -ENOMEM;

    *card = (StyleCard){0};
    if (scratch && (card->text = ff_style_copy(ctx, text, size)))
        ret = take_card(ctx, &json, scratch, card);
    if (ret == -EBADMSG)
        ff_style_error(
            ctx, ret,
            "the model's card is not the JSON that it should be: byte %zu of %zu was not "
            "expected there; export the model again",
            (size_t)(json.next - text), size);
    ff_style_free(ctx, scratch);
    return ret;
}

void ff_style_free_card(const StyleContext *ctx, StyleCard *card)
{
    for (int i = 0; i < card->nb_styles; i++)
        ff_style_free(ctx, card->styles[i]);
    ff_style_free(ctx, card->styles);
    ff_style_free(ctx, card->name);
    ff_style_free(ctx, card->text);
    *card = (StyleCard){0};
}
