"""The networks that paint: one pass of a convolutional network turns a photograph into a painting.

Sources: Johnson, Alahi and Fei-Fei (2016), "Perceptual Losses for Real-Time Style Transfer and
Super-Resolution", supplementary table 1, for ``johnson``; Ulyanov, Vedaldi and Lempitsky (2016),
"Instance Normalization", for the norm; Dumoulin, Shlens and Kudlur (2017), "A Learned
Representation for Artistic Style", section 2, for many styles in one network; Odena, Dumoulin and
Olah (2016), "Deconvolution and Checkerboard Artifacts", for resize-convolutions.

A network is a list of blocks. Training runs them as Keras layers written with `keras.ops`, so on
any backend of Keras; `ffmpeg_style.learning.export` walks the same list to write the frozen graph.
"""

import json

import keras
import numpy as np
from keras import ops

from ffmpeg_style.errors import InputError
from ffmpeg_style.learning.predictor import StylePredictor
from ffmpeg_style.learning.settings import network_settings

MARGIN = 12
"""Pixels of reflected border around the picture, so that no zero padding reaches what is seen.

With the alignment to `STRIDE` it stays below 16, the smallest picture that a reflection can serve.
"""

STRIDE = 4
"""Both architectures work at a quarter of the picture's size inside."""

NORM_EPSILON = 1e-5

OUTPUT_RANGE = 150.0
"""The picture is 127.5 plus or minus this; what is shown is clipped to 0..255."""

SPIKE = 8.0
"""Standard deviations that a channel may reach before training charges for it.

A network learns to hide a spike in some quiet place, where it decides the channel's deviation and
with it the contrast of the whole picture: a dark drop in every painting (Karras et al. 2020,
"Analyzing and Improving the Image Quality of StyleGAN", section 2). Real pictures stay below.
"""
SPIKE_WEIGHT = 0.05

OUTPUT_GAIN = 1 / 16
"""Factor of the last convolution, in front of the tanh.

No norm stands behind that convolution and its hundreds of inputs are all positive. When each of its
weights moves by Adam's step of 0.001, the picture would move by a third of its range: it hits black
or white within the first steps, and parts of it stay there.
"""


class ConditionalInstanceNorm(keras.layers.Layer):
    """Instance norm with one scale and one offset per style (Dumoulin et al. 2017, section 2.2).

    Called with features ``[B,H,W,C]`` and a mix of styles ``[B,S]`` whose rows sum to 1. With S = 1
    this is plain instance norm. In a network for any painting the first style is the middle of all
    paintings, weighs 1, and what the others add is linear in the painting's vector.
    """

    def __init__(self, styles, **kwargs):
        super().__init__(**kwargs)
        self.styles = styles

    def build(self, features_shape, style_weights_shape):
        shape = (self.styles, features_shape[-1])
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")

    def call(self, features, style_weights):
        # Statistics in bfloat16 would lose the picture's flat parts.
        exact = ops.cast(features, "float32")
        mean, variance = ops.moments(exact, axes=(1, 2), keepdims=True)
        mix = ops.cast(style_weights, "float32")
        scale = ops.matmul(mix, ops.cast(self.gamma, "float32"))[:, None, None, :]
        offset = ops.matmul(mix, ops.cast(self.beta, "float32"))[:, None, None, :]
        inverse = ops.rsqrt(variance + NORM_EPSILON)
        normal = ops.max(ops.abs(exact - mean) * inverse, axis=(1, 2))
        self.add_loss(SPIKE_WEIGHT * ops.mean(ops.square(ops.relu(normal - SPIKE))))
        return ops.cast((exact - mean) * (inverse * scale) + offset, self.compute_dtype)


class BatchNorm(keras.layers.BatchNormalization):
    """The batch norm of the original paper, with the call of `ConditionalInstanceNorm`."""

    def __init__(self, styles, **kwargs):
        super().__init__(epsilon=NORM_EPSILON, **kwargs)

    def call(self, features, style_weights, training=None):
        return super().call(features, training=training)


NORMS = {"instance": ConditionalInstanceNorm, "batch": BatchNorm}


class ConvBlock(keras.layers.Layer):
    """Convolution, norm and, unless told otherwise, ReLU.

    ``upsample`` doubles the picture by nearest neighbour in front of the convolution: a
    resize-convolution, which has no checkerboard of its own as a transposed one has. Training
    charges for what a network makes of it all the same: see `losses.grid_loss`.
    """

    def __init__(
        self, filters, size, *, stride=1, upsample=False, relu=True, norm, styles, **kwargs
    ):
        super().__init__(**kwargs)
        self.upsample = upsample
        self.relu = relu
        self.conv = keras.layers.Conv2D(
            filters, size, strides=stride, padding="same", use_bias=False, name="conv"
        )
        self.norm = NORMS[norm](styles, name="norm")

    def call(self, features, style_weights, training=None):
        if self.upsample:
            features = doubled(features)
        features = self.norm(self.conv(features), style_weights)
        return ops.relu(features) if self.relu else features


