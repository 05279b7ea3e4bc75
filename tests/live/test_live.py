"""The live server as its users meet it: real nginx, real ffmpeg, real model."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from helpers import graphs
from helpers.live import (
    KEY,
    PATIENCE,
    LiveServer,
    command_line,
    end,
    final_counts,
    free_port,
    is_alive,
    listens,
    wait_for,
)
from rtmp_client import may_play, may_publish

from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.live.access import KEY_VARIABLE

HOSTILE_NAMES = [
    "../../etc/passwd", "..", ".", "-x", "_x", "a/b", "a b", "a;id", "$(id)", "`id`", "a|b", "a&b",
    "a'b", 'a"b', "a\\b", "a%2Fb", "a\nb", "a:b", "a,b", "[a]", "a=b", "a#b", "é", "a" * 65, "*",
    "a@b",     "a.flv", "flv:a", "mp4:a", "~", "a\x01b", "%00", "{a}", "a?name=b", "", "a\0/b",
]  # fmt: skip
RED = "color=0xC04020:size=160x96:rate=10"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of two styles."""
    return graphs.contract_graph(tmp_path_factory.mktemp("model") / "two.pb", ("wave", "scream"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, model):
    """A server that the tests of this file share."""
    server = LiveServer(tmp_path_factory.mktemp("live"), model)
    yield server
    assert server.stop() == 130, server.log()
    assert not server.state.exists()
    assert KEY not in server.log()


@pytest.fixture(scope="module")
def camera(server):
    """A camera that publishes as "cam", painted by now."""
    with publishing(server, "cam"):
        wait_for(lambda: server.is_painting("cam"))
        yield "cam"
    wait_for(lambda: not server.streams() and not server.painters())


@contextlib.contextmanager
def publishing(server, name, **options):
    """A camera that publishes meanwhile."""
    camera = server.publish(name, **options)
    try:
        yield
    finally:
        end(camera)


def is_red(colors):
    """Whether they are those of `RED`, which the model's styles turn."""
    red, green, blue = colors
    return red > 150 > 100 > max(green, blue)


def colors(server, name):
    """Mean of each plane of the next painted frame."""
    pixels = server.picture(name, 80, 48)
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


def test_status_counts_viewers(server, camera, tmp_path):
    # The viewer of another test may have left within the second in which nginx is asked.
    wait_for(lambda: server.streams()[camera]["viewers"] == 0)
    address = f"rtmp://127.0.0.1:{server.rtmp_port}/painted/{camera}"
    viewers = []
    try:
        for _ in range(2):
            play = [ffmpeg_path(), "-nostdin", "-v", "error", "-i", address, "-f", "null", "-"]
            viewers.append(subprocess.Popen(play))
        wait_for(lambda: server.streams()[camera]["viewers"] == 2)
    finally:
        for viewer in viewers:
            end(viewer)
    wait_for(lambda: server.streams()[camera]["viewers"] == 0)


def test_status_counts_every_frame(server, camera):
    stream = server.streams()[camera]
    assert 0 <= stream["frames"]["in_flight"] <= 64
    assert stream["frames"]["lost"] == 0
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


def test_controls_act_without_a_restart(server):
    with publishing(server, "plain", source=RED):
        wait_for(lambda: server.is_painting("plain", 1))
        path = "/streams/plain/controls"
        painter = server.painters("plain")
        for strength, is_source in ((0, True), (1, False)):
            assert server.request(path, {"strength": strength}, KEY)[0] == 200
            wait_for(lambda goal=is_source: is_red(colors(server, "plain")) == goal)
        assert server.request(path, {"style": {"wave": 0.5, "scream": 0.5}}, KEY)[0] == 200
        mix = server.streams()["plain"]["controls"]["style"]
        assert mix == {"wave": 0.5, "scream": 0.5}
        assert server.painters("plain") == painter


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


def test_code_gives_the_key_to_its_holder_alone(server):
    codes = [server.request("/qr.svg", key=key)[1] for key in (None, "wrong", KEY)]
    assert codes[0] == codes[1] != codes[2]
    assert codes[0].startswith(b"<?xml")


def test_session_that_was_closed_is_none(server, camera):
    def ask(method, path, body, cookie=""):
        headers = {"Content-Type": "application/json", "Cookie": cookie}
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port)
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, (answer.getheader("Set-Cookie") or "").partition(";")[0]

    change = ("POST", f"/streams/{camera}/controls", {"strength": 1})
    status, cookie = ask("POST", "/session", {"key": KEY})
    assert status == 204
    assert ask(*change, cookie)[0] == 200
    assert ask("DELETE", "/session", None, cookie)[0] == 204
    assert ask(*change, cookie)[0] == 401


