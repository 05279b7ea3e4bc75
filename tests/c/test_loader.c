/*
 * TensorFlow's library: found, missing, and without a function.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "tensorflow/library.h"
#include "test.h"

static const StyleTensorFlow *tf;

static int load(const char *library)
{
    *test_message = 0;
    return ff_style_load_tensorflow(&test_context, library, "a test", &tf);
}

static void says_where_it_looked(void)
{
    CHECK(load("/nowhere/libtensorflow.so.2") == -ENOSYS && !tf);
    CHECK_MESSAGE("install");
    CHECK_MESSAGE("/nowhere/libtensorflow.so.2");
    CHECK_MESSAGE("FFMPEG_STYLE_TENSORFLOW");

    setenv("FFMPEG_STYLE_TENSORFLOW", "/elsewhere", 1);
    CHECK(load(NULL) == -ENOSYS && !tf);
    CHECK_MESSAGE("/elsewhere");
    unsetenv("FFMPEG_STYLE_TENSORFLOW");
}

/** A library that lacks a function leaves nothing behind: the next try starts anew. */
static void names_the_missing_function(const char *incomplete)
{
    CHECK(load(incomplete) == -ENOSYS && !tf);
    CHECK_MESSAGE("has no TF_SessionRun");
}

static void loads_once(const char *fake, const char *incomplete)
{
    const StyleTensorFlow *first;

    CHECK(load(fake) == 0 && tf && !*test_message);
    CHECK(!strcmp(tf->Version(), "2.0.0-fake"));
    first = tf;
    CHECK(load(NULL) == 0 && tf == first && !*test_message);
    CHECK(load(fake) == 0 && tf == first && !*test_message);
    CHECK(load(incomplete) == 0 && tf == first);
    CHECK_MESSAGE("is not used");
}

int main(int argc, char **argv)
{
    const char *build = test_folder(argc, argv);
    char fake[1024], incomplete[1024];

    snprintf(fake, sizeof(fake), "%s/fake", build); // a folder
    snprintf(incomplete, sizeof(incomplete), "%s/incomplete/libtensorflow.so.2", build);
    unsetenv("FFMPEG_STYLE_TENSORFLOW");
    says_where_it_looked();
    names_the_missing_function(incomplete);
    setenv("FFMPEG_STYLE_TENSORFLOW", "/elsewhere", 1); // the setting goes first
    loads_once(fake, incomplete);
    return 0;
}
