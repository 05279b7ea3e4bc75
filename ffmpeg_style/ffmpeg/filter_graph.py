"""The styletransfer filter as text for ffmpeg's ``-vf``, whatever its options hold."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from ffmpeg_style.catalog import find_model

Style = str | int | PathLike[str] | Mapping[str | int | PathLike[str], float] | None


@dataclass(frozen=True)
class Painting:
    """What paints: a model and the options of the filter, which the engine has too.

    Attributes:
        model: path or name of a model, see `find_model`.
        options: by name; those that are None are left to the defaults.
    """

    model: str | PathLike[str]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """As a filter, see `filter_text`."""
        return filter_text(self.model, **self.options)


def filter_text(model: str | PathLike[str], **options: Any) -> str:
    """The filter with its options, such as ``styletransfer=model=/models/wave.pb:strength=0.5``.

    Args:
        model: path or name of a model, see `find_model`.
        options: of the filter, by name; those that are None are left to the filter's defaults.

    Returns:
        str: one filter of a filter graph.

    Raises:
        InputNotFoundError: there is no such model.
    """
    values = {"model": find_model(model), **options}
    values["style"] = style_text(values.get("style"))
    given = (f"{name}={escape(value)}" for name, value in values.items() if value is not None)
    return "styletransfer=" + ":".join(given)


def style_text(style: Style) -> str | None:
    """A style as the filter and the engine read it.

    Args:
        style: a name, an index, a mix such as ``"wave:0.7+scream:0.3"``, a mapping of styles to
            weights, or None. A picture is a path-like object, or a path in a text, where a
            backslash takes the meaning of what is behind it.

    Returns:
        str, or None for None.
    """
    if isinstance(style, Mapping):
        return "+".join(f"{style_text(name)}:{weight:f}" for name, weight in style.items())
    if isinstance(style, PathLike):
        # With its folder it can't be taken for the name of a style.
        path = os.path.join(os.path.dirname(style) or ".", os.path.basename(style))
        return re.sub(r"([\\+:])", r"\\\1", path)
    return None if style is None else str(style)


def escape(value: object) -> str:
    """A value as it is written for one option of a filter.

    ffmpeg takes the text apart twice, and each time removes a level of escapes: first the graph
    into filters, at ``[],;``, then the filter into options, at ``:``.
    """
    option = re.sub(r"([\\':\s])", r"\\\1", str(value))
    return re.sub(r"([\\'\[\],;\s])", r"\\\1", option)
