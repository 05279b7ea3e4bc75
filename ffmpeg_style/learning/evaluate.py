"""How good a model is: its losses on photographs it never saw, beside Gatys's optimisation.

"This model equals K iterations of Gatys" is the comparison of Johnson et al. (2016), section 4.1.
"""

import hashlib
import json
import operator
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from keras import ops
from PIL import Image, ImageDraw, ImageOps

from ffmpeg_style.errors import InputError
from ffmpeg_style.files import atomic_write, make_folder
from ffmpeg_style.folders import cache_folder
from ffmpeg_style.graphs.frozen_graph import STYLE_WEIGHTS, GraphRunner, read_card, read_graph
from ffmpeg_style.learning.gatys import TERMS, optimize
from ffmpeg_style.learning.loss_network import load_loss_network
from ffmpeg_style.learning.losses import (
    LossWeights,
    content_targets,
    losses_to_targets,
    style_grams,
)
from ffmpeg_style.learning.photographs import find_images, read_image
from ffmpeg_style.progress import progress_bar

WIDTH = 512
STYLE_SIZE = 512
GATYS_IMAGES = 6
SMALLEST = 16
"""Side of the smallest picture that a network paints."""
MARKS = (25, 50, 100, 200)
"""Iterations of Gatys that the tables name."""

CACHE_FORMAT = "gatys/1"
SHEET_CELL = (320, 240)
SHEET_ROWS = 6


class Yardstick:
    """Losses of Gatys's optimisation from noise, computed once for every photograph and painting.

    It takes minutes an image, so each result is a file of the cache, named by what it depends on
    and written at each of `MARKS`: a run that was stopped goes on with the next image, and models
    of one painting share the work.

    Args:
        loss_network: a `LossNetwork`.
        weights: `LossWeights`.
        cache: folder of the results; by default the user's own.
    """

    def __init__(self, loss_network, weights, cache=None):
        self.loss_network = loss_network
        self.weights = weights
        self.cache = make_folder(cache or default_cache())
        digest = hashlib.sha256(CACHE_FORMAT.encode())
        digest.update(json.dumps(asdict(weights), sort_keys=True).encode())
        for name, value in sorted(loss_network.weights.items()):
            digest.update(name.encode())
            digest.update(ops.convert_to_numpy(value).tobytes())
        self.digest = digest

    def measure(self, photograph, painting, iterations, progress=None):
        """Losses and images of one photograph.

        Args:
            photograph: uint8 ``[H,W,3]``.
            painting: uint8 ``[H,W,3]``.
            iterations: of the optimisation.
            progress: show a bar; None for when stderr is a terminal.

        Returns:
            float64 ``[iterations+1,4]``, the losses `TERMS` at the start and after each iteration,
            and uint8 images by iteration, at each of `MARKS`.
        """
        path = self.path(photograph, painting)
        found = read_measurement(path)
        if found is None or len(found[0]) <= iterations:
            self.compute(path, photograph, painting, iterations, progress)
            found = read_measurement(path)
        losses, images = found
        images = {mark: image for mark, image in images.items() if mark <= iterations}
        return losses[: iterations + 1], images

    def path(self, photograph, painting):
        """The file of a result."""
        digest = self.digest.copy()
        for image in (photograph, painting):
            digest.update(repr(image.shape).encode())
            digest.update(np.ascontiguousarray(image).tobytes())
        return self.cache / f"{digest.hexdigest()[:32]}.npz"

    def compute(self, path, photograph, painting, iterations, progress):
        """Optimise, and write the losses and images so far at each of `MARKS` and at the end."""
        grams = style_grams(self.loss_network, painting[None].astype("float32"))
        images = {}
        with progress_bar(total=iterations, desc="Gatys", leave=False, progress=progress) as bar:

            def watch(losses, image):
                step = len(losses) - 1
                bar.update(step - bar.n)
                if step in MARKS:
                    images[step] = image()
                    write_measurement(path, losses, images)

            image, losses = optimize(
                self.loss_network,
                photograph,
                grams,
                self.weights,
                iterations=iterations,
                watch=watch,
            )
        # It ends early where nothing can be improved any more: the rest would be the same.
        missing = iterations + 1 - len(losses)
        images = {mark: image for mark in MARKS if mark <= iterations} | images
        write_measurement(path, np.pad(losses, ((0, missing), (0, 0)), mode="edge"), images)


def default_cache():
    """The folder of results, of the user's own."""
    return cache_folder() / "gatys"


def write_measurement(path, losses, images):
    """Write a file of the cache."""
    with atomic_write(path) as file:
        np.savez_compressed(file, losses=losses, **{str(k): image for k, image in images.items()})


