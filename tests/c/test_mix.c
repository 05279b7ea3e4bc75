/*
 * Styles and mixes as users write them.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>

#include "engine/mix.h"
#include "test.h"

static const char *const names[] = {"wave", "scream", "a:b", "2"};

static void reads(const char *text, float a, float b, float c, float d)
{
    const float expected[] = {a, b, c, d};
    float weights[4] = {0};
    StyleMix mix;

    CHECK(ff_style_read_terms(&test_context, text, names, 4, 0, &mix) == 0);
    for (int i = 0; i < mix.nb_terms; i++)
        weights[mix.terms[i].style] += (float)mix.terms[i].weight;
    for (int i = 0; i < 4; i++)
        CHECK(fabsf(weights[i] - expected[i]) < 1e-6f);
    ff_style_free_mix(&test_context, &mix);
}

/** Of two terms, the second one's path and weight. */
static void finds(const char *text, const char *path, double weight)
{
    StyleMix mix;

    CHECK(ff_style_read_terms(&test_context, text, names, 4, 1, &mix) == 0);
    CHECK(mix.nb_terms == 2 && mix.terms[0].style == 0 && !mix.terms[0].path);
    CHECK(mix.terms[1].style == -1 && !strcmp(mix.terms[1].path, path));
    CHECK(fabs(mix.terms[1].weight - weight) < 1e-9);
    ff_style_free_mix(&test_context, &mix);
}

static void refuses(const char *text, const char *words)
{
    StyleMix mix;

    *test_message = 0;
    CHECK(ff_style_read_terms(&test_context, text, names, 4, 0, &mix) == -EINVAL);
    CHECK_MESSAGE(words);
    ff_style_free_mix(&test_context, &mix);
}

int main(void)
{
    static char many[10000];

    reads(NULL, 1, 0, 0, 0);
    reads("", 1, 0, 0, 0);
    reads("scream", 0, 1, 0, 0);
    reads("1", 0, 1, 0, 0);
    reads("2", 0, 0, 0, 1); // a name goes before an index
    reads("3", 0, 0, 0, 1);
    reads("wave:0.7+scream:0.3", 0.7f, 0.3f, 0, 0);
    reads(" wave : 3 + 1 : 1 ", 0.75f, 0.25f, 0, 0);
    reads("wave+scream", 0.5f, 0.5f, 0, 0);
    reads("wave:0+scream:.5", 0, 1, 0, 0);
    reads("wave+wave:2", 1, 0, 0, 0);
    reads("a:b", 0, 0, 1, 0);
    reads("a:b:3+wave:1.", 0.25f, 0, 0.75f, 0);

    finds("wave+a.jpg", "a.jpg", 0.5);
    finds("wave+a.jpg:3", "a.jpg", 0.75);
    finds("wave+ ./wave : 1 ", "./wave", 0.5);
    finds("wave+c:/a.jpg", "c:/a.jpg", 0.5);
    finds("wave+c:/a.jpg:0", "c:/a.jpg", 0);
    finds("wave+a\\+b\\:1.jpg:1", "a+b:1.jpg", 0.5);
    finds("wave+a\\:1", "a:1", 0.5);
    finds("wave+a\\\\b", "a\\b", 0.5);
    finds("wave+a\\", "a\\", 0.5);

    refuses("sea", "'sea' is not in the model; it has 4: wave, scream, a:b, 2");
    refuses("4", "'4' is not in the model");
    refuses("1.0", "'1.0' is not in the model");
    refuses("-1", "'-1' is not in the model");
    refuses("+", "'' is not in the model");
    refuses("wave+", "'' is not in the model");
    refuses(":1", "'' is not in the model");
    refuses("wave:", "weight ''");
    refuses("wave:a", "weight 'a'");
    refuses("wave:-1", "weight '-1'");
    refuses("wave:1e3", "weight '1e3'");
    refuses("wave:nan", "weight 'nan'");
    refuses("wave:1.2.3", "weight '1.2.3'");
    refuses("wave:0", "sum of 0");
    memset(many, '9', sizeof(many) - 1);
    refuses(many, "is not in the model");
    memcpy(many, "wave:", 5);
    refuses(many, "weight '999");
    CHECK(!test_blocks);
    return 0;
}
