/*
 * The engine's public functions, over the fake TensorFlow.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <dlfcn.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/processors.h"
#include "fake_tensorflow.h"
#include "graphs.h"
#include "kernels/processor.h"
#include "styletransfer.h"

#define WIDTH 40
#define HEIGHT 20
#define SIZE (3 * WIDTH * HEIGHT)
#define REQUESTS 3
#define IN_FLIGHT (4 * REQUESTS)
#define MAX_FRAMES (2 * IN_FLIGHT)
#define SEVERAL (2 * REQUESTS)

static char library[1024], model[1024];
static FakeTensorFlow *fake;
static uint8_t source[MAX_FRAMES][SIZE], painted[MAX_FRAMES][SIZE];

static const char *card_text; ///< NULL: the model has no card

/** Appends a node with its type, as the attributes "T" and "dtype", and its shape. */
static void put_tensor(StyleMessage *graph, const char *name, const char *op, const char *inputs,
                       int type, int rank, const int *sizes)
{
    StyleMessage node = begin_node(name, op, inputs), value = empty, shape = shape_of(rank, sizes);

    put_number(&node, "T", ATTR_TYPE, type);
    put_number(&node, "dtype", ATTR_TYPE, type);
    put_inner(&value, 7, &shape);
    put_attr(&node, "shape", &value);
    put_inner(graph, GRAPH_NODE, &node);
}

/** Writes a file of the graph that the fake has. */
static void write_model(void)
{
    enum { FLOAT = FF_STYLE_DT_FLOAT };
    const int type = fake->float_graph ? FLOAT : FF_STYLE_DT_UINT8;
    const char *const image = fake->float_graph ? "image" : "frame";
    const int sizes[] = {1, fake->height ? fake->height : -1, fake->width ? fake->width : -1, 3};
    StyleMessage graph = empty;
    char inputs[64];

    put_tensor(&graph, image, "Placeholder", "", type, 4, sizes);
    if (fake->nb_styles > 1)
        put_tensor(&graph, "style_weights", "PlaceholderWithDefault", image, FLOAT, 1,
                   &fake->nb_styles);
    put_tensor(&graph, "kernel", "PlaceholderWithDefault", "", FLOAT, 4,
               (const int[]){3, 3, 3, 64});
    put_tensor(&graph, "convolution", "Conv2D", fake->float_graph ? "image kernel" : "frame kernel",
               FLOAT, 0, NULL);
    snprintf(inputs, sizeof(inputs), "%s ^convolution%s", image,
             fake->nb_styles > 1 ? " ^style_weights" : "");
    put_tensor(&graph, "sigmoid", fake->float_graph ? "Sigmoid" : "Identity", inputs, type, 0,
               NULL);
    put_tensor(&graph, fake->float_graph ? "painted" : "styled", "Identity", "sigmoid", type, 0,
               NULL);
    if (card_text)
        put_text(&graph, "model_card", card_text);
    test_write_file(model, graph.data, graph.size);
    ff_style_free(&graph_context, graph.data);
}

/** A fake with two styles, nothing of it in use; no frame, no message. */
static void reset(void)
{
    CHECK(!fake->live && !fake->running);
    *fake = (FakeTensorFlow){.nb_styles = 2};
    CHECK(!test_blocks);
    *test_message = 0;
    test_errors = test_fail_at = 0;
    card_text = "{\"name\": \"sea\", \"styles\": [\"wave\", \"scream\"]}";
    write_model();
    for (int i = 0; i < MAX_FRAMES; i++)
        for (int j = 0; j < SIZE; j++)
            source[i][j] = (uint8_t)(i * 13 + j * 7);
    memset(painted, 1, sizeof(painted));
}

static StyleSettings make_settings(void)
{
    StyleSettings settings;

    ff_style_default_settings(&settings);
    settings.model = model;
    settings.library = library;
    settings.requests = REQUESTS;
    settings.threads = 1;
    settings.precision = FF_STYLE_PRECISION_FP32;
    settings.device = "cpu";
    settings.log = test_log;
    settings.alloc = test_alloc;
    settings.free = test_free;
    return settings;
}

static StyleEngine *open_with(const StyleSettings *settings)
{
    StyleEngine *engine = NULL;

    write_model();
    CHECK(ff_style_open(&engine, settings) == 0 && engine);
    return engine;
}

static StyleEngine *open_engine(void)
{
    const StyleSettings settings = make_settings();

    return open_with(&settings);
}