def test_another_site_cannot_control(server, camera):
    headers = {"Content-Type": "text/plain"}
    answer = server.request(f"/streams/{camera}/controls", {"strength": 0.5}, KEY, headers)
    assert answer[0] == 415


def test_no_key_in_any_command_line(server, camera):
    lines = [command_line(pid) for pid in [server.process.pid, *server.children()]]
    assert len(lines) >= 4, "the server, nginx, a reader and a painter"
    assert all(KEY.encode() not in line for line in lines)


def test_controls_act_on_a_painter_that_starts(server):
    with publishing(server, "early", source=RED):
        wait_for(lambda: "early" in server.streams())
        assert server.streams()["early"]["state"] != "painting"
        assert server.request("/streams/early/controls", {"strength": 0}, KEY)[0] == 200
        wait_for(lambda: server.is_painting("early"))
        assert is_red(colors(server, "early")), "the style would turn the colours"
    wait_for(lambda: "early" not in server.streams())


def test_a_camera_is_painted_from_its_first_frame_on(server):
    """Its only key frame: the painter is there before the camera may send."""
    camera = server.publish("brief", seconds=3, gop=1000)
    assert camera.wait(PATIENCE) == 0
    counts = wait_for(lambda: final_counts(server.log(), "brief"))
    assert counts["in"] == 30 == counts["painted"] + counts["dropped"]


def test_hostile_names_and_keys_start_nothing(server):
    wait_for(lambda: len(server.painters()) == len(server.streams()))
    before = sorted(server.children())
    files = sorted(path.name for path in server.state.iterdir())
    key = f"?key={KEY}"
    attempts = [(name + key).encode("latin-1") for name in HOSTILE_NAMES]
    attempts += [f"cam{i}?key=wrong-key-{i}".encode() for i in range(8)]
    attempts += [f"good{key}&name=other".encode(), f"good?key=wrong&key={KEY}".encode(), b"good"]
    accepted = [name for name in attempts if may_publish(server.rtmp_port, b"camera", name)]
    assert not accepted
    assert not may_publish(server.rtmp_port, b"camera", b"good", pageUrl=f"x&key={KEY}".encode())
    assert not [name for name in server.streams() if name != "cam"]
    assert sorted(server.children()) == before
    assert sorted(path.name for path in server.state.iterdir()) == files


def test_nobody_else_publishes_the_painting_or_plays_the_camera(server, camera):
    port = server.rtmp_port
    assert not may_publish(port, b"painted", f"new?key={KEY}".encode())
    assert not may_publish(port, b"painted", f"{camera}?ticket=x".encode())
    assert not may_play(port, b"camera", f"{camera}?key={KEY}".encode())
    assert may_play(port, b"painted", camera.encode())


def test_killed_and_frozen_painters_come_back(server, camera):
    for number in (signal.SIGKILL, signal.SIGSTOP):
        (painter,) = server.painters()
        painted = server.streams()[camera]["frames"]["painted"]
        os.kill(painter, number)
        wait_for(lambda painter=painter: not is_alive(painter))
        wait_for(lambda goal=painted + 30: server.is_painting(camera, goal))
    stream = server.streams()[camera]
    assert stream["restarts"] >= 2


