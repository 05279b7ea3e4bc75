"""Small frozen graphs for the tests: the project's own kind, others' graphs, and ones to refuse.

Every function writes one file and returns its path. Nothing here is trained: a 3x3 convolution
stands for the network, so that a graph takes milliseconds and still depends on every pixel's
neighbours.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1

# What a frame of range (low, high) becomes: (value - low) / (high - low) is 0..1.
RANGES = {"1": (0.0, 1.0), "255": (0.0, 255.0), "signed": (-1.0, 1.0)}


def style_kernel(index: int) -> np.ndarray:
    """The kernel [3, 3, 3, 3] of style `index`: a blur with the channels turned by `index` + 1."""
    blur = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    turn = np.roll(np.eye(3, dtype=np.float32), index + 1, axis=1)
    return blur[:, :, None, None] * turn


def save(graph: tf.Graph, path: str | Path) -> Path:
    """Writes the graph to `path` as a serialised GraphDef."""
    path = Path(path)
    path.write_bytes(graph.as_graph_def(add_shapes=False).SerializeToString())
    return path


def paint(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """The stand-in for a network: a convolution of the reflected image, the same size."""
    padded = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    return tf.nn.conv2d(padded, kernel, 1, "VALID")


def contract_graph(
    path: str | Path,
    styles: Sequence[str] = ("wave",),
    *,
    half: bool = False,
    card: bool = True,
) -> Path:
    """A graph as this project exports it: `frame`, `styled`, `style_weights`, `model_card`.

    Args:
        path: where to write it.
        styles: names of the styles; `style_weights` is there when there are several.
        half: whether the kernels are stored as float16 and cast, which halves a file.
        card: whether the graph holds a model card.
    """
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.uint8, [1, None, None, 3], name="frame")
        kernels = np.stack([style_kernel(i) for i in range(len(styles))])
        if half:
            kernels = tf.cast(tf.constant(kernels, tf.float16), tf.float32)
        if len(styles) > 1:
            first = np.eye(len(styles), dtype=np.float32)[0]
            weights = tf1.placeholder_with_default(first, [len(styles)], name="style_weights")
            mixed = tf.reshape(weights, [1, -1]) @ tf.reshape(kernels, [len(styles), -1])
            kernel = tf.reshape(mixed, [3, 3, 3, 3])
        else:
            kernel = kernels[0]
        painted = paint(tf.cast(frame, tf.float32), kernel)
        painted = tf.minimum(tf.maximum(tf.round(painted), 0.0), 255.0)
        tf.cast(painted, tf.uint8, name="styled")
        if card:
            content = {
                "format": "ffmpeg-style/1",
                "name": "-".join(styles),
                "architecture": "test",
                "styles": list(styles),
                "trained": {"steps": 0, "weights": {}, "data": []},
                "licence": "CC0-1.0",
            }
            tf.constant(json.dumps(content), name="model_card")
    return save(graph, path)


def any_graph(path: str | Path) -> Path:
    """A graph for any painting: to each pixel it adds the mean colour, less 100, of a corner.

    That corner is the upper left one of the painting as it is shown to the graph, its short side of
    512 pixels.
    """
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.uint8, [1, None, None, 3], name="frame")
        vector = tf1.placeholder_with_default(np.zeros(3, np.float32), [3], name="style_vector")
        painted = paint(tf.cast(frame, tf.float32), style_kernel(2)) + vector
        painted = tf.minimum(tf.maximum(tf.round(painted), 0.0), 255.0)
        tf.cast(painted, tf.uint8, name="styled")
        painting = tf1.placeholder(tf.uint8, [1, None, None, 3], name="painting")
        corner = tf.cast(painting, tf.float32)[:, :256, :256]
        mean = tf.reduce_mean(corner, axis=[1, 2])
        tf.reshape(mean - 100.0, [-1], name="painting_vector")
        content = {
            "format": "ffmpeg-style/1",
            "name": "any",
            "architecture": "test",
            "styles": ["any"],
            "vector": 3,
            "trained": {"steps": 0, "weights": {}, "data": []},
            "licence": "CC0-1.0",
        }
        tf.constant(json.dumps(content), name="model_card")
    return save(graph, path)


def float_graph(
    path: str | Path,
    value_range: str = "1",
    *,
    input_name: str = "image",
    output_name: str = "painted",
    size: tuple[int | None, int | None] = (None, None),
    clipped: bool = True,
    distractors: bool = False,
) -> Path:
    """A graph that someone else made: float32 `[1, H, W, 3]` in and out, no card.

    Args:
        path: where to write it.
        value_range: a key of RANGES: what the values of both images lie in.
        input_name: the placeholder's name.
        output_name: the last operation's name.
        size: (height, width), for a graph of fixed size.
        clipped: whether the last operations clip to the range, which shows it to a reader.
        distractors: whether to add a second placeholder and sink, so that names are needed.
    """
    low, high = RANGES[value_range]
    with tf.Graph().as_default() as graph:
        image = tf1.placeholder(tf.float32, [None, *size, 3], name=input_name)
        painted = paint(image, style_kernel(0))
        if clipped:
            painted = tf.clip_by_value(painted, low, high)
        tf.identity(painted, name=output_name)
        if distractors:
            tf.identity(tf1.placeholder(tf.float32, [1, None, None, 3], name="mask"), name="extra")
    return save(graph, path)


def wide_graph(path: str | Path, channels: int = 64) -> Path:
    """A contract graph whose convolutions have many channels, as a network for bfloat16 has."""
    rng = np.random.default_rng(0)
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.uint8, [1, None, None, 3], name="frame")
        x = tf.cast(frame, tf.float32) / 255
        for index, (fan_in, fan_out) in enumerate(
            [(3, channels), (channels, channels), (channels, channels), (channels, 3)]
        ):
            kernel = rng.normal(0, (9 * fan_in) ** -0.5, (3, 3, fan_in, fan_out))
            x = paint(x, kernel.astype(np.float32))
            if index < 3:
                x = tf.nn.relu(x)
        x = tf.round(tf.clip_by_value(tf.sigmoid(x) * 255, 0, 255))
        tf.cast(x, tf.uint8, name="styled")
    return save(graph, path)


def foreign_graph(path: str | Path, kind: str) -> Path:
    """A float32 graph of one style or several, with something that this project's graphs lack.

    Args:
        path: where to write it.
        kind: "channels_first" for `[1, 3, H, W]` in and out; "mixed_ranges" for 0..255 in and 0..1
            out; "weights" for a placeholder of the styles' weights; "number" for one of a style's
            number; "leftovers" for nodes of training and a second image that nothing takes;
            "variable" for weights in a variable; "unfed" for a placeholder that chooses no style.
    """
    with tf.Graph().as_default() as graph:
        first = kind == "channels_first"
        shape = [1, 3, None, None] if first else [1, None, None, 3]
        image = tf1.placeholder(tf.float32, shape, "image")
        pixels = tf.transpose(image, [0, 2, 3, 1]) if first else image
        kernels = np.stack([style_kernel(i) for i in range(3)])
        kernel = kernels[0]
        if kind == "weights":
            weights = tf1.placeholder(tf.float32, [3], name="mix")
            kernel = tf.einsum("s,shwio->hwio", weights, kernels)
        elif kind == "number":
            kernel = tf.gather(kernels, tf1.placeholder(tf.int32, [], name="number"))
        elif kind == "variable":
            kernel = tf1.get_variable("kernel", initializer=kernels[0], use_resource=False)
        painted = paint(pixels, kernel)
        if kind == "mixed_ranges":
            painted = tf.clip_by_value(painted / 255, 0.0, 1.0)
        elif kind == "unfed":
            is_training = tf1.placeholder(tf.bool, [], name="is_training")
            painted *= 1 + tf.cast(is_training, tf.float32)
        elif kind == "leftovers":
            tf1.placeholder(tf.float32, [1, None, None, 3], name="target")
            tf.random.normal([3], name="noise")
        tf.identity(tf.transpose(painted, [0, 3, 1, 2]) if first else painted, name="painted")
    return save(graph, path)


def bomb(
    path: Path, op: str, *inputs: np.generic, shape: Sequence[int] = (), **counts: int
) -> Path:
    """A contract graph whose output depends on a node that asks for more than there is."""
    graph_def = tf1.GraphDef.FromString(contract_graph(path).read_bytes())
    node = graph_def.node.add(op=op, name="bomb")
    node.attr["T"].type = node.attr["dtype"].type = tf.float32.as_datatype_enum
    for name, count in counts.items():
        node.attr[name].i = count
        node.input.append("frame")
    if op == "Const":
        tensor = node.attr["value"].tensor
        tensor.dtype = tf.float32.as_datatype_enum
        tensor.float_val.append(0)
        tensor.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    for index, value in enumerate(inputs):
        constant = graph_def.node.add(op="Const", name=f"input{index}")
        constant.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        node.input.append(constant.name)
    next(node for node in graph_def.node if node.name == "styled").input.append("^bomb")
    path.write_bytes(graph_def.SerializeToString())
    return path


def _image_graph(path: Path, shape: Sequence[int | None], dtype: tf.DType = tf.uint8) -> Path:
    """A graph whose input has another shape or type than an image's."""
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(dtype, shape, name="frame")
        tf.identity(frame, name="styled")
    return save(graph, path)


