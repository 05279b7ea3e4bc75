/*
 * What every part of the engine needs: the caller's callbacks, errors of one line, memory.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_COMMON_H
#define FF_STYLE_COMMON_H

#include <stddef.h>
#include <stdint.h>

#include "../styletransfer.h"

#if defined(__GNUC__)
#define FF_STYLE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define FF_STYLE_PRINTF(text, first)
#endif

/** Longest message, with its terminating zero. */
#define FF_STYLE_MESSAGE_SIZE 1024

/** The caller's callbacks, as in StyleSettings. */
typedef struct StyleContext {
    void *opaque;
    void (*log)(void *opaque, StyleLogLevel level, const char *message);
    void *(*alloc)(void *opaque, size_t size);
    void (*free)(void *opaque, void *ptr);
    int is_trial; ///< what fails is done in another way: no message is above FF_STYLE_LOG_DEBUG
} StyleContext;

/** Hands a message to the caller: one line, whatever the arguments hold. */
void ff_style_log(const StyleContext *ctx, StyleLogLevel level, const char *format, ...)
    FF_STYLE_PRINTF(3, 4);

/** As ff_style_log() with FF_STYLE_LOG_ERROR; returns `code`. */
int ff_style_error(const StyleContext *ctx, int code, const char *format, ...)
    FF_STYLE_PRINTF(3, 4);

/** Makes one line of printable text out of `text`, in place: cuts at the first line feed. */
void ff_style_one_line(char *text);

/** Appends to a string in a buffer of `size` bytes, and cuts what does not fit. */
void ff_style_append(char *text, size_t size, const char *format, ...) FF_STYLE_PRINTF(3, 4);

/** Memory of zeros; NULL after an error message. */
void *ff_style_alloc(const StyleContext *ctx, size_t size);

/** Frees what ff_style_alloc() or ff_style_copy() gave; NULL is accepted. */
void ff_style_free(const StyleContext *ctx, const void *ptr);

/** The first `size` bytes of `text` as a string of its own; NULL after an error message. */
char *ff_style_copy(const StyleContext *ctx, const char *text, size_t size);

#endif