static void refuses_to_open(const StyleSettings *settings, int error, const char *words)
{
    StyleEngine *engine = (StyleEngine *)(uintptr_t)1;

    *test_message = 0;
    write_model();
    CHECK(ff_style_open(&engine, settings) == error && !engine);
    CHECK_MESSAGE(words);
    CHECK(!test_blocks && !fake->live);
}

static StyleFrame frame_of(int index)
{
    return (StyleFrame){.src = source[index],
                        .src_stride = 3 * WIDTH,
                        .dst = painted[index],
                        .dst_stride = 3 * WIDTH,
                        .width = WIDTH,
                        .height = HEIGHT,
                        .opaque = source[index]};
}

static int submit(StyleEngine *engine, int index)
{
    const StyleFrame frame = frame_of(index);

    return ff_style_submit(engine, &frame);
}

static void receive(StyleEngine *engine, int index)
{
    StyleFrame frame;

    CHECK(ff_style_receive(engine, &frame, 1) == 1);
    CHECK(frame.opaque == source[index] && frame.dst == painted[index]);
    CHECK(frame.width == WIDTH && frame.height == HEIGHT);
}

/** `inverted` is how much of style 0 there is; the rest is the source. */
static void check_painted(int index, double inverted)
{
    for (int i = 0; i < SIZE; i++) {
        const double expected =
            inverted * (255 - source[index][i]) + (1 - inverted) * source[index][i];
        const double error = painted[index][i] - expected;

        CHECK(error > -1.01 && error < 1.01);
    }
}

static void nothing_left(StyleEngine *engine)
{
    StyleFrame frame = {.opaque = &frame};

    CHECK(ff_style_receive(engine, &frame, 1) == 0);
    CHECK(ff_style_receive(engine, &frame, 0) == 0);
    CHECK(frame.opaque == &frame); // untouched
}

/** From here on no frame ends. */
static void hold(void)
{
    __atomic_store_n(&fake->held, 1, __ATOMIC_SEQ_CST);
}

/** Lets the frames end, once so many are being painted at a time. */
static void release(int running)
{
    for (int i = 0; i < 10000 && __atomic_load_n(&fake->running, __ATOMIC_SEQ_CST) < running; i++)
        usleep(1000);
    CHECK(__atomic_load_n(&fake->running, __ATOMIC_SEQ_CST) >= running);
    __atomic_store_n(&fake->held, 0, __ATOMIC_SEQ_CST);
}

static void paints_in_order(void)
{
    StyleEngine *engine;

    reset();
    fake->delay = 30;
    engine = open_engine();
    source[0][0] = 255; // the first takes longest
    hold();
    for (int i = 0; i < IN_FLIGHT; i++) // those that are painted, and those that wait
        CHECK(submit(engine, i) == 0);
    CHECK(submit(engine, IN_FLIGHT) == -EAGAIN && !*test_message);
    release(REQUESTS);
    for (int i = 0; i < IN_FLIGHT; i++) {
        receive(engine, i);
        check_painted(i, 1);
    }
    CHECK(fake->most_running == REQUESTS);
    nothing_left(engine);
    ff_style_close(&engine);
}

static void receives_without_waiting(void)
{
    StyleEngine *engine;
    StyleFrame frame;
    int ret;

    reset();
    engine = open_engine();
    hold();
    CHECK(submit(engine, 0) == 0 && submit(engine, 1) == 0);
    CHECK(ff_style_receive(engine, &frame, 0) == -EAGAIN);
    release(1);
    while ((ret = ff_style_receive(engine, &frame, 0)) == -EAGAIN)
        usleep(1000);
    CHECK(ret == 1 && frame.opaque == source[0]);
    receive(engine, 1);
    ff_style_close(&engine);
}

static void waits_for_several(void)
{
    StyleEngine *engine;
    StyleFrame frame;

    reset();
    fake->delay = 30;
    engine = open_engine();
    source[SEVERAL - 1][0] = source[SEVERAL + 1][0] = 255; // the last of each take longest
    for (int i = 0; i < SEVERAL + 2; i++)
        CHECK(submit(engine, i) == 0);
    CHECK(ff_style_receive(engine, &frame, SEVERAL) == 1 && frame.opaque == source[0]);
    for (int i = 1; i < SEVERAL; i++)
        CHECK(ff_style_receive(engine, &frame, 0) == 1 && frame.opaque == source[i]);
    CHECK(ff_style_receive(engine, &frame, 1000) == 1 && frame.opaque == source[SEVERAL]); // all
    CHECK(ff_style_receive(engine, &frame, 0) == 1 && frame.opaque == source[SEVERAL + 1]);
    CHECK(ff_style_receive(engine, &frame, 2) == 0);
    ff_style_close(&engine);
}

