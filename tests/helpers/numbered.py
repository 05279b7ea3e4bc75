"""Frames that carry their number: who sees one knows when it was sent."""

import bisect
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from helpers.live import LiveServer, end, wait_for

from ffmpeg_style.ffmpeg.program import ffmpeg_path

# The number is drawn as 14 bits in two rows at the top. A bit is a pair of cells, one black and one
# white, so that a painting at half strength leaves no doubt which was the brighter one.
NUMBER_BITS, CHECK_BITS, ROWS = 10, 4, 2
PAIRS = (NUMBER_BITS + CHECK_BITS) // ROWS
CELLS = 2 * PAIRS
STRIP = 2 / 9
"""Part of the picture's height that the number takes."""
VIEW_WIDTH, VIEW_HEIGHT = 10 * CELLS, 180
"""What viewers make of the picture before they look at it."""
VISIBLE = 8
"""Levels of 255 by which the cells of a pair must differ."""
STRENGTH = "0.5"
"""The network does its whole work, and the numbers can still be read."""


def bits_of(number):
    """The bits that are drawn: the number's, and those of a check sum."""
    low = number % 2**NUMBER_BITS
    value = low << CHECK_BITS | low * 7 % 13
    return [value >> bit & 1 for bit in reversed(range(NUMBER_BITS + CHECK_BITS))]


def number_in(cells):
    """The number that was drawn, modulo 2 ** NUMBER_BITS, or None if it can't be read.

    Args:
        cells: brightness of the cells, an array [ROWS, CELLS].
    """
    pairs = np.asarray(cells, float).reshape(-1, 2)
    difference = pairs[:, 0] - pairs[:, 1]
    if np.abs(difference).min() < VISIBLE:
        return None
    number = int("".join("1" if value > 0 else "0" for value in difference), 2) >> CHECK_BITS
    return number if [int(value > 0) for value in difference] == bits_of(number) else None


def draw_number(luma, number):
    """Draws a frame's number into its brightness, an array [height, width]."""
    height, width = luma.shape
    row_height, cell_width = int(height * STRIP / ROWS), width / CELLS
    for index, bit in enumerate(bits_of(number)):
        row, pair = divmod(index, PAIRS)
        top, left = row * row_height, int(2 * pair * cell_width)
        middle, right = int((2 * pair + 1) * cell_width), int((2 * pair + 2) * cell_width)
        luma[top : top + row_height, left:middle] = 235 if bit else 16
        luma[top : top + row_height, middle:right] = 16 if bit else 235


def cells_of(picture):
    """Brightness of the cells in a picture [VIEW_HEIGHT, VIEW_WIDTH, 3]: of their inner parts."""
    height = int(VIEW_HEIGHT * STRIP / ROWS)
    strip = picture[: ROWS * height].mean(axis=2).reshape(ROWS, height, CELLS, 10)
    return strip[:, 4:-4, :, 3:-3].mean(axis=(1, 3))


