/*
 * What the control groups of Linux, of both versions, give to this process.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_GROUPS_H
#define FF_STYLE_GROUPS_H

#include <stdint.h>

/** More than any machine has. */
#define FF_STYLE_NO_LIMIT ((int64_t)1 << 62)

/** The number that a file of the system's begins with; FF_STYLE_NO_LIMIT: it begins with none, or is not there. */
int64_t ff_style_read_number(const char *path);

/**
 * The bytes that are left to the process' group, and to each that this one lies in: its limit, less what is taken
 * and would not be dropped for others.
 *
 * @param root where /proc and /sys are: "", but in tests
 * @return the least of them, FF_STYLE_NO_LIMIT at most
 */
int64_t ff_style_group_memory(const char *root);

/**
 * The processors whose time the groups have, rounded up: 2 of a quota of 150 ms in each 100 ms.
 *
 * @param root as for ff_style_group_memory()
 * @return the fewest, 1 or more; FF_STYLE_NO_LIMIT at most
 */
int64_t ff_style_group_processors(const char *root);

#endif
