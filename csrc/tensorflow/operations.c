/*
 * Neural style transfer on RGB frames, over the C API of TensorFlow.
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

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // dladdr()
#endif

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../base/pool.h"
#include "../graph/proto.h"
#include "../kernels/conv.h"
#include "../kernels/norm.h"
#include "../kernels/pixels.h"
#include "../kernels/processor.h"
#include "operations.h"

/* More values in one tensor than any frame asks for: what overflows is found before it is multiplied. */
#define MAX_VALUES 1e12

#define MAX_INPUTS 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const StyleTensorFlow *tf; ///< what the operations are registered with; NULL: not yet
static StyleVectors vectors;      ///< that they use
static int has_matrices;          ///< the processor has what they need for bfloat16

/** The attributes of an operation in a graph; those that its kind lacks are 0. */
typedef struct Kernel {
    unsigned char transposed, part, relu, keep;
    int32_t stride, sizes, axis;
    float epsilon;
    TF_DataType packed, output;
} Kernel;

/** A call of an operation. After a failure the status tells it, and the steps that follow do nothing. */
typedef struct Call {
    TF_OpKernelContext *context;
    TF_Status *status;
    TF_Tensor *inputs[MAX_INPUTS];
} Call;

static int is_ok(const Call *call)
{
    return tf->GetCode(call->status) == TF_OK;
}

static void expect(Call *call, int condition, const char *message)
{
    if (is_ok(call) && !condition)
        tf->SetStatus(call->status, TF_INVALID_ARGUMENT, message);
}

static Call begin_call(TF_OpKernelContext *context, int nb_inputs)
{
    Call call = {context, tf->NewStatus(), {NULL}};

    for (int i = 0; i < nb_inputs && is_ok(&call); i++)
        tf->GetInput(context, i, &call.inputs[i], call.status);
    return call;
}

static void end_call(Call *call)
{
    if (!is_ok(call))
        tf->OpKernelContext_Failure(call->context, call->status);
    for (int i = 0; i < MAX_INPUTS; i++)
        if (call->inputs[i])
            tf->DeleteTensor(call->inputs[i]);
    tf->DeleteStatus(call->status);
}

static size_t size_of_type(TF_DataType type)
{
    return type == TF_BFLOAT16 ? 2 : type == TF_UINT8 ? 1 : 4;
}

static size_t count_values(const TF_Tensor *tensor)
{
    return tf->TensorByteSize(tensor) / size_of_type(tf->TensorType(tensor));
}

static StyleType style_type(TF_DataType type)
{
    return type == TF_FLOAT   ? FF_STYLE_FLOAT
           : type == TF_UINT8 ? FF_STYLE_UINT8
                              : FF_STYLE_BFLOAT16;
}

/** An input as features; expects [1,height,width,channels]. */
static StyleFeatures get_features(Call *call, int index)
{
    const TF_Tensor *tensor = call->inputs[index];
    StyleFeatures features = {0};
    int64_t dims[4] = {0};

    if (!is_ok(call))
        return features;
    expect(call, tf->NumDims(tensor) == 4, "expected an image of [1,height,width,channels]");
    for (int i = 0; i < 4 && is_ok(call); i++) {
        dims[i] = tf->Dim(tensor, i);
        expect(call, dims[i] > 0 && dims[i] <= (i ? 1 << 24 : 1),
               "expected an image of [1,height,width,channels]");
    }
    features.data = tf->TensorData(tensor);
    features.type = style_type(tf->TensorType(tensor));
    features.height = (int)dims[1];
    features.width = (int)dims[2];
    features.channels = (int)dims[3];
    return features;
}

/** Two inputs of one float per channel. */
static StyleAffine get_affine(Call *call, int index, int relu)
{
    StyleAffine affine = {.relu = relu};

    if (!is_ok(call))
        return affine;
    expect(call,
           count_values(call->inputs[index]) == count_values(call->inputs[index + 1]) &&
               count_values(call->inputs[index]) < 1 << 24,
           "expected as many offsets as scales");
    affine.channels = (int)count_values(call->inputs[index]);
    affine.scale = tf->TensorData(call->inputs[index]);
    affine.offset = tf->TensorData(call->inputs[index + 1]);
    return affine;
}

