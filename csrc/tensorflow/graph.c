/*
 * Imports what the signature needs into TensorFlow.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <errno.h>
#include <string.h>

#include "graph.h"

/** What the steps below share. */
typedef struct Import {
    const StyleContext *ctx;
    const StyleTensorFlow *tf;
    TF_Status *status;
    const StyleGraphDef *file;
    const StyleNodes *nodes;
    const StyleSignature *signature, *predictor;
    StyleGraph *graph;
} Import;

static int import_bytes(const Import *im, const uint8_t *data, size_t size, const char *device)
{
    const StyleTensorFlow *tf = im->tf;
    TF_ImportGraphDefOptions *options = tf->NewImportGraphDefOptions();
    TF_Buffer *buffer = tf->NewBuffer();
    int ret = 0;

    if (!options || !buffer) {
        ret =
            ff_style_error(im->ctx, -ENOMEM, "out of memory for the graph of '%s'", im->file->path);
        goto end;
    }
    if (device)
        tf->ImportGraphDefOptionsSetDefaultDevice(options, device);
    buffer->data = data; // stays ours: no deallocator
    buffer->length = size;
    tf->GraphImportGraphDef(im->graph->graph, buffer, options, im->status);
    if (tf->GetCode(im->status) != TF_OK)
        ret = ff_style_tf_error(im->ctx, tf, im->status, -EBADMSG,
                                "the model is not a graph that TensorFlow can import");
end:
    if (buffer)
        tf->DeleteBuffer(buffer);
    if (options)
        tf->DeleteImportGraphDefOptions(options);
    return ret;
}

static int is_needed(const Import *im, int number)
{
    return im->signature->needed[number] || (im->predictor && im->predictor->needed[number]);
}

/** The needed nodes, as they are in the file: TensorFlow never sees the others. */
static int import_needed(const Import *im, const char *device)
{
    StyleSpan rest = {im->file->data, im->file->size};
    StyleMessage message = {.ctx = im->ctx};
    StyleField field;
    int number = 0, ret;

    while (ff_style_take_field(&rest, &field) > 0)
        if (field.type == FF_STYLE_VARINT)
            ff_style_put_number(&message, field.number, (int64_t)field.value);
        else if (field.number != GRAPH_NODE || is_needed(im, number++))
            ff_style_put_bytes(&message, field.number, field.bytes.data, field.bytes.size);
    ret = message.failed ? -ENOMEM : import_bytes(im, message.data, message.size, device);
    ff_style_free(im->ctx, message.data);
    return ret;
}

/** The file was looked through before, by a reader of our own: trust, but look at what TensorFlow made. */
static int check_operations(const Import *im)
{
    size_t position = 0;
    TF_Operation *op;

    while ((op = im->tf->GraphNextOperation(im->graph->graph, &position))) {
        const char *type = im->tf->OperationOpType(op);

        if (!ff_style_op_is_allowed(type, strlen(type)))
            return ff_style_error(
                im->ctx, -EBADMSG,
                "model '%s' is refused: its node '%s' became a '%s', which is not "
                "among the feed-forward operations that a style network needs",
                im->file->path, im->tf->OperationName(op), type);
    }
    return 0;
}

/** A port as TensorFlow has it, which must be what was read from the file. */
static int find_port(const Import *im, StyleSource source, int type, TF_Output *found)
{
    const StyleSpan name = im->nodes->nodes[source.node].name;
    char *const text = ff_style_copy(im->ctx, (const char *)name.data, name.size);
    int is_there;

    if (!text)
        return -ENOMEM;
    *found = (TF_Output){im->tf->GraphOperationByName(im->graph->graph, text), source.output};
    is_there = found->oper && source.output < im->tf->OperationNumOutputs(found->oper);
    ff_style_free(im->ctx, text);
    if (is_there && (int)im->tf->OperationOutputType(*found) == type)
        return 0;
    return ff_style_error(im->ctx, -EBADMSG, "model '%s': output %d of '%.*s' is %s; expected %s",
                          im->file->path, source.output, FF_STYLE_SPAN_ARGUMENTS(name),
                          is_there ? ff_style_type_name(im->tf->OperationOutputType(*found))
                                   : "not there",
                          ff_style_type_name(type));
}

static int find_ports(const Import *im)
{
    const StyleSignature *const s = im->signature;
    int ret;

    if ((ret = find_port(im, s->input.source, s->input.type, &im->graph->input)) < 0 ||
        (ret = find_port(im, s->output.source, s->output.type, &im->graph->output)) < 0)
        return ret;
    if (im->predictor &&
        ((ret = find_port(im, im->predictor->input.source, im->predictor->input.type,
                          &im->graph->painting)) < 0 ||
         (ret = find_port(im, im->predictor->output.source, im->predictor->output.type,
                          &im->graph->painting_vector)) < 0))
        return ret;
    return s->control ? find_port(im, s->chooser, s->chooser_type, &im->graph->chooser) : 0;
}

int ff_style_import_graph(const StyleContext *ctx, const StyleTensorFlow *tf,
                          const StyleGraphDef *file, const StyleNodes *nodes,
                          const StyleSignature *signature, const StyleSignature *predictor,
                          const char *device, StyleGraph *graph)
{
    const Import im = {ctx, tf, tf->NewStatus(), file, nodes, signature, predictor, graph};
    int ret;

    *graph = (StyleGraph){.graph = tf->NewGraph()};
    if (!im.status || !graph->graph)
        ret = ff_style_error(ctx, -ENOMEM, "out of memory for the graph of '%s'", file->path);
    else if ((ret = import_needed(&im, device)) >= 0)
        ret = check_operations(&im);
    if (ret >= 0)
        ret = find_ports(&im);
    if (im.status)
        tf->DeleteStatus(im.status);
    return ret;
}

void ff_style_free_graph(const StyleTensorFlow *tf, StyleGraph *graph)
{
    if (graph->graph)
        tf->DeleteGraph(graph->graph);
    *graph = (StyleGraph){0};
}
