/*
 * TensorFlow's session and its configuration.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include "tensorflow/session.h"
#include "test.h"

static void reads(const char *text, StyleDeviceKind kind, int index, const char *name)
{
    StyleDevice device;

    CHECK(ff_style_read_device(&test_context, text, &device) == 0);
    CHECK(device.kind == kind && device.index == index && !strcmp(device.name, name));
}

static void refuses(const char *text)
{
    StyleDevice device;

    CHECK(ff_style_read_device(&test_context, text, &device) == -EINVAL);
    CHECK_MESSAGE("expected auto, cpu, gpu");
    CHECK_MESSAGE(text);
}

int main(void)
{
    reads(NULL, FF_STYLE_DEVICE_AUTO, 0, "");
    reads("", FF_STYLE_DEVICE_AUTO, 0, "");
    reads("auto", FF_STYLE_DEVICE_AUTO, 0, "");
    reads("cpu", FF_STYLE_DEVICE_CPU, 0, "/device:CPU:0");
    reads("gpu", FF_STYLE_DEVICE_GPU, 0, "/device:GPU:0");
    reads("gpu:12", FF_STYLE_DEVICE_GPU, 12, "/device:GPU:12");
    refuses("GPU");
    refuses("gpux");
    refuses("gpu:");
    refuses("gpu:-1");
    refuses("gpu:1x");
    refuses("gpu:99999999999999999999");
    refuses("tpu");
    return 0;
}
