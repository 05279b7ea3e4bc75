"""Programs end with the process that started them, however it ends."""

import os
import subprocess
import sys
import time

from helpers.live import is_alive

READERS = """
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

from ffmpeg_style.cluster.join import picture_options
from ffmpeg_style.cluster.split import read_index
from ffmpeg_style.ffmpeg.execute import attached_covers
from ffmpeg_style.ffmpeg.plan import Span
from ffmpeg_style.ffmpeg.probe import probe

path = Path("film.mp4")
cover = SimpleNamespace(is_attached=True, index=1)
job = SimpleNamespace(picture=0, span=Span(), kept=[cover])
for function, arguments in (
    (picture_options, (path, job, [])),
    (read_index, (path, "film.mp4", job)),
    (lambda: attached_covers(job, path).__enter__(), ()),
    (probe, (path, path)),
):
    Thread(target=function, args=arguments).start()
"""
COUNT = 4


def test_what_reads_a_film_ends_with_its_parent(tmp_path):
    """Of a file on a network that answers no more, they would read for ever."""
    for name in ("ffmpeg", "ffprobe"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n: > {tmp_path}/$$.pid\nexec sleep 600\n")
        program.chmod(0o755)
    environment = os.environ | {"FFMPEG_STYLE_FFMPEG": str(tmp_path / "ffmpeg")}
    parent = subprocess.Popen([sys.executable, "-c", READERS], env=environment)
    try:
        until(lambda: len(list(tmp_path.glob("*.pid"))) == COUNT or parent.poll() is not None)
    finally:
        parent.kill()
        parent.wait()
    children = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert len(children) == COUNT
    try:
        until(lambda: not any(map(is_alive, children)))
    finally:
        for child in filter(is_alive, children):
            os.kill(child, 9)


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
