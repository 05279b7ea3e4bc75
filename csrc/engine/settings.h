/*
 * Settings looked through, one by one.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_SETTINGS_H
#define FF_STYLE_SETTINGS_H

#include "../base/common.h"

/* They return 0, or -EINVAL after a message. */

int ff_style_check_settings(const StyleContext *ctx, const StyleSettings *settings);
/** A value of an enumeration whose last one is `last`. */
int ff_style_check_choice(const StyleContext *ctx, const char *name, int value, int last);

int ff_style_check_strength(const StyleContext *ctx, double strength);
int ff_style_check_steady(const StyleContext *ctx, double steady);

/** The bytes that the frames being painted may take. */
int64_t ff_style_memory_of(const StyleSettings *settings);

#endif
