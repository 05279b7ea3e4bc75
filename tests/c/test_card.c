/*
 * Model cards, good and broken.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "graph/card.h"
#include "test.h"

static int read_card(const char *text, StyleCard *card)
{
    *test_message = 0;
    return ff_style_read_card(&test_context, text, strlen(text), card);
}

static void reads_name_and_styles(void)
{
    StyleCard card;

    CHECK(read_card(" { \"format\" : \"f/1\", \"trained\": {\"steps\": 1, \"a\": [1, {}, []]},\n"
                    "\"styles\": [\"wave\", \"a\\\"b\\\\\", \"\\u00e9\\ud83c\\udf0a\"],"
                    "\"x\": null, \"y\": -1.5e3, \"name\": \"sea\" } ",
                    &card) == 0);
    CHECK(!strcmp(card.name, "sea"));
    CHECK(card.nb_styles == 3);
    CHECK(!strcmp(card.styles[0], "wave"));
    CHECK(!strcmp(card.styles[1], "a\"b\\"));
    CHECK(!strcmp(card.styles[2], "\xc3\xa9\xf0\x9f\x8c\x8a"));
    ff_style_free_card(&test_context, &card);
    CHECK(!test_blocks);
}

static void does_without(void)
{
    StyleCard card;

    CHECK(read_card("{\"styles\": []}", &card) == 0);
    CHECK(!card.name && !card.nb_styles && card.text);
    ff_style_free_card(&test_context, &card);
    CHECK(!test_blocks);
}

static void refuses(const char *text)
{
    StyleCard card;

    CHECK(read_card(text, &card) == -EBADMSG);
    CHECK_MESSAGE("card");
    ff_style_free_card(&test_context, &card);
    CHECK(!test_blocks);
}

static void refuses_what_is_no_card(void)
{
    static const char *const texts[] = {
        "",
        "wave",
        "[]",
        "{",
        "{}",
        "{\"name\"}",
        "{\"name\": 1}",
        "{\"name\": \"a\", \"name\": \"b\"}",
        "{\"name\": \"a\"} {",
        "{\"name\": \"\\x\"}",
        "{\"name\": \"\\u12\"}",
        "{\"name\": \"\\u0000\"}",
        "{\"name\": \"\\ud83c\"}",
        "{\"name\": \"\\udf0a\\ud83c\"}",
        "{\"name\": \"line\nfeed\"}",
        "{\"styles\": \"wave\"}",
        "{\"styles\": [1]}",
        "{\"styles\": [\"a\"}",
        "{\"styles\": [\"a\",]}",
        "{\"x\": [}",
        "{\"x\": {\"a\" 1}}",
        "{\"x\": }",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        refuses(texts[i]);
}

static void refuses_endless_nesting(void)
{
    static char text[100000] = "{\"x\": ";

    memset(text + 6, '[', sizeof(text) - 7);
    refuses(text);
}

static void refuses_every_cut(void)
{
    static const char text[] =
        "{\"name\": \"sea\", \"styles\": [\"wave\", \"\\u00e9\"], \"x\": [1]}";
    char cut[sizeof(text)];

    for (size_t size = 0; size < sizeof(text) - 1; size++) {
        memcpy(cut, text, size);
        cut[size] = 0;
        refuses(cut);
    }
}

static void runs_out_of_memory(void)
{
    StyleCard card;
    int ret = -ENOMEM;

    for (int fail_at = 1; ret < 0; fail_at++) {
        test_fail_at = fail_at;
        ret = read_card("{\"name\": \"sea\", \"styles\": [\"wave\", \"scream\"]}", &card);
        CHECK(ret == 0 || ret == -ENOMEM);
        CHECK(fail_at < 10);
        ff_style_free_card(&test_context, &card);
        CHECK(!test_blocks);
    }
    test_fail_at = 0;
}

int main(void)
{
    reads_name_and_styles();
    does_without();
    refuses_what_is_no_card();
    refuses_endless_nesting();
    refuses_every_cut();
    runs_out_of_memory();
    return 0;
}
