"""The weights of VGG-16 and VGG-19 in files, read before Keras is there."""

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.folders import assets_folder

CONVOLUTIONS = {
    "vgg16": {"block1": 2, "block2": 2, "block3": 3, "block4": 3},
    "vgg19": {"block1": 2, "block2": 2, "block3": 4, "block4": 1},
}
"""Of each block, up to the deepest layer that a loss looks at."""
CHANNELS = {"block1": 64, "block2": 128, "block3": 256, "block4": 512}
ASSETS = {
    "vgg19": "vgg/vgg19_conv1_1-conv4_1.npz",
    "vgg16": "vgg/vgg16_conv1_1-conv4_3.npz",
}
"""Files in the folder of assets, the one that training takes first."""


class VGGWeights(NamedTuple):
    """Weights of a loss network.

    Attributes:
        name: ``"vgg16"`` or ``"vgg19"``.
        arrays: by name, ``block1_conv1/kernel`` of shape ``[3,3,C,D]`` and ``.../bias``.
    """

    name: str
    arrays: dict[str, np.ndarray]

    @property
    def identity(self) -> dict[str, str]:
        """The name, and the SHA-256 of all values in the order of the layers."""
        digest = hashlib.sha256()
        for key in expected_shapes(self.name):
            digest.update(np.ascontiguousarray(self.arrays[key], "<f4").tobytes())
        return {"name": self.name, "sha256": digest.hexdigest()}


def expected_shapes(name):
    """Shapes of the weights by name, up to the deepest style layer."""
    shapes, channels = {}, 3
    for block, count in CONVOLUTIONS[name].items():
        for index in range(1, count + 1):
            shapes[f"{block}_conv{index}/kernel"] = (3, 3, channels, CHANNELS[block])
            shapes[f"{block}_conv{index}/bias"] = (CHANNELS[block],)
            channels = CHANNELS[block]
    return shapes


def check_layer(layer: str, *names: str) -> None:
    """Raise InputError for a layer that no loss network has, up to its deepest style layer.

    Args:
        layer: its name.
        names: VGG's, none for all.
    """
    keys = (key for name in names or CONVOLUTIONS for key in expected_shapes(name))
    layers = sorted({key.split("/")[0] for key in keys})
    if layer not in layers:
        raise InputError(f"expected a content layer out of {', '.join(layers)}, found {layer!r}")


def find_vgg(path=None, name=None) -> VGGWeights | None:
    """Weights from a file, else from the assets; None where there are neither.

    Args:
        path: a ``.npz`` of arrays by name, or a Keras ``.h5`` of VGG-16 or VGG-19.
        name: of the network that the assets are looked through for; by default any.

    Raises:
        InputNotFoundError: there is no such file.
        InputError: the file is not weights of VGG-16 or VGG-19.
    """
    if path is not None:
        return read_vgg(Path(path))
    assets = [assets_folder() / ASSETS[known] for known in ASSETS if name in (None, known)]
    return next((read_vgg(asset) for asset in assets if asset.is_file()), None)


def read_vgg(path) -> VGGWeights:
    """The weights in a file; see `find_vgg`."""
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
            return VGGWeights(name, arrays)
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
