/*
 * Convolutions of images: what their nodes say, kernels packed, the step.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <string.h>

#include "builder.h"

/** What a convolution's node says, rows and columns in the order of its layout. */
typedef struct Convolution {
    int transposed, nchw, stride;
    int64_t rows, columns; ///< of the kernel
    int64_t height, width; ///< of the output
    int64_t top, left;     ///< zeros in front
    int channels, filters;
} Convolution;

static int read_strides(Builder *b, Convolution *c)
{
    const int first = c->nchw ? 2 : 1, channels = c->nchw ? 1 : 3;
    int64_t strides[4], dilations[4];
    const int count = ff_style_attr_ints(b->node, "dilations", 4, dilations);

    if (ff_style_attr_ints(b->node, "strides", 4, strides) != 4 || strides[0] != 1 ||
        strides[channels] != 1 || strides[first] != strides[first + 1] || strides[first] < 1 ||
        strides[first] > 64 || (count && count != 4) || (c->transposed && strides[first] != 2))
        return ff_style_misfit(b);
    for (int i = 0; i < count; i++)
        if (dilations[i] != 1)
            return ff_style_misfit(b);
    c->stride = (int)strides[first];
    return 1;
}

/** Zeros around the `size` values that a kernel of this size passes, and how many results there are. */
static int pad_axis(Builder *b, const Convolution *c, int axis, int64_t size, int64_t kernel,
                    int64_t *in_front, int64_t *results)
{
    const int64_t stride = c->stride;
    int64_t around[8] = {0};

    if (ff_style_attr_is(b->node, "padding", "SAME", 0)) {
        const int64_t needed = ((size + stride - 1) / stride - 1) * stride + kernel - size;

        *results = (size + stride - 1) / stride;
        *in_front = needed > 0 ? needed / 2 : 0;
        return 1;
    }
    if (ff_style_attr_is(b->node, "padding", "EXPLICIT", 0)) {
        if (ff_style_attr_ints(b->node, "explicit_paddings", 8, around) != 8)
            return ff_style_misfit(b);
    } else if (!ff_style_attr_is(b->node, "padding", "VALID", 0)) {
        return ff_style_misfit(b);
    }
    axis = 2 * (axis + (c->nchw ? 2 : 1));
    if (around[axis] < 0 || around[axis + 1] < 0 || around[axis] > 1024 ||
        around[axis + 1] > 1024 || size + around[axis] + around[axis + 1] < kernel)
        return ff_style_misfit(b);
    *in_front = around[axis];
    *results = (size + around[axis] + around[axis + 1] - kernel) / stride + 1;
    return 1;
}

/** The size of what a transposed convolution gives: it is what one that gives its input would take. */
static int read_size(Builder *b, const StyleView *image, Convolution *c)
{
    const StyleSmall *const size = ff_style_input_value(b, b->node, 0).small;
    const int first = c->nchw ? 2 : 1;
    int64_t height, width;

    if (!size || size->varies || size->count != 4 || size->values[0] != 1 ||
        (int64_t)size->values[c->nchw ? 1 : 3] != c->filters)
        return ff_style_misfit(b);
    c->height = ff_style_whole(size->values[first]);
    c->width = ff_style_whole(size->values[first + 1]);
    if (c->height < 1 || c->width < 1 || c->height > 2 * image->dims[1] ||
        c->width > 2 * image->dims[2] || !pad_axis(b, c, 0, c->height, c->rows, &c->top, &height) ||
        !pad_axis(b, c, 1, c->width, c->columns, &c->left, &width))
        return ff_style_misfit(b);
    return height == image->dims[1] && width == image->dims[2] ? 1 : ff_style_misfit(b);
}

static int read_convolution(Builder *b, const StyleView *image, const StyleSmall *kernel,
                            Convolution *c)
{
    c->rows = kernel->dims[0];
    c->columns = kernel->dims[1];
    c->channels = (int)kernel->dims[2 + c->transposed];
    c->filters = (int)kernel->dims[3 - c->transposed];
    if (!kernel->count || c->rows > 1024 || c->columns > 1024 || image->rank != 4 ||
        image->dims[0] != 1 || kernel->dims[2] > 1 << 20 || kernel->dims[3] > 1 << 20 ||
        image->dims[3] != c->channels || !read_strides(b, c))
        return ff_style_misfit(b);
    if (c->transposed)
        return read_size(b, image, c);
    return pad_axis(b, c, 0, image->dims[1], c->rows, &c->top, &c->height) &&
           pad_axis(b, c, 1, image->dims[2], c->columns, &c->left, &c->width);
}

/* Kernels */

/**
 * The kernels pass images in the way of an even kernel that doubles them. Others are put into a larger one: as
 * many rows, or columns, as it takes for row 0 to begin `top` in front.
 */
static int even_size(int64_t size, int64_t top)
{
    const int64_t half = top + 1 > size - 1 - top ? top + 1 : size - 1 - top;

    return (int)(2 * (half > 1 ? half : 1));
}

/**
 * What the products may be of: integers of pixels, and where a norm tells that values are about 1. What is far beyond that
 * is multiplied as floats, without squares, and takes longer than if the kernel were for floats alone.
 */
