"""The models that are there: found by name, and listed with their cards."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ffmpeg_style.errors import InputNotFoundError, InputTypeError, StyleError
from ffmpeg_style.folders import project_folder

VARIABLE = "FFMPEG_STYLE_MODELS"
SUFFIX = ".pb"
DEFAULT_MODEL = "wave-fast"
"""Of those who have not chosen one."""
ANY_MODEL = "any"
"""The one for any painting."""


@dataclass(frozen=True)
class Model:
    """A model that is there.

    Attributes:
        name: what `find_model` finds it by.
        path: of the frozen graph.
        card: what is known of it: "styles", "architecture", "trained", "licence"; empty when the
            graph has none.
        error: why it can't be used, None for a good one.
    """

    name: str
    path: Path
    card: dict[str, Any]
    error: str | None = None

    @property
    def styles(self) -> list[str]:
        """The names of its styles; empty where its card tells none."""
        styles = self.card.get("styles")
        return [str(name) for name in styles] if isinstance(styles, list) else []

    @property
    def paints_alone(self) -> bool:
        """Whether it can be used as it is; one for any painting needs a picture of one."""
        return self.error is None and not self.card.get("vector")


def model_folders() -> list[Path]:
    """Where models are looked for: folders in ``$FFMPEG_STYLE_MODELS``, then the shipped ones."""
    chosen = os.environ.get(VARIABLE, "").split(os.pathsep)
    return [*(Path(folder) for folder in chosen if folder), project_folder("models")]


def find_model(model: str | os.PathLike[str]) -> Path:
    """The path of a model.

    Args:
        model: path of a frozen graph; or a name: "wave" for ``wave.pb`` in one of `model_folders`.

    Returns:
        pathlib.Path: it exists.

    Raises:
        InputNotFoundError: there is no such model; the message lists those that are there.
    """
    try:
        text = os.fsdecode(model)
    except TypeError:
        raise InputTypeError(
            f"expected the name or the path of a model, found {type(model).__name__}"
        ) from None
    path = Path(text)
    is_name = text == path.name
    file_name = text if path.suffix == SUFFIX else text + SUFFIX
    candidates = [folder / file_name for folder in model_folders() if is_name]
    # A path that says that it is one comes before a name.
    candidates.insert(0 if path.suffix == SUFFIX else len(candidates), path)
    for candidate in candidates:
        if text and os.path.exists(candidate):
            return candidate
    raise InputNotFoundError(
        f"no model {text!r}: expected the path of a frozen graph (.pb), "
        f"or one of the names {', '.join(sorted(_paths_by_name())) or '(there are none)'}"
    )


def list_models() -> list[Model]:
    """The models in `model_folders` by name: a list of `Model`.

    Their cards are read without TensorFlow, in milliseconds.
    """
    return [_read(name, path) for name, path in sorted(_paths_by_name().items())]


def read_model(model: str | os.PathLike[str]) -> Model:
    """A `Model` by its name or its path, as `find_model` takes them.

    Raises:
        InputNotFoundError: there is no such model.
    """
    path = find_model(model)
    return _read(path.stem, path)


def _paths_by_name():
    paths = {}
    for folder in model_folders():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            paths.setdefault(path.stem, path)
    return paths


def _read(name, path):
    from ffmpeg_style._engine import read_card

    try:
        return Model(name, path, read_card(path))
    except StyleError as error:
        return Model(name, path, {}, str(error))
