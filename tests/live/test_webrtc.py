"""WHIP in, WHEP out, in real browsers."""

import contextlib
import json
import os
import random
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from helpers import graphs, webrtc
from helpers.live import (
    KEY,
    LiveServer,
    command_line,
    end,
    final_counts,
    is_alive,
    wait_for,
)

from ffmpeg_style.ffmpeg.program import ffmpeg_path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a model of two styles, which the tests of this file share."""
    folder = tmp_path_factory.mktemp("webrtc")
    model = graphs.contract_graph(folder / "two.pb", ("wave", "scream"))
    # On every address, since Firefox's WebRTC reaches no loopback one.
    server = LiveServer(folder, model, "--host", "0.0.0.0")
    yield server
    assert server.stop() == 130, server.log()


@pytest.fixture
def camera(browser, server):
    """A browser that publishes by WHIP as "phone", painted by now."""
    webrtc.open_page(browser, server)
    webrtc.publish(browser, "phone")
    wait_for(lambda: server.is_painting("phone"))
    yield browser
    browser.execute_script("camera.close()")
    wait_for(lambda: not server.streams() and not server.children()[1:])


@pytest.fixture
def viewer(request, camera, chromium):
    """The other browser."""
    other = camera.capabilities["browserName"] == "chrome"
    return request.getfixturevalue("firefox") if other else chromium


def test_camera_in_one_browser_is_seen_in_another(server, camera, viewer):
    webrtc.open_page(viewer, server)
    webrtc.watch(viewer, "phone")
    width, height = webrtc.wait_for_frames(viewer)
    assert width / height == pytest.approx(320 / 180, rel=0.05)
    wait_for(lambda: webrtc.statistics(viewer)["sound"] > 10)
    wait_for(lambda: server.streams()["phone"]["viewers"] == 1)
    viewer.execute_script("viewer.close()")
    wait_for(lambda: server.streams()["phone"]["viewers"] == 0)


def test_camera_by_whip_is_painted_for_rtmp_players_and_hls(server, chromium, tmp_path):
    with publishing(chromium, server, "web"):
        path = tmp_path / "painted.flv"
        wait_for(lambda: server.play("web", path, "-t", "1", "-c", "copy") == 0)
        probe = [ffmpeg_path("ffprobe"), "-v", "error", "-of", "json", "-show_streams", path]
        streams = json.loads(subprocess.run(probe, capture_output=True, check=True).stdout)
        assert {stream["codec_name"] for stream in streams["streams"]} == {"h264", "aac"}
        wait_for(lambda: b".ts" in server.request("/streams/web/painted.m3u8", key=KEY)[1])
    counts = wait_for(lambda: final_counts(server.log(), "web"))
    assert counts["in"] == counts["painted"] + counts["dropped"] > 0
    assert not list(server.state.glob("stream-*"))


def test_camera_by_rtmp_is_watched_by_whep(server, chromium):
    red = "color=0xC04020:size=160x96:rate=10"
    camera = server.publish("studio", source=red)
    try:
        wait_for(lambda: server.is_painting("studio"))
        assert server.request("/streams/studio/controls", {"strength": 0}, KEY)[0] == 200
        webrtc.open_page(chromium, server)
        webrtc.watch(chromium, "studio")
        assert webrtc.wait_for_frames(chromium) == (160, 96)
        wait_for(lambda: colors_are_near(chromium.execute_script(webrtc.COLORS), (192, 64, 32)))
        wait_for(lambda: webrtc.statistics(chromium)["sound"] > 10)
        wait_for(lambda: server.streams()["studio"]["viewers"] == 1)
        chromium.execute_script("viewer.close()")
        wait_for(lambda: server.streams()["studio"]["viewers"] == 0)
    finally:
        end(camera)
    wait_for(lambda: not server.streams() and len(server.children()) == 1)


def test_worker_that_dies_is_replaced_and_viewers_stay(server, chromium):
    with publishing(chromium, server, "web"):
        webrtc.watch(chromium, "web")
        webrtc.wait_for_frames(chromium)
        (worker,) = workers(server)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: not is_alive(worker))
        webrtc.wait_for_frames(chromium, 20)
        assert server.streams()["web"]["restarts"] == 1
        assert chromium.execute_script("return [...new Set(states)].join()") == "connected"
    wait_for(lambda: len(server.children()) == 1)


def test_viewer_stays_when_the_camera_leaves_and_comes_back(server, chromium, firefox):
    with publishing(chromium, server, "web"):
        webrtc.open_page(firefox, server)
        webrtc.watch(firefox, "web")
        webrtc.wait_for_frames(firefox)
        session = firefox.execute_script("return viewer.session")
    with publishing(chromium, server, "web"):
        wait_for(lambda: server.streams()["web"]["viewers"] == 1)
        webrtc.wait_for_frames(firefox)
        assert firefox.execute_script("return viewer.session") == session, "nothing was lost"
        firefox.execute_script("viewer.close()")


def test_hostile_offers_are_refused(server, chromium):
    webrtc.open_page(chromium, server)
    offer = chromium.execute_async_script(OFFER)
    address = "/streams/{}/whip"
    wait_for(lambda: len(server.children()) == 1)  # nginx
    assert exchange(server, address.format("cam"), offer, key=None)[0] == 401
    assert exchange(server, address.format("%2e%2e"), offer)[0] in (400, 404)
    for length in (65, 7000, 10_000):
        assert exchange(server, address.format("a" * length), offer)[0] == 400
    assert exchange(server, "/streams/none/whep", offer)[0] == 409
    for session in ("1", "a" * 32, "a" * 10_000, "%2e%2e"):
        assert delete(server, f"/sessions/{session}") in (400, 404)
    candidates = "a=candidate:1 1 udp 1 203.0.113.9 9 typ host\r\n" * 5000
    assert exchange(server, address.format("cam"), offer + candidates)[0] == 413
    source = random.Random(4)
    before = memory(server)
    for _ in range(40):
        status, body = exchange(server, address.format("cam"), webrtc.mutated(offer, source))
        assert status in (201, 400, 409, 413), body
    wait_for(lambda: not server.streams())
    wait_for(lambda: len(server.children()) == 1)
    assert memory(server) - before < 32
    descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    assert descriptors < 40, "connections that were refused are closed"


def memory(server):
    """Resident MB of the server's own process."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


