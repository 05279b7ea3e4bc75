"""What is in a frozen graph, and whether it is one of this project (see `learning.export`)."""

import math
from collections import Counter
from typing import NamedTuple

import numpy as np

from ffmpeg_style._engine import Engine, op_is_allowed, read_card, read_nodes
from ffmpeg_style.errors import EngineError, ModelError
from ffmpeg_style.graphs.card import (
    FRAME,
    PAINTING,
    PAINTING_VECTOR,
    STYLE_VECTOR,
    STYLE_WEIGHTS,
    STYLED,
    card_faults,
    card_lines,
    titled,
)

TRIED_SIZES = ((16, 16), (17, 39), (50, 31))
"""Heights and widths that a graph is run at: the smallest, and such as fit no stride."""


class Inspection(NamedTuple):
    """What is in a graph.

    Attributes:
        card: JSON values on the model card, or None.
        signature: type and shape of the inputs and outputs, by name.
        ops: counts by type, the most frequent first.
        weights: number of the constants' float values.
        size: width and height the multiply-adds are counted at.
        multiply_adds: of the convolutions and matrix products, or None where a shape is unknown.
        faults: how the contract is broken, a sentence each; none when it is kept.
    """

    card: dict | None
    signature: dict
    ops: dict
    weights: int
    size: tuple
    multiply_adds: int | None
    faults: list


def inspect(path, width=640, height=360):
    """Look into a frozen graph. TensorFlow is loaded only if the engine needs it to run the graph.

    Args:
        path: of the ``.pb``.
        width: of the frames to count multiply-adds for.
        height: of these frames.

    Returns:
        `Inspection`.

    Raises:
        InputNotFoundError: no such file.
        ModelError: the file is no graph, or one that could do more than paint.
        LibraryError: TensorFlow is needed, and there is none.
    """
    card = read_card(path) or None
    nodes = [Node(*node) for node in read_nodes(path)]
    sized = [Node(*node) for node in read_nodes(path, FRAME, (width, height))]
    broken = op_faults(nodes) or signature_faults(nodes, card)
    return Inspection(
        card=card,
        signature={node.name: [node.dtype, shape_text(node.shape)] for node in ports(nodes)},
        ops=dict(Counter(node.op for node in nodes).most_common()),
        weights=sum(count(node) for node in nodes if node.op == "Const" and "float" in node.dtype),
        size=(width, height),
        multiply_adds=count_multiply_adds(sized),
        faults=card_faults(card) + (broken or run_faults(path)),
    )


class Node(NamedTuple):
    """An operation of a graph, as `read_nodes` tells of it."""

    name: str
    op: str
    inputs: list
    dtype: str
    shape: list | None
    values: list | None


def op_faults(nodes):
    """Ops that have no business in a style network."""
    counts = Counter(node.op for node in nodes if not op_is_allowed(node.op))
    return [f"expected feed-forward ops alone, found {n} {op}" for op, n in counts.items()]


def ports(nodes):
    """The placeholders, ``styled`` and ``painting_vector``."""
    outputs = (STYLED, PAINTING_VECTOR)
    return [node for node in nodes if node.op.startswith("Placeholder") or node.name in outputs]


def shape_text(shape):
    """A shape as ``[1,?,?,3]``."""
    if shape is None:
        return "any shape"
    return f"[{','.join('?' if size is None else str(size) for size in shape)}]"


def signature_faults(nodes, card):
    """What is wrong with a graph's inputs and outputs."""
    named = {node.name: node for node in nodes}
    expected = contract(card or {})
    found = {name: tensor_fault(named, name, *what) for name, what in expected.items()}
    if STYLE_WEIGHTS in found and not found[STYLE_WEIGHTS]:
        found[STYLE_WEIGHTS] = default_fault(nodes, named[STYLE_WEIGHTS])
    others = [node.name for node in ports(nodes) if node.name not in expected]
    faults = [*found.values(), *(f"expected no further input, found {name}" for name in others)]
    return [fault for fault in faults if fault]


