"""Frozen graphs (``.pb``) as files: read, looked into and run by TensorFlow."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from ffmpeg_style._engine import op_is_allowed
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.graphs.card import (
    FRAME,
    PAINTING,
    PAINTING_VECTOR,
    STYLE_VECTOR,
    STYLE_WEIGHTS,
    STYLED,
)

tf1 = tf.compat.v1


def read_graph(path):
    """The ``GraphDef`` in a file.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is no frozen graph.
    """
    path = Path(path)
    try:
        graph = tf1.GraphDef.FromString(path.read_bytes())
    except FileNotFoundError:
        raise InputNotFoundError(f"expected a frozen graph, found no file at {path}") from None
    except (OSError, DecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"expected a frozen graph (.pb) in {path}, found something else ({reason})"
        ) from None
    if not graph.node or not all(node.op for node in graph.node):
        raise InputError(f"expected a frozen graph (.pb) in {path}, found no ops in it")
    return graph


def constants(graph):
    """Values of a graph's constants by name."""
    return {
        node.name: tf.make_ndarray(node.attr["value"].tensor)
        for node in graph.node
        if node.op == "Const"
    }


def check_ops(graph):
    """Refuse a graph that could do more than paint.

    Raises:
        InputError: an op that the engine does not run either, or a function of the graph's own.
    """
    for node in graph.node:
        if not op_is_allowed(node.op):
            raise InputError(
                f"expected feed-forward ops alone, found {node.op} in the node {node.name}"
            )
    for function in graph.library.function:
        raise InputError(
            f"expected no functions in the graph, found {function.signature.name}; export it frozen"
        )


def import_graph(graph):
    """Return the ``tf.Graph`` of a ``GraphDef``.

    Raises:
        InputError: forbidden ops, or a graph that TensorFlow cannot import.
    """
    check_ops(graph)
    with tf.Graph().as_default() as imported:
        try:
            tf.import_graph_def(graph, name="")
        except (ValueError, tf.errors.OpError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise InputError(f"expected a graph TensorFlow can import, found: {reason}") from None
    return imported


class GraphRunner:
    """A graph with ``frame`` and ``styled``, ready to paint.

    Args:
        graph: a ``GraphDef``.

    Raises:
        InputError: the graph has not these two, or does not pass `import_graph`.
    """

    def __init__(self, graph):
        imported = import_graph(graph)
        names = {node.name for node in graph.node}
        for name in (FRAME, STYLED):
            if name not in names:
                raise InputError(f"expected a graph with {FRAME} and {STYLED}, found no {name}")
        self.session = tf1.Session(graph=imported)

    def __call__(self, frame, style_weights=None, style_vector=None):
        """Paint a uint8 frame ``[H,W,3]`` RGB; returns one of the same kind.

        Args:
            frame: the picture.
            style_weights: weights of the styles in the mix; by default the first one's.
            style_vector: what `painting_vector` gave, for a graph for any painting.
        """
        feed = {f"{FRAME}:0": np.asarray(frame)[None]}
        if style_weights is not None:
            feed[f"{STYLE_WEIGHTS}:0"] = style_weights
        if style_vector is not None:
            feed[f"{STYLE_VECTOR}:0"] = style_vector
        return self.session.run(f"{STYLED}:0", feed)[0]

    def painting_vector(self, painting):
        """The style vector ``[V]`` of a painting, uint8 ``[h,w,3]``; see `STYLE_VECTOR`."""
        feed = {f"{PAINTING}:0": np.asarray(painting)[None]}
        return self.session.run(f"{PAINTING_VECTOR}:0", feed)
