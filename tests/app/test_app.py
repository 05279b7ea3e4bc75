"""The page of this machine: asked as its own page asks, and in a real browser."""

import asyncio
import http.client
import io
import json
import os
import resource
import subprocess
import sys
import traceback
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from aiohttp.test_utils import TestServer
from helpers import films, graphs
from helpers.live import wait_for
from helpers.paintings import RED
from PIL import Image

from ffmpeg_style.app.desk import Desk
from ffmpeg_style.app.server import application

until = partial(wait_for, seconds=120)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of a page that has a model for any painting too."""
    models = tmp_path_factory.mktemp("models")
    graphs.any_graph(models / "any.pb")
    command = [sys.executable, "-m", "ffmpeg_style", "app", "--no-browser"]
    environment = os.environ | {"FFMPEG_STYLE_MODELS": str(models)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    yield process.stdout.readline().split()[0]
    process.terminate()
    assert process.wait(90) == 143


@pytest.fixture(scope="module")
def dropped(tmp_path_factory):
    """A photograph, a painting, a clip, a text, a broken video, an empty file, a drawing."""
    folder = tmp_path_factory.mktemp("dropped")
    y, x = np.mgrid[0:90, 0:120]
    pixels = np.stack([x * 2, y * 2, (x + y) % 64 * 4], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    Image.new("RGB", (90, 70), RED).save(folder / "red.png")
    films.write_clip(folder / "clip.mp4", [pixels] * 10)
    (folder / "notes.txt").write_text("no picture")
    (folder / "broken.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:300])
    (folder / "empty.jpg").touch()
    (folder / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    return folder


def ask(address, path, body=None, **headers):
    request = urllib.request.Request(address + path, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


BAD = {
    "notes.txt": "notes.txt is no video or photograph that can be read: ",
    "broken.mp4": "broken.mp4 is no video or photograph that can be read: ",
    "empty.jpg": "empty.jpg is empty; expected ",
    "a.svg": "this ffmpeg can't decode a.svg (svg); ",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_drop_is_one_sentence(address, dropped, name):
    status, body = ask(address, f"files?name={name}", (dropped / name).read_bytes())
    told = json.loads(body)["error"]
    assert status == 400 and told.startswith(BAD[name]) and "\n" not in told and "/tmp" not in told


def test_a_file_that_is_too_large_is_refused_before_it_comes(address):
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    connection.putrequest("POST", "/files?name=long.mp4")
    connection.putheader("Content-Length", str(10_000_000_000))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 400 and "10.0 GB" in json.loads(answer.read())["error"]
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
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


@pytest.mark.parametrize("second", ["x", "nan", "inf", "-1", "1e999", ""])
def test_a_second_that_is_none_is_refused(address, dropped, second):
    _, body = ask(address, "files?name=clip.mp4", (dropped / "clip.mp4").read_bytes())
    number = json.loads(body)["id"]
    for path in (f"source?second={second}", f"painted?model=wave-fast&second={second}"):
        status, body = ask(address, f"files/{number}/{path}")
        assert status == 400 and "expected a number of seconds" in json.loads(body)["error"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"[]", b"7", b"\xff", b"[" * 100_000, b'{"model": 5}'),
        b'{"model": "wave-fast", "style": ["a"]}',
        b'{"model": "wave-fast", "strength": 1%s}' % (b"0" * 400),
    ],
    ids=range(8),
)
def test_options_that_are_none_are_refused(address, dropped, body):
    _, answer = ask(address, "files?name=photo.png", (dropped / "photo.png").read_bytes())
    status, answer = ask(address, f"files/{json.loads(answer)['id']}/paintings", body)
    assert status == 400 and json.loads(answer)["error"]


def on_server(desk, converse):
    """Let a coroutine talk to a server of its own in this process, by its port."""

    async def run():
        server = TestServer(application(desk))
        await server.start_server()
        try:
            return await converse(server.port)
        finally:
            await server.close()

    return asyncio.run(run())


def kept(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path):
    async def converse(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /files?name=long.mp4 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000"
        writer.write(f"{head}\r\n\r\nbegin".encode())
        await writer.drain()
        while not kept(tmp_path):
            await asyncio.sleep(0.01)
        writer.close()
        while kept(tmp_path):
            await asyncio.sleep(0.01)

    on_server(Desk(tmp_path), converse)


def test_a_full_disk_is_one_sentence(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    body = bytes(100_000)

    async def converse(port):
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            return await asyncio.to_thread(
                ask, f"http://127.0.0.1:{port}/", "files?name=a.mp4", body
            )
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    status, answer = on_server(Desk(tmp_path), converse)
    assert status == 400 and "make room" in json.loads(answer)["error"]
    assert not kept(tmp_path)


def test_any_name_is_kept_as_far_as_it_fits(tmp_path):
    desk = Desk(tmp_path)
    for name in ("画" * 200 + ".png", "\0", "..", "a" * 300 + ".png", "a/../b.png"):
        path = desk.new_path(name)
        path.write_bytes(b"")
        assert path.parent.parent == tmp_path and len(path.name.encode()) <= 120


def test_stills_and_paintings_of_one_file_at_a_time(tmp_path):
    """Threads ask for different seconds, and for paintings of different strengths."""
    desk = Desk(tmp_path)
    path = desk.new_path("clip.mp4")
    films.write_clip(path, [np.full((48, 64, 3), grey * 20, np.uint8) for grey in range(12)])
    number = desk.add(path)["id"]
    seconds = [frame / 25 for frame in range(12)]
    with ThreadPoolExecutor(4) as pool:
        stills = list(pool.map(lambda second: desk.still(number, second), seconds))
    for frame, still in enumerate(stills):
        assert abs(np.asarray(Image.open(io.BytesIO(still))).mean() - frame * 20) < 6
    assert kept(tmp_path) == [path]
    strong, none = (
        desk.begin(number, {"model": "wave-fast", "strength": strength}) for strength in (1, 0)
    )
    for painting in (strong, none):
        until(lambda painting=painting: desk.progress(painting)["state"] == "done")
    assert desk.painting(strong).read_bytes() != desk.painting(none).read_bytes()


def test_a_painting_that_fails_says_so(tmp_path, dropped, monkeypatch):
    desk = Desk(tmp_path)
    path = desk.new_path("photo.png")
    path.write_bytes((dropped / "photo.png").read_bytes())
    number = desk.add(path)["id"]

    def fail(*arguments, **options):
        raise RuntimeError("nobody foresaw this")

    logged = []
    monkeypatch.setattr("ffmpeg_style.app.desk.stylize", fail)
    monkeypatch.setattr(
        "ffmpeg_style.app.desk.logger.exception", lambda *_: logged.append(traceback.format_exc())
    )
    painting = desk.begin(number, {"model": "wave-fast"})
    until(lambda: desk.progress(painting)["state"] == "failed")
    assert "error of the program" in desk.progress(painting)["error"]
    assert "nobody foresaw this" in logged[0]


PAINTED = """
const image = document.getElementById('painted');
return image.complete && image.naturalWidth ? [image.src, image.naturalWidth] : null;
"""
THUMBNAILS = """
const images = [...document.querySelectorAll('#models img[src]')];
return images.length > 5 && images.every(({complete, naturalWidth}) => complete && naturalWidth);
"""
SOURCE = "return document.getElementById('before').naturalWidth"
DROP = """
const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([new Uint8Array(arguments[0])], "red.png"));
const drop = new DragEvent("drop", { dataTransfer, bubbles: true });
document.querySelector("aside h2").dispatchEvent(drop);
"""


@pytest.mark.parametrize("name", ["photo.png", "clip.mp4"])
def test_page(address, dropped, browser, name):
    """Drop, see, move, save: what is saved is the painting."""
    browser.get(address)
    script = browser.execute_script
    until(lambda: script("return document.querySelectorAll('#models input').length > 5"))
    browser.find_element("id", "file").send_keys(str(dropped / name))
    first, width = until(lambda: script(PAINTED))
    assert width == 120
    script(
        "const s = document.getElementById('strength'); s.value = 0.3;"
        "s.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    until(lambda: (shown := script(PAINTED)) and shown[0] != first)
    assert script("return document.getElementById('of-video').hidden") == (name == "photo.png")
    until(lambda: script(THUMBNAILS))
    browser.find_element("id", "compare").click()
    assert until(lambda: script(SOURCE)) == 120
    browser.find_element("id", "save").click()
    told = "return document.getElementById('progress').textContent"
    until(lambda: script(told).startswith("Saved as"))
    saved = script(told).removeprefix("Saved as ")
    assert saved == name.replace(".", "-wave-fast.")
    browser.find_element("id", "file").send_keys(str(dropped / "notes.txt"))
    error = "return document.getElementById('error').textContent"
    assert until(lambda: script(error)).startswith("notes.txt")


def test_page_takes_a_painting(address, dropped, chromium):
    chromium.get(address)
    script = chromium.execute_script
    until(lambda: script("return document.querySelectorAll('#models input').length > 5"))
    chromium.find_element("id", "file").send_keys(str(dropped / "photo.png"))
    first, _ = until(lambda: script(PAINTED))
    script("document.querySelector('#models [value=any]').click()")
    told = "return document.getElementById('progress').textContent"
    until(lambda: script(told).startswith("Choose a picture of a painting"))
    source, _ = until(lambda: (shown := script(PAINTED)) and shown[0] != first and shown)
    assert not chromium.find_element("id", "save").is_enabled()
    chromium.find_element("id", "style-file").send_keys(str(dropped / "red.png"))
    until(lambda: (shown := script(PAINTED)) and shown[0] != source)
    chromium.find_element("id", "save").click()
    until(lambda: script(told) == "Saved as photo-any-red.png")


def test_a_picture_that_is_dropped_on_the_styles_is_one(address, dropped, chromium):
    chromium.get(address)
    script = chromium.execute_script
    until(lambda: script("return document.querySelectorAll('#models input').length > 5"))
    chromium.find_element("id", "file").send_keys(str(dropped / "photo.png"))
    until(lambda: script(PAINTED))
    script(DROP, list((dropped / "red.png").read_bytes()))
    until(lambda: script("return document.getElementById('painting').textContent") == "red.png")
    assert script("return document.querySelector('#models :checked').value") == "any"
    assert script("return document.getElementById('name').textContent") == "photo.png"
