"""The package as pip installs it, far from the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import graphs

PROJECT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "runs", "tests", "*.so", "*.egg-info", "__pycache__"
)
PROGRAM = """
import numpy
from ffmpeg_style import Engine
from ffmpeg_style.catalog import find_model
from ffmpeg_style.folders import build_folder, project_folder

with Engine({model!r}) as engine:
    assert engine(numpy.zeros((48, 64, 3), numpy.uint8)).shape == (48, 64, 3)
print(find_model("wave-fast"))
print(project_folder("csrc") / "styletransfer.h")
print(project_folder("patches") / "ffmpeg-7.1.patch")
print(build_folder())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder that the package was installed into, from a copy of the checkout.

    What `make` has compiled is not compiled again: it takes a minute.
    """
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(PROJECT, folder / "source", ignore=LEFT_OUT)
    for extension in PROJECT.glob("build/lib.*/ffmpeg_style/_engine.*"):
        copy = folder / "source" / extension.relative_to(PROJECT)
        copy.parent.mkdir(parents=True)
        shutil.copy2(extension, copy)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    target = ["--no-build-isolation", "--target", folder / "site", folder / "source"]
    subprocess.run([*command, *target], check=True)
    shutil.rmtree(folder / "source")
    return folder / "site"


def test_an_installed_package_has_all_its_parts(site, tmp_path):
    model = graphs.contract_graph(tmp_path / "wave.pb")
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(model=str(model))],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site), "XDG_DATA_HOME": str(tmp_path / "data")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    *files, build = result.stdout.split("\n")[:4]
    for file in files:
        assert Path(file).is_file() and site in Path(file).parents
    assert build == str(tmp_path / "data" / "ffmpeg-style")


def test_an_installed_package_paints_without_any_program(site, tmp_path):
    """A photograph, and a video with its sound: no compiler, no ffmpeg, nothing on the PATH."""
    paths = [str(site), *sys.path[1:]]
    environment = {"PATH": "", "PYTHONPATH": ":".join(paths), "HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, PROJECT / "scripts" / "check_wheel.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "a video with its sound" in result.stdout