class ResidualBlock(keras.layers.Layer):
    """Two convolutions and a shortcut (Johnson et al., supplementary, figure 1; no ReLU after)."""

    def __init__(self, filters, *, norm, styles, **kwargs):
        super().__init__(**kwargs)
        shared = dict(norm=norm, styles=styles)
        self.first = ConvBlock(filters, 3, name="first", **shared)
        self.second = ConvBlock(filters, 3, relu=False, name="second", **shared)

    def call(self, features, style_weights, training=None):
        inner = self.first(features, style_weights)
        return features + self.second(inner, style_weights)


class OutputBlock(keras.layers.Layer):
    """Convolution and scaled tanh, behind a doubling by nearest neighbour when told to upsample."""

    def __init__(self, size, *, upsample=False, **kwargs):
        super().__init__(**kwargs)
        self.upsample = upsample
        self.conv = keras.layers.Conv2D(3, size, padding="same", name="conv")

    def call(self, features, style_weights, training=None):
        if self.upsample:
            features = doubled(features)
        # tanh and what follows decide the last bit of a pixel: not in bfloat16.
        linear = ops.cast(self.conv(features), "float32")
        return 127.5 + OUTPUT_RANGE * ops.tanh(OUTPUT_GAIN * linear)


def doubled(features):
    """Features at twice the height and width, by nearest neighbour."""
    return ops.repeat(ops.repeat(features, 2, axis=1), 2, axis=2)