static void expect_memory(Call *call, int result)
{
    if (result < 0)
        tf->SetStatus(call->status, TF_RESOURCE_EXHAUSTED, "out of memory");
}

/** As TensorFlow wants a tensor's memory to be freed. */
static void return_block(void *data, size_t size, void *opaque)
{
    (void)size, (void)opaque;
    ff_style_return_block(data);
}

/** The engine asks for nothing else, but any graph in this process may. */
static void expect_processor(Call *call, StyleType first, StyleType second)
{
    const int bfloat16 = first == FF_STYLE_BFLOAT16 || second == FF_STYLE_BFLOAT16;

    expect(call, vectors != FF_STYLE_NO_VECTORS && (!bfloat16 || has_matrices),
           "expected a processor with vectors, and with matrices for bfloat16");
}

static void *allocate(Call *call, int index, TF_DataType type, int nb_dims, const int64_t *dims)
{
    TF_Tensor *tensor;
    double values = 1;
    void *data;

    for (int i = 0; i < nb_dims; i++)
        values *= (double)dims[i];
    expect(call, values <= MAX_VALUES, "expected a tensor that fits into memory");
    if (!is_ok(call))
        return NULL;
    data = ff_style_take_block((size_t)values * size_of_type(type));
    expect_memory(call, data ? 0 : -ENOMEM);
    if (!is_ok(call))
        return NULL;
    tensor = tf->NewTensor(type, dims, nb_dims, data, (size_t)values * size_of_type(type),
                           return_block, NULL);
    if (!tensor) {
        ff_style_return_block(data);
        expect_memory(call, -ENOMEM);
        return NULL;
    }
    data = tf->TensorData(tensor);
    tf->SetOutput(call->context, index, tensor, call->status);
    tf->DeleteTensor(tensor); // TensorFlow keeps its own hold of the output
    return is_ok(call) ? data : NULL;
}

static StyleFeatures allocate_features(Call *call, int index, TF_DataType type, int height,
                                       int width, int channels)
{
    const int64_t dims[] = {1, height, width, channels};

    return (StyleFeatures){allocate(call, index, type, 4, dims), style_type(type), height, width,
                           channels};
}

/** The shape that the kernel, the only input, is to be packed with. */
static StyleKernelShape choose_shape(Call *call, const Kernel *k)
{
    const TF_Tensor *kernel = call->inputs[0];
    int64_t dims[4] = {0};
    StyleKernelShape shape;

    expect(call, is_ok(call) && tf->NumDims(kernel) == 4, "expected a kernel of four dimensions");
    for (int i = 0; i < 4 && is_ok(call); i++) {
        dims[i] = tf->Dim(kernel, i);
        expect(call, dims[i] <= INT32_MAX, "expected a smaller kernel");
    }
    shape = (StyleKernelShape){.rows = (int)dims[0],
                               .columns = (int)dims[1],
                               .channels = (int)dims[2 + k->transposed],
                               .filters = (int)dims[3 - k->transposed],
                               .stride = k->stride,
                               .transposed = k->transposed,
                               .type = style_type(k->packed),
                               .pixels = 1};
    expect(call, ff_style_packed_size(&shape) > 0,
           "expected a kernel of a style network's size, of an even one when transposed");
    return is_ok(call) && k->part ? ff_style_part_pixels(&shape, tf->TensorData(kernel)) : shape;
}

