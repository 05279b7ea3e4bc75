/*
 * A library with the functions of TensorFlow that the engine loads. It shows what the real one can't:
 * any call can be made to fail, and every object is counted. Its one network inverts a frame:
 *
 *   style 0: 255 - v, style 1: v, and mixes of the two by their weights; other styles: 0
 *
 * A graph file has no say in this.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_tensorflow.h"
#include "tensorflow/library.h"

#define EXPORT __attribute__((visibility("default")))

extern FakeTensorFlow fake_tensorflow;
EXPORT FakeTensorFlow fake_tensorflow;
static FakeTensorFlow *const fake = &fake_tensorflow;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#ifdef WITHOUT_SESSION_RUN // a library that lacks a function
#define TF_SessionRun TF_AnotherFunction
#endif

#define PROTOTYPE(type, name, parameters) EXPORT type TF_##name parameters;
FF_STYLE_TF_FUNCTIONS(PROTOTYPE)

struct TF_Status {
    TF_Code code;
    const char *message;
};

struct TF_Tensor {
    TF_DataType type;
    int rank;
    int64_t dims[4];
    size_t size;
    void *data;
};

struct TF_Operation {
    const char *name, *op;
    TF_DataType type;
};

enum { IMAGE, WEIGHTS, KERNEL, CONVOLUTION, SIGMOID, SCALE, PAINTED, NB_OPERATIONS };

struct TF_Graph {
    TF_Operation operations[NB_OPERATIONS];
};

struct TF_Session {
    int unused;
};

static int count(int *counter, int change)
{
    return __atomic_add_fetch(counter, change, __ATOMIC_SEQ_CST);
}

static void count_running(void)
{
    int running;

    pthread_mutex_lock(&lock);
    running = count(&fake->running, 1);
    if (running > fake->most_running)
        fake->most_running = running;
    pthread_mutex_unlock(&lock);
}

/** Whether this call is the one to fail. */
static int fails(const char *name)
{
    int failing;

    pthread_mutex_lock(&lock);
    fake->calls++;
    failing = fake->fail_at && !--fake->fail_at;
    if (failing)
        fake->failed = name;
    pthread_mutex_unlock(&lock);
    return failing;
}

static void *create(const char *name, size_t size)
{
    void *object;

    if (fails(name))
        return NULL;
    object = calloc(1, size);
    count(&fake->live, object != NULL);
    return object;
}

static void destroy(void *object)
{
    count(&fake->live, -1);
    free(object);
}

/** Sets the status; whether the call may go on. */
static int succeeds(const char *name, TF_Status *status)
{
    const int failing = fails(name);

    status->code = !failing ? TF_OK : fake->exhausted ? TF_RESOURCE_EXHAUSTED : (TF_Code)13;
    status->message = failing ? "made to fail\nby the test" : "";
    return !failing;
}

const char *TF_Version(void)
{
    return "2.0.0-fake";
}

TF_Status *TF_NewStatus(void)
{
    return create("NewStatus", sizeof(TF_Status));
}

void TF_DeleteStatus(TF_Status *status)
{
    destroy(status);
}

TF_Code TF_GetCode(const TF_Status *status)
{
    return status->code;
}

const char *TF_Message(const TF_Status *status)
{
    return status->message;
}

TF_Buffer *TF_NewBuffer(void)
{
    return create("NewBuffer", sizeof(TF_Buffer));
}

void TF_DeleteBuffer(TF_Buffer *buffer)
{
    destroy(buffer);
}

TF_Graph *TF_NewGraph(void)
{
    return create("NewGraph", sizeof(TF_Graph));
}

void TF_DeleteGraph(TF_Graph *graph)
{
    destroy(graph);
}

struct TF_ImportGraphDefOptions {
    int unused;
};

TF_ImportGraphDefOptions *TF_NewImportGraphDefOptions(void)
{
    return create("NewImportGraphDefOptions", sizeof(TF_ImportGraphDefOptions));
}

void TF_DeleteImportGraphDefOptions(TF_ImportGraphDefOptions *options)
{
    destroy(options);
}