def _output_graph(path: Path, change: Callable[[tf.Tensor], tf.Tensor]) -> Path:
    """A graph whose output has another shape or type than an image's."""
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.uint8, [1, None, None, 3], name="frame")
        tf.identity(change(frame), name="styled")
    return save(graph, path)


def _with_node(path: Path, op: str, name: str = "intruder") -> Path:
    """A contract graph with one more node, of an operation that has no business in it."""
    graph_def = tf1.GraphDef.FromString(contract_graph(path).read_bytes())
    node = graph_def.node.add(op=op, name=name)
    if op in ("ReadFile", "WriteFile", "Save"):
        graph_def.node.add(op="Const", name="path").attr["value"].tensor.CopyFrom(
            tf.make_tensor_proto("/tmp/never")
        )
        graph_def.node[-1].attr["dtype"].type = tf.string.as_datatype_enum
        node.input.extend(["path"] * {"ReadFile": 1, "WriteFile": 2, "Save": 3}[op])
    path.write_bytes(graph_def.SerializeToString())
    return path


def _without_placeholder(path: Path) -> Path:
    with tf.Graph().as_default() as graph:
        tf.identity(tf.zeros([1, 16, 16, 3]), name="painted")
    return save(graph, path)


def _without_styled(path: Path) -> Path:
    graph_def = tf1.GraphDef.FromString(contract_graph(path).read_bytes())
    graph_def.node.remove(next(node for node in graph_def.node if node.name == "styled"))
    path.write_bytes(graph_def.SerializeToString())
    return path


