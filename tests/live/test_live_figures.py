"""The live server measured against what is promised of it: `make check-live`, a quarter of an hour.

Cameras, viewers and the browser run on this machine, too, on 127.0.0.1.
"""

import os
import random
import signal
import subprocess
import threading
import time

import numpy as np
import pytest
from helpers import numbered
from helpers.live import (
    KEY,
    LiveServer,
    end,
    final_counts,
    is_alive,
    listens,
    wait_for,
)
from helpers.numbered import Scene, number_in
from rtmp_client import may_publish

from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.live.access import is_stream_name

pytestmark = pytest.mark.live

MODEL, HEAVY_MODEL = "wave-fast", "wave"
"""One for all but the overload, and one that is too slow for 1280x720."""
SECONDS, OVERLOAD_SECONDS = 40, 120
"""Of each measurement of delays."""

HOSTILE_NAMES = (
    b"../../etc/passwd", b"..", b".", b"/", b"-x", b"_x", b"a/b", b"a b", b"a;id", b"$(id)",
    b"`id`", b"a|b", b"a&b", b"a'b", b'a"b', b"a\\b", b"a%2Fb", b"a%00b", b"a\nb", b"a\r\nb",
    b"a:b", b"a,b", b"[a]", b"a=b", b"a#b", b"\xc3\xa9", b"\xff\xfe", b"a" * 65, b"a" * 300,
    b"a" * 60000, b"*", b"@", b"a.flv", b"flv:a", b"mp4:a", b"~", b"a\x01b", b"{a}", b"",
    b"a\0/b", b"%2e%2e%2f", b"a&name=b",
)  # fmt: skip
HOSTILE_CONNECTIONS = ("flashVer", "pageUrl", "swfUrl", "tcUrl")

WATCH_PAGE = """
const video = document.querySelector('video.painted'), canvas = document.createElement('canvas');
[canvas.width, canvas.height] = arguments;
const context = canvas.getContext('2d', { willReadFrequently: true });
window.seen = [];
const look = () => {
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  const now = Date.now(), strip = context.getImageData(0, 0, canvas.width, 40).data, cells = [];
  for (let row = 0; row < 2; row++) for (let cell = 0; cell < canvas.width / 10; cell++) {
    const top = row * 20 + 4, left = cell * 10 + 3;
    let sum = 0;
    for (let y = top; y < top + 12; y++) for (let x = left; x < left + 4; x++)
      for (let c = 0; c < 3; c++) sum += strip[4 * (y * canvas.width + x) + c];
    cells.push(sum / 144);
  }
  window.seen.push([now / 1000, cells]);
  video.requestVideoFrameCallback(look);
};
video.requestVideoFrameCallback(look);
"""


def seconds_of(times):
    """Several times as text."""
    return f"{len(times)} times, median {np.median(times):.2f} s, worst {max(times):.2f} s"


def test_delay_of_players_and_of_the_page(figure, chromium):
    with Scene(MODEL) as scene:
        scene.wait_until_painted()
        time.sleep(3)
        begin = time.time()
        time.sleep(SECONDS)
        median, high = np.percentile(scene.viewer.delays(scene.numbers, begin), [50, 95])
        figure("delay of an RTMP player, median", f"{median:.2f} s", "below 1 s", median < 1)
        figure("the same, 95th percentile", f"{high:.2f} s", "below 1.5 s", high < 1.5)
        unread = scene.viewer.unread(begin)
        figure("numbers that could not be read", f"{unread:.1%}", "below 5%", unread < 0.05)
        apart, count = sound_apart(scene)
        good = count and apart < 0.5
        figure("sound and picture end", f"{apart:.2f} s apart", "within 0.5 s", good)
        median = np.median(page_delays(scene, chromium))
        figure("delay of the page in Chromium, median", f"{median:.2f} s", "below 3 s", median < 3)


def sound_apart(scene):
    """(seconds between the ends of sound and picture in what a player gets, packets of sound)."""
    path = scene.folder / "painted.flv"
    scene.server.play("cam", path, "-t", "3", "-c", "copy")
    probe = [ffmpeg_path("ffprobe"), "-v", "error", "-show_entries", "packet=codec_type,pts_time"]
    result = subprocess.run([*probe, "-of", "csv=p=0", path], capture_output=True, text=True)
    times = {"audio": [-1.0], "video": [-1.0]}
    for line in result.stdout.splitlines():
        kind, seconds = line.split(",")[:2]
        times[kind].append(float(seconds))
    return abs(max(times["audio"]) - max(times["video"])), len(times["audio"]) - 1


