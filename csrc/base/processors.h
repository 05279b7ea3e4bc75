/*
 * How many processors there are for this process.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_PROCESSORS_H
#define FF_STYLE_PROCESSORS_H

/** How many processors this process may use, and has the time of: 1 to FF_STYLE_MAX_THREADS. */
int ff_style_count_processors(void);

#endif