def read_measurement(path):
    """Losses and images of a file of the cache, or None when there is no good one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            images = {int(name): file[name] for name in file.files if name != "losses"}
            return file["losses"], images
    except Exception:  # NumPy and zipfile raise what comes, for a damaged file.
        return None


class Judged(NamedTuple):
    """One photograph under one style.

    Attributes:
        name: of the photograph's file.
        photograph, painted: uint8 ``[H,W,3]``.
        unpainted_losses, losses: float64 ``[4]``, the `TERMS` of the two.
        gatys: float64 ``[N+1,4]``, or None where it was not asked for.
        gatys_images: uint8 images by iteration, or None.
    """

    name: str
    photograph: np.ndarray
    painted: np.ndarray
    unpainted_losses: np.ndarray
    losses: np.ndarray
    gatys: np.ndarray | None = None
    gatys_images: dict | None = None


def evaluate(
    model,
    paintings,
    content,
    *,
    vgg_weights=None,
    weights=None,
    style_size=None,
    width=WIDTH,
    gatys_images=GATYS_IMAGES,
    iterations=MARKS[-1],
    cache=None,
    output=None,
    progress=None,
):
    """Judge an exported model.

    Args:
        model: path of a frozen graph.
        paintings: paths by the names of the model's styles; for a model of one style any name.
        content: folder of photographs that the model was not trained on.
        vgg_weights: file of VGG weights; see `load_loss_network`.
        weights: of the losses by name, where they are not to be those on the model's card: see
            `aim`.
        style_size: short side of the paintings; by default the one on the card.
        width: that the photographs are scaled to.
        gatys_images: how many of the photographs Gatys's optimisation paints too, the first ones.
        iterations: of that optimisation.
        cache: folder of its results; see `Yardstick`.
        output: folder for the report ``MODEL.json`` and a contact sheet ``MODEL-STYLE.jpg`` for
            each style, named as the model's file.
        progress: show bars; None for when stderr is a terminal.

    Returns:
        The report, as JSON values.

    Raises:
        StyleError: the input is not what it should be; nothing was written.
    """
    graph = read_graph(model)
    card = read_card(graph) or {}
    trained_weights, trained_size = aim(card.get("trained"))
    weights = replace(trained_weights, **(weights or {}))
    style_size = style_size or trained_size
    mixes = find_mixes(card, paintings, graph)
    loss_network = load_loss_network(vgg_weights)
    images = {name: read_image(path, short_side=style_size) for name, path in paintings.items()}
    contents = [(path.name, read_photograph(path, width)) for path in find_images(content)]
    runner = GraphRunner(graph)
    output = make_folder(output) if output else None
    yardstick = Yardstick(loss_network, weights, cache) if gatys_images else None
    report = {
        "model": str(card.get("name", Path(model).stem)),
        "photographs": len(contents),
        "width": width,
        "style_size": style_size,
        "loss_network": loss_network.name,
        "weights": asdict(weights),
        "styles": {},
    }
    for name, painting in images.items():
        judge = Judge(runner, mixes[name], loss_network, painting, weights, yardstick)
        judged = [
            judge(*content, iterations if index < gatys_images else 0, progress)
            for index, content in enumerate(progress_bar(contents, desc=name, progress=progress))
        ]
        report["styles"][name] = summarize(judged)
        if output:
            with atomic_write(output / f"{Path(model).stem}-{name}.jpg") as file:
                contact_sheet(judged[:SHEET_ROWS]).save(file, "JPEG", quality=90)
    if output:
        with atomic_write(output / f"{Path(model).stem}.json") as file:
            file.write(json.dumps(report, indent=2).encode())
    return report


def aim(trained):
    """The losses' weights and the painting's short side that a network was trained for.

    Those of its newest training on losses: one on a teacher's pictures had the teacher's.

    Args:
        trained: what the model's card tells of it, or None.

    Raises:
        InputError: the card tells something else.
    """
    newest = trained or {}
    while isinstance(newest, dict) and "weights" not in newest:
        newest = newest.get("teacher") or newest.get("start") or {"weights": {}}
    try:
        weights = {name: float(weight) for name, weight in newest["weights"].items()}
        return LossWeights(**weights), operator.index(newest.get("style_size", STYLE_SIZE))
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            "expected the losses' weights and the painting's size on the model card, found others "
            f"({error})"
        ) from error


def read_photograph(path, width):
    """A photograph, scaled to a width."""
    photograph = read_image(path, width=width)
    if min(photograph.shape[:2]) < SMALLEST:
        raise InputError(
            f"expected photographs of {SMALLEST}x{SMALLEST} pixels or more at a width of {width}, "
            f"found {photograph.shape[1]}x{photograph.shape[0]} in {path}; try a larger --width"
        )
    return photograph


def find_mixes(card, paintings, graph):
    """``style_weights`` by name of the paintings: None for a model of one style."""
    if not any(node.name == STYLE_WEIGHTS for node in graph.node):
        if len(paintings) > 1:
            raise InputError(f"expected one painting for a model of one, found {len(paintings)}")
        return dict.fromkeys(paintings)
    styles = card.get("styles", [])
    for name in paintings:
        if name not in styles:
            raise InputError(
                f"expected a painting for one of the styles {', '.join(styles)}, found one for "
                f"{name!r}; name it with NAME=IMAGE"
            )
    return {name: np.eye(len(styles), dtype="float32")[styles.index(name)] for name in paintings}


class Judge:
    """Paints photographs in one style and measures the losses.

    Args:
        runner: a `GraphRunner`.
        mix: ``style_weights`` of the style, or None.
        loss_network: a `LossNetwork`.
        painting: uint8 ``[H,W,3]``.
        weights: `LossWeights`.
        yardstick: a `Yardstick`, or None.
    """

    def __init__(self, runner, mix, loss_network, painting, weights, yardstick):
        self.runner, self.mix = runner, mix
        self.loss_network = loss_network
        self.painting = painting
        self.weights = weights
        self.yardstick = yardstick
        self.grams = style_grams(loss_network, painting[None].astype("float32"))

    def __call__(self, name, photograph, iterations, progress):
        """The `Judged` photograph; Gatys's too where ``iterations`` are given."""
        painted = self.runner(photograph, self.mix)
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