static void pack(void *kernel, TF_OpKernelContext *context)
{
    const Kernel *const k = kernel;
    Call call = begin_call(context, 1);
    const StyleKernelShape shape = choose_shape(&call, k);
    const int64_t size = (int64_t)ff_style_packed_size(&shape), seven = 7;
    void *const packed = allocate(&call, 0, k->packed, 1, &size);
    int32_t *const numbers = allocate(&call, 1, TF_INT32, 1, &seven);

    if (is_ok(&call)) {
        ff_style_pack_kernel(&shape, tf->TensorData(call.inputs[0]), packed);
        memcpy(numbers,
               (const int32_t[]){shape.rows, shape.columns, shape.channels, shape.filters,
                                 shape.stride, shape.transposed, shape.pixels},
               7 * sizeof(*numbers));
    }
    end_call(&call);
}

/** The kernel's shape and values, from the two outputs of `pack`. */
static void get_kernel(Call *call, StyleConv *conv)
{
    const int32_t *numbers;

    if (!is_ok(call))
        return;
    expect(call, count_values(call->inputs[4]) == 7, "expected a packed kernel's shape");
    if (!is_ok(call))
        return;
    numbers = tf->TensorData(call->inputs[4]);
    conv->kernel = (StyleKernelShape){.rows = numbers[0],
                                      .columns = numbers[1],
                                      .channels = numbers[2],
                                      .filters = numbers[3],
                                      .stride = numbers[4],
                                      .transposed = numbers[5] != 0,
                                      .type = style_type(tf->TensorType(call->inputs[3])),
                                      .pixels = numbers[6]};
    conv->packed = tf->TensorData(call->inputs[3]);
    expect(call,
           ff_style_packed_size(&conv->kernel) &&
               ff_style_packed_size(&conv->kernel) == count_values(call->inputs[3]),
           "expected a packed kernel of its shape");
    if (!is_ok(call))
        return;
    expect(call,
           conv->input.channels % conv->kernel.pixels == 0 &&
               conv->input.channels / conv->kernel.pixels == conv->kernel.channels,
           "expected a kernel for the image's channels");
}

/** What is added to an image of this shape, from an input that may be empty. */
static StyleFeatures get_added(Call *call, int index, const StyleFeatures *image)
{
    StyleFeatures added = {0};

    if (!is_ok(call) || !count_values(call->inputs[index]))
        return added;
    added = get_features(call, index);
    expect(call,
           added.height == image->height && added.width == image->width &&
               added.channels == image->channels,
           "expected two images of one shape");
    return added;
}

/** The convolution's last output: of its input's shape, or empty. */
static StyleFeatures allocate_kept(Call *call, const Kernel *kernel, const StyleFeatures *input)
{
    const int64_t none = 0;

    if (kernel->keep)
        return allocate_features(call, 3, kernel->packed, input->height, input->width,
                                 input->channels);
    allocate(call, 3, kernel->packed, 1, &none);
    return (StyleFeatures){0};
}

/** The size that the graph asks for, where it does. */
static void check_size(Call *call, int index, const StyleFeatures *output)
{
    const int32_t *dims;

    if (!is_ok(call))
        return;
    expect(call, count_values(call->inputs[index]) == 4, "expected a size of four dimensions");
    if (!is_ok(call))
        return;
    dims = tf->TensorData(call->inputs[index]);
    expect(call,
           dims[0] == 1 && dims[1] == output->height && dims[2] == output->width &&
               dims[3] == output->channels,
           "expected a transposed convolution to double the image");
}

static void convolve(void *kernel, TF_OpKernelContext *context)
{
    const Kernel *const k = kernel;
    Call call = begin_call(context, 8 + k->sizes);
    StyleConv conv = {.vectors = vectors};
    StyleAffine norm;
    int64_t channels;

    conv.input = get_features(&call, 0);
    conv.affine = get_affine(&call, 1, k->relu);
    get_kernel(&call, &conv);
    norm = get_affine(&call, 5, 0);
    conv.added = get_added(&call, 7, &conv.input);
    expect(&call,
           !norm.channels || (norm.channels == conv.kernel.filters && conv.kernel.pixels == 1),
           "expected a norm for the kernel's filters");
    channels = norm.channels;
    expect_processor(&call, conv.kernel.type, style_type(k->output));
    expect_processor(&call, conv.input.type, conv.added.data ? conv.added.type : conv.input.type);
    if (is_ok(&call))
        conv.output = allocate_features(&call, 0, k->output,
                                        ff_style_conv_size(&conv.kernel, conv.input.height),
                                        ff_style_conv_size(&conv.kernel, conv.input.width),
                                        conv.kernel.filters * conv.kernel.pixels);
    if (k->sizes)
        check_size(&call, 8, &conv.output);
    conv.scale = allocate(&call, 1, TF_FLOAT, 1, &channels);
    conv.offset = allocate(&call, 2, TF_FLOAT, 1, &channels);
    conv.kept = allocate_kept(&call, k, &conv.input);
    if (norm.channels)
        conv.norm = (StyleNorm){norm.scale, norm.offset, k->epsilon};
    if (is_ok(&call))
        expect_memory(&call, ff_style_conv(&conv));
    end_call(&call);
}