def test_camera_that_leaves_leaves_nothing(server):
    folders = set(server.state.glob("stream-*"))
    painters = set(server.painters())
    with publishing(server, "short", source="testsrc2=size=640x360:rate=60"):
        wait_for(lambda: server.is_painting("short", 30))
    wait_for(lambda: "short" not in server.streams())
    wait_for(lambda: set(server.painters()) == painters)
    wait_for(lambda: set(server.state.glob("stream-*")) == folders)
    counts = wait_for(lambda: final_counts(server.log(), "short"))
    # Each was counted in a place of its own.
    assert counts["in"] == counts["painted"] + counts["dropped"]
    assert counts["painted"] >= 30
    assert (counts["in flight"], counts["lost"]) == (0, 0)


def test_what_a_painter_is_too_late_for_when_its_camera_leaves_is_dropped(server):
    camera = server.publish("late")
    wait_for(lambda: server.is_painting("late", 1))
    (painter,) = server.painters("late")
    os.kill(painter, signal.SIGSTOP)
    wait_for(lambda: server.streams()["late"]["frames"]["in_flight"])
    end(camera)
    counts = wait_for(lambda: final_counts(server.log(), "late"))
    assert counts["in"] == counts["painted"] + counts["dropped"]
    assert (counts["in flight"], counts["lost"]) == (0, 0)


def test_what_waits_for_a_painter_when_its_camera_leaves_is_dropped(server):
    """There is more of it than a pipe holds."""
    noise = "testsrc2=size=640x360:rate=60,noise=alls=60:allf=t"
    with publishing(server, "full", source=noise):
        wait_for(lambda: server.is_painting("full", 1))
        (painter,) = server.painters("full")
        os.kill(painter, signal.SIGSTOP)
        wait_for(lambda: server.streams()["full"]["frames"]["in_flight"] > 60)
    counts = wait_for(lambda: final_counts(server.log(), "full"))
    assert counts["in"] == counts["painted"] + counts["dropped"]
    assert (counts["in flight"], counts["lost"]) == (0, 0)


def test_what_comes_when_the_painter_was_told_to_end_is_dropped(server):
    """A reader that is behind gives it while the painter has some seconds to end."""
    camera = server.publish("behind")
    wait_for(lambda: server.is_painting("behind", 1))
    (painter,) = server.painters("behind")
    (reader,) = (pid for pid in server.children() if b"camera/behind" in command_line(pid))
    came = server.streams()["behind"]["frames"]["in"]
    os.kill(painter, signal.SIGSTOP)
    os.kill(reader, signal.SIGSTOP)
    time.sleep(1)  # the camera sends some more
    end(camera)
    wait_for(lambda: "behind: the camera is gone" in server.log())
    os.kill(reader, signal.SIGCONT)
    counts = wait_for(lambda: final_counts(server.log(), "behind"))
    assert counts["in"] > came
    assert counts["in"] == counts["painted"] + counts["dropped"]
    assert (counts["in flight"], counts["lost"]) == (0, 0)


def test_camera_leaves_and_comes_back(server):
    for _ in range(2):
        camera = server.publish("back")
        wait_for(lambda: server.is_painting("back", 1))
        end(camera)
        wait_for(lambda: "back" not in server.streams())
    wait_for(lambda: not any(b"/back" in command_line(pid) for pid in server.painters()))


@pytest.fixture
def turning_clip(tmp_path):
    """A list for ffmpeg's concat: a clip lying down, then one that stands upright."""
    # The second outlasts the test, however slow the machine.
    for name, size, seconds in (("lying", "160x96", 8), ("upright", "96x160", 300)):
        source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration={seconds}"]
        # Each key frame says the size again, as a phone's do that is turned.
        encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p"]
        command = [ffmpeg_path(), "-v", "error", *source, *encoder, tmp_path / f"{name}.h264"]
        subprocess.run(command, check=True)
    path = tmp_path / "clips.txt"
    path.write_text("file lying.h264\nfile upright.h264\n")
    return path


