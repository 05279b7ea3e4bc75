#!/usr/bin/env python3
"""Write the cards in models/README.md, below its marker, and a picture of each model.

    for model in models/*.pb; do ffmpeg-style evaluate $model ... --steady --output reports; done
    python scripts/model_cards.py reports --paintings paintings

The pictures are of photographs that scikit-image ships: `astronaut` (NASA, public domain) and
`chelsea` (Stéfan van der Walt, CC0), at the size that the network saw them. A model for any
painting is shown with some that it was never trained on.
"""

import json
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageOps
from skimage import data

from ffmpeg_style import Engine
from ffmpeg_style._engine import read_card
from ffmpeg_style.files import atomic_write
from ffmpeg_style.learning.report import MARKS

MODELS = Path(__file__).resolve().parents[1] / "models"
MARKER = "<!-- What follows is written by scripts/model_cards.py. -->\n"
QUALITY = 80
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
UNSEEN = (
    "andre-derain_charing-cross-bridge",
    "vincent-van-gogh_pshenichnoe-pole-s-kiparisami-1889",
    "gustav-klimt_the-kiss",
    "isfahan-tile-mosaic-anonymous_mihrab",
)
"""Paintings that the base network's training left out (models/base/left-out.txt)."""


@click.command()
@click.argument("reports", type=FOLDER)
@click.option("--paintings", type=FOLDER, help="A folder that has those of UNSEEN.")
def main(reports, paintings):
    """Write the cards from the REPORTS of `ffmpeg-style evaluate --output`.

    A model without a report has its card, and no line in the table.
    """
    cards = {path.stem: read_card(path) for path in sorted(MODELS.glob("*.pb"))}
    judged = {name: reports / f"{name}.json" for name in cards}
    found = {name: json.loads(path.read_text()) for name, path in judged.items() if path.exists()}
    pictures = {
        name: after_paintings(name, paintings) if "vector" in card else before_and_after(name, card)
        for name, card in cards.items()
        if paintings or "vector" not in card
    }
    for name, picture in pictures.items():
        with atomic_write(MODELS / f"{name}.jpg") as file:
            picture.save(file, "JPEG", quality=QUALITY)
    readme = MODELS / "README.md"
    kept = readme.read_text().split(MARKER)[0]
    steady = {name: reports / f"{name}-steady.json" for name in cards}
    steady = {n: json.loads(path.read_text()) for n, path in steady.items() if path.exists()}
    sections = [totals(found), steadiness(steady), *(section(name, cards[name]) for name in cards)]
    with atomic_write(readme) as file:
        file.write("\n".join([kept + MARKER, *sections]).encode())


def photographs():
    """Two, of 320x256."""
    return data.astronaut()[:256, 64:384], data.chelsea()[20:276, 90:410]


def before_and_after(name, card):
    """Photographs on the left and their paintings on the right, 640 wide."""
    styles = card["styles"]
    pairs = [(style, photograph) for style in styles for photograph in photographs()]
    if len(styles) > 1:  # One of the photographs for each style, and less of it.
        pairs = [
            (style, photograph[40:200])
            for index, (style, photograph) in enumerate(pairs)
            if index % 4 in (0, 3)
        ]
    rows = []
    for style, photograph in pairs:
        with Engine(MODELS / f"{name}.pb", style=style) as engine:
            rows.append(np.hstack([photograph, engine(photograph)]))
    return Image.fromarray(np.vstack(rows))


def after_paintings(name, folder):
    """Paintings on the left, and photographs painted after them on the right, 640 wide."""
    rows = []
    for index, stem in enumerate(UNSEEN):
        (path,) = folder.glob(f"{stem}.*")
        photograph = photographs()[index % 2]
        height, width, _ = photograph.shape
        with Image.open(path) as painting, Engine(MODELS / f"{name}.pb", style=path) as engine:
            beside = ImageOps.fit(painting.convert("RGB"), (width, height))
            rows.append(np.hstack([beside, engine(photograph)]))
    return Image.fromarray(np.vstack(rows))


def totals(reports):
    """The table of all models under all their styles."""
    curves = [curve for summary in all_of(reports) if (curve := gatys(summary))]
    marks = [mark for mark in MARKS if any(str(mark) in curve for curve in curves)]
    head = ["model", "style", "photographs", "content", "style loss", "total", "beside: model"]
    head += [*(f"Gatys {mark}" for mark in marks), "equals iterations"]
    lines = [head, ["---"] * 3 + ["---:"] * (len(head) - 3)]
    for name, report in reports.items():
        for style, summary in report["styles"].items():
            lines.append([f"`{name}`", style, str(report["photographs"]), *numbers(summary, marks)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def steadiness(reports):
    """The table of how steady all models are, each alone and with the filter's ``steady``."""
    head = [
        "model",
        "style",
        "steady",
        "noise gain",
        "pan",
        "warp, by clip",
        "sharpness",
        "contrast",
    ]
    lines = [head, ["---"] * 3 + ["---:"] * (len(head) - 3)]
    for name, report in reports.items():
        for style, painters in report["styles"].items():
            for painter, figures in painters.items():
                used = "default" if painter == "steady" else "0"
                lines.append([f"`{name}`", style, used, *steady_numbers(figures)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n" if reports else ""


def steady_numbers(figures):
    """The columns of a line of that table behind the names."""
    return [
        f"{figures['noise_gain']:.2f}",
        f"{figures['pan']:.4f}",
        ", ".join(f"{value:.4f}" for value in figures["warp"].values()),
        f"{figures['sharpness']:.3f}",
        f"{figures['contrast']:.3f}",
    ]


def all_of(reports):
    """The summaries of every model and style."""
    return [summary for report in reports.values() for summary in report["styles"].values()]


def gatys(summary):
    """The losses of Gatys's optimisation in a summary, by iteration; none if not compared."""
    return summary.get("compared", {}).get("gatys", {})


def numbers(summary, marks):
    """The columns of a table's line behind the names; empty where Gatys was not run so far."""
    model = [f"{summary['model'][term]:.2f}" for term in ("content", "style", "total")]
    if "compared" not in summary:
        return [*model, *[""] * (len(marks) + 2)]
    compared = summary["compared"]
    totals = [compared["model"], *(gatys(summary).get(str(mark)) for mark in marks)]
    equal = compared["equals_iterations"]
    longest = len(compared["gatys_total"]) - 1
    return [
        *model,
        *(f"{losses['total']:.2f}" if losses else "" for losses in totals),
        f"> {longest}" if equal is None else f"{equal:g}",
    ]


def section(name, card):
    """A model's picture, with what it is; how it was trained is in its recipe and on its card."""
    size = (MODELS / f"{name}.pb").stat().st_size / 1e3
    left, right = ("Paintings", "after them") if "vector" in card else ("Photographs", name)
    return (
        f"## {name}\n\n![{left} on the left, {right} on the right]({name}.jpg)\n\n"
        f"`{card['architecture']}`, width {card['width']}, {card['norm']} norm; "
        f"{', '.join(card['styles'])}; {size:.0f} kB; {card['licence']}; "
        f"[recipe](recipes/{name}.toml).\n"
    )


if __name__ == "__main__":
    main()