def page_delays(scene, browser):
    """Seconds from a frame's sending to its being shown by the page."""
    browser.get(f"http://127.0.0.1:{scene.server.http_port}/")
    playing = "return document.querySelector('video.painted')?.currentTime > 0"
    wait_for(lambda: browser.execute_script(playing))
    time.sleep(5)
    browser.execute_script(WATCH_PAGE, numbered.VIEW_WIDTH, numbered.VIEW_HEIGHT)
    time.sleep(SECONDS)
    seen = browser.execute_script("return window.seen")
    shape = numbered.ROWS, numbered.CELLS
    numbers = [(moment, number_in(np.reshape(cells, shape))) for moment, cells in seen]
    sent, index = scene.numbers.sent, scene.numbers.index
    return [moment - sent[index(n, moment)] for moment, n in numbers if n is not None]


def test_network_that_is_too_slow_for_its_camera(figure):
    with Scene(HEAVY_MODEL, size=(1280, 720), rate=25) as scene:
        scene.wait_until_painted(120)
        time.sleep(5)
        begin = time.time()
        time.sleep(OVERLOAD_SECONDS)
        delays = scene.viewer.delays(scene.numbers, begin)
        half = len(delays) // 2
        growth = np.median(delays[half:]) - np.median(delays[:half])
        figure("overload, worst delay", f"{max(delays):.2f} s", "below 3 s", max(delays) < 3)
        figure("overload, growth of the delay", f"{growth:+.2f} s", "below 0.3 s", growth < 0.3)
        scene.camera.close()
        wait_for(lambda: not scene.server.streams())
        counts = wait_for(lambda: final_counts(scene.server.log(), "cam"))
        good = counts["in"] == counts["painted"] + counts["dropped"] and counts["dropped"]
        text = "in {in}, painted {painted}, dropped {dropped}".format(**counts)
        figure("overload, frames", text, "in = painted + dropped, some dropped", good)


def test_changes_of_the_controls(figure):
    with Scene(MODEL, still=True) as scene:
        scene.wait_until_painted()
        painters = scene.server.painters()
        times = []
        for index in range(10):
            time.sleep(2.5)
            begin, before = time.time(), scene.viewer.frames[-1][2]
            change = {"strength": 0.1 if index % 2 == 0 else 1}
            assert scene.server.request("/streams/cam/controls", change, KEY)[0] == 200
            times.append(wait_for(lambda: changed(scene.viewer, begin, before)) - begin)  # noqa: B023
        figure("a moved slider shows", seconds_of(times), "each within 2 s", max(times) < 2)
        assert scene.server.painters() == painters


def changed(viewer, since, before):
    """When the picture, without its number, came to differ from an earlier one."""
    top = int(numbered.VIEW_HEIGHT * numbered.STRIP) + 4
    for moment, _, picture in viewer.frames[-100:]:
        if moment > since and np.abs(picture[top:] - before[top:].astype(float)).mean() > 6:
            return moment
    return None


def kill_camera(scene):
    """The camera's program ends, and another publishes in its place."""
    return scene.back_after(scene.camera.process.kill)


def kill_painter(scene):
    """The painter ends at once."""
    (painter,) = scene.server.painters()
    return scene.back_after(lambda: os.kill(painter, signal.SIGKILL))


def stall_painter(scene):
    """From the beginning of the stall: the server need not wait for its end."""
    (painter,) = scene.server.painters()
    wake = threading.Timer(10, lambda: is_alive(painter) and os.kill(painter, signal.SIGCONT))
    wake.start()
    seconds = scene.back_after(lambda: os.kill(painter, signal.SIGSTOP))
    wake.join()
    return seconds


def stall_camera(scene):
    """From the end of the stall."""
    scene.camera.process.send_signal(signal.SIGSTOP)
    time.sleep(10)
    return scene.back_after(lambda: scene.camera.process.send_signal(signal.SIGCONT))


def test_cameras_and_painters_that_end_or_stall(figure):
    with Scene(MODEL) as scene:
        scene.wait_until_painted()
        others = set(scene.server.children()) - set(scene.server.painters())
        for what, event, count in (
            ("painter killed", kill_painter, 10),
            ("painter stalled for 10 s", stall_painter, 5),
            ("camera stalled for 10 s", stall_camera, 5),
            ("camera killed", kill_camera, 10),
        ):
            times = []
            for _ in range(count):
                times.append(event(scene))
                time.sleep(4)  # so that each finds a painter at work
            figure(f"{what}, painted again", seconds_of(times), "each within 10 s", max(times) < 10)
        assert len(others & set(scene.server.children())) == 1, "nginx is the same"
        assert len(scene.server.children()) == 3, "nginx, a reader and a painter"
        scene.camera.close()
        wait_for(lambda: not scene.server.streams())
        wait_for(lambda: len(scene.server.children()) == 1)
        assert not list(scene.server.state.glob("stream-*"))
        check_nothing_is_left(scene.server)


