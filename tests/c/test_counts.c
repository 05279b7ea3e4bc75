/*
 * Tests of engine/counts.c: what is chosen on machines of any size.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "engine/counts.h"
#include "test.h"

typedef struct Case {
    int processors, live, requests, threads; ///< of the machine and the settings; 0: auto
    StyleCounts plan, tensorflow;
} Case;

static const Case cases[] = {
    {1, 0, 0, 0, {1, 1, 1}, {2, 1, 2}},
    {2, 0, 0, 0, {2, 2, 2}, {2, 1, 2}},
    {4, 0, 0, 0, {4, 4, 4}, {3, 4, 3}},
    {8, 0, 0, 0, {8, 8, 8}, {4, 8, 4}},
    {16, 0, 0, 0, {16, 16, 16}, {4, 16, 4}},
    {96, 0, 0, 0, {16, 96, 96}, {4, 96, 4}},
    {1, 1, 0, 0, {1, 1, 1}, {2, 1, 2}},
    {2, 1, 0, 0, {1, 2, 2}, {2, 1, 2}},
    {4, 1, 0, 0, {1, 4, 4}, {3, 4, 3}},
    {16, 1, 0, 0, {1, 16, 16}, {4, 16, 4}},
    {4, 0, 1, 0, {1, 4, 4}, {1, 4, 1}},
    {4, 0, 6, 0, {6, 4, 6}, {6, 1, 6}},
    {4, 1, 3, 0, {3, 4, 4}, {3, 4, 3}},
    {4, 0, 0, 1, {4, 1, 4}, {2, 1, 2}},
    {8, 0, 0, 3, {2, 3, 6}, {2, 3, 2}},
    {2, 0, 0, 8, {1, 8, 8}, {4, 8, 4}},
    {2, 0, 3, 4, {3, 4, 12}, {3, 4, 3}},
    {2, 0, 64, 1024, {64, 1024, FF_STYLE_MAX_THREADS}, {64, 1024, 64}},
};

static int is_same(StyleCounts a, StyleCounts b)
{
    return a.requests == b.requests && a.threads == b.threads && a.workers == b.workers;
}

static int fitting(int requests, int threads, int workers, int64_t bytes, int64_t most)
{
    const StyleCounts counts = {requests, threads, workers};

    return ff_style_frames_that_fit(&counts, bytes, most);
}

int main(void)
{
    const int64_t large = (int64_t)1 << 28;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const Case *const c = &cases[i];
        StyleSettings settings;

        ff_style_default_settings(&settings);
        CHECK(!settings.live);
        settings.live = c->live;
        settings.requests = c->requests;
        settings.threads = c->threads;
        snprintf(test_message, sizeof(test_message), "case %zu", i);
        CHECK(is_same(ff_style_choose_counts(&settings, 1, c->processors), c->plan));
        CHECK(is_same(ff_style_choose_counts(&settings, 0, c->processors), c->tensorflow));
    }
    // As many as there is memory for, and one in any case.
    CHECK(fitting(16, 1, 16, 100, 1600) == 16);
    CHECK(fitting(16, 1, 16, 100, 1599) == 15);
    CHECK(fitting(16, 1, 16, 100, 99) == 1);
    CHECK(fitting(1, 1, 1, INT64_MAX, 1) == 1);
    CHECK(fitting(4, 1, 4, 0, 0) == 4);
    // Half as many large ones, where all workers may still help.
    CHECK(fitting(4, 1, 4, large, INT64_MAX) == 4);
    CHECK(fitting(4, 2, 4, large, INT64_MAX) == 2);
    CHECK(fitting(4, 2, 8, large, INT64_MAX) == 4);
    CHECK(fitting(1, 2, 2, large, INT64_MAX) == 1);
    CHECK(fitting(4, 4, 4, large / 2, INT64_MAX) == 4);
    CHECK(fitting(8, 8, 8, large, 3 * large) == 3);
    return 0;
}
