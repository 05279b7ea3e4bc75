"""The page in a real browser."""

import subprocess

import pytest
from helpers import graphs
from helpers.live import KEY, LiveServer, end, wait_for

from ffmpeg_style.ffmpeg.program import ffmpeg_path

HAS_PLAYED = """
const video = document.querySelector(`[data-name=${arguments[0]}] video`);
const count = video ? video.played.length : 0;
return count && video.played.end(count - 1) - video.played.start(0) > 1;
"""
PICTURE = """
const video = document.querySelector(`[data-name=${arguments[0]}] video`);
const canvas = document.createElement('canvas');
canvas.width = 64; canvas.height = 36;
const context = canvas.getContext('2d');
context.drawImage(video, 0, 0, 64, 36);
return Array.from(context.getImageData(0, 0, 64, 36).data).filter((_, i) => i % 4 < 3);
"""


SLIDE_TO_SOURCE = """
const slider = document.querySelector(`[data-name=${arguments[0]}] .strength`);
slider.value = 0;
slider.dispatchEvent(new Event('input'));
"""


@pytest.fixture
def browser(chromium):
    """Chromium on a phone's screen."""
    chromium.set_window_size(390, 900)
    return chromium


@pytest.fixture
def server(tmp_path):
    """A server with a demo and a model of two styles."""
    model = graphs.contract_graph(tmp_path / "two.pb", ("wave", "scream"))
    server = LiveServer(tmp_path, model, "--demo", "--max-height", "180")
    yield server
    assert server.stop() == 130


def distance(picture, other):
    """Mean difference of two pictures' values."""
    return sum(abs(a - b) for a, b in zip(picture, other, strict=True)) / len(picture)


def test_page_shows_the_painting_with_sound(server, browser):
    bars = "smptehdbars=size=320x180:rate=10"
    command = [ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", bars, "-frames:v", "1", "-vf"]
    scale, raw = "scale=64:36:flags=area", ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    painter = f"styletransfer={server.model},{scale}"
    painting = subprocess.run([*command, painter, *raw], stdout=subprocess.PIPE, check=True).stdout
    source = subprocess.run([*command, scale, *raw], stdout=subprocess.PIPE, check=True).stdout
    assert distance(painting, source) > 40
    camera = server.publish("bars", source=bars)
    try:
        wait_for(lambda: server.is_painting("bars"))
        browser.get(f"http://127.0.0.1:{server.http_port}/")
        script = browser.execute_script
        wait_for(lambda: script(HAS_PLAYED, "bars"))
        assert distance(script(PICTURE, "bars"), painting) < 8
        assert distance(server.picture("bars", 64, 36), painting) < 8
        sound = "return document.querySelector('[data-name=bars] video').srcObject.getAudioTracks()"
        assert not script(sound)[0]["muted"], "a track is muted until its packets come"

        script("document.querySelector('#key').value = arguments[0]", KEY)
        script("document.querySelector('#login button').click()")
        wait_for(lambda: not script("return document.querySelector('.controls').disabled"))
        script(SLIDE_TO_SOURCE, "bars")
        wait_for(lambda: distance(server.picture("bars", 64, 36), source) < 8)
        wait_for(lambda: distance(script(PICTURE, "bars"), source) < 8)
    finally:
        end(camera)


def test_page_plays_and_controls(server, browser):
    wait_for(lambda: server.is_painting("demo"))
    browser.get(f"http://127.0.0.1:{server.http_port}/")
    script = browser.execute_script
    wait_for(lambda: script(HAS_PLAYED, "demo"))
    assert script("return document.querySelector('video').muted")
    assert script("return document.documentElement.scrollWidth <= innerWidth")
    address = f"rtmp://127.0.0.1:{server.rtmp_port}/camera/NAME?key=KEY"
    assert script("return document.querySelector('#publish').innerText").endswith(address)
    assert script("return document.querySelector('.controls').disabled"), (
        "the key was not given yet"
    )
    hosts = script("return performance.getEntriesByType('resource').map(e => new URL(e.name).host)")
    assert set(hosts) == {f"127.0.0.1:{server.http_port}"}

    script("document.querySelector('#key').value = arguments[0]", KEY)
    script("document.querySelector('#login button').click()")
    wait_for(lambda: not script("return document.querySelector('.controls').disabled"))
    script(SLIDE_TO_SOURCE, "demo")
    wait_for(lambda: server.streams()["demo"]["controls"]["strength"] == 0)
    script("cards.get('demo').sendPainting(new File(['picture'], 'painting.png'))")
    told = "return document.querySelector('[data-name=demo] .note').textContent"
    assert "styles of its own" in script(told)

    script("document.querySelector('.compare').click()")
    source = (
        "const v = document.querySelector('video.source');return v.currentTime > 0 && v.videoWidth"
    )
    assert wait_for(lambda: script(source)) == 640
    assert script("return document.querySelector('video.painted').videoWidth") == 320


def test_page_films(server, browser, tmp_path):
    script = browser.execute_script
    browser.get(f"http://127.0.0.1:{server.http_port}/#key={KEY}")
    wait_for(lambda: not script("return document.querySelector('#camera').hidden"))
    assert KEY not in browser.current_url
    script("document.querySelector('#camera-name').value = 'mine'")
    script("document.querySelector('#film button').click()")
    wait_for(lambda: server.is_painting("mine"))
    wait_for(lambda: script(HAS_PLAYED, "mine"))
    assert script("return document.querySelector('#camera-note').textContent") == ""
    assert script("return document.documentElement.scrollWidth <= innerWidth")

    script("document.querySelector('[data-name=mine] .compare').click()")
    source = "return document.querySelector('[data-name=mine] video.source').videoWidth"
    wait_for(lambda: script(source))
    assert script("return document.querySelector('[data-name=mine] .split').offsetWidth")

    script("document.querySelector('#pause').click()")
    painted = server.streams()["mine"]["frames"]["painted"]
    wait_for(lambda: server.is_painting("mine", painted + 5))
    assert script(f"return {BRIGHTNESS}", "#preview") > 10, "the last picture stays"
    assert script("return document.querySelector('#pause').textContent") == "Go on"
    script("document.querySelector('#flip').click()")
    assert script("return camera.isPaused"), "it is not switched on by the way"
    script("document.querySelector('#pause').click()")
    wait_for(lambda: not script("return camera.isPaused"))
    painted = server.streams()["mine"]["frames"]["painted"]
    wait_for(lambda: server.is_painting("mine", painted + 20))

    script("document.querySelector('#stop').click()")
    wait_for(lambda: "mine" not in server.streams())


def test_every_control_has_a_name(server, browser):
    browser.get(f"http://127.0.0.1:{server.http_port}/")
    wait_for(lambda: browser.execute_script("return cards.has('demo')"))
    assert browser.execute_script(NAMELESS) == []


BRIGHTNESS = """(() => {
  const canvas = new OffscreenCanvas(16, 9), context = canvas.getContext("2d");
  context.drawImage(document.querySelector(arguments[0]), 0, 0, 16, 9);
  const bytes = context.getImageData(0, 0, 16, 9).data.filter((_, place) => place % 4 < 3);
  return bytes.reduce((sum, value) => sum + value) / bytes.length;
})()"""
NAMELESS = """
return [...document.querySelectorAll('button, input, select, video')].filter((element) =>
  !(element.labels?.[0]?.textContent || element.textContent || element.ariaLabel).trim()
).map((element) => element.outerHTML);
"""