def contract(card):
    """The kind, type and shape of the inputs and outputs that a model of this card has, by name."""
    image = ("uint8", [1, None, None, 3])
    expected = {FRAME: ("Placeholder", *image), STYLED: (None, *image)}
    styles = card.get("styles")
    if isinstance(styles, list) and len(styles) > 1:
        expected[STYLE_WEIGHTS] = ("PlaceholderWithDefault", "float32", [len(styles)])
    if isinstance(card.get("vector"), int):
        vector = ("float32", [card["vector"]])
        expected[STYLE_VECTOR] = ("PlaceholderWithDefault", *vector)
        expected |= {PAINTING: ("Placeholder", *image), PAINTING_VECTOR: (None, *vector)}
    return expected


def tensor_fault(named, name, kind, dtype, shape):
    """What is wrong with the op ``name`` and its output, or None."""
    expected = f"expected {name}, {kind or 'an op'} of {dtype} {shape_text(shape)}"
    node = named.get(name)
    if node is None:
        return f"{expected}, found no op of that name"
    fits = node.shape is None or (
        len(node.shape) == len(shape)
        and all(a is None or b in (None, a) for a, b in zip(node.shape, shape, strict=True))
    )
    if (kind and node.op != kind) or node.dtype != dtype or not fits:
        return f"{expected}, found {node.op} of {node.dtype} {shape_text(node.shape)}"
    return None


def default_fault(nodes, weights):
    """Whether the default of ``style_weights`` is another mix than style 0, as a fault or None."""
    default = nodes[weights.inputs[0]].values if weights.inputs else None
    if default and default[0] == 1 and not any(default[1:]):
        return None
    return f"expected style 0 as the default of {STYLE_WEIGHTS}, found {default}"


def count(node):
    """The number of values that an op gives; raises TypeError where that is not known."""
    return math.prod(node.shape)


def count_multiply_adds(nodes):
    """Multiply-adds for one frame, or None where a shape is not known."""
    try:
        return sum(multiply_adds_of(node, nodes) for node in painters(nodes))
    except (IndexError, TypeError, ValueError):  # a size is None, or an input is not there
        return None


def painters(nodes):
    """The nodes that a frame goes through: not those that read off a painting what its style is."""
    found = {place for place, node in enumerate(nodes) if node.name == STYLED}
    reached = list(found)
    while reached:
        more = set(nodes[reached.pop()].inputs) - found
        found |= more
        reached += more
    return [nodes[place] for place in sorted(found)]


def multiply_adds_of(node, nodes):
    """Multiply-adds of an op: those of convolutions and matrix products, 0 for all others."""
    inputs = [nodes[place] for place in node.inputs]
    if node.op == "MatMul":
        return count(inputs[0]) * node.shape[1]
    if node.op in ("Conv2D", "DepthwiseConv2dNative"):
        height, width, channels, _ = inputs[1].shape
        depth = channels if node.op == "Conv2D" else 1
        return count(node) * height * width * depth
    if node.op == "Conv2DBackpropInput":
        height, width, channels, _ = inputs[1].shape
        return count(inputs[2]) * height * width * channels
    return 0


def run_faults(path):
    """What goes wrong when the graph paints small frames of odd sizes."""
    try:
        with Engine(path, requests=1) as engine:
            for height, width in TRIED_SIZES:
                size = (height, width, 3)
                engine(np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8))
    except (EngineError, ModelError) as error:
        return [str(error)]
    return []


def describe(inspection):
    """An `Inspection` as text for a terminal."""
    lines = [*card_lines(inspection.card or {}), ""]
    signature = inspection.signature.items()
    lines += [titled(name, f"{dtype} {shape}") for name, (dtype, shape) in signature]
    lines.append("")
    lines += [f"{count:>5} {op}" for op, count in inspection.ops.items()]
    width, height = inspection.size
    count = inspection.multiply_adds
    count = "unknown" if count is None else f"{count / 1e9:.3f} G"
    lines += ["", titled("weights", f"{inspection.weights:,}")]
    lines += [titled("multiply-adds", f"{count} at {width}x{height}"), ""]
    lines += [f"broken: {fault}" for fault in inspection.faults] or ["contract kept"]
    return "\n".join(lines)
