"""Weights of style networks, wherever they are: a run, a checkpoint or a frozen graph."""

from pathlib import Path
from typing import NamedTuple

from ffmpeg_style.errors import InputNotFoundError
from ffmpeg_style.learning.checkpoint import load_checkpoint, newest_checkpoint
from ffmpeg_style.learning.networks import StyleNetwork, set_weight_values

HISTORY = ("data", "start", "teacher")
"""Where a run came from: its photographs, and how the networks were trained that it began with."""

ORIGIN = (*HISTORY, "licence")
"""What a run keeps of that, with the licence of the network whose weights it took."""

TRAINED = ("weights", "style_size", "size", "batch", *HISTORY)
"""What a model's card takes over from the checkpoints of its run."""


class StoredNetwork(NamedTuple):
    """A network on the disk.

    Attributes:
        settings: arguments of `StyleNetwork`.
        weights: arrays by name.
        trained: how, as JSON values: steps, weights of the losses, sizes, data.
        licence: of the weights; empty when none was given yet.
    """

    settings: dict
    weights: dict
    trained: dict
    licence: str = ""


def read_network(path):
    """The `StoredNetwork` at a path.

    Args:
        path: folder of a run, a checkpoint (``.npz``), or a frozen graph that
            `ffmpeg_style.graphs.export` wrote (``.pb``).

    Raises:
        StyleError: there is no such thing, or it cannot be read.
    """
    path = Path(path)
    if path.suffix == ".pb":
        from ffmpeg_style.graphs.export import read_exported

        return read_exported(path)
    checkpoint = newest_checkpoint(path) if path.is_dir() else load_checkpoint(path)
    if checkpoint is None:
        raise InputNotFoundError(f"expected a training run in {path}, found no checkpoint")
    header, weights, _ = checkpoint
    training = header["training"]
    trained = {
        "steps": header["step"],
        **{key: training[key] for key in TRAINED if key in training},
    }
    return StoredNetwork(header["network"], weights, trained, training.get("licence", ""))


def load_network(path):
    """The `StyleNetwork` of a run, a checkpoint or a frozen graph; see `read_network`."""
    return build_network(read_network(path))


def build_network(stored):
    """The `StyleNetwork` of a `StoredNetwork`."""
    network = StyleNetwork(**stored.settings).build_weights()
    set_weight_values(network, stored.weights)
    return network
