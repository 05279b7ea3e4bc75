"""What a worker writes for RTMP and HLS, and what it encodes for browsers."""

import os
import re
import subprocess
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.live.webrtc.publishing import Publication
from ffmpeg_style.live.webrtc.size import MAX_TIME, PATIENCE, WINDOW, PaintedSize
from ffmpeg_style.live.webrtc.vp8 import MIN_BITRATE, Vp8Encoder
from ffmpeg_style.newest import Newest

RATE = Fraction(1, 90000)


def white(width, height, pts):
    """A white frame."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = pts, RATE
    return frame


def test_publication_fits_what_has_been_turned():
    read_end, write_end = os.pipe()
    found = []

    def read():
        with os.fdopen(read_end, "rb") as file, av.open(file, format="nut") as container:
            for frame in container.decode(video=0):
                found.append((frame.pts * frame.time_base, frame.to_ndarray()))

    reader = threading.Thread(target=read)
    reader.start()
    publication = Publication(write_end, with_sound=False)
    for pts, size in ((90000, (64, 32)), (99000, (32, 64))):
        publication.video(white(*size, pts))
        while publication._has_video:
            pass
    publication.close()
    reader.join(30)
    (first, lying), (second, upright) = found
    assert (first, second) == (1, Fraction(11, 10))
    assert lying.shape == upright.shape == (48, 64)
    assert lying[:32].min() > 230
    assert upright[:32, :20].max() < 20 < 230 < upright[:32, 28:36].min()


def test_publication_and_its_reader_keep_nothing_of_what_has_passed():
    read_end, write_end = os.pipe()
    command = [
        *(str(ffmpeg_path()), "-nostdin", "-loglevel", "error", "-copyts", "-f", "nut"),
        *("-i", f"pipe:{read_end}", "-map", "0", "-c", "copy", "-f", "null", "-"),
    ]
    reader = subprocess.Popen(command, pass_fds=[read_end], stderr=subprocess.PIPE, text=True)
    os.close(read_end)
    publication = Publication(write_end, with_sound=True)

    def publish(first, end):
        """Publishes frames and packets of sound; kB that both processes then take."""
        for number in range(first, end):
            frame = av.VideoFrame(160, 160, "yuv420p")  # More than NUT's `max_distance`.
            frame.pts, frame.time_base = 3000 * number, RATE
            publication.video(frame)
            publication.audio(1600 * number, bytes(20))
            while publication._has_video:
                time.sleep(0)
        return [resident(pid) for pid in (os.getpid(), reader.pid)]

    begin = publish(0, 1000)
    grown = np.subtract(publish(1000, 5000), begin)
    publication.close()
    assert reader.communicate(timeout=30)[1] == ""
    assert grown.max() < 500, "a tenth of a kB for each packet is not noise"


def resident(pid):
    """The memory of a process, of its own, in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])


def test_encoder_gives_small_pictures_less_and_follows_the_network():
    encoder = Vp8Encoder(2_000_000)
    rates = []
    for size, bitrate in (((1280, 720), 2_000_000), ((640, 360), 2_000_000), ((640, 360), 300_000)):
        encoder.bitrate = bitrate
        assert encoder.encode(white(*size, 0), False)[1], "another bit rate begins anew"
        assert not encoder.encode(white(*size, 3000), False)[1]
        rates.append(encoder._codec.bit_rate)
    assert rates == [2_000_000, 1_000_000, 300_000]


def test_encoder_follows_size_and_wishes():
    encoder = Vp8Encoder(1_000_000)
    frames = [white(64, 32, 3000 * i) for i in range(6)]
    assert [encoder.encode(frame, False)[1] for frame in frames[:2]] == [True, False]
    assert encoder.encode(frames[2], True)[1]
    encoder.bitrate = 10
    assert encoder.bitrate == MIN_BITRATE
    encoder.bitrate = 5_000_000
    assert encoder.bitrate == 1_000_000
    data, is_key = encoder.encode(white(32, 64, 18000), False)
    assert is_key
    (decoded,) = av.CodecContext.create("libvpx", "r").decode(av.Packet(data))
    assert (decoded.width, decoded.height) == (32, 64)


@pytest.mark.parametrize(
    ("size", "painted"),
    [
        ((640, 360), (640, 360)),
        ((1920, 1080), (1280, 720)),
        ((361, 641), (360, 640)),
        ((9, 8), (16, 16)),
    ],
)
def test_sizes_are_even_and_limited(size, painted):
    assert PaintedSize(720).of(*size) == painted


def test_pictures_are_painted_smaller_while_they_take_too_long():
    now = [0.0]
    size = PaintedSize(720, lambda: now[0])

    def paint(seconds):
        for _ in range(WINDOW):
            size.note(seconds)
        return size.of(1280, 720)

    assert paint(0.9 * MAX_TIME) == (1280, 720)
    assert paint(3 * MAX_TIME) == (640, 360)
    assert paint(0.75 * MAX_TIME) == (640, 360)
    assert paint(0.2 * MAX_TIME) == (640, 360), "it has just been made smaller"
    now[0] += 2 * PATIENCE
    assert paint(0.2 * MAX_TIME) == (960, 540)
    assert paint(0.5 * MAX_TIME) == (960, 540)
    now[0] += 2 * PATIENCE
    assert paint(0.5 * MAX_TIME) == (960, 540), "it would take too long"
    for _ in range(2):
        larger = paint(0.1 * MAX_TIME)
    assert larger == (1280, 720)
    assert paint(100 * MAX_TIME) == (320, 180)


def test_slot_keeps_the_newest():
    slot = Newest()
    assert slot.put(1) is None
    assert slot.put(2) == 1
    assert slot.take() == 2
    slot.put(3)
    slot.close()
    assert [slot.take(), slot.take()] == [3, None]