static void apply(void *kernel, TF_OpKernelContext *context)
{
    const Kernel *const k = kernel;
    Call call = begin_call(context, 4);
    const StyleFeatures input = get_features(&call, 0);
    const StyleAffine affine = get_affine(&call, 1, k->relu);
    const StyleFeatures added = get_added(&call, 3, &input);
    StyleFeatures output = {0};

    expect_processor(&call, input.type, style_type(k->output));
    expect_processor(&call, input.type, added.data ? added.type : input.type);
    if (is_ok(&call))
        output = allocate_features(&call, 0, k->output, input.height, input.width, input.channels);
    if (is_ok(&call))
        expect_memory(&call, ff_style_apply(vectors, &input, &affine, &added, &output));
    end_call(&call);
}

/** The first input's own memory for the output where nobody else takes that, other memory otherwise. */
static float *reuse(Call *call, const StyleFeatures *input)
{
    const int64_t dims[] = {1, input->height, input->width, input->channels};
    const int first = 0;
    TF_Tensor *tensor;
    int forwarded;
    float *data;

    if (!is_ok(call))
        return NULL;
    tf->DeleteTensor(call->inputs[0]); // our own hold of it would make us that somebody
    call->inputs[0] = NULL;
    tensor = tf->ForwardInputOrAllocateOutput(call->context, &first, 1, 0, dims, 4, &forwarded,
                                              call->status);
    if (!is_ok(call) || !tensor)
        return NULL;
    data = tf->TensorData(tensor);
    tf->DeleteTensor(tensor);
    return data;
}

static void normalise(void *kernel, TF_OpKernelContext *context)
{
    const Kernel *const k = kernel;
    Call call = begin_call(context, 4);
    const StyleFeatures input = get_features(&call, 0);
    const StyleAffine norm = get_affine(&call, 1, 0);
    const StyleFeatures added = get_added(&call, 3, &input);
    StyleNormalise job = {
        .input = input.data,
        .pixels = (size_t)input.height * (size_t)input.width,
        .channels = input.channels,
        .norm = {norm.scale, norm.offset, k->epsilon},
        .relu = k->relu,
        .added = added.data,
    };

    expect(&call, norm.channels == input.channels, "expected a norm for the image's channels");
    job.output = reuse(&call, &input);
    if (is_ok(&call))
        expect_memory(&call, ff_style_normalise(&job));
    end_call(&call);
}

static void make_pixels(void *kernel, TF_OpKernelContext *context)
{
    Call call = begin_call(context, 6);
    const StyleFeatures input = get_features(&call, 0);
    StyleTanh end = {0};
    float *const numbers[] = {&end.gain, &end.middle, &end.low, &end.high};
    StyleFeatures output = {0};

    (void)kernel;
    if (is_ok(&call) && count_values(call.inputs[1])) {
        expect(&call, count_values(call.inputs[1]) == (size_t)input.channels,
               "expected a bias for the image's channels");
        end.bias = tf->TensorData(call.inputs[1]);
    }
    for (int i = 0; i < 4 && is_ok(&call); i++) {
        expect(&call, count_values(call.inputs[2 + i]) == 1, "expected one number");
        if (is_ok(&call))
            *numbers[i] = *(const float *)tf->TensorData(call.inputs[2 + i]);
    }
    expect(&call, end.low >= 0 && end.high <= 255, "expected limits within 0..255");
    expect_processor(&call, FF_STYLE_FLOAT, FF_STYLE_FLOAT);
    if (is_ok(&call))
        output = allocate_features(&call, 0, TF_UINT8, input.height, input.width, input.channels);
    if (is_ok(&call))
        expect_memory(&call, ff_style_make_pixels(vectors, &end, &input, output.data));
    end_call(&call);
}

