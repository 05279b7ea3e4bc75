"""Photographs and paintings on disk: read as upright sRGB of 8 bits, written with their EXIF data.

Whatever a camera or a scanner made of it, a picture means the same everywhere here: its rotation is
applied, its colour profile becomes sRGB, 16 bits and floats become 8 bits, and what is transparent
lies on white.
"""

import io
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from ffmpeg_style.errors import InputError, InputNotFoundError, StyleError
from ffmpeg_style.files import check_no_source, check_target

PAINTING_SIDE = 1024
"""Of a painting's short side, the pixels that are enough: what reads it sees 512."""

JPEG_QUALITY = 95
"""Of Pillow's scale. Colours keep their full resolution beside it: strokes are made of them."""

_WRITERS: dict[str, dict[str, Any]] = {
    ".avif": {"format": "AVIF", "quality": 90, "subsampling": "4:4:4"},
    ".bmp": {"format": "BMP"},
    ".jpg": {"format": "JPEG", "quality": JPEG_QUALITY, "subsampling": "4:4:4"},
    ".png": {"format": "PNG"},
    ".ppm": {"format": "PPM"},
    ".tif": {"format": "TIFF"},  # not compressed: Pillow has no EXIF data in one that is
    ".webp": {"format": "WEBP", "quality": 95},
}
_WRITERS[".jpeg"] = _WRITERS[".jpg"]
_WRITERS[".tiff"] = _WRITERS[".tif"]
SUFFIXES = frozenset(_WRITERS)
"""Of the names of the pictures that `Picture.write` makes."""

_PHOTOGRAPHS = SUFFIXES | {".heic", ".heif"}

# Each with a mark at its begin: others, such as TGA, would take a video for theirs by chance.
_READ = {
    *("AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "SGI", "TIFF", "WEBP"),
}
_STREAMS = {".mjpeg", ".mjpg"}  # of many JPEGs, each behind the other
_ANIMATED = {"AVIF", "GIF", "PNG", "WEBP"}
_WITH_ALPHA = {"AVIF", "PNG", "TIFF", "WEBP"}
_WITH_EXIF = {"AVIF", "JPEG", "PNG", "TIFF", "WEBP"}
_KEPT_EXIF = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
)
# They tell of the pixels as they were: the sides, and what only the camera's maker can read.
_PASSED_OVER_EXIF = {
    ExifTags.Base.ExifImageWidth,
    ExifTags.Base.ExifImageHeight,
    ExifTags.Base.MakerNote,
}
_PROFILED_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_BRIGHTEST_FLOAT = 16.0
"""Floats of 0 to 1 may be a little more in places; those of 0 to 255 are more nearly everywhere."""


@dataclass(frozen=True)
class Picture:
    """A still picture.

    Attributes:
        pixels: uint8 ``[H,W,3]``, sRGB; what is transparent is blended with white.
        alpha: uint8 ``[H,W]``, or None for an opaque picture.
        exif: date, place and camera, as bytes of an EXIF block; empty when nothing is known.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes = b""

    def resized(self, width: int, height: int) -> "Picture":
        """The picture at another size."""
        if self.pixels.shape[:2] == (height, width):
            return self

        def scaled(values):
            image = Image.fromarray(values).resize((width, height), Image.Resampling.LANCZOS)
            return np.asarray(image)

        alpha = None if self.alpha is None else scaled(self.alpha)
        return replace(self, pixels=scaled(self.pixels), alpha=alpha)

    def write(self, file: IO[bytes], suffix: str) -> list[str]:
        """Write it as the kind of picture that a suffix stands for.

        Args:
            file: to write to.
            suffix: one of `SUFFIXES`.

        Returns:
            list[str]: what that kind can't hold and was dropped, in words.
        """
        options = dict(_WRITERS[suffix.lower()])
        image, dropped = Image.fromarray(self.pixels), []
        if self.alpha is not None:
            if options["format"] in _WITH_ALPHA:
                image.putalpha(Image.fromarray(self.alpha))
            else:
                dropped.append("transparency, which is now white")
        if options["format"] in _WITH_EXIF:
            # Viewers that manage colours are told what else they would have to guess.
            options["icc_profile"] = _srgb()
            if self.exif:
                options["exif"] = self.exif
        elif self.exif:
            dropped.append("date, place and camera (EXIF)")
        encoded = io.BytesIO()  # of a full disk Pillow's encoders say no more than "error -2"
        image.save(encoded, **options)
        file.write(encoded.getbuffer())
        return dropped


def find_images(folder: str | PathLike[str]) -> list[Path]:
    """Paths of the image files in a folder and below, sorted.

    Raises:
        InputNotFoundError: no such folder.
        InputError: it holds no file that is named like an image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputNotFoundError(f"expected a folder of photographs, found none at {folder}")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PHOTOGRAPHS)
    if not paths:
        raise InputError(f"expected photographs in {folder}, found no image file there")
    return paths


