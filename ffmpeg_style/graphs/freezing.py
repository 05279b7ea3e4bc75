"""Frozen graphs of networks that are kept in other ways: weights become constants of one file."""

from pathlib import Path

import tensorflow as tf
from google.protobuf import text_format
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ffmpeg_style.errors import InputError
from ffmpeg_style.files import atomic_write
from ffmpeg_style.graphs.kinds import KERAS, check_kind

tf1 = tf.compat.v1

TRAINING = ("save", "restore", "Assign", "NoOp")
"""How the names or the operations begin of what a graph of TensorFlow 1 has beside the network."""


def freeze(source: Path, target: Path, output: str | None = None) -> None:
    """Write a network as a frozen graph, whose kinds of operations are looked at when it is opened.

    Args:
        source: a SavedModel's folder or its saved_model.pb, a Keras model (.keras or .h5), the
            .meta of a checkpoint, or a graph as text.
        target: is replaced.
        output: the op that gives the picture; needed for a checkpoint that has several.

    Raises:
        InputError: it is none of these, or can't be read.
    """
    check_kind(source)
    try:
        graph = _graph_of(source, output)
    except InputError:
        raise
    except Exception as error:  # TensorFlow and Keras have dozens of kinds for a damaged file
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"expected a network in {source}, found none to read: {reason}") from error
    with atomic_write(target) as file:
        file.write(graph.SerializeToString())


def _graph_of(source, output):
    if source.name == "saved_model.pb":
        source = source.parent
    if source.is_dir():
        return _graph_of_saved_model(source)
    if source.suffix in KERAS:
        return _graph_of_keras(source)
    if source.suffix == ".meta":
        return _graph_of_checkpoint(source, output)
    return text_format.Parse(source.read_text(), tf1.GraphDef())


def _graph_of_saved_model(folder):
    loaded = tf.saved_model.load(str(folder))
    if not loaded.signatures:
        raise InputError(f"expected a signature in {folder}, found none; save it with one")
    name = "serving_default"
    signatures = dict(loaded.signatures)
    return _constant(signatures.get(name) or next(iter(signatures.values())))


def _graph_of_keras(path):
    import keras

    network = keras.models.load_model(path, compile=False)
    (image,) = network.inputs
    call = tf.function(lambda frame: network(frame, training=False))
    spec = tf.TensorSpec([1, *image.shape[1:]], image.dtype, name="image")
    return _constant(call.get_concrete_function(spec))


def _constant(function):
    return convert_variables_to_constants_v2(function).graph.as_graph_def()


def _graph_of_checkpoint(path, output):
    with tf.Graph().as_default() as graph, tf1.Session() as session:
        saver = tf1.train.import_meta_graph(str(path))
        saver.restore(session, str(path.with_suffix("")))
        output = output or _only_end(graph, path)
        definition = graph.as_graph_def()
        return tf1.graph_util.convert_variables_to_constants(session, definition, [output])


def _only_end(graph, path):
    """The one op that nothing takes."""
    taken = {tensor.op.name for op in graph.get_operations() for tensor in op.inputs}
    ends = [
        op.name
        for op in graph.get_operations()
        if op.outputs
        and op.name not in taken
        and not op.name.startswith(TRAINING)
        and not op.type.startswith(TRAINING)
    ]
    if len(ends) != 1:
        named = ", ".join(ends[:9]) or "none"
        raise InputError(
            f"expected one output in {path}, found {named}; choose one by --output-node"
        )
    return ends[0]
