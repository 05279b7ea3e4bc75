"""Networks kept in other ways: said what they are, and frozen by the command that is named."""

import re
import shlex
import subprocess
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers import graphs

from ffmpeg_style import Engine
from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError, ModelError

tf1 = tf.compat.v1
FRAME = np.random.default_rng(0).integers(0, 256, (32, 40, 3), dtype=np.uint8)


def network():
    """What `graphs.float_graph` has in its middle, as a Keras model of 0..255."""
    blur = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)
    model = keras.Sequential([keras.Input((None, None, 3)), blur])
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    blur.set_weights([np.repeat(kernel[:, :, None, None], 3, 2)])
    return model


def saved_model(path):
    network().export(path)
    return path


def keras_file(path):
    network().save(path)
    return path


def checkpoint(path):
    with tf.Graph().as_default(), tf1.Session() as session:
        image = tf1.placeholder(tf.float32, [1, None, None, 3], "image")
        kernel = tf1.get_variable("kernel", initializer=graphs.style_kernel(0), use_resource=False)
        tf.identity(tf.nn.conv2d(image, kernel, 1, "SAME"), name="painted")
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(session, str(path))
    return path.with_name(f"{path.name}.meta")


def text(path):
    graph = tf1.GraphDef.FromString(graphs.float_graph(path, "255").read_bytes())
    path.write_text(str(graph))
    return path


FROZEN = {
    "saved": (saved_model, "SavedModel"),
    "model.keras": (keras_file, "a Keras model,"),
    "model.h5": (keras_file, "a Keras model in HDF5"),
    "model.ckpt": (checkpoint, "the graph of a checkpoint"),
    "model.pbtxt": (text, "a graph as text"),
}


@pytest.mark.parametrize("name", FROZEN)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_named_is_frozen_by_the_command_that_is_named(tmp_path, monkeypatch, name):
    make, words = FROZEN[name]
    monkeypatch.chdir(tmp_path)
    source = make(tmp_path / name)
    with pytest.raises(ModelError, match=words) as refusal:
        Engine(source.relative_to(tmp_path))
    command = shlex.split(re.search(r"freeze it by: ffmpeg-style (.*)", str(refusal.value))[1])
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    with Engine("model.pb", strength=1, range="255") as engine:
        painted = engine(FRAME)
    assert painted.shape == FRAME.shape and 10 < painted.std() < FRAME.std()
    assert CliRunner().invoke(main, command).exit_code == 2, "it is there already"


def test_others_are_named_with_what_makes_a_graph_of_them(tmp_path):
    files = {
        "model.onnx": (b"\x08\x07\x12\x07pytorch", ["an ONNX model", "onnx2tf -i"]),
        "model.tflite": (b"\x1c\0\0\0TFL3" + bytes(9), ["a TensorFlow Lite model", "converted"]),
        "model.pth": (None, ["a model of PyTorch", "ONNX"]),
    }
    for name, (content, words) in files.items():
        path = tmp_path / name
        if content:
            path.write_bytes(content)
        else:
            with zipfile.ZipFile(path, "w") as file:
                file.writestr("archive/data.pkl", b"")
        with pytest.raises(ModelError) as refusal:
            Engine(path)
        assert all(word in str(refusal.value) for word in words)


def test_the_filter_says_the_same(ffmpeg, tmp_path):
    path = keras_file(tmp_path / "model.h5")
    with pytest.raises(ModelError) as refusal:
        Engine(path)
    source = ("-f", "lavfi", "-i", f"color,styletransfer={path}")
    command = [ffmpeg, "-v", "error", *source, "-f", "null", "-"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert str(refusal.value) in result.stderr


@pytest.mark.parametrize("name", ["model.keras", "model.meta", "model.pbtxt", "model.xyz"])
def test_damaged_ones_are_told_in_a_line(tmp_path, name):
    from ffmpeg_style.graphs.freezing import freeze

    (tmp_path / name).write_bytes(b"\x01 nonsense")
    with pytest.raises(InputError, match=re.escape(name)) as refusal:
        freeze(tmp_path / name, tmp_path / "out.pb")
    assert "\n" not in str(refusal.value) and not (tmp_path / "out.pb").exists()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("model.pbtxt", "model.pbtxt"),
        ("folder", "folder/saved_model.pb"),
        ("model.meta", "model.index"),
    ],
)
def test_no_network_is_frozen_over_itself(tmp_path, source, target):
    """Said before TensorFlow is loaded."""
    (tmp_path / "folder").mkdir()
    for name in {source, target} - {"folder"}:
        (tmp_path / name).write_bytes(b"good")
    result = CliRunner().invoke(
        main, ["freeze", str(tmp_path / source), str(tmp_path / target), "-y"]
    )
    assert result.exit_code == 2 and "is the source itself" in result.output
    assert (tmp_path / target).read_bytes() == b"good"


def test_an_error_without_words_is_told_by_its_name(tmp_path, monkeypatch):
    from ffmpeg_style.graphs import freezing

    def fail(*arguments):
        raise NotImplementedError

    monkeypatch.setattr(freezing, "_graph_of", fail)
    with pytest.raises(InputError, match="NotImplementedError"):
        freezing.freeze(tmp_path / "a.keras", tmp_path / "out.pb")


def test_a_checkpoint_of_several_outputs_asks_for_one(tmp_path):
    from ffmpeg_style.graphs.freezing import freeze

    with tf.Graph().as_default(), tf1.Session() as session:
        image = tf1.placeholder(tf.float32, [1, None, None, 3], "image")
        shift = tf1.get_variable("shift", initializer=1.0, use_resource=False)
        tf.identity(image + shift, name="painted")
        tf.identity(image - shift, name="loss")
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(session, str(tmp_path / "two"))
    with pytest.raises(InputError, match=r"painted, loss; choose one by --output-node"):
        freeze(tmp_path / "two.meta", tmp_path / "out.pb")
    freeze(tmp_path / "two.meta", tmp_path / "out.pb", "painted")
    assert Engine(tmp_path / "out.pb").name == "out"
