/*
 * A graph is walked in the order of its nodes, once to fold constants, then for each size of a frame.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "builder.h"

/* What the values of all constants, and of what a program computes, may take, and be read, in bytes: that of a
 * network of 5 million weights. Beyond, a small file could keep the machine busy for long. */
#define MAX_SMALL_BYTES ((size_t)1 << 28)

/* Outputs of one node that others take. */
#define MAX_OUTPUTS 1024

int ff_style_refuse(Builder *b, const char *why)
{
    if (!*b->reason)
        snprintf(b->reason, sizeof(b->reason), "node '%.*s' (%.*s): %s",
                 FF_STYLE_SPAN_ARGUMENTS(b->node->name), FF_STYLE_SPAN_ARGUMENTS(b->node->op), why);
    return 0;
}

Value ff_style_input_value(const Builder *b, const StyleNode *node, int slot)
{
    const StyleSource source = slot < node->nb_inputs ? node->inputs[slot] : (StyleSource){-1, 0};

    if (source.node < 0 || source.output >= b->plan->nb_outputs[source.node])
        return (Value){NULL, NULL};
    return b->values[b->plan->first[source.node] + source.output];
}

/* Small tensors */

static StyleMemory *memory_of(Builder *b)
{
    return b->program ? &b->program->memory : &b->open->constants;
}

int ff_style_compute(Builder *b, StyleSmallCall *call)
{
    StyleMemory *const memory = memory_of(b);
    StyleSmall **const inputs = ff_style_take(memory, (size_t)call->nb_inputs, sizeof(*inputs));
    StyleSmall *const outputs = ff_style_take(memory, (size_t)call->nb_outputs, sizeof(*outputs));
    StyleVaries varies = FF_STYLE_KNOWN;
    StyleStep *step;

    call->memory = memory;
    if (!inputs || !outputs ||
        !(call->outputs = ff_style_take(memory, (size_t)call->nb_outputs, sizeof(*call->outputs))))
        return 0;
    memcpy(inputs, call->inputs, (size_t)call->nb_inputs * sizeof(*inputs));
    call->inputs = inputs;
    for (int i = 0; i < call->nb_outputs; i++)
        call->outputs[i] = &outputs[i];
    for (int i = 0; i < call->nb_inputs; i++) {
        const size_t bytes = inputs[i]->count * sizeof(double);

        varies = inputs[i]->varies > varies ? inputs[i]->varies : varies;
        memory->left -= bytes < memory->left ? bytes : memory->left;
    }
    if (!call->function(call))
        return ff_style_refuse(b,
                               "its inputs or attributes are none that the engine computes with");
    for (int i = 0; i < call->nb_outputs; i++)
        outputs[i].varies = varies;
    if (!varies)
        return 1;
    if (!(step = ff_style_add_step(b->program, FF_STYLE_COMPUTE)))
        return 0;
    step->call = *call;
    step->varies = varies;
    return 1;
}

StyleSmall *ff_style_known_number(Builder *b, double number)
{
    StyleSmall *const small = ff_style_take(memory_of(b), 1, sizeof(*small));

    if (!small || !ff_style_shape_small(memory_of(b), small, FF_STYLE_DT_FLOAT, 0, NULL))
        return NULL;
    small->values[0] = number;
    return small;
}

StyleSmall *ff_style_compute_number(Builder *b, const char *op, StyleSmall *first,
                                    StyleSmall *second)
{
    const StyleSpan name = {(const uint8_t *)op, strlen(op)};
    StyleSmall *inputs[] = {first, second};
    StyleSmallCall call = {.inputs = inputs, .nb_inputs = second ? 2 : 1, .nb_outputs = 1};

    if (!first || !ff_style_find_number(name, &call))
        return NULL;
    return ff_style_compute(b, &call) ? call.outputs[0] : NULL;
}