def summarize(judged):
    """Judged photographs of one style as JSON values."""
    compared = [one for one in judged if one.gatys is not None]
    summary = {
        "unpainted": mean_terms([one.unpainted_losses for one in judged]),
        "model": mean_terms([one.losses for one in judged]),
        "images": {one.name: named(one.losses) for one in judged},
    }
    if compared:
        curve = np.mean([one.gatys for one in compared], axis=0)
        losses = np.mean([one.losses for one in compared], axis=0)
        summary["compared"] = {
            "images": [one.name for one in compared],
            "unpainted": mean_terms([one.unpainted_losses for one in compared]),
            "model": named(losses),
            "gatys": {str(mark): named(curve[mark]) for mark in MARKS if mark < len(curve)},
            "gatys_total": [round(float(total), 4) for total in curve[:, -1]],
            "equals_iterations": equal_iterations(losses[-1], curve[:, -1]),
        }
    return summary


def named(losses):
    """Losses as JSON values by the names of `TERMS`."""
    return {name: round(float(value), 4) for name, value in zip(TERMS, losses, strict=True)}


def mean_terms(losses):
    """The mean of several images' losses, by name."""
    return named(np.mean(losses, axis=0))


def equal_iterations(total, curve):
    """Iterations after which Gatys's total loss is as low as a model's, to a tenth.

    Args:
        total: loss of the model.
        curve: losses of Gatys, from the start on.

    Returns:
        The place on the curve between two iterations by linear interpolation, or None when the
        model is better than the whole curve.
    """
    below = np.flatnonzero(curve <= total)
    if not below.size:
        return None
    last = int(below[0])
    if last == 0:
        return 0.0
    return round(last - float((total - curve[last]) / (curve[last - 1] - curve[last])), 1)


def headline(name, compared):
    """How a model stands beside Gatys, in a sentence."""
    count = compared["equals_iterations"]
    longest = len(compared["gatys_total"]) - 1
    images = photographs(len(compared["images"]))
    many = f"more than {longest}" if count is None else f"{count:g}"
    return f"{name} equals {many} iterations of Gatys (mean of {images})"


def photographs(count):
    """A number of photographs in words."""
    return f"{count} photograph{'' if count == 1 else 's'}"


def table(report):
    """A report as text for a terminal."""
    lines = []
    for style, summary in report["styles"].items():
        lines += [f"{style}, {photographs(report['photographs'])} {report['width']} wide"]
        lines += rows(report["model"], summary)
        if compared := summary.get("compared"):
            lines += ["", f"{style}, beside Gatys on {photographs(len(compared['images']))}"]
            lines += rows(report["model"], compared)
            lines += [row(f"Gatys {mark}", losses) for mark, losses in compared["gatys"].items()]
            lines += ["", headline(f"{report['model']} ({style})", compared)]
        lines.append("")
    return "\n".join(lines[:-1])


def rows(model, summary):
    """The lines of a table that every one has."""
    head = "".join(f"{name.replace('_', ' '):>17}" for name in TERMS)
    return [
        f"{'':<20}{head}",
        row("unpainted", summary["unpainted"]),
        row(model, summary["model"]),
    ]


def row(name, losses):
    """One line of a table."""
    return f"{name:<20}" + "".join(f"{losses[term]:>17.3f}" for term in TERMS)


def contact_sheet(judged):
    """The photographs, the model's pictures and Gatys's side by side, a row for each photograph."""
    marks = sorted({mark for one in judged for mark in one.gatys_images or ()})
    titles = ["photograph", "model", *(f"Gatys {mark}" for mark in marks)]
    width, height = SHEET_CELL
    strip = 20
    sheet = Image.new("RGB", (width * len(titles), strip + height * len(judged)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        draw.text((column * width + 6, 4), title, fill="black")
    for line, one in enumerate(judged):
        gatys = [(one.gatys_images or {}).get(mark) for mark in marks]
        for column, image in enumerate([one.photograph, one.painted, *gatys]):
            if image is not None:
                cell = ImageOps.fit(Image.fromarray(image), SHEET_CELL, Image.LANCZOS)
                sheet.paste(cell, (column * width, strip + line * height))
    return sheet
