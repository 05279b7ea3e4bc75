"""Models for any painting: pictures as styles."""

from pathlib import Path

import numpy as np
import pytest
from helpers import graphs
from helpers.paintings import BLUE, NO_PICTURES, RED, of_any_kind
from PIL import Image

from ffmpeg_style import Engine, stylize
from ffmpeg_style._engine import read_mix

FRAME = np.full((20, 24, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model for any painting, and paintings of one colour."""
    folder = tmp_path_factory.mktemp("any painting")
    graphs.any_graph(folder / "any.pb")
    graphs.contract_graph(folder / "wave.pb", ["wave", "scream"])
    for name, colour in {"red": RED, "blue": BLUE}.items():
        Image.new("RGB", (90, 70), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture(params=["own", "tensorflow"])
def engine(folder, request):
    with Engine(folder / "any.pb", folder / "red.png", runtime=request.param, steady=0) as engine:
        assert (engine.runtime, engine.takes_pictures) == (request.param, True)
        yield engine


def shown(*parts):
    """What the model paints with pictures of these colours and weights."""
    return np.rint(90 + sum(weight * (np.array(colour) - 100) for colour, weight in parts))


def painted(engine):
    painting = engine(FRAME)
    assert (painting == painting[0, 0]).all()
    return painting[0, 0]


def test_pictures_are_styles_and_are_mixed(engine, folder, monkeypatch):
    assert (painted(engine) == shown((RED, 1))).all()
    engine.style = f"{folder}/blue.png"
    assert (painted(engine) == shown((BLUE, 1))).all()
    engine.style = f"{folder}/blue.png:1+{folder}/red.png:3"
    assert (painted(engine) == shown((BLUE, 0.25), (RED, 0.75))).all()
    engine.style = {folder / "blue.png": 1, "any": 1}
    assert (painted(engine) == shown((BLUE, 0.5))).all()
    engine.style = np.array(Image.open(folder / "blue.png"))
    assert (painted(engine) == shown((BLUE, 1))).all()
    assert engine.style == "<array>"
    engine.style = None
    assert (painted(engine) == shown()).all()


def test_a_style_goes_before_a_file_of_its_name(engine, folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("any", "a+b:1.png"):
        Image.new("RGB", (90, 70), BLUE).save(tmp_path / name, "PNG")
    engine.style = "any"
    assert (painted(engine) == shown()).all()
    for style in ("./any", Path("any"), tmp_path / "a+b:1.png", r"a\+b\:1.png"):
        engine.style = style
        assert (painted(engine) == shown((BLUE, 1))).all()


@pytest.mark.parametrize(("make", "words", "_"), NO_PICTURES)
def test_what_is_no_picture_is_told_and_changes_nothing(folder, tmp_path, make, words, _):
    path = tmp_path / "style"
    make(path)
    with Engine(folder / "any.pb", folder / "red.png", steady=0) as engine:
        with pytest.raises((ValueError, FileNotFoundError), match=words):
            engine.style = path
        assert engine.style.endswith("red.png")
        assert (painted(engine) == shown((RED, 1))).all()
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        Engine(folder / "any.pb", path)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (4000, 1), (1300, 900)])
def test_pictures_of_any_size_are_read(folder, size):
    with Engine(folder / "any.pb", steady=0) as engine:
        engine.style = np.tile(np.array(RED, np.uint8), (*size, 1))
        assert (painted(engine) == shown((RED, 1))).all()


def test_pictures_of_any_kind_are_read_as_they_were_meant(folder, tmp_path):
    with Engine(folder / "any.pb", steady=0) as engine:
        for name, (image, options, colour) in of_any_kind().items():
            image.save(tmp_path / name, **options)
            engine.style = tmp_path / name
            assert np.abs(painted(engine) - shown((colour, 1))).max() <= 2, name


def test_a_model_with_styles_of_its_own_takes_no_pictures(folder):
    with pytest.raises(ValueError, match=r"red.png' is not in the model; it has 2: wave, scream"):
        Engine(folder / "wave.pb", folder / "red.png")


def test_mixes_are_told_apart(folder):
    mix = read_mix(r"any+a\+b.jpg:0.5+c:d.jpg", ["any"], True)
    assert mix == [("any", 0.4), (Path("a+b.jpg"), 0.2), (Path("c:d.jpg"), 0.4)]


def test_stylize_looks_at_pictures_before_it_begins(folder, tmp_path):
    photograph, target = folder / "blue.png", tmp_path / "target.png"
    with pytest.raises(FileNotFoundError, match=r"nope\.jpg"):
        stylize(photograph, target, folder / "any.pb", style=tmp_path / "nope.jpg")
    stylize(photograph, target, folder / "any.pb", style=folder / "red.png")
    assert (np.asarray(Image.open(target))[0, 0] == np.array(BLUE) + RED - 100).all()


def test_a_picture_as_the_style_asks_for_no_model(folder, tmp_path):
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    stylize(folder / "blue.png", one, style=folder / "red.png")
    stylize(folder / "blue.png", other, "any", style=folder / "red.png")
    assert one.read_bytes() == other.read_bytes()