StyleSmall *ff_style_reshape_small(Builder *b, StyleSmall *small, const StyleView *view)
{
    StyleSmallCall call = {.function = ff_style_copy_small,
                           .inputs = &small,
                           .nb_inputs = 1,
                           .nb_outputs = 1,
                           .shape = view};

    return ff_style_compute(b, &call) ? call.outputs[0] : NULL;
}

StyleSmall *ff_style_flatten_small(Builder *b, StyleSmall *small)
{
    const int64_t count = (int64_t)small->count;
    const StyleView view = ff_style_whole_view(1, &count);

    return small->rank == 1 ? small : ff_style_reshape_small(b, small, &view);
}

static int build_shape(Builder *b, const Image *image)
{
    const int64_t rank = image->view.rank;
    StyleSmall *const small = ff_style_take(memory_of(b), 1, sizeof(*small));

    if (!small || !ff_style_shape_small(memory_of(b), small, FF_STYLE_DT_INT32, 1, &rank))
        return 0;
    for (int i = 0; i < image->view.rank; i++)
        small->values[i] = (double)image->view.dims[i];
    b->values[b->plan->first[b->node - b->plan->nodes->nodes]].small = small;
    return 1;
}

/** An operation on small tensors alone. */
static int build_small(Builder *b)
{
    const int number = (int)(b->node - b->plan->nodes->nodes), count = b->node->nb_inputs;
    StyleSmall **const inputs = ff_style_take(memory_of(b), (size_t)count + 1, sizeof(*inputs));
    StyleSmallCall call = {
        .inputs = inputs, .nb_inputs = count, .nb_outputs = b->plan->nb_outputs[number]};

    for (int i = 0; i < count && inputs; i++)
        if (!(inputs[i] = ff_style_input_value(b, b->node, i).small))
            return ff_style_refuse(b, "it takes what the engine does not make");
    if (!inputs)
        return 0;
    if (ff_style_node_is(b->node, "Identity") || ff_style_node_is(b->node, "StopGradient")) {
        b->values[b->plan->first[number]].small = count == 1 ? inputs[0] : NULL;
        return count == 1 || ff_style_refuse(b, "it has more than one input");
    }
    if (!ff_style_find_small(b->node, &call))
        return ff_style_refuse(b, "the engine does not run this operation");
    if (!ff_style_compute(b, &call))
        return 0;
    for (int i = 0; i < call.nb_outputs; i++)
        b->values[b->plan->first[number] + i].small = call.outputs[i];
    return 1;
}

static int build_constant(Builder *b)
{
    StyleSmall *const small = ff_style_take(memory_of(b), 1, sizeof(*small));
    StyleTensor tensor;

    if (!ff_style_attr_tensor(b->node, "value", &tensor) || tensor.type == FF_STYLE_DT_STRING)
        return ff_style_refuse(b, "it is no constant of numbers");
    if (!small || !ff_style_shape_small(memory_of(b), small, tensor.type, tensor.dims.rank,
                                        tensor.dims.sizes))
        return 0;
    if (ff_style_tensor_numbers(&tensor, small->count, small->values) < 0)
        return ff_style_refuse(b, "it is no constant of numbers");
    b->values[b->plan->first[b->node - b->plan->nodes->nodes]].small = small;
    return 1;
}

/** Any node that is not fed. */
static int build_node(Builder *b)
{
    const Value first = ff_style_input_value(b, b->node, 0);
    int has_image = 0;

    if (ff_style_node_is(b->node, "Const"))
        return build_constant(b);
    for (int i = 0; i < b->node->nb_inputs; i++)
        has_image |= ff_style_input_value(b, b->node, i).image != NULL;
    if (b->node->nb_controls)
        return ff_style_refuse(b, "it waits for others (a control input)");
    if (ff_style_node_is(b->node, "Shape") && first.image)
        return build_shape(b, first.image);
    if (!has_image)
        return build_small(b);
    for (int i = 0; i < b->node->nb_inputs; i++) {
        const Value value = ff_style_input_value(b, b->node, i);

        if (!value.image && !value.small)
            return ff_style_refuse(b, "it takes what the engine does not make");
    }
    return ff_style_build_image(b);
}

