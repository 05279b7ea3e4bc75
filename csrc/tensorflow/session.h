/*
 * TensorFlow's session: the device, the precision and the threads that run the graph.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_SESSION_H
#define FF_STYLE_SESSION_H

#include "../base/common.h"
#include "../graph/proto.h"
#include "graph.h"
#include "library.h"

typedef enum StyleDeviceKind {
    FF_STYLE_DEVICE_AUTO,
    FF_STYLE_DEVICE_CPU,
    FF_STYLE_DEVICE_GPU,
} StyleDeviceKind;

typedef struct StyleDevice {
    StyleDeviceKind kind;
    int index;
    char name[32]; ///< as TensorFlow names it, "" for FF_STYLE_DEVICE_AUTO
} StyleDevice;

typedef struct StyleSession {
    TF_Session *session;
    TF_Status *status;        ///< for opening and closing; requests have their own
    StylePrecision precision; ///< FP32 or BF16
    char device[32];          ///< "cpu" or "gpu:N"
} StyleSession;

/** What a session is configured to; see ff_style_write_config(). */
typedef struct StyleConfig {
    int threads;
    int bf16;
    int gpu;
} StyleConfig;

/** Reads "auto", "cpu", "gpu" or "gpu:N"; NULL and "" are auto. Returns 0, or -EINVAL after a message. */
int ff_style_read_device(const StyleContext *ctx, const char *text, StyleDevice *device);

/** Writes the configuration as TensorFlow's ConfigProto, serialised. */
void ff_style_write_config(const StyleConfig *config, StyleMessage *message);

/**
 * Opens a session for the graph.
 *
 * @param settings its `precision` and `threads` count; there is at least one thread
 * @param session  receives the session, to be closed with ff_style_close_session() after an error as well
 * @return 0, -ENODEV, -EBADMSG or -ENOMEM after a message
 */
int ff_style_open_session(const StyleContext *ctx, const StyleTensorFlow *tf,
                          const StyleGraph *graph, const StyleSignature *signature,
                          const StyleSettings *settings, const StyleDevice *device,
                          StyleSession *session);

/** Closes the session, and empties it. */
void ff_style_close_session(const StyleTensorFlow *tf, StyleSession *session);

#endif
