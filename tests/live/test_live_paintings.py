"""Paintings dropped onto a stream."""

import asyncio
import io
import json
import os

import numpy as np
import pytest
from helpers import graphs
from helpers.live import KEY, LiveServer, end, wait_for
from PIL import Image

from ffmpeg_style.errors import InputError
from ffmpeg_style.live.controls import Controls, initial_controls
from ffmpeg_style.live.paintings import LONG_SIDE, MAX_SIZE, keep_painting

RED = (160, 90, 100)


def encoded(image, kind="PNG"):
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("image", "size"),
    [
        (Image.new("RGB", (90, 70), RED), (90, 70)),
        (Image.new("RGB", (1, 1), RED), (1, 1)),
        (Image.new("RGB", (4000, 20), RED), (LONG_SIDE, 10)),
    ],
)
def test_a_painting_is_kept_as_a_png_of_its_pixels(tmp_path, image, size):
    content = encoded(image)
    path = asyncio.run(keep_painting(tmp_path / "paintings", content))
    with Image.open(path) as kept:
        assert (kept.format, kept.size) == ("PNG", size)
        assert (np.asarray(kept) == RED).all()
    os.utime(path, (1000, 1000))
    assert asyncio.run(keep_painting(tmp_path / "paintings", content)) == path
    assert path.stat().st_mtime > 1000  # so that it is not swept away as an old one
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "unreadable file"),
        (b"no picture", "unreadable file"),
        (encoded(Image.new("1", (20000, 20000))), "million pixels"),
        (encoded(Image.new("RGB", (90, 70)))[:-30], "unreadable file|truncated"),
    ],
)
def test_what_is_no_picture_is_told_and_leaves_nothing(tmp_path, content, words):
    with pytest.raises(InputError, match=words) as error:
        asyncio.run(keep_painting(tmp_path, content))
    assert "\n" not in str(error.value) and str(tmp_path) not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_controls_go_back_from_a_painting_to_styles():
    controls = Controls(pictures="/state/paintings/a.png")
    assert controls.filter_options()["style"] == "/state/paintings/a.png"
    told = controls.as_json(["any"])
    assert told["painting"] is True
    assert controls.changed(told, ["any"]) == controls
    assert controls.changed({"strength": 0.5}, ["any"]).pictures == controls.pictures
    assert controls.changed({"style": "any"}, ["any"]).pictures is None
    assert controls.changed({"painting": False}, ["any"]).pictures is None
    for wrong in (True, "/etc/passwd", None):
        with pytest.raises(InputError, match="painting"):
            initial_controls(["any"]).changed({"painting": wrong}, ["any"])


@pytest.fixture
def server(tmp_path):
    """A server with a model for any painting."""
    server = LiveServer(tmp_path, graphs.any_graph(tmp_path / "any.pb"))
    yield server
    assert server.stop() == 130


@pytest.fixture
def camera(server):
    """What it films is grey; the stream's name is "door"."""
    camera = server.publish("door", source="color=0x5a5a5a:size=160x96:rate=10")
    wait_for(lambda: server.is_painting("door"))
    yield camera
    end(camera)


def is_red(server):
    """Whether the stream is painted after a picture of that colour."""
    picture = np.frombuffer(server.picture("door", 8, 8), np.uint8).reshape(-1, 3)
    return np.abs(picture.mean(axis=0) - (150, 80, 90)).max() < 8


def has_painting(server):
    """Whether the stream is painted after a picture that was dropped."""
    return server.streams()["door"]["controls"]["painting"]


def test_a_program_sends_a_painting(server, camera):
    painting = encoded(Image.new("RGB", (90, 70), RED))

    def send(content, kind="image/png", key=KEY):
        headers = {"Content-Type": kind}
        return server.request("/streams/door/painting", content, key, headers)

    assert send(painting, key=None)[0] == 401
    assert send(painting, "text/plain")[0] == 415
    assert send(b"no picture")[0] == 400
    assert send(bytes(MAX_SIZE + 1))[0] == 413
    assert not has_painting(server)
    status, answer = send(painting)
    assert status == 200 and json.loads(answer)["painting"] is True
    wait_for(lambda: is_red(server))
    assert has_painting(server)


def test_a_painting_is_dropped_onto_the_page(server, camera, chromium, tmp_path):
    script = chromium.execute_script
    files = {"red.jpg": encoded(Image.new("RGB", (90, 70), RED), "JPEG"), "text.txt": b"no picture"}
    files |= {"large.png": bytes(MAX_SIZE + 1), "text.png": b"no picture"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    def told(name, where="article"):
        """What the page says of a file that was dropped."""
        drop(chromium, tmp_path / name, where)
        return wait_for(lambda: script("return document.querySelector('.note').textContent"))

    chromium.get(f"http://127.0.0.1:{server.http_port}/")
    wait_for(lambda: script("return cards.has('door')"))
    wait_for(lambda: not script("return document.querySelector('.painting').hidden"))
    assert told("red.jpg") == "this needs the key: enter it above"
    chromium.get(f"http://127.0.0.1:{server.http_port}/?again#key={KEY}")
    wait_for(lambda: script("return cards.has('door')"))
    wait_for(lambda: not script("return document.querySelector('.controls').disabled"))
    drop(chromium, tmp_path / "red.jpg", "header")
    assert script("return cards.size") == 1, "it was not opened in place of the page"
    assert told("large.png") == "expected a picture of at most 20 MB"
    for name in ("text.txt", "text.png"):
        script("cards.get('door').refuse('')")
        assert "unreadable file" in told(name)
    assert not has_painting(server)

    drop(chromium, tmp_path / "red.jpg", "article")
    wait_for(lambda: is_red(server))
    wait_for(lambda: script("return document.querySelector('.note').hidden"))
    wait_for(lambda: not script("return document.querySelector('.unpaint').hidden"))
    script("document.querySelector('.unpaint').click()")
    wait_for(lambda: not has_painting(server))


def drop(browser, path, where):
    """Drops a file onto an element, as a hand does."""
    box = browser.execute_script(
        "return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", where
    )
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 20}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, **at, "data": data}
        browser.execute_cdp_cmd("Input.dispatchDragEvent", event)