/* Programs */

/** What makes an image's floats of bytes, and the other way round. */
typedef struct Scaling {
    double unit, middle; ///< byte = float * unit + middle
} Scaling;

static Scaling scaling_of(const StylePort *port)
{
    return port->type == FF_STYLE_DT_UINT8        ? (Scaling){1, 0}
           : port->range == FF_STYLE_RANGE_1      ? (Scaling){255, 0}
           : port->range == FF_STYLE_RANGE_SIGNED ? (Scaling){127.5, 127.5}
                                                  : (Scaling){1, 0};
}

/** Puts the channels of a view in front of the rows, or back behind the columns. */
static void turn_view(StyleView *view, int to_front)
{
    const StyleView before = *view;

    for (int i = 1; i < 4; i++) {
        const int from = to_front ? (i == 1 ? 3 : i - 1) : i % 3 + 1;

        view->dims[i] = before.dims[from];
        view->steps[i] = before.steps[from];
    }
}

/** A value that does not come from a node. */
static Value *value_at(const Builder *b, StyleSource source)
{
    return &b->values[b->plan->first[source.node] + source.output];
}

static int feed(Builder *b, int width, int height)
{
    const StylePort *const port = &b->plan->signature->input;
    const Scaling scaling = scaling_of(port);
    const int64_t dims[] = {1, height, width, 3};
    Image image = {.type = port->type,
                   .view = ff_style_whole_view(4, dims),
                   .id = b->plan->first[port->source.node] + port->source.output + 1};
    Image *const frame = ff_style_take(&b->program->memory, 1, sizeof(*frame));

    b->node = &b->plan->nodes->nodes[port->source.node];
    image.count = ff_style_view_count(&image.view);
    ff_style_add_buffer(b->program, 0); // the first one is nobody's
    image.stored = ff_style_new_buffer(b, FF_STYLE_UINT8, image.count);
    if (!frame || !image.stored.buffer ||
        (scaling.unit > 1 &&
         !ff_style_scale_image(b, &image, ff_style_known_number(b, 1 / scaling.unit),
                               ff_style_known_number(b, -scaling.middle / scaling.unit), 3)))
        return 0;
    if (port->channels_first)
        turn_view(&image.view, 1);
    b->program->frame = image.stored;
    *frame = image;
    value_at(b, port->source)->image = frame;
    return 1;
}

/** The weights of styles, or the number of one. */
static int feed_chooser(Builder *b)
{
    const StyleSignature *const s = b->plan->signature;
    StyleSmall *small;

    if (s->control == FF_STYLE_CONTROL_NONE || !b->plan->needed[s->chooser.node])
        return 1;
    if (!(small = ff_style_take(&b->program->memory, 1, sizeof(*small))) ||
        !ff_style_shape_small(&b->program->memory, small, s->chooser_type, s->chooser_dims.rank,
                              s->chooser_dims.sizes))
        return 0;
    small->varies = FF_STYLE_BY_STYLE;
    b->program->chooser = small;
    value_at(b, s->chooser)->small = small;
    return 1;
}

