/*
 * Operations on small tensors number by number.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <math.h>
#include <string.h>

#include "small.h"

int ff_style_is_whole_type(int type)
{
    return type != FF_STYLE_DT_FLOAT && type != FF_STYLE_DT_HALF && type != FF_STYLE_DT_DOUBLE &&
           type != FF_STYLE_DT_BFLOAT16;
}

// clang-format off
/* Operation, number of inputs, what it makes of `a` and `b`: one list makes the functions and the table. */
#define NUMBERS(N)                                    \
    N(Abs, 1, fabs(a))                                \
    N(Add, 2, a + b)                                  \
    N(AddV2, 2, a + b)                                \
    N(BiasAdd, 2, a + b)                              \
    N(Div, 2, a / b)                                  \
    N(Exp, 1, exp(a))                                 \
    N(FloorDiv, 2, b != 0 ? floor(a / b) : 0)         \
    N(FloorMod, 2, b != 0 ? a - floor(a / b) * b : 0) \
    N(Maximum, 2, a > b ? a : b)                      \
    N(Minimum, 2, a < b ? a : b)                      \
    N(Mul, 2, a * b)                                  \
    N(Neg, 1, -a)                                     \
    N(Pow, 2, pow(a, b))                              \
    N(RealDiv, 2, a / b)                              \
    N(Reciprocal, 1, 1 / a)                           \
    N(Relu, 1, a > 0 ? a : 0)                         \
    N(Rsqrt, 1, 1 / sqrt(a))                          \
    N(Sigmoid, 1, 1 / (1 + exp(-a)))                  \
    N(Sqrt, 1, sqrt(a))                               \
    N(Square, 1, a * a)                               \
    N(SquaredDifference, 2, (a - b) * (a - b))        \
    N(Sub, 2, a - b)                                  \
    N(Tanh, 1, tanh(a))
// clang-format on

#define FUNCTION(op, count, result)        \
    static double op(double a, double b)   \
    {                                      \
        return (void)a, (void)b, (result); \
    }
NUMBERS(FUNCTION)

typedef struct Number {
    const char *op;
    int nb_inputs;
    double (*number)(double a, double b);
} Number;

static const Number numbers[] = {
#define ENTRY(op, count, result) {#op, count, op},
    NUMBERS(ENTRY)};

static const Number *find_number(StyleSpan op)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (ff_style_span_is(op, numbers[i].op))
            return &numbers[i];
    return NULL;
}

/** An input's view with the axes of the output: those of one index, and those that it lacks, do not move. */
static StyleView broadcast(const StyleSmall *small, int rank)
{
    const StyleView own = ff_style_small_view(small);
    StyleView view = {.rank = rank};

    for (int i = 0; i < small->rank; i++) {
        view.dims[rank - small->rank + i] = own.dims[i];
        view.steps[rank - small->rank + i] = own.dims[i] == 1 ? 0 : own.steps[i];
    }
    return view;
}

int ff_style_broadcast(const StyleSmall *small, int *rank, int64_t *dims)
{
    const int more = small->rank - *rank;

    if (more > 0) {
        memmove(dims + more, dims, (size_t)*rank * sizeof(*dims));
        for (int i = 0; i < more; i++)
            dims[i] = 1;
        *rank = small->rank;
    }
    for (int i = 0; i < small->rank; i++) {
        int64_t *const dim = &dims[*rank - small->rank + i];

        if (*dim != small->dims[i] && *dim != 1 && small->dims[i] != 1)
            return 0;
        *dim = *dim == 1 ? small->dims[i] : *dim;
    }
    return 1;
}

double ff_style_round_small(int type, double value)
{
    return ff_style_is_whole_type(type) ? trunc(value) : (double)(float)value;
}

/** One number, or two, of each place; of one input, the second is not looked at. */
static int compute_numbers(StyleSmallCall *call)
{
    const StyleSmall *const a = call->inputs[0], *const b = call->inputs[call->nb_inputs - 1];
    StyleSmall *const to = call->outputs[0];
    int64_t dims[FF_STYLE_MAX_DIMS], index[FF_STYLE_MAX_DIMS] = {0}, left = 0, right = 0;
    StyleView first, second;
    int rank = 0;

    if (!ff_style_broadcast(a, &rank, dims) || !ff_style_broadcast(b, &rank, dims) ||
        !ff_style_shape_small(call->memory, to, a->type, rank, dims))
        return 0;
    if (!ff_style_has_values(call))
        return 1;
    first = broadcast(a, rank);
    second = broadcast(b, rank);
    for (size_t i = 0; i < to->count; i++) {
        to->values[i] =
            ff_style_round_small(to->type, call->number(a->values[left], b->values[right]));
        for (int axis = rank - 1; axis >= 0; axis--) {
            left += first.steps[axis];
            right += second.steps[axis];
            if (++index[axis] < dims[axis])
                break;
            left -= first.steps[axis] * dims[axis];
            right -= second.steps[axis] * dims[axis];
            index[axis] = 0;
        }
    }
    return 1;
}

int ff_style_find_number(StyleSpan op, StyleSmallCall *call)
{
    const Number *const number = find_number(op);

    if (!number || number->nb_inputs != call->nb_inputs)
        return 0;
    call->number = number->number;
    call->function = compute_numbers;
    return 1;
}
