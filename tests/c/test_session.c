/*
 * TensorFlow's session and its configuration.
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
    CHECK(ff_style_count_processors() >= 1);
    return 0;
}