/** The painting as bytes, rows one behind the other. */
static int fetch(Builder *b, int width, int height)
{
    const StylePort *const port = &b->plan->signature->output;
    const Scaling scaling = scaling_of(port);
    const Value value = *value_at(b, port->source);
    StyleEnding *ending;
    Image image;

    b->node = &b->plan->nodes->nodes[port->source.node];
    if (!value.image || value.image->type != port->type || value.image->view.rank != 4)
        return ff_style_refuse(b, "it is no painting of the frame's size");
    image = *value.image;
    if (port->type == FF_STYLE_DT_FLOAT) {
        if ((image.is_ending && (image.ending.rounds || image.ending.truncates) &&
             !ff_style_settle(b, &image)) ||
            !ff_style_scale_image(b, &image, ff_style_known_number(b, scaling.unit),
                                  ff_style_known_number(b, scaling.middle), 3) ||
            !(ending = ff_style_end_image(b, &image, 0)))
            return 0;
        ending->low = ending->low > 0 ? ending->low < 255 ? ending->low : 255 : 0;
        ending->high = ending->high < 255 ? ending->high > 0 ? ending->high : 0 : 255;
        ending->rounds = 1;
        image.type = FF_STYLE_DT_UINT8;
    }
    if (port->channels_first)
        turn_view(&image.view, 0);
    if (memcmp(image.view.dims, (const int64_t[]){1, height, width, 3}, 4 * sizeof(int64_t)))
        return ff_style_refuse(b, "it is no painting of the frame's size");
    if (!ff_style_settle_whole(b, &image))
        return 0;
    b->program->painting = image.stored;
    return image.stored.type == FF_STYLE_UINT8 || ff_style_refuse(b, "it is no image of bytes");
}

/** What a painting was made into. */
static int fetch_vector(Builder *b)
{
    const StyleSource source = b->plan->signature->output.source;
    StyleSmall *const vector = value_at(b, source)->small;

    b->node = &b->plan->nodes->nodes[source.node];
    if (!vector || vector->count != (size_t)b->plan->signature->nb_values)
        return ff_style_refuse(b, "it is no vector of the expected length");
    b->program->vector = vector;
    return 1;
}

static int is_fed(const StylePlan *plan, int node)
{
    return node == plan->signature->input.source.node ||
           (plan->signature->control != FF_STYLE_CONTROL_NONE &&
            node == plan->signature->chooser.node);
}

static int build(Builder *b, int width, int height)
{
    if (!feed(b, width, height) || !feed_chooser(b))
        return 0;
    for (int i = 0; i < b->plan->nb_ordered; i++) {
        b->node = &b->plan->nodes->nodes[b->plan->order[i]];
        if (!is_fed(b->plan, b->plan->order[i]) && !build_node(b))
            return 0;
    }
    return b->plan->signature->is_predictor ? fetch_vector(b) : fetch(b, width, height);
}

/** Returns 1; 0 and the reason when the network does not fit; -ENOMEM or -EFBIG. */
static int make_program(const StyleContext *ctx, const StylePlan *plan, StylePlan *open, int width,
                        int height, StyleProgram *program, char *reason)
{
    Builder b = {.plan = plan, .open = open, .program = program};
    int ret;

    *program = (StyleProgram){.memory = {.ctx = *ctx, .left = MAX_SMALL_BYTES},
                              .vectors = plan->settings.vectors,
                              .width = width,
                              .height = height};
    b.values = ff_style_take(&program->memory, (size_t)plan->nb_values + 1, sizeof(*b.values));
    if (!b.values)
        return program->memory.failed;
    memcpy(b.values, plan->values, (size_t)plan->nb_values * sizeof(*b.values));
    ret = build(&b, width, height);
    if (program->memory.failed || (open && open->memory.failed))
        return program->memory.failed ? program->memory.failed : open->memory.failed;
    if (open && open->constants.failed)
        return open->constants.failed;
    if (!ret)
        snprintf(reason, FF_STYLE_MESSAGE_SIZE, "%s",
                 *b.reason ? b.reason : "it takes more steps than any network should");
    return ret;
}

int ff_style_make_program(const StyleContext *ctx, const StylePlan *plan, int width, int height,
                          StyleProgram *program)
{
    char reason[FF_STYLE_MESSAGE_SIZE];
    int ret = make_program(ctx, plan, NULL, width, height, program, reason);

    if (!ret)
        return ff_style_error(ctx, -EBADMSG,
                              "the model does not take a frame of %dx%d pixels: %s; scale it, or "
                              "take runtime=tensorflow",
                              width, height, reason);
    if (ret > 0)
        ret = ff_style_place_buffers(program);
    return ret < 0 ? ff_style_error(ctx, ret, "out of memory for a frame of %dx%d pixels", width,
                                    height)
                   : 0;
}

