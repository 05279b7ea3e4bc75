"""Every series of FFmpeg that has a patch: builds, and passes the tests of the filter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ffmpeg_style.ffmpeg.build import build
from ffmpeg_style.ffmpeg.program import VARIABLE
from ffmpeg_style.ffmpeg.source import SERIES


@pytest.mark.matrix
@pytest.mark.parametrize("series", SERIES)
def test_series_builds_and_paints(series, check_in_tree):
    ffmpeg = build(series=series, make_current=False)
    check_in_tree(series)
    tests = Path(__file__).with_name("test_filter.py")
    command = [sys.executable, "-m", "pytest", "--quiet", tests]
    subprocess.run(command, env=os.environ | {VARIABLE: str(ffmpeg)}, check=True)
