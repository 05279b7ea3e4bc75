"""Ctrl-C in a terminal, where it comes to all processes that the command has started."""

import re
import sys

import pytest
from helpers.live import wait_for
from helpers.terminal import Terminal

from ffmpeg_style.cluster.client import WORK
from ffmpeg_style.ffmpeg.program import VARIABLE
from ffmpeg_style.files import DRAFT

CTRL_C = b"\x03"


@pytest.fixture
def film(tmp_path):
    """The target."""
    return tmp_path / "film.mp4"


@pytest.fixture
def terminal(ffmpeg, model, make, film, tmp_path):
    """A command on two workers here, which paint one piece and begin others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "ffmpeg"
    script.write_text(f"""#!/bin/sh
case "$*" in *styletransfer=*) mkdir {folder}/first 2> /dev/null || exec sleep 1000 ;; esac
exec {ffmpeg} "$@"
""")
    script.chmod(0o755)
    (folder / "ffprobe").symlink_to(ffmpeg.with_name("ffprobe"))
    source = make(".mp4", "-bf", "3", "-g", "30")
    command = [sys.executable, "-m", "ffmpeg_style", "stylize", source]
    command += ["-o", film, "--model", model, "--cluster", "local:2", "--piece", "1"]
    terminal = Terminal(command, **{VARIABLE: str(script)})
    yield terminal
    terminal.kill()


def assert_silent(terminal):
    """Nothing is told in the words of Python, of Dask and of multiprocessing; nothing runs."""
    says = terminal.shown()
    assert not re.search(r"Traceback|Error|distributed|nanny|multiprocessing|leaked", says), says
    wait_for(lambda: not terminal.left())


def test_finished_pieces_stay_which_is_told(terminal, film):
    """However often the key is pressed."""
    folder = film.parent / WORK
    wait_for(lambda: list(folder.glob("pieces/*/.*.note")))
    wait_for(lambda: any(b"sleep" in command for command in terminal.left()))
    for _ in range(3):
        terminal.press(CTRL_C)
    assert terminal.end() == 130
    stays = f"ffmpeg-style: {folder} stays, so that the same command goes on from there"
    assert stays in terminal.lines()
    assert not list(film.parent.rglob(f"{DRAFT}[!c]*"))
    assert_silent(terminal)


def test_workers_that_are_about_to_start_end_too(terminal, film):
    wait_for(lambda: any(b"spawn_main" in command for command in terminal.left()))
    terminal.press(CTRL_C)
    assert terminal.end() == 130
    assert not (film.parent / WORK).exists()
    assert_silent(terminal)