void TF_ImportGraphDefOptionsSetDefaultDevice(TF_ImportGraphDefOptions *options, const char *device)
{
    (void)options;
    strncpy(fake->device, device, sizeof(fake->device) - 1);
}

void TF_GraphImportGraphDef(TF_Graph *graph, const TF_Buffer *buffer,
                            const TF_ImportGraphDefOptions *options, TF_Status *status)
{
    const TF_DataType type = fake->float_graph ? TF_FLOAT : TF_UINT8;
    const TF_Operation operations[NB_OPERATIONS] = {
        [IMAGE] = {fake->float_graph ? "image" : "frame", "Placeholder", type},
        [WEIGHTS] = {fake->nb_styles > 1 ? "style_weights" : "unused",
                     fake->nb_styles > 1 ? "PlaceholderWithDefault" : "Const", TF_FLOAT},
        [KERNEL] = {"kernel", "Const", TF_FLOAT},
        [CONVOLUTION] = {"convolution", "Conv2D", TF_FLOAT},
        [SIGMOID] = {"sigmoid", "Sigmoid", TF_FLOAT},
        [SCALE] = {"scale", "Const", TF_FLOAT},
        [PAINTED] = {fake->float_graph ? "painted" : "styled",
                     fake->forbidden ? "WriteFile" : "Mul", type},
    };

    (void)options;
    if (!succeeds("GraphImportGraphDef", status) || !buffer->length)
        return;
    memcpy(graph->operations, operations, sizeof(operations));
}

TF_Operation *TF_GraphNextOperation(TF_Graph *graph, size_t *position)
{
    return *position < NB_OPERATIONS ? &graph->operations[(*position)++] : NULL;
}

TF_Operation *TF_GraphOperationByName(TF_Graph *graph, const char *name)
{
    for (int i = 0; i < NB_OPERATIONS; i++)
        if (!strcmp(graph->operations[i].name, name))
            return &graph->operations[i];
    return NULL;
}

const char *TF_OperationName(TF_Operation *operation)
{
    return operation->name;
}

const char *TF_OperationOpType(TF_Operation *operation)
{
    return operation->op;
}

int TF_OperationNumOutputs(TF_Operation *operation)
{
    (void)operation;
    return 1;
}

TF_DataType TF_OperationOutputType(TF_Output output)
{
    return output.oper->type;
}

TF_SessionOptions *TF_NewSessionOptions(void)
{
    return create("NewSessionOptions", 1);
}

void TF_DeleteSessionOptions(TF_SessionOptions *options)
{
    destroy(options);
}

void TF_SetConfig(TF_SessionOptions *options, const void *proto, size_t size, TF_Status *status)
{
    (void)options;
    if (!succeeds("SetConfig", status))
        return;
    memcpy(fake->config, proto, size);
    fake->config_size = (int)size;
}

TF_Session *TF_NewSession(TF_Graph *graph, const TF_SessionOptions *options, TF_Status *status)
{
    (void)graph;
    (void)options;
    if (!succeeds("NewSession", status))
        return NULL;
    count(&fake->live, 1);
    return calloc(1, sizeof(TF_Session));
}

void TF_CloseSession(TF_Session *session, TF_Status *status)
{
    (void)session;
    succeeds("CloseSession", status);
}

void TF_DeleteSession(TF_Session *session, TF_Status *status)
{
    succeeds("DeleteSession", status);
    destroy(session);
}

TF_DeviceList *TF_SessionListDevices(TF_Session *session, TF_Status *status)
{
    (void)session;
    if (!succeeds("SessionListDevices", status))
        return NULL;
    count(&fake->live, 1);
    return calloc(1, 1);
}

void TF_DeleteDeviceList(TF_DeviceList *devices)
{
    destroy(devices);
}

int TF_DeviceListCount(const TF_DeviceList *devices)
{
    (void)devices;
    return 1 + fake->gpus;
}

const char *TF_DeviceListType(const TF_DeviceList *devices, int index, TF_Status *status)
{
    (void)devices;
    return !succeeds("DeviceListType", status) ? NULL : index ? "GPU" : "CPU";
}

