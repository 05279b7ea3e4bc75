/*
 * The engine's whole interface: a model is opened, frames are painted.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

/*
 * An engine holds one model and paints frames with it, several at a time, on its own threads. Frames
 * go in with ff_style_submit() and come out, in the same order, with ff_style_receive().
 *
 * A whole program, which paints raw RGB24 frames from its input to its output:
 *
 * @code
 * #include <errno.h>
 * #include <stdio.h>
 * #include <stdlib.h>
 *
 * #include "styletransfer.h"
 *
 * static void print_message(void *opaque, StyleLogLevel level, const char *message)
 * {
 *     (void)opaque;
 *     if (level <= FF_STYLE_LOG_WARNING)
 *         fprintf(stderr, "%s\n", message);
 * }
 *
 * // Waits for the oldest frame, writes it and frees it; returns what ff_style_receive() returned.
 * static int write_oldest(StyleEngine *engine)
 * {
 *     StyleFrame frame;
 *     int ret = ff_style_receive(engine, &frame, 1);
 *
 *     if (ret > 0)
 *         fwrite(frame.dst, (size_t)frame.dst_stride, (size_t)frame.height, stdout);
 *     if (ret)
 *         free(frame.opaque);
 *     return ret;
 * }
 *
 * int main(int argc, char **argv)
 * {
 *     const int width = argc == 4 ? atoi(argv[2]) : 0, height = argc == 4 ? atoi(argv[3]) : 0;
 *     const size_t size = 3 * (size_t)width * (size_t)height;
 *     StyleEngine *engine = NULL;
 *     StyleSettings settings;
 *     int ret, left;
 *
 *     ff_style_default_settings(&settings);
 *     settings.model = argv[1];
 *     settings.log = print_message;
 *     ret = ff_style_open(&engine, &settings);
 *     if (ret >= 0)
 *         ret = ff_style_check_size(engine, width, height);
 *
 *     while (ret >= 0) {
 *         unsigned char *pixels = malloc(size);
 *         StyleFrame frame = {.src = pixels, .src_stride = 3 * width, .dst = pixels,
 *                             .dst_stride = 3 * width, .width = width, .height = height,
 *                             .opaque = pixels}; // and .sequence = 1 for a video's, which is held still
 *
 *         if (!pixels || fread(pixels, 1, size, stdin) < size) {
 *             free(pixels);
 *             break;
 *         }
 *         while ((ret = ff_style_submit(engine, &frame)) == -EAGAIN)
 *             if ((ret = write_oldest(engine)) < 0)
 *                 break;
 *         if (ret < 0)
 *             free(pixels);
 *     }
 *
 *     if (ret < 0)
 *         ff_style_flush(engine); // on an error, throw away what waits
 *     while (engine && (left = write_oldest(engine)))
 *         if (left < 0)
 *             ret = left;
 *     ff_style_close(&engine);
 *     return ret < 0;
 * }
 * @endcode
 *
 * Errors are negative errno values, their reason is one line for the log callback:
 *
 *   -EINVAL     a setting, a style or a frame that can't be right
 *   -ENOENT     (or what fopen() says) the model's file can't be opened
 *   -EBADMSG    the file is no style graph, or not one that the engine can or will run
 *   -EFBIG      the model or the frame is beyond a limit in the settings, or the machine's memory
 *   -ENOSYS     no usable TensorFlow library
 *   -ENODEV     the machine lacks what was asked for: bfloat16 in hardware, a GPU
 *   -ENOMEM     out of memory
 *   -EIO        reading the model, or running it on a frame, failed
 *
 * Thread-safety: every function may be called from any thread at any time, one thread may submit
 * while another receives; ff_style_open() and ff_style_close() of one engine must be its first and its
 * last call. Any number of engines may exist at a time.
 */

#ifndef FF_STYLETRANSFER_H
#define FF_STYLETRANSFER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A model, its settings and the frames in flight. */
typedef struct StyleEngine StyleEngine;

typedef enum StyleLogLevel {
    FF_STYLE_LOG_ERROR,   ///< why a function failed
    FF_STYLE_LOG_WARNING, ///< a setting was not followed
    FF_STYLE_LOG_INFO,    ///< what was loaded and how it runs, one line for each
    FF_STYLE_LOG_DEBUG,   ///< details of the choices made
} StyleLogLevel;

