"""`ffmpeg-style inspect`: what is in a graph, and whether it keeps the contract."""

import json
from pathlib import Path

import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers import graphs

from ffmpeg_style._engine import op_is_allowed
from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError
from ffmpeg_style.graphs.frozen_graph import import_graph, read_graph
from ffmpeg_style.graphs.inspection import inspect
from ffmpeg_style.learning.export import export
from ffmpeg_style.learning.networks import StyleNetwork

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "models").glob("*.pb"))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Exported models by name: one style, two styles, batch norm, any painting."""
    folder = tmp_path_factory.mktemp("models")
    networks = {
        "johnson": StyleNetwork("johnson", ["wave"], width=8),
        "fast": StyleNetwork("fast", ["wave", "scream"], width=8),
        "batch": StyleNetwork("johnson", ["wave"], width=8, norm="batch"),
        "any": StyleNetwork("fast", ["any"], width=8, vector=6),
    }
    for name, network in networks.items():
        export(network.build_weights(), folder / f"{name}.pb", trained={"steps": 0})
    return {name: folder / f"{name}.pb" for name in networks}


def run(path, *arguments):
    return CliRunner().invoke(main, ["inspect", str(path), *arguments])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_models_keep_the_contract(path):
    inspection = inspect(path)
    assert inspection.faults == []
    assert all(map(op_is_allowed, inspection.ops))


@pytest.mark.parametrize("name", ["johnson", "fast", "batch", "any"])
def test_our_models_keep_the_contract(name, models):
    inspection = inspect(models[name])
    assert inspection.faults == []
    assert all(map(op_is_allowed, inspection.ops))
    assert inspection.signature["frame"] == ["uint8", "[1,?,?,3]"]
    assert inspection.signature["styled"] == ["uint8", "[1,?,?,3]"]
    assert inspection.signature.get("style_weights") == (
        ["float32", "[2]"] if name == "fast" else None
    )
    assert inspection.signature.get("style_vector") == (
        ["float32", "[6]"] if name == "any" else None
    )
    result = run(models[name])
    assert result.exit_code == 0, result.output
    assert "contract kept" in result.output
    assert inspection.card["styles"][0] in result.output


def johnson_multiply_adds(width, height, channels):
    """Counted by hand, on the padded frame, as the graph does it.

    The upsampling is a 4x4 transposed convolution, the output a 9x3 one of four pixels at once.
    """
    pixels = (width + 24 + -width % 4) * (height + 24 + -height % 4)
    outer = 81 * 3 * channels + 9 * 3 * 4 * channels * 4 * 3 / 4
    down = 9 * channels * 2 * channels / 4 + 9 * 2 * channels * 4 * channels / 16
    residual = 10 * 9 * (4 * channels) ** 2 / 16
    up = 16 * 4 * channels * 2 * channels / 16 + 16 * 2 * channels * channels / 4
    return pixels * (outer + down + residual + up)


@pytest.mark.parametrize("size", [(640, 360), (101, 50)])
def test_multiply_adds(size, models):
    expected = johnson_multiply_adds(*size, channels=8)
    assert inspect(models["johnson"], *size).multiply_adds == expected
    width, height = size
    result = run(models["johnson"], "--size", f"{width}x{height}")
    assert f"{expected / 1e9:.3f} G at {width}x{height}" in result.output


def test_what_reads_a_painting_is_not_counted(models, tmp_path):
    one = tmp_path / "one.pb"
    export(StyleNetwork("fast", ["one"], width=8).build_weights(), one, trained={"steps": 0})
    assert inspect(models["any"]).multiply_adds == inspect(one).multiply_adds


def test_json(models):
    result = run(models["fast"], "--json")
    values = json.loads(result.output)
    assert values["card"]["styles"] == ["wave", "scream"]
    assert values["ops"]["Conv2DBackpropInput"] == 1
    assert values["faults"] == []


def test_graphs_of_the_contract_by_other_hands(tmp_path):
    assert inspect(graphs.contract_graph(tmp_path / "a.pb")).faults == []
    assert inspect(graphs.contract_graph(tmp_path / "b.pb", ["x", "y"])).faults == []


def with_card(path, **changes):
    """A contract graph whose card has other values; None takes one away."""
    graph = read_graph(graphs.contract_graph(path))
    node = next(node for node in graph.node if node.name == "model_card")
    card = json.loads(tf.make_ndarray(node.attr["value"].tensor).item())
    card = {key: value for key, value in {**card, **changes}.items() if value is not None}
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(json.dumps(card)))
    path.write_bytes(graph.SerializeToString())
    return path


def with_default(path):
    """A contract graph whose ``style_weights`` begin with another style than the first."""
    graph = read_graph(graphs.contract_graph(path, ["x", "y"]))
    node = next(node for node in graph.node if node.name == "style_weights/input")
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto([0.0, 1.0]))
    path.write_bytes(graph.SerializeToString())
    return path


def with_default_and_size(path):
    """The same, whose image has another size too."""
    graph = read_graph(with_default(path))
    node = next(node for node in graph.node if node.name == "frame")
    node.attr["shape"].shape.dim[1].size = 16
    path.write_bytes(graph.SerializeToString())
    return path


BROKEN = {
    "no card": (lambda path: graphs.contract_graph(path, card=False), "model_card"),
    "no licence": (lambda path: with_card(path, licence=None), "licence"),
    "another format": (lambda path: with_card(path, format="other/9"), "other/9"),
    "styles no list": (lambda path: with_card(path, styles="wave"), "list"),
    "styles alike": (lambda path: with_card(path, styles=["a", "a"]), "different"),
    "more styles than inputs": (lambda path: with_card(path, styles=["a", "b"]), "style_weights"),
    "no style vector": (lambda path: with_card(path, vector=4), "style_vector"),
    "another default": (with_default, "style 0"),
    "another default and size": (with_default_and_size, "style 0"),
    "float image": (graphs.float_graph, "frame"),
    "another size": (graphs.WRONG_SIZE.write, "16x16"),
    **{
        name: (graphs.BAD[name].write, words)
        for name, words in {
            "no_placeholder": "frame",
            "no_styled": "styled",
            "int32": "int32",
            "rank_3": "[?,?,3]",
            "4_channels": "[1,?,?,4]",
            "batch_of_2": "[2,?,?,3]",
            "output_type": "int32",
            "output_channels": "[1,?,?,1]",
        }.items()
    },
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_contract(name, tmp_path):
    write, word = BROKEN[name]
    result = run(write(tmp_path / "model.pb"))
    assert result.exit_code == 1, result.output
    assert any("broken: " in line and word in line for line in result.output.splitlines())


def test_model_by_its_name():
    result = run("wave-fast")
    assert result.exit_code == 0, result.output
    assert "contract" in result.output


def test_model_that_is_not_there(tmp_path):
    result = run(tmp_path / "missing.pb")
    assert result.exit_code == 2
    assert result.stderr.startswith("ffmpeg-style: no model ")
    assert result.stderr.count("\n") == 1


NO_GRAPHS = ("empty", "png", "zeros", "text", "nodeless", "saved_model_folder", "saved_model_file")


@pytest.mark.parametrize("name", [*NO_GRAPHS, "function_library", "loop", *graphs.FORBIDDEN_OPS])
def test_what_is_never_run(name, tmp_path):
    bad = graphs.BAD[name]
    result = run(bad.write(tmp_path / "model.pb"))
    assert result.exit_code == 2
    assert result.stderr.startswith("ffmpeg-style: model '")
    assert result.stderr.count("\n") == 1
    assert all(word in result.stderr for word in bad.words)


def test_truncated_models_never_crash(models, tmp_path):
    for path in graphs.truncations(models["fast"], tmp_path, count=8):
        assert run(path).exit_code in (1, 2)


@pytest.mark.parametrize("size", ["640", "8x8", "axb", "-16x16"])
def test_size_that_is_none(size, models):
    result = run(models["johnson"], f"--size={size}")
    assert result.exit_code == 2
    assert "WIDTHxHEIGHT" in result.output


def test_forbidden_ops_are_never_imported(tmp_path):
    graph = read_graph(graphs.BAD["WriteFile"].write(tmp_path / "model.pb"))
    with pytest.raises(InputError, match="WriteFile"):
        import_graph(graph)
