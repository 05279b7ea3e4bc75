"""The files that were dropped on the page, and their paintings, in a folder of their own."""

import io
import logging
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ffmpeg_style import Engine, pictures
from ffmpeg_style.catalog import list_models
from ffmpeg_style.errors import InputError, InputNotFoundError, StyleError
from ffmpeg_style.ffmpeg.executors import planned
from ffmpeg_style.ffmpeg.plan import decoder_of
from ffmpeg_style.ffmpeg.stylize import stylize
from ffmpeg_style.files import short_name
from ffmpeg_style.painting import check_painting, painting_names

SHOWN_SIDE = 960
"""Pixels of the longer side of a still on the page."""
THUMBNAIL_SIDE = 320
"""The same of a model's, as small as its strokes are seen."""
_NUMBERS = ("strength", "steady")
_WORDS = ("style", "colors")
_STILLS = 8
"""That are kept of a file."""

logger = logging.getLogger(__name__)


@dataclass
class _File:
    path: Path
    is_still: bool
    seconds: float | None
    stills: dict[float, np.ndarray] = field(default_factory=dict)


@dataclass
class _Painting:
    target: Path
    frames: int = 0
    total: int | None = None
    state: str = "painting"
    error: str = ""


class Desk:
    """Files, and what is painted of them.

    Args:
        folder: to keep them in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._paintings: dict[str, _Painting] = {}
        self._lock = threading.Lock()  # one engine at a time: each takes the whole processor
        self._engine: Any = None
        self._engine_model: str | None = None
        self._count = 0

    def models(self) -> list[dict[str, Any]]:
        """Those that can be used: name, styles, and whether it is one for any painting."""
        return [
            {
                "name": model.name,
                "styles": model.styles,
                "any": not model.paints_alone,
            }
            for model in list_models()
            if model.error is None
        ]

    def new_path(self, name: str) -> Path:
        """Where a file that comes is to be written; its name tells its kind."""
        with self._lock:
            self._count += 1
            folder = self._folder / str(self._count)
        folder.mkdir()
        plain = re.sub(r"[^\w. -]", "_", Path(name.replace("\0", "")).name)
        return folder / (short_name(plain).strip(". ") or "file")

    def add(self, path: Path) -> dict[str, Any]:
        """Take a file that has come.

        Raises:
            InputError: it is no photograph and no video that can be read.
        """
        try:
            found = self._looked_at(path)
        except StyleError as error:
            path.unlink()
            raise InputError(str(error).replace(f"{path.parent}/", "")) from error
        number = path.parent.name
        self._files[number] = found
        kind = "photograph" if found.is_still else "video"
        return {"id": number, "name": path.name, "kind": kind, "seconds": found.seconds}

    def _looked_at(self, path):
        if not path.stat().st_size:
            raise InputError(f"{path} is empty; expected a photograph or a video")
        if pictures.kind_of(path)[1] == 1:
            pictures.check_picture(path)
            return _File(path, True, None)

        def look(executor):
            source = executor.probe(path)
            decoder_of(source.video, path, executor.abilities)
            return source

        _, source = planned(look)
        return _File(path, False, source.duration)

    def still(self, number: str, second: float) -> bytes:
        """A still of a file as JPEG, as large as it is shown.

        Raises:
            InputError: there is no frame at that second.
            InputNotFoundError: there is no such file.
        """
        return _jpeg(self._pixels(number, second))

    def painted_still(self, number: str, second: float, options: Mapping[str, Any]) -> bytes:
        """The same, painted.

        Args:
            number: of the file.
            second: of a video.
            options: "model", and those of the painting, as texts; "painting" is the number of a
                picture whose style is taken.
        """
        pixels = self._pixels(number, second)
        model, settings = self._checked(options)
        with self._lock:
            engine = self._engine_of(model)
            engine.style = settings.get("style")
            engine.strength = settings.get("strength", 1.0)
            engine.colors = settings.get("colors", "style")
            painted = engine(pixels)
        return _jpeg(painted)

    def thumbnail(self, number: str, model: str) -> bytes:
        """The begin of a file, small, as a model paints it by itself; JPEG."""
        pixels = _fitted(self._pixels(number, 0.0), THUMBNAIL_SIDE)
        model, _ = self._checked({"model": model})
        with self._lock, Engine(model) as engine:
            return _jpeg(engine(pixels))

    def _engine_of(self, model):
        if self._engine_model != model:
            if self._engine is not None:
                self._engine.close()
            self._engine_model = self._engine = None
            self._engine = Engine(model)
            self._engine_model = model
        return self._engine

    def _pixels(self, number, second):
        file = self._file(number)
        key = 0.0 if file.is_still else round(second, 2)
        still = file.stills.get(key)
        if still is None:
            still = self._read(file, key)
            if len(file.stills) >= _STILLS:
                file.stills.clear()
            file.stills[key] = still
        return still

    def _read(self, file, second):
        if file.is_still:
            picture = pictures.read_picture(file.path).pixels
        else:
            # Strength 0 is the source as the painting will see it: upright, whole, SDR.
            how = dict(start=second, strength=0, progress=False)
            with tempfile.TemporaryDirectory(dir=file.path.parent) as folder:
                target = stylize(file.path, Path(folder, "still.png"), **how)
                picture = pictures.read_picture(target).pixels
        return _fitted(picture, SHOWN_SIDE)

    def begin(self, number: str, options: Mapping[str, Any]) -> str:
        """Begin to paint all of a file; returns the painting's number."""
        file = self._file(number)
        model, settings = self._checked(options)
        with self._lock:
            self._count += 1
            name = str(self._count)
        folder = self._folder / name
        folder.mkdir()
        names = painting_names(model, settings.get("style"))
        label = short_name("-".join([file.path.stem, *names]))
        painting = _Painting(folder / f"{label}{_suffix(file)}")
        self._paintings[name] = painting
        work = (file.path, painting, model, settings)
        threading.Thread(target=self._paint, args=work, daemon=True).start()
        return name

    def _paint(self, source, painting, model, settings):
        def report(frames, total):
            painting.frames, painting.total = frames, total

        try:
            stylize(source, painting.target, model, **settings, progress=report)
            painting.state = "done"
        except StyleError as error:
            told = str(error).replace(f"{source.parent}/", "")
            painting.error = told.replace(f"{painting.target.parent}/", "")
        except Exception:
            logger.exception("painting %s failed", source.name)
            painting.error = "an error of the program, which the terminal shows"
        finally:
            if painting.state != "done":
                painting.state = "failed"

    def progress(self, number: str) -> dict[str, Any]:
        """How far a painting is."""
        painting = self._paintings.get(number)
        if painting is None:
            raise InputNotFoundError(f"there is no painting {number}")
        values = {name: getattr(painting, name) for name in ("frames", "total", "state", "error")}
        return values | {"name": painting.target.name}

    def painting(self, number: str) -> Path:
        """The file of a painting that is done.

        Raises:
            InputNotFoundError: there is none.
        """
        painting = self._paintings.get(number)
        if painting is None or painting.state != "done":
            raise InputNotFoundError(f"there is no painting {number}")
        return painting.target

    def _checked(self, options):
        """A model's name and the options of its painting, from texts."""
        given: dict[str, Any] = {name: str(options[name]) for name in _WORDS if options.get(name)}
        for name in _NUMBERS:
            if options.get(name) not in (None, ""):
                try:
                    given[name] = float(options[name])
                except (TypeError, ValueError, OverflowError):
                    raise InputError(f"{name} is {options[name]!r}; expected a number") from None
        if options.get("painting"):
            given["style"] = self._file(str(options["painting"])).path
        model = str(options.get("model", ""))
        entries = {entry.name: entry for entry in list_models()}
        if model not in entries:
            raise InputNotFoundError(f"no model {model!r}")
        # The page names no paths of this machine: a picture comes as a file that was dropped.
        is_any = entries[model].error is None and not entries[model].paints_alone
        if is_any and not options.get("painting"):
            raise InputError("expected a picture of a painting; drop one first")
        check_painting(model, **given)
        return model, given

    def _file(self, number):
        if number not in self._files:
            raise InputNotFoundError("that file is not here any more; drop it again")
        return self._files[number]


def _suffix(file):
    if file.is_still:
        known = file.path.suffix.lower()
        return known if known in pictures.SUFFIXES else ".jpg"
    return ".mp4"


def _fitted(pixels, side):
    """A picture of that longer side, or as it is where it is smaller."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