def _without_tensor(path: Path, name: str) -> Path:
    """A contract graph in which an operation that gives nothing has one of the contract's names."""
    graph_def = tf1.GraphDef.FromString(contract_graph(path).read_bytes())
    for node in graph_def.node:
        if node.name == name:
            node.name = "renamed"
        node.input[:] = ["renamed" if source == name else source for source in node.input]
    graph_def.node.add(op="NoOp", name=name)
    path.write_bytes(graph_def.SerializeToString())
    return path


def _with_function(path: Path) -> Path:
    graph_def = tf1.GraphDef.FromString(contract_graph(path).read_bytes())
    graph_def.library.function.add().signature.name = "called_back"
    path.write_bytes(graph_def.SerializeToString())
    return path


def _nodeless(path: Path) -> Path:
    graph_def = tf1.GraphDef()
    graph_def.versions.producer = 1
    path.write_bytes(graph_def.SerializeToString())
    return path


def _loop(path: Path) -> Path:
    """Two nodes that feed each other: a graph that never ends."""
    graph_def = tf1.GraphDef.FromString(contract_graph(path).read_bytes())
    for name, source in [("chicken", "egg"), ("egg", "chicken")]:
        node = graph_def.node.add(op="Identity", name=name)
        node.attr["T"].type = tf.float32.as_datatype_enum
        node.input.append(source)
    path.write_bytes(graph_def.SerializeToString())
    return path


def _saved_model(path: Path) -> Path:
    """The folder of a SavedModel, as `model=` gets it by mistake."""
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"\x08\x01")
    (path / "variables").mkdir()
    return path


