"""Still pictures, as cameras, scanners and other programs write them."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.pictures import SUFFIXES, Picture, kind_of, read_picture, read_rgb

UPRIGHT = Image.linear_gradient("L").resize((40, 24)).convert("RGB")  # dark above, bright below


def test_grey_of_16_bits(tmp_path):
    values = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(16, axis=0)
    for suffix in (".png", ".tif", ".pgm"):
        path = tmp_path / f"grey{suffix}"
        Image.fromarray(values).save(path)
        pixels = read_picture(path).pixels
        np.testing.assert_array_equal(pixels[0, :, 0], np.arange(256))
        np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_floats(tmp_path, white):
    values = np.linspace(0, white, 256, dtype=np.float32)[None].repeat(16, axis=0)
    values[3, 3] = np.nan
    Image.fromarray(values).save(tmp_path / "float.tif")
    pixels = read_picture(tmp_path / "float.tif").pixels
    np.testing.assert_array_equal(pixels[0, :, 1], np.arange(256))
    assert pixels[3, 3].max() == 0


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_a_turned_picture_is_upright_and_keeps_date_and_place(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112], exif[0x0132], exif[0x010F] = 6, "2024:05:06 07:08:09", "Maker"
    exif.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0xA002: 24})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 30.0)})
    path = tmp_path / f"turned{suffix}"
    UPRIGHT.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif.tobytes())
    picture = read_picture(path)
    assert picture.pixels.shape == (24, 40, 3)
    assert picture.pixels[0].mean() < 30 and picture.pixels[-1].mean() > 225
    assert read_rgb(path).size == (40, 24)
    for target in (".jpg", ".png", ".webp", ".tif", ".avif"):
        file = io.BytesIO()
        assert picture.write(file, target) == []
        with Image.open(file) as written:
            found = written.getexif()
            assert found.get(0x0112, 1) == 1 and found[0x0132] == "2024:05:06 07:08:09"
            assert found.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
            assert found.get_ifd(0x8769).get(0xA002, 40) == 40
            assert tuple(map(float, found.get_ifd(0x8825)[2])) == (48, 12, 30)
            assert written.size == (40, 24)
    assert picture.write(io.BytesIO(), ".bmp") == ["date, place and camera (EXIF)"]


def test_a_colour_profile_is_applied(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    colours = Image.new("RGB", (16, 16), (200, 60, 40))
    in_lab = ImageCms.profileToProfile(colours, srgb, lab, outputMode="LAB")
    in_lab.save(tmp_path / "lab.tif", icc_profile=lab.tobytes())
    np.testing.assert_allclose(
        read_picture(tmp_path / "lab.tif").pixels[0, 0], (200, 60, 40), atol=2
    )
    colours.save(tmp_path / "srgb.png", icc_profile=srgb.tobytes())
    np.testing.assert_array_equal(read_picture(tmp_path / "srgb.png").pixels[0, 0], (200, 60, 40))
    colours.save(tmp_path / "damaged.png", icc_profile=b"no profile")
    np.testing.assert_array_equal(
        read_picture(tmp_path / "damaged.png").pixels[0, 0], (200, 60, 40)
    )


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_white_to_paint_and_kept_where_it_can_be(tmp_path, mode):
    image = Image.new("RGBA", (32, 16), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 0, 15, 15), fill=(90, 90, 90, 255))
    image.convert(mode).save(tmp_path / "clear.png")
    picture = read_picture(tmp_path / "clear.png")
    np.testing.assert_array_equal(picture.pixels[0, 31], (255, 255, 255))
    np.testing.assert_allclose(picture.pixels[0, 0], (90, 90, 90), atol=3)
    assert (picture.alpha[0, 0], picture.alpha[0, 31]) == (255, 0)
    for suffix in (".png", ".webp", ".tif", ".avif"):
        file = io.BytesIO()
        assert picture.write(file, suffix) == []
        with Image.open(file) as written:
            assert written.getchannel("A").getextrema() == (0, 255)
    file = io.BytesIO()
    assert picture.write(file, ".jpg") == ["transparency, which is now white"]
    with Image.open(file) as written:
        assert written.getpixel((31, 8)) == (255, 255, 255)


def test_an_opaque_picture_has_no_alpha(tmp_path):
    UPRIGHT.convert("RGBA").save(tmp_path / "opaque.png")
    assert read_picture(tmp_path / "opaque.png").alpha is None


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_suffix_is_written_finely(suffix):
    """Noise in colours: what less quality, or halved colours, would blur."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    file = io.BytesIO()
    Picture(pixels).write(file, suffix)
    with Image.open(file) as written:
        error = np.asarray(written.convert("RGB")).astype(float) - pixels
    # JPEG: 4.1 at a quality of 95, 8.1 at 90, 59 with halved colours, which WebP always has.
    most = {".jpg": 5.5, ".jpeg": 5.5, ".avif": 9, ".webp": 62}.get(suffix, 0)
    assert np.sqrt(np.mean(error**2)) <= most


def test_webp_is_written_finely_but_for_its_halved_colours():
    """Noise in greys: 1.4 at a quality of 95, 1.7 at 93, 2.2 at 90."""
    grey = np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8).repeat(3, axis=2)
    file = io.BytesIO()
    Picture(grey).write(file, ".webp")
    with Image.open(file) as written:
        error = np.asarray(written.convert("RGB")).astype(float) - grey
    assert np.sqrt(np.mean(error**2)) <= 1.6


def test_a_large_jpeg_is_read_at_the_scale_that_is_needed(tmp_path):
    UPRIGHT.resize((800, 480)).save(tmp_path / "large.jpg")
    assert read_rgb(tmp_path / "large.jpg", short_side=100).size == (200, 120)
    assert read_rgb(tmp_path / "large.jpg").size == (800, 480)


def test_what_is_still_and_what_moves(tmp_path):
    frames = [UPRIGHT, UPRIGHT.rotate(90), UPRIGHT.rotate(180)]
    for kind in ("WEBP", "PNG", "GIF"):
        suffix = f".{kind.lower()}"
        frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / f"b{suffix}")
        assert kind_of(tmp_path / f"a{suffix}") == (kind, 3)
        assert kind_of(tmp_path / f"b{suffix}") == (kind, 1)
    (tmp_path / "text.png").write_text("no picture")
    assert kind_of(tmp_path / "text.png") == ("", 0)


def test_what_is_no_picture_is_named(tmp_path):
    with pytest.raises(InputNotFoundError, match=r"none\.png"):
        read_picture(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no picture")
    UPRIGHT.save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    for name in ("text.png", "cut.png"):
        with pytest.raises(InputError, match=name):
            read_picture(Path(tmp_path / name))


TRUNCATED = """
import os, sys
from pathlib import Path

from PIL import ImageOps

from ffmpeg_style import pictures

path = Path(sys.argv[1])
turn = ImageOps.exif_transpose
ImageOps.exif_transpose = lambda *args, **options: os.truncate(path, 0) or turn(*args, **options)
assert pictures.read_rgb(path).getextrema() == ((90, 90),) * 3
"""


def test_a_file_that_gets_shorter_while_it_is_read_ends_no_process(tmp_path):
    for suffix in (".bmp", ".tif"):  # which Pillow would map
        path = tmp_path / f"grey{suffix}"
        Image.new("L", (200, 200), 90).save(path)
        subprocess.run([sys.executable, "-c", TRUNCATED, path], check=True)
