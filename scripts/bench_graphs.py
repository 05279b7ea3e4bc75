"""What the benchmark needs of graphs: one for dnn_processing, stand-ins, multiply-adds."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from ffmpeg_style.export import BlockWriter, add_margin, export, picture, write_network
from ffmpeg_style.frozen_graph import FRAME, import_graph, read_graph
from ffmpeg_style.networks import NORM_EPSILON, StyleNetwork, weight_values
from ffmpeg_style.weights import load_network

tf1 = tf.compat.v1
WIDTH = 16  # of the shipped models


def write_stand_in(architecture, path):
    """A network with random weights: as fast as a trained one, and no use for anything else."""
    export(StyleNetwork(architecture, width=WIDTH).build_weights(), path)


class MomentsWriter(BlockWriter):
    """Instance norm as arithmetic, for OpenVINO.

    It takes TensorFlow's one op apart, with a transposition on either side of each: johnson at
    640x360 took 88 ms in bfloat16 that way, and 34 ms this way.
    """

    def instance_norm(self, features, gamma, beta):
        mean, variance = tf.nn.moments(features, [1, 2], keepdims=True)
        return (features - mean) * tf.math.rsqrt(variance + NORM_EPSILON) * gamma + beta


def write_float_graph(model, path, block_writer=BlockWriter):
    """A model's network as `dnn_processing` takes it: ``input`` to ``output``, floats in [0,1]."""
    network = load_network(model)
    weights = weight_values(network)
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.float32, [1, None, None, 3], name="input")
        writer = block_writer(weights, network.norm, len(network.styles), "float32")
        features = write_network(network, writer, add_margin(frame) * 2.0 - 1.0)
        tf.multiply(picture(features, tf.shape(frame)), 1 / 255, name="output")
    path.write_bytes(graph.as_graph_def().SerializeToString())


def write_openvino_graph(model, path):
    """As `write_float_graph`, for OpenVINO: it reads no arithmetic on the kernels."""
    write_float_graph(model, path, MomentsWriter)
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
    """Multiply-adds of the convolutions that one frame takes, by running the graph once."""
    graph = import_graph(read_graph(model))
    operations = [op for op in graph.get_operations() if op.type.startswith("Conv2D")]
    with graph.as_default(), tf1.Session(graph=graph) as session:
        # Each product is a pixel of the smaller side of a convolution times a whole kernel.
        pixels = [
            tf.size(op.inputs[2] if op.type == "Conv2DBackpropInput" else op.outputs[0])
            for op in operations
        ]
        kernels = [tf.shape(op.inputs[1]) for op in operations]
        frame = np.zeros((1, height, width, 3), np.uint8)
        found = session.run([pixels, kernels], {f"{FRAME}:0": frame})
    return sum(int(size) * int(np.prod(kernel[:3])) for size, kernel in zip(*found, strict=True))


def session_config(bf16):
    """TensorFlow's ConfigProto as the option ``sess_config`` of `dnn_processing` wants it."""
    config = tf1.ConfigProto()
    if bf16:
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = 1
    return "0x" + config.SerializeToString().hex()
