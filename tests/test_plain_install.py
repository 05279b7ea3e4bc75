"""What a plain install is enough for: a Python that has nothing but the package's dependencies."""

import os
import subprocess
from pathlib import Path

import pytest
from helpers.plain import plain_python
from packaging.requirements import Requirement

from ffmpeg_style.extras import EXTRAS

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = sorted((ROOT / "models").glob("*.pb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """The Python of a plain install: links to what its dependencies are in this one."""
    folder = tmp_path_factory.mktemp("plain") / "venv"
    return plain_python(folder, PROJECT["dependencies"], ROOT / "ffmpeg_style")


@pytest.fixture
def run(python, ffmpeg):
    """Runs this Python with some arguments, where no TensorFlow is found by ffmpeg either."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment["FFMPEG_STYLE_FFMPEG"] = str(ffmpeg)
    environment["FFMPEG_STYLE_TENSORFLOW"] = "/nowhere"

    def run(*arguments):
        return subprocess.run(
            [python, *map(str, arguments)], capture_output=True, text=True, env=environment
        )

    return run


def test_the_extras_are_those_of_the_package():
    for extra, modules in EXTRAS.items():
        packages = {Requirement(text).name for text in PROJECT["optional-dependencies"][extra]}
        assert len(packages) == len(modules)
    assert not any("tensorflow" in text for text in PROJECT["dependencies"])


def test_tensorflow_is_not_there(run):
    assert "No module named 'tensorflow'" in run("-c", "import tensorflow").stderr


def test_shipped_models_paint(run):
    program = """
import sys
import numpy
from ffmpeg_style import Engine, list_models

for model in list_models():
    with Engine(model.path) as engine:
        frames = engine([numpy.full((48, 64, 3), 80, numpy.uint8)] * 3)
        assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3
        print(engine.name, engine.runtime)
"""
    result = run("-c", program)
    assert result.returncode == 0, result.stderr
    painted = set(result.stdout.splitlines())
    assert painted == {f"{path.stem} own" for path in SHIPPED}


def test_the_filter_paints_with_each(run, ffmpeg, tmp_path):
    source = "testsrc2=s=64x48:d=0.1"
    subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, tmp_path / "clip.mp4"])
    for path in SHIPPED:
        target = tmp_path / f"{path.stem}.mp4"
        arguments = ("stylize", tmp_path / "clip.mp4", target, "--model", path)
        result = run("-m", "ffmpeg_style", *arguments)
        assert result.returncode == 0, result.stderr
        assert target.stat().st_size


def test_photographs_models_and_inspection(run, photographs, tmp_path):
    for arguments in (
        ("stylize", photographs / "0.jpg", tmp_path / "painted.png", "--model", "wave-fast"),
        ("models", "wave"),
        ("inspect", "wave-fast"),
        ("--help",),
    ):
        result = run("-m", "ffmpeg_style", *arguments)
        assert result.returncode == 0, result.stderr
        assert "tensorflow" not in result.stderr
    assert (tmp_path / "painted.png").is_file()


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [
        ("train", "train --style a.jpg --content . --output run"),
        ("train", "export run model.pb"),
        ("train", "evaluate wave --style a.jpg --content ."),
        ("train", "optimize --content a.jpg --style b.jpg --output c.png"),
        ("judge", "evaluate wave --steady --content ."),
        ("live", "live --model wave-fast"),
        ("live,demo", "live --demo"),
        ("cluster", "stylize s3://films/a.mp4 -o out.mp4 --cluster local:1"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(run, extra, arguments):
    result = run("-m", "ffmpeg_style", *arguments.split())
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert f"pip install 'ffmpeg-style[{extra}]'" in result.stderr


def test_a_model_that_is_left_to_tensorflow_says_why_it_is_needed(run):
    program = "from ffmpeg_style import Engine; Engine('wave-fast', runtime='tensorflow')"
    told = run("-c", program).stderr.splitlines()[-1]
    assert "no usable TensorFlow library to run the model" in told
    assert "(runtime=tensorflow)" in told