/** An input's number for the last of the axes up to `axis`. */
static int64_t get_last(Call *call, int index, int axis)
{
    expect(call, is_ok(call) && count_values(call->inputs[index]) == (size_t)axis + 1,
           "expected a number for each axis up to the reflected one");
    return is_ok(call) ? ((const int32_t *)tf->TensorData(call->inputs[index]))[axis] : 0;
}

/** A slice's bound as StridedSlice takes it; within 0..units. */
static size_t get_bound(Call *call, int index, int axis, size_t units)
{
    int64_t bound = get_last(call, index, axis);

    bound += bound < 0 ? (int64_t)units : 0; // counted from the end
    return bound < 0 ? 0 : bound > (int64_t)units ? units : (size_t)bound;
}

/** Whether an input is one number, and this one. */
static int is_number(const Call *call, int index, int number)
{
    return is_ok(call) && count_values(call->inputs[index]) == 1 &&
           *(const int32_t *)tf->TensorData(call->inputs[index]) == number;
}

static void reflect(void *kernel, TF_OpKernelContext *context)
{
    const int axis = ((const Kernel *)kernel)->axis;
    Call call = begin_call(context, 10);
    const StyleFeatures input = get_features(&call, 0);
    const size_t pixel = (size_t)input.channels, row = (size_t)input.width * pixel;
    StyleReflection reflection = {.image = input.data};
    int64_t dims[4] = {1, input.height, input.width, input.channels};
    uint8_t *output;

    expect(&call, (axis == 1 || axis == 2) && is_number(&call, 9, axis),
           "expected rows or columns to reflect");
    reflection.lines = axis == 1 ? 1 : (size_t)input.height;
    reflection.units = (size_t)(axis == 1 ? input.height : input.width);
    reflection.unit = axis == 1 ? row : pixel;
    for (int i = 0; i < 2; i++) {
        const int slice = 1 + 4 * i;

        reflection.begin[i] = get_bound(&call, slice, axis, reflection.units);
        reflection.end[i] = get_bound(&call, slice + 1, axis, reflection.units);
        expect(&call, get_last(&call, slice + 2, axis) == 1, "expected a slice without gaps");
        expect(&call, is_number(&call, slice + 3, axis),
               "expected a slice reversed along its axis");
        if (reflection.end[i] < reflection.begin[i]) // an empty one
            reflection.end[i] = reflection.begin[i];
    }
    if (is_ok(&call))
        dims[axis] = (int64_t)ff_style_reflected_units(&reflection);
    if ((output = allocate(&call, 0, TF_UINT8, 4, dims)))
        ff_style_reflect(&reflection, output);
    end_call(&call);
}

/** The bytes' sizes and where each of their new axes comes from; returns how many there are. */
static int get_axes(Call *call, StyleAxis *axes, int64_t *dims)
{
    const TF_Tensor *const input = call->inputs[0];
    size_t steps[FF_STYLE_MAX_AXES], step = 1;
    int nb_axes, seen = 0;
    const int32_t *order;

    if (!is_ok(call))
        return 0;
    nb_axes = tf->NumDims(input);
    expect(call,
           nb_axes > 0 && nb_axes <= FF_STYLE_MAX_AXES &&
               count_values(call->inputs[1]) == (size_t)nb_axes,
           "expected one to eight axes, and as many in their new order");
    if (!is_ok(call))
        return 0;
    for (int i = nb_axes - 1; i >= 0; step *= (size_t)tf->Dim(input, i--))
        steps[i] = step;
    order = tf->TensorData(call->inputs[1]);
    for (int i = 0; i < nb_axes; i++) {
        const int axis = order[i];

        expect(call, axis >= 0 && axis < nb_axes && !(seen >> axis & 1),
               "expected each axis once in the new order");
        if (!is_ok(call))
            return 0;
        seen |= 1 << axis;
        dims[i] = tf->Dim(input, axis);
        axes[i] = (StyleAxis){(size_t)dims[i], steps[axis]};
    }
    return nb_axes;
}

