"""The loss network: VGG-16 or VGG-19 up to the last layer a loss looks at, never trained.

Sources: Simonyan and Zisserman (2015), "Very Deep Convolutional Networks"; the layers are those of
Johnson et al. (2016), section 4, and of Gatys, Ecker and Bethge (2015).
"""

import keras
from keras import ops

from ffmpeg_style.errors import InputNotFoundError
from ffmpeg_style.learning.settings import CONTENT_LAYER
from ffmpeg_style.learning.vgg import (
    CONVOLUTIONS,
    VGGWeights,
    check_layer,
    expected_shapes,
    find_vgg,
)

STYLE_LAYERS = {
    "vgg16": ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3"),
    "vgg19": ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv1"),
}
MEAN_BGR = (103.939, 116.779, 123.68)
BAND_BYTES = 2**29
"""The most that the neighbours of an image's values, nine for each, may take; twice it was bad."""


class LossNetwork:
    """Features of images in the eyes of VGG.

    Args:
        name: ``"vgg16"`` or ``"vgg19"``.
        weights: arrays by name, ``block1_conv1/kernel`` of shape ``[3,3,C,D]`` and ``.../bias``.
        dtype: what the convolutions compute in; features come back in it.

    Attributes:
        content_layer: of the content loss, `CONTENT_LAYER` unless `load_loss_network` is told
            another.
    """

    def __init__(self, name, weights, dtype="float32"):
        self.name = name
        self.content_layer = CONTENT_LAYER
        self.style_layers = STYLE_LAYERS[name]
        self.dtype = dtype
        self.weights = {
            key: ops.convert_to_tensor(weights[key], dtype=dtype) for key in expected_shapes(name)
        }

    def __call__(self, images, last=None):
        """Activations after the ReLU, by layer, of images ``[B,H,W,3]`` RGB in 0..255.

        ``last`` names the layer to stop at; by default the deepest style layer.
        """
        last = last or self.style_layers[-1]
        features = ops.flip(ops.cast(images, "float32"), axis=-1) - ops.convert_to_tensor(MEAN_BGR)
        features = ops.cast(features, self.dtype)
        activations = {}
        for block, count in CONVOLUTIONS[self.name].items():
            if block != "block1":
                features = ops.max_pool(features, 2, strides=2)
            for index in range(1, count + 1):
                layer = f"{block}_conv{index}"
                kernel, bias = self.weights[f"{layer}/kernel"], self.weights[f"{layer}/bias"]
                features = ops.relu(convolve(features, kernel) + bias)
                activations[layer] = features
                if layer == last:
                    return activations
        raise ValueError(f"last must be a layer of {self.name}. Received: {last!r}")


def convolve(features, kernel):
    """A convolution of 3x3 with zeros around, in bands of rows where the image is large.

    Without AVX-512, oneDNN's convolution does not come back for minutes (TensorFlow 2.21) from an
    image whose neighbours take more than 2**30 bytes, such as 400x595 with 128 channels.
    """
    _, height, width, channels = features.shape
    if not height or not width or 36 * height * width * channels <= BAND_BYTES:
        return ops.conv(features, kernel, padding="same")
    rows = max(1, BAND_BYTES // (36 * width * channels) - 2)
    padded = ops.pad(features, [[0, 0], [1, 1], [0, 0], [0, 0]])
    bands = [padded[:, top : top + rows + 2] for top in range(0, height, rows)]
    return ops.concatenate([ops.conv(b, kernel, padding="same")[:, 1:-1] for b in bands], axis=1)


def load_loss_network(weights=None, dtype="float32", content_layer=CONTENT_LAYER):
    """The loss network from a weights file, else from the assets, else from Keras's download.

    Args:
        weights: `VGGWeights`, or a file of them: see `find_vgg`.
        dtype: what the convolutions compute in.
        content_layer: the layer of the content loss.

    Raises:
        InputNotFoundError: there is no such file, or no file was given and none can be had.
        InputError: the file is not weights of VGG-16 or VGG-19, or these have no such layer.
    """
    if not isinstance(weights, VGGWeights):
        weights = find_vgg(weights) or vgg_from_keras()
    check_layer(content_layer, weights.name)
    network = LossNetwork(weights.name, weights.arrays, dtype)
    network.content_layer = content_layer
    return network


def vgg_from_keras(name="vgg16"):
    """The `VGGWeights` that Keras downloads, or has in its cache."""
    build = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[name]
    try:
        vgg = build(include_top=False, weights="imagenet")
    except Exception as error:  # Whatever the download raises, the user needs the same sentence.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputNotFoundError(
            f"expected the {name.upper()} weights of keras.applications, which could not be "
            f"downloaded ({reason}); give a file of VGG-16 or VGG-19 with --vgg-weights"
        ) from error
    arrays = {
        f"{layer.name}/{weight.name}": ops.convert_to_numpy(weight.value)
        for layer in vgg.layers
        for weight in layer.weights
    }
    return VGGWeights(name, arrays)