static StyleDots dots_for(const Builder *b, const Image *image)
{
    const StyleDots dots = ff_style_dots_of(b->plan->settings.vectors);
    const int is_about_1 = image->is_normed || image->stored.type == FF_STYLE_UINT8;

    return dots == FF_STYLE_DOTS_INT16 && !is_about_1 ? FF_STYLE_NO_DOTS : dots;
}

static StyleKernelShape shape_of(const Builder *b, const Convolution *c, const Image *image)
{
    return (StyleKernelShape){.rows = c->transposed ? even_size(c->rows, c->top) : (int)c->rows,
                              .columns =
                                  c->transposed ? even_size(c->columns, c->left) : (int)c->columns,
                              .channels = c->channels,
                              .filters = c->filters,
                              .stride = c->stride,
                              .transposed = c->transposed,
                              .type = b->plan->settings.type,
                              .pixels = 1,
                              .dots = dots_for(b, image)};
}

/** The kernel in single precision, in the middle of zeros where it is put into a larger one. */
static float *copy_kernel(Builder *b, const Convolution *c, const StyleKernelShape *shape,
                          const StyleSmall *kernel)
{
    const size_t row = (size_t)shape->columns * (size_t)(c->channels * c->filters);
    float *const values =
        ff_style_take(&b->open->constants, (size_t)shape->rows * row, sizeof(float));
    const size_t taps = (size_t)(c->channels * c->filters);
    const int64_t down = c->transposed ? shape->rows / 2 - 1 - c->top : 0;
    const int64_t right = c->transposed ? shape->columns / 2 - 1 - c->left : 0;

    for (int64_t y = 0; y < c->rows && values; y++)
        for (int64_t x = 0; x < c->columns; x++)
            for (size_t i = 0; i < taps; i++)
                values[(size_t)(y + down) * row + (size_t)(x + right) * taps + i] =
                    (float)kernel->values[(size_t)(y * c->columns + x) * taps + i];
    return values;
}

static Packed *pack(Builder *b, const Convolution *c, const Image *image, const StyleSmall *kernel,
                    Packed **list)
{
    StyleKernelShape shape = shape_of(b, c, image);
    const float *values;
    Packed *packed;

    if (!ff_style_packed_size(&shape)) {
        ff_style_misfit(b);
        return NULL;
    }
    if (!(packed = ff_style_take(&b->open->memory, 1, sizeof(*packed))) ||
        !(values = copy_kernel(b, c, &shape, kernel)))
        return NULL;
    shape = ff_style_part_pixels(&shape, values);
    if (!(packed->values =
              ff_style_take(&b->open->memory, ff_style_packed_size(&shape) * 4 + 64, 1)))
        return NULL;
    packed->values = (uint8_t *)packed->values + (64 - (uintptr_t)packed->values % 64) % 64;
    ff_style_pack_kernel(&shape, values, packed->values);
    packed->shape = shape;
    packed->top = (int)c->top;
    packed->left = (int)c->left;
    packed->next = *list;
    return *list = packed;
}

/** Finds the packed kernel, or packs it while the plan is opened. */
static const Packed *find_packed(Builder *b, const Convolution *c, const Image *image,
                                 const StyleSmall *kernel)
{
    Packed **const list = &b->plan->kernels[b->node - b->plan->nodes->nodes];

    for (Packed *packed = *list; packed; packed = packed->next)
        if (!c->transposed || (packed->top == c->top && packed->left == c->left))
            return packed;
    if (!b->open) {
        ff_style_misfit(b);
        return NULL;
    }
    return pack(b, c, image, kernel, list);
}

/* Images */

/** Whether somebody else takes the image than convolutions that bring it to its norm themselves. */
static int is_kept(const Builder *b, StyleSource source, int has_sum)
{
    const StyleNode *const from = &b->plan->nodes->nodes[source.node];

    for (int i = 0; i < from->nb_uses; i++) {
        const StyleNode *const user = &b->plan->nodes->nodes[from->uses[i].node];
        const int convolves =
            ff_style_node_is(user, "Conv2D") || ff_style_node_is(user, "Conv2DBackpropInput");

        if (user != b->node && b->plan->needed[from->uses[i].node] &&
            !ff_style_node_is(user, "Shape") && (has_sum || !convolves))
            return 1;
    }
    return 0;
}

/** Brings the image's values into the order of rows, columns and channels. */
static int order_image(Builder *b, Image *image, int nchw)
{
    StyleView view = image->view;

    if (image->is_ending || image->nb_moves || image->squared) {
        if (!ff_style_settle(b, image))
            return 0;
        view = image->view;
    }
    if (view.rank != 4)
        return ff_style_misfit(b);
    if (nchw)
        for (int i = 1; i < 4; i++) {
            view.dims[i] = image->view.dims[i % 3 + 1];
            view.steps[i] = image->view.steps[i % 3 + 1];
        }
    if (!ff_style_view_is_whole(&view) || ff_style_view_count(&view) != image->count) {
        StyleStored to;
        const StyleView whole = ff_style_whole_view(4, view.dims);

        if (!ff_style_settle(b, image))
            return 0;
        to = ff_style_new_buffer(b, image->stored.type, ff_style_view_count(&view));
        if (!to.buffer || !ff_style_move_values(b, image->stored, &view, to, &whole))
            return 0;
        image->stored = to;
        image->count = ff_style_view_count(&view);
        view = whole;
    }
    image->view = view;
    return 1;
}

