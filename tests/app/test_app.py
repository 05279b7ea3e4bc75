"""The page of this machine: asked as its own page asks, and in a real browser."""

import http.client
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urlsplit

import av
import numpy as np
import pytest
from helpers.live import open_browser
from PIL import Image


@pytest.fixture(scope="module")
def address():
    command = [sys.executable, "-m", "ffmpeg_style", "app", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().split()[0]
    process.terminate()
    assert process.wait(30) == 143


@pytest.fixture(scope="module")
def dropped(tmp_path_factory):
    """A photograph, a clip with sound, a text, a broken video."""
    folder = tmp_path_factory.mktemp("dropped")
    y, x = np.mgrid[0:90, 0:120]
    pixels = np.stack([x * 2, y * 2, (x + y) % 64 * 4], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    with av.open(str(folder / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=120, height=90, pix_fmt="yuv420p")
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:300])
    (folder / "empty.jpg").touch()
    return folder


def ask(address, path, body=None, **headers):
    request = urllib.request.Request(address + path, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("name", ["notes.txt", "broken.mp4", "empty.jpg"])
def test_a_bad_drop_is_one_sentence(address, dropped, name):
    status, body = ask(address, f"files?name={name}", (dropped / name).read_bytes())
    told = json.loads(body)["error"]
    assert status == 400 and told.startswith(name) and "\n" not in told and "/tmp" not in told


def test_a_file_that_is_too_large_is_refused_before_it_comes(address):
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.putrequest("POST", "/files?name=long.mp4")
    connection.putheader("Content-Length", str(10_000_000_000))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 400 and "10.0 GB" in json.loads(answer.read())["error"]
    connection.close()


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
def test_pages_of_others_are_refused(address, headers):
    assert ask(address, "models", **headers)[0] == 403
    assert ask(address, "files?name=a.jpg", b"x", **headers)[0] == 403


def test_wrong_options_are_refused(address, dropped):
    _, body = ask(address, "files?name=photo.png", (dropped / "photo.png").read_bytes())
    number = json.loads(body)["id"]
    for query in ("model=nope", "model=wave-fast&strength=2", "model=wave-fast&strength=x", ""):
        status, body = ask(address, f"files/{number}/painted?{query}")
        assert status == 400 and json.loads(body)["error"]
    assert ask(address, f"files/99/painted?model={quote('wave-fast')}")[0] == 400
    assert ask(address, "paintings/99")[0] == 400


@pytest.fixture(scope="module")
def browser():
    browser = open_browser(1000, 900)
    if browser is None:
        pytest.skip("no chromedriver: apt-get install chromium chromium-driver")
    yield browser
    browser.quit()


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


PAINTED = """
const image = document.getElementById('painted');
return image.complete && image.naturalWidth ? [image.src, image.naturalWidth] : null;
"""


@pytest.mark.parametrize("name", ["photo.png", "clip.mp4"])
def test_page(address, dropped, browser, name):
    """Drop, see, move, save: what is saved is the painting."""
    browser.get(address)
    script = browser.execute_script
    until(lambda: script("return document.getElementById('models').length > 5"))
    browser.find_element("id", "file").send_keys(str(dropped / name))
    first, width = until(lambda: script(PAINTED))
    assert width == 120
    script(
        "const s = document.getElementById('strength'); s.value = 0.3;"
        "s.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    until(lambda: (shown := script(PAINTED)) and shown[0] != first)
    assert script("return document.getElementById('of-video').hidden") == (name == "photo.png")
    browser.find_element("id", "save").click()
    told = "return document.getElementById('progress').textContent"
    until(lambda: script(told).startswith("Saved as"))
    saved = script(told).removeprefix("Saved as ")
    assert saved == name.replace(".", "-wave-fast.")
    browser.find_element("id", "file").send_keys(str(dropped / "notes.txt"))
    error = "return document.getElementById('error').textContent"
    assert until(lambda: script(error)).startswith("notes.txt")