typedef enum StyleColors {
    FF_STYLE_COLORS_STYLE,   ///< the painting as it is
    FF_STYLE_COLORS_CONTENT, ///< the painting's luma with the source's chroma
} StyleColors;

typedef enum StylePrecision {
    FF_STYLE_PRECISION_AUTO, ///< bfloat16 or integers where hardware and network gain from them, else float32
    FF_STYLE_PRECISION_FP32,
    FF_STYLE_PRECISION_BF16, ///< -ENODEV on a processor that has no bfloat16 instructions
    FF_STYLE_PRECISION_INT16, ///< products of 16-bit integers; -ENODEV without AVX512_VNNI, or by TensorFlow
} StylePrecision;

/** The range of the pixel values in a float32 graph's images; uint8 graphs have [0,255]. */
typedef enum StyleRange {
    FF_STYLE_RANGE_AUTO,   ///< as the graph's last operations show it, else [0,255]
    FF_STYLE_RANGE_255,    ///< [0,255]
    FF_STYLE_RANGE_1,      ///< [0,1]
    FF_STYLE_RANGE_SIGNED, ///< [-1,1]
} StyleRange;

/** What runs a model. */
typedef enum StyleRuntime {
    FF_STYLE_RUNTIME_AUTO, ///< the engine itself where it knows every operation and the device is the processor
    FF_STYLE_RUNTIME_OWN, ///< the engine itself, or an error
    FF_STYLE_RUNTIME_TENSORFLOW,
} StyleRuntime;

/** A picture that is taken for a style: 8-bit RGB, 3 bytes a pixel. */
typedef struct StylePicture {
    const uint8_t *pixels;
    ptrdiff_t stride; ///< bytes from one row to the next
    int width, height;
    void *opaque; ///< of who opened it
} StylePicture;

/**
 * How an engine is opened. Fill it with ff_style_default_settings() first, then change what you need.
 * ff_style_open() copies everything; the strings need not outlive it.
 */
typedef struct StyleSettings {
    const char *model; ///< path of the frozen graph; required
    StyleRuntime runtime;
    const char *library; ///< TensorFlow's library or its folder; NULL: search, see ff_style_open()

    const char *style;  ///< as for ff_style_set_style(); NULL: the model's first
    double strength;    ///< as for ff_style_set_strength(); default 1
    StyleColors colors; ///< as for ff_style_set_colors(); default FF_STYLE_COLORS_STYLE
    double steady;      ///< as for ff_style_set_steady(); default FF_STYLE_DEFAULT_STEADY

    StylePrecision precision;
    const char *device; ///< "auto" (NULL: a GPU if there is one), "cpu", "gpu" or "gpu:N"
    int requests;       ///< frames painted at a time, 1 to FF_STYLE_MAX_REQUESTS; 0: auto
    int threads;        ///< that paint one frame, 1 to FF_STYLE_MAX_THREADS; 0: auto
    int live;           ///< auto is for the shortest delay, not for the most frames a second

    const char *input;       ///< name of the graph's image input; NULL: from the graph
    const char *output;      ///< name of the graph's image output; NULL: from the graph
    StyleRange range;        ///< both images' range when they are float32
    StyleRange input_range;  ///< the input's; FF_STYLE_RANGE_AUTO: as `range` says
    StyleRange output_range; ///< the output's; FF_STYLE_RANGE_AUTO: as `range` says

    int64_t max_pixels;     ///< largest frame accepted, in pixels; default 2^26 (8192x8192)
    size_t max_model_bytes; ///< largest model file accepted, in bytes; default 2^29
    int64_t
        max_memory; ///< bytes for the frames being painted, by estimate; 0: 3/4 of the machine's

    void *opaque; ///< handed to the callbacks

    /**
     * Receives messages of one line without a line feed, from the thread that called the function which
     * they are about. NULL: silence. It must not call the engine.
     */
    void (*log)(void *opaque, StyleLogLevel level, const char *message);

    /**
     * Reads a picture that is named in a style, for a model for any painting; and gives it back. Both are called
     * from the thread that called ff_style_check(), ff_style_open() or ff_style_set_style(), and must not call
     * the engine.
     *
     * @return 0; or a negative errno, after telling the reason
     */
    int (*open_picture)(void *opaque, const char *path, StylePicture *picture);
    void (*close_picture)(void *opaque, StylePicture *picture);

    /** The engine's own memory, by default malloc() and free(); never called from its threads. */
    void *(*alloc)(void *opaque, size_t size);
    void (*free)(void *opaque, void *ptr);
} StyleSettings;

