/*
 * Styles and mixes as users write them.
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

#include <math.h>

#include "engine/mix.h"
#include "test.h"

static const char *const names[] = {"wave", "scream", "a:b", "2"};

static void reads(const char *text, float a, float b, float c, float d)
{
    const float expected[] = {a, b, c, d};
    float weights[4];

    CHECK(ff_style_read_mix(&test_context, text, names, 4, weights) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(fabsf(weights[i] - expected[i]) < 1e-6f);
}

static void refuses(const char *text, const char *words)
{
    float weights[4];

    *test_message = 0;
    CHECK(ff_style_read_mix(&test_context, text, names, 4, weights) == -EINVAL);
    CHECK_MESSAGE(words);
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
    return 0;
}
