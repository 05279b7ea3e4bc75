/*
 * What the tests of the engine share: checks, messages caught, counted memory, files.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_TEST_H
#define FF_STYLE_TEST_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/common.h"

/** Ends the program when the condition does not hold, and says where. */
#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: %s: not so: %s\n(last message: %s)\n", __FILE__, __LINE__, \
                    __func__, #condition, test_message);                                       \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

#define CHECK_MESSAGE(words) CHECK(strstr(test_message, words))

/** The last message of level FF_STYLE_LOG_WARNING or worse. */
static char test_message[FF_STYLE_MESSAGE_SIZE];
static int test_errors;

static inline void test_log(void *opaque, StyleLogLevel level, const char *message)
{
    (void)opaque;
    if (level > FF_STYLE_LOG_WARNING)
        return;
    snprintf(test_message, sizeof(test_message), "%s", message);
    test_errors += level == FF_STYLE_LOG_ERROR;
}

/** How many blocks are allocated, and which allocation from now on fails: 1 is the next, 0 none. */
static _Atomic int test_blocks, test_fail_at; // several threads may submit

static inline void *test_alloc(void *opaque, size_t size)
{
    void *ptr;

    (void)opaque;
    if (test_fail_at && !--test_fail_at)
        return NULL;
    ptr = malloc(size);
    if (ptr)
        memset(ptr, 0xa5, size);
    test_blocks += ptr != NULL;
    return ptr;
}

static inline void test_free(void *opaque, void *ptr)
{
    (void)opaque;
    test_blocks -= ptr != NULL;
    free(ptr);
}

static const StyleContext test_context = {NULL, test_log, test_alloc, test_free, 0};

static inline void test_write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    CHECK(file && fwrite(bytes, 1, size, file) == size && !fclose(file));
}

/** The folder of the build, where a test may write: its first argument. */
static inline const char *test_folder(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER, that of the build\n", argv[0]);
        exit(2);
    }
    return argv[1];
}

#endif
