"""The loss network: VGG-16 or VGG-19 up to the last layer a loss looks at, never trained.

Sources: Simonyan and Zisserman (2015), "Very Deep Convolutional Networks"; the layers are those of
Johnson et al. (2016), section 4, and of Gatys, Ecker and Bethge (2015).
"""

import io
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import ops

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.folders import assets_folder

CONTENT_LAYER = "block2_conv2"
"""Of Johnson et al.; a deeper one lets go of more of the photograph's texture."""
STYLE_LAYERS = {
    "vgg16": ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3"),
    "vgg19": ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv1"),
}
CONVOLUTIONS = {
    "vgg16": {"block1": 2, "block2": 2, "block3": 3, "block4": 3},
    "vgg19": {"block1": 2, "block2": 2, "block3": 4, "block4": 1},
}
CHANNELS = {"block1": 64, "block2": 128, "block3": 256, "block4": 512}
MEAN_BGR = (103.939, 116.779, 123.68)
ASSET = "vgg/vgg19_conv1_1-conv4_1.npz"
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


def expected_shapes(name):
    """Shapes of the weights by name, up to the deepest style layer."""
    shapes, channels = {}, 3
    for block, count in CONVOLUTIONS[name].items():
        for index in range(1, count + 1):
            shapes[f"{block}_conv{index}/kernel"] = (3, 3, channels, CHANNELS[block])
            shapes[f"{block}_conv{index}/bias"] = (CHANNELS[block],)
            channels = CHANNELS[block]
    return shapes


def load_loss_network(weights=None, dtype="float32", content_layer=CONTENT_LAYER):
    """The loss network from a weights file, else from the assets, else from Keras's download.

    Args:
        weights: a ``.npz`` of arrays by name, or a Keras ``.h5`` of VGG-16 or VGG-19.
        dtype: what the convolutions compute in.
        content_layer: the layer of the content loss.

    Raises:
        InputNotFoundError: there is no such file, or no file was given and none can be had.
        InputError: the file is not weights of VGG-16 or VGG-19, or these have no such layer.
    """
    asset = assets_folder() / ASSET
    if weights is not None or asset.is_file():
        network = from_file(Path(weights or asset), dtype)
    else:
        network = from_keras(dtype)
    layers = [key.split("/")[0] for key in expected_shapes(network.name) if key.endswith("kernel")]
    if content_layer not in layers:
        raise InputError(
            f"expected a content layer out of {', '.join(layers)}, found {content_layer!r}"
        )
    network.content_layer = content_layer
    return network


def from_file(path, dtype):
    """The loss network whose weights are in a file; see `load_loss_network`."""
    if not path.is_file():
        raise InputNotFoundError(
            f"expected VGG weights in {path}, found no such file; give an .npz or a Keras .h5 of "
            "VGG-16 or VGG-19 with --vgg-weights"
        )
    try:
        arrays = read_npz(path) if zipfile.is_zipfile(path) else read_h5(path)
    except Exception as error:  # h5py and zipfile have a type of error for every kind of damage.
        raise InputError(
            f"expected VGG weights in {path}, found an unreadable file ({error})"
        ) from error
    for name in ("vgg19", "vgg16"):  # VGG-19 has all layers of VGG-16 and one more.
        shapes = expected_shapes(name)
        if all(key in arrays and arrays[key].shape == shapes[key] for key in shapes):
            return LossNetwork(name, arrays, dtype)
    raise InputError(
        f"expected the weights of VGG-16 up to conv4_3 or VGG-19 up to conv4_1 in {path}, found "
        f"those of another network ({len(arrays)} arrays); give others with --vgg-weights"
    )


def read_npz(path):
    """Arrays by name, of a file that NumPy wrote."""
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def read_h5(path):
    """Arrays by name, of VGG's weights as any version of Keras wrote them.

    Their paths end in ``block1_conv1_W_1:0`` (Keras 1), ``block1_conv1/kernel:0`` (2) or
    ``block1_conv1/kernel`` (3), or in ``conv2d/vars/0`` with the layer's name beside (3, weights
    alone).
    """
    import h5py

    arrays = {}

    def keep(path, item):
        if not isinstance(item, h5py.Dataset):
            return
        layer = re.search(r"block\d_conv\d", f"{item.parent.attrs.get('name')}/{path}")
        kind = re.search(r"(?:(kernel|_W_1|/0)|bias|_b_1|/1)(:0)?$", path)
        # An optimizer has moments of the same names.
        if layer and kind and not path.startswith("optimizer"):
            arrays[f"{layer[0]}/{'kernel' if kind[1] else 'bias'}"] = np.asarray(item)

    with h5py.File(path, "r") as file:
        file.visititems(keep)
    return arrays


def from_keras(dtype):
    """The loss network with the weights that Keras downloads, or has in its cache."""
    try:
        vgg = keras.applications.VGG16(include_top=False, weights="imagenet")
    except Exception as error:  # Whatever the download raises, the user needs the same sentence.
        reason = (str(error) or repr(error)).splitlines()[0]
        raise InputNotFoundError(
            "expected the VGG-16 weights of keras.applications, which could not be downloaded "
            f"({reason}); give a file of VGG-16 or VGG-19 with --vgg-weights"
        ) from error
    arrays = {
        f"{layer.name}/{weight.name}": ops.convert_to_numpy(weight.value)
        for layer in vgg.layers
        for weight in layer.weights
    }
    return LossNetwork("vgg16", arrays, dtype)
