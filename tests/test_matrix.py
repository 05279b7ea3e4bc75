"""Every series of FFmpeg that has a patch: builds, and paints as the engine does."""

import subprocess

import graphs
import numpy as np
import pytest

from ffmpeg_style import Engine
from ffmpeg_style.build import build
from ffmpeg_style.ffmpeg_source import SERIES
from ffmpeg_style.filter_graph import filter_text


@pytest.mark.matrix
@pytest.mark.parametrize("series", SERIES)
def test_series_builds_and_paints(series, tmp_path, check_in_tree):
    ffmpeg = build(series=series, make_current=False)
    model = graphs.contract_graph(tmp_path / "wave.pb")
    painting = filter_text(model)
    frames = np.random.default_rng(0).integers(0, 256, (5, 48, 64, 3), dtype=np.uint8)
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24")
    painted = subprocess.run(
        [ffmpeg, "-v", "error", *raw, "-s", "64x48", "-i", "-", "-vf", painting, *raw, "-"],
        input=frames.tobytes(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    with Engine(model) as engine:
        assert painted == b"".join(frame.tobytes() for frame in engine(iter(frames)))
    check_in_tree(series)