static void transpose(void *kernel, TF_OpKernelContext *context)
{
    Call call = begin_call(context, 2);
    StyleAxis axes[FF_STYLE_MAX_AXES];
    int64_t dims[FF_STYLE_MAX_AXES];
    int nb_axes = get_axes(&call, axes, dims);
    uint8_t *const output = is_ok(&call) ? allocate(&call, 0, TF_UINT8, nb_axes, dims) : NULL;
    size_t unit = 1;

    (void)kernel;
    for (; nb_axes > 1 && axes[nb_axes - 1].step == unit;
         nb_axes--) // the last ones stay as they are
        unit *= axes[nb_axes - 1].size;
    if (output)
        ff_style_transpose(tf->TensorData(call.inputs[0]), axes, nb_axes, unit, output);
    end_call(&call);
}

/** Reads the attributes that `wanted` has a value in. */
static void *create(TF_OpKernelConstruction *construction, const Kernel *wanted)
{
    Kernel *const kernel = calloc(1, sizeof(*kernel));
    TF_Status *const status = tf->NewStatus();

    if (!kernel)
        tf->SetStatus(status, TF_RESOURCE_EXHAUSTED, "out of memory");
    if (kernel && wanted->transposed)
        tf->OpKernelConstruction_GetAttrBool(construction, "transposed", &kernel->transposed,
                                             status);
    if (kernel && wanted->part)
        tf->OpKernelConstruction_GetAttrBool(construction, "part", &kernel->part, status);
    if (kernel && wanted->relu)
        tf->OpKernelConstruction_GetAttrBool(construction, "relu", &kernel->relu, status);
    if (kernel && wanted->keep)
        tf->OpKernelConstruction_GetAttrBool(construction, "keep", &kernel->keep, status);
    if (kernel && wanted->packed)
        tf->OpKernelConstruction_GetAttrType(construction, "Tp", &kernel->packed, status);
    if (kernel && wanted->output)
        tf->OpKernelConstruction_GetAttrType(construction, "Ty", &kernel->output, status);
    if (kernel && wanted->stride)
        tf->OpKernelConstruction_GetAttrInt32(construction, "stride", &kernel->stride, status);
    if (kernel && wanted->sizes)
        tf->OpKernelConstruction_GetAttrInt32(construction, "N", &kernel->sizes, status);
    if (kernel && wanted->axis)
        tf->OpKernelConstruction_GetAttrInt32(construction, "axis", &kernel->axis, status);
    if (kernel && wanted->epsilon > 0)
        tf->OpKernelConstruction_GetAttrFloat(construction, "epsilon", &kernel->epsilon, status);
    if (tf->GetCode(status) != TF_OK)
        tf->OpKernelConstruction_Failure(construction, status);
    tf->DeleteStatus(status);
    return kernel;
}

static void *create_pack(TF_OpKernelConstruction *construction)
{
    return create(construction,
                  &(Kernel){.transposed = 1, .part = 1, .stride = 1, .packed = TF_FLOAT});
}

static void *create_conv(TF_OpKernelConstruction *construction)
{
    return create(construction, &(Kernel){.relu = 1,
                                          .keep = 1,
                                          .packed = TF_FLOAT,
                                          .output = TF_FLOAT,
                                          .stride = 1,
                                          .epsilon = 1});
}

static void *create_apply(TF_OpKernelConstruction *construction)
{
    return create(construction, &(Kernel){.relu = 1, .output = TF_FLOAT});
}

