"""Paintings dropped onto a stream."""

import asyncio
import io
import json
import os

import numpy as np
import pytest
from helpers import graphs
from helpers.live import KEY, LiveServer, wait_for
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


def test_a_painting_is_dropped_onto_a_stream(tmp_path):
    server = LiveServer(tmp_path, graphs.any_graph(tmp_path / "any.pb"))
    camera = server.publish("door", source="color=0x5a5a5a:size=160x96:rate=10")
    try:
        wait_for(lambda: server.is_painting("door"))
        painting = encoded(Image.new("RGB", (90, 70), RED))

        def drop(content, kind="image/png", key=KEY):
            headers = {"Content-Type": kind}
            return server.request("/streams/door/painting", content, key, headers)

        assert drop(painting, key=None)[0] == 401
        assert drop(painting, "text/plain")[0] == 415
        assert drop(b"no picture")[0] == 400
        assert drop(bytes(MAX_SIZE + 1))[0] == 413
        assert server.streams()["door"]["controls"]["painting"] is False
        status, answer = drop(painting)
        assert status == 200 and json.loads(answer)["painting"] is True

        def is_red():
            picture = np.frombuffer(server.picture("door", 8, 8), np.uint8).reshape(-1, 3)
            return np.abs(picture.mean(axis=0) - (150, 80, 90)).max() < 8

        wait_for(is_red)
        assert server.streams()["door"]["controls"]["painting"] is True
    finally:
        camera.kill()
        camera.wait()
        assert server.stop() == 130