/* Plans */

static int find_needed(StylePlan *plan)
{
    const StyleNodes *const nodes = plan->nodes;

    plan->needed[plan->signature->output.source.node] = 1;
    for (int i = nodes->nb_nodes - 1; i >= 0; i--) { // each behind all that take something from it
        const int number = nodes->order[i];
        const StyleNode *const node = &nodes->nodes[number];

        plan->convolved[number] = 0;
        for (int j = 0; j < node->nb_uses; j++) {
            const int user = node->uses[j].node;
            const int transposed = ff_style_node_is(&nodes->nodes[user], "Conv2DBackpropInput");
            const int convolves = transposed || ff_style_node_is(&nodes->nodes[user], "Conv2D");

            if (!plan->needed[user] || is_fed(plan, user))
                continue;
            plan->needed[number] = 1;
            plan->convolved[number] |=
                plan->convolved[user] || (convolves && node->uses[j].slot == (transposed ? 2 : 0));
            if (node->uses[j].output >= plan->nb_outputs[number])
                plan->nb_outputs[number] = node->uses[j].output + 1;
        }
        if (plan->nb_outputs[number] > MAX_OUTPUTS)
            return 0;
    }
    return 1;
}

static void ask_for(StylePlan *plan, StyleSource source)
{
    if (plan->nb_outputs[source.node] <= source.output)
        plan->nb_outputs[source.node] = source.output + 1;
}

static void number_values(StylePlan *plan)
{
    for (int i = 0; i < plan->nodes->nb_nodes; i++) {
        if (plan->needed[i] && !plan->nb_outputs[i])
            plan->nb_outputs[i] = 1;
        plan->first[i] = plan->nb_values;
        plan->nb_values += plan->nb_outputs[i];
    }
}

/** Computes what depends on constants only; the rest goes into the plan's order. */
static int fold(Builder *b)
{
    StylePlan *const plan = b->open;

    for (int i = 0; i < plan->nodes->nb_nodes; i++) {
        const int number = plan->nodes->order[i];
        int known = plan->needed[number] && !is_fed(plan, number);

        b->node = &plan->nodes->nodes[number];
        for (int j = 0; j < b->node->nb_inputs; j++)
            known &= ff_style_input_value(b, b->node, j).small != NULL;
        if (!known || ff_style_node_is(b->node, "Placeholder")) {
            if (plan->needed[number])
                plan->order[plan->nb_ordered++] = number;
        } else if (!build_node(b)) {
            return 0;
        }
    }
    return 1;
}

/** The sizes that a plan has to fit before it is one: all rests of a division by 8, and what the graph is made for. */
static int try_sizes(const StyleContext *ctx, StylePlan *plan, char *reason)
{
    const StyleSignature *const s = plan->signature;
    const int least = s->min_size > 1 ? s->min_size : 64;
    int ret = 1;

    for (int i = 0; i < (s->width && s->height ? 1 : 16) && ret > 0; i++) {
        const int width = s->width ? s->width : least + i;
        const int height = s->height ? s->height : least + i * 3 % 8 + i / 8;
        StyleProgram program;

        ret = make_program(ctx, plan, plan, width, height, &program, reason);
        ff_style_free_program(&program);
    }
    return ret;
}