static void *create_norm(TF_OpKernelConstruction *construction)
{
    return create(construction, &(Kernel){.relu = 1, .epsilon = 1});
}

static void *create_reflect(TF_OpKernelConstruction *construction)
{
    return create(construction, &(Kernel){.axis = 1});
}

/** For operations without attributes. */
static void *create_plain(TF_OpKernelConstruction *construction)
{
    return create(construction, &(Kernel){0});
}

typedef struct Definition {
    const char *name;
    const char *attrs[10], *inputs[MAX_INPUTS + 1], *outputs[5]; ///< ended by NULL
    void *(*create)(TF_OpKernelConstruction *);
    void (*compute)(void *, TF_OpKernelContext *);
} Definition;

#define TYPE ": {float, bfloat16}"

static const Definition definitions[] = {
    {FF_STYLE_PACK,
     {"Tp" TYPE, "stride: int", "transposed: bool", "part: bool"},
     {"kernel: float"},
     {"packed: Tp", "shape: int32"},
     create_pack,
     pack},
    {FF_STYLE_CONV,
     {"Tx: {float, bfloat16, uint8}", "Tp" TYPE, "Ta" TYPE, "Ty" TYPE, "relu: bool", "keep: bool",
      "epsilon: float", "N: int >= 0"},
     {"x: Tx", "scale: float", "offset: float", "packed: Tp", "shape: int32", "gamma: float",
      "beta: float", "added: Ta", "size: N * int32"},
     {"y: Ty", "y_scale: float", "y_offset: float", "kept: Tp"},
     create_conv,
     convolve},
    {FF_STYLE_APPLY,
     {"Tx" TYPE, "Ta" TYPE, "Ty" TYPE, "relu: bool"},
     {"x: Tx", "scale: float", "offset: float", "added: Ta"},
     {"y: Ty"},
     create_apply,
     apply},
    {FF_STYLE_NORM,
     {"relu: bool", "epsilon: float"},
     {"x: float", "gamma: float", "beta: float", "added: float"},
     {"y: float"},
     create_norm,
     normalise},
    {FF_STYLE_PIXELS,
     {NULL},
     {"x: float", "bias: float", "gain: float", "middle: float", "low: float", "high: float"},
     {"y: uint8"},
     create_plain,
     make_pixels},
    {FF_STYLE_TRANSPOSE,
     {NULL},
     {"x: uint8", "perm: int32"},
     {"y: uint8"},
     create_plain,
     transpose},
    {FF_STYLE_REFLECT,
     {"axis: int", "N: int >= 8"},
     {"x: uint8", "slices: N * int32", "joined: int32"},
     {"y: uint8"},
     create_reflect,
     reflect},
};

static void infer_nothing(TF_ShapeInferenceContext *context, TF_Status *status)
{
    tf->ShapeInferenceContextSetUnknownShape(context, status);
}

static void register_definition(const Definition *definition, TF_Status *status)
{
    TF_OpDefinitionBuilder *builder = tf->NewOpDefinitionBuilder(definition->name);

    for (const char *const *spec = definition->attrs; *spec; spec++)
        tf->OpDefinitionBuilderAddAttr(builder, *spec);
    for (const char *const *spec = definition->inputs; *spec; spec++)
        tf->OpDefinitionBuilderAddInput(builder, *spec);
    for (const char *const *spec = definition->outputs; *spec; spec++)
        tf->OpDefinitionBuilderAddOutput(builder, *spec);
    tf->OpDefinitionBuilderSetShapeInferenceFunction(builder, infer_nothing);
    tf->RegisterOpDefinition(builder, status); // which frees the builder
    if (tf->GetCode(status) == TF_OK)
        tf->RegisterKernelBuilder(definition->name,
                                  tf->NewKernelBuilder(definition->name, "CPU", definition->create,
                                                       definition->compute, free),
                                  status);
}