def read_picture(path: Path) -> Picture:
    """A still picture, of any kind that Pillow reads.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is no readable picture.
    """
    with _opened(path) as image:
        exif = _kept_exif(image)
        image = _upright_srgb(image)
    alpha = np.asarray(image.getchannel("A")) if image.mode == "RGBA" else None
    if alpha is not None and alpha.min() == 255:
        alpha = None
    return Picture(np.asarray(_on_white(image)), alpha, exif)


def read_rgb(path: Path, short_side: int | None = None) -> Image.Image:
    """A still picture as a Pillow image of mode RGB.

    Args:
        path: of the file.
        short_side: pixels that are enough on the shorter side: a large JPEG is read at a half, a
            quarter or an eighth of its size as long as that leaves more.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is no readable picture.
    """
    with _opened(path) as image:
        if short_side:
            image.draft(None, (short_side, short_side))
        return _on_white(_upright_srgb(image))


def read_painting(path: str | PathLike[str]) -> np.ndarray:
    """A painting for a model for any painting: uint8 ``[h,w,3]``, of no more pixels than it reads.

    Raises:
        InputNotFoundError: no such file.
        InputError: the file is no readable picture.
    """
    return np.ascontiguousarray(read_rgb(Path(path), PAINTING_SIDE))


def check_picture(path: Path) -> tuple[int, int]:
    """Look at the head of a file: whether it is a picture.

    Returns:
        tuple[int, int]: width and height as they are stored, before it is turned upright.

    Raises:
        InputNotFoundError: no such file.
        InputError: it is none.
    """
    with _opened(path) as image:
        return image.size


def check_picture_target(path: Path, overwrite: bool, *sources: Path) -> None:
    """Whether a picture can be written there, before long work.

    Raises:
        InputError: its suffix is of no kind that is written, or see `files.check_target`.
    """
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES))
        raise InputError(f"expected to write an image ({known}), found {path.name!r}")
    check_target(path, overwrite)
    check_no_source(path, *sources)


def kind_of(path: Path) -> tuple[str, int]:
    """What kind of picture a file is, and how many frames it has.

    Returns:
        tuple[str, int]: Pillow's name of the kind, and 1 for a still one; "" and 0 for a file that
        is no picture at all.
    """
    if path.suffix.lower() in _STREAMS or not path.is_file():  # a pipe would be waited for
        return "", 0
    with suppress(Exception), Image.open(path, formats=_formats()) as image:
        is_still = image.format not in _ANIMATED
        return image.format or "", 1 if is_still else getattr(image, "n_frames", 1)
    return "", 0


