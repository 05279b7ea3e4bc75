"""What a training is told of the network, the losses and the steps, before Keras is there."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ffmpeg_style.errors import InputError
from ffmpeg_style.graphs.card import STYLE_NAME
from ffmpeg_style.learning.processor import fast_policy

ANY = "any"
"""The one style of a network for any painting, until it is shown one: the middle of all."""

WIDTHS = {"johnson": 32, "fast": 16}
"""Channels of the first layer by the name of the architecture, unless told otherwise."""

TERMS = ("content", "style", "total_variation", "total")
"""Of the loss, in the order of reports."""

NORMS = ("instance", "batch")

VECTOR = 100
"""Length of the style vector of a network for any painting (Ghiasi et al. 2017)."""

CONTENT_LAYER = "block2_conv2"
"""Of Johnson et al.; a deeper one lets go of more of the photograph's texture."""

CONSISTENCY_WEIGHT = 30.0

STEP_BYTES = 2_800
"""That a step of training holds for each pixel of its crops, at the least: 2,860 with ``fast`` of
width 16 (float32, crops of 512), most of it for VGG's features; ``johnson`` takes more."""


@dataclass(frozen=True)
class LossWeights:
    """Factors of the three terms of the total loss."""

    content: float = 5.0
    style: float = 10.0
    total_variation: float = 2e-5


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

    Attributes:
        steps: in all, those of a run that is resumed included.
        minutes: that a run takes, in the place of a number of steps: as many as the time allows.
        size: side of the square crops in pixels, a multiple of 4.
        batch: crops in a step.
        rate: Adam's rate; it falls along a cosine to a hundredth of it, by the share of the steps,
            or of the minutes.
        style_size: short side of the paintings in pixels; larger paintings, larger strokes.
        weights: factors of the losses.
        content_layer: of the loss network.
        consistency: factor of `consistency.consistency_loss`, which keeps video from flickering;
            0 does without, and without its time.
        average: how much of the running mean of the weights stays with each step, 0 for none; the
            mean is what is exported.
        precision: ``"auto"``, ``"float32"`` or ``"mixed_bfloat16"``.
        seed: of the first weights and of the crops.
        save_every, sample_every, log_every: intervals in steps.
    """

    steps: int = 20_000
    minutes: float | None = None
    size: int = 256
    batch: int = 1
    rate: float = 1e-3
    style_size: int = 512
    weights: LossWeights = field(default_factory=LossWeights)
    content_layer: str = CONTENT_LAYER
    consistency: float = CONSISTENCY_WEIGHT
    average: float = 0.0
    precision: str = "auto"
    seed: int = 0
    save_every: int = 500
    sample_every: int = 500
    log_every: int = 20

    @property
    def policy(self) -> str:
        """The Keras dtype policy of the convolutions; ``auto`` asks the device that trains."""
        return fast_policy() if self.precision == "auto" else self.precision


def network_settings(
    architecture: str = "johnson",
    styles: tuple[str, ...] = ("style",),
    width: int | None = None,
    norm: str = "instance",
    vector: int | None = None,
) -> dict[str, Any]:
    """What it takes to build a network, whole and checked.

    A network for any painting has a ``vector``, and the one style `ANY`.

    Raises:
        InputError: an unknown architecture or norm, a style's name that a mix could not be written
            with, or batch norm with several styles or for any painting.
    """
    if architecture not in WIDTHS:
        raise InputError(f"architecture must be {' or '.join(WIDTHS)}, found {architecture!r}")
    if norm not in NORMS:
        raise InputError(f"norm must be {' or '.join(NORMS)}, found {norm!r}")
    for style in styles:
        if not re.fullmatch(STYLE_NAME, style):
            raise InputError(
                f"expected a style's name of letters, digits, _ and -, found {style!r}; name "
                "it with NAME=IMAGE"
            )
    if vector and norm != "instance":
        raise InputError(f"expected instance norm for any painting, found {norm}")
    if norm == "batch" and len(styles) != 1:
        raise InputError(f"expected one style with batch norm, found {len(styles)}")
    settings = dict(
        architecture=architecture,
        styles=[ANY] if vector else list(styles),
        width=width or WIDTHS[architecture],
        norm=norm,
    )
    return settings | ({"vector": vector} if vector else {})


def named_paintings(values: Iterable[str]) -> dict[str, Path]:
    """``NAME=PATH`` or ``PATH``, whose name is then the file's, as a dictionary in order.

    Raises:
        InputError: two have one name.
    """
    paintings: dict[str, Path] = {}
    for value in values:
        name, separator, path = value.partition("=")
        if not (separator and re.fullmatch(STYLE_NAME, name)):
            name, path = Path(value).stem, value
        if name in paintings:
            raise InputError(f"expected paintings of different names, found {name!r} twice")
        paintings[name] = Path(path)
    return paintings


def check_size(settings: TrainSettings) -> None:
    """Raise InputError for crops that no network can paint, or no step in this machine's memory."""
    size, batch = settings.size, settings.batch
    if size % 4 or size < 16:
        raise InputError(f"expected a size that is a multiple of 4 from 16 up, found {size}")
    memory = machine_memory()
    needed = batch * size**2 * STEP_BYTES
    if needed > memory:
        most = int((memory / batch / STEP_BYTES) ** 0.5) // 4 * 4
        raise InputError(
            f"expected crops that a step has the memory for, {most} pixels at most on this machine "
            f"with {memory / 1e9:.0f} GB, found {batch} of {size}x{size}; choose a smaller --size "
            "or --batch"
        )


def machine_memory() -> int:
    """Bytes of memory for this process: the machine's, or what its control groups have left."""
    from ffmpeg_style._engine import group_memory  # brings numpy, which --help does without

    return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), group_memory())
