"""What a user names to be painted, and what comes of it: names alone, nothing is painted."""

import functools
import http.server
import io
import os
import resource
import threading

import pytest

from ffmpeg_style import InputError, InputNotFoundError
from ffmpeg_style.errors import StorageError
from ffmpeg_style.ffmpeg.sources import STANDARD, Work, fetched, find_works, split_words


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with two photographs, a clip, a text and a folder of one photograph."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.heic", "clip.webm", "notes.txt", "more/c.png", "more/.hidden.png"):
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def targets(*sources, output=None, **options):
    return [work.target for work in find_works(sources, output, "wave", **options)]


def test_targets_that_are_left_out(here):
    assert targets("a.jpg") == ["a-wave.jpg"]
    assert targets("a.jpg", "b.heic", "clip.webm") == ["a-wave.jpg", "b-wave.jpg", "clip-wave.webm"]
    assert targets("more") == ["more-wave/c.png"]
    assert targets(str(here / "more" / "c.png")) == [str(here / "more" / "c-wave.png")]
    assert targets(".") == [
        f"{here}-wave/{name}" for name in ("a.jpg", "b.jpg", "clip.webm", "more/c.png")
    ]
    assert targets("https://example.org/x/p%20q.jpg?size=1") == ["p q-wave.jpg"]
    assert targets(STANDARD) == [STANDARD]
    assert targets("clip.webm", kind=".mp4") == ["clip-wave.mp4"]


def test_targets_in_a_folder(here):
    assert targets("a.jpg", "more", output="out") == ["out/a.jpg", "out/c.png"]
    assert targets("a.jpg", output="out/") == ["out/a.jpg"]
    assert targets("more", output="out") == ["out/c.png"]
    assert targets("a.jpg", output="out.png") == ["out.png"]
    assert targets("*.jpg", "m*/**/*.png", output="out") == ["out/a.jpg", "out/c.png"]


def test_what_was_painted_before_is_no_source(here):
    (here / "a-wave.jpg").write_text("painted")
    assert targets("*.jpg") == ["a-wave.jpg"]
    (here / "more" / "painted").mkdir()
    (here / "more" / "painted" / "c.png").write_text("painted")
    assert targets("more", output="more/painted") == ["more/painted/c.png"]


@pytest.mark.parametrize("name", ["a.jpg", "more"])
def test_a_shells_pattern_is_never_taken_for_a_target(here, name):
    """As in `stylize *.jpg`, whose last word would be painted over."""
    with pytest.raises(InputError, match=f"{name} exists already: give it by -o"):
        split_words(["clip.webm", name])
    assert split_words(["clip.webm", "b.heic", "a.jpg"]) == (["clip.webm", "b.heic", "a.jpg"], None)
    assert split_words(["a.jpg", "new.jpg"]) == (["a.jpg"], "new.jpg")
    assert split_words(["a.jpg", "*.heic"]) == (["a.jpg", "*.heic"], None)
    (here / "empty").mkdir()
    assert split_words(["a.jpg", "b.heic", "empty"]) == (["a.jpg", "b.heic"], "empty")


def test_what_cannot_be_meant_is_refused(here):
    (here / "b.jpg").write_text("another")
    for sources, output, error, words in [
        (["a.jpg", "clip.webm"], "out.png", InputError, "2 sources can't become one file"),
        (["b.jpg", "b.heic"], "out", InputError, "would both become out/b.jpg"),
        (["b.jpg", "a.jpg"], ".", InputError, "over the source"),
        (["nope.jpg"], None, InputNotFoundError, "no such file"),
        (["nope*.jpg"], None, InputNotFoundError, "no such file"),
        (["rtsp://camera/stream"], None, InputError, "expected http"),
    ]:
        with pytest.raises(error, match=words):
            find_works(sources, output, "wave")
    (here / "more" / "a.jpg").write_text("another")
    (here / "other" / "more").mkdir(parents=True)
    (here / "other" / "more" / "c.png").write_text("another")
    for sources, output in [
        (["a.jpg", "more/a.jpg"], "more"),
        (["a.jpg", "more"], "more"),
        (["other", "more/c.png"], "."),
        (["other/more/*.png", "more/*.png"], "more"),
    ]:
        with pytest.raises(InputError, match=r"would both become|over the source"):
            find_works(sources, output, "wave")
    (here / "void").mkdir()
    with pytest.raises(InputError, match="has no video or photograph"):
        find_works(["void"], None, "wave")


def test_a_work_is_done_when_it_is_newer_than_its_source(here):
    work = Work("a.jpg", "b.heic")
    os.utime("a.jpg", (1000, 1000))
    os.utime("b.heic", (2000, 2000))
    assert work.is_done
    os.utime("a.jpg", (3000, 3000))
    assert not work.is_done
    assert not Work("b.heic", "none.jpg").is_done
    assert not Work("b.heic", "a.jpg", is_named=True).is_done


def test_a_url_is_fetched(here, serve):
    with fetched(f"{serve(here)}/a.jpg") as path:
        assert path.read_text() == "a.jpg" and path.name == "a.jpg"
    assert not path.exists()
    with pytest.raises(InputError, match=r"none\.jpg can't be read: File not"):
        fetched(f"{serve(here)}/none.jpg").__enter__()


def test_a_part_of_a_file_is_never_taken_for_it(broken):
    for path, words in [("length", "broke after 5 of 99 bytes"), ("chunks", "IncompleteRead")]:
        with pytest.raises(InputError, match=rf"{path}\.jpg can't be read: .*{words}"):
            fetched(f"{broken}/{path}.jpg").__enter__()


def test_a_url_that_is_none_is_one_sentence():
    with pytest.raises(InputError, match="can't be read: nonnumeric port"):
        fetched("http://127.0.0.1:x/a.jpg").__enter__()


def test_a_url_has_a_name_for_its_painting():
    assert targets("http://h/%2e%2e") == ["download-wave"]
    (name,) = targets(f"http://h/{'%E7%94%BB' * 100}.jpg")
    assert name.endswith("-wave.jpg") and len(name.encode()) < 150


def test_a_full_disk_ends_one_file_alone(here, serve):
    (here / "long.jpg").write_bytes(bytes(100_000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StorageError, match="make room"):
            fetched(f"{serve(here)}/long.jpg").__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def broken():
    """The URL of a server whose connections break in the middle."""

    class Broken(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            is_long = "length" in self.path
            how = ("Content-Length", "99") if is_long else ("Transfer-Encoding", "chunked")
            self.send_header(*how)
            self.end_headers()
            self.close_connection = True
            self.wfile.write(b"begin" if is_long else b"63\r\nbegin")

        def log_message(self, *arguments):
            pass

    Broken.protocol_version = "HTTP/1.1"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def serve():
    """A function of a folder: the URL of a server of its files."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    def start(folder):
        handler = functools.partial(Quiet, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_error_tells_of_the_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InputError, match="the standard input is empty"), fetched("-") as path:
        raise InputError(f"{path} is empty")