#define FF_STYLE_MAX_REQUESTS 64
#define FF_STYLE_SMALL_FRAME (640 * 360) ///< pixels of the largest frame that is called small
#define FF_STYLE_MAX_THREADS 1024
#define FF_STYLE_DEFAULT_STEADY 0.9

/** What ff_style_info() tells of an open engine. */
typedef struct StyleInfo {
    const char *name;          ///< the model's name: from its card, else from its file
    const char *card;          ///< the model card (JSON), NULL when the graph has none
    int nb_styles;             ///< 1 or more
    int takes_pictures;        ///< whether a style may be a picture's path
    const char *const *styles; ///< their names, in the order of the indices
    int width, height;         ///< the only size that the graph takes, 0: any
    const char *input;         ///< the operation that takes the frame
    const char *output;        ///< the operation that gives the painted frame

    StyleRuntime
        runtime; ///< what runs the model: FF_STYLE_RUNTIME_OWN or FF_STYLE_RUNTIME_TENSORFLOW
    StylePrecision precision; ///< what runs: not AUTO
    const char *device;       ///< what it runs on: "cpu", "gpu:0", ...
    int requests;             ///< frames painted at a time
    int in_flight;            ///< most frames submitted and not received; half for large ones
    int threads;              ///< most that paint one frame; TensorFlow's for each operation
    const char *library; ///< the TensorFlow library's path; NULL where the engine runs the model
    const char *version; ///< its version; likewise
} StyleInfo;

/** A frame: 8-bit RGB, 3 bytes a pixel, rows at any stride (in bytes, negative for bottom-up images). */
typedef struct StyleFrame {
    const uint8_t *src; ///< the source
    uint8_t *dst;       ///< the painted frame goes here; src with the same stride is allowed
    ptrdiff_t src_stride, dst_stride;
    int width, height;
    int sequence; ///< consecutive frames of one video have the same, not 0; 0: a picture by itself
    void *opaque; ///< the caller's, comes back with the frame
} StyleFrame;

/** Fills `settings` with the defaults. */
void ff_style_default_settings(StyleSettings *settings);

/**
 * Checks what can be told before TensorFlow is loaded: the settings, the model's file, its card, the style.
 * ff_style_open() does so as well; this is for who opens later, and wants to know now.
 *
 * @return 0; on an error any of the codes above
 */
int ff_style_check(const StyleSettings *settings);

/**
 * Loads the model, and starts the threads. With FF_STYLE_RUNTIME_AUTO the engine runs the model itself where it
 * knows every operation, the device is the processor, and that has AVX2 or NEON; else TensorFlow does. A message of level
 * FF_STYLE_LOG_INFO says which, and why.
 *
 * TensorFlow is loaded when it is to run a model: once in the life of a process, and it stays. The first that is found of these is
 * taken, each a library or the folder that holds it: `settings->library`, the environment variable
 * FFMPEG_STYLE_TENSORFLOW, the path fixed when the engine was built, the system's libtensorflow.so.2.
 * The first two, when given, must work: nothing else is tried after them.
 *
 * TensorFlow writes lines of its own to stderr as it starts. Unless TF_CPP_MIN_LOG_LEVEL is set in the
 * environment, the call that loads it drops those, by means that leave file descriptor 2 and getenv() alone.
 *
 * @param engine set to the new engine, to be given to ff_style_close(); to NULL on an error
 * @return 0; on an error any of the codes above
 */
int ff_style_open(StyleEngine **engine, const StyleSettings *settings);

/**
 * What was loaded and how it runs.
 *
 * @return owned by the engine, unchanged until it is closed
 */
const StyleInfo *ff_style_info(const StyleEngine *engine);

/**
 * Whether the model takes frames of this size. ff_style_submit() asks the same.
 *
 * @return 0; -EINVAL when the graph is made for another size or a larger one, -EFBIG beyond max_pixels
 */
int ff_style_check_size(StyleEngine *engine, int width, int height);