def _saved_model_file(path: Path) -> Path:
    """The saved_model.pb of a SavedModel: a protobuf, but not a GraphDef."""
    meta = tf1.MetaGraphDef()
    meta.graph_def.ParseFromString(contract_graph(path).read_bytes())
    # SavedModel { saved_model_schema_version = 1; meta_graphs = 2; }, written by hand
    body = meta.SerializeToString()
    size, varint = len(body), b""
    while size > 0x7F:
        varint, size = varint + bytes([size & 0x7F | 0x80]), size >> 7
    path.write_bytes(b"\x08\x01\x12" + varint + bytes([size]) + body)
    return path


def _bytes(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def _wide_window(path):
    def blur(image):
        return tf.nn.avg_pool2d(tf.cast(image, tf.float32), 2**30, 1, "SAME")

    return _output_graph(path, lambda image: tf.cast(blur(image), tf.uint8))


def _blow_up(image):
    kernel = tf.fill([1, 1, 3, 2**24], 0.1)
    return tf.nn.conv2d(image, kernel, 1, "SAME")[..., :3]


def _pad(image):
    wide = [[0, 0], [0, 2**15], [2**15, 0], [0, 0]]
    padded = tf.nn.conv2d(image, np.eye(3, dtype="f4")[None, None], 1, wide)
    return padded[:, : tf.shape(image)[1], -tf.shape(image)[2] :]


def _for_each_pair(operation):
    def add(image):
        column, row = (tf.reshape(image, shape) for shape in ([1, -1, 1], [1, 1, -1]))
        return image + tf.reduce_sum(tf.cast(operation(column, row), tf.float32))

    return add


# What makes more of an image of floats than machines hold, each in a few kB.
BLOWN_UP = {
    "channels": _blow_up,
    "padding": _pad,
    "product": _for_each_pair(tf.matmul),
    "comparison": _for_each_pair(tf.greater),
    "choice": _for_each_pair(lambda column, row: tf.where(True, column, row)),
}


def blown_up_graph(path: str | Path, kind: str) -> Path:
    """A graph with one of BLOWN_UP."""
    blow_up = BLOWN_UP[kind]
    return _output_graph(
        Path(path), lambda image: tf.cast(blow_up(tf.cast(image, tf.float32)), tf.uint8)
    )


class Bad(NamedTuple):
    """A file to refuse: what writes it, and words that the refusal must hold."""

    write: Callable[[Path], Path]
    words: Sequence[str]


FORBIDDEN_OPS = ("ReadFile", "WriteFile", "PyFunc", "DebugIdentity", "Abort", "Save", "While")
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde"

# Operations, each with constants that make more of little than machines hold, and how much.
LARGE = [
    ("Fill", (np.int32([2**17, 2**17]), np.float32(0)), "68.7 GB"),
    ("GatherNd", (np.zeros([1, 2**12], "f4"), np.zeros([2**12, 2**12, 0], "i4")), "274.9 GB"),
    ("LinSpace", (np.float32(0), np.float32(1), np.int64(2**40)), "4398.0 GB"),
    ("OneHot", (np.zeros(16, "i4"), np.int32(2**30), np.float32(1), np.float32(0)), "68.7 GB"),
    ("ScatterNd", (np.int64([[0]]), np.float32([0]), np.int64([2**34])), "68.7 GB"),
    (
        "SpaceToBatchND",
        (np.zeros([1, 1, 1, 1], "f4"), np.int32([1]), np.int32([[0, 2**30]])),
        "4.3 GB",
    ),
    ("Tile", (np.float32([[0]]), np.int32([2**20, 2**20])), "4398.0 GB"),
]

BAD: dict[str, Bad] = {
    "missing": Bad(lambda path: path, ["No such file"]),
    "empty": Bad(_bytes(b""), ["empty"]),
    "png": Bad(_bytes(PNG), ["frozen"]),
    "zeros": Bad(_bytes(bytes(1000)), ["frozen"]),
    "text": Bad(_bytes(b'node { name: "frame" op: "Placeholder" }\n'), ["frozen"]),
    "nodeless": Bad(_nodeless, ["no node"]),
    "saved_model_folder": Bad(_saved_model, ["SavedModel", "ffmpeg-style freeze"]),
    "saved_model_file": Bad(_saved_model_file, ["SavedModel"]),
    "function_library": Bad(_with_function, ["function", "called_back"]),
    "loop": Bad(_loop, []),
    "no_placeholder": Bad(_without_placeholder, ["Placeholder"]),
    "two_placeholders": Bad(lambda p: float_graph(p, distractors=True), ["image", "mask", "input"]),
    "no_styled": Bad(_without_styled, ["styled"]),
    "wide_window": Bad(_wide_window, ["AvgPool", "window", "1024"]),
    "wide_block": Bad(lambda p: bomb(p, "DepthToSpace", block_size=2**20), ["bomb", "1048576"]),
    **{
        f"empty_{name}": Bad(lambda path, name=name: _without_tensor(path, name), [name, "NoOp"])
        for name in ("frame", "styled", "style_weights")
    },
    "int32": Bad(lambda p: _image_graph(p, [1, None, None, 3], tf.int32), ["frame", "int32"]),
    "rank_3": Bad(lambda p: _image_graph(p, [None, None, 3]), ["frame", "[?,?,3]"]),
    "1_channel": Bad(lambda p: _image_graph(p, [1, None, None, 1]), ["frame", "[1,?,?,1]"]),
    "4_channels": Bad(lambda p: _image_graph(p, [1, None, None, 4]), ["frame", "[1,?,?,4]"]),
    "batch_of_2": Bad(lambda p: _image_graph(p, [2, None, None, 3]), ["frame", "[2,?,?,3]"]),
    "not_frozen": Bad(lambda p: foreign_graph(p, "variable"), ["variables", "kernel", "freeze"]),
    "unfed": Bad(lambda p: foreign_graph(p, "unfed"), ["is_training", "bool"]),
    "count_of_inputs": Bad(lambda p: bomb(p, "Pack", N=2**31 - 1), ["bomb", "2147483647 inputs"]),
    "count_of_outputs": Bad(lambda p: bomb(p, "Split", num_split=10**8), ["bomb", "outputs"]),
    "constant": Bad(lambda p: bomb(p, "Const", shape=[2**18, 2**20]), ["bomb", "1099.5 GB"]),
    "larger_constant": Bad(lambda p: bomb(p, "Const", shape=[2**31, 2**31]), ["bomb", "larger"]),
    **{
        op: Bad(lambda path, op=op, inputs=inputs: bomb(path, op, *inputs), ["bomb", size])
        for op, inputs, size in LARGE
    },
    "output_type": Bad(
        lambda p: _output_graph(p, lambda x: tf.cast(x, tf.int32)), ["styled", "int32"]
    ),
    "output_rank": Bad(lambda p: _output_graph(p, lambda x: x[0]), ["styled", "[?,?,3]"]),
    "output_channels": Bad(lambda p: _output_graph(p, lambda x: x[..., :1]), ["styled", "1]"]),
    **{op: Bad(lambda path, op=op: _with_node(path, op), [op, "intruder"]) for op in FORBIDDEN_OPS},
}

# Accepted at opening, refused with the first frame: only then is the output's size known.
WRONG_SIZE = Bad(lambda p: _output_graph(p, lambda x: x[:, 1:]), ["styled"])


def truncations(path: str | Path, folder: str | Path, count: int = 20) -> list[Path]:
    """Writes `count` copies of the file at `path`, each cut at another byte."""
    content = Path(path).read_bytes()
    cuts = [round(len(content) * index / count) for index in range(count)]
    paths = []
    for cut in cuts:
        paths.append(Path(folder) / f"cut-{cut:05}.pb")
        paths[-1].write_bytes(content[:cut])
    return paths


def run_graph(path: str | Path, frame: np.ndarray, weights: Sequence[float] | None = None):
    """What a plain TensorFlow session makes of a uint8 frame [H, W, 3] with a contract graph."""
    graph_def = tf1.GraphDef.FromString(Path(path).read_bytes())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    feed = {"frame:0": frame[None]}
    if weights is not None:
        feed["style_weights:0"] = weights
    with tf1.Session(graph=graph) as session:
        return session.run("styled:0", feed)[0]
