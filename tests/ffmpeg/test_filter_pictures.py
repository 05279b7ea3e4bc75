"""Pictures as styles of the filter, which reads them itself."""

import subprocess

import numpy as np
import pytest
from helpers import graphs
from helpers.paintings import BLUE, NO_PICTURES, RED, of_any_kind
from PIL import Image

from ffmpeg_style import stylize

GREY = 90


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model for any painting, and paintings of one colour."""
    folder = tmp_path_factory.mktemp("pictures")
    graphs.any_graph(folder / "any.pb")
    graphs.contract_graph(folder / "wave.pb", ["wave", "scream"])
    for name, colour in {"red.png": RED, "blue.jpg": BLUE, "any": BLUE}.items():
        image = Image.new("RGB", (90, 70), colour)
        image.save(folder / name, "JPEG" if name == "blue.jpg" else "PNG", quality=100)
    return folder


QUIETLY = ("-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi")


@pytest.fixture
def run(ffmpeg, folder):
    """Runs the filter in the folder on grey frames; returns the process, and what they became."""

    def run(filters, frames=1):
        source = f"color=0x{GREY:02x}{GREY:02x}{GREY:02x}:s=32x16:r=1,format=rgb24"
        target = ("-frames:v", str(frames), "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
        result = subprocess.run(
            [ffmpeg, *QUIETLY, "-i", source, "-vf", filters, *target],
            capture_output=True,
            cwd=folder,
            timeout=120,
        )
        pixels = np.frombuffer(result.stdout, np.uint8).reshape(-1, 16 * 32, 3)
        assert (pixels == pixels[:, :1]).all()
        return result, pixels[:, 0].astype(int)

    return run


def shown(*parts):
    """What the model paints with pictures of these colours and weights."""
    return np.rint(GREY + sum(weight * (np.array(colour) - 100.0) for colour, weight in parts))


@pytest.mark.parametrize(
    ("style", "parts"),
    [
        ("red.png", [(RED, 1)]),
        (r"'blue.jpg\:1+red.png\:3'", [(BLUE, 0.25), (RED, 0.75)]),
        (r"'any\:1+red.png\:1'", [(RED, 0.5)]),
        ("./any", [(BLUE, 1)]),
    ],
)
def test_pictures_are_styles_and_are_mixed(run, style, parts):
    result, colours = run(f"styletransfer=any.pb:style={style}")
    assert not result.stderr
    assert np.abs(colours[0] - shown(*parts)).max() <= 1


def test_a_command_takes_a_picture_and_refuses_what_is_none(run):
    command = r"sendcmd='1 styletransfer style blue.jpg;2 styletransfer style nope.jpg'"
    result, colours = run(f"{command},styletransfer=any.pb:style=red.png:steady=0", frames=4)
    expected = [shown((RED, 1)), *[shown((BLUE, 1))] * 3]
    assert np.abs(colours - expected).max() <= 1
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 1 and "style 'nope.jpg': No such file or directory" in lines[0]


def test_pictures_of_any_kind_are_read_as_they_were_meant(run, folder):
    for name, (image, options, colour) in of_any_kind().items():
        image.save(folder / name, **options)
        result, colours = run(f"styletransfer=any.pb:style={name}")
        assert np.abs(colours[0] - shown((colour, 1))).max() <= 2, (name, colours, result.stderr)


@pytest.mark.parametrize(("make", "_", "words"), NO_PICTURES)
def test_what_is_no_picture_is_told_before_the_target_is_touched(
    ffmpeg, folder, tmp_path, make, _, words
):
    make(tmp_path / "style")
    target = tmp_path / "target.mkv"
    target.write_bytes(b"good")
    filters = f"styletransfer={folder}/any.pb:style=style"
    result = subprocess.run(
        [ffmpeg, *QUIETLY, "-i", "color=s=32x16:d=1", "-vf", filters, target],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    assert result.returncode and words in result.stderr and "style 'style'" in result.stderr
    assert target.read_bytes() == b"good"


def test_stylize_paints_a_video_after_pictures(ffmpeg, folder, tmp_path):
    frame = np.full((16, 32, 3), GREY, np.uint8)
    frames = [Image.fromarray(frame)] * 2
    frames[0].save(tmp_path / "in.png", save_all=True, append_images=frames[1:], duration=100)
    style = {folder / "red.png": 1, "any": 1}
    stylize(tmp_path / "in.png", tmp_path / "out.apng", folder / "any.pb", style=style)
    with Image.open(tmp_path / "out.apng") as painted:
        assert (np.asarray(painted.convert("RGB"))[3, 3] == shown((RED, 0.5))).all()
