/*
 * How many processors there are for this process.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PROCESSORS_H
#define FF_STYLE_PROCESSORS_H

/** How many processors this process may use, and has the time of: 1 to FF_STYLE_MAX_THREADS. */
int ff_style_count_processors(void);

/**
 * The quota in a cpu.max of Linux's cgroup v2, in whole processors, rounded up: 2 of "150000 100000".
 *
 * @return 1 to FF_STYLE_MAX_THREADS, which is that of "max 100000" and of what is no quota
 */
int ff_style_read_quota(const char *text);

#endif
