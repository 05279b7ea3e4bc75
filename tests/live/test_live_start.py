"""Mistakes that end the start of a live server, before anything is published or written."""

import sys

import pytest
from click.testing import CliRunner
from helpers import graphs
from helpers.live import free_port

from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError
from ffmpeg_style.live.controls import initial_controls

STYLES = ("wave", "scream")


@pytest.fixture
def start(tmp_path):
    """Starts a server with options; returns the words with which it ended at once."""
    model = graphs.contract_graph(tmp_path / "two.pb", STYLES)

    def start(*options):
        ports = ["--rtmp-port", str(free_port()), "--http-port", str(free_port())]
        command = ["live", "--model", str(model), "--state", str(tmp_path / "state"), *ports]
        result = CliRunner().invoke(main, [*command, *options])
        assert result.exit_code == 2, result.output
        assert not (tmp_path / "state").exists()
        (line,) = result.stderr.splitlines()
        return line

    return start


@pytest.mark.parametrize(
    "options, words",
    [
        (["--style", "none"], "style 'none' is not in the model; it has 2: wave, scream"),
        (["--style", "wave:x"], "the weight 'x' should be a number, 0 or more"),
        (["--style", "wave:2"], "a style's weight: expected a number from 0 to 1"),
        (["--device", "tpu"], "device is 'tpu'; expected auto, cpu, gpu, or gpu:N"),
        (["--input-node", "nothing"], "has no operation 'nothing'"),
        (["--output", "nothing"], "has no operation 'nothing'"),
        (["--input", "nothing"], "has no operation 'nothing'"),
        (["--key-file", "nowhere"], "no key file at nowhere"),
    ],
)
def test_mistakes_end_the_start(start, options, words):
    assert words in start(*options)


def test_what_to_install_is_said(start, monkeypatch):
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    for name in [name for name in sys.modules if name.startswith("ffmpeg_style.live.")]:
        monkeypatch.delitem(sys.modules, name)
    assert "pip install 'ffmpeg-style[live]'" in start()


@pytest.mark.parametrize(
    "text, weights",
    [
        ("scream", (0, 1)),
        ("1", (0, 1)),
        ("wave:0.7+scream:0.3", (0.7, 0.3)),
        ("0:0.25+scream", (0.25, 1)),
        ("wave:0.2+wave:0.3", (0.5, 0)),
    ],
)
def test_styles_are_written_as_for_the_filter(text, weights):
    assert initial_controls(STYLES, text).weights == weights


@pytest.mark.parametrize("text", ["2", "wave:", "wave:-1", "wave:0", "+", "", "wave scream"])
def test_styles_that_are_none_are_refused(text):
    with pytest.raises(InputError):
        initial_controls(STYLES, text or "wave+")