OFFER = """
const done = arguments[arguments.length - 1];
const peer = new RTCPeerConnection();
for (const kind of ["audio", "video"]) peer.addTransceiver(kind, { direction: "sendonly" });
peer.setLocalDescription().then(() => { done(peer.localDescription.sdp); peer.close(); });
"""


def exchange(server, path, offer, key=KEY):
    """(status, body) of a POST of an offer."""
    headers = {"Content-Type": "application/sdp"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    address = f"http://127.0.0.1:{server.http_port}{path}"
    request = urllib.request.Request(address, offer.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert delete(server, answer.headers["Location"]) == 200
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def delete(server, path):
    """The status of a DELETE."""
    address = f"http://127.0.0.1:{server.http_port}{path}"
    try:
        request = urllib.request.Request(address, method="DELETE")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@contextlib.contextmanager
def publishing(browser, server, name):
    """A browser that publishes by WHIP, painted by now."""
    webrtc.open_page(browser, server)
    webrtc.publish(browser, name)
    wait_for(lambda: server.is_painting(name))
    yield
    browser.execute_script("camera.close()")
    wait_for(lambda: name not in server.streams())


def workers(server):
    """The process numbers of the workers."""
    return [pid for pid in server.children() if b"webrtc.worker" in command_line(pid)]


def colors_are_near(colors, expected):
    """Whether RGB values differ by no more than two encoders make of them."""
    return all(abs(a - b) < 16 for a, b in zip(colors, expected, strict=True))
