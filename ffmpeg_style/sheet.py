"""A contact sheet of the models: what each of their styles makes of one photograph."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ffmpeg_style.catalog import Model, list_models
from ffmpeg_style.errors import InputNotFoundError
from ffmpeg_style.files import atomic_write
from ffmpeg_style.pictures import Picture, check_picture_target, read_rgb
from ffmpeg_style.progress import progress_bar

CELL = 480
"""Width of each picture in pixels: they are painted at the size that is shown."""

MOST_COLUMNS = 4
CAPTION = 28
GAP = 4
"""Pixels below each picture, and between two."""

LEAST_SIDE, MOST_SIDE = 16, 2 * CELL
"""Of the height that the photograph is shown at: what models take, and what is not cut off."""


def contact_sheet(
    photograph: str | PathLike[str],
    models: Sequence[Model] | None = None,
    progress: bool | None = None,
) -> Image.Image:
    """One picture of a photograph and of what the models make of it, each with its name.

    Args:
        photograph: a file that Pillow reads.
        models: those to show, in this order, with each of their styles; None for all that
            `catalog.list_models` finds and that can paint by themselves: a model for any painting
            has no style of its own.
        progress: show a bar; None for a bar on a terminal and lines elsewhere.

    Returns:
        PIL.Image.Image: of mode RGB, up to `MOST_COLUMNS` pictures of `CELL` pixels wide.

    Raises:
        InputNotFoundError: there is no such photograph, or no model.
        InputError: it is no readable picture.
        ModelError: a model that was asked for can't be used.
    """
    shown = shown_at(photograph)
    if models is None:
        models = [model for model in list_models() if model.paints_alone]
    styles = [
        (model, style) for model in models if not model.card.get("vector") for style in names(model)
    ]
    if not styles:
        raise InputNotFoundError("expected models to show, found none with a style of its own")
    cells = [("the photograph", shown)]
    for model, style in progress_bar(styles, desc="models", unit="picture", progress=progress):
        caption = f"{model.name}: {style}" if len(names(model)) > 1 else model.name
        cells.append((caption, painted(model, style, shown)))
    return arranged(cells)


def write_sheet(
    photograph: str | PathLike[str],
    target: str | PathLike[str],
    models: Sequence[Model] | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write the `contact_sheet` of a photograph as a picture of the kind that its suffix says.

    Raises:
        InputError: the target's suffix is of no kind that is written, or it exists and nobody said
            ``overwrite``; or see `contact_sheet`.
    """
    target = Path(target)
    check_picture_target(target, overwrite, Path(photograph))
    sheet = contact_sheet(photograph, models)
    with atomic_write(target) as file:
        Picture(np.asarray(sheet)).write(file, target.suffix)


def shown_at(photograph):
    """The photograph as uint8 ``[H,CELL,3]``."""
    image = read_rgb(Path(photograph), CELL)
    height = round(image.height * CELL / image.width)
    size = (CELL, min(max(height, LEAST_SIDE), MOST_SIDE))
    return np.asarray(ImageOps.fit(image, size, Image.Resampling.LANCZOS))


def names(model):
    """The styles on a model's card; None alone for a graph of others, which may have none."""
    return model.styles or [None]


def painted(model, style, photograph):
    """The photograph in one style of a model."""
    from ffmpeg_style._engine import Engine

    with Engine(model.path, style, requests=1) as engine:
        return engine(photograph)


def arranged(cells):
    """Pictures ``[H,CELL,3]`` of one height with their captions, in rows."""
    height = cells[0][1].shape[0]
    columns = min(MOST_COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    step = (CELL + GAP, height + CAPTION)
    sheet = Image.new("RGB", (columns * step[0] - GAP, rows * step[1]), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    for number, (caption, pixels) in enumerate(cells):
        left, top = number % columns * step[0], number // columns * step[1]
        sheet.paste(Image.fromarray(pixels), (left, top))
        draw.text((left + 2, top + height + 4), caption, fill="black", font=font)
    return sheet
