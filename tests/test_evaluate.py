"""Judging a model, with a small loss network and small pictures."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ffmpeg_style import evaluate as evaluation
from ffmpeg_style.cli import main
from ffmpeg_style.evaluate import Yardstick, equal_iterations, evaluate
from ffmpeg_style.export import export
from ffmpeg_style.frozen_graph import GraphRunner, read_graph
from ffmpeg_style.loss_network import load_loss_network
from ffmpeg_style.losses import LossWeights, perceptual_losses, style_grams
from ffmpeg_style.networks import StyleNetwork
from ffmpeg_style.photographs import find_images, read_image

WIDTH, STYLE_SIZE, ITERATIONS = 40, 48, 4
WEIGHTS = {"content": 3.0, "style": 7.0, "total_variation": 1e-5}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Paths of a model of one style and of one of two."""
    folder = tmp_path_factory.mktemp("models")
    trained = {"weights": WEIGHTS, "style_size": STYLE_SIZE}
    for styles in (["wave"], ["wave", "scream"]):
        network = StyleNetwork("fast", styles, width=4).build_weights()
        export(network, folder / f"{len(styles)}.pb", trained=trained, name="-".join(styles))
    return folder / "1.pb", folder / "2.pb"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def options(vgg_weights, cache):
    """What every evaluation of these tests has in common."""
    return {
        "vgg_weights": vgg_weights,
        "cache": cache,
        "width": WIDTH,
        "gatys_images": 2,
        "iterations": ITERATIONS,
        "progress": False,
    }


@pytest.fixture
def report(models, photographs, painting, options, tmp_path):
    return evaluate(models[0], {"wave": painting}, photographs, output=tmp_path, **options)


def test_losses_are_those_of_training(report, models, photographs, painting, vgg_weights):
    loss_network = load_loss_network(vgg_weights)
    style = read_image(painting, short_side=STYLE_SIZE)[None].astype("float32")
    grams = style_grams(loss_network, style)
    runner = GraphRunner(read_graph(models[0]))
    summary, every = report["styles"]["wave"], []
    for path in find_images(photographs):
        photograph = read_image(path, width=WIDTH)
        painted, content = (
            image[None].astype("float32") for image in (runner(photograph), photograph)
        )
        terms = perceptual_losses(loss_network, painted, content, grams, LossWeights(**WEIGHTS))
        every.append(float(terms["total"][0]))
        assert summary["images"][path.name]["total"] == pytest.approx(every[-1], rel=1e-4)
    assert summary["model"]["total"] == pytest.approx(np.mean(every), rel=1e-4)
    assert summary["unpainted"]["content"] == 0
    assert report["weights"] == WEIGHTS
    assert report["photographs"] == len(every) == 6


def test_gatys_stands_beside(report):
    compared = report["styles"]["wave"]["compared"]
    assert compared["images"] == ["0.jpg", "1.jpg"]
    curve = compared["gatys_total"]
    assert len(curve) == ITERATIONS + 1
    assert curve == sorted(curve, reverse=True)


def test_report_and_sheet(report, tmp_path):
    assert json.loads((tmp_path / "wave.json").read_text()) == report
    with Image.open(tmp_path / "wave-wave.jpg") as sheet:
        assert sheet.size == (2 * 320, 20 + 6 * 240)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wave-wave.jpg", "wave.json"]


def test_models_of_many_styles(models, photographs, painting, options, tmp_path):
    report = evaluate(models[1], {"scream": painting}, photographs, **options | {"gatys_images": 0})
    runner = GraphRunner(read_graph(models[1]))
    photograph = read_image(photographs / "0.jpg", width=WIDTH)
    assert (runner(photograph, [1, 0]) == runner(photograph)).all()
    assert "compared" not in report["styles"]["scream"]


def test_marks_and_resuming(vgg_weights, painting, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "MARKS", (2, 4))
    yardstick = Yardstick(load_loss_network(vgg_weights), LossWeights(), tmp_path)
    images = read_image(photographs / "0.jpg", width=32), read_image(painting, short_side=32)

    class StoppedError(Exception):
        pass

    def stop(path, losses, images):
        write(path, losses, images)
        raise StoppedError

    write = evaluation.write_measurement
    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "write_measurement", stop)
        with pytest.raises(StoppedError):
            yardstick.measure(*images, 5, progress=False)

    def never(*arguments):
        raise AssertionError("it was computed already")

    with monkeypatch.context() as patch:
        patch.setattr(yardstick, "compute", never)
        short, kept = yardstick.measure(*images, 2, progress=False)
    assert list(kept) == [2]
    losses, kept = yardstick.measure(*images, 5, progress=False)
    assert list(kept) == [2, 4]
    np.testing.assert_allclose(losses[:3], short, rtol=1e-4)
    monkeypatch.setattr(yardstick, "compute", never)
    np.testing.assert_array_equal(yardstick.measure(*images, 5, progress=False)[0], losses)
    assert kept[2].shape == images[0].shape


