"""A contact sheet of the models: what each of their styles makes of one photograph."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ffmpeg_style.catalog import ANY_MODEL, Model, list_models
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.files import atomic_write, short_name
from ffmpeg_style.pictures import Picture, check_picture, check_picture_target, read_rgb
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
    pictures: Sequence[str | PathLike[str]] = (),
    progress: bool | None = None,
) -> Image.Image:
    """One picture of a photograph and of what the models make of it, each with its name.

    Args:
        photograph: a file that Pillow reads.
        models: those to show, in this order, with each of their styles; None for all that
            `catalog.list_models` finds.
        pictures: of paintings, for the models that have no style of their own and paint after any;
            without one, those are left out.
        progress: show a bar; None for a bar on a terminal and lines elsewhere.

    Returns:
        PIL.Image.Image: of mode RGB, up to `MOST_COLUMNS` pictures of `CELL` pixels wide.

    Raises:
        InputNotFoundError: there is no such photograph, or no model.
        InputError: it or a painting is no readable picture, or no model takes the paintings.
        ModelError: a model that was asked for can't be used.
    """
    shown = shown_at(photograph)
    if models is None:
        models = [model for model in list_models() if model.error is None]
    styles = [(model, style) for model in models for style in styles_of(model, pictures)]
    if pictures and all(model.paints_alone for model in models):
        raise InputError(
            "expected a model for any painting for pictures as styles, "
            f"such as {ANY_MODEL}; found {', '.join(model.name for model in models)}"
        )
    if not styles:
        raise InputNotFoundError(
            "expected models to show, found none with a style of its own; "
            "one for any painting shows pictures: --style painting.jpg"
        )
    cells = [("the photograph", shown)]
    for model, style in progress_bar(styles, desc="models", unit="picture", progress=progress):
        cells.append((caption(model, style), painted(model, style, shown)))
    return arranged(cells)


def write_sheet(
    photograph: str | PathLike[str],
    target: str | PathLike[str] | None = None,
    models: Sequence[Model] | None = None,
    pictures: Sequence[str | PathLike[str]] = (),
    *,
    overwrite: bool = False,
) -> Path:
    """Write the `contact_sheet` of a photograph as a picture of the kind that its suffix says.

    Returns:
        pathlib.Path: the target; photo-sheet.jpg beside photo.jpg where none is given.

    Raises:
        InputError: the target's suffix is of no kind that is written, or it exists and nobody said
            ``overwrite``; or see `contact_sheet`.
    """
    read = [Path(picture) for picture in (photograph, *pictures)]
    for picture in read:
        check_picture(picture)
    target = read[0].with_name(f"{read[0].stem}-sheet.jpg") if target is None else Path(target)
    check_picture_target(target, overwrite, *read)
    sheet = contact_sheet(photograph, models, pictures)
    with atomic_write(target) as file:
        Picture(np.asarray(sheet)).write(file, target.suffix)
    return target


def shown_at(photograph):
    """The photograph as uint8 ``[H,CELL,3]``."""
    image = read_rgb(Path(photograph), CELL)
    height = round(image.height * CELL / image.width)
    size = (CELL, min(max(height, LEAST_SIDE), MOST_SIDE))
    return np.asarray(ImageOps.fit(image, size, Image.Resampling.LANCZOS))


def styles_of(model, pictures):
    """The styles on a model's card, None alone where it has none; or pictures of paintings."""
    if model.card.get("vector"):
        return list(map(Path, pictures))
    return model.styles or [None]


def caption(model, style):
    """What tells a picture from the others."""
    if isinstance(style, Path):
        return f"{model.name}: {short_name(style.stem)}"
    return f"{model.name}: {style}" if len(model.styles) > 1 else model.name


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
