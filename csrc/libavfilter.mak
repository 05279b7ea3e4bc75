# The engine in FFmpeg's build: libavfilter/styletransfer/Makefile, which libavfilter's own includes.
STYLETRANSFER_OBJS = \
    base/common.o \
    base/pool.o \
    engine/engine.o \
    engine/finish.o \
    engine/mix.o \
    engine/model.o \
    engine/predict.o \
    engine/request.o \
    engine/style.o \
    graph/attributes.o \
    graph/budget.o \
    graph/card.o \
    graph/formats.o \
    graph/graphdef.o \
    graph/image_shapes.o \
    graph/move_shapes.o \
    graph/nodes.o \
    graph/proto.o \
    graph/range.o \
    graph/shapes.o \
    graph/signature.o \
    kernels/conv.o \
    kernels/moments.o \
    kernels/pixels.o \
    kernels/processor.o \
    kernels/resize.o \
    kernels/x86/amx.o \
    kernels/x86/avx2.o \
    kernels/x86/avx512.o \
    plan/convolution.o \
    plan/images.o \
    plan/joins.o \
    plan/memory.o \
    plan/moves.o \
    plan/numbers.o \
    plan/patterns.o \
    plan/plan.o \
    plan/program.o \
    plan/small.o \
    plan/view.o \
    steady/hold.o \
    steady/motion.o \
    steady/painting.o \
    steady/pyramid.o \
    steady/steady.o \
    steady/x86/hold.o \
    tensorflow/graph.o \
    tensorflow/library.o \
    tensorflow/session.o \
    tensorflow/stderr.o

OBJS-$(CONFIG_STYLETRANSFER_FILTER)          += vf_styletransfer.o \
                                                $(addprefix styletransfer/,$(STYLETRANSFER_OBJS))
