# The engine in FFmpeg's build: libavfilter/styletransfer/Makefile, which libavfilter's own includes.
STYLETRANSFER_OBJS = \
    base/common.o \
    base/crew.o \
    base/groups.o \
    base/pool.o \
    base/processors.o \
    engine/counts.o \
    engine/engine.o \
    engine/finish.o \
    engine/mix.o \
    engine/model.o \
    engine/predict.o \
    engine/request.o \
    engine/settings.o \
    engine/style.o \
    engine/workers.o \
    graph/attributes.o \
    graph/budget.o \
    graph/card.o \
    graph/chooser.o \
    graph/formats.o \
    graph/graphdef.o \
    graph/image_shapes.o \
    graph/memory.o \
    graph/moves.o \
    graph/nodes.o \
    graph/numbers.o \
    graph/ports.o \
    graph/proto.o \
    graph/range.o \
    graph/shapes.o \
    graph/signature.o \
    graph/small.o \
    graph/view.o \
    kernels/arm/neon.o \
    kernels/arm/neon_bf16.o \
    kernels/bands.o \
    kernels/conv.o \
    kernels/moments.o \
    kernels/pack.o \
    kernels/pixels.o \
    kernels/processor.o \
    kernels/resize.o \
    kernels/values.o \
    kernels/x86/amx.o \
    kernels/x86/avx2.o \
    kernels/x86/avx512.o \
    kernels/x86/avx512_vnni.o \
    plan/convolution.o \
    plan/images.o \
    plan/joins.o \
    plan/patterns.o \
    plan/plan.o \
    plan/program.o \
    plan/run.o \
    steady/hold.o \
    steady/motion.o \
    steady/painting.o \
    steady/pyramid.o \
    steady/steady.o \
    steady/x86/hold.o \
    steady/x86/hold_avx512.o \
    steady/x86/pyramid.o \
    tensorflow/graph.o \
    tensorflow/library.o \
    tensorflow/session.o \
    tensorflow/stderr.o

# The same picture from any compiler: some make one instruction of a product and a sum, which rounds once, not twice.
$(SUBDIR)vf_styletransfer.o: CFLAGS += -ffp-contract=off
$(SUBDIR)styletransfer/%.o: CFLAGS += -ffp-contract=off

OBJS-$(CONFIG_STYLETRANSFER_FILTER) += vf_styletransfer.o \
    $(addprefix styletransfer/,vf_pace.o vf_picture.o vf_report.o vf_stop.o $(STYLETRANSFER_OBJS))