def space_to_depth(images, factor):
    """Pack each ``factor x factor`` square of pixels into channels, as TensorFlow does."""
    if factor == 1:
        return images
    _, height, width, channels = ops.shape(images)
    split = (-1, height // factor, factor, width // factor, factor, channels)
    packed = ops.transpose(ops.reshape(images, split), (0, 1, 3, 2, 4, 5))
    return ops.reshape(packed, (-1, height // factor, width // factor, channels * factor * factor))


def johnson_blocks(width, **shared):
    """c9s1-32, d64, d128, five R128, u64, u32, c9s1-3 for a width of 32."""
    return [
        ConvBlock(width, 9, name="conv1", **shared),
        ConvBlock(2 * width, 3, stride=2, name="conv2", **shared),
        ConvBlock(4 * width, 3, stride=2, name="conv3", **shared),
        *(ResidualBlock(4 * width, name=f"residual{i}", **shared) for i in range(1, 6)),
        ConvBlock(2 * width, 3, upsample=True, name="up1", **shared),
        ConvBlock(width, 3, upsample=True, name="up2", **shared),
        OutputBlock(9, name="output"),
    ]


def fast_blocks(width, **shared):
    """Space-to-depth head, four residual blocks at a quarter of the size, resize-convolutions.

    The last one costs no more than a free depth-to-space, which leaves a grid: see `export`.
    """
    return [
        ConvBlock(width, 3, name="conv1", **shared),
        ConvBlock(2 * width, 3, stride=2, name="conv2", **shared),
        *(ResidualBlock(2 * width, name=f"residual{i}", **shared) for i in range(1, 5)),
        ConvBlock(width, 3, upsample=True, name="up1", **shared),
        OutputBlock(5, upsample=True, name="output"),
    ]


ARCHITECTURES = {
    "johnson": dict(blocks=johnson_blocks, pack=1, skip=None),
    # The shortcut around the small inner picture carries edges and faces, at next to no cost.
    "fast": dict(blocks=fast_blocks, pack=2, skip=("conv1", "up1")),
}


class StyleNetwork(keras.Model):
    """A feed-forward style network.

    Called with ``(images, style_weights)``: images ``[B,H,W,3]`` RGB in 0..255 of any size from 16
    up, style_weights ``[B,S]`` whose rows sum to 1. Returns float32 images ``[B,H,W,3]``, to be
    clipped to 0..255.

    A network for any painting is called with style vectors ``[B,V]`` in the place of the style
    weights, and its ``predictor`` gives that of a painting.

    Args:
        architecture: ``"johnson"`` or ``"fast"``.
        styles: names of the styles, in order.
        width: channels of the first convolution; the others follow in proportion.
        norm: ``"instance"`` or, with one style, ``"batch"``.
        vector: length V of the style vector of a network for any painting, or None for one that
            has the ``styles``.

    Raises:
        InputError: an unknown architecture or norm, a style's name that a mix could not be written
            with, or several styles with batch norm.
    """

    def __init__(
        self,
        architecture,
        styles=("style",),
        width=None,
        norm="instance",
        vector=None,
        **kwargs,
    ):
        settings = network_settings(architecture, styles, width, norm, vector)
        super().__init__(**kwargs)
        shape = ARCHITECTURES[architecture]
        self.architecture = architecture
        self.styles = tuple(settings["styles"])
        self.vector = vector
        self.predictor = StylePredictor(vector, name="predictor") if vector else None
        self.width = settings["width"]
        self.norm = norm
        self.pack = shape["pack"]
        self.skip = shape["skip"]
        rows = vector + 1 if vector else len(self.styles)
        self.blocks = shape["blocks"](self.width, norm=norm, styles=rows)

    @property
    def settings(self):
        """What it takes to build this network again, as plain JSON values."""
        return network_settings(self.architecture, self.styles, self.width, self.norm, self.vector)

    def build_weights(self):
        """Create the weights, without running the network on real data. Returns the network."""
        images = ops.zeros((1, 16, 16, 3))
        if self.vector:
            self((images, self.predictor(images)))
        else:
            self((images, ops.ones((1, len(self.styles))) / len(self.styles)))
        return self

    def call(self, inputs):
        images, style_weights = inputs
        _, height, width, _ = ops.shape(images)
        painted = self.paint(with_margin(images), style_weights)
        return painted[:, MARGIN : MARGIN + height, MARGIN : MARGIN + width, :]

    def paint(self, images, style_weights, training=None):
        """Paint images that have their margin, which is painted too: see `with_margin`.

        The blocks take ``training`` for Keras, which hands it on to the norms inside.
        """
        if self.vector:
            middle = ops.ones_like(style_weights[:, :1])
            style_weights = ops.concatenate([middle, style_weights], axis=1)
        features = space_to_depth(ops.cast(images, "float32") / 127.5 - 1.0, self.pack)
        features = ops.cast(features, self.compute_dtype)
        kept = {}
        for block in self.blocks:
            features = block(features, style_weights, training=training)
            if self.skip and block.name == self.skip[1]:
                features = features + kept[self.skip[0]]
            kept[block.name] = features
        return features


def with_margin(images):
    """Images ``[B,H,W,3]`` and their reflected border, which makes them a multiple of `STRIDE`."""
    _, height, width, _ = ops.shape(images)
    padding = [(0, 0), pad_to_stride(height), pad_to_stride(width), (0, 0)]
    return ops.pad(images, padding, mode="reflect")


def without_margin(images):
    """The reverse of `with_margin`, for images whose size was a multiple of `STRIDE`."""
    return images[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def pad_to_stride(size):
    """Pixels to add in front and behind: the margin, and what makes the whole fit `STRIDE`."""
    return MARGIN, MARGIN + (-size) % STRIDE


def weight_values(network):
    """The network's weights by name (``conv1/conv/kernel``), as float32 NumPy arrays."""
    return {
        weight_name(network, weight): ops.convert_to_numpy(weight.value)
        for weight in network.weights
    }


def with_styles(network, vectors):
    """The network of some styles that a network for any painting is with their vectors.

    Args:
        network: a `StyleNetwork` for any painting.
        vectors: float32 ``[V]`` by the names of the styles.
    """
    settings = {key: value for key, value in network.settings.items() if key != "vector"}
    chosen = StyleNetwork(**settings | {"styles": list(vectors)}).build_weights()
    values = weight_values(network)
    rows = np.stack([np.append(1.0, vector) for vector in vectors.values()])
    set_weight_values(
        chosen,
        {
            name: rows @ values[name] if "/norm/" in name else values[name]
            for name in weight_values(chosen)
        },
    )
    return chosen


def weight_name(network, weight):
    """A weight's name in its network: ``conv1/conv/kernel``, ``predictor/conv1/kernel``."""
    return weight.path.removeprefix(f"{network.name}/")


def set_weight_values(network, values):
    """Load what `weight_values` returned.

    Raises:
        InputError: a name or a shape differs; the network is left as it was.
    """
    wanted = {weight_name(network, weight): weight for weight in network.weights}
    if wanted.keys() != values.keys():
        odd = sorted(wanted.keys() ^ values.keys())[0]
        raise InputError(
            f"expected the weights of {json.dumps(network.settings)}, found other layers "
            f"({odd} is only in one of the two)"
        )
    for name, weight in wanted.items():
        if tuple(weight.shape) != values[name].shape:
            raise InputError(
                f"expected {name} of shape {tuple(weight.shape)} for "
                f"{json.dumps(network.settings)}, found {values[name].shape}"
            )
    for name, weight in wanted.items():
        weight.assign(values[name])
