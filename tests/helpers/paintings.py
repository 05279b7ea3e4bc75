"""Pictures that are given as styles: good ones of many kinds, and what is none."""

from PIL import Image

RED, BLUE = (160, 90, 100), (100, 110, 180)

SHORTER = "/sys/devices/system/cpu/online"
"""A file that says it has 4096 bytes, and has a few."""
NO_PICTURES = [
    (lambda path: path.write_bytes(b"no picture at all"), "unreadable", "of another kind"),
    (lambda path: path.write_bytes(b""), "unreadable", "found no file, or an empty one"),
    (lambda path: path.mkdir(), "found a folder", "found no file, or an empty one"),
    (lambda path: None, "found no file", "No such file or directory"),
    (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100)), "unreadable", "is damaged"),
    (lambda path: path.symlink_to(SHORTER), "unreadable", "got shorter while it was read"),
    (lambda path: black(path, 20000, 20000), "million pixels", "more than 67 million"),
    (lambda path: black(path, 70000, 1), "at most 65535", "at most 65535"),
]
"""How each is made at a path, what Python says of it, and what the filter says."""


def black(path, width, height):
    """A black picture, whose file is small."""
    Image.new("1", (width, height)).save(path, "PNG")


def of_any_kind():
    """Of each kind by name: the image, the options to save it with, the colour of its corner."""
    red = Image.new("RGB", (80, 60), RED)
    blend = tuple(round(255 - (255 - value) * 200 / 255) for value in RED)
    stripe = red.copy()
    stripe.paste(BLUE, (40, 0, 80, 60))
    flipped = stripe.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    alpha = Image.merge("RGBA", (*red.split(), Image.new("L", red.size, 200)))
    palette = red.convert("P", palette=Image.Palette.ADAPTIVE)
    best = {"quality": 100, "subsampling": 0}
    return {
        "alpha.png": (alpha, {}, blend),
        "cmyk.jpg": (Image.new("CMYK", (80, 60), (95, 165, 155, 0)), {"quality": 100}, RED),
        "grey.png": (Image.new("L", (80, 60), 130), {}, (130,) * 3),
        # Far from the middle, where a wrong range shows most.
        "dark.jpg": (Image.new("L", (80, 60), 30), {"quality": 100}, (30,) * 3),
        "light.tiff": (Image.new("L", (80, 60), 220), {}, (220,) * 3),
        "dark.pgm": (Image.new("L", (80, 60), 30), {}, (30,) * 3),
        "red.jpg": (red, {"quality": 100}, RED),
        "grey16.png": (Image.new("I;16", (80, 60), 130 * 257), {}, (130,) * 3),
        "palette.gif": (palette, {}, RED),
        "lossless.webp": (red, {"lossless": True}, RED),
        "plain.tiff": (red, {}, RED),
        "one.png": (Image.new("RGB", (1, 1), RED), {}, RED),
        "stripe.jpg": (stripe, best, RED),
        # The top of the picture is on the right of what is stored.
        "turned.jpg": (stripe, best | {"exif": oriented(6)}, RED),
        "mirrored.jpg": (flipped, best | {"exif": oriented(2)}, RED),
    }


def oriented(number):
    """EXIF data that say how a picture is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = number
    return exif
