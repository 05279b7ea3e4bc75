"""Every series of FFmpeg that has a patch: builds, and passes the tests of the filter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from ffmpeg_style import stylize
from ffmpeg_style.ffmpeg.build import build
from ffmpeg_style.ffmpeg.program import VARIABLE
from ffmpeg_style.ffmpeg.source import SERIES

MODEL = "wave-fast"
WIDTH, HEIGHT, FRAMES = 96, 64, 6

# Of the target: its suffix, the encoder if it is not the suffix' own, and what is in the file then.
KINDS = {
    "AV1": (".mp4", ["-c:v", "libsvtav1"], "av1", "yuv420p"),
    "HEVC of 10 bits": (".mp4", ["-c:v", "libx265"], "hevc", "yuv420p10le"),
    "VP9 in WebM": (".webm", [], "vp9", "yuv420p"),
    "ProRes": (".mov", ["-c:v", "prores_ks"], "prores", "yuv422p10le"),
    "animated WebP": (".webp", [], "webp", None),
}


@pytest.mark.matrix
@pytest.mark.parametrize("series", SERIES)
def test_series_builds_and_paints(series, check_in_tree):
    ffmpeg = build(series=series, make_current=False)
    check_in_tree(series)
    tests = Path(__file__).with_name("test_filter.py")
    command = [sys.executable, "-m", "pytest", "--quiet", tests]
    subprocess.run(command, env=os.environ | {VARIABLE: str(ffmpeg)}, check=True)


def frames_of(ffmpeg, path):
    """The frames of a file as uint8 [N,H,W,3]; FFmpeg before 9 reads no animated WebP."""
    if path.suffix == ".webp":
        with Image.open(path) as animation:
            return np.stack([frame.convert("RGB") for frame in ImageSequence.Iterator(animation)])
    command = [ffmpeg, "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    pixels = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(pixels, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def video_of(ffmpeg, path):
    """What ffprobe shows of the pictures."""
    command = [ffmpeg.with_name("ffprobe"), "-v", "error", "-of", "json", "-show_streams", path]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return next(stream for stream in found["streams"] if stream["codec_type"] == "video")


@pytest.fixture(scope="module", params=[series for series in SERIES if series != "5.1"])
def full(request):
    """An ffmpeg of the full profile."""
    return build(series=request.param, profile="full", make_current=False)


@pytest.mark.matrix
@pytest.mark.parametrize("kind", KINDS)
def test_full_profile_reads_and_paints(full, tmp_path, monkeypatch, kind):
    """What other people's devices and programs make, and take."""
    suffix, options, codec, pixels = KINDS[kind]
    monkeypatch.setenv(VARIABLE, str(full))
    source = tmp_path / ("in.webm" if suffix == ".webp" else f"in{suffix}")
    clip = ["-f", "lavfi", "-i", f"testsrc2=s={WIDTH}x{HEIGHT}:r=10", "-frames:v", str(FRAMES)]
    made = [*options, "-pix_fmt", pixels or "yuv420p"]
    subprocess.run([full, "-v", "error", *clip, *made, source], check=True)
    target = stylize(source, tmp_path / f"out{suffix}", MODEL, encoder_options=options)
    exact = stylize(source, tmp_path / "out.mkv", MODEL, encoder_options=["-c:v", "ffv1"])
    if pixels:
        assert video_of(full, target)["codec_name"] == codec
        assert video_of(full, target)["pix_fmt"] == pixels
    expected, found = (frames_of(full, path).astype(float) for path in (exact, target))
    assert found.shape == expected.shape == (FRAMES, HEIGHT, WIDTH, 3)
    assert np.sqrt(np.mean((found - expected) ** 2)) < 12  # what encoders lose
