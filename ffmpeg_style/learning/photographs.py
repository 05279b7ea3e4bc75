"""Photographs and paintings as arrays, and the stream of crops that training sees."""

import contextlib
import itertools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from ffmpeg_style import pictures
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.learning.motion import REACH, invent_pair
from ffmpeg_style.pictures import find_images

MOST_PIXELS = 2**22
"""Of an image that a loss network is shown: its features take 4 kB for each, 16 GB in all."""

SMALLEST_PAINTING = 64
"""Of its short side in pixels: what is smaller has no strokes to learn."""

CROP_SHARE = 1 / 3
"""Of a photograph's short side, the least that a crop shows: scenes, not skin and sky."""

WORKERS = 2
AHEAD = 4
"""Threads that read photographs, and the items that they have ready before they are asked for."""


def read_painting(path, short_side):
    """A painting as uint8 RGB ``[H,W,3]``, its short side scaled; see `read_image`.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is not a readable image, or it has too many pixels or too few.
    """
    check_painting(path)
    return read_image(path, short_side=short_side)


def check_painting(path):
    """Raise InputError for a picture that is too small to be painted after."""
    width, height = pictures.check_picture(Path(path))
    if min(width, height) < SMALLEST_PAINTING:
        raise InputError(
            f"expected a painting of {SMALLEST_PAINTING} pixels or more on its short side, found "
            f"{path} at {width}x{height}; take a larger picture of it"
        )


def read_image(path, *, short_side=None, width=None):
    """An image file as uint8 RGB ``[H,W,3]``, scaled on wish.

    Args:
        path: the file; see `ffmpeg_style.pictures` for what is made of it.
        short_side: scale to this many pixels on the shorter side.
        width: scale to this width.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is not a readable image, or would have too many pixels.
    """
    path = Path(path)
    image = pictures.read_rgb(path, short_side)
    factor = short_side / min(image.size) if short_side else width / image.width if width else 1
    size = [max(1, round(side * factor)) for side in image.size]
    if short_side or width:
        check_pixels(*size, path)
    if factor != 1:
        image = image.resize(size, Image.LANCZOS)
    return np.asarray(image)


def check_pixels(width, height, path):
    """Raise InputError for more than a loss network can take."""
    if width * height > MOST_PIXELS:
        raise InputError(
            f"expected an image of at most {MOST_PIXELS / 1e6:.1f} million pixels, found {path} at "
            f"{width}x{height}; scale it to fewer: a painting with --style-size, a photograph with "
            "--width"
        )


class Photographs:
    """Batches of random crops: item k depends only on the seed and k, on any backend.

    Item k is a dictionary: ``images``, float32 ``[B,size,size,3]`` in 0..255, and
    ``style_weights``, float32 ``[B,S]`` with a single 1 in each row. With pairs there are ``moved``
    pictures too and their ``flow``, see `motion.Pair`. Files that are unreadable, or gone, are
    passed over; see ``unreadable``.

    Args:
        folder: photographs, in any depth of folders; or a list of their paths.
        size: side of the crops in pixels.
        styles: number of styles, S.
        batch: images in a batch, B.
        seed: of everything random.
        pairs: move each picture.
    """

    def __init__(self, folder, size, styles=1, batch=1, seed=0, pairs=False):
        self.paths = folder if isinstance(folder, list) else find_images(folder)
        self.size, self.styles, self.batch, self.seed = size, styles, batch, seed
        self.pairs = pairs
        self.unreadable = {}

    def __getitem__(self, step):
        random = np.random.default_rng([self.seed, step])
        pictures = self.pictures(random)
        styles = random.integers(self.styles, size=self.batch)
        return {**pictures, "style_weights": np.eye(self.styles, dtype="float32")[styles]}

    def pictures(self, random):
        """Random crops, by the names of an item, without the style weights."""
        if not self.pairs:
            crops = [self.random_crop(random) for _ in range(self.batch)]
            return {"images": np.stack(crops).astype("float32")}
        pairs = [invent_pair(self.random_crop(random, REACH), random) for _ in range(self.batch)]
        names, columns = ("images", "moved", "flow"), zip(*pairs, strict=True)
        return {name: np.stack(values) for name, values in zip(names, columns, strict=True)}

    def random_crop(self, random, border=0):
        """A square of a random photograph, scaled, cropped and mirrored at random.

        With ``border`` more pixels of the photograph on each side.
        """
        paths = (self.paths[index] for index in random.permutation(len(self.paths)))
        for crop in self.read(paths, lambda path: crop_at_random(path, self.size, random, border)):
            return crop
        raise InputError(
            f"expected photographs in {self.paths[0].parent}, found {len(self.paths)} files and "
            "none readable"
        )

    def read(self, paths, function):
        """Yield what ``function`` makes of each path, but of those that cannot be read."""
        for path in paths:
            try:
                yield function(path)
            except (InputError, InputNotFoundError) as error:
                self.unreadable[path] = str(error)


def crop_at_random(path, size, random, border=0):
    """A ``size x size`` crop of the image at ``path``: scale, place and mirror are random.

    It shows `CROP_SHARE` to all of the image's short side, each scale as likely as its double, but
    no fewer of the image's pixels than the crop has, where there are as many. A JPEG is read at the
    smallest of its scales that has the pixels.

    Args:
        path: of the image.
        size: side of the crop in pixels.
        random: a NumPy generator.
        border: pixels more on each side, which go on with the image's reflection where it ends.
    """
    least = min(1.0, max(CROP_SHARE, size / min(pictures.check_picture(path))))
    share = np.exp(random.uniform(np.log(least), 0.0))
    image = np.asarray(pictures.read_rgb(path, int(np.ceil(size / share))))
    side = max(1, round(share * min(image.shape[:2])))
    top, left = (int(random.integers(length - side + 1)) for length in image.shape[:2])
    margin = border * side / size
    whole = int(np.ceil(margin))
    part = reflected(image, top - whole, left - whole, side + 2 * whole)
    box = (whole - margin, whole - margin, whole + side + margin, whole + side + margin)
    full = (size + 2 * border,) * 2
    crop = np.asarray(Image.fromarray(part).resize(full, Image.BICUBIC, box=box))
    return crop[:, ::-1] if random.random() < 0.5 else crop


def reflected(image, top, left, side):
    """A square of an image ``[H,W,3]`` that goes on with its reflection where it ends."""
    ends = [
        (max(0, -first), max(0, first + side - length))
        for first, length in zip((top, left), image.shape[:2], strict=True)
    ]
    part = image[max(0, top) : top + side, max(0, left) : left + side]
    return np.pad(part, [*ends, (0, 0)], mode="symmetric")


@contextlib.contextmanager
def prefetched(items, steps: range) -> Iterator[Iterator]:
    """Yield an iterator over ``items[step]`` for each step, which threads read ahead of it."""
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting = deque(pool.submit(items.__getitem__, step) for step in steps[:AHEAD])

        def batches():
            for following in itertools.chain(steps[AHEAD:], itertools.repeat(None)):
                if not waiting:
                    return
                batch = waiting.popleft().result()
                if following is not None:
                    waiting.append(pool.submit(items.__getitem__, following))
                yield batch

        try:
            yield batches()
        finally:
            pool.shutdown(cancel_futures=True)
