"""An evaluation before it begins: what is judged, and by what, checked without TensorFlow."""

import json
import logging
import operator
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ffmpeg_style.errors import InputError
from ffmpeg_style.files import atomic_write, check_folder, make_folder
from ffmpeg_style.learning.photographs import find_images, read_image, read_painting
from ffmpeg_style.learning.report import MARKS, Judged, contact_sheet
from ffmpeg_style.learning.run import describe_file
from ffmpeg_style.learning.settings import CONTENT_LAYER, LossWeights
from ffmpeg_style.learning.vgg import VGGWeights, check_layer, find_vgg

log = logging.getLogger(__name__)

WIDTH = 512
STYLE_SIZE = 512
GATYS_IMAGES = 6
SMALLEST = 16
"""Side of the smallest picture that a network paints."""
SHEET_ROWS = 6


class Criteria(NamedTuple):
    """What a network was trained for, and is judged by.

    Attributes:
        weights: of the losses.
        style_size: short side of the paintings in pixels.
        content_layer: of the loss network.
        loss_network: its name; None where the card does not tell.
    """

    weights: LossWeights
    style_size: int = STYLE_SIZE
    content_layer: str = CONTENT_LAYER
    loss_network: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """What `judge.judge` judges: arguments of `judge.evaluate`, read and checked.

    Attributes:
        model: path of the frozen graph.
        name: of the model.
        paintings: uint8 ``[H,W,3]`` by the names of the styles.
        mixed: whether the model has several styles.
        ports: arguments of `Engine` for graphs of others.
        photographs: names of files, and uint8 ``[H,W,3]``.
        vgg: weights of the loss network; None to have them from Keras.
    """

    model: Path
    name: str
    paintings: dict[str, np.ndarray]
    mixed: bool
    ports: dict[str, Any]
    photographs: list[tuple[str, np.ndarray]]
    criteria: Criteria
    vgg: VGGWeights | None
    width: int
    gatys_images: int
    iterations: int
    cache: Path | None
    output: Path | None

    def head(self, loss_network: str) -> dict[str, Any]:
        """The report without what was found."""
        return {
            "model": self.name,
            "photographs": len(self.photographs),
            "width": self.width,
            "style_size": self.criteria.style_size,
            "loss_network": loss_network,
            "content_layer": self.criteria.content_layer,
            "weights": asdict(self.criteria.weights),
            "styles": {},
        }

    def write_sheet(self, style: str, judged: list[Judged]) -> None:
        """Write a style's contact sheet, where there is a folder for it."""
        if self.output:
            with atomic_write(make_folder(self.output) / f"{self.model.stem}-{style}.jpg") as file:
                contact_sheet(judged[:SHEET_ROWS]).save(file, "JPEG", quality=90)

    def write_report(self, report: dict[str, Any]) -> None:
        """Write the report, where there is a folder for it."""
        if self.output:
            with atomic_write(make_folder(self.output) / f"{self.model.stem}.json") as file:
                file.write(json.dumps(report, indent=2).encode())


def prepare_evaluation(
    model: str | Path,
    paintings: Mapping[str, str | Path],
    content: str | Path,
    *,
    vgg_weights: str | Path | None = None,
    weights: Mapping[str, float] | None = None,
    style_size: int | None = None,
    width: int = WIDTH,
    gatys_images: int = GATYS_IMAGES,
    iterations: int = MARKS[-1],
    cache: str | Path | None = None,
    output: str | Path | None = None,
    ports: Mapping[str, str | None] | None = None,
) -> Evaluation:
    """Read and check what `judge.evaluate` takes.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
    """
    from ffmpeg_style._engine import read_card

    card = read_card(model)
    trained = card.get("trained")
    criteria = trained_criteria(trained)
    criteria = criteria._replace(
        weights=replace(criteria.weights, **(weights or {})),
        style_size=style_size or criteria.style_size,
    )
    check_styles(card, paintings)
    images = {name: read_painting(path, criteria.style_size) for name, path in paintings.items()}
    photographs = [(path.name, read_photograph(path, width)) for path in find_images(content)]
    vgg = find_vgg(vgg_weights, criteria.loss_network)
    if vgg:
        check_layer(criteria.content_layer, vgg.name)
    warn_of_differences(trained or {}, paintings, vgg)
    return Evaluation(
        model=Path(model),
        name=str(card.get("name", Path(model).stem)),
        paintings=images,
        mixed=len(card.get("styles", [])) > 1,
        ports={name: value for name, value in (ports or {}).items() if value is not None},
        photographs=photographs,
        criteria=criteria,
        vgg=vgg,
        width=width,
        gatys_images=gatys_images,
        iterations=iterations,
        cache=check_folder(cache) if cache else None,
        output=check_folder(output) if output else None,
    )


def trained_criteria(trained: Any) -> Criteria:
    """What a network was trained for, by its card.

    That of its newest training on losses: one on a teacher's pictures had the teacher's.

    Args:
        trained: what the model's card tells of it, or None.

    Raises:
        InputError: the card tells something else.
    """
    newest = newest_losses(trained)
    try:
        weights = {name: float(weight) for name, weight in newest["weights"].items()}
        return Criteria(
            LossWeights(**weights),
            operator.index(newest.get("style_size", STYLE_SIZE)),
            newest.get("content_layer", CONTENT_LAYER),
            newest.get("loss_network", {}).get("name"),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "expected the losses' weights and the painting's size on the model card, found others "
            f"({error})"
        ) from error


def newest_losses(trained: Any) -> Any:
    """What a card tells of the newest training on losses."""
    newest = trained or {}
    while isinstance(newest, dict) and "weights" not in newest:
        newest = newest.get("teacher") or newest.get("start") or {"weights": {}}
    return newest


def warn_of_differences(trained, paintings, vgg):
    """Log what a model is judged by that its card does not tell of."""
    told = newest_losses(trained)
    if vgg and told.get("loss_network", vgg.identity) != vgg.identity:
        log.warning(
            "judged by the weights of %s, and trained by others of %s",
            vgg.name,
            told["loss_network"].get("name"),
        )
    learned = told.get("paintings", {})
    known = {painting["sha256"] for painting in learned.values() if isinstance(painting, dict)}
    for path in paintings.values():
        if known and describe_file(path)["sha256"] not in known:
            log.warning("judged beside %s, which is no painting that it was trained on", path)


def read_photograph(path, width):
    """A photograph, scaled to a width."""
    photograph = read_image(path, width=width)
    if min(photograph.shape[:2]) < SMALLEST:
        raise InputError(
            f"expected photographs of {SMALLEST}x{SMALLEST} pixels or more at a width of {width}, "
            f"found {photograph.shape[1]}x{photograph.shape[0]} in {path}; try a larger --width"
        )
    return photograph


def check_styles(card, paintings):
    """Refuse paintings that are of none of the model's styles."""
    styles = card.get("styles", [])
    if len(styles) < 2 and len(paintings) > 1:
        raise InputError(f"expected one painting for a model of one, found {len(paintings)}")
    for name in paintings if len(styles) > 1 else ():
        if name not in styles:
            raise InputError(
                f"expected a painting for one of the styles {', '.join(styles)}, found one for "
                f"{name!r}; name it with NAME=IMAGE"
            )
