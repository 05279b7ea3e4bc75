/*
 * Makes TensorFlow's session, with its configuration.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/processor.h"
#include "session.h"

/* Networks of fewer channels in most layers spend more on converting to bfloat16 than they gain, in TensorFlow. */
#define BF16_MIN_CHANNELS 24

int ff_style_read_device(const StyleContext *ctx, const char *text, StyleDevice *device)
{
    char *end;

    *device = (StyleDevice){FF_STYLE_DEVICE_AUTO, 0, ""};
    if (!text || !*text || !strcmp(text, "auto"))
        return 0;
    if (!strcmp(text, "cpu")) {
        device->kind = FF_STYLE_DEVICE_CPU;
        snprintf(device->name, sizeof(device->name), "/device:CPU:0");
        return 0;
    }
    if (!strcmp(text, "gpu") || (!strncmp(text, "gpu:", 4) && text[4] >= '0' && text[4] <= '9')) {
        const long index = text[3] ? strtol(text + 4, &end, 10) : 0;

        if ((!text[3] || !*end) && index <= 9999) {
            device->kind = FF_STYLE_DEVICE_GPU;
            device->index = (int)index;
            snprintf(device->name, sizeof(device->name), "/device:GPU:%d", device->index);
            return 0;
        }
    }
    return ff_style_error(ctx, -EINVAL,
                          "device is '%s'; expected auto, cpu, gpu, or gpu:N with N from 0", text);
}

/* Field numbers of tensorflow/core/protobuf/config.proto and rewriter_config.proto. */
enum {
    CONFIG_DEVICE_COUNT = 1,
    CONFIG_INTRA_OP_THREADS = 2,
    CONFIG_INTER_OP_THREADS = 5,
    CONFIG_GPU_OPTIONS = 6,
    CONFIG_ALLOW_SOFT_PLACEMENT = 7,
    CONFIG_USE_PER_SESSION_THREADS = 9,
    CONFIG_GRAPH_OPTIONS = 10,
    GPU_ALLOW_GROWTH = 4,
    GRAPH_REWRITE_OPTIONS = 10,
    REWRITE_BF16 = 31, // auto_mixed_precision_onednn_bfloat16
    TOGGLE_ON = 1,
};

void ff_style_write_config(const StyleConfig *config, StyleMessage *message)
{
    StyleMessage gpus = {.ctx = message->ctx}, graph = gpus, rewrite = gpus;

    ff_style_put_number(message, CONFIG_INTRA_OP_THREADS, config->threads);
    // See run_on_this_thread of engine/request.c: the threads that this would make have no work.
    ff_style_put_number(message, CONFIG_INTER_OP_THREADS, 1);
    // Without it, the first session of the process would fix the threads for all.
    ff_style_put_number(message, CONFIG_USE_PER_SESSION_THREADS, 1);
    ff_style_put_number(message, CONFIG_ALLOW_SOFT_PLACEMENT, 1);
    if (config->gpu) { // take the memory as needed, not all there is
        ff_style_put_number(&gpus, GPU_ALLOW_GROWTH, 1);
        ff_style_put_message(message, CONFIG_GPU_OPTIONS, &gpus);
    } else {
        ff_style_put_text(&gpus, MAP_KEY, "GPU");
        ff_style_put_number(&gpus, MAP_VALUE, 0);
        ff_style_put_message(message, CONFIG_DEVICE_COUNT, &gpus);
    }
    if (config->bf16) {
        ff_style_put_number(&rewrite, REWRITE_BF16, TOGGLE_ON);
        ff_style_put_message(&graph, GRAPH_REWRITE_OPTIONS, &rewrite);
        ff_style_put_message(message, CONFIG_GRAPH_OPTIONS, &graph);
    }
    ff_style_free(gpus.ctx, gpus.data);
    ff_style_free(graph.ctx, graph.data);
    ff_style_free(rewrite.ctx, rewrite.data);
}

static int choose_precision(const StyleContext *ctx, const StyleSignature *signature,
                            StylePrecision precision, const StyleDevice *device, int *bf16)
{
    const int has_bf16 = ff_style_processor_has_bf16();

    if (precision == FF_STYLE_PRECISION_BF16 && !has_bf16)
        return ff_style_error(ctx, -ENODEV,
                              "precision=bf16 needs a processor with AVX512-BF16 or AMX-BF16, and "
                              "this one has neither: take precision=auto or fp32");
    if (precision == FF_STYLE_PRECISION_BF16 && signature->computed_norms)
        return ff_style_error(ctx, -EINVAL,
                              "precision=bf16 is beyond TensorFlow for a model that computes the "
                              "scale or the offset of its norms: take precision=auto or fp32");
    *bf16 = precision == FF_STYLE_PRECISION_BF16 ||
            (precision == FF_STYLE_PRECISION_AUTO && has_bf16 && !signature->computed_norms &&
             device->kind != FF_STYLE_DEVICE_GPU && signature->channels >= BF16_MIN_CHANNELS);
    return 0;
}