/** Submits frames, painted in place, until the engine refuses one; returns how many it took. */
static int fill(StyleEngine *engine, int width, int height)
{
    static uint8_t pixels[2 * IN_FLIGHT][3 * (FF_STYLE_SMALL_FRAME + 640)];
    static int next;
    int count = -1, ret;

    do {
        uint8_t *const image = pixels[next++ % (2 * IN_FLIGHT)];

        ret = ff_style_submit(engine, &(StyleFrame){.src = image,
                                                    .dst = image,
                                                    .src_stride = 3 * width,
                                                    .dst_stride = 3 * width,
                                                    .width = width,
                                                    .height = height});
        count++;
    } while (!ret && count < IN_FLIGHT);
    CHECK(ret == -EAGAIN);
    return count;
}

static void receive_any(StyleEngine *engine, int count)
{
    for (int i = 0; i < count; i++)
        CHECK(ff_style_receive(engine, &(StyleFrame){0}, 1) == 1);
}

static void takes_half_as_many_large_frames(void)
{
    StyleEngine *engine;

    reset();
    engine = open_engine();
    CHECK(fill(engine, 640, 360) == IN_FLIGHT);
    CHECK(fill(engine, 640, 361) == 0);
    receive_any(engine, 2);
    CHECK(fill(engine, 640, 361) == 2);
    receive_any(engine, IN_FLIGHT);
    CHECK(fill(engine, 361, 640) == IN_FLIGHT / 2);
    CHECK(fill(engine, WIDTH, HEIGHT) == IN_FLIGHT / 2);
    receive_any(engine, 1);
    CHECK(fill(engine, 361, 640) == 1);
    receive_any(engine, IN_FLIGHT);
    nothing_left(engine);
    ff_style_close(&engine);
}

static void reuses_its_tensors(void)
{
    StyleEngine *engine;

    reset();
    engine = open_engine();
    for (int i = 0; i < MAX_FRAMES; i++) {
        while (submit(engine, i) == -EAGAIN)
            receive(engine, i - IN_FLIGHT);
    }
    for (int i = MAX_FRAMES - IN_FLIGHT; i < MAX_FRAMES; i++)
        receive(engine, i);
    CHECK(fake->tensors <= 2 * REQUESTS); // an image and the weights for each thread
    for (int i = 0; i < MAX_FRAMES; i++)
        check_painted(i, 1);
    ff_style_close(&engine);
}

static void runs_each_frame_on_one_thread(void)
{
    // RunOptions: inter_op_thread_pool, field 3, is -1.
    static const uint8_t expected[] = "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    StyleEngine *engine;

    reset();
    engine = open_engine();
    submit(engine, 0);
    receive(engine, 0);
    CHECK(fake->run_options_size == 11 && !memcmp(fake->run_options, expected, 11));
    ff_style_close(&engine);
}

/** What is set between two frames counts from the second on, whatever is still being painted. */
static void takes_parameters_at_submission(void)
{
    StyleSettings settings = make_settings();
    StyleEngine *engine;

    reset();
    fake->delay = 20;
    settings.requests = 8;
    engine = open_with(&settings);
    source[0][0] = 255;
    CHECK(submit(engine, 0) == 0);
    CHECK(ff_style_set_style(engine, "scream") == 0 && submit(engine, 1) == 0);
    CHECK(ff_style_set_style(engine, "wave:3+1") == 0 && submit(engine, 2) == 0);
    CHECK(ff_style_set_style(engine, "0") == 0);
    CHECK(ff_style_set_strength(engine, 0.25) == 0 && submit(engine, 3) == 0);
    CHECK(ff_style_set_strength(engine, 0) == 0 && submit(engine, 4) == 0);
    CHECK(ff_style_set_strength(engine, 1) == 0 && submit(engine, 5) == 0);
    CHECK(ff_style_set_colors(engine, FF_STYLE_COLORS_CONTENT) == 0 && submit(engine, 6) == 0);
    for (int i = 0; i < 7; i++)
        receive(engine, i);
    check_painted(0, 1);
    check_painted(1, 0);
    check_painted(2, 0.75);
    check_painted(3, 0.25);
    CHECK(!memcmp(painted[4], source[4], SIZE));
    check_painted(5, 1);
    CHECK(memcmp(painted[6], painted[5], SIZE));
    CHECK(fake->runs == 6); // strength 0 needs no network
    ff_style_close(&engine);
}

