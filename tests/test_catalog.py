"""Models found by name, and listed."""

import json
import os
import re
import subprocess
import sys

import pytest
from helpers import graphs

from ffmpeg_style import catalog, find_model, list_models

PAINTINGS = ("wave", "starry-night", "scream", "composition-vii")


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders of models on the search path, before an empty one for those that are shipped."""
    one, two, shipped = (tmp_path / name for name in ("one", "two", "shipped"))
    for folder in (one, two, shipped):
        folder.mkdir()
    graphs.contract_graph(one / "wave.pb", ["wave", "scream"])
    graphs.contract_graph(two / "wave.pb")
    graphs.float_graph(two / "other's.pb")
    (two / "broken.pb").write_bytes(b"\x89PNG")
    monkeypatch.setenv("FFMPEG_STYLE_MODELS", f"{one}{os.pathsep}{two}")
    monkeypatch.setattr(catalog, "project_folder", lambda name: shipped)
    monkeypatch.chdir(tmp_path)
    return one, two


def test_a_name_is_found_in_the_first_folder_that_has_it(folders):
    one, two = folders
    assert find_model("wave") == find_model("wave.pb") == one / "wave.pb"
    assert find_model("other's") == two / "other's.pb"


def test_a_path_is_taken_as_it_is(folders, tmp_path):
    one, two = folders
    assert find_model(two / "wave.pb") == two / "wave.pb"
    assert find_model("two/wave.pb").samefile(two / "wave.pb")
    mine = graphs.contract_graph(tmp_path / "wave.pb")
    assert find_model("wave.pb").samefile(mine)  # it says that it is a file
    assert find_model("wave") == one / "wave.pb"
    assert find_model(os.fsencode(mine)) == mine


@pytest.mark.parametrize("model", ["nope", "nope.pb", "one/nope.pb", "", "a\0b", "x" * 300])
def test_what_is_not_there_is_named_with_what_is(folders, model):
    with pytest.raises(FileNotFoundError, match="broken, other's, wave"):
        find_model(model)


def test_something_else_than_a_name_is_refused():
    with pytest.raises(TypeError, match="found int"):
        find_model(3)


def test_models_are_listed_with_their_cards(folders):
    one, two = folders
    broken, other, wave = list_models()
    assert (wave.name, wave.path, wave.error) == ("wave", one / "wave.pb", None)
    assert wave.card["styles"] == ["wave", "scream"]
    assert (other.name, other.path, other.card, other.error) == (
        "other's",
        two / "other's.pb",
        {},
        None,
    )
    assert broken.card == {} and "frozen" in broken.error


def test_a_card_that_is_no_card_is_an_error_of_that_model_alone(folders, tmp_path):
    import tensorflow as tf

    one, _ = folders
    for name, text in [
        ("list", "[1]"),
        ("deep", "[" * 100_000),
        ("text", "wave"),
        ("bytes", b"\xff"),
    ]:
        with tf.Graph().as_default() as graph:
            frame = tf.compat.v1.placeholder(tf.uint8, [1, None, None, 3], name="frame")
            tf.identity(frame, name="styled")
            tf.constant(text, name="model_card")
        graphs.save(graph, one / f"{name}.pb")
    errors = {model.name: model.error for model in list_models()}
    assert all(errors[name] for name in ("list", "deep", "text", "bytes"))
    assert errors["wave"] is None


def test_listing_needs_no_tensorflow(folders):
    code = (
        "import sys, ffmpeg_style; ffmpeg_style.list_models(); print('tensorflow' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr


def test_the_shipped_models_are_whole_and_have_their_cards(monkeypatch):
    monkeypatch.delenv("FFMPEG_STYLE_MODELS", raising=False)
    models = {model.name: model for model in list_models()}
    assert set(PAINTINGS) | {f"{name}-fast" for name in PAINTINGS} | {"museum"} <= set(models)
    for model in models.values():
        assert model.error is None
        assert {"format", "name", "architecture", "styles", "trained", "licence"} <= set(model.card)


def test_models_command(folders):
    def run(*arguments):
        command = [sys.executable, "-m", "ffmpeg_style", "models", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    table = run().stdout.splitlines()
    assert table[0].split() == ["MODEL", "SIZE", "STYLES", "ARCHITECTURE", "LICENCE"]
    assert any("wave" in line and "wave, scream" in line and "CC0-1.0" in line for line in table)
    assert any("broken" in line and "frozen" in line for line in table)
    listed = {model["name"]: model for model in json.loads(run("--json").stdout)}
    assert listed["wave"]["card"]["architecture"] == "test"
    assert "frozen" in listed["broken"]["error"]
    (wave,) = json.loads(run("--json", "wave").stdout)
    assert wave["card"] == listed["wave"]["card"]
    text = run("wave").stdout
    assert re.search(r"^styles +wave, scream$", text, re.MULTILINE)
    assert wave["path"] in text
    broken = run("broken")
    assert (broken.returncode, broken.stdout) == (2, "")
    assert broken.stderr.startswith("ffmpeg-style: ") and "frozen" in broken.stderr
    missing = run("nope")
    assert missing.returncode == 2
    assert missing.stderr.startswith("ffmpeg-style: no model 'nope'")