def scenery(width, height, still, count=32):
    """Pictures for a camera as uint8 arrays [height * 3 / 2, width], yuv420p: waves that drift."""
    y, x = np.mgrid[0:height, 0:width] / height
    for phase in np.linspace(0, 2 * np.pi, 1 if still else count, endpoint=False):
        luma = 126 + 50 * np.sin(9 * x + phase) + 50 * np.sin(7 * x * y + 11 * y - 2 * phase)
        blue = 128 + 60 * np.sin(5 * x[::2, ::2] + phase)
        red = 128 + 60 * np.cos(6 * y[::2, ::2] - phase)
        planes = [luma.ravel(), blue.ravel(), red.ravel()]
        yield np.concatenate(planes).astype(np.uint8).reshape(height * 3 // 2, width)


class Numbers:
    """When each frame was handed to a camera's ffmpeg; the numbers go on from camera to camera."""

    def __init__(self):
        self.sent = []

    def index(self, number, moment):
        """The latest frame with that number, modulo 2 ** NUMBER_BITS, that was sent by a moment."""
        last = bisect.bisect(self.sent, moment) - 1
        return last - (last - number) % 2**NUMBER_BITS


class Camera:
    """An ffmpeg that publishes numbered frames with sound, and is started again when it ends."""

    def __init__(self, server, numbers, size=(640, 360), rate=15, gop=15, still=False, name="cam"):
        self._numbers, self._size, self._rate = numbers, size, rate
        self._pictures = list(scenery(*size, still))
        self._command = [
            *(str(ffmpeg_path()), "-nostdin", "-loglevel", "error", "-f", "rawvideo"),
            *("-pix_fmt", "yuv420p", "-s", "{}x{}".format(*size), "-framerate", str(rate)),
            *("-i", "pipe:0", "-re", "-f", "lavfi", "-i", "sine=frequency=220"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "2M"),
            *("-g", str(gop), "-c:a", "aac", "-f", "flv"),
            server.camera_address(name),
        ]
        self._stopped = False
        self._start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _start(self):
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def _run(self):
        due = time.time()
        while not self._stopped:
            number = len(self._numbers.sent)
            frame = self._pictures[number % len(self._pictures)].copy()
            draw_number(frame[: self._size[1]], number)
            due += 1 / self._rate
            time.sleep(max(0, due - time.time()))
            self._numbers.sent.append(time.time())
            try:
                self.process.stdin.write(frame)
                self.process.stdin.flush()
            except BrokenPipeError:
                self._come_back()
                due = time.time()

    def _come_back(self):
        self.process.wait()
        if not self._stopped:
            time.sleep(0.2)
            self._start()

    def close(self):
        """Ends it."""
        self._stopped = True
        end(self.process)
        self._thread.join()


class Viewer:
    """An RTMP player that is started again when it ends.

    Attributes:
        frames: (moment, number of the frame or None, picture) of each.
    """

    def __init__(self, server, name="cam"):
        self.frames = []
        self._command = [
            *(str(ffmpeg_path()), "-nostdin", "-loglevel", "quiet", "-threads", "1"),
            *("-fflags", "nobuffer", "-rtmp_live", "live", "-f", "live_flv"),
            *("-analyzeduration", "1000000", "-fpsprobesize", "0"),
            *("-i", f"rtmp://127.0.0.1:{server.rtmp_port}/painted/{name}", "-an"),
            *("-vf", f"scale={VIEW_WIDTH}:{VIEW_HEIGHT}:flags=area", "-fps_mode", "passthrough"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"),
        ]
        self._process = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        size = VIEW_WIDTH * VIEW_HEIGHT * 3
        while not self._stopped:
            with subprocess.Popen(self._command, stdout=subprocess.PIPE) as self._process:
                while len(data := self._process.stdout.read(size)) == size:
                    picture = np.frombuffer(data, np.uint8).reshape(VIEW_HEIGHT, VIEW_WIDTH, 3)
                    self.frames.append((time.time(), number_in(cells_of(picture)), picture))
            time.sleep(0.2)

    def delays(self, numbers, begin):
        """Seconds from a frame's sending to its being seen, of those seen since a moment."""
        seen = [(moment, number) for moment, number, _ in self.frames if moment >= begin]
        return [
            moment - numbers.sent[numbers.index(n, moment)] for moment, n in seen if n is not None
        ]

    def unread(self, begin):
        """Part of the frames since a moment whose number could not be read."""
        seen = [number is None for moment, number, _ in self.frames if moment >= begin]
        return sum(seen) / max(1, len(seen))

    def wait_for_frame(self, numbers, index, seconds=60):
        """Waits for a frame that was sent as `index` or later; returns when it was seen."""
        since = numbers.sent[index]
        position = 0

        def look():
            nonlocal position
            new = self.frames[position:]
            position += len(new)
            fresh = (
                m for m, n, _ in new if n is not None and m > since and numbers.index(n, m) >= index
            )
            return next(fresh, None)

        return wait_for(look, seconds)

    def close(self):
        """Ends it."""
        self._stopped = True
        self._process.kill()
        self._thread.join()


class Scene:
    """A server, a camera and a viewer of it, in a folder of their own."""

    def __init__(self, model, *options, **camera):
        self._folder = tempfile.TemporaryDirectory(prefix="ffmpeg-style-live-")
        self.folder = Path(self._folder.name)
        self.server = LiveServer(self.folder, model, "--strength", STRENGTH, *options)
        self.numbers = Numbers()
        self.camera = Camera(self.server, self.numbers, **camera)
        self.viewer = Viewer(self.server)

    def wait_until_painted(self, seconds=60):
        """Waits until the viewer sees a frame that is sent from now on."""
        wait_for(lambda: self.numbers.sent)
        return self.viewer.wait_for_frame(self.numbers, len(self.numbers.sent) - 1, seconds)

    def back_after(self, event):
        """Seconds from the beginning of an event until a frame is seen that was sent after it."""
        index = len(self.numbers.sent)
        begin = time.time()
        event()
        wait_for(lambda: len(self.numbers.sent) > index)
        return self.viewer.wait_for_frame(self.numbers, index) - begin

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.viewer.close()
        self.camera.close()
        self.server.stop()
        self._folder.cleanup()
