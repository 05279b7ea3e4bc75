"""Frozen graphs (``.pb``) as files: read, looked into and run by TensorFlow."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.graphs.card import CARD

tf1 = tf.compat.v1

FRAME, STYLED, STYLE_WEIGHTS = "frame", "styled", "style_weights"
STYLE_VECTOR, PAINTING, PAINTING_VECTOR = "style_vector", "painting", "painting_vector"
"""Of a graph for any painting."""

ALLOWED_OPS = frozenset(
    """
    Abs AccumulateNV2 Add AddN AddV2 All Any ArgMax ArgMin Atan AvgPool BatchMatMul
    BatchMatMulV2 BatchToSpaceND BiasAdd BroadcastTo Cast Ceil ClipByValue Concat ConcatV2 Const
    Conv2D Conv2DBackpropInput Cos Cumsum DepthToSpace DepthwiseConv2dNative Dequantize Div
    Einsum Elu Equal Erf Exp ExpandDims Expm1 FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
    FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod FusedBatchNorm
    FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual Identity
    IdentityN Inv IsFinite IsInf IsNan L2Loss LRN LeakyRelu Less LessEqual LinSpace Log Log1p
    LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul Max MaxPool Maximum Mean Min Minimum
    MirrorPad Mod Mul Neg NoOp NotEqual OneHot OnesLike Pack Pad PadV2 Placeholder
    PlaceholderWithDefault Pow PreventGradient Prod QuantizeV2 Range Rank RealDiv Reciprocal
    Relu Relu6 Reshape ResizeBicubic ResizeBilinear ResizeNearestNeighbor ReverseV2 Round Rsqrt
    ScatterNd Select SelectV2 Selu Shape ShapeN Sigmoid Sign Sin Size Slice Softmax Softplus
    Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze
    StopGradient StridedSlice Sub Sum Tanh Tile TopKV2 Transpose Unpack ZerosLike
    """.split()  # noqa: SIM905
)
"""What a style network needs, and nothing that could read a file or never end.

The engine has the same list in ``csrc/graph/graphdef.c``.
"""


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


def check_ops(graph):
    """Refuse a graph that could do more than paint.

    Raises:
        InputError: an op that is not among `ALLOWED_OPS`, or a function of the graph's own.
    """
    for node in graph.node:
        if node.op not in ALLOWED_OPS:
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
            reason = str(error).splitlines()[0]
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
