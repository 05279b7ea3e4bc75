"""The processors of a machine that has several workers."""

import os
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest

from ffmpeg_style.cluster.processors import OwnProcessors, aside, keep_off

SLEEPER = """
import sys, threading
threading.Thread(target=sys.stdin.read).start()
print(flush=True)
"""


@contextmanager
def writing(path, processors):
    """A program of two threads that writes a file, as by its command line, on some processors."""
    command = [sys.executable, "-c", SLEEPER, f"file:{path}"]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with subprocess.Popen(command, **pipes) as program:
        program.stdout.readline()
        psutil.Process(program.pid).cpu_affinity(list(processors))
        yield program.pid


def processors_of(pid):
    """Those of each thread."""
    return [os.sched_getaffinity(thread.id) for thread in psutil.Process(pid).threads()]


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setattr(OwnProcessors, "machine", tuple(sorted(os.sched_getaffinity(0))))
    return set(OwnProcessors.machine)


def test_what_encodes_keeps_off_the_processors_of_what_paints(machine, tmp_path):
    film, piece = tmp_path / "film", tmp_path / "piece"
    own = {min(machine)}
    with writing(film, machine) as encoder:
        assert not keep_off(film, piece)
        with writing(piece, own) as painter:
            assert keep_off(film, piece)
            assert processors_of(encoder) == [machine - own or machine] * 2
            assert processors_of(painter)[0] == own
        assert keep_off(film, None)
        assert processors_of(encoder) == [machine] * 2
    assert not keep_off(film, None)


def test_what_encodes_may_use_all_where_the_painter_has_all(machine, tmp_path):
    film, piece = tmp_path / "film", tmp_path / "piece"
    with writing(film, machine) as encoder, writing(piece, machine):
        assert keep_off(film, piece)
        assert processors_of(encoder) == [machine] * 2


def test_what_encodes_follows_the_piece_that_is_next(monkeypatch, tmp_path):
    """From when it has begun, and again where the program was not there yet."""
    asked, found = [], iter([False, True, True, True])
    monkeypatch.setattr(
        "ffmpeg_style.cluster.processors.keep_off",
        lambda encoded, painted: asked.append(painted) or next(found),
    )
    begun = iter([False] + [True] * 6)
    painted = iter([*"11122", None])
    parts = aside("abcdefg", tmp_path, lambda: next(begun), lambda: next(painted, None))
    assert "".join(parts) == "abcdefg"
    assert asked == ["1", "1", "2", None]
