/*
 * Messages of one line, and memory by the caller's callbacks.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common.h"

void ff_style_one_line(char *text)
{
    for (; *text && *text != '\n'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
    *text = 0;
}

static void log_line(const StyleContext *ctx, StyleLogLevel level, const char *format, va_list args)
    FF_STYLE_PRINTF(3, 0);

static void log_line(const StyleContext *ctx, StyleLogLevel level, const char *format, va_list args)
{
    char message[FF_STYLE_MESSAGE_SIZE];

    if (!ctx->log)
        return;
    vsnprintf(message, sizeof(message), format, args);
    ff_style_one_line(message);
    ctx->log(ctx->opaque, ctx->is_trial ? FF_STYLE_LOG_DEBUG : level, message);
}

void ff_style_log(const StyleContext *ctx, StyleLogLevel level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(ctx, level, format, args);
    va_end(args);
}

int ff_style_error(const StyleContext *ctx, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(ctx, FF_STYLE_LOG_ERROR, format, args);
    va_end(args);
    return code;
}

void ff_style_append(char *text, size_t size, const char *format, ...)
{
    const size_t length = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + length, size - length, format, args);
    va_end(args);
}

void *ff_style_alloc(const StyleContext *ctx, size_t size)
{
    void *ptr = ctx->alloc(ctx->opaque, size);

    if (!ptr) {
        ff_style_error(ctx, -ENOMEM, "out of memory: %zu bytes were not to be had", size);
        return NULL;
    }
    return memset(ptr, 0, size);
}

void ff_style_free(const StyleContext *ctx, const void *ptr)
{
    if (ptr)
        ctx->free(ctx->opaque, (void *)(uintptr_t)ptr); // the caller's free() takes no const
}

char *ff_style_copy(const StyleContext *ctx, const char *text, size_t size)
{
    char *copy = ff_style_alloc(ctx, size + 1);

    return copy ? memcpy(copy, text, size) : NULL;
}
