"""Frozen graphs written: a style network as one self-describing ``.pb``.

The graph is written op by op from the network's blocks, so that it holds what a frame needs and
nothing of training. What a reader may rely on:

=================  =============================================================================
``frame``          Placeholder, uint8 ``[1,H,W,3]`` RGB, any H and W from 16 up
``styled``         uint8 ``[1,H,W,3]``, the same H and W
``style_weights``  float32 ``[S]``, only with S > 1 styles: weights of the mix, by default style 0
``model_card``     Const, a string of JSON
=================  =============================================================================

A graph for any painting has, in the place of ``style_weights``:

===================  ===========================================================================
``style_vector``     float32 ``[V]``, by default zeros: the middle of all paintings
``painting``         Placeholder, uint8 ``[1,h,w,3]`` RGB, its short side of 512 pixels
``painting_vector``  float32 ``[V]``, the painting's style vector; a mix is a mean of vectors
===================  ===========================================================================

Every weight of the network is a Const of the weight's own name (``conv1/conv/kernel``).
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from ffmpeg_style.errors import InputError
from ffmpeg_style.files import atomic_write
from ffmpeg_style.graphs.card import (
    CARD,
    FORMAT,
    FRAME,
    PAINTING,
    PAINTING_VECTOR,
    STYLE_VECTOR,
    STYLE_WEIGHTS,
    STYLED,
)
from ffmpeg_style.graphs.frozen_graph import GraphRunner
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
from ffmpeg_style.learning.predictor import CONVOLUTIONS, POOL_EPSILON
from ffmpeg_style.learning.weights import AFFINE, check_export

tf1 = tf.compat.v1

BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
MIDDLE = 127.5
"""Of a pixel's range. The network reads pixels less this, divided by it; the graph leaves the
division to the first kernel, and what it reads are numbers that bfloat16 holds exactly."""
ROW = 4
"""Pixels of a row that the last convolution reads and gives as channels; `STRIDE` divides by it."""
HALF_CHANGE = 1
"""Levels of 255 by which kernels stored as half floats may change a pixel."""


def export(network, path, *, styles=None, name=None, trained=None, licence="", overwrite=False):
    """Write a network as a frozen graph.

    Kernels are stored as half floats when that changes no pixel of a few test pictures by more
    than `HALF_CHANGE`.

    Args:
        network: a built `StyleNetwork`.
        path: of the ``.pb``, which is written whole or not at all.
        styles: names of the styles to keep, in this order; by default all.
        name: of the model, for its card; by default the file's.
        trained: JSON values for the card: steps, weights of the losses, data.
        licence: of the model, for its card.
        overwrite: replace a file that exists.

    Returns:
        The card.

    Raises:
        InputError: an unknown style, weights that are not finite, a path that is not of a ``.pb``
            or of one that exists, or a folder that cannot be written.
    """
    check_export(network, path, styles, overwrite)
    settings, weights = choose_styles(network, styles or network.styles)
    for weight, values in weights.items():
        if not np.isfinite(values).all():
            raise InputError(f"expected finite weights, found others in {weight}; train again")
    card = {
        "format": FORMAT,
        "name": name or Path(path).stem,
        **settings,
        "trained": trained or {},
        "licence": licence,
    }
    exact, halved = (write_graph(network, weights, card, dtype) for dtype in ("float32", "float16"))
    graph = halved if largest_change(exact, halved, card) <= HALF_CHANGE else exact
    with atomic_write(path) as file:
        file.write(graph.SerializeToString(deterministic=True))
    return card


def choose_styles(network, styles):
    """Settings and weights of a network, cut down to some of its styles."""
    rows = [network.styles.index(style) for style in styles]
    weights = weight_values(network)
    if network.norm == "instance" and not network.vector:
        weights = {
            name: values[rows] if "/norm/" in name else values for name, values in weights.items()
        }
    return {**network.settings, "styles": list(styles)}, weights


def write_graph(network, weights, card, kernel_dtype):
    """The GraphDef of a network, with the given weights, card and type of stored kernels."""
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.uint8, [1, None, None, 3], name=FRAME)
        # While they are bytes, the pixels are a quarter of the memory.
        pixels = tf.cast(add_margin(frame), tf.float32) - MIDDLE
        writer = BlockWriter(network, weights, len(card["styles"]), kernel_dtype)
        if network.vector:
            write_predictor(writer)
        features = write_network(network, writer, pixels)
        tf.cast(tf.round(picture(features, tf.shape(frame))), tf.uint8, name=STYLED)
        tf.constant(json.dumps(card, ensure_ascii=False), name=CARD)
    return graph.as_graph_def()


def write_network(network, writer, pixels):
    """Write a network's blocks for pixels less `MIDDLE`; returns what the last one gives."""
    features, kept = pixels, {}
    for block in network.blocks:
        features = writer.write(block, features)
        if network.skip and block.name == network.skip[1]:
            features = features + kept[network.skip[0]]
        kept[block.name] = features
    return features


