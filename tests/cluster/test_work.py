"""What of its folder a command leaves behind, beside others and for the command that repeats it."""

import os
import time

import pytest

from ffmpeg_style.cluster import piece, places
from ffmpeg_style.cluster.client import WORK
from ffmpeg_style.cluster.piece import Clip, Order, check_target, mark_done
from ffmpeg_style.cluster.split import Piece
from ffmpeg_style.cluster.work import WorkFolder
from ffmpeg_style.errors import InputError
from ffmpeg_style.ffmpeg.sources import Work

PIECES = tuple(Piece(n, 25, n, n, n, n + 1, 25 * n) for n in range(2))


@pytest.fixture
def films(tmp_path, monkeypatch):
    """Orders for two films, in one folder."""
    monkeypatch.setattr(piece, "ffmpeg_version", lambda: "")
    orders = []
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"film")
        target = tmp_path / "out" / name
        orders.append(Order(str(tmp_path / name), str(target), str(tmp_path / WORK), "m", {}, {}))
    return orders


def command(orders, goes_on=False):
    """The folder of a command that has begun."""
    folder = WorkFolder(orders, [Work(o.source, o.target) for o in orders], goes_on)
    folder.make()
    return folder


def paint(order):
    """A film is painted; returns its clip."""
    clip = Clip(order, order.key, PIECES)
    places.write(order.target, b"painting")
    mark_done(clip)
    return clip


def begin(order):
    """A film has a finished piece; returns its clip."""
    clip = Clip(order, order.key, PIECES)
    places.write(clip.address(PIECES[1]), b"piece")
    return clip


def test_a_film_whose_source_has_a_later_time_is_painted_once(films):
    """As of a camera whose clock is ahead: by the times alone its target looks old."""
    one, other = films
    os.utime(one.source, (time.time() + 9999,) * 2)
    folder = command(films)
    clips = {one.target: paint(one), other.target: begin(other)}
    assert folder.tidy({one.target: None, other.target: InputError("it failed")}, clips)
    check_target(Clip(one, ""))


def test_a_command_leaves_what_another_one_needs(films):
    """Two commands have a target in common, and the first ends without a piece."""
    first, second = command(films), command(films[1:])
    clip = begin(films[1])
    assert not first.tidy({}, {})
    assert piece.is_begun(clip)
    assert second.tidy({}, {clip.order.target: clip})
    assert not second.tidy({clip.order.target: None}, {clip.order.target: paint(films[1])})
    assert not os.path.exists(films[0].work)


@pytest.mark.parametrize("goes_on", [False, True])
def test_what_workers_go_on_with_has_a_mark(films, goes_on):
    """Those of a scheduler finish the piece that they have begun."""
    clips = {order.target: Clip(order, order.key, PIECES) for order in films}
    assert command(films, goes_on).tidy({}, clips) is goes_on
    assert os.path.exists(films[0].work) is goes_on
