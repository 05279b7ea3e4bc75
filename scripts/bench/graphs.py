"""What the benchmark needs of graphs: one for dnn_processing, stand-ins, multiply-adds."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from ffmpeg_style.graphs.frozen_graph import import_graph, read_graph
from ffmpeg_style.learning.export import (
    MIDDLE,
    BlockWriter,
    add_margin,
    export,
    picture,
    write_network,
)
from ffmpeg_style.learning.networks import (
    NORM_EPSILON,
    ResidualBlock,
    StyleNetwork,
    pad_to_stride,
    weight_values,
)
from ffmpeg_style.learning.weights import load_network

tf1 = tf.compat.v1
WIDTH = 16  # of the shipped models


def write_stand_in(architecture, path):
    """A network with random weights: as fast as a trained one, and no use for anything else."""
    export(StyleNetwork(architecture, width=WIDTH).build_weights(), path)


class OpenVinoWriter(BlockWriter):
    """Instance norm as the arithmetic that OpenVINO knows and makes one operation of.

    It takes TensorFlow's own op apart, with a transposition on either side of each, and leaves
    `tf.nn.moments` as it finds it: johnson at 640x360 took 88 ms in bfloat16 the first way, 23 ms
    the second way and 18 ms this way.
    """

    def instance_norm(self, features, gamma, beta):
        centred = features - tf.reduce_mean(features, [1, 2], keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), [1, 2], keepdims=True)
        return centred / tf.sqrt(variance + NORM_EPSILON) * gamma + beta


def mirror_margin(frame):
    """As `add_margin`, in one op: slow in TensorFlow, and OpenVINO's fastest."""
    (top, bottom), (left, right) = map(pad_to_stride, tf.unstack(tf.shape(frame))[1:3])
    return tf.pad(frame, [[0, 0], [top, bottom], [left, right], [0, 0]], "REFLECT")


def write_float_graph(model, path, block_writer=BlockWriter, margin=add_margin):
    """A model's network as `dnn_processing` takes it: ``input`` to ``output``, floats in [0,1]."""
    network = load_network(model)
    weights = weight_values(network)
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.float32, [1, None, None, 3], name="input")
        writer = block_writer(network, weights, len(network.styles), "float32")
        features = write_network(network, writer, margin(frame) * 255.0 - MIDDLE)
        tf.multiply(picture(features, tf.shape(frame)), 1 / 255, name="output")
    path.write_bytes(graph.as_graph_def().SerializeToString())


def write_openvino_graph(model, path):
    """As `write_float_graph`, for OpenVINO: it reads no arithmetic on the kernels."""
    write_float_graph(model, path, OpenVinoWriter, mirror_margin)
    definition = read_graph(path)
    convolutions = [node for node in definition.node if node.op.startswith("Conv2D")]
    with tf1.Session(graph=import_graph(definition)) as session:
        kernels = session.run([f"{node.input[1]}:0" for node in convolutions])
    for node, kernel in zip(convolutions, kernels, strict=True):
        constant = definition.node.add(name=f"{node.name}/folded", op="Const")
        constant.attr["dtype"].type = tf.float32.as_datatype_enum
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(kernel))
        node.input[1] = constant.name
    used = tf1.graph_util.extract_sub_graph(definition, ["output"])
    path.write_bytes(used.SerializeToString())


def multiply_adds(model, width, height):
    """Multiply-adds that a network's convolutions need for one frame and its margin.

    The number is the network's, whatever a graph makes of it: a convolution behind a doubling by
    nearest neighbour reads each pixel once, where the definition reads copies of it; and what a
    graph multiplies by zero does not count.
    """
    network = load_network(model)
    pixels = (sum(pad_to_stride(height)) + height) * (sum(pad_to_stride(width)) + width)
    pixels //= network.pack**2
    total = 0
    for block in convolution_blocks(network):
        side, _, inputs, outputs = block.conv.kernel.shape
        if block.upsample:
            pixels *= 4
            side = (side + 1) // 2
        pixels //= block.conv.strides[0] ** 2
        total += pixels * side**2 * inputs * outputs
    return total


def convolution_blocks(network):
    """A network's blocks, residual ones as the two that they are made of."""
    for block in network.blocks:
        yield from (block.first, block.second) if isinstance(block, ResidualBlock) else (block,)


def session_config(bf16):
    """TensorFlow's ConfigProto as the option ``sess_config`` of `dnn_processing` wants it."""
    # Operations on the request's own thread: twice as fast as sharing two processors.
    config = tf1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)
    if bf16:
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = 1
    return "0x" + config.SerializeToString().hex()