/**
 * Takes another style, or a mix of them, for the frames submitted from now on.
 *
 * @param style a name or an index, or several with weights: "wave", "1", "wave:0.7+scream:0.3". A weight
 *              left out is 1; weights are positive or zero, and are scaled to a sum of 1.
 *              With a model for any painting, what is no style of the model is the path of a picture, which
 *              `open_picture` reads: "a.jpg:0.7+b.jpg:0.3". In it a backslash takes the meaning of a + or : or
 *              backslash behind it. What is called like a style is a picture with its folder: "./wave".
 *              NULL or "": the first style.
 * @return 0; -EINVAL when the model lacks the style or the text can't be read; what open_picture returned, or
 *         what ff_style_receive() returns when a picture can't be made use of: the style stays as it was
 */
int ff_style_set_style(StyleEngine *engine, const char *style);

/**
 * Sets how much of the painting the frames submitted from now on show.
 *
 * @param strength 0, the source to the byte (the network does not run), to 1, the painting
 * @return 0; -EINVAL outside of 0 to 1: the strength stays as it was
 */
int ff_style_set_strength(StyleEngine *engine, double strength);

/**
 * Sets whose colours the frames submitted from now on have.
 *
 * @return 0; -EINVAL for a value that is not in StyleColors: the colours stay as they were
 */
int ff_style_set_colors(StyleEngine *engine, StyleColors colors);

/**
 * Sets how much the painting of the frame before, moved along with the picture, holds the paintings of the frames
 * submitted from now on. It holds where the picture goes on; where that changes (what was hidden, light), and
 * behind a scene cut, a flush, a change of size, style or sequence, and a picture by itself, the painting is new.
 *
 * @param steady 0, each frame is painted by itself, to 1, nothing changes where the source does not
 * @return 0; -EINVAL outside of 0 to 1: it stays as it was
 */
int ff_style_set_steady(StyleEngine *engine, double steady);

/**
 * Gives a frame to be painted with the style, strength, colours and steadiness of this moment; never waits for the
 * painting. The size may differ from that of the frame before.
 *
 * @param frame copied; the pixels it points to belong to the engine (`src` to be read, `dst` to be
 *              written) from here until ff_style_receive() gives the frame back
 * @return 0; -EAGAIN when info->in_flight frames are in flight, or half as many of more than
 *         FF_STYLE_SMALL_FRAME pixels and this is another: receive one first;
 *         -EINVAL or -EFBIG for a frame that can't be painted. On an error the frame stays the caller's.
 */
int ff_style_submit(StyleEngine *engine, const StyleFrame *frame);

/**
 * Gives the oldest frame in flight back, painted.
 *
 * @param frame receives what ff_style_submit() was given; untouched when the return is 0 or -EAGAIN
 * @param wait  how many of the oldest frames in flight to wait for until they are ready, or all if there are
 *              fewer: who waits for several sleeps longer, and is woken less often. 0 or less: return
 *              -EAGAIN when the oldest one is not ready
 * @return 1: a painted frame; 0: no frame is in flight; -EAGAIN: it is not ready, only without `wait`;
 *         -EIO, -ENOMEM, -EBADMSG: painting failed, -ECANCELED: it was flushed. In these cases the
 *         frame comes back too, but what its `dst` holds is undefined. The engine can still be used.
 */
int ff_style_receive(StyleEngine *engine, StyleFrame *frame, int wait);

/**
 * Waits until the oldest frames in flight are ready, but no longer than this.
 *
 * @param count        how many of them, 1 or more, or all if there are fewer
 * @param microseconds 0 or less: it does not wait
 * @return 1: ff_style_receive() will give them without waiting; 0: not yet, or no frame is in flight
 */
int ff_style_wait(StyleEngine *engine, int count, int64_t microseconds);

/**
 * Cancels the frames in flight that are not painted, and waits until nobody works at them: those that the engine
 * paints itself are given up in the middle, those of TensorFlow painted to the end. All are then ready for
 * ff_style_receive(), which is how the caller gets its memory back; later frames are painted as before.
 * To paint what is in flight to the end, don't flush: receive with `wait` until it returns 0.
 * NULL is accepted.
 */
void ff_style_flush(StyleEngine *engine);

/**
 * Flushes and frees the engine, and sets the pointer to NULL. Frames not received are forgotten: the caller
 * may free their pixels after this. A NULL engine, and a NULL pointer to one, are accepted.
 */
void ff_style_close(StyleEngine **engine);

#ifdef __cplusplus
}
#endif

#endif
