"""The page in a real browser."""

import graphs
import pytest
from live import KEY, LiveServer, open_browser, wait_for

PICTURE = """
const video = document.querySelector('video'), canvas = document.createElement('canvas');
canvas.width = 64; canvas.height = 36;
const context = canvas.getContext('2d');
context.drawImage(video, 0, 0, 64, 36);
const pixels = context.getImageData(0, 0, 64, 36).data, sums = [0, 0, 0];
pixels.forEach((value, i) => { if (i % 4 < 3) sums[i % 4] += value / (64 * 36); });
return sums;
"""


@pytest.fixture
def browser():
    """Headless Chromium on a phone's screen."""
    browser = open_browser(390, 900)
    if browser is None:
        pytest.skip("no chromedriver: apt-get install chromium chromium-driver")
    yield browser
    browser.quit()


@pytest.fixture
def server(tmp_path):
    """A server with a demo and a model of two styles."""
    model = graphs.contract_graph(tmp_path / "two.pb", ("wave", "scream"))
    server = LiveServer(tmp_path, model, "--demo", "--max-height", "180")
    yield server
    assert server.stop() == 0


def test_page_plays_and_controls(server, browser):
    wait_for(lambda: server.is_painting("demo"))
    browser.get(f"http://127.0.0.1:{server.http_port}/")
    script = browser.execute_script
    wait_for(
        lambda: script("const v = document.querySelector('video'); return v && v.currentTime > 1")
    )
    assert script("return document.querySelector('video').muted")
    assert script("return document.documentElement.scrollWidth <= innerWidth")
    assert script("return document.querySelector('.controls').disabled"), (
        "the key was not given yet"
    )
    hosts = script("return performance.getEntriesByType('resource').map(e => new URL(e.name).host)")
    assert set(hosts) == {f"127.0.0.1:{server.http_port}"}

    script("document.querySelector('#key').value = arguments[0]", KEY)
    script("document.querySelector('#login button').click()")
    wait_for(lambda: not script("return document.querySelector('.controls').disabled"))
    before = script(PICTURE)
    assert max(before) > 10, "a black picture is no painting"
    script(
        "const s = document.querySelector('.strength'); s.value = 0;"
        "s.dispatchEvent(new Event('input'))"
    )
    wait_for(lambda: server.streams()["demo"]["controls"]["strength"] == 0)

    script("document.querySelector('.show-source').click()")
    source = (
        "const v = document.querySelector('.source video');return v.currentTime > 0 && v.videoWidth"
    )
    assert wait_for(lambda: script(source)) == 640
    assert script("return document.querySelector('.painted video').videoWidth") == 320
