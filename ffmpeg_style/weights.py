"""Weights of style networks, wherever they are: a run, a checkpoint or a frozen graph."""

from pathlib import Path

from ffmpeg_style.checkpoint import load_checkpoint, newest_checkpoint
from ffmpeg_style.errors import InputNotFoundError
from ffmpeg_style.networks import StyleNetwork, set_weight_values


def load_weights(path):
    """Settings of the network (arguments of `StyleNetwork`) and its weights by name.

    Args:
        path: folder of a run, a checkpoint (``.npz``), or a frozen graph that
            `ffmpeg_style.export` wrote (``.pb``).

    Raises:
        StyleError: there is no such thing, or it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        newest = newest_checkpoint(path)
        if newest is None:
            raise InputNotFoundError(f"expected a training run in {path}, found no checkpoint")
        header, weights, _ = newest
    elif path.suffix == ".npz":
        header, weights, _ = load_checkpoint(path)
    else:
        from ffmpeg_style.export import read_weights

        return read_weights(path)
    return header["network"], weights


def load_network(path):
    """The `StyleNetwork` of a run, a checkpoint or a frozen graph; see `load_weights`."""
    settings, weights = load_weights(path)
    network = StyleNetwork(**settings).build_weights()
    set_weight_values(network, weights)
    return network