def check_nothing_is_left(server):
    """Ends the server; nothing of it remains."""
    children = server.children()
    assert server.stop() == 130
    assert not any(map(is_alive, children))
    assert not any(map(listens, (server.rtmp_port, server.http_port)))
    assert not server.state.exists()


def test_painter_that_dies_between_rare_key_frames(figure):
    with Scene(MODEL, gop=150) as scene:  # ten seconds
        scene.wait_until_painted()
        times = []
        for _ in range(10):
            times.append(kill_painter(scene))
            time.sleep(random.uniform(2, 10))
        good = max(times) < 5
        figure("painter killed, keys 10 s apart", seconds_of(times), "each within 5 s", good)


def test_hostile_names_and_keys(figure, tmp_path):
    server = LiveServer(tmp_path, MODEL)
    try:
        before = set(server.children())
        files = sorted(tmp_path.rglob("*"))
        seen = Sampler(server)
        attempts = list(hostile_attempts())
        accepted = [a for a in attempts if may_publish(server.rtmp_port, *a[:2], **a[2])]
        figure("hostile names", f"{len(accepted)} of {len(attempts)} accepted", "0", not accepted)
        keys = list(wrong_keys())
        accepted = [k for k in keys if may_publish(server.rtmp_port, b"camera", b"cam?key=" + k)]
        figure("wrong keys", f"{len(accepted)} of {len(keys)} accepted", "0", not accepted)
        assert not seen.close() - before, "a program was started"
        assert sorted(tmp_path.rglob("*")) == files, "a file was written"
        assert may_publish(server.rtmp_port, b"camera", b"cam?key=" + KEY.encode())
        assert KEY not in server.log()
    finally:
        server.stop()


class Sampler:
    """Collects the process numbers of a server's children while something goes on."""

    def __init__(self, server):
        self._server, self._stopped, self._seen = server, False, set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopped:
            self._seen.update(self._server.children())
            time.sleep(0.005)

    def close(self):
        """The process numbers seen."""
        self._stopped = True
        self._thread.join()
        return self._seen


def hostile_attempts(count=1000):
    """(application, name with arguments, properties of the connection), all with the right key."""
    source = random.Random(5)
    key = b"?key=" + KEY.encode()
    for name in HOSTILE_NAMES:
        yield b"camera", name + key, {}
        for field in HOSTILE_CONNECTIONS:
            yield b"camera", name + key, {field: b"x&name=good&app=camera&addr=127.0.0.1"}
    yield b"painted", b"good" + key, {}
    yield b"painted", b"good?ticket=" + KEY.encode(), {}
    for field in HOSTILE_CONNECTIONS:
        yield b"camera", b"good", {field: b"x" + key.replace(b"?", b"&")}
    for _ in range(count):
        yield b"camera", hostile_name(source) + key, {}


def hostile_name(source):
    """A good name with something in it that makes it none; arguments would begin at a "?"."""
    name = b""
    while is_stream_name(name.decode("latin-1")) or b"?" in name or not name.strip(b"\0"):
        good = bytes(source.choices(b"abcXYZ019_-", k=source.randrange(1, 64)))
        bad = bytes(source.choices(range(1, 256), k=source.randrange(1, 6)))
        cut = source.randrange(len(good) + 1)
        name = good[:cut] + bad + good[cut:] * source.choice((1, 1, 1, 40))
    return name


def wrong_keys(count=50):
    """Keys that are near the right one, and others; each takes a second, as guesses do."""
    source = random.Random(6)
    right = KEY.encode()
    yield from (b"", right[:-1], right + b"x", right.upper(), right + b"%00", b"%00", right[::-1])
    yield from (right + b"&key=" + right, b"x&key=" + right, b"*", b"' or 1=1--", b"%2F" + right)
    for _ in range(count):
        place = source.randrange(len(right))
        yield right[:place] + bytes([right[place] ^ 1 << source.randrange(3)]) + right[place + 1 :]


def test_kill_of_the_server_takes_all_its_programs(figure, tmp_path):
    times = []
    for index in range(10):
        folder = tmp_path / str(index)
        folder.mkdir()
        server = LiveServer(folder, MODEL, "--demo")
        children = wait_for(lambda: len(server.children()) >= 4 and server.children())  # noqa: B023
        time.sleep(random.uniform(0, 2))
        begin = time.time()
        end(server.process)
        wait_for(lambda: not any(map(is_alive, children)))  # noqa: B023
        times.append(time.time() - begin)
    figure("kill -9, all programs are gone", seconds_of(times), "each within 2 s", max(times) < 2)
