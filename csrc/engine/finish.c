/*
 * Painted frames in their order: each is held by the one before.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "../base/pool.h"
#include "../kernels/pixels.h"
#include "finish.h"

int ff_style_open_finisher(const StyleContext *ctx, int nb_values, StyleFinisher *finisher)
{
    finisher->nb_values = nb_values;
    finisher->chooser = ff_style_alloc(ctx, (size_t)nb_values * sizeof(*finisher->chooser));
    return finisher->chooser ? 0 : -ENOMEM;
}

void ff_style_close_finisher(const StyleContext *ctx, StyleFinisher *finisher)
{
    ff_style_close_steady(&finisher->steady);
    ff_style_free(ctx, finisher->chooser);
    *finisher = (StyleFinisher){0};
}

void ff_style_clear_request(StyleRequest *request)
{
    ff_style_free_pyramid(&request->source);
}

/** The painting itself is held, not its mix with the source: that one shows what the source shows. */
static int is_mixed(const StyleRequest *request)
{
    return request->strength < 1 || request->colors != FF_STYLE_COLORS_STYLE;
}

void ff_style_prepare_request(StyleRequest *request)
{
    const StyleFrame *const frame = &request->frame;
    const size_t row = 3 * (size_t)frame->width;

    request->canvas = NULL;
    if (request->strength <= 0 || request->steady <= 0 || !frame->sequence)
        request->is_held = 0;
    else
        request->is_held = ff_style_make_pyramid(&request->source, frame->src, frame->src_stride,
                                                 frame->width, frame->height) >= 0;
    if (request->is_held && is_mixed(request)) {
        request->canvas = ff_style_take_block(row * (size_t)frame->height);
        request->is_held = request->canvas != NULL;
    }
}

static int goes_on(const StyleFinisher *finisher, const StyleRequest *request)
{
    return finisher->sequence == request->sequence &&
           !memcmp(finisher->chooser, request->chooser,
                   (size_t)finisher->nb_values * sizeof(*finisher->chooser));
}

static void hold(StyleFinisher *finisher, StyleCrew *crew, StyleRequest *request)
{
    const StyleFrame *const frame = &request->frame;
    uint8_t *const painting = request->canvas ? request->canvas : frame->dst;
    const ptrdiff_t stride = request->canvas ? 3 * frame->width : frame->dst_stride;

    if (!goes_on(finisher, request))
        ff_style_forget(&finisher->steady);
    finisher->sequence = request->sequence;
    memcpy(finisher->chooser, request->chooser,
           (size_t)finisher->nb_values * sizeof(*finisher->chooser));
    // Without memory for it, the frame is painted as it would be by itself.
    ff_style_steady(&finisher->steady, crew, &request->source, painting, stride, request->steady);
    if (request->canvas)
        ff_style_write_frame(frame, painting, FF_STYLE_SAMPLE_UINT8, FF_STYLE_RANGE_255,
                             request->strength, request->colors);
}

void ff_style_finish_request(StyleFinisher *finisher, StyleCrew *crew, StyleRequest *request)
{
    if (request->is_held && request->result > 0)
        hold(finisher, crew, request);
    else
        ff_style_forget(&finisher->steady);
    if (request->canvas)
        ff_style_return_block(request->canvas);
    request->canvas = NULL;
}
