"""What a user sees of films on their way."""

import logging
import re
import sys

import pytest
from helpers.terminal import Terminal

from ffmpeg_style import progress
from ffmpeg_style.cluster.bars import ENCODING, WHOLE, Bars

ARCHIVE = ("a.mp4", "b.mp4")


@pytest.fixture
def shown(capsys):
    """What a bar shows in the end of what happened: pairs of a method's name and its arguments."""

    def show(targets, *happened):
        bars = Bars(targets, progress=True)
        bars.begin()
        for name, *arguments in happened:
            getattr(bars, name)(*arguments)
        bars.close()
        return capsys.readouterr().err.split("\r")[-1].strip()

    return show


def test_the_bar_moves_within_pieces(shown):
    line = shown(["a.mp4"], ("look", "a.mp4", 100), ("report", "a.mp4", 0, 30, None))
    assert line.startswith("painting:  30%|") and " 30/100 [" in line and "files" not in line


def test_what_others_tell_of_and_what_comes_too_late_is_not_counted(shown):
    late = (("finish", "a.mp4", 0, 50), ("report", "a.mp4", 0, 30, None))
    line = shown(["a.mp4"], ("look", "a.mp4", 100), *late, ("report", "other.mp4", 0, 7, None))
    assert " 50/100 [" in line


def test_a_piece_that_is_painted_again_counts_once(shown):
    reports = (("report", "a.mp4", 0, frames, None) for frames in (30, 10))
    line = shown(["a.mp4"], ("look", "a.mp4", 100), *reports, ("finish", "a.mp4", 0, 50))
    assert " 50/100 [" in line


def test_pieces_that_were_there_say_nothing_of_the_speed(shown):
    line = shown(["a.mp4"], ("look", "a.mp4", 100), ("finish", "a.mp4", 0, 50, True))
    assert " 50/100 [" in line and "<?, ?frame/s]" in line


def test_the_frames_of_an_archive_are_told_once_all_clips_were_looked_at(shown):
    begun = (("look", "a.mp4", 100), ("report", "a.mp4", 0, 30, None))
    line = shown(ARCHIVE, *begun)
    assert line.startswith("painting: 30frame [") and line.endswith(", 0 of 2 files]")
    line = shown(ARCHIVE, *begun, ("report", "b.mp4", WHOLE, 20, 60))
    assert " 50/160 [" in line
    line = shown(ARCHIVE, *begun, ("end", "b.mp4"))  # it can't be painted
    assert " 30/100 [" in line and line.endswith(", 1 of 2 files]")


def test_a_line_tells_nothing_of_what_nobody_knows(monkeypatch, capsys):
    """Where there is no terminal."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    bars = Bars(ARCHIVE, progress=None)
    bars.begin()
    bars.report("a.mp4", 0, 30, None)
    bars.close()
    line = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(r"painting: 30 frames, \d\d:\d\d gone, 0 of 2 files", line)


def test_a_film_that_is_encoded_anew_is_told(shown, caplog):
    caplog.set_level(logging.INFO)
    shown(["a.mp4"], *(("report", "a.mp4", ENCODING, frames, 100) for frames in (10, 50, 20)))
    (told,) = caplog.messages
    assert told.startswith("a.mp4 is encoded from its begin again: a worker is gone that ")


def test_messages_stand_above_bars():
    code = """
import logging
from ffmpeg_style.options import show_warnings
from ffmpeg_style.progress import progress_bar

show_warnings()
with progress_bar(total=3, desc="painting") as bar:
    bar.update(1)
    logging.getLogger("ffmpeg_style").warning("it is so")
"""
    terminal = Terminal([sys.executable, "-c", code])
    try:
        assert terminal.end() == 0
        assert "ffmpeg-style: it is so" in terminal.lines()
    finally:
        terminal.kill()
