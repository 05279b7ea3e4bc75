"""The contact sheet of models."""

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import graphs
from PIL import Image

from ffmpeg_style import Engine, InputError
from ffmpeg_style.commands.models import command
from ffmpeg_style.commands.sheet import command as sheet
from ffmpeg_style.sheet import CAPTION, CELL, GAP, contact_sheet


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The only models that there are, of three styles in all."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("FFMPEG_STYLE_MODELS", str(folder))
    monkeypatch.setattr("ffmpeg_style.catalog.project_folder", lambda name: folder)
    graphs.contract_graph(folder / "one.pb")
    graphs.contract_graph(folder / "two.pb", ["wave", "scream"])
    return folder


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 120, 3), np.uint8)).save(path)
    return path


def test_each_style_is_a_picture_of_the_sheet(models, photograph):
    picture = np.asarray(contact_sheet(photograph, progress=False))
    height = CELL // 2
    assert picture.shape == (height + CAPTION, 4 * (CELL + GAP) - GAP, 3)
    cells = [picture[:height, i * (CELL + GAP) :][:, :CELL] for i in range(4)]
    with Engine(models / "two.pb", "scream", requests=1) as engine:
        assert (engine(cells[0]) == cells[3]).all()


def test_models_sheet_writes_it_and_replaces_nothing(models, photograph, tmp_path):
    target = tmp_path / "sheet.png"
    arguments = ["two", "--sheet", str(photograph), "--output", str(target)]
    assert CliRunner().invoke(command, arguments, standalone_mode=False).exception is None
    with Image.open(target) as picture:
        assert picture.size == (3 * (CELL + GAP) - GAP, CELL // 2 + CAPTION)
    before = target.read_bytes()
    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert "exists already" in str(result.exception)
    assert target.read_bytes() == before


def test_a_model_for_any_painting_shows_those_that_are_given(models, photograph, tmp_path):
    for path in models.iterdir():
        path.unlink()
    graphs.any_graph(models / "any.pb")
    pictures = []
    for name, value in (("dark", 20), ("bright", 230)):
        pictures.append(tmp_path / f"{name}.png")
        Image.fromarray(np.full((64, 64, 3), value, np.uint8)).save(pictures[-1])
    picture = np.asarray(contact_sheet(photograph, pictures=pictures, progress=False))
    shown, dark, bright = (picture[: CELL // 2, i * (CELL + GAP) :][:, :CELL] for i in range(3))
    for cell, painting in zip((dark, bright), pictures, strict=True):
        with Engine(models / "any.pb", painting, requests=1) as engine:
            assert (engine(shown) == cell).all()


def test_a_photograph_or_a_painting_that_is_none_is_told_before_the_target(models, photograph):
    target = photograph.with_name("sheet.jpg")
    target.write_bytes(b"kept")
    for arguments in (["nope.jpg"], [str(photograph), "--style", "nope.jpg"]):
        told = CliRunner().invoke(sheet, [*arguments, "-o", str(target)], standalone_mode=False)
        assert "nope.jpg" in str(told.exception)
    for folder in (".", "/", ""):
        told = CliRunner().invoke(sheet, [folder], standalone_mode=False)
        assert "folder" in str(told.exception)
    assert target.read_bytes() == b"kept"


def test_a_painting_without_a_model_for_it_is_refused(models, photograph):
    with pytest.raises(InputError, match="for pictures as styles, such as any; found one, two"):
        contact_sheet(photograph, pictures=[photograph], progress=False)


def test_a_model_for_any_painting_has_no_picture_of_its_own(models, photograph):
    for path in models.iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="none with a style of its own"):
        contact_sheet(photograph, progress=False)