static int new_session(const StyleContext *ctx, const StyleTensorFlow *tf, const StyleGraph *graph,
                       const StyleConfig *config, StyleSession *session)
{
    TF_SessionOptions *options = tf->NewSessionOptions();
    StyleMessage message = {.ctx = ctx};
    int ret = 0;

    ff_style_write_config(config, &message);
    if (!options || message.failed) {
        ret = ff_style_error(ctx, -ENOMEM, "out of memory for TensorFlow's session");
        goto end;
    }
    tf->SetConfig(options, message.data, message.size, session->status);
    if (tf->GetCode(session->status) == TF_OK)
        session->session = tf->NewSession(graph->graph, options, session->status);
    if (tf->GetCode(session->status) != TF_OK)
        ret = ff_style_tf_error(ctx, tf, session->status, -EBADMSG, "TensorFlow opens no session");
end:
    if (options)
        tf->DeleteSessionOptions(options);
    ff_style_free(ctx, message.data);
    return ret;
}

static int count_gpus(const StyleContext *ctx, const StyleTensorFlow *tf,
                      const StyleSession *session, int *gpus)
{
    TF_DeviceList *devices = tf->SessionListDevices(session->session, session->status);
    const char *type;

    *gpus = 0;
    for (int i = 0; tf->GetCode(session->status) == TF_OK && i < tf->DeviceListCount(devices);
         i++) {
        type = tf->DeviceListType(devices, i, session->status);
        *gpus += type && !strcmp(type, "GPU");
    }
    if (devices)
        tf->DeleteDeviceList(devices);
    if (tf->GetCode(session->status) != TF_OK)
        return ff_style_tf_error(ctx, tf, session->status, -EBADMSG, "TensorFlow lists no devices");
    return 0;
}

static int choose_device(const StyleContext *ctx, const StyleTensorFlow *tf,
                         StylePrecision precision, const StyleDevice *device, StyleSession *session)
{
    int gpus = 0, ret;

    snprintf(session->device, sizeof(session->device), "cpu");
    if (device->kind == FF_STYLE_DEVICE_CPU)
        return 0;
    if ((ret = count_gpus(ctx, tf, session, &gpus)) < 0)
        return ret;
    if (device->kind == FF_STYLE_DEVICE_GPU && gpus <= device->index)
        return ff_style_error(ctx, -ENODEV,
                              "device=gpu:%d was asked for, and TensorFlow sees %d GPUs here: take "
                              "device=auto or cpu, or install TensorFlow with its GPU libraries",
                              device->index, gpus);
    if (!gpus)
        return 0;
    if (precision == FF_STYLE_PRECISION_BF16)
        return ff_style_error(ctx, -ENODEV,
                              "precision=bf16 runs on processors only, and the device is a GPU: "
                              "take precision=fp32, or device=cpu");
    session->precision =
        FF_STYLE_PRECISION_FP32; // TensorFlow leaves the GPU's operations as they are
    snprintf(session->device, sizeof(session->device), "gpu:%d", device->index);
    return 0;
}

int ff_style_open_session(const StyleContext *ctx, const StyleTensorFlow *tf,
                          const StyleGraph *graph, const StyleSignature *signature,
                          const StyleSettings *settings, const StyleDevice *device,
                          StyleSession *session)
{
    StyleConfig config = {
        .threads = settings->threads,
        .gpu = device->kind != FF_STYLE_DEVICE_CPU,
    };
    int ret;

    *session = (StyleSession){.status = tf->NewStatus()};
    if (!session->status)
        return ff_style_error(ctx, -ENOMEM, "out of memory for TensorFlow's session");
    ret = choose_precision(ctx, signature, settings->precision, device, &config.bf16);
    session->precision = config.bf16 ? FF_STYLE_PRECISION_BF16 : FF_STYLE_PRECISION_FP32;
    if (ret >= 0)
        ret = new_session(ctx, tf, graph, &config, session);
    if (ret >= 0)
        ret = choose_device(ctx, tf, settings->precision, device, session);
    return ret;
}

void ff_style_close_session(const StyleTensorFlow *tf, StyleSession *session)
{
    if (session->session) {
        tf->CloseSession(session->session, session->status);
        tf->DeleteSession(session->session, session->status);
    }
    if (session->status)
        tf->DeleteStatus(session->status);
    *session = (StyleSession){0};
}
