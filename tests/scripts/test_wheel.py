"""The wheel that has the patched ffmpeg in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(ffmpeg, tmp_path_factory):
    """A folder that the wheel was installed into."""
    folder = tmp_path_factory.mktemp("wheel")
    script = [sys.executable, PROJECT / "scripts" / "wheel_ffmpeg.py", folder]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(script, env=environment, check=True, capture_output=True)
    (wheel,) = folder.glob("ffmpeg_style_ffmpeg-*-py3-none-manylinux*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*install, folder / "site", wheel], check=True)
    return folder / "site"


def test_its_ffmpeg_runs_the_filter_with_its_own_libraries(site, tmp_path):
    program = site / "ffmpeg_style_ffmpeg" / "bin" / "ffmpeg"
    needed = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    assert "ffmpeg_style_ffmpeg.libs/libx264" in needed
    code = (
        "from ffmpeg_style import cli\nfrom ffmpeg_style.ffmpeg import program\n"
        f"program.build_folder = lambda: program.Path({str(tmp_path)!r})\ncli.main()"
    )
    frames = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2")
    model = PROJECT / "models" / "wave-fast.pb"
    filters = ("-vf", f"styletransfer={model},format=yuv420p")
    command = [sys.executable, "-c", code, "ffmpeg", "-v", "error", *frames, *filters]
    environment = {"PATH": "", "PYTHONPATH": f"{PROJECT}:{site}:" + ":".join(sys.path[1:])}
    result = subprocess.run(
        [*command, tmp_path / "out.mp4"], env=environment, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "out.mp4").stat().st_size


def test_its_licence_and_its_source_are_told(site):
    (metadata,) = site.glob("ffmpeg_style_ffmpeg-*.dist-info/METADATA")
    text = metadata.read_text()
    assert "License-Expression: GPL-2.0-or-later" in text and "--enable-libx264" in text
    assert list((site / "ffmpeg_style_ffmpeg" / "source").glob("ffmpeg-*.patch"))
