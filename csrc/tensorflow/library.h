/*
 * TensorFlow's C API, loaded at run time.
 *
 * The engine is built without TensorFlow and not linked to it: a program that holds the engine starts as
 * fast as one without it, and runs on machines that lack TensorFlow until a model is opened. The types
 * and functions below are declared as in TensorFlow's tensorflow/c/c_api.h; its C API is stable
 * throughout TensorFlow 2.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#ifndef FF_STYLE_TENSORFLOW_H
#define FF_STYLE_TENSORFLOW_H

#include <stddef.h>
#include <stdint.h>

#include "../base/common.h"

typedef struct TF_DeviceList TF_DeviceList;
typedef struct TF_Graph TF_Graph;
typedef struct TF_ImportGraphDefOptions TF_ImportGraphDefOptions;
typedef struct TF_Operation TF_Operation;
typedef struct TF_Session TF_Session;
typedef struct TF_SessionOptions TF_SessionOptions;
typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;

typedef enum TF_DataType {
    TF_FLOAT = 1,
    TF_UINT8 = 4,
} TF_DataType;
typedef enum TF_Code { TF_OK = 0, TF_RESOURCE_EXHAUSTED = 8 } TF_Code;

typedef struct TF_Buffer {
    const void *data;
    size_t length;
    void (*data_deallocator)(void *data, size_t length);
} TF_Buffer;

typedef struct TF_Output {
    TF_Operation *oper;
    int index;
} TF_Output;

// clang-format off: it takes the parameters for products
/* Return type, name without TF_, parameters: one list makes the struct and the loader. */
#define FF_STYLE_TF_FUNCTIONS(F)                                                                  \
    F(const char *, Version, (void))                                                              \
    F(TF_Status *, NewStatus, (void))                                                             \
    F(void, DeleteStatus, (TF_Status *))                                                          \
    F(TF_Code, GetCode, (const TF_Status *))                                                      \
    F(const char *, Message, (const TF_Status *))                                                 \
    F(TF_Buffer *, NewBuffer, (void))                                                             \
    F(void, DeleteBuffer, (TF_Buffer *))                                                          \
    F(TF_Graph *, NewGraph, (void))                                                               \
    F(void, DeleteGraph, (TF_Graph *))                                                            \
    F(TF_ImportGraphDefOptions *, NewImportGraphDefOptions, (void))                               \
    F(void, DeleteImportGraphDefOptions, (TF_ImportGraphDefOptions *))                            \
    F(void, ImportGraphDefOptionsSetDefaultDevice,                                                \
      (TF_ImportGraphDefOptions *, const char *device))                                           \
    F(void, GraphImportGraphDef,                                                                  \
      (TF_Graph *, const TF_Buffer *, const TF_ImportGraphDefOptions *, TF_Status *))             \
    F(TF_Operation *, GraphNextOperation, (TF_Graph *, size_t * position))                        \
    F(TF_Operation *, GraphOperationByName, (TF_Graph *, const char *name))                       \
    F(const char *, OperationName, (TF_Operation *))                                              \
    F(const char *, OperationOpType, (TF_Operation *))                                            \
    F(int, OperationNumOutputs, (TF_Operation *))                                                 \
    F(TF_DataType, OperationOutputType, (TF_Output))                                              \
    F(TF_SessionOptions *, NewSessionOptions, (void))                                             \
    F(void, DeleteSessionOptions, (TF_SessionOptions *))                                          \
    F(void, SetConfig, (TF_SessionOptions *, const void *proto, size_t proto_len, TF_Status *))   \
    F(TF_Session *, NewSession, (TF_Graph *, const TF_SessionOptions *, TF_Status *))             \
    F(void, CloseSession, (TF_Session *, TF_Status *))                                            \
    F(void, DeleteSession, (TF_Session *, TF_Status *))                                           \
    F(TF_DeviceList *, SessionListDevices, (TF_Session *, TF_Status *))                           \
    F(void, DeleteDeviceList, (TF_DeviceList *))                                                  \
    F(int, DeviceListCount, (const TF_DeviceList *))                                              \
    F(const char *, DeviceListType, (const TF_DeviceList *, int index, TF_Status *))              \
    F(void, SessionRun,                                                                           \
      (TF_Session *, const TF_Buffer *run_options, const TF_Output *inputs,                       \
       TF_Tensor *const *input_values, int ninputs, const TF_Output *outputs,                     \
       TF_Tensor **output_values, int noutputs, const TF_Operation *const *targets, int ntargets, \
       TF_Buffer *run_metadata, TF_Status *))                                                     \
    F(TF_Tensor *, AllocateTensor, (TF_DataType, const int64_t *dims, int num_dims, size_t len))  \
    F(void, DeleteTensor, (TF_Tensor *))                                                          \
    F(void *, TensorData, (const TF_Tensor *))                                                    \
    F(size_t, TensorByteSize, (const TF_Tensor *))                                                \
    F(TF_DataType, TensorType, (const TF_Tensor *))                                               \
    F(int, NumDims, (const TF_Tensor *))                                                          \
    F(int64_t, Dim, (const TF_Tensor *, int index))

// clang-format on

typedef struct StyleTensorFlow {
#define FF_STYLE_TF_FIELD(type, name, parameters) type(*name) parameters;
    FF_STYLE_TF_FUNCTIONS(FF_STYLE_TF_FIELD)
#undef FF_STYLE_TF_FIELD
    const char *path; ///< the library that was loaded
} StyleTensorFlow;

/**
 * Loads TensorFlow the first time, and gives the same again ever after. Where it is searched is in
 * ff_style_open()'s comment. A failed try leaves nothing behind.
 *
 * @param library a library's path or its folder; NULL or "": search
 * @param why     the engine does not run the model by itself, for the message
 * @param tf      receives the functions, valid for the rest of the process's life
 * @return 0, or -ENOSYS after a message that says where it looked
 */
int ff_style_load_tensorflow(const StyleContext *ctx, const char *library, const char *why,
                             const StyleTensorFlow **tf);

/** Logs "`what`: TensorFlow's reason" for a failed status, and returns -ENOMEM or `code`. */
int ff_style_tf_error(const StyleContext *ctx, const StyleTensorFlow *tf, const TF_Status *status,
                      int code, const char *what);

#endif
