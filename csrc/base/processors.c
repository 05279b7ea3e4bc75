/*
 * Counts processors: those there are, may be used, and whose time a container is given.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // sched_getaffinity()
#endif

#include <sched.h>
#include <unistd.h>

#include "../styletransfer.h"
#include "groups.h"
#include "processors.h"

int ff_style_count_processors(void)
{
    const int64_t given = ff_style_group_processors("");
    const long most = given < FF_STYLE_MAX_THREADS ? (long)given : FF_STYLE_MAX_THREADS;
    long count = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
    cpu_set_t allowed;

    if (!sched_getaffinity(0, sizeof(allowed), &allowed)) // fails beyond 1024 processors
        count = CPU_COUNT(&allowed);
#endif
    return count < 1 ? 1 : count > most ? (int)most : (int)count;
}
