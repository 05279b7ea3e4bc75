/*
 * TensorFlow's start, without what it writes to stderr.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_STDERR_H
#define FF_STYLE_STDERR_H

#include <stdio.h>

/** What was there before, only for the functions below. */
typedef struct StyleQuiet {
    FILE *stream;       ///< stderr; NULL: it stays as it is
    char **environment; ///< environ; NULL: it stays as it is
} StyleQuiet;

/**
 * From here on TensorFlow finds TF_CPP_MIN_LOG_LEVEL=3 in the environment, and lines of its log that are written
 * to the C library's stderr are dropped; all others go on as they are.
 *
 * File descriptor 2 stays what it is: a program that another thread starts meanwhile has its stderr. The
 * environment is another array with the same strings and one more, and both arrays stay: unlike setenv(), that
 * takes nothing away from a thread that is in getenv().
 */
StyleQuiet ff_style_be_quiet(void);

/** Ends what ff_style_be_quiet() began. */
void ff_style_be_loud(const StyleQuiet *before);

#endif
