"""Weights of style networks, wherever they are: a run, a checkpoint or a frozen graph.

TensorFlow is loaded for the weights of a frozen graph alone, and Keras for a network to paint with:
what is told of one can be checked before either.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.files import check_target
from ffmpeg_style.graphs.card import card_faults
from ffmpeg_style.learning.checkpoint import load_checkpoint, newest_checkpoint

NOT_TOLD = ("save_every", "sample_every", "log_every", "licence")
"""What a model's card does not take over from the checkpoints of its run."""

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
    trained = trained_so_far(header["step"], training)
    return StoredNetwork(header["network"], values, trained, training.get("licence", ""))


def trained_so_far(step, training):
    """How a run was trained until a step, for a card: all that it takes to train it again.

    ``steps`` are those that were made since it began, or was forked at step ``begun_at``;
    ``planned_steps`` those that its rate was to decay over, the ones before a fork included.
    """
    trained = {key: value for key, value in training.items() if key not in NOT_TOLD}
    if "steps" in training:
        trained["planned_steps"] = training["steps"]
    return {**trained, "steps": step - training.get("begun_at", 0)}


def load_network(path):
    """The `StyleNetwork` of a run, a checkpoint or a frozen graph; see `read_network`."""
    return build_network(read_network(path))


def build_network(stored):
    """The `StyleNetwork` of a `StoredNetwork`."""
    from ffmpeg_style.learning.networks import StyleNetwork, set_weight_values

    network = StyleNetwork(**stored.settings).build_weights()
    set_weight_values(network, stored.weights)
    return network


def mean_network(networks, shares):
    """The `StoredNetwork` whose weights are the mean of others'.

    Its card tells how the first was trained, and how those that it was mixed with were.

    Args:
        networks: `StoredNetwork` by path.
        shares: of each, by path; they sum to 1.

    Raises:
        InputError: the networks differ, or the shares sum to another number.
    """
    first, *others = networks.values()
    for path, network in networks.items():
        if network.settings != first.settings:
            raise InputError(
                f"expected a mean of networks alike, found {network.settings} in {path} beside "
                f"{first.settings}"
            )
    if abs(sum(shares.values()) - 1.0) > 1e-6:
        raise InputError(f"expected shares that sum to 1, found {sum(shares.values()):g}")
    if not others:
        return first
    weights = {
        name: sum(share * networks[path].weights[name] for path, share in shares.items())
        for name in first.weights
    }
    mixed = [{"share": share, "trained": networks[path].trained} for path, share in shares.items()][
        1:
    ]
    return first._replace(weights=weights, trained={**first.trained, "mixed_with": mixed})


def check_model_path(path, overwrite):
    """Raise InputError for what is no path of a frozen graph to write; see `files.check_target`."""
    if Path(path).suffix != ".pb":
        raise InputError(f"expected to write a frozen graph (.pb), found {Path(path).name!r}")
    check_target(path, overwrite)


def check_export(network, path, styles, overwrite):
    """Raise InputError for a model that can't be written.

    Args:
        network: a `StoredNetwork` or a `StyleNetwork`.
        path: of the model.
        styles: that it is to have; all where there are none.
        overwrite: replace a file that exists.
    """
    check_model_path(path, overwrite)
    known = network.settings["styles"]
    for style in styles or ():
        if style not in known or len(set(styles)) < len(styles):
            raise InputError(
                f"expected different ones of the styles {', '.join(known)}, found {style!r}"
            )


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
