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

/*
 * Interval arithmetic over the last operations of a graph: most networks end in a sigmoid, a tanh, a
 * scaling or a clipping, which tells the range of their images.
 */

#include <math.h>
#include <string.h>

#include "signature.h"

#define MAX_OPERATIONS 64

typedef struct Interval {
    double low, high;
} Interval;

static const Interval everything = {-INFINITY, INFINITY};

/** The value of a float32 constant of one element, as an interval of no width. */
static Interval constant(const StyleTensorFlow *tf, TF_Operation *op)
{
    TF_Status *status = tf->NewStatus();
    TF_Tensor *tensor = NULL;
    Interval value = everything;
    float number;

    if (!status)
        return value;
    tf->OperationGetAttrTensor(op, "value", &tensor, status);
    if (tf->GetCode(status) == TF_OK && tensor) {
        if (tf->TensorType(tensor) == TF_FLOAT && tf->TensorByteSize(tensor) == sizeof(number)) {
            memcpy(&number, tf->TensorData(tensor), sizeof(number));
            if (isfinite(number))
                value = (Interval){number, number};
        }
        tf->DeleteTensor(tensor);
    }
    tf->DeleteStatus(status);
    return value;
}

static Interval clip(Interval a, Interval low, Interval high)
{
    return (Interval){fmin(fmax(a.low, low.low), high.low),
                      fmin(fmax(a.high, low.high), high.high)};
}

/** The products of the bounds. Infinity times zero is NaN, which fmin() and fmax() pass over. */
static Interval multiply(Interval a, Interval b)
{
    const double c = a.low * b.low, d = a.low * b.high, e = a.high * b.low, f = a.high * b.high;

    return (Interval){fmin(fmin(c, d), fmin(e, f)), fmax(fmax(c, d), fmax(e, f))};
}

static Interval divide(Interval a, Interval b)
{
    if (b.low <= 0 && b.high >= 0)
        return everything;
    return multiply(a, (Interval){1 / b.high, 1 / b.low});
}

static Interval interval(const StyleTensorFlow *tf, TF_Output output, int *budget);

static Interval input(const StyleTensorFlow *tf, TF_Operation *op, int index, int *budget)
{
    if (index >= tf->OperationNumInputs(op))
        return everything;
    return interval(tf, tf->OperationInput((TF_Input){op, index}), budget);
}

static Interval of_two(const char *type, Interval a, Interval b)
{
    if (!strcmp(type, "Minimum"))
        return (Interval){fmin(a.low, b.low), fmin(a.high, b.high)};
    if (!strcmp(type, "Maximum"))
        return (Interval){fmax(a.low, b.low), fmax(a.high, b.high)};
    if (!strcmp(type, "Add") || !strcmp(type, "AddV2") || !strcmp(type, "BiasAdd"))
        return (Interval){a.low + b.low, a.high + b.high};
    if (!strcmp(type, "Sub"))
        return (Interval){a.low - b.high, a.high - b.low};
    if (!strcmp(type, "Mul"))
        return multiply(a, b);
    if (!strcmp(type, "RealDiv") || !strcmp(type, "Div"))
        return divide(a, b);
    return everything;
}

static int is_one_of(const char *type, const char *const *types)
{
    while (*types && strcmp(type, *types))
        types++;
    return *types != NULL;
}

static Interval interval(const StyleTensorFlow *tf, TF_Output output, int *budget)
{
    static const char *const keep[] = {"Identity",  "Slice", "StridedSlice", "Reshape", "Squeeze",
                                       "MirrorPad", "Round", "ExpandDims",   "Cast",    "Transpose",
                                       NULL};
    TF_Operation *op = output.oper;
    const char *type = tf->OperationOpType(op);

    if (--*budget < 0)
        return everything;
    if (!strcmp(type, "Const"))
        return constant(tf, op);
    if (!strcmp(type, "Sigmoid"))
        return (Interval){0, 1};
    if (!strcmp(type, "Tanh"))
        return (Interval){-1, 1};
    if (!strcmp(type, "Relu"))
        return clip(input(tf, op, 0, budget), (Interval){0, 0}, (Interval){INFINITY, INFINITY});
    if (!strcmp(type, "ClipByValue"))
        return clip(input(tf, op, 0, budget), input(tf, op, 1, budget), input(tf, op, 2, budget));
    if (is_one_of(type, keep))
        return input(tf, op, 0, budget);
    return of_two(type, input(tf, op, 0, budget), input(tf, op, 1, budget));
}

StyleRange ff_style_find_range(const StyleTensorFlow *tf, TF_Output output)
{
    int budget = MAX_OPERATIONS;
    const Interval found = interval(tf, output, &budget);

    if (!(found.low >= -1.5 && found.high <= 1.5)) // wider, or not known
        return FF_STYLE_RANGE_255;
    return found.low >= -0.25 ? FF_STYLE_RANGE_1 : FF_STYLE_RANGE_SIGNED;
}
