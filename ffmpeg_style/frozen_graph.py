"""Frozen graphs (``.pb``) as files: read, looked into and run by TensorFlow."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from ffmpeg_style.errors import InputError, InputNotFoundError

tf1 = tf.compat.v1

CARD = "model_card"


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
        raise InputNotFoundError(f"expected a frozen graph, found no file at {path}")
    except (OSError, DecodeError) as error:
        raise InputError(f"expected a frozen graph (.pb) in {path}, found something else ({error})")
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


def read_card(graph):
    """The JSON values on a graph's ``model_card``, or None when it has none that can be read."""
    for node in graph.node:
        if node.name == CARD and node.op == "Const":
            try:
                card = json.loads(tf.make_ndarray(node.attr["value"].tensor).item())
            except (TypeError, ValueError):
                return None
            return card if isinstance(card, dict) else None
    return None


class GraphRunner:
    """A graph with ``frame`` and ``styled``, ready to paint.

    Args:
        graph: a ``GraphDef``.

    Raises:
        InputError: TensorFlow cannot import it.
    """

    def __init__(self, graph):
        with tf.Graph().as_default() as imported:
            try:
                tf.import_graph_def(graph, name="")
            except (ValueError, tf.errors.OpError) as error:
                reason = str(error).splitlines()[0]
                raise InputError(f"expected a graph TensorFlow can import, found: {reason}")
        self.session = tf1.Session(graph=imported)

    def __call__(self, frame, style_weights=None):
        """Paint a uint8 frame ``[H,W,3]`` RGB; returns one of the same kind.

        ``style_weights`` are the weights of the styles in the mix; by default the first one's.
        """
        feed = {"frame:0": np.asarray(frame)[None]}
        if style_weights is not None:
            feed["style_weights:0"] = style_weights
        return self.session.run("styled:0", feed)[0]