static void keeps_parameters_after_an_error(void)
{
    StyleEngine *engine;

    reset();
    engine = open_engine();
    CHECK(ff_style_set_style(engine, "sea") == -EINVAL);
    CHECK_MESSAGE("wave, scream");
    CHECK(ff_style_set_strength(engine, 7) == -EINVAL);
    CHECK_MESSAGE("7");
    CHECK(ff_style_set_strength(engine, -0.1) == -EINVAL);
    CHECK(ff_style_set_strength(engine, (double)0 / 0.) == -EINVAL);
    CHECK(ff_style_set_colors(engine, (StyleColors)2) == -EINVAL);
    CHECK(submit(engine, 0) == 0);
    receive(engine, 0);
    check_painted(0, 1);
    ff_style_close(&engine);
}

/** A request has frame i, and then frame i + IN_FLIGHT of the other size. */
static int is_large(int i)
{
    return (i + i / IN_FLIGHT) % 2;
}

static void follows_a_change_of_size(void)
{
    StyleFrame frame;
    StyleEngine *engine;

    reset();
    engine = open_engine();
    for (int i = 0; i < MAX_FRAMES; i++) {
        const int large = is_large(i);

        frame = frame_of(i);
        frame.width = large ? WIDTH : WIDTH / 2;
        frame.height = large ? HEIGHT : HEIGHT - 1;
        if (i >= IN_FLIGHT)
            CHECK(ff_style_receive(engine, &(StyleFrame){0}, 1) == 1);
        CHECK(ff_style_submit(engine, &frame) == 0);
    }
    while (ff_style_receive(engine, &frame, 1) > 0)
        ;
    for (int i = 0; i < MAX_FRAMES; i++) {
        const int large = is_large(i);

        CHECK(painted[i][0] == 255 - source[i][0]);
        CHECK(painted[i][3 * WIDTH / 2] == (large ? 255 - source[i][3 * WIDTH / 2] : 1));
        CHECK(painted[i][SIZE - 1] == (large ? 255 - source[i][SIZE - 1] : 1));
    }
    ff_style_close(&engine);
}

static void paints_in_place_and_upside_down(void)
{
    static uint8_t before[SIZE];
    StyleFrame frame;
    StyleEngine *engine;

    reset();
    memcpy(before, source[0], SIZE);
    engine = open_engine();
    frame = frame_of(0);
    frame.src = source[0] + SIZE - 3 * WIDTH;
    frame.dst = source[0] + SIZE - 3 * WIDTH;
    frame.src_stride = frame.dst_stride = -3 * WIDTH;
    CHECK(ff_style_submit(engine, &frame) == 0);
    CHECK(ff_style_receive(engine, &frame, 1) == 1);
    for (int i = 0; i < SIZE; i++)
        CHECK(source[0][i] == 255 - before[i]);
    ff_style_close(&engine);
}

static void refuses_frame(StyleEngine *engine, StyleFrame frame, int error, const char *words)
{
    *test_message = 0;
    CHECK(ff_style_submit(engine, &frame) == error);
    CHECK_MESSAGE(words);
}

static void refuses_frames(void)
{
    StyleSettings settings = make_settings();
    StyleEngine *engine;
    StyleFrame frame;

    reset();
    settings.max_pixels = WIDTH * HEIGHT;
    engine = open_with(&settings);
    frame = frame_of(0);
    frame.width = 0;
    refuses_frame(engine, frame, -EINVAL, "0x20");
    frame.width = 15;
    refuses_frame(engine, frame, -EINVAL, "16x16");
    frame = frame_of(0);
    frame.height++;
    refuses_frame(engine, frame, -EFBIG, "limit");
    frame.width = frame.height = INT32_MAX;
    refuses_frame(engine, frame, -EFBIG, "limit");
    frame = frame_of(0);
    frame.src = NULL;
    refuses_frame(engine, frame, -EINVAL, "NULL");
    frame = frame_of(0);
    frame.src_stride--;
    refuses_frame(engine, frame, -EINVAL, "119");
    frame = frame_of(0);
    frame.dst_stride = 1 - frame.dst_stride;
    refuses_frame(engine, frame, -EINVAL, "-119");
    nothing_left(engine);
    ff_style_close(&engine);
}

