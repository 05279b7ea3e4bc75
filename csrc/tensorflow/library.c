/*
 * Finds and loads TensorFlow's library.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "library.h"
#include "stderr.h"

#define ENVIRONMENT "FFMPEG_STYLE_TENSORFLOW"

/* The library or folder that the build found, such as the Python environment's wheel. */
#ifdef __has_include
#if __has_include("default.h")
#include "default.h"
#endif
#endif
#ifndef FF_STYLE_TENSORFLOW_DEFAULT
#define FF_STYLE_TENSORFLOW_DEFAULT ""
#endif

#ifdef __APPLE__
#define SYSTEM_LIBRARY "libtensorflow.2.dylib"
#define WHEEL_LIBRARY "libtensorflow_cc.2.dylib"
#else
#define SYSTEM_LIBRARY "libtensorflow.so.2"
#define WHEEL_LIBRARY "libtensorflow_cc.so.2"
#endif

/*
 * One library for the whole process, and for good: TensorFlow keeps threads and registries that nothing
 * can unload, and two copies of it in one process disturb each other.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static StyleTensorFlow loaded;
static char loaded_path[4096];

static int find_functions(StyleTensorFlow *tf, void *handle, const char **missing)
{
    // dlsym() gives a data pointer; storing it through void ** is how POSIX makes a function of it.
#define FIND(type, name, parameters)                                    \
    if (!(*(void **)&tf->name = dlsym(handle, *missing = "TF_" #name))) \
        return -ENOSYS;
    FF_STYLE_TF_FUNCTIONS(FIND)
#undef FIND
    return 0;
}

/** Appends the reason of a failure to `tried`, which has FF_STYLE_MESSAGE_SIZE bytes. */
static int load_file(const char *path, char *tried)
{
    StyleTensorFlow tf = {0};
    const char *missing = NULL, *reason;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!handle) {
        reason = dlerror(); // begins with the path
        ff_style_append(tried, FF_STYLE_MESSAGE_SIZE, "%s%s", *tried ? "; " : "",
                        reason ? reason : path);
        return -ENOSYS;
    }
    // A wheel has some functions in libtensorflow_framework only; a handle reaches its dependencies too.
    if (find_functions(&tf, handle, &missing) < 0) {
        dlclose(handle);
        ff_style_append(tried, FF_STYLE_MESSAGE_SIZE, "%s%s: has no %s", *tried ? "; " : "", path,
                        missing);
        return -ENOSYS;
    }
    snprintf(loaded_path, sizeof(loaded_path), "%s", path);
    tf.path = loaded_path;
    loaded = tf;
    return 0;
}

static int load_from(const char *place, char *tried)
{
    static const char *const names[] = {WHEEL_LIBRARY, SYSTEM_LIBRARY};
    char path[sizeof(loaded_path)];
    struct stat info;
    int ret = -ENOSYS;

    if (stat(place, &info) < 0 || !S_ISDIR(info.st_mode))
        return load_file(place, tried);
    for (size_t i = 0; ret < 0 && i < sizeof(names) / sizeof(*names); i++) {
        snprintf(path, sizeof(path), "%s/%s", place, names[i]);
        ret = load_file(path, tried);
    }
    return ret;
}

static int search(const char *library, char *tried)
{
    const char *const from_environment = getenv(ENVIRONMENT);
    int ret = -ENOSYS;

    if (library && *library)
        return load_from(library, tried);
    if (from_environment && *from_environment)
        return load_from(from_environment, tried);
    if (*FF_STYLE_TENSORFLOW_DEFAULT)
        ret = load_from(FF_STYLE_TENSORFLOW_DEFAULT, tried);
    return ret < 0 ? load_file(SYSTEM_LIBRARY, tried) : ret;
}

/*
 * TensorFlow writes to stderr on every start: devices, libraries that it lacks, hints for its developers.
 * What fails comes back as a status anyway, so these lines are kept from the caller's output, unless he
 * has set TF_CPP_MIN_LOG_LEVEL himself. TensorFlow reads that from the environment only, and what its
 * constructors write goes to stderr whatever the level is.
 */
static int search_quietly(const char *library, char *tried)
{
    StyleQuiet before;
    int ret;

    if (getenv("TF_CPP_MIN_LOG_LEVEL"))
        return search(library, tried);
    before = ff_style_be_quiet();
    ret = search(library, tried);
    ff_style_be_loud(&before);
    return ret;
}

static int load(const StyleContext *ctx, const char *library, const char *why)
{
    char tried[FF_STYLE_MESSAGE_SIZE] = "";
    const int ret = search_quietly(library, tried);

    if (ret < 0)
        return ff_style_error(
            ctx, ret,
            "no usable TensorFlow library to run the model, which the engine leaves to it (%s): "
            "install one ('pip install tensorflow'), or name its file or folder by the option "
            "'library' or by %s; looked here: %s",
            why, ENVIRONMENT, tried);
    ff_style_log(ctx, FF_STYLE_LOG_DEBUG, "TensorFlow %s is loaded from '%s'", loaded.Version(),
                 loaded.path);
    return 0;
}

int ff_style_load_tensorflow(const StyleContext *ctx, const char *library, const char *why,
                             const StyleTensorFlow **tf)
{
    int ret = 0;

    pthread_mutex_lock(&lock);
    if (!loaded.path)
        ret = load(ctx, library, why);
    else if (library && strncmp(loaded.path, library, strlen(library)))
        ff_style_log(ctx, FF_STYLE_LOG_WARNING,
                     "the library '%s' is not used: this process has loaded TensorFlow from '%s'",
                     library, loaded.path);
    pthread_mutex_unlock(&lock);
    *tf = ret < 0 ? NULL : &loaded;
    return ret;
}

int ff_style_tf_error(const StyleContext *ctx, const StyleTensorFlow *tf, const TF_Status *status,
                      int code, const char *what)
{
    if (tf->GetCode(status) == TF_RESOURCE_EXHAUSTED)
        code = -ENOMEM;
    return ff_style_error(ctx, code, "%s: %s", what, tf->Message(status));
}
