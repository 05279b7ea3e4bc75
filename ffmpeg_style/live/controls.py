"""What can be changed on a painting while it runs: style, strength, colours and steadiness."""

import math
from dataclasses import dataclass, replace

from ffmpeg_style.errors import InputError
from ffmpeg_style.painting import COLORS, STEADY


@dataclass(frozen=True)
class Controls:
    """The runtime options of the filter, as values that were checked.

    Attributes:
        weights: of the model's styles in their order, positive or zero, not all zero.
        strength: 0, the source, to 1, the painting.
        colors: one of `COLORS`, whose colours the painting has.
        steady: 0, each frame is painted by itself, to 1.
        pictures: the style of a model for any painting as the filter reads it, or None; it goes
            before the weights.
    """

    weights: tuple[float, ...] = (1.0,)
    strength: float = 1.0
    colors: str = COLORS[0]
    steady: float = STEADY
    pictures: str | None = None

    def changed(self, request, styles):
        """These controls with what a client asks for.

        Args:
            request: a dict with any of "style" (a name, an index, a mix such as
                "wave:0.7+scream:0.3", or a dict of names and weights), "strength", "colors",
                "steady" and "painting", which says whether the painting stays that was dropped.
            styles: the names of the model's styles.

        Returns:
            Controls: new ones.

        Raises:
            InputError: a name or a value is not one that is expected.
        """
        if not isinstance(request, dict):
            raise InputError("expected an object with style, strength, colors, steady or painting")
        values = {}
        for field, value in request.items():
            if field == "style":
                values["weights"] = _weights(value, styles)
                values.setdefault("pictures", None)
            elif field == "painting":
                values["pictures"] = self._kept(value)
            elif field in ("strength", "steady"):
                values[field] = _number(field, value, 1)
            elif field == "colors":
                values["colors"] = _color(value)
            else:
                raise InputError(
                    f"expected style, strength, colors, steady or painting, found {field[:40]!r}"
                )
        return replace(self, **values)

    def _kept(self, stays):
        if stays is True and self.pictures is None:
            raise InputError("painting: none was dropped; send one to .../painting")
        if not isinstance(stays, bool):
            raise InputError("painting: expected true or false")
        return self.pictures if stays else None

    def filter_options(self):
        """The filter's options as a dict of str: of numbers, known words and own files alone."""
        mix = "+".join(f"{i}:{weight:.3f}" for i, weight in enumerate(self.weights) if weight)
        return {
            "style": self.pictures or mix,
            "strength": f"{self.strength:.3f}",
            "colors": self.colors,
            "steady": f"{self.steady:.3f}",
        }

    def as_json(self, styles):
        """What `changed` would take to make these controls."""
        style = dict(zip(styles, self.weights, strict=True))
        return {
            "style": style,
            "strength": self.strength,
            "colors": self.colors,
            "steady": self.steady,
            "painting": self.pictures is not None,
        }


def initial_controls(styles, style=None, **others):
    """The controls that a stream starts with: by default the model's first style.

    Others are as `Controls.changed` takes them, None for its own default.

    Raises:
        InputError: a value is not one that is expected.
    """
    given = {name: value for name, value in others.items() if value is not None}
    return Controls().changed({"style": style or styles[0], **given}, styles)


def _weights(value, styles):
    mix = _mix(value, styles) if isinstance(value, str) else value
    if not isinstance(mix, dict):
        raise InputError('style: expected a name, or weights such as {"wave": 0.7, "scream": 0.3}')
    for name in mix:
        if name not in styles:
            raise InputError(
                f"style: expected {' or '.join(styles)}, or weights by name, found {name[:40]!r}"
            )
    weights = [_number("a style's weight", mix.get(name, 0), 1) for name in styles]
    # What is sent to the filter has three decimals; a sum of zero there would be refused.
    if sum(round(weight, 3) for weight in weights) == 0:
        raise InputError("style: expected at least one weight of 0.001 or more")
    return tuple(round(weight, 3) for weight in weights)


def _mix(text, styles):
    """A mix as the filter's option has it, "wave:0.7+1:0.3", as a dict of names and weights."""
    mix = {}
    for term in text.split("+"):
        name, colon, weight = (term, "", "1") if term in styles else term.partition(":")
        if name.isdecimal() and name not in styles and int(name) < len(styles):
            name = styles[int(name)]
        try:
            mix[name] = mix.get(name, 0) + (float(weight) if colon else 1)
        except ValueError:
            raise InputError(
                f"style: expected a number after {name[:40]}:, found {weight[:40]!r}"
            ) from None
    return mix


def _number(name, value, maximum):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= maximum:
        raise InputError(f"{name}: expected a number from 0 to {maximum}")
    return float(value)


def _color(value):
    if value not in COLORS:
        raise InputError(f"colors: expected {' or '.join(COLORS)}")
    return value