static void keeps_to_a_fixed_size(void)
{
    StyleEngine *engine;

    reset();
    fake->width = 64;
    fake->height = 48;
    engine = open_engine();
    CHECK(ff_style_info(engine)->width == 64 && ff_style_info(engine)->height == 48);
    CHECK(ff_style_check_size(engine, 64, 48) == 0);
    CHECK(submit(engine, 0) == -EINVAL);
    CHECK_MESSAGE("40x20");
    CHECK_MESSAGE("64x48");
    ff_style_close(&engine);
}

/** A frame that fails comes back with its error, and the next one is painted. */
static void survives_a_failed_frame(void)
{
    StyleFrame frame;
    StyleEngine *engine;

    reset();
    engine = open_engine();
    fake->fail_frames = 1;
    CHECK(submit(engine, 0) == 0 && submit(engine, 1) == 0);
    CHECK(ff_style_receive(engine, &frame, 1) == -EIO && frame.opaque == source[0]);
    CHECK(!strcmp(test_message, "TensorFlow failed to run the model on a frame: the frame"));
    CHECK(ff_style_receive(engine, &frame, 1) == -EIO && frame.opaque == source[1]);
    fake->fail_frames = 0;
    fake->wider = 3;
    CHECK(submit(engine, 2) == 0);
    CHECK(ff_style_receive(engine, &frame, 1) == -EBADMSG && frame.opaque == source[2]);
    CHECK_MESSAGE("[1,20,43,3]");
    CHECK_MESSAGE("40x20");
    fake->wider = 0;
    fake->exhausted = 1;
    fake->fail_at = 1;
    CHECK(submit(engine, 3) == 0);
    CHECK(ff_style_receive(engine, &frame, 1) == -ENOMEM && frame.opaque == source[3]);
    CHECK(submit(engine, 4) == 0);
    receive(engine, 4);
    check_painted(4, 1);
    ff_style_close(&engine);
}

static void flushes(void)
{
    StyleFrame frame;
    StyleEngine *engine;
    int cancelled = 0;

    reset();
    fake->delay = 200;
    engine = open_engine();
    ff_style_flush(engine); // nothing to do
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < IN_FLIGHT; i++) {
            source[i][0] = 255;
            CHECK(submit(engine, i) == 0);
        }
        ff_style_flush(engine);
        for (int i = 0; i < IN_FLIGHT; i++) {
            const int ret = ff_style_receive(engine, &frame, 0);

            CHECK(ret == 1 || ret == -ECANCELED);
            CHECK(frame.opaque == source[i]);
            cancelled += ret != 1;
        }
        nothing_left(engine);
    }
    CHECK(cancelled >= 2 * (IN_FLIGHT - REQUESTS)); // no thread was left for them
    CHECK(!test_errors);
    CHECK(submit(engine, 9) == 0);
    receive(engine, 9);
    check_painted(9, 1);
    ff_style_close(&engine);
    ff_style_flush(NULL);
}

static void closes_at_any_time(void)
{
    StyleEngine *engine;

    reset();
    fake->delay = 10;
    for (int frames = 0; frames <= IN_FLIGHT; frames++) {
        engine = open_engine();
        for (int i = 0; i < frames; i++) {
            source[i][0] = 255;
            CHECK(submit(engine, i) == 0);
        }
        ff_style_close(&engine);
        CHECK(!engine && !fake->live && !test_blocks);
    }
    ff_style_close(&engine);
    ff_style_close(NULL);
}

/** A caller who waits for a while, and takes then what there is, gets every frame. */
static void waits_for_a_while(void)
{
    StyleEngine *engine;
    StyleFrame frame;
    int received = 0, ret;

    reset();
    engine = open_engine();
    CHECK(ff_style_wait(engine, 1, 1000000) == 0); // nothing is in flight, and nothing waited for
    fake->delay = 50;
    for (int i = 0; i < 3; i++) {
        source[i][0] = i % 2 ? 0 : 255;
        CHECK(submit(engine, i) == 0);
    }
    while (!ff_style_wait(engine, 1, 100)) // the first takes longer
        CHECK(ff_style_wait(engine, 1, -1) >= 0);
    while (received < 3) {
        CHECK(ff_style_wait(engine, 1, 60000000) == 1 && ff_style_wait(engine, 1, 0) == 1);
        while ((ret = ff_style_receive(engine, &frame, 0)) == 1)
            CHECK(frame.opaque == source[received++]);
        CHECK(ret == 0 || ret == -EAGAIN);
    }
    ff_style_close(&engine);
}