def add_margin(frame):
    """A frame with the reflected border of `StyleNetwork`."""
    alignment = -tf.shape(frame)[1:3] % STRIDE
    for axis in (1, 2):
        frame = reflect(frame, axis, MARGIN, MARGIN + alignment[axis - 1])
    return frame


def reflect(image, axis, before, after):
    """Pad an axis by its reflection, as ``tf.pad(..., "REFLECT")`` does.

    MirrorPad works pixel by pixel on one thread: 4.9 ms of the 15 ms that ``fast`` took for a
    frame of 640x360. What lies between the two borders is copied in rows here.
    """
    size = tf.shape(image)[axis]
    inner = [slice(None)] * axis
    first = image[(*inner, slice(1, before + 1))]
    last = image[(*inner, slice(size - 1 - after, size - 1))]
    return tf.concat([tf.reverse(first, [axis]), image, tf.reverse(last, [axis])], axis)


def picture(features, frame_shape):
    """The output block's features, cropped to the frame's shape, in 0..255."""
    cropped = tf.slice(features, [0, MARGIN, MARGIN, 0], frame_shape)
    return tf.clip_by_value(tf.tanh(cropped) * OUTPUT_RANGE + MIDDLE, 0.0, 255.0)


class BlockWriter:
    """Writes the blocks of a network as ops of the default graph, named by their paths.

    Args:
        network: a `StyleNetwork`.
        weights: arrays by name, as `weight_values` returns them.
        styles: their number.
        kernel_dtype: what kernels are stored as.
    """

    def __init__(self, network, weights, styles, kernel_dtype):
        self.network = network
        self.weights = weights
        self.kernel_dtype = kernel_dtype
        if network.vector:
            self.mixed = mix_norms(weights, vector_mix(network.vector))
        else:
            self.mixed = mix_norms(weights, style_mix(styles)) if styles > 1 else {}

    def write(self, block, features, parent=""):
        """Write a block and return its output."""
        path = f"{parent}{block.name}/"
        if isinstance(block, ResidualBlock):
            inner = self.write(block.first, features, path)
            return features + self.write(block.second, inner, path)
        with tf.name_scope(path):
            kind = self.output_block if isinstance(block, OutputBlock) else self.conv_block
            return kind(block, features, path)

    def output_block(self, block, features, path):
        kernel = OUTPUT_GAIN * self.kernel(self.weights[path + "conv/kernel"])
        bias = OUTPUT_GAIN * tf.constant(self.weights[path + "conv/bias"], name="conv/bias")
        if block.upsample:
            kernel, unpack = doubling_kernel(kernel), squares_to_pixels
        else:
            features, kernel, unpack = pixels_to_rows(features), row_kernel(kernel), rows_to_pixels
        features = tf.nn.conv2d(features, kernel, 1, "SAME", name="conv")
        return unpack(tf.nn.bias_add(features, tf.tile(bias, [4])))

    def conv_block(self, block, features, path):
        kernel = self.weights[path + "conv/kernel"]
        if self.network.norm == "batch":
            scale, offset = folded_batch_norm(self.weights, path + "norm/")
            features = self.convolve(block, features, kernel * scale)
            features = tf.nn.bias_add(features, tf.constant(offset, name="norm/beta"))
        else:
            features = self.convolve(block, features, kernel)
            features = self.instance_norm(features, *(self.affine(name, path) for name in AFFINE))
        return tf.nn.relu(features, name="relu") if block.relu else features

    def convolve(self, block, features, kernel):
        """The convolution of a `ConvBlock`.

        A nearest-neighbour doubling and a 3x3 convolution are one transposed convolution of stride
        2 whose 4x4 kernel is the 3x3 one spread over the doubled pixels: the same sums with 2.25
        times fewer multiplications.
        """
        kernel = self.kernel(kernel)
        if block.upsample:
            size = tf.concat([[1], tf.shape(features)[1:3] * 2, [block.conv.filters]], axis=0)
            kernel = spread_kernel(kernel)
            return tf.nn.conv2d_transpose(features, kernel, size, 2, "SAME", name="conv")
        strides = block.conv.strides
        if block is self.network.blocks[0]:
            kernel, strides = pixel_kernel(kernel, self.network.pack), self.network.pack
        return tf.nn.conv2d(features, kernel, strides, "SAME", name="conv")

    def instance_norm(self, features, gamma, beta):
        """Instance norm as one op: batch norm whose batch is the one image."""
        return tf.raw_ops.FusedBatchNormV3(
            x=features,
            scale=gamma,
            offset=beta,
            mean=tf.constant([], tf.float32),
            variance=tf.constant([], tf.float32),
            epsilon=NORM_EPSILON,
            is_training=True,
            name="norm",
        ).y

    def kernel(self, values, name="conv/kernel"):
        with np.errstate(over="ignore"):  # `largest_change` finds out.
            values = values.astype(self.kernel_dtype)
        return tf.cast(tf.constant(values, name=name), tf.float32)

    def affine(self, name, path):
        """A norm's scale or offset ``[C]``, mixed when there are several styles."""
        if self.mixed:
            return self.mixed[path + name]
        return tf.constant(self.weights[path + name][0], name=name)


