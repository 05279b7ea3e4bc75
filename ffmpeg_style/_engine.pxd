# The engine's interface, csrc/styletransfer.h, and what reads graphs, in csrc/graph; the comments there are
# the reference.

from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport int64_t, uint8_t

cdef extern from "styletransfer.h" nogil:
    ctypedef struct StyleEngine:
        pass

    ctypedef enum StyleLogLevel:
        FF_STYLE_LOG_ERROR
        FF_STYLE_LOG_WARNING
        FF_STYLE_LOG_INFO
        FF_STYLE_LOG_DEBUG

    ctypedef enum StyleColors:
        FF_STYLE_COLORS_STYLE
        FF_STYLE_COLORS_CONTENT

    ctypedef enum StylePrecision:
        FF_STYLE_PRECISION_AUTO
        FF_STYLE_PRECISION_FP32
        FF_STYLE_PRECISION_BF16
        FF_STYLE_PRECISION_INT16

    ctypedef enum StyleRuntime:
        FF_STYLE_RUNTIME_AUTO
        FF_STYLE_RUNTIME_OWN
        FF_STYLE_RUNTIME_TENSORFLOW

    ctypedef enum StyleRange:
        FF_STYLE_RANGE_AUTO
        FF_STYLE_RANGE_255
        FF_STYLE_RANGE_1
        FF_STYLE_RANGE_SIGNED

    ctypedef struct StylePicture:
        const uint8_t *pixels
        ptrdiff_t stride
        int width
        int height
        void *opaque

    ctypedef struct StyleSettings:
        const char *model
        StyleRuntime runtime
        const char *library
        const char *style
        double strength
        StyleColors colors
        double steady
        StylePrecision precision
        const char *device
        int requests
        int threads
        const char *input
        const char *output
        StyleRange range
        StyleRange input_range
        StyleRange output_range
        int64_t max_pixels
        size_t max_model_bytes
        int64_t max_memory
        void *opaque
        void (*log)(void *opaque, StyleLogLevel level, const char *message) noexcept
        int (*open_picture)(void *opaque, const char *path, StylePicture *picture) noexcept
        void (*close_picture)(void *opaque, StylePicture *picture) noexcept
        void *(*alloc)(void *opaque, size_t size) noexcept
        void (*free)(void *opaque, void *ptr) noexcept

    ctypedef struct StyleInfo:
        const char *name
        const char *card
        int nb_styles
        int takes_pictures
        const char *const *styles
        int width
        int height
        const char *input
        const char *output
        StyleRuntime runtime
        StylePrecision precision
        const char *device
        int requests
        int in_flight
        int threads
        const char *library
        const char *version

    ctypedef struct StyleFrame:
        const uint8_t *src
        uint8_t *dst
        ptrdiff_t src_stride
        ptrdiff_t dst_stride
        int width
        int height
        int sequence
        void *opaque

    void ff_style_default_settings(StyleSettings *settings)
    int ff_style_open(StyleEngine **engine, const StyleSettings *settings)
    const StyleInfo *ff_style_info(const StyleEngine *engine)
    int ff_style_set_style(StyleEngine *engine, const char *style)
    int ff_style_set_strength(StyleEngine *engine, double strength)
    int ff_style_set_colors(StyleEngine *engine, StyleColors colors)
    int ff_style_set_steady(StyleEngine *engine, double steady)
    int ff_style_submit(StyleEngine *engine, const StyleFrame *frame)
    int ff_style_receive(StyleEngine *engine, StyleFrame *frame, int wait)
    void ff_style_flush(StyleEngine *engine)
    void ff_style_close(StyleEngine **engine)


cdef extern from "base/groups.h" nogil:
    int64_t ff_style_group_memory(const char *root)


cdef extern from "graph/graphdef.h" nogil:
    ctypedef struct StyleContext:
        void *opaque
        void (*log)(void *opaque, StyleLogLevel level, const char *message) noexcept
        void *(*alloc)(void *opaque, size_t size) noexcept
        void (*free)(void *opaque, void *ptr) noexcept
        int is_trial

    ctypedef struct StyleGraphDef:
        uint8_t *data
        const char *card
        size_t card_size

    int ff_style_read_graphdef(
        const StyleContext *ctx, const char *path, size_t max_size, StyleGraphDef *file
    )
    int ff_style_op_is_allowed(const char *op, size_t length)
    void ff_style_free(const StyleContext *ctx, const void *ptr)

cdef extern from "graph/nodes.h" nogil:
    ctypedef struct StyleSpan:
        const uint8_t *data
        size_t size

    ctypedef struct StyleSource:
        int node

    ctypedef struct StyleNode:
        StyleSpan name
        StyleSpan op
        const StyleSource *inputs
        int nb_inputs

    ctypedef struct StyleNodes:
        const StyleNode *nodes
        int nb_nodes

    ctypedef struct StyleDims:
        int rank
        int64_t sizes[8]

    ctypedef struct StyleTensor:
        size_t count

    const char *ff_style_type_name(int type)
    int ff_style_read_nodes(const StyleContext *ctx, const StyleGraphDef *file, StyleNodes *nodes)
    void ff_style_free_nodes(const StyleContext *ctx, StyleNodes *nodes)
    int ff_style_attr_tensor(const StyleNode *node, const char *name, StyleTensor *tensor)
    int ff_style_tensor_numbers(const StyleTensor *tensor, size_t count, double *numbers)

cdef extern from "graph/shapes.h" nogil:
    ctypedef struct StyleShape:
        int type
        StyleDims dims

    ctypedef struct StyleShapes:
        StyleShape *nodes

    int ff_style_find_shapes(
        const StyleContext *ctx,
        const StyleNodes *nodes,
        int input,
        const StyleDims *frame,
        StyleShapes *shapes,
    )

cdef extern from "engine/mix.h" nogil:
    ctypedef struct StyleTerm:
        int style
        char *path
        double weight

    ctypedef struct StyleMix:
        StyleTerm *terms
        int nb_terms

    int ff_style_read_terms(
        const StyleContext *ctx,
        const char *text,
        const char *const *names,
        int count,
        int pictures,
        StyleMix *mix,
    )
    void ff_style_free_mix(const StyleContext *ctx, StyleMix *mix)
