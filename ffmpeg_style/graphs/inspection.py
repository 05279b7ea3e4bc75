"""What is in a frozen graph, and whether it is one of this project (see `learning.export`)."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ffmpeg_style.errors import InputError
from ffmpeg_style.graphs.card import card_faults, card_lines
from ffmpeg_style.graphs.frozen_graph import (
    ALLOWED_OPS,
    FRAME,
    STYLE_WEIGHTS,
    STYLED,
    GraphRunner,
    constants,
    import_graph,
    read_card,
    read_graph,
)

TRIED_SIZES = ((16, 16), (17, 39), (50, 31))
"""Heights and widths that a graph is run at: the smallest, and such as fit no stride."""


class Inspection(NamedTuple):
    """What is in a graph.

    Attributes:
        card: JSON values on the model card, or None.
        signature: type and shape of the inputs and of ``styled``, by name.
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
    """Look into a frozen graph.

    Args:
        path: of the ``.pb``.
        width: of the frames to count multiply-adds for.
        height: of these frames.

    Returns:
        `Inspection`.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is no graph.
    """
    graph = read_graph(path)
    card = read_card(graph)
    faults = [*op_faults(graph), *card_faults(card)]
    signature, multiply_adds = {}, None
    if not op_faults(graph):
        try:
            imported = import_graph(graph)
            signature = find_signature(imported)
            multiply_adds = count_multiply_adds(graph, width, height)
            faults += signature_faults(imported, card) or run_faults(graph)
        except InputError as error:
            faults.append(str(error))
    return Inspection(
        card=card,
        signature=signature,
        ops=dict(Counter(node.op for node in graph.node).most_common()),
        weights=sum(v.size for v in constants(graph).values() if v.dtype.kind == "f"),
        size=(width, height),
        multiply_adds=multiply_adds,
        faults=faults,
    )


def op_faults(graph):
    """Ops that have no business in a style network."""
    counts = Counter(node.op for node in graph.node if node.op not in ALLOWED_OPS)
    faults = [f"expected feed-forward ops alone, found {n} {op}" for op, n in counts.items()]
    if graph.library.function:
        faults.append(f"expected no functions, found {len(graph.library.function)}")
    return faults


def find_signature(graph):
    """Type and shape of the placeholders and of ``styled``, by name."""
    return {
        op.name: [op.outputs[0].dtype.name, shape_text(op.outputs[0].shape)]
        for op in graph.get_operations()
        if op.type.startswith("Placeholder") or op.name == STYLED
    }


def shape_text(shape):
    """A shape as ``[1,?,?,3]``."""
    if shape.rank is None:
        return "any shape"
    return f"[{','.join('?' if size is None else str(size) for size in shape)}]"


def signature_faults(graph, card):
    """What is wrong with a graph's inputs and outputs."""
    image = (tf.uint8, [1, None, None, 3])
    styles = len(card["styles"]) if card and isinstance(card.get("styles"), list) else 1
    faults = [tensor_fault(graph, FRAME, "Placeholder", *image)]
    faults += [tensor_fault(graph, STYLED, None, *image)]
    if styles > 1:
        weights = (STYLE_WEIGHTS, "PlaceholderWithDefault", tf.float32, [styles])
        faults += [tensor_fault(graph, *weights) or default_fault(graph)]
    others = [
        op.name
        for op in graph.get_operations()
        if op.type.startswith("Placeholder")
        and op.name != FRAME
        and (op.name != STYLE_WEIGHTS or styles == 1)
    ]
    faults += [f"expected no further input, found {name}" for name in others]
    return [fault for fault in faults if fault]


def tensor_fault(graph, name, kind, dtype, shape):
    """What is wrong with the op ``name`` and its output, or None."""
    expected = (
        f"expected {name}, {kind or 'an op'} of {dtype.name} {shape_text(tf.TensorShape(shape))}"
    )
    operations = {op.name: op for op in graph.get_operations()}
    if name not in operations:
        return f"{expected}, found no op of that name"
    op = operations[name]
    if not op.outputs:
        return f"{expected}, found an op without output"
    tensor = op.outputs[0]
    fits = tensor.shape.rank is None or tensor.shape.is_compatible_with(shape)
    if (kind and op.type != kind) or tensor.dtype != dtype or not fits:
        return f"{expected}, found {op.type} of {tensor.dtype.name} {shape_text(tensor.shape)}"
    return None


def default_fault(graph):
    """Whether the default of ``style_weights`` is another mix than style 0, as a fault or None."""
    default = tf.get_static_value(graph.get_operation_by_name(STYLE_WEIGHTS).inputs[0])
    if default is not None and default[0] == 1 and not default[1:].any():
        return None
    return f"expected style 0 as the default of {STYLE_WEIGHTS}, found {default}"


def count_multiply_adds(graph, width, height):
    """Multiply-adds for one frame, or None where TensorFlow cannot tell the shapes."""
    sized = type(graph).FromString(graph.SerializeToString())
    for node in sized.node:
        if node.op == "Placeholder":
            shape = tf.TensorShape([1, height, width, 3])
            node.attr["shape"].shape.CopyFrom(shape.as_proto())
        node.attr.pop("_output_shapes", None)
    try:
        operations = import_graph(sized).get_operations()
        return sum(multiply_adds_of(op) for op in operations)
    except (InputError, TypeError):  # TypeError: a size is None.
        return None


def multiply_adds_of(op):
    """Multiply-adds of an op: those of convolutions and matrix products, 0 for all others."""
    if op.type == "MatMul":
        inner = op.inputs[0].shape[0 if op.get_attr("transpose_a") else 1]
        return op.outputs[0].shape.num_elements() * inner
    if op.type in ("Conv2D", "DepthwiseConv2dNative"):
        height, width, channels, _ = op.inputs[1].shape
        depth = channels if op.type == "Conv2D" else 1
        return op.outputs[0].shape.num_elements() * height * width * depth
    if op.type == "Conv2DBackpropInput":
        height, width, channels, _ = op.inputs[1].shape
        return op.inputs[2].shape.num_elements() * height * width * channels
    return 0


def run_faults(graph):
    """What goes wrong when the graph paints small frames of odd sizes."""
    runner = GraphRunner(graph)
    for height, width in TRIED_SIZES:
        frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
        try:
            painted = runner(frame)
        except tf.errors.OpError as error:
            reason = str(error.message).splitlines()[0]
            return [f"expected a picture of a frame of {width}x{height}, found: {reason}"]
        if painted.shape != frame.shape:
            found = "x".join(str(size) for size in painted.shape[1::-1])
            return [f"expected a picture of {width}x{height} of such a frame, found {found}"]
    return []


def describe(inspection):
    """An `Inspection` as text for a terminal."""
    lines = [*card_lines(inspection.card or {}), ""]
    lines += [f"{name:<15}{dtype} {shape}" for name, (dtype, shape) in inspection.signature.items()]
    lines.append("")
    lines += [f"{count:>5} {op}" for op, count in inspection.ops.items()]
    width, height = inspection.size
    count = inspection.multiply_adds
    count = "unknown" if count is None else f"{count / 1e9:.3f} G"
    lines += ["", f"weights        {inspection.weights:,}"]
    lines += [f"multiply-adds  {count} at {width}x{height}", ""]
    lines += [f"broken: {fault}" for fault in inspection.faults] or ["contract kept"]
    return "\n".join(lines)