def write_animation(path: Path, file: IO[bytes]) -> None:
    """Write an animated picture as an animated PNG, which every ffmpeg reads.

    Raises:
        InputError: it can't be read to its end.
    """
    encoded, times = io.BytesIO(), []
    with _opened(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()  # before it the time of the frame before is told
            times.append(image.info.get("duration", 0))
        image.seek(0)
        image.save(encoded, "PNG", save_all=True, default_image=False, duration=times)
    file.write(encoded.getbuffer())
    file.flush()


class _Unmapped(io.BufferedReader):
    """A file without a descriptor for Pillow and libtiff to map: it may get shorter meanwhile."""

    def fileno(self):
        raise io.UnsupportedOperation("fileno")


@contextmanager
def _opened(path):
    """The file as a Pillow image, and every error about it as one of ours."""
    if path.is_dir():
        raise InputError(f"expected an image, found a folder at {path}")
    if not path.is_file():
        raise InputNotFoundError(f"expected an image, found no file at {path}")
    try:
        with (
            _Unmapped(io.FileIO(path)) as file,
            Image.open(file, formats=_formats()) as image,
        ):
            yield image
    except StyleError:
        raise
    except UnidentifiedImageError:
        raise InputError(
            f"expected an image in {path}, found an unreadable file (of no known kind)"
        ) from None
    except Image.DecompressionBombError:
        raise InputError(
            f"expected an image of at most {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels, "
            f"found more in {path}; scale it down first"
        ) from None
    except Exception as error:  # Pillow's decoders raise whatever they please on damage.
        raise InputError(
            f"expected an image in {path}, found an unreadable file ({error})"
        ) from error


@cache
def _formats():
    """The kinds of files that are still pictures, to Pillow, with HEIC where its plugin is."""
    with suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.init()
    return [name for name in Image.ID if name in _READ]


def _upright_srgb(image):
    """An image of mode RGB or RGBA, sRGB, as its photographer held the camera."""
    profile = image.info.get("icc_profile")
    image.load()  # a TIFF is turned by that already, and then says so
    image = _eight_bits(ImageOps.exif_transpose(image))
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
    image = _converted(image, profile) if profile else image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _converted(image, profile):
    """The image's colours in sRGB; a profile that is damaged is passed over."""
    if image.mode not in _PROFILED_MODES.values():
        image = image.convert("RGB")
    with suppress(ImageCms.PyCMSError, OSError):
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _PROFILED_MODES.get(source.profile.xcolor_space.strip())
        is_srgb = (source.profile.profile_description or "").startswith("sRGB")
        if mode and not is_srgb:
            target = ImageCms.ImageCmsProfile(io.BytesIO(_srgb()))
            return ImageCms.profileToProfile(image.convert(mode), source, target, outputMode="RGB")
    return image.convert("RGB")


@cache
def _srgb():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _eight_bits(image):
    """Pictures of one channel of more than 8 bits as those of 8; all others as they are."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image).astype("float64"))
    if image.mode == "F":
        # They are written in 0..1, 0..255 or 0..65535; nothing in the file says in which.
        ranges = ((_BRIGHTEST_FLOAT, 1), (255, 255), (65535, 65535))
    else:
        ranges = ((65535, 65535), (2**31, 2**31))
    most = values.max(initial=0)
    white = next((white for limit, white in ranges if most <= limit), most)
    return Image.fromarray(np.clip(values * (255 / white) + 0.5, 0, 255).astype(np.uint8))


def _on_white(image):
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _kept_exif(image):
    """What the EXIF data tell of date, place and camera; nothing of the pixels, which change."""
    kept = Image.Exif()
    with suppress(Exception):  # it is read as it is needed, and any of it may be damaged
        found = image.getexif()
        kept.update({tag: found[tag] for tag in _KEPT_EXIF if tag in found})
        for name in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            values = {
                tag: value
                for tag, value in found.get_ifd(name).items()
                if tag not in _PASSED_OVER_EXIF and tag != ExifTags.IFD.Interop
            }
            if values:
                kept.get_ifd(name).update(values)
                kept[name] = values
        return kept.tobytes() if len(kept) else b""
    return b""
