"""`info` and `sheet`, as one types them."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

from ffmpeg_style import catalog
from ffmpeg_style.extras import EXTRAS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[1]
OF_DEVELOPERS = {"bench", "docs", "lint", "test", "wheel"}
"""Extras that no command needs."""


def run(*arguments, **options):
    command = [sys.executable, "-m", "ffmpeg_style", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_info():
    result = run("info", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["models"] == [model.name for model in catalog.list_models()]
    assert found["engine"]["runtime"] in ("own", "tensorflow")
    assert found["libraries"] and found["packages"]["av"]
    plain = run("info")
    assert found["version"] in plain.stdout and "wave-fast" in plain.stdout


def test_what_info_misses_is_an_extra():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"])
    assert set(EXTRAS) == extras - OF_DEVELOPERS


def test_a_sheet_lies_beside_the_photograph(tmp_path):
    photograph = tmp_path / "photo.png"
    Image.new("RGB", (64, 48), (90, 120, 200)).save(photograph)
    result = run("sheet", photograph, "--model", "wave-fast")
    assert (result.returncode, result.stdout) == (0, f"{tmp_path / 'photo-sheet.jpg'}\n")
    assert Image.open(tmp_path / "photo-sheet.jpg").width > 480
    again = run("sheet", photograph, "--model", "wave-fast")
    assert again.returncode == 2 and "exists already" in again.stderr
