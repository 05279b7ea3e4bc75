"""What is kept of a camera's stream, and what a painter is given of it."""

import asyncio
import dataclasses

import pytest
from helpers.odd_camera import tags_in

from ffmpeg_style.live.rtmp import feed as feed_module
from ffmpeg_style.live.rtmp import flv
from ffmpeg_style.live.rtmp.camera import RtmpCamera
from ffmpeg_style.live.rtmp.feed import Feed
from ffmpeg_style.live.rtmp.incoming import MAX_KEPT_TIME, Incoming

PICTURE_HEADER = flv.Tag(flv.PICTURE, 0, b"\x17\0\0\0\0header")
SOUND_HEADER = flv.Tag(flv.SOUND, 0, b"\xaf\0\x12\x10")


def picture(ms, key=False):
    """A frame of H.264."""
    return flv.Tag(flv.PICTURE, ms, (b"\x17" if key else b"\x27") + b"\1\0\0\0" + b"x" * 100)


def sound(ms):
    """A frame of AAC."""
    return flv.Tag(flv.SOUND, ms, b"\xaf\1sound")


def camera_of(*tags):
    """An `Incoming` of tags."""
    camera = Incoming()
    for tag in tags:
        camera.take(tag)
    return camera


def given(feed):
    """The tags that a feed writes, without what was not read yet."""

    class Writer:
        def __init__(self):
            self.data = b""
            self.write = lambda data: setattr(self, "data", self.data + data)
            self.close = lambda: None

        async def drain(self):
            pass

    writer = Writer()
    feed.finish()
    asyncio.run(feed.write(writer))
    return tags_in(writer.data)


def test_painter_begins_with_the_headers_and_the_last_key_frame():
    tags = [picture(0, key=True), sound(10), picture(2000, key=True), sound(2010), picture(2040)]
    camera = camera_of(PICTURE_HEADER, SOUND_HEADER, *tags)
    written = given(Feed(camera, None, True))
    assert [tag.body for tag in written] == [
        tag.body for tag in (SOUND_HEADER, PICTURE_HEADER, *tags[2:])
    ]
    assert given(Feed(camera, None, False))[-1] == picture(2040), "sound only where it is wanted"


def test_second_painter_paints_what_the_first_did_not_get():
    camera = camera_of(PICTURE_HEADER, SOUND_HEADER, picture(0, key=True), sound(5), picture(40))
    first = Feed(camera, None, True)
    assert (first.given, len(given(first))) == (2, 5)
    for tag in (picture(80), sound(85), picture(120)):
        camera.take(tag)
    second = Feed(camera, first.reached + 1, True)
    assert second.given == 2
    times = [tag.timestamp for tag in given(second) if tag.is_frame]
    assert times == [0, 40, 80, 85, 120], "all pictures, as they need each other; no old sound"


def test_formats_are_known_with_the_key_frame_and_the_sound_that_was_announced():
    metadata = b"\2\0\x0aonMetaData\x08\0\0\0\1\0\x0caudiocodecid\0" + b"\x40\x24" + bytes(6)
    camera = camera_of(flv.Tag(flv.SCRIPT, 0, metadata), PICTURE_HEADER, picture(0))
    assert camera.formats is None, "there is no key frame"
    camera.take(picture(40, key=True))
    assert camera.formats is None, "sound will come"
    camera.take(SOUND_HEADER)
    assert (camera.formats.picture, camera.formats.sound) == ("H.264", "AAC")
    camera.interrupt()
    assert camera.formats is None


def test_sound_that_changes_needs_another_painter_and_repeated_headers_do_not():
    camera = camera_of(PICTURE_HEADER, SOUND_HEADER, picture(0, key=True), sound(5))
    before = camera.formats
    camera.take(dataclasses.replace(SOUND_HEADER, timestamp=40))
    assert camera.formats == before
    camera.take(dataclasses.replace(SOUND_HEADER, body=b"\xaf\0\x11\x90"))
    assert camera.formats != before
    assert sound(5) not in given(Feed(camera, None, True)), "it has the configuration of before"


