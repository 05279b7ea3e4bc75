/*
 * Processors are counted as a container has their time.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "base/processors.h"
#include "test.h"

int main(void)
{
    CHECK(ff_style_read_quota("200000 100000\n") == 2);
    CHECK(ff_style_read_quota("200001 100000\n") == 3);
    CHECK(ff_style_read_quota("1000 100000\n") == 1);
    CHECK(ff_style_read_quota("1 1") == 1);
    CHECK(ff_style_read_quota("9223372036854775807 1\n") == FF_STYLE_MAX_THREADS);
    CHECK(ff_style_read_quota("max 100000\n") == FF_STYLE_MAX_THREADS);
    CHECK(ff_style_read_quota("200000") == FF_STYLE_MAX_THREADS);
    CHECK(ff_style_read_quota("-1 100000") == FF_STYLE_MAX_THREADS);
    CHECK(ff_style_read_quota("100000 0") == FF_STYLE_MAX_THREADS);
    CHECK(ff_style_read_quota("") == FF_STYLE_MAX_THREADS);
    CHECK(ff_style_count_processors() >= 1);
    CHECK(ff_style_count_processors() <= FF_STYLE_MAX_THREADS);
    return 0;
}
