"""What an evaluation found, as JSON values, as tables and as contact sheets."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from ffmpeg_style.learning.settings import TERMS

MARKS = (25, 50, 100, 200)
"""Iterations of Gatys that the tables name."""

SHEET_CELL = (320, 240)


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


def report_table(report):
    """A report as text for a terminal."""
    lines = []
    for style, summary in report["styles"].items():
        lines += [f"{style}, {photographs(report['photographs'])} {report['width']} wide"]
        lines += first_lines(report["model"], summary)
        if compared := summary.get("compared"):
            lines += ["", f"{style}, beside Gatys on {photographs(len(compared['images']))}"]
            lines += first_lines(report["model"], compared)
            lines += [
                losses_line(f"Gatys {mark}", losses) for mark, losses in compared["gatys"].items()
            ]
            lines += ["", headline(f"{report['model']} ({style})", compared)]
        lines.append("")
    return "\n".join(lines[:-1])


def first_lines(model, summary):
    """The lines of a table that every one has."""
    head = "".join(f"{name.replace('_', ' '):>17}" for name in TERMS)
    return [
        f"{'':<20}{head}",
        losses_line("unpainted", summary["unpainted"]),
        losses_line(model, summary["model"]),
    ]


def losses_line(name, losses):
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