def test_cache_is_named_by_all_that_matters(vgg_weights, painting, photographs, tmp_path):
    loss_network = load_loss_network(vgg_weights)
    photograph, other = (read_image(photographs / f"{i}.jpg", width=32) for i in range(2))
    style = read_image(painting)
    yardstick = Yardstick(loss_network, LossWeights(), tmp_path)
    heavier = Yardstick(loss_network, LossWeights(style=11.0), tmp_path)
    paths = [
        yardstick.path(photograph, style),
        yardstick.path(other, style),
        yardstick.path(photograph, style[1:]),
        heavier.path(photograph, style),
    ]
    assert len(set(paths)) == 4
    assert paths[0] == Yardstick(loss_network, LossWeights(), tmp_path).path(photograph, style)


def test_damaged_cache_is_computed_again(vgg_weights, painting, photographs, tmp_path):
    yardstick = Yardstick(load_loss_network(vgg_weights), LossWeights(), tmp_path)
    images = read_image(photographs / "0.jpg", width=32), read_image(painting, short_side=32)
    losses, _ = yardstick.measure(*images, 2, progress=False)
    path = yardstick.path(*images)
    path.write_bytes(path.read_bytes()[:-30])
    again, _ = yardstick.measure(*images, 2, progress=False)
    np.testing.assert_allclose(again, losses, rtol=1e-4)


@pytest.mark.parametrize(
    ("total", "expected"), [(90, 0.5), (100, 0), (120, 0), (80, 1), (45, 2.5), (40, 3), (39, None)]
)
def test_equal_iterations(total, expected):
    assert equal_iterations(total, np.array([100.0, 80.0, 50.0, 40.0])) == expected


def command(models, photographs, painting, vgg_weights, cache, *more):
    arguments = [models[0], "--style", painting, "--content", photographs, "--width", WIDTH]
    arguments += ["--vgg-weights", vgg_weights, "--cache", cache, "--iterations", 30]
    return CliRunner().invoke(main, ["evaluate", *map(str, [*arguments, *more])])


def test_command_prints_a_table(models, photographs, painting, vgg_weights, cache):
    result = command(models, photographs, painting, vgg_weights, cache, "--gatys-images", 1)
    assert result.exit_code == 0, result.output
    for words in ("unpainted", "Gatys 25", "iterations of Gatys (mean of 1 photograph"):
        assert words in result.stdout


def test_command_prints_json(models, photographs, painting, vgg_weights, cache):
    more = ("--gatys-images", 0, "--json", "--style-weight", 20)
    result = command(models, photographs, painting, vgg_weights, cache, *more)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["weights"] == {**WEIGHTS, "style": 20.0}


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("model", "missing.pb", "no file"),
        ("model", "text.jpg", "frozen graph"),
        ("--style", "missing.jpg", "no file"),
        ("--style", "text.jpg", "unreadable"),
        ("--content", "empty", "no image file"),
        ("--content", "missing", "folder of photographs"),
        ("--vgg-weights", "missing.npz", "VGG"),
        ("--output", "text.jpg", "folder"),
        ("--cache", "text.jpg", "folder"),
    ],
)
def test_refusals(option, value, word, models, photographs, painting, vgg_weights, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    options = {
        "model": models[0],
        "--style": painting,
        "--content": photographs,
        "--vgg-weights": vgg_weights,
        "--output": tmp_path / "report",
        "--cache": tmp_path / "cache",
        option: tmp_path / value,
    }
    model = options.pop("model")
    arguments = [str(x) for pair in options.items() for x in pair]
    result = CliRunner().invoke(main, ["evaluate", str(model), *arguments])
    assert result.exit_code == 2, result.output
    assert word in result.stderr
    assert "Traceback" not in result.stderr
    assert [p for p in sorted(tmp_path.rglob("*")) if p.is_file()] == [
        p for p in before if p.is_file()
    ]


@pytest.mark.parametrize(("model", "names"), [(0, ["a", "b"]), (1, ["mosaic"])])
def test_paintings_that_do_not_fit_the_styles(model, names, models, photographs, painting):
    arguments = [x for name in names for x in ("--style", f"{name}={painting}")]
    arguments = [str(models[model]), *arguments, "--content", str(photographs)]
    result = CliRunner().invoke(main, ["evaluate", *arguments])
    assert result.exit_code == 2
    assert "expected" in result.stderr
    assert result.stderr.count("\n") == 1