static TF_Tensor *new_tensor(TF_DataType type, const int64_t *dims, int rank, size_t size)
{
    TF_Tensor *tensor = calloc(1, sizeof(*tensor));

    *tensor = (TF_Tensor){type, rank, {0}, size, malloc(size ? size : 1)};
    if (rank)
        memcpy(tensor->dims, dims, (size_t)rank * sizeof(*dims));
    count(&fake->live, 1);
    return tensor;
}

TF_Tensor *TF_AllocateTensor(TF_DataType type, const int64_t *dims, int rank, size_t size)
{
    if (fails("AllocateTensor"))
        return NULL;
    count(&fake->tensors, 1);
    return new_tensor(type, dims, rank, size);
}

void TF_DeleteTensor(TF_Tensor *tensor)
{
    free(tensor->data);
    destroy(tensor);
}

void *TF_TensorData(const TF_Tensor *tensor)
{
    return tensor->data;
}

size_t TF_TensorByteSize(const TF_Tensor *tensor)
{
    return tensor->size;
}

TF_DataType TF_TensorType(const TF_Tensor *tensor)
{
    return tensor->type;
}

int TF_NumDims(const TF_Tensor *tensor)
{
    return tensor->rank;
}

int64_t TF_Dim(const TF_Tensor *tensor, int index)
{
    return tensor->dims[index];
}

static TF_Tensor *invert(const TF_Tensor *image, const float *weights)
{
    const size_t pixels = (size_t)(image->dims[1] * (image->dims[2] + fake->wider)) * 3;
    const size_t same = image->size / (image->type == TF_FLOAT ? sizeof(float) : 1);
    int64_t dims[4];
    TF_Tensor *painted;

    memcpy(dims, image->dims, sizeof(dims));
    dims[2] += fake->wider;
    painted =
        new_tensor(image->type, dims, 4, pixels * (image->type == TF_FLOAT ? sizeof(float) : 1));
    for (size_t i = 0; i < same && i < pixels; i++)
        if (image->type == TF_FLOAT) {
            ((float *)painted->data)[i] = 1 - ((float *)image->data)[i];
        } else {
            const float v = ((uint8_t *)image->data)[i];

            ((uint8_t *)painted->data)[i] =
                (uint8_t)(weights[0] * (255 - v) + weights[1] * v + 0.5f);
        }
    return painted;
}

static void keep_run_options(const TF_Buffer *options)
{
    pthread_mutex_lock(&lock);
    fake->run_options_size = options ? (int)options->length : 0;
    if (options)
        memcpy(fake->run_options, options->data, options->length);
    pthread_mutex_unlock(&lock);
}

/** Waits until the test lets frames go. */
static void wait_while_held(void)
{
    static const struct timespec pause = {0, 1000000};

    for (int i = 0; i < 10000 && count(&fake->held, 0); i++)
        nanosleep(&pause, NULL);
}

void TF_SessionRun(TF_Session *session, const TF_Buffer *run_options, const TF_Output *inputs,
                   TF_Tensor *const *values, int ninputs, const TF_Output *outputs,
                   TF_Tensor **painted, int noutputs, const TF_Operation *const *targets,
                   int ntargets, TF_Buffer *run_metadata, TF_Status *status)
{
    static const float first[] = {1, 0};
    const struct timespec delay = {0, fake->delay * 1000000L};
    const TF_Tensor *image = values[0];

    (void)session, (void)inputs, (void)outputs, (void)noutputs;
    (void)targets, (void)ntargets, (void)run_metadata;
    keep_run_options(run_options);
    *painted = NULL;
    if (!succeeds("SessionRun", status))
        return;
    if (fake->fail_frames) {
        *status = (TF_Status){(TF_Code)13, "the frame\nmade it fail"};
        return;
    }
    count_running();
    wait_while_held();
    if (fake->delay && *(uint8_t *)image->data == 255)
        nanosleep(&delay, NULL);
    *painted = invert(image, ninputs > 1 ? values[1]->data : first);
    count(&fake->runs, 1);
    count(&fake->running, -1);
}
