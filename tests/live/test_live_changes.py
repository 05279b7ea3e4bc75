"""The pace at which changes of the controls reach a running filter."""

from ffmpeg_style.live import changes
from ffmpeg_style.live.changes import Changes


def options(style="0:1.000", strength="1.000"):
    return {"style": style, "strength": strength, "colors": "style"}


def test_of_many_changes_the_last_is_sent(monkeypatch):
    seconds = 100.0
    monkeypatch.setattr(changes.time, "monotonic", lambda: seconds)
    sent = []
    queue = Changes(options())
    for step in range(181):  # a slider that is dragged for three seconds
        seconds += 1 / 60
        queue.wanted = options(strength=f"{1 - step / 180:.3f}")
        sent.append(queue.next())
    seconds += changes.INTERVAL
    sent.append(queue.next())
    sent = [change for change in sent if change]
    assert sent[-1] == ("strength", "0.000")
    assert len(sent) <= 4 / changes.INTERVAL
    seconds += changes.INTERVAL
    assert queue.next() is None


def test_each_option_has_its_turn(monkeypatch):
    seconds = 100.0
    monkeypatch.setattr(changes.time, "monotonic", lambda: seconds)
    queue = Changes(options())
    queue.wanted = options("1:1.000", "0.500")
    assert queue.next() == ("style", "1:1.000")
    assert queue.next() is None
    seconds += changes.INTERVAL
    assert queue.next() == ("strength", "0.500")
