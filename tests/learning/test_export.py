"""Exported graphs against the networks they were made of."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers.networks import untrained

from ffmpeg_style._engine import read_card
from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError
from ffmpeg_style.graphs.frozen_graph import GraphRunner, constants, read_graph
from ffmpeg_style.learning.export import export, write_graph
from ffmpeg_style.learning.networks import set_weight_values, weight_values
from ffmpeg_style.learning.weights import load_network, read_network

SIZES = [(16, 16), (16, 17), (19, 16), (18, 23), (33, 21), (40, 64), (61, 47), (96, 130)]
SIZES += [(240, 319), (359, 641)]
TOLERANCE = 2  # of 255
MODELS = Path(__file__).resolve().parents[2] / "models"


def frames():
    """Ten frames of different sizes, smooth and noisy, and a black, a white and a grey one."""
    random = np.random.default_rng(3)
    for index, (height, width) in enumerate(SIZES):
        coarse = random.uniform(0, 255, (index + 2, index + 3, 3)).astype("float32")
        smooth = tf.image.resize(coarse, (height, width), "bicubic").numpy().clip(0, 255)
        noise = random.uniform(-20, 20, smooth.shape) * (index % 2)
        yield (smooth + noise).clip(0, 255).astype("uint8")
    for level in (0, 255, 99):
        yield np.full((33, 47, 3), level, "uint8")


def by_keras(network, frame, mix):
    """The picture of a network in 0..255, not rounded."""
    inputs = frame[None].astype("float32"), np.asarray([mix], "float32")
    return keras.ops.convert_to_numpy(network(inputs))[0].clip(0, 255)


@pytest.mark.parametrize("architecture", ["johnson", "fast"])
@pytest.mark.parametrize(
    ("styles", "norm"),
    [(("a",), "instance"), (("a", "b", "c"), "instance"), (("a",), "batch")],
    ids=["one", "three", "batch-norm"],
)
def test_graph_paints_as_the_network(architecture, styles, norm, tmp_path):
    network = untrained(architecture, styles, norm)
    export(network, tmp_path / "model.pb")
    runner = GraphRunner(read_graph(tmp_path / "model.pb"))
    for index, frame in enumerate(frames()):
        mix = np.eye(len(styles), dtype="float32")[index % len(styles)]
        painted = runner(frame, mix if len(styles) > 1 else None)
        assert painted.shape == frame.shape
        assert painted.dtype == np.uint8
        assert np.abs(painted - by_keras(network, frame, mix)).max() <= TOLERANCE
        assert np.ptp(frame) == 0 or painted.std() > 1, "a flat picture would prove nothing"


@pytest.mark.parametrize("name", ["wave", "wave-fast"])
def test_shipped_graph_paints_as_the_network(name):
    path = MODELS / f"{name}.pb"
    network, runner = load_network(path), GraphRunner(read_graph(path))
    for frame in frames():
        assert np.abs(runner(frame) - by_keras(network, frame, [1])).max() <= TOLERANCE


def test_mixes_of_styles(tmp_path):
    network = untrained("fast", ("a", "b"))
    export(network, tmp_path / "model.pb")
    runner = GraphRunner(read_graph(tmp_path / "model.pb"))
    frame = list(frames())[6]
    np.testing.assert_array_equal(runner(frame), runner(frame, [1, 0]))
    for mix in ([0.5, 0.5], [0.25, 0.75]):
        painted = runner(frame, mix)
        assert np.abs(painted - by_keras(network, frame, mix)).max() <= TOLERANCE
    assert (runner(frame, [1, 0]) != runner(frame, [0, 1])).any()


def test_one_style_cut_out_of_many(tmp_path):
    network = untrained("fast", ("a", "b", "c"))
    card = export(network, tmp_path / "b.pb", styles=["b"])
    assert card["styles"] == ["b"]
    graph = read_graph(tmp_path / "b.pb")
    assert not {node.name for node in graph.node} & {"style_weights"}
    frame = list(frames())[5]
    painted = GraphRunner(graph)(frame)
    assert np.abs(painted - by_keras(network, frame, [0, 1, 0])).max() <= TOLERANCE

    export(network, tmp_path / "ca.pb", styles=["c", "a"])
    painted = GraphRunner(read_graph(tmp_path / "ca.pb"))(frame)
    assert np.abs(painted - by_keras(network, frame, [0, 0, 1])).max() <= TOLERANCE


def test_nothing_of_training_is_left(tmp_path):
    export(untrained("johnson"), tmp_path / "model.pb")
    graph = read_graph(tmp_path / "model.pb")
    ops = [node.op for node in graph.node]
    assert ops.count("FusedBatchNormV3") == 15
    assert ops.count("Conv2DBackpropInput") == 2
    assert ops.count("Placeholder") == 1
    assert not graph.library.function
    export(untrained("johnson", norm="batch"), tmp_path / "batch.pb")
    ops = [node.op for node in read_graph(tmp_path / "batch.pb").node]
    assert "FusedBatchNormV3" not in ops
    assert ops.count("BiasAdd") == 16


def test_card(tmp_path):
    trained = {"steps": 12, "weights": {"content": 5.0}, "data": "six photographs"}
    export(
        untrained("fast", ("wave",)),
        tmp_path / "x.pb",
        name="La vague à Kanagawa",
        trained=trained,
        licence="CC0-1.0",
    )
    assert read_card(tmp_path / "x.pb") == {
        "format": "ffmpeg-style/1",
        "name": "La vague à Kanagawa",
        "architecture": "fast",
        "styles": ["wave"],
        "width": 8,
        "norm": "instance",
        "trained": trained,
        "licence": "CC0-1.0",
    }


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_weights_come_back(norm, tmp_path):
    network = untrained("johnson", norm=norm)
    export(network, tmp_path / "model.pb")
    again = load_network(tmp_path / "model.pb")
    frame = list(frames())[5]
    painted = GraphRunner(read_graph(tmp_path / "model.pb"))(frame)
    assert np.abs(painted - by_keras(again, frame, [1])).max() <= TOLERANCE
    export(again, tmp_path / "again.pb", name="model")
    assert_same_picture(tmp_path / "model.pb", tmp_path / "again.pb", frame, most=1)


def assert_same_picture(path, other, frame, most):
    """Two graphs paint a frame alike, but for ``most`` levels of 255."""
    first, second = (GraphRunner(read_graph(p))(frame) for p in (path, other))
    assert np.abs(first.astype(int) - second).max() <= most


def test_weights_of_many_styles_come_back_exactly(tmp_path):
    network = untrained("fast", ("a", "b"))
    export(network, tmp_path / "model.pb")
    settings, weights = read_network(tmp_path / "model.pb")[:2]
    assert settings == network.settings
    stored_half = constants(read_graph(tmp_path / "model.pb"))["conv1/conv/kernel"].dtype == "f2"
    for name, value in weight_values(network).items():
        half = stored_half and name.endswith("kernel")
        expected = value.astype("float16") if half else value
        np.testing.assert_array_equal(weights[name], expected.astype("float32"), err_msg=name)
    export(load_network(tmp_path / "model.pb"), tmp_path / "again.pb", name="model")
    assert (tmp_path / "again.pb").read_bytes() == (tmp_path / "model.pb").read_bytes()


def test_half_floats_only_where_the_picture_stays(tmp_path):
    network = untrained("fast")
    card = {"styles": ["a"]}
    sizes = [
        len(write_graph(network, weight_values(network), card, dtype).SerializeToString())
        for dtype in ("float32", "float16")
    ]
    assert sizes[1] < 0.7 * sizes[0]

    # Instance norm takes out any factor of a kernel; half floats cannot hold this one.
    values = weight_values(network)
    values["conv1/conv/kernel"] = values["conv1/conv/kernel"] * 1e6
    set_weight_values(network, values)
    export(network, tmp_path / "model.pb")
    stored = constants(read_graph(tmp_path / "model.pb"))["conv1/conv/kernel"]
    assert stored.dtype == np.float32
    frame = list(frames())[5]
    painted = GraphRunner(read_graph(tmp_path / "model.pb"))(frame)
    assert np.abs(painted - by_keras(network, frame, [1])).max() <= TOLERANCE


def test_refusals_leave_the_file_as_it_was(tmp_path):
    path = tmp_path / "model.pb"
    path.write_bytes(b"good")
    network = untrained("fast", ("a", "b"))
    with pytest.raises(InputError, match="exists already"):
        export(network, path)
    replacing = dict(overwrite=True)
    for styles in (["c"], ["a", "a"]):
        with pytest.raises(InputError, match="a, b"):
            export(network, path, styles=styles, **replacing)
    values = weight_values(network)
    values["output/conv/bias"][0] = np.nan
    set_weight_values(network, values)
    with pytest.raises(InputError, match="output/conv/bias"):
        export(network, path, **replacing)
    with pytest.raises(InputError, match="folder"):
        export(untrained("fast"), tmp_path / "missing" / "model.pb")
    with pytest.raises(InputError, match="name too long"):
        export(untrained("fast"), tmp_path / f"{'m' * 300}.pb")
    (tmp_path / "folder.pb").mkdir()
    with pytest.raises(InputError, match="is no file"):
        export(untrained("fast"), tmp_path / "folder.pb", **replacing)
    with pytest.raises(InputError, match=r"README\.md"):
        export(untrained("fast"), tmp_path / "README.md")
    assert path.read_bytes() == b"good"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "folder.pb", path]


def test_command(tmp_path):
    export(untrained("fast", ("a", "b")), tmp_path / "both.pb", trained={"steps": 7})
    arguments = ["export", tmp_path / "both.pb", tmp_path / "b.pb", "--style", "b"]
    arguments += ["--name", "Bee", "--licence", "CC0-1.0", "--data", "photographs"]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    card = read_card(tmp_path / "b.pb")
    assert (card["name"], card["styles"], card["licence"]) == ("Bee", ["b"], "CC0-1.0")
    assert card["trained"] == {"steps": 7, "data": "photographs"}
    again = CliRunner().invoke(main, [*map(str, arguments), "--name", "Cee"])
    assert again.exit_code == 2
    assert read_card(tmp_path / "b.pb")["name"] == "Bee"
    again = CliRunner().invoke(main, [*map(str, arguments), "--name", "Cee", "-y"])
    assert again.exit_code == 0, again.output
    assert read_card(tmp_path / "b.pb")["name"] == "Cee"


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("missing.pb", None, "No such file"),
        ("missing.npz", None, "no file"),
        ("text.pb", b"a text", "frozen TensorFlow graph"),
        ("empty.pb", b"", "an empty file"),
        ("text.npz", b"a text", "checkpoint"),
        ("run", "folder", "no checkpoint"),
    ],
)
def test_command_refuses_what_is_no_network(name, content, word, tmp_path):
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    result = CliRunner().invoke(main, ["export", str(tmp_path / name), str(tmp_path / "out.pb")])
    assert result.exit_code == 2
    assert word in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out.pb").exists()


def test_graph_of_others_has_no_weights_of_ours(tmp_path):
    with tf.Graph().as_default() as graph:
        frame = tf.compat.v1.placeholder(tf.uint8, [1, None, None, 3], name="frame")
        tf.identity(frame, name="styled")
        tf.constant(json.dumps({"name": "theirs"}), name="model_card")
    (tmp_path / "theirs.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(InputError, match="exported by ffmpeg-style"):
        read_network(tmp_path / "theirs.pb")
