/*
 * Measures the engine alone: a few pictures in memory, painted over and over, nothing written.
 *
 *   bench MODEL WIDTH HEIGHT FRAMES [REQUESTS [THREADS [fp32|bf16|int16|auto [DEVICE [MARKS [PICTURES]]]]]]
 *
 * PICTURES is a file of their rows of RGB24; without it they are noise. What is in them matters: numbers that
 * are alike cost a processor less power, and it runs faster.
 *
 * Prints one line of JSON. The first frame, which TensorFlow takes to optimise the graph, and as many
 * as the engine takes, are painted before the clock starts. With MARKS, a file descriptor, each
 * frame writes a line there when it is submitted, and another when it is painted, and there is no
 * warm-up: the reader has its own clock.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "styletransfer.h"

#define NB_PICTURES 8

/** The descriptor that a frame's beginning and end are told to; 0: nobody asks. */
static int marks;

static void print_message(void *opaque, StyleLogLevel level, const char *message)
{
    (void)opaque;
    if (level <= FF_STYLE_LOG_WARNING)
        fprintf(stderr, "bench: %s\n", message);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static const char *const precisions[] = {"auto", "fp32", "bf16", "int16"};

static StylePrecision precision_of(const char *text)
{
    int i = FF_STYLE_PRECISION_INT16;

    while (i && strcmp(text, precisions[i]))
        i--;
    return (StylePrecision)i;
}

static int mark(const char *line)
{
    return marks && write(marks, line, strlen(line)) < 0 ? -errno : 0;
}

/** What is painted, in turn, and a buffer for each frame in flight. */
typedef struct Pictures {
    uint8_t *source, *painted;
    size_t size; ///< bytes of one
    int count;
} Pictures;

/** As many as the file has, or NB_PICTURES of noise. */
static int read_pictures(Pictures *pictures, const char *path)
{
    FILE *const file = path ? fopen(path, "rb") : NULL;
    size_t read = 0;

    if (path && !file)
        return -errno;
    pictures->source = malloc(NB_PICTURES * pictures->size);
    for (size_t i = 0; !file && i < NB_PICTURES * pictures->size; i++)
        pictures->source[i] = (uint8_t)rand();
    if (file) {
        read = fread(pictures->source, pictures->size, NB_PICTURES, file);
        fclose(file);
    }
    pictures->count = file ? (int)read : NB_PICTURES;
    return pictures->count ? 0 : -EINVAL;
}

static int paint(StyleEngine *engine, const Pictures *pictures, int width, int height, int count)
{
    const int in_flight = ff_style_info(engine)->in_flight;
    StyleFrame frame;
    int ret = 0;

    for (int i = 0; i < count && ret >= 0; i++) {
        const size_t source = (size_t)(i % pictures->count), painted = (size_t)(i % in_flight);

        frame = (StyleFrame){.src = pictures->source + source * pictures->size,
                             .src_stride = 3 * width,
                             .dst = pictures->painted + painted * pictures->size,
                             .dst_stride = 3 * width,
                             .width = width,
                             .height = height};
        while ((ret = ff_style_submit(engine, &frame)) == -EAGAIN)
            if ((ret = ff_style_receive(engine, &(StyleFrame){0}, 1)) < 0 ||
                (ret = mark("bench=painted\n")) < 0)
                break;
        if (ret >= 0)
            ret = mark("bench=taken\n");
    }
    while (ret >= 0 && (ret = ff_style_receive(engine, &frame, 1)) > 0)
        ret = mark("bench=painted\n");
    return ret;
}

int main(int argc, char **argv)
{
    const int width = argc > 4 ? atoi(argv[2]) : 0, height = argc > 4 ? atoi(argv[3]) : 0;
    const int frames = argc > 4 ? atoi(argv[4]) : 0;
    StyleEngine *engine = NULL;
    StyleSettings settings;
    const StyleInfo *info;
    struct rusage usage;
    Pictures pictures;
    double start, opened, first, warm, end;
    int ret;

    if (width < 1 || height < 1 || frames < 1) {
        fprintf(stderr, "usage: bench MODEL WIDTH HEIGHT FRAMES [REQUESTS [THREADS [PRECISION "
                        "[DEVICE [MARKS [PICTURES]]]]]]\n");
        return 2;
    }
    ff_style_default_settings(&settings);
    settings.model = argv[1];
    settings.log = print_message;
    settings.requests = argc > 5 ? atoi(argv[5]) : 0;
    settings.threads = argc > 6 ? atoi(argv[6]) : 0;
    settings.precision = argc > 7 ? precision_of(argv[7]) : FF_STYLE_PRECISION_AUTO;
    settings.device = argc > 8 ? argv[8] : NULL;
    marks = argc > 9 ? atoi(argv[9]) : 0;
    pictures = (Pictures){.size = 3 * (size_t)width * (size_t)height};
    if ((ret = read_pictures(&pictures, argc > 10 ? argv[10] : NULL)) < 0) {
        fprintf(stderr, "bench: no picture of %dx%d in '%s'\n", width, height, argv[10]);
        return 1;
    }

    start = now();
    if (ff_style_open(&engine, &settings) < 0)
        return 1;
    opened = now();
    info = ff_style_info(engine);
    pictures.painted = malloc((size_t)info->in_flight * pictures.size);
    ret = marks ? 0 : paint(engine, &pictures, width, height, 1);
    first = now();
    if (ret >= 0 && !marks)
        ret = paint(engine, &pictures, width, height, info->in_flight);
    warm = now();
    if (ret >= 0)
        ret = paint(engine, &pictures, width, height, frames);
    end = now();
    getrusage(RUSAGE_SELF, &usage);
    if (ret >= 0)
        printf("{\"model\": \"%s\", \"width\": %d, \"height\": %d, \"frames\": %d, "
               "\"requests\": %d, \"threads\": %d, \"precision\": \"%s\", \"device\": \"%s\", "
               "\"open_s\": %.3f, \"first_s\": %.3f, \"ms_per_frame\": %.2f, \"fps\": %.2f, "
               "\"max_rss_mb\": %ld}\n",
               info->name, width, height, frames, info->requests, info->threads,
               precisions[info->precision], info->device, opened - start, first - opened,
               1e3 * (end - warm) / frames, frames / (end - warm), usage.ru_maxrss / 1024);
    ff_style_close(&engine); // before the pixels go that frames in flight point to
    free(pictures.source);
    free(pictures.painted);
    return ret < 0;
}