/** TensorFlow would call what is no longer there, if a library that holds this code were unloaded. */
static void stay_in_memory(void)
{
    Dl_info info;

    if (dladdr((void *)&lock, &info) && info.dli_fname)
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

/** Whether another copy of this code was here before: to register a name twice ends the process. */
static int is_registered(const StyleContext *ctx, const StyleTensorFlow *with, TF_Status *status)
{
    StyleMessage graph = {.ctx = ctx}, node = graph, attr = graph, value = graph;
    TF_ImportGraphDefOptions *options = with->NewImportGraphDefOptions();
    TF_Buffer *buffer = with->NewBuffer();
    TF_Graph *scratch = with->NewGraph();
    int ret = 0;

    for (int i = 0; i < 2; i++) { // a placeholder, and an operation that takes it
        ff_style_put_text(&node, NODE_NAME, i ? "packed" : "kernel");
        ff_style_put_text(&node, NODE_OP, i ? FF_STYLE_PACK : "Placeholder");
        if (i)
            ff_style_put_text(&node, NODE_INPUT, "kernel");
        for (int j = 0; j < (i ? 4 : 1); j++) {
            static const char *const keys[] = {"dtype", "Tp", "stride", "transposed", "part"};
            static const unsigned kinds[] = {ATTR_TYPE, ATTR_TYPE, ATTR_INT, ATTR_BOOL, ATTR_BOOL};

            ff_style_put_text(&attr, MAP_KEY, keys[i + j]);
            ff_style_put_number(&value, kinds[i + j], 1); // for a type, of floats
            ff_style_put_message(&attr, MAP_VALUE, &value);
            ff_style_put_message(&node, NODE_ATTR, &attr);
        }
        ff_style_put_message(&graph, GRAPH_NODE, &node);
    }
    if (options && buffer && scratch && !graph.failed) {
        buffer->data = graph.data;
        buffer->length = graph.size;
        with->GraphImportGraphDef(scratch, buffer, options, status);
        ret = with->GetCode(status) == TF_OK;
        with->SetStatus(status, TF_OK, "");
    } else {
        with->SetStatus(status, TF_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (scratch)
        with->DeleteGraph(scratch);
    if (buffer)
        with->DeleteBuffer(buffer);
    if (options)
        with->DeleteImportGraphDefOptions(options);
    ff_style_free(ctx, graph.data);
    ff_style_free(ctx, node.data);
    ff_style_free(ctx, attr.data);
    ff_style_free(ctx, value.data);
    return ret;
}

static int register_all(const StyleTensorFlow *with, TF_Status *status)
{
    stay_in_memory();
    tf = with;
    vectors = ff_style_processor_vectors();
    has_matrices = ff_style_processor_has_matrices();
    for (size_t i = 0; i < sizeof(definitions) / sizeof(*definitions); i++)
        if (with->GetCode(status) == TF_OK)
            register_definition(&definitions[i], status);
    return with->GetCode(status) == TF_OK;
}

/** How far the registration got, for the whole process; a lack of memory in front of it leaves it open. */
typedef enum State {
    OPEN,
    USABLE,
    FAILED,
} State;

static State try_to_register(const StyleContext *ctx, const StyleTensorFlow *with)
{
    TF_Status *status = with->NewStatus();
    State state = OPEN;

    if (!status)
        return OPEN;
    if (is_registered(ctx, with, status))
        state = USABLE;
    else if (with->GetCode(status) == TF_OK)
        state = register_all(with, status) ? USABLE : FAILED;
    if (state != USABLE)
        ff_style_log(ctx, FF_STYLE_LOG_WARNING,
                     "TensorFlow does not take operations of our own, and its own are used: %s",
                     with->Message(status));
    with->DeleteStatus(status);
    return state;
}

int ff_style_register_kernels(const StyleContext *ctx, const StyleTensorFlow *with)
{
    static State state;
    int ret;

    if (!with->has_kernels)
        return 0;
    pthread_mutex_lock(&lock);
    if (state == OPEN)
        state = try_to_register(ctx, with);
    ret = state == USABLE;
    pthread_mutex_unlock(&lock);
    return ret;
}
