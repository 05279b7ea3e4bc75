"""Weights of style networks, wherever they are: a run, a checkpoint or a frozen graph.

TensorFlow is loaded for the weights of a frozen graph alone, and Keras for a network to paint with:
what is told of one can be checked before either.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.graphs.card import card_faults
from ffmpeg_style.learning.checkpoint import load_checkpoint, newest_checkpoint

HISTORY = ("data", "left_out", "start", "teacher")
"""Where a run came from: its photographs, and how the networks were trained that it began with."""

ORIGIN = (*HISTORY, "licence")
"""What a run keeps of that, with the licence of the network whose weights it took."""

TRAINED = (
    "weights",
    "content_layer",
    "consistency",
    "style_size",
    "size",
    "batch",
    *HISTORY,
)
"""What a model's card takes over from the checkpoints of its run."""

NETWORK_KEYS = ("architecture", "styles", "width", "norm")
AFFINE = ("norm/gamma", "norm/beta")


class StoredNetwork(NamedTuple):
    """A network on the disk.

    Attributes:
        settings: arguments of `StyleNetwork`.
        weights: arrays by name.
        trained: how, as JSON values: steps, weights of the losses, sizes, data.
        licence: of the weights; empty when none was given yet.
    """

    settings: dict[str, Any]
    weights: dict[str, np.ndarray]
    trained: dict[str, Any]
    licence: str = ""


def read_network(path, *, weights=True):
    """The `StoredNetwork` at a path.

    Args:
        path: folder of a run, a checkpoint (``.npz``), or a frozen graph that
            `ffmpeg_style.learning.export` wrote (``.pb``).
        weights: read them too; without, those of a frozen graph stay empty.

    Raises:
        StyleError: there is no such thing, or it cannot be read.
    """
    path = Path(path)
    if path.suffix == ".pb":
        return read_exported(path) if weights else read_exported_card(path)
    checkpoint = newest_checkpoint(path) if path.is_dir() else load_checkpoint(path)
    if checkpoint is None:
        raise InputNotFoundError(f"expected a training run in {path}, found no checkpoint")
    header, values, _ = checkpoint
    training = header["training"]
    trained = {
        "steps": header["step"],
        **{key: training[key] for key in TRAINED if key in training},
    }
    return StoredNetwork(header["network"], values, trained, training.get("licence", ""))


def load_network(path):
    """The `StyleNetwork` of a run, a checkpoint or a frozen graph; see `read_network`."""
    return build_network(read_network(path))


def build_network(stored):
    """The `StyleNetwork` of a `StoredNetwork`."""
    from ffmpeg_style.learning.networks import StyleNetwork, set_weight_values

    network = StyleNetwork(**stored.settings).build_weights()
    set_weight_values(network, stored.weights)
    return network


def read_exported_card(path):
    """The `StoredNetwork` in a graph that `export` wrote, without its weights.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is no frozen graph, or none of this project.
    """
    from ffmpeg_style._engine import read_card

    card = read_card(path)
    faults = card_faults(card)
    if faults or any(key not in card for key in NETWORK_KEYS):
        raise InputError(
            f"expected a graph exported by ffmpeg-style in {path}, found another kind: "
            f"{faults[0] if faults else 'its card does not tell the network'}"
        )
    settings = {key: card[key] for key in (*NETWORK_KEYS, "vector") if key in card}
    return StoredNetwork(settings, {}, card["trained"], card["licence"])


def read_exported(path):
    """The `StoredNetwork` in a graph that `export` wrote.

    A batch norm comes back as what its folding left: unit statistics and an offset.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is no frozen graph, or none of this project.
    """
    from ffmpeg_style.graphs.frozen_graph import constants, read_graph

    stored = read_exported_card(path)
    weights = {
        name: values.astype("float32")
        for name, values in constants(read_graph(path)).items()
        if name.endswith(("conv/kernel", "conv/bias", *AFFINE)) or name.startswith("predictor/")
    }
    if stored.settings["norm"] == "batch":
        weights |= unfolded_batch_norms(weights)
    else:
        weights = {
            name: np.atleast_2d(values) if name.endswith(AFFINE) else values
            for name, values in weights.items()
        }
    return stored._replace(weights=weights)


def unfolded_batch_norms(weights):
    """What a folded batch norm's other weights must be for the same picture."""
    from ffmpeg_style.learning.networks import NORM_EPSILON

    others = {"gamma": 1.0, "moving_mean": 0.0, "moving_variance": 1.0 - NORM_EPSILON}
    return {
        name.replace("beta", other): np.full_like(values, value)
        for name, values in weights.items()
        if name.endswith("norm/beta")
        for other, value in others.items()
    }
