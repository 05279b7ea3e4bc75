"""Painting photographs with a model, and measuring the losses of what comes out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ffmpeg_style._engine import Engine
from ffmpeg_style.learning.evaluation import Evaluation, prepare_evaluation
from ffmpeg_style.learning.loss_network import load_loss_network, vgg_from_keras
from ffmpeg_style.learning.losses import content_targets, losses_to_targets, style_grams
from ffmpeg_style.learning.report import Judged, summarize
from ffmpeg_style.learning.settings import TERMS
from ffmpeg_style.learning.yardstick import Yardstick
from ffmpeg_style.progress import progress_bar


def evaluate(
    model: str | Path,
    paintings: Mapping[str, str | Path],
    content: str | Path,
    *,
    progress: bool | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Judge an exported model: its losses on photographs it never saw, beside Gatys's optimisation.

    "This model equals K iterations of Gatys" is the comparison of Johnson et al. (2016), section
    4.1.

    Args:
        model: path of a frozen graph.
        paintings: paths by the names of the model's styles; for a model of one style any name.
        content: folder of photographs that the model was not trained on.
        progress: show bars; None for bars on a terminal and lines elsewhere.
        options: ``vgg_weights``, a file, see `find_vgg`; ``weights`` of the losses by name and
            ``style_size``, short side of the paintings, where they are not to be those on the
            model's card, see `trained_criteria`; ``width`` that the photographs are scaled to;
            ``gatys_images``, how many of the photographs Gatys's optimisation paints too, the
            first ones; ``iterations`` of that; ``cache``, folder of its results, see `Yardstick`;
            ``output``, folder for the report ``MODEL.json`` and a contact sheet
            ``MODEL-STYLE.jpg`` for each style, named as the model's file; ``ports``, arguments of
            `Engine` for graphs of others.

    Returns:
        The report, as JSON values.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
    """
    return judge(prepare_evaluation(model, paintings, content, **options), progress)


def judge(evaluation: Evaluation, progress: bool | None = None) -> dict[str, Any]:
    """Judge a model; see `evaluate`.

    Returns:
        The report, as JSON values.
    """
    criteria = evaluation.criteria
    vgg = evaluation.vgg or vgg_from_keras(criteria.loss_network or "vgg16")
    loss_network = load_loss_network(vgg, content_layer=criteria.content_layer)
    count = evaluation.gatys_images
    yardstick = Yardstick(loss_network, criteria.weights, evaluation.cache) if count else None
    report = evaluation.head(loss_network.name)
    with Engine(evaluation.model, precision="fp32", **evaluation.ports) as engine:
        for style, painting in evaluation.paintings.items():
            if evaluation.mixed:
                engine.style = style
            judge_one = Judge(engine, loss_network, painting, criteria.weights, yardstick)
            contents = progress_bar(evaluation.photographs, desc=style, progress=progress)
            judged = [
                judge_one(name, photograph, evaluation.iterations if index < count else 0, progress)
                for index, (name, photograph) in enumerate(contents)
            ]
            report["styles"][style] = summarize(judged)
            evaluation.write_sheet(style, judged)
    evaluation.write_report(report)
    return report


class Judge:
    """Paints photographs in one style and measures the losses.

    Args:
        paint: gives the painting, uint8 ``[H,W,3]``, of a photograph.
        loss_network: a `LossNetwork`.
        painting: uint8 ``[H,W,3]``.
        weights: `LossWeights`.
        yardstick: a `Yardstick`, or None.
    """

    def __init__(self, paint, loss_network, painting, weights, yardstick):
        self.paint = paint
        self.loss_network = loss_network
        self.painting = painting
        self.weights = weights
        self.yardstick = yardstick
        self.grams = style_grams(loss_network, painting[None].astype("float32"))

    def __call__(self, name, photograph, iterations, progress):
        """The `Judged` photograph; Gatys's too where ``iterations`` are given."""
        painted = self.paint(photograph)
        targets = content_targets(self.loss_network, batch(photograph))
        unpainted_losses, losses = (self.losses(i, targets) for i in (photograph, painted))
        judged = Judged(name, photograph, painted, unpainted_losses, losses)
        if not iterations:
            return judged
        curve, images = self.yardstick.measure(photograph, self.painting, iterations, progress)
        return judged._replace(gatys=curve, gatys_images=images)

    def losses(self, image, targets):
        terms = losses_to_targets(
            self.loss_network, batch(image), targets, self.grams, self.weights
        )
        return np.array([float(terms[name][0]) for name in TERMS])


def batch(image):
    """An image ``[H,W,3]`` as the batch ``[1,H,W,3]`` of a loss network."""
    return image[None].astype("float32")