/** Kernels are packed: of the constants stays what programs take. */
static int keep_constants(StylePlan *plan)
{
    for (int i = 0; i < plan->nb_ordered; i++) {
        const StyleNode *const node = &plan->nodes->nodes[plan->order[i]];

        for (int j = 0; j < node->nb_inputs; j++) {
            const StyleSource source = node->inputs[j];
            Value *const value = &plan->values[plan->first[source.node] + source.output];
            StyleSmall *copy;

            if (!value->small || value->small->mean_of < 0)
                continue;
            if (!(copy = ff_style_take(&plan->memory, 1, sizeof(*copy))))
                return 0;
            *copy = *value->small;
            copy->mean_of = -1; // it is a copy
            if (!plan->kernels[plan->order[i]] || j != 1) {
                copy->values = ff_style_take(&plan->memory, copy->count + 1, sizeof(double));
                if (!copy->values)
                    return 0;
                memcpy(copy->values, value->small->values, copy->count * sizeof(double));
            }
            value->small = copy;
        }
    }
    ff_style_return_blocks(&plan->constants);
    return 1;
}

static int alloc_plan(StylePlan *plan)
{
    const size_t count = (size_t)plan->nodes->nb_nodes;

    return (plan->first = ff_style_take(&plan->memory, count, sizeof(int))) &&
           (plan->nb_outputs = ff_style_take(&plan->memory, count, sizeof(int))) &&
           (plan->order = ff_style_take(&plan->memory, count, sizeof(int))) &&
           (plan->needed = ff_style_take(&plan->memory, count, 1)) &&
           (plan->convolved = ff_style_take(&plan->memory, count, 1)) &&
           (plan->kernels = ff_style_take(&plan->memory, count, sizeof(*plan->kernels)));
}

static int open_plan(const StyleContext *ctx, StylePlan *plan, char *reason)
{
    Builder b = {.plan = plan, .open = plan};
    int ret = 0;

    if (!alloc_plan(plan))
        return -ENOMEM;
    ask_for(plan, plan->signature->input.source);
    ask_for(plan, plan->signature->output.source);
    if (plan->signature->control != FF_STYLE_CONTROL_NONE)
        ask_for(plan, plan->signature->chooser);
    if (find_needed(plan)) {
        number_values(plan);
        plan->values = ff_style_take(&plan->memory, (size_t)plan->nb_values + 1, sizeof(Value));
        if (!(b.values = plan->values))
            return -ENOMEM;
        ret = fold(&b) ? try_sizes(ctx, plan, b.reason) : 0;
        if (ret > 0 && !keep_constants(plan))
            ret = -ENOMEM;
    }
    if (plan->memory.failed == -ENOMEM || plan->constants.failed == -ENOMEM)
        return -ENOMEM;
    if (ret <= 0)
        snprintf(reason, FF_STYLE_MESSAGE_SIZE, "%s",
                 *b.reason ? b.reason : "it is larger than any network should be");
    return ret == -ENOMEM ? ret : ret > 0;
}

int ff_style_open_plan(const StyleContext *ctx, const StyleNodes *nodes,
                       const StyleSignature *signature, const StylePlanSettings *settings,
                       StylePlan **plan, char reason[FF_STYLE_MESSAGE_SIZE])
{
    StylePlan *const p = *plan = ff_style_alloc(ctx, sizeof(*p));
    int ret;

    if (!p)
        return -ENOMEM;
    *p = (StylePlan){.memory = {.ctx = *ctx, .left = MAX_SMALL_BYTES},
                     .constants = {.ctx = *ctx, .left = MAX_SMALL_BYTES},
                     .nodes = nodes,
                     .signature = signature,
                     .settings = *settings};
    ret = open_plan(ctx, p, reason);
    if (ret <= 0)
        ff_style_close_plan(plan);
    return ret;
}

void ff_style_close_plan(StylePlan **plan)
{
    StylePlan *const p = *plan;
    StyleContext ctx;

    if (!p)
        return;
    ctx = p->memory.ctx;
    ff_style_return_blocks(&p->constants);
    ff_style_return_blocks(&p->memory);
    ff_style_free(&ctx, p);
    *plan = NULL;
}
