"""The live server as its users meet it: real nginx, real ffmpeg, real model."""

import concurrent.futures
import json
import os
import re
import signal
import subprocess

import graphs
import pytest
from live import KEY, LiveServer, command_line, end, is_alive, wait_for

from ffmpeg_style.program import ffmpeg_path

HOSTILE_NAMES = [
    "../../etc/passwd", "..", ".", "-x", "_x", "a/b", "a b", "a;id", "$(id)", "`id`", "a|b", "a&b",
    "a'b", 'a"b', "a\\b", "a%2Fb", "a\nb", "a:b", "a,b", "[a]", "a=b", "a#b", "é", "a" * 65, "*",
    "a@b",     "a.flv", "flv:a", "mp4:a", "~", "a\x01b", "%00", "{a}", "a?name=b",
]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of two styles."""
    return graphs.contract_graph(tmp_path_factory.mktemp("model") / "two.pb", ("wave", "scream"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, model):
    """A server that the tests of this file share."""
    server = LiveServer(tmp_path_factory.mktemp("live"), model)
    yield server
    assert server.stop() == 0, server.log()
    assert not server.state.exists()
    assert KEY not in server.log()


@pytest.fixture(scope="module")
def camera(server):
    """A camera that publishes as "cam", painted by now."""
    camera = server.publish("cam")
    wait_for(lambda: server.is_painting("cam"))
    yield "cam"
    end(camera)
    wait_for(lambda: not server.streams() and not server.painters())


def colors(server, name, folder):
    """Mean of each plane of the next painted frame."""
    path = folder / "frame.rgb"
    assert server.play(name, path, *["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24"]) == 0
    pixels = path.read_bytes()
    return [sum(pixels[plane::3]) / len(pixels[plane::3]) for plane in range(3)]


def test_painting_reaches_players_with_sound(server, camera, tmp_path):
    path = tmp_path / "painted.flv"
    assert server.play(camera, path, "-t", "1", "-c", "copy") == 0
    probe = subprocess.run(
        [ffmpeg_path("ffprobe"), *["-v", "error", "-of", "json", "-show_streams"], path],
        capture_output=True,
    )
    streams = {stream["codec_type"]: stream for stream in json.loads(probe.stdout)["streams"]}
    assert (streams["video"]["width"], streams["video"]["height"]) == (160, 96)
    assert streams["audio"]["codec_name"] == "aac"


def test_status_counts_every_frame(server, camera):
    stream = server.streams()[camera]
    at_work = stream["frames"]["in"] - stream["frames"]["painted"] - stream["frames"]["dropped"]
    assert 0 <= at_work <= 64
    assert stream["state"] == "painting"
    assert stream["delay"] is not None


def test_segments_for_browsers(server, camera):
    for kind in ("painted", "source"):
        playlist = wait_for(lambda kind=kind: server.request(f"/streams/{camera}/{kind}.m3u8")[1])
        segment = re.findall(rb"^\S+\.ts$", playlist, re.MULTILINE)[-1].decode()
        status, body = server.request(f"/streams/{camera}/{segment}")
        assert (status, body[:1]) == (200, b"G"), "an MPEG-TS packet begins with 0x47"


@pytest.mark.parametrize(
    "file", ["nginx.conf", "..%2fnginx.conf", "painted.m3u8.tmp", "%2e%2e/log"]
)
def test_no_other_file_is_served(server, camera, file):
    assert server.request(f"/streams/{camera}/{file}")[0] in (403, 404)


def test_controls_act_without_a_restart(server, camera, tmp_path):
    path = f"/streams/{camera}/controls"
    painter = server.painters()
    pictures = {}
    for strength in (0, 1):
        assert server.request(path, {"strength": strength}, KEY)[0] == 200
        painted = server.streams()[camera]["frames"]["painted"]
        wait_for(lambda goal=painted + 20: server.is_painting(camera, goal))
        pictures[strength] = colors(server, camera, tmp_path)
    assert max(abs(a - b) for a, b in zip(pictures[0], pictures[1], strict=True)) > 5
    assert server.request(path, {"style": {"wave": 0.5, "scream": 0.5}}, KEY)[0] == 200
    assert server.streams()[camera]["controls"]["style"] == {"wave": 0.5, "scream": 0.5}
    assert server.painters() == painter


@pytest.mark.parametrize(
    "change",
    [
        {"strength": 2}, {"strength": "1"}, {"strength": True}, {"strength": float("nan")},
        {"colors": "red,drawtext=x"}, {"style": "none"}, {"style": {"wave": -1}},
        {"style": {"wave": 0}}, {"style": 3}, {"model": "/etc/passwd"}, [],
    ],
)  # fmt: skip
def test_hostile_controls_are_refused(server, camera, change):
    before = server.streams()[camera]["controls"]
    assert server.request(f"/streams/{camera}/controls", change, KEY)[0] == 400
    assert server.streams()[camera]["controls"] == before


def test_control_needs_the_key(server, camera):
    path = f"/streams/{camera}/controls"
    for key in (None, "wrong", KEY + "x", KEY[:-1]):
        assert server.request(path, {"strength": 0.5}, key)[0] == 401
    assert server.request("/session", {"key": "wrong"})[0] == 401
    assert server.request("/session", {"key": KEY})[0] == 204


def test_another_site_cannot_control(server, camera):
    headers = {"Content-Type": "text/plain"}
    answer = server.request(f"/streams/{camera}/controls", {"strength": 0.5}, KEY, headers)
    assert answer[0] == 415


def test_no_key_in_any_command_line(server, camera):
    lines = [command_line(pid) for pid in [server.process.pid, *server.children()]]
    assert len(lines) == 3
    assert all(KEY.encode() not in line for line in lines)


def test_hostile_names_and_keys_start_nothing(server):
    before = sorted(server.children())
    files = sorted(path.name for path in server.state.iterdir())
    attempts = [(name, KEY) for name in HOSTILE_NAMES if "\n" not in name]
    attempts += [(f"cam{i}", f"wrong-key-{i}") for i in range(8)]
    attempts += [("cam", f"{KEY}&name=other"), ("cam", f"wrong&key={KEY}"), ("cam", "")]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        cameras = list(pool.map(lambda attempt: server.publish(*attempt, seconds=2), attempts))
        codes = list(pool.map(lambda camera: camera.wait(120), cameras))
    refused = [code != 0 for code in codes]
    assert all(refused), [a for a, good in zip(attempts, refused, strict=True) if not good]
    assert not [name for name in server.streams() if name != "cam"]
    assert sorted(server.children()) == before
    assert sorted(path.name for path in server.state.iterdir()) == files


def test_nobody_else_publishes_the_painting_or_plays_the_camera(server, camera, tmp_path):
    for address in (f"painted/new?key={KEY}", f"painted/{camera}?ticket=x"):
        url = f"rtmp://127.0.0.1:{server.rtmp_port}/{address}"
        command = [
            "-v",
            "quiet",
            "-f",
            "lavfi",
            "-i",
            "testsrc2",
            "-t",
            "1",
            "-c:v",
            "libx264",
            "-f",
            "flv",
        ]
        assert subprocess.run([ffmpeg_path(), *command, url]).returncode != 0
    assert server.play(f"../camera/{camera}", tmp_path / "x.flv", "-t", "1") != 0


def test_killed_and_frozen_painters_come_back(server, camera):
    for number in (signal.SIGKILL, signal.SIGSTOP):
        (painter,) = server.painters()
        painted = server.streams()[camera]["frames"]["painted"]
        os.kill(painter, number)
        wait_for(lambda painter=painter: not is_alive(painter))
        wait_for(lambda goal=painted + 30: server.is_painting(camera, goal))
    stream = server.streams()[camera]
    assert stream["restarts"] >= 2


def test_camera_leaves_and_comes_back(server):
    for _ in range(2):
        camera = server.publish("back")
        wait_for(lambda: server.is_painting("back", 1))
        end(camera)
        wait_for(lambda: "back" not in server.streams())
    wait_for(lambda: not any(b"/back" in command_line(pid) for pid in server.painters()))


def test_taken_name_and_too_many_streams(server, camera):
    assert server.publish(camera, seconds=2).wait(60) != 0
    assert server.is_painting(camera)


def test_kill_takes_everything_down(tmp_path, model):
    server = LiveServer(tmp_path, model, "--demo")
    wait_for(lambda: len(server.children()) == 3)
    children = server.children()
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not any(map(is_alive, children)), seconds=2)


def test_demo_is_painted_for_the_key_holder_alone_when_private(tmp_path, model):
    server = LiveServer(tmp_path, model, "--demo", "--private", "--max-streams", "1")
    try:
        wait_for(lambda: server.is_painting("demo", 1))
        assert server.request("/status")[0] == 401
        assert server.request("/streams/demo/painted.m3u8")[0] == 401
        path = tmp_path / "x.flv"
        assert server.play("demo", path, "-t", "0.5", "-c", "copy") != 0
        assert server.play("demo", path, "-t", "0.5", "-c", "copy", query=f"?key={KEY}") == 0
        assert server.publish("second", seconds=2).wait(60) != 0, "one stream more than allowed"
    finally:
        assert server.stop() == 0