static void *submit_all(void *engine)
{
    for (int i = 0; i < 400; i++)
        while (submit(engine, i % MAX_FRAMES) == -EAGAIN)
            usleep(10);
    return NULL;
}

static void works_from_two_threads(void)
{
    StyleEngine *engine;
    StyleFrame frame;
    pthread_t thread;
    int received = 0;

    reset();
    engine = open_engine();
    CHECK(!pthread_create(&thread, NULL, submit_all, engine));
    while (received < 400) {
        const int ret = ff_style_receive(engine, &frame, 1 + received % 5);

        CHECK(ret >= 0);
        if (ret)
            CHECK(frame.opaque == source[received++ % MAX_FRAMES]);
        if (received % 50 == 0)
            CHECK(ff_style_set_style(engine, received % 100 ? "wave" : "scream") == 0);
    }
    pthread_join(thread, NULL);
    ff_style_close(&engine);
}

static void *receive_three(void *engine)
{
    StyleFrame frame;

    CHECK(ff_style_receive(engine, &frame, 3) == 1);
    return NULL;
}

static void wakes_who_waits_for_less(void)
{
    StyleEngine *engine;
    StyleFrame frame;
    pthread_t thread;

    reset();
    fake->delay = 500;
    engine = open_engine();
    source[2][0] = 255; // the third takes longest
    hold();
    for (int i = 0; i < 3; i++)
        CHECK(submit(engine, i) == 0);
    CHECK(!pthread_create(&thread, NULL, receive_three, engine));
    usleep(50000); // for it to be asleep; earlier or later all must go well too
    release(3);
    CHECK(ff_style_receive(engine, &frame, 1) == 1);
    CHECK(__atomic_load_n(&fake->running, __ATOMIC_SEQ_CST) >= 1); // the third
    pthread_join(thread, NULL);
    CHECK(ff_style_receive(engine, &frame, 1) == 1 && frame.opaque == source[2]);
    ff_style_close(&engine);
}

static void tells_about_the_model(void)
{
    StyleSettings settings = make_settings();
    const int processors = ff_style_count_processors();
    StyleEngine *engine;
    const StyleInfo *info;

    reset();
    engine = open_engine();
    info = ff_style_info(engine);
    CHECK(!strcmp(info->name, "sea") && strstr(info->card, "\"wave\""));
    CHECK(info->nb_styles == 2 && !strcmp(info->styles[1], "scream"));
    CHECK(!info->width && !info->height);
    CHECK(!strcmp(info->input, "frame") && !strcmp(info->output, "styled"));
    CHECK(info->precision == FF_STYLE_PRECISION_FP32 && !strcmp(info->device, "cpu"));
    CHECK(info->requests == REQUESTS && info->in_flight == IN_FLIGHT && info->threads == 1);
    CHECK(!strcmp(info->version, "2.0.0-fake") && strstr(info->library, "fake"));
    ff_style_close(&engine);

    card_text = NULL; // without a card
    settings.requests = settings.threads = 0;
    engine = open_with(&settings);
    info = ff_style_info(engine);
    CHECK(!strcmp(info->name, "model") && !info->card);
    CHECK(!strcmp(info->styles[0], "0") && !strcmp(info->styles[1], "1"));
    CHECK(info->requests > 1);
    CHECK(info->threads == (info->requests < processors ? processors : 1));
    ff_style_close(&engine);

    settings.requests = 1;
    engine = open_with(&settings);
    CHECK(ff_style_info(engine)->threads == processors);
    ff_style_close(&engine);

    fake->nb_styles = 1;
    engine = open_engine();
    info = ff_style_info(engine);
    CHECK(info->nb_styles == 1 && !strcmp(info->styles[0], "model"));
    ff_style_close(&engine);
}

