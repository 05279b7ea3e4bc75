"""Recipes: files that tell, run by run, how models are trained; see ``models/recipes``.

A recipe is TOML with, in this order of doing:

``needs``
    names of recipes beside it, whose work comes first.
``[[crop]]``
    ``image``, ``box`` (left, top, right, bottom in pixels) and ``output``: a part of a painting.
``[defaults]`` and ``[[run]]``
    options of ``ffmpeg-style train`` by their names, with ``_`` for ``-``; ``style`` is a table of
    paintings by name.
``[[export]]``
    ``output``, the model; ``run``, or ``mean`` for the mean of several runs' weights, a table of
    shares; and options of ``ffmpeg-style export``.

Files are those of the folder that it is run in.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.files import atomic_write
from ffmpeg_style.folders import project_folder
from ffmpeg_style.pictures import read_rgb

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SECTIONS = {"needs", "crop", "defaults", "run", "export"}


@dataclass(frozen=True)
class Recipe:
    """What is to be done, in order.

    Attributes:
        path: of the file.
        crops: parts of paintings that are to be made.
        runs: options of ``train`` for each run, defaults included.
        exports: models that are to be written.
    """

    path: Path
    crops: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    exports: list[dict[str, Any]] = field(default_factory=list)


def find_recipe(recipe: str) -> Path:
    """The path of a recipe: of the file of that name, or of the shipped model's."""
    shipped = project_folder("models") / "recipes" / f"{recipe}.toml"
    return shipped if shipped.is_file() and not Path(recipe).exists() else Path(recipe)


def read_recipes(path: str | Path) -> list[Recipe]:
    """A recipe behind all that it needs, each once.

    Raises:
        InputNotFoundError: there is no such file.
        InputError: it is no recipe, or it needs itself.
    """
    found: dict[Path, Recipe] = {}
    _collect(Path(path), found, ())
    return list(found.values())


def _collect(path, found, above):
    if path in above:
        raise InputError(f"expected recipes that end, found that {path} needs itself")
    if path in found:
        return
    values = _read_toml(path)
    for name in values.get("needs", []):
        _collect(path.with_name(f"{name}.toml"), found, (*above, path))
    defaults = values.get("defaults", {})
    runs = [{**defaults, **run} for run in values.get("run", [])]
    found[path] = Recipe(path, values.get("crop", []), runs, values.get("export", []))


def _read_toml(path):
    try:
        values = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise InputNotFoundError(f"expected a recipe, found no file at {path}") from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"expected a recipe in {path}, found no TOML ({error})") from None
    unknown = values.keys() - SECTIONS
    if unknown or not values.keys() & {"run", "export"}:
        raise InputError(
            f"expected a recipe of {', '.join(sorted(SECTIONS))} in {path}, found "
            f"{', '.join(sorted(unknown)) or 'no run'}"
        )
    for section in ("crop", "run", "export"):
        entries = values.get(section, [])
        if not all(isinstance(entry, dict) and "output" in entry for entry in entries):
            raise InputError(f"expected an output in each [[{section}]] of {path}, found none")
    return values


def arguments(options: dict[str, Any]) -> list[str]:
    """Options by name as arguments of a command line."""
    words = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, dict):
            words += [word for key, item in value.items() for word in (flag, f"{key}={item}")]
        elif isinstance(value, list):
            words += [word for item in value for word in (flag, str(item))]
        else:
            words += [flag, str(value)]
    return words


def crop(image: str, box: list[int], output: str) -> None:
    """Write a part of a picture.

    Args:
        image: path of the whole.
        box: left, top, right and bottom in pixels.
        output: path of the part.

    Raises:
        StyleError: there is no such picture, or it has no such part.
    """
    whole = read_rgb(Path(image))
    left, top, right, bottom = box
    if not (0 <= left < right <= whole.width and 0 <= top < bottom <= whole.height):
        raise InputError(
            f"expected {image} to have the part {box}, found it at {whole.width}x{whole.height}"
        )
    kind = Image.registered_extensions()[Path(output).suffix.lower()]
    with atomic_write(output) as file:
        whole.crop((left, top, right, bottom)).save(file, kind)
