/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
 *
 * This file is part of ffmpeg-style.
 *
 * ffmpeg-style is free software; you can redistribute it and/or
 * modify it under the terms of the GNU Lesser General Public
 * License as published by the Free Software Foundation; either
 * version 2.1 of the License, or (at your option) any later version.
 *
 * ffmpeg-style is distributed in the hope that it will be useful,
 * but WITHOUT ANY WARRANTY; without even the implied warranty of
 * MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU
 * Lesser General Public License for more details.
 *
 * You should have received a copy of the GNU Lesser General Public
 * License along with ffmpeg-style; if not, write to the Free Software
 * Foundation, Inc., 51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // memfd_create()
#endif

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stderr.h"

/* More than TensorFlow writes as it starts, with room for lines of the caller's other threads. */
#define MAX_HELD 65536

StyleStderr ff_style_hold_stderr(void)
{
    StyleStderr state = {-1, -1};

#if defined(__x86_64__) || defined(__i386__)
    // TensorFlow's packages end the process there, with a reason.
    if (!__builtin_cpu_supports("avx"))
        return state;
#endif
#ifdef MFD_CLOEXEC
    state.real = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    state.held = memfd_create("stderr", MFD_CLOEXEC);
    if (state.real >= 0 && state.held >= 0 && dup2(state.held, STDERR_FILENO) >= 0)
        return state;
    if (state.real >= 0)
        close(state.real);
    if (state.held >= 0)
        close(state.held);
    state.real = -1;
#endif
    return state;
}

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

void ff_style_release_stderr(StyleStderr *state)
{
    char text[MAX_HELD + 1];
    ssize_t size;

    if (state->real < 0)
        return;
    dup2(state->real, STDERR_FILENO);
    close(state->real);
    size = pread(state->held, text, MAX_HELD, 0);
    close(state->held);
    state->real = -1;
    text[size > 0 ? size : 0] = 0;
    for (const char *line = text; *line;) {
        const size_t length = strcspn(line, "\n");
        const size_t whole = length + (line[length] == '\n');

        if (!is_log_line(line, length))
            write_all(line, whole);
        line += whole;
    }
}
