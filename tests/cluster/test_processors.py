"""The processors of a machine that has several workers."""

import os
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest

from ffmpeg_style.cluster.processors import OwnProcessors, aside, keep_off
from ffmpeg_style.cluster.split import lead_in
from ffmpeg_style.ffmpeg.execute import run_ffmpeg
from ffmpeg_style.progress import progress_bar

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


@pytest.mark.parametrize("drafts", ["11122", "1112", "11122 "])
def test_what_encodes_follows_the_piece_that_is_next(monkeypatch, tmp_path, drafts):
    """From when it has begun, again where the program was not there yet; free in the end."""
    asked, found = [], iter([False, True, True, True])
    monkeypatch.setattr(
        "ffmpeg_style.cluster.processors.keep_off",
        lambda encoded, painted: asked.append(painted) or next(found),
    )
    begun, painted = iter([False] + [True] * 6), iter(drafts)
    parts = "abcdefg"[: len(drafts) + 1]
    sent = aside(parts, tmp_path, lambda: next(begun), lambda: next(painted).strip() or None)
    assert "".join(sent) == parts
    assert asked == ["1", "1", "2", None]


def test_a_film_of_which_all_is_painted_leaves_its_encoder_alone(monkeypatch, tmp_path):
    monkeypatch.setattr("ffmpeg_style.cluster.processors.keep_off", pytest.fail)
    assert "".join(aside("abc", tmp_path, lambda: True, lambda: None)) == "abc"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no process groups")
def test_an_ffmpeg_is_a_group_of_its_own_in_the_session_of_all(tmp_path):
    """Ctrl-C does not come to it, and where sessions have equal parts it can give way to others."""
    told = "read -r _ _ _ _ group session _ < /proc/$$/stat; "
    asks = f'{told}[ "$group $session" = "$$ {os.getsid(0)}" ]'
    with progress_bar(progress=False) as bar:
        run_ffmpeg(["sh", "-c", asks], tmp_path / "draft", bar, {})


@pytest.mark.parametrize(("steady", "frames"), [(None, 29), (0.5, 5), (0, 0), (1, 240)])
def test_the_lead_in_is_what_it_takes_to_forget(steady, frames):
    assert lead_in(steady) == frames