static void takes_graphs_of_others(void)
{
    StyleSettings settings = make_settings();
    StyleEngine *engine;

    reset();
    card_text = NULL;
    fake->nb_styles = 1;
    fake->float_graph = 1; // ends in a sigmoid: its range is [0,1]
    engine = open_with(&settings);
    CHECK(!strcmp(ff_style_info(engine)->input, "image"));
    CHECK(submit(engine, 0) == 0);
    receive(engine, 0);
    check_painted(0, 1);
    ff_style_close(&engine);

    settings.input = "image:0";
    settings.output = "painted";
    settings.range = FF_STYLE_RANGE_1;
    engine = open_with(&settings);
    CHECK(submit(engine, 1) == 0);
    receive(engine, 1);
    check_painted(1, 1);
    ff_style_close(&engine);

    settings.input = "picture";
    refuses_to_open(&settings, -EBADMSG, "no operation 'picture'");
    settings.input = "image:1";
    refuses_to_open(&settings, -EBADMSG, "'image:1'");
    settings.input = "image:x";
    refuses_to_open(&settings, -EBADMSG, "'image:x'");
    settings.input = "kernel";
    refuses_to_open(&settings, -EBADMSG, "float32 [3,3,3,64]");
}

static void refuses_settings(void)
{
    StyleSettings settings;

#define REFUSES(change, error, words) \
    settings = make_settings();       \
    change;                           \
    refuses_to_open(&settings, error, words)
    reset();
    REFUSES(settings.model = NULL, -EINVAL, "no model");
    REFUSES(settings.model = "", -EINVAL, "no model");
    REFUSES(settings.model = "/nowhere.pb", -ENOENT, "/nowhere.pb");
    REFUSES(settings.strength = 7, -EINVAL, "strength is 7");
    REFUSES(settings.style = "sea", -EINVAL, "'sea'");
    REFUSES(settings.colors = (StyleColors)9, -EINVAL, "colors is 9");
    REFUSES(settings.precision = (StylePrecision)9, -EINVAL, "precision is 9");
    REFUSES(settings.range = (StyleRange)9, -EINVAL, "range is 9");
    REFUSES(settings.requests = -1, -EINVAL, "requests is -1");
    REFUSES(settings.requests = 65, -EINVAL, "requests is 65");
    REFUSES(settings.threads = 10000, -EINVAL, "threads is 10000");
    REFUSES(settings.device = "tpu", -EINVAL, "'tpu'");
    REFUSES(settings.max_pixels = 0, -EINVAL, "max_pixels");
    REFUSES(settings.max_model_bytes = 10, -EFBIG, "limit is 10");
    card_text = "{\"styles\": [\"a\", \"b\", \"c\"]}";
    REFUSES((void)0, -EBADMSG, "'style_weights' is float32 [2]; expected float32 [3]");
    card_text = "wave";
    REFUSES((void)0, -EBADMSG, "card");
    card_text = NULL;
    REFUSES(fake->forbidden = 1, -EBADMSG, "'styled' became a 'WriteFile'");
#undef REFUSES
}

static int processor_has_bf16;

int ff_style_processor_has_bf16(void)
{
    return processor_has_bf16;
}

StyleVectors ff_style_processor_vectors(void)
{
    return FF_STYLE_NO_VECTORS;
}

int ff_style_processor_has_matrices(void)
{
    return 0;
}

static void chooses_device_and_precision(void)
{
    StyleSettings settings = make_settings();
    StyleEngine *engine;

    reset();
    settings.device = "gpu";
    refuses_to_open(&settings, -ENODEV, "sees 0 GPUs");
    fake->gpus = 1;
    settings.device = "gpu:1";
    refuses_to_open(&settings, -ENODEV, "sees 1 GPUs");
    CHECK(!strcmp(fake->device, "/device:GPU:1"));
    settings.device = "auto";
    settings.precision = FF_STYLE_PRECISION_AUTO;
    engine = open_with(&settings);
    CHECK(!strcmp(ff_style_info(engine)->device, "gpu:0"));
    CHECK(ff_style_info(engine)->precision == FF_STYLE_PRECISION_FP32);
    ff_style_close(&engine);

    fake->gpus = 0;
    settings.device = "cpu";
    for (processor_has_bf16 = 0; processor_has_bf16 < 2; processor_has_bf16++) {
        engine = open_with(&settings); // the fake's convolution has 64 channels
        CHECK(ff_style_info(engine)->precision ==
              (processor_has_bf16 ? FF_STYLE_PRECISION_BF16 : FF_STYLE_PRECISION_FP32));
        ff_style_close(&engine);
    }
    processor_has_bf16 = 0;
    settings.precision = FF_STYLE_PRECISION_BF16;
    refuses_to_open(&settings, -ENODEV, "precision=bf16 needs a processor");
    settings.precision =
        FF_STYLE_PRECISION_INT16; // of no processor without vectors, nor TensorFlow's
    refuses_to_open(&settings, -ENODEV, "precision=int16: the engine does not run model");
}

