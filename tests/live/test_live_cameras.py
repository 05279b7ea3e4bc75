"""Cameras whose headers, clocks and key frames are not what they should be."""

import dataclasses
import json
import os
import signal
import subprocess

import pytest
from helpers import graphs
from helpers.live import LiveServer, wait_for
from helpers.odd_camera import OddCamera, encoded

from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.live.rtmp import flv


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that the tests of this file share."""
    folder = tmp_path_factory.mktemp("cameras")
    model = graphs.contract_graph(folder / "wave.pb")
    server = LiveServer(folder, model, "--max-streams", "20")
    yield server
    assert server.stop() == 130, server.log()


@pytest.fixture(scope="module")
def clip():
    """Two minutes with sound, longer than any test takes: a key frame every two seconds."""
    return encoded(120)


def in_time(tags):
    """Tags as they are sent by a camera whose clock is right."""
    return [(tag.timestamp / 1000, tag) for tag in tags]


def packets_played(server, name, folder):
    """{"video": [seconds], "audio": [seconds]} of the packets that come in two seconds."""
    path = folder / f"{name}.flv"
    assert server.play(name, path, "-t", "2", "-c", "copy") == 0
    command = [ffmpeg_path("ffprobe"), "-v", "error", "-of", "json", "-show_packets", path]
    packets = json.loads(subprocess.run(command, stdout=subprocess.PIPE).stdout)["packets"]
    return {
        kind: [float(p["pts_time"]) for p in packets if p["codec_type"] == kind]
        for kind in ("video", "audio")
    }


def note(server, name):
    """What is said about a stream."""
    return server.streams().get(name, {}).get("note")


def test_clock_that_jumps_back_and_wraps(server, clip, tmp_path):
    def moved(tag):
        late = 2**32 - 2000 if tag.timestamp < 4000 else 500
        return dataclasses.replace(tag, timestamp=(tag.timestamp + late) % 2**32)

    with OddCamera(server, "clock", [(second, moved(tag)) for second, tag in in_time(clip)]):
        wait_for(lambda: server.is_painting("clock", 60))
        for kind, seconds in packets_played(server, "clock", tmp_path).items():
            assert 0.5 < max(seconds) - min(seconds) < 3, kind
            assert max(seconds) < 120, kind
        assert server.streams()["clock"]["restarts"] == 0


def test_painter_that_dies_long_after_the_only_key_frame(server):
    with OddCamera(server, "sparse", in_time(encoded(120, gop=10_000))):
        wait_for(lambda: server.is_painting("sparse", 5))
        for _ in range(2):
            (painter,) = server.painters("sparse")
            before = server.streams()["sparse"]["frames"]["painted"]
            os.kill(painter, signal.SIGKILL)
            wait_for(lambda goal=before + 5: server.is_painting("sparse", goal))
        frames = server.streams()["sparse"]["frames"]
        assert frames["painted"] + frames["dropped"] <= frames["in"], "none is painted twice"
        assert frames["lost"] >= 0


def test_first_key_frame_comes_late(server, clip, tmp_path):
    late = [tag for tag in clip if not (tag.is_key_frame and tag.timestamp < 4000)]
    with OddCamera(server, "late", in_time(late)):
        assert "No key frame" in wait_for(lambda: note(server, "late"))
        wait_for(lambda: server.is_painting("late"))
        stream = server.streams()["late"]
        assert (stream["restarts"], stream["note"]) == (0, None)
        assert packets_played(server, "late", tmp_path)["audio"]


def test_header_of_the_sound_comes_late(server, clip, tmp_path):
    header = next(tag for tag in clip if tag.kind == flv.SOUND and tag.is_header)
    late = dataclasses.replace(header, timestamp=3000)
    rest = [tag for tag in clip if tag.kind != flv.SOUND or tag.timestamp >= 3000]
    tags = sorted([late, *rest], key=lambda tag: tag.timestamp)
    with OddCamera(server, "mute", in_time(tags)):
        wait_for(lambda: server.is_painting("mute", 5))
        wait_for(lambda: server.streams()["mute"]["restarts"] == 1)
        wait_for(lambda: server.streams()["mute"]["state"] == "painting")
        assert packets_played(server, "mute", tmp_path)["audio"]


def without_picture(tag):
    """The sound alone."""
    return None if tag.kind == flv.PICTURE else tag


def as_av1(tag):
    """A picture that says that it is AV1, as Enhanced RTMP does."""
    if tag.kind != flv.PICTURE:
        return tag
    first = 0x80 | tag.body[0] & 0x70 | tag.is_frame
    return dataclasses.replace(tag, body=bytes([first]) + b"av01" + tag.body[5:])


def as_speex(tag):
    """Sound that says that it is Speex."""
    return tag if tag.kind != flv.SOUND else dataclasses.replace(tag, body=b"\xb2" + tag.body[1:])


@pytest.mark.parametrize(
    "change, is_painted, sentence",
    [
        (without_picture, False, "The camera sends sound alone: no picture has come."),
        (
            as_av1,
            False,
            "The camera sends AV1 that this server's ffmpeg can't decode: let it send H.264.",
        ),
        (
            as_speex,
            True,
            "The camera's sound is Speex, which is left out: let it send AAC.",
        ),
    ],
)
def test_codecs_that_can_not_be_shown_are_named(server, clip, change, is_painted, sentence):
    name = change.__name__
    tags = [tag for tag in map(change, clip) if tag]
    with OddCamera(server, name, in_time(tags)):
        assert wait_for(lambda: note(server, name)) == sentence
        wait_for(lambda: f"{name}: {sentence}" in server.log())
        assert bool(server.painters(name)) == is_painted