static StyleStep *convolve(Builder *b, const Convolution *c, Image *image, const Packed *packed)
{
    const StyleKernelShape *const shape = &packed->shape;
    const StyleVectors vectors = b->plan->settings.vectors;
    const int64_t height = c->transposed ? 2 * image->view.dims[1] : c->height;
    const int64_t width = c->transposed ? 2 * image->view.dims[2] : c->width;
    const StyleType type =
        b->plan->convolved[b->node - b->plan->nodes->nodes] ? shape->type : FF_STYLE_FLOAT;
    StyleStored output;
    StyleStep *step;

    if (height > INT32_MAX || width > INT32_MAX ||
        (double)height * (double)width * c->filters > INT32_MAX) {
        ff_style_refuse(b, "its image is larger than the engine takes");
        return NULL;
    }
    output = ff_style_new_buffer(b, type, height * width * c->filters);
    if (!output.buffer || !(step = ff_style_add_step(b->program, FF_STYLE_CONVOLVE)))
        return NULL;
    step->input = image->stored;
    step->added = image->added;
    step->output = output;
    step->pending = image->pending;
    step->count = image->count;
    step->conv = (StyleConv){.vectors = shape->dots ? vectors : ff_style_without_dots(vectors),
                             .kernel = *shape,
                             .packed = packed->values,
                             .input = {NULL, image->stored.type, (int)image->view.dims[1],
                                       (int)image->view.dims[2], c->channels},
                             .output = {NULL, type, (int)height, (int)width, c->filters},
                             .top = (int)c->top,
                             .left = (int)c->left};
    return step;
}

/** Lets a convolution keep what it reads, for all others who take the image. */
static int keep(Builder *b, Image *image)
{
    const StyleStored kept = ff_style_new_buffer(b, b->plan->settings.type, image->count);

    if (!kept.buffer)
        return 0;
    b->program->buffers[kept.buffer].first--; // the convolution is there already
    b->program->steps[b->program->nb_steps - 1].kept = kept;
    image->stored = kept;
    image->pending = (StylePending){0};
    image->added = (StyleStored){0};
    image->conv = 0;
    return 1;
}

/** The output as the node has it: in its layout, and cut to its size. */
static Image output_image(const Builder *b, const Convolution *c, const StyleStep *step)
{
    const int64_t dims[] = {1, step->conv.output.height, step->conv.output.width, c->filters};
    Image image = {.stored = step->output,
                   .count = dims[1] * dims[2] * dims[3],
                   .type = FF_STYLE_DT_FLOAT,
                   .view = ff_style_whole_view(4, dims)};
    const StyleView whole = image.view;

    if (c->height == dims[1] && c->width == dims[2] && step->conv.kernel.pixels == 1)
        image.conv = b->program->nb_steps;
    image.view.dims[1] = c->height;
    image.view.dims[2] = c->width;
    if (c->nchw)
        for (int i = 1; i < 4; i++) {
            const int from = i == 1 ? 3 : i - 1;

            image.view.steps[i] = whole.steps[from];
            image.view.dims[i] = from == 1 ? c->height : from == 2 ? c->width : c->filters;
        }
    return image;
}

int ff_style_build_convolution(Builder *b)
{
    Convolution c = {.transposed = ff_style_node_is(b->node, "Conv2DBackpropInput"),
                     .nchw = ff_style_attr_is(b->node, "data_format", "NCHW", 0)};
    const int slot = c.transposed ? 2 : 0;
    Image *const whole = ff_style_input_value(b, b->node, slot).image;
    const StyleSmall *const kernel = ff_style_input_value(b, b->node, 1).small;
    const Packed *packed;
    Image image, output;
    StyleStep *step;

    if (b->node->nb_inputs != 2 + c.transposed || !whole || !kernel || kernel->varies ||
        kernel->rank != 4)
        return ff_style_refuse(b, "it is no convolution of an image with a constant kernel");
    if (whole->is_ending || whole->nb_moves) // for all who take it
        if (!ff_style_settle(b, whole))
            return 0;
    image = *whole;
    if (!order_image(b, &image, c.nchw) || !read_convolution(b, &image.view, kernel, &c) ||
        !(packed = find_packed(b, &c, &image, kernel)) || !(step = convolve(b, &c, &image, packed)))
        return 0;
    output = output_image(b, &c, step);
    if (image.stored.buffer == whole->stored.buffer &&
        (image.pending.channels || image.pending.relu || image.added.buffer) &&
        is_kept(b, b->node->inputs[slot], image.added.buffer != 0) && !keep(b, whole))
        return 0;
    return ff_style_add_image(b, &output) != NULL;
}