/** Opens, paints and closes; the first error on the way, after a message. */
static int do_everything(const StyleSettings *settings)
{
    StyleEngine *engine;
    StyleFrame frame;
    int ret = ff_style_check(settings);

    if (ret < 0)
        return ret;
    if ((ret = ff_style_open(&engine, settings)) < 0) {
        CHECK(!engine);
        return ret;
    }
    ret = ff_style_set_style(engine, "scream");
    if (ret >= 0)
        ret = submit(engine, 0);
    if (ret >= 0)
        ret = ff_style_receive(engine, &frame, 1);
    ff_style_close(&engine);
    return ret < 0 ? ret : 0;
}

/** The calls whose failure changes nothing: the engine closes all the same. */
static int may_fail(const char *call)
{
    return !strcmp(call, "CloseSession") || !strcmp(call, "DeleteSession");
}

static void fails_cleanly_at_every_call(int float_graph)
{
    StyleSettings settings = make_settings();
    int calls;

    reset();
    settings.device = "auto";
    settings.range = float_graph ? FF_STYLE_RANGE_1 : FF_STYLE_RANGE_AUTO;
    fake->float_graph = float_graph;
    write_model();
    CHECK(do_everything(&settings) == 0);
    calls = fake->calls;
    CHECK(calls > 20);
    for (int call = 1; call <= calls; call++) {
        int ret;

        *test_message = 0;
        fake->fail_at = call;
        ret = do_everything(&settings);
        CHECK(!fake->fail_at);
        CHECK(may_fail(fake->failed) ? ret == 0 : ret < 0 && *test_message);
        CHECK(!fake->live && !test_blocks);
    }
}

static void fails_cleanly_without_memory(void)
{
    const StyleSettings settings = make_settings();
    int ret = -ENOMEM, fail_at = 0;

    reset();
    while (ret < 0) {
        *test_message = 0;
        test_fail_at = ++fail_at;
        ret = do_everything(&settings);
        CHECK(ret == 0 || (ret == -ENOMEM && *test_message));
        CHECK(!fake->live && !test_blocks);
        CHECK(fail_at < 1000);
    }
    CHECK(fail_at > 10);
    test_fail_at = 0;
}

/** Two engines over one library don't know of each other. */
static void lives_beside_another(void)
{
    StyleEngine *first, *second;

    reset();
    first = open_engine();
    second = open_engine();
    CHECK(ff_style_set_style(second, "scream") == 0);
    CHECK(submit(first, 0) == 0 && submit(second, 1) == 0);
    receive(first, 0);
    ff_style_close(&first);
    receive(second, 1);
    check_painted(0, 1);
    check_painted(1, 0);
    ff_style_close(&second);
}

int main(int argc, char **argv)
{
    char folder[900];

    snprintf(folder, sizeof(folder), "%s/engine", test_folder(argc, argv));
    mkdir(folder, 0777);
    snprintf(model, sizeof(model), "%s/model.pb", folder);
    snprintf(library, sizeof(library), "%s/fake/libtensorflow.so.2", test_folder(argc, argv));
    fake = dlsym(dlopen(library, RTLD_NOW), "fake_tensorflow"); // the engine gets the same

    paints_in_order();
    receives_without_waiting();
    waits_for_several();
    takes_half_as_many_large_frames();
    reuses_its_tensors();
    runs_each_frame_on_one_thread();
    takes_parameters_at_submission();
    keeps_parameters_after_an_error();
    follows_a_change_of_size();
    paints_in_place_and_upside_down();
    refuses_frames();
    keeps_to_a_fixed_size();
    survives_a_failed_frame();
    flushes();
    closes_at_any_time();
    waits_for_a_while();
    works_from_two_threads();
    wakes_who_waits_for_less();
    tells_about_the_model();
    takes_graphs_of_others();
    refuses_settings();
    chooses_device_and_precision();
    fails_cleanly_at_every_call(0);
    fails_cleanly_at_every_call(1);
    fails_cleanly_without_memory();
    lives_beside_another();
    reset();
    return 0;
}
