"""A network as ONNX Runtime takes it: ``frame`` to ``painted``, float32 ``[1,3,H,W]`` in 0..255."""

from collections import Counter

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ffmpeg_style.learning.export import MIDDLE, doubling_kernel, pixel_kernel
from ffmpeg_style.learning.networks import (
    MARGIN,
    NORM_EPSILON,
    OUTPUT_GAIN,
    OUTPUT_RANGE,
    STRIDE,
    OutputBlock,
    ResidualBlock,
    weight_values,
)
from ffmpeg_style.learning.weights import load_network

OPSET, FORMAT = 18, 10
"""Of the operations, and of the file: what is older is known to more versions of the runtime."""


def write_onnx_graph(model, path):
    """Write a shipped model, of one style and instance norm, as an ONNX graph."""
    writer = OnnxWriter(load_network(model))
    writer.write_network()
    sides = [1, 3, "height", "width"]
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, sides)
        for name in ("frame", "painted")
    ]
    graph = helper.make_graph(writer.nodes, "style", ends[:1], ends[1:], writer.constants)
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=FORMAT
    )
    onnx.checker.check_model(made, full_check=True)
    path.write_bytes(made.SerializeToString())


class OnnxWriter:
    """Writes a `StyleNetwork` as nodes, each tensor under a name of its own."""

    def __init__(self, network):
        self.network = network
        self.weights = weight_values(network)
        self.nodes = []
        self.constants = []
        self.counts = Counter()

    def op(self, kind, *inputs, **attributes):
        """Write a node; returns the name of its output."""
        self.counts[kind] += 1
        name = f"{kind}{self.counts[kind]}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, values, dtype=np.float32):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def write_network(self):
        size = self.op("Shape", "frame", start=2)
        features = self.op("Sub", self.margin("frame", size), self.constant(MIDDLE))
        kept = {}
        for block in self.network.blocks:
            features = self.block(block, features, f"{block.name}/")
            if self.network.skip and block.name == self.network.skip[1]:
                features = self.op("Add", features, kept[self.network.skip[0]])
            kept[block.name] = features
        margin = self.constant([MARGIN, MARGIN], np.int64)
        end, axes = self.op("Add", size, margin), self.constant([2, 3], np.int64)
        features = self.op("Tanh", self.op("Slice", features, margin, end, axes))
        features = self.op("Mul", features, self.constant(OUTPUT_RANGE))
        features = self.op("Add", features, self.constant(MIDDLE))
        limits = self.constant(0), self.constant(255)
        self.nodes.append(helper.make_node("Clip", [features, *limits], ["painted"]))

    def margin(self, frame, size):
        """A frame with the reflected border of `StyleNetwork`."""
        stride = self.constant(STRIDE, np.int64)
        alignment = self.op("Mod", self.op("Neg", size), stride)
        behind = self.op("Add", alignment, self.constant([MARGIN, MARGIN], np.int64))
        before = self.constant([0, 0, MARGIN, MARGIN, 0, 0], np.int64)
        return self.op("Pad", frame, self.op("Concat", before, behind, axis=0), mode="reflect")

    def block(self, block, features, path):
        if isinstance(block, ResidualBlock):
            inner = self.block(block.first, features, f"{path}first/")
            return self.op("Add", features, self.block(block.second, inner, f"{path}second/"))
        if isinstance(block, OutputBlock):
            return self.output_block(block, features, path)
        kernel, stride = self.weights[path + "conv/kernel"], block.conv.strides[0]
        if block is self.network.blocks[0]:
            stride = self.network.pack
            kernel = pixel_kernel(kernel, stride).numpy()
        if block.upsample:
            features = self.doubled(features)
        features = self.convolve(features, kernel, stride)
        scale, offset = (self.weights[f"{path}norm/{name}"][0] for name in ("gamma", "beta"))
        features = self.op(
            "InstanceNormalization",
            *(features, self.constant(scale), self.constant(offset)),
            epsilon=NORM_EPSILON,
        )
        return self.op("Relu", features) if block.relu else features

    def output_block(self, block, features, path):
        kernel = OUTPUT_GAIN * self.weights[path + "conv/kernel"]
        bias = OUTPUT_GAIN * self.weights[path + "conv/bias"]
        if not block.upsample:
            return self.convolve(features, kernel, 1, bias)
        features = self.convolve(features, doubling_kernel(kernel).numpy(), 1, np.tile(bias, 4))
        return self.op("DepthToSpace", features, blocksize=2)

    def doubled(self, features):
        """Nearest neighbours."""
        scales = self.constant([1, 1, 2, 2])
        places = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.op("Resize", features, "", scales, mode="nearest", **places)

    def convolve(self, features, kernel, stride, bias=None):
        """A convolution with TensorFlow's padding, by a kernel ``[rows,columns,C,filters]``."""
        before, behind = (len(kernel) - stride) // 2, (len(kernel) - stride + 1) // 2
        values = [np.transpose(kernel, (3, 2, 0, 1)), *([] if bias is None else [bias])]
        return self.op(
            "Conv",
            *(features, *map(self.constant, values)),
            pads=[before, before, behind, behind],
            strides=[stride, stride],
        )
