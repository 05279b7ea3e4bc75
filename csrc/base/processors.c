/*
 * Counts processors: those there are, may be used, and whose time a container is given.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // sched_getaffinity()
#endif

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../styletransfer.h"
#include "processors.h"

#define LONGEST 4096 // path of a group

int ff_style_read_quota(const char *text)
{
    char *end;
    const long long quota = strtoll(text, &end, 10), period = strtoll(end, NULL, 10);
    long long count = FF_STYLE_MAX_THREADS;

    if (quota > 0 && period > 0)
        count = quota / period + (quota % period > 0);
    return count < FF_STYLE_MAX_THREADS ? (int)count : FF_STYLE_MAX_THREADS;
}

/** Reads the first line that begins so. Returns whether there is one. */
static int read_line(const char *path, const char *start, char *line, int size)
{
    FILE *const file = fopen(path, "re");
    int found = 0;

    while (file && !found && fgets(line, size, file))
        found = !strncmp(line, start, strlen(start));
    if (file)
        fclose(file);
    return found;
}

/** The least quota of the process' group and of those that it lies in. */
static int least_quota(void)
{
    char group[LONGEST], path[LONGEST + 32], line[64], *end;
    int least = FF_STYLE_MAX_THREADS;

    if (!read_line("/proc/self/cgroup", "0::/", group, sizeof(group)))
        return least;
    for (end = group + strcspn(group, "\n"); end; end = strrchr(group, '/')) {
        *end = 0;
        snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", group + 3);
        if (read_line(path, "", line, sizeof(line)) && ff_style_read_quota(line) < least)
            least = ff_style_read_quota(line);
    }
    return least;
}

int ff_style_count_processors(void)
{
    const int most = least_quota();
    long count = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
    cpu_set_t allowed;

    if (!sched_getaffinity(0, sizeof(allowed), &allowed)) // fails beyond 1024 processors
        count = CPU_COUNT(&allowed);
#endif
    return count < 1 ? 1 : count > most ? most : (int)count;
}