def test_camera_that_is_turned(server, turning_clip):
    source = [ffmpeg_path(), "-nostdin", "-v", "error", "-re", "-f", "concat", "-i", turning_clip]
    address = server.camera_address("turning")
    camera = subprocess.Popen([*source, "-c", "copy", "-f", "flv", address])
    try:
        wait_for(lambda: "turning" in server.streams())
        assert server.request("/streams/turning/controls", {"strength": 0}, KEY)[0] == 200
        # The second clip begins with the 81st frame; those of the start may have been dropped.
        wait_for(lambda: server.streams()["turning"]["frames"]["in"] > 90)
        wait_for(lambda: bars(server.picture("turning", 15, 9), 15) == [True, False, True])
        stream = server.streams()["turning"]
        assert stream["restarts"] == 0
        assert stream["frames"]["painted"] > 30
    finally:
        end(camera)


def bars(pixels, width):
    """Whether the left, the middle and the right column of a picture are black."""
    columns = [[pixels[3 * i : 3 * i + 3] for i in range(x, 9 * width, width)] for x in (1, 7, 13)]
    return [max(max(pixel) for pixel in column) < 40 for column in columns]


def test_taken_name_and_too_many_streams(server, camera):
    assert server.publish(camera, seconds=2).wait(60) != 0
    assert server.is_painting(camera)


def test_nginx_that_crashes_is_started_again(tmp_path, model):
    server = LiveServer(tmp_path, model)
    try:
        (crashed,) = server.children()
        with publishing(server, "before"):
            wait_for(lambda: server.is_painting("before", 1))
            os.kill(crashed, signal.SIGKILL)
            wait_for(lambda: not server.streams())
        wait_for(lambda: server.children() not in ([], [crashed]))
        wait_for(lambda: accepts(server, "after"))
        with publishing(server, "again"):
            wait_for(lambda: server.is_painting("again", 1))
    finally:
        assert server.stop() == 130


def accepts(server, name):
    """Whether a camera may publish; False while nginx does not listen."""
    try:
        return may_publish(server.rtmp_port, b"camera", f"{name}?key={KEY}".encode())
    except ConnectionRefusedError:
        return False


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_public_address_needs_a_key(tmp_path, model, host):
    command = [sys.executable, "-m", "ffmpeg_style", "live", "--model", model, "--host", host]
    ports = ["--rtmp-port", str(free_port()), "--http-port", str(free_port())]
    result = subprocess.run(
        [*command, *ports, "--state", tmp_path / "state"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode != 0
    assert f"{host} can be reached from other machines: expected a key" in result.stderr
    assert not (tmp_path / "state").exists()


def test_every_address_of_ipv6(tmp_path, model):
    command = [sys.executable, "-m", "ffmpeg_style", "live", "--model", model, "--host", "::"]
    rtmp_port, http_port = free_port(), free_port()
    ports = ["--rtmp-port", str(rtmp_port), "--http-port", str(http_port)]
    server = subprocess.Popen(
        [*command, *ports, "--state", tmp_path / "state"], env=os.environ | {KEY_VARIABLE: KEY}
    )
    try:
        wait_for(lambda: listens(http_port, "::1"))
        wait_for(lambda: listens(rtmp_port, "::1"))  # nginx opens one port after the other
        wait_for(lambda: listens(rtmp_port))  # painters come in by 127.0.0.1
    finally:
        server.terminate()
        assert server.wait(PATIENCE) == 143


def test_kill_takes_everything_down(tmp_path, model):
    server = LiveServer(tmp_path, model, "--demo")
    wait_for(lambda: len(server.children()) == 4)
    children = server.children()
    server.process.kill()
    server.process.wait()
    wait_for(lambda: not any(map(is_alive, children)))


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
        assert server.stop(signal.SIGTERM) == 143
