/*
 * Leaves out what TensorFlow writes while it starts.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // fopencookie()
#endif

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stderr.h"

#ifndef __GLIBC__ // there unistd.h has it
extern char **environ;
#endif

/** "I0000 00:00:1700000000.123456   1234 file.cc:31] text", or the line that announces those. */
static int is_log_line(const char *line, size_t size)
{
    static const char announcement[] = "WARNING: All log messages before absl::InitializeLog()";
    const size_t length = sizeof(announcement) - 1;

    if (size >= length && !memcmp(line, announcement, length))
        return 1;
    return size > 6 && strchr("IWE", *line) && strspn(line + 1, "0123456789") == 4 &&
           line[5] == ' ' && memchr(line, ']', size);
}

static void write_all(const char *text, size_t size)
{
    while (size) {
        const ssize_t count = write(STDERR_FILENO, text, size);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return; // there is nobody to tell
        text += count;
        size -= (size_t)count;
    }
}

#ifdef __GLIBC__ // where stderr is a variable
/** What the stream has of a line that has not ended yet. The stream's own lock protects it. */
static char line[4096];
static size_t line_size;

static void end_line(void)
{
    line[line_size] = 0;
    if (!is_log_line(line, line_size))
        write_all(line, line_size);
    line_size = 0;
}

static ssize_t filter(void *cookie, const char *text, size_t size)
{
    (void)cookie;
    for (size_t i = 0; i < size; i++) {
        line[line_size++] = text[i];
        if (text[i] == '\n' || line_size == sizeof(line) - 1)
            end_line();
    }
    return (ssize_t)size;
}

/** The same stream for the life of the process: another thread may still be writing to it. */
static FILE *open_filter(void)
{
    static FILE *stream;

    if (!stream && (stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = filter})))
        setvbuf(stream, NULL, _IONBF, 0);
    return stream;
}
#endif

/** The environment with the level. Another thread may be reading it from now on: it is never freed. */
static char **quiet_environment(void)
{
    static char level[] = "TF_CPP_MIN_LOG_LEVEL=3";
    static char **last;
    size_t count = 0;
    char **quiet;

    while (environ && environ[count])
        count++;
    if (!(quiet = calloc(count + 3, sizeof(*quiet))))
        return NULL;
    if (count)
        memcpy(quiet, environ, count * sizeof(*quiet));
    quiet[count] = level;
    quiet[count + 2] = (char *)last; // behind the end: for those who look for lost memory
    return last = quiet;
}

StyleQuiet ff_style_be_quiet(void)
{
    StyleQuiet before = {NULL, NULL};
    char **const quiet = quiet_environment();

#if defined(__x86_64__) || defined(__i386__)
    // TensorFlow's packages end the process there, with a reason.
    if (!__builtin_cpu_supports("avx"))
        return before;
#endif
    if (quiet) {
        before.environment = environ;
        environ = quiet;
    }
#ifdef __GLIBC__
    if (open_filter()) {
        before.stream = stderr;
        stderr = open_filter();
    }
#endif
    return before;
}

void ff_style_be_loud(const StyleQuiet *before)
{
    if (before->environment)
        environ = before->environment;
#ifdef __GLIBC__
    if (before->stream) {
        stderr = before->stream;
        flockfile(open_filter());
        end_line();
        funlockfile(open_filter());
    }
#endif
}
