"""What is written into ffmpeg's filter graphs, read back by ffmpeg."""

import subprocess

import pytest
from helpers import graphs

from ffmpeg_style import Engine
from ffmpeg_style.ffmpeg.filter_graph import escape, filter_text, style_text

# Every character that either of ffmpeg's two readings has a meaning for, at every place of a name.
HOSTILE = [
    "a:b",
    "it's",
    "'quoted'",
    "back\\slash",
    "\\",
    "a,b;c",
    "[in]a[out]",
    "two  spaces ",
    " ",
    "line\nfeed",
    "tab\t",
    "name=value",
    "%d %{pts} $HOME `id`",
    "é 水 🌊",
    r"\':,;[]= " + "'",
    "-i",
    "/model",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_value_arrives_as_it_was(ffmpeg, tmp_path, name):
    """A style that the model lacks is refused by the filter in the words of the engine."""
    model = graphs.contract_graph(tmp_path / "wave.pb")
    with pytest.raises(ValueError, match="style") as refusal:
        Engine(model, style=name)
    assert str(refusal.value) in paint(ffmpeg, filter_text(model, style=name)).stderr


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_is_found_under_any_name(ffmpeg, tmp_path, name):
    folder = tmp_path / name.replace("/", "_")
    folder.mkdir()
    model = graphs.contract_graph(folder / (name.replace("/", "_") + ".pb"))
    result = paint(ffmpeg, filter_text(model, style="wave", strength=0.5, colors="content"))
    assert result.returncode == 0, result.stderr


def paint(ffmpeg, graph):
    source = ["-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1"]
    return subprocess.run(
        [ffmpeg, "-v", "error", *source, "-vf", f"{graph},null", "-f", "null", "-"],
        capture_output=True,
        text=True,
    )


def test_what_is_not_given_is_left_to_the_filter(tmp_path):
    model = graphs.contract_graph(tmp_path / "wave.pb")
    assert filter_text(model) == f"styletransfer=model={escape(model)}"
    assert filter_text(model, style=None, strength=0) == filter_text(model) + ":strength=0"


def test_styles_as_text():
    assert style_text(None) is None
    assert style_text(1) == "1"
    assert style_text("a:0.7+b:0.3") == "a:0.7+b:0.3"
    assert style_text({"a": 0.7, 1: 1e-5}) == "a:0.700000+1:0.000010"