def test_no_more_is_kept_than_can_be_decoded_soon():
    camera = camera_of(PICTURE_HEADER, picture(0, key=True))
    running = Feed(camera, None, False)
    for ms in range(1000, MAX_KEPT_TIME + 2000, 1000):
        camera.take(picture(ms))
    assert camera.formats is None
    assert running.given == MAX_KEPT_TIME // 1000 + 2, "a painter at work goes on"


def test_painter_that_is_too_slow_goes_on_with_the_newest_key_frame(monkeypatch):
    monkeypatch.setattr(feed_module, "BACKLOG", -1)
    camera = camera_of(PICTURE_HEADER, picture(0, key=True))
    feed = Feed(camera, None, False)
    for tag in (picture(40), picture(2000, key=True), picture(2040)):
        camera.take(tag)
    assert (feed.given, feed.skipped) == (2, 2)
    assert [tag.timestamp for tag in given(feed) if tag.is_frame] == [2000, 2040]


def test_painter_that_reads_nothing_costs_no_memory(monkeypatch):
    monkeypatch.setattr(feed_module, "MAX_WAITING", 1000)
    camera = camera_of(PICTURE_HEADER, picture(0, key=True))
    feed = Feed(camera, None, False)
    for ms in range(40, 4000, 40):
        camera.take(picture(ms))
    assert feed.given + feed.skipped == 100
    assert feed.skipped >= 90
    camera.take(picture(4000, key=True))
    assert given(feed)[-1] == picture(4000, key=True)


def test_pictures_without_their_header_are_told():
    camera = camera_of(picture(0, key=True), sound(5))
    assert camera.headless == {flv.PICTURE, flv.SOUND}
    assert camera.formats is None


@pytest.mark.parametrize(
    "kind, body, codec, is_header, is_key_frame, time",
    [
        (flv.PICTURE, b"\x17\x01\0\0\x50", "H.264", False, True, 80),
        (flv.PICTURE, b"\x27\x01\xff\xff\xd8", "H.264", False, False, -40),
        (flv.PICTURE, b"\x17\x02\0\0\0", "H.264", False, False, 0),  # the end of a sequence
        (flv.PICTURE, b"\x57\x00", "H.264", True, False, 0),
        (flv.PICTURE, b"\x90hvc1", "HEVC", True, False, 0),
        (flv.PICTURE, b"\x91hvc1\0\0\x28", "HEVC", False, True, 40),
        (flv.PICTURE, b"\xa3hvc1\0\0\x28", "HEVC", False, False, 0),
        (flv.PICTURE, b"\x1c\x00", "HEVC", True, False, 0),
        (flv.PICTURE, b"\x12", "Sorenson H.263", False, True, 0),
        (flv.PICTURE, b"\x19", "codec 9", False, True, 0),
        (flv.PICTURE, b"", None, False, False, 0),
        (flv.SOUND, b"\xaf\0", "AAC", True, False, 0),
        (flv.SOUND, b"\x2f", "MP3", False, False, 0),
        (flv.SOUND, b"\x90Opus", "Opus", True, False, 0),
        (flv.SOUND, b"\x91ac-3", "AC-3", False, False, 0),
        (flv.SCRIPT, b"\x17\0", None, False, False, 0),
    ],
)
def test_tags_are_told_apart(kind, body, codec, is_header, is_key_frame, time):
    tag = flv.Tag(kind, 0, body)
    assert (tag.codec, tag.is_header, tag.is_key_frame) == (codec, is_header, is_key_frame)
    assert tag.composition_time == time


@pytest.mark.parametrize("timestamp", [0, 0xFFFFFF, 0x1000000, 2**32 - 1])
def test_tags_are_written_as_they_are_read(timestamp):
    tag = picture(7)
    (read,) = tags_in(flv.header(True) + tag.encode(timestamp) + tag.encode(0)[:20])
    assert read == dataclasses.replace(tag, timestamp=timestamp)


def test_a_camera_has_to_wait_until_nginx_has_let_its_reader_in():
    """Its first key frame would be missed, and all pictures up to the next one."""
    answers = iter([False, False, True])

    async def is_played():
        return next(answers)

    async def wait():
        camera = RtmpCamera("cam", "1", None, None)
        camera.join()
        await camera.joined(is_played)

    asyncio.run(wait())
    assert next(answers, None) is None