def pixel_kernel(kernel, pack):
    """The first kernel, for squares of `pack` x `pack` pixels in channels, as one for pixels.

    It moves by a square at a time, and gives the same without TensorFlow's slow SpaceToDepth.
    """
    side, _, channels, filters = kernel.shape
    squares = tf.reshape(kernel, [side, side, pack, pack, channels // pack**2, filters])
    kernel = tf.reshape(
        tf.transpose(squares, [0, 2, 1, 3, 4, 5]), [side * pack, side * pack, -1, filters]
    )
    return kernel * (1 / MIDDLE)


def spread_kernel(kernel):
    """A 3x3 kernel as the 4x4 one of a transposed convolution, spread over doubled pixels."""
    spread = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
    for rows in ([1, 0], [0, 0]):
        before = [rows, [1 - rows[0], 0], [0, 0], [0, 0]]
        spread = tf.pad(spread, before) + tf.pad(spread, [pair[::-1] for pair in before])
    return spread


def doubling_kernel(kernel):
    """A 5x5 kernel behind a nearest-neighbour doubling as the 3x3 one that reads what was doubled.

    It gives squares of 2x2 pixels in channels.
    """
    side = (kernel.shape[0] + 1) // 2
    places = [
        tf.pad(kernel, [[y, 1 - y], [x, 1 - x], [0, 0], [0, 0]]) for y in (0, 1) for x in (0, 1)
    ]
    squares = tf.reshape(tf.concat(places, axis=3), [side, 2, side, 2, kernel.shape[2], -1])
    return tf.reduce_sum(squares, axis=[1, 3])


def squares_to_pixels(features):
    """Squares of 2x2 pixels in channels to pixels: a DepthToSpace that takes half its time."""
    _, height, width, channels = tf.unstack(tf.shape(features))
    rows = tf.reshape(features, [height, width, 2, channels // 2])
    return tf.reshape(tf.transpose(rows, [0, 2, 1, 3]), [1, 2 * height, 2 * width, channels // 4])


def row_kernel(kernel):
    """A kernel of up to 9x9 as one that reads and gives `ROW` pixels of a row as channels.

    Processors multiply 8 or 16 channels at a time and would waste most of that on the three of a
    picture; and pixels of a row are channels already, without a copy.
    """
    spare = ROW - kernel.shape[1] // 2
    places = [
        tf.pad(kernel, [[0, 0], [spare + x, spare + ROW - 1 - x], [0, 0], [0, 0]])
        for x in range(ROW)
    ]
    return tf.reshape(tf.concat(places, axis=3), [kernel.shape[0], 3, ROW * kernel.shape[2], -1])


def pixels_to_rows(features):
    """`ROW` pixels of a row become one with all their channels."""
    _, height, width, channels = tf.unstack(tf.shape(features))
    return tf.reshape(features, [1, height, width // ROW, ROW * channels])


def rows_to_pixels(features):
    """The reverse of `pixels_to_rows`."""
    _, height, width, channels = tf.unstack(tf.shape(features))
    return tf.reshape(features, [1, height, width * ROW, channels // ROW])


def style_mix(styles):
    """The op ``style_weights``."""
    first = np.eye(styles, dtype="float32")[0]
    return tf1.placeholder_with_default(first, [styles], name=STYLE_WEIGHTS)


def vector_mix(length):
    """The op ``style_vector`` behind the weight of the middle of all paintings, which is 1."""
    middle = np.zeros(length, "float32")
    vector = tf1.placeholder_with_default(middle, [length], name=STYLE_VECTOR)
    return tf.concat([[1.0], vector], axis=0)


def write_predictor(writer):
    """Write the ops from ``painting`` to ``painting_vector``; see `predictor.StylePredictor`."""
    painting = tf1.placeholder(tf.uint8, [1, None, None, 3], name=PAINTING)
    features = tf.cast(painting, tf.float32) * (1 / MIDDLE) - 1.0
    pooled = pool(features)
    for index in range(1, len(CONVOLUTIONS) + 1):
        features = predictor_layer(writer, f"conv{index}", tf.nn.conv2d, features, 2, "SAME")
        features = tf.nn.relu(features)
        pooled += pool(features)
    hidden = tf.nn.relu(predictor_layer(writer, "hidden", tf.matmul, tf.concat(pooled, axis=1)))
    vector = predictor_layer(writer, "vector", tf.matmul, hidden)
    tf.reshape(vector, [-1], name=PAINTING_VECTOR)


def predictor_layer(writer, name, product, features, *arguments):
    """A layer of the predictor, without its ReLU."""
    path = f"predictor/{name}"
    kernel = writer.kernel(writer.weights[f"{path}/kernel"], f"{path}/kernel")
    bias = tf.constant(writer.weights[f"{path}/bias"], name=f"{path}/bias")
    return tf.nn.bias_add(product(features, kernel, *arguments), bias)


def pool(features):
    """Means and standard deviations ``[1,C]`` of features ``[1,h,w,C]``."""
    mean = tf.reduce_mean(features, axis=[1, 2], keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(features, mean), axis=[1, 2])
    return [tf.squeeze(mean, [1, 2]), tf.sqrt(variance + POOL_EPSILON)]


def mix_norms(weights, mix):
    """The norms' scales and offsets ``[C]`` by name, mixed by weights ``[S]``."""
    names = [name for name in weights if name.endswith(AFFINE)]
    # All norms at once. Not a MatMul, which automatic mixed precision would round to bfloat16.
    every = tf.concat([tf.constant(weights[name], name=name) for name in names], axis=1)
    mixed = tf.reduce_sum(every * mix[:, None], axis=0)
    return dict(
        zip(names, tf.split(mixed, [weights[name].shape[1] for name in names]), strict=True)
    )


def folded_batch_norm(weights, path):
    """Scale and offset ``[C]`` of a batch norm by its running statistics."""
    gamma, beta, mean, variance = (weights[path + name] for name in BATCH_NORM)
    scale = gamma / np.sqrt(variance + NORM_EPSILON)
    return scale, beta - mean * scale


def largest_change(graph, other, card):
    """The largest difference of two graphs' pictures, in levels of 255, for every style.

    Graphs for any painting are shown the trial pictures for paintings too.
    """
    runners = GraphRunner(graph), GraphRunner(other)
    frames, styles = list(trial_pictures()), len(card["styles"])
    if card.get("vector"):
        mixes = [
            [{"style_vector": runner.painting_vector(frame)} for runner in runners]
            for frame in frames
        ]
    else:
        every = [None] if styles == 1 else np.eye(styles, dtype="float32")
        mixes = [[{"style_weights": mix}] * 2 for mix in every]
    changes = []
    for frame in frames:
        for mix in mixes:
            one, two = (runner(frame, **how) for runner, how in zip(runners, mix, strict=True))
            changes.append(np.abs(one.astype(int) - two).max())
    return max(changes)


def trial_pictures(count=3, height=120, width=160):
    """Pictures with the statistics of photographs: noise of every scale, the coarse strongest."""
    random = np.random.default_rng(0)
    for _ in range(count):
        picture = np.zeros((height, width, 3), "float32")
        for side in (2, 4, 8, 16, 32):
            coarse = random.uniform(-1, 1, (side, side, 3)).astype("float32")
            picture += tf.image.resize(coarse, (height, width), "bicubic").numpy() / side
        picture -= picture.min()
        yield (255 * picture / picture.max()).astype("uint8")
