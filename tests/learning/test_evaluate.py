"""Judging a model, with a small loss network and small pictures."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import graphs
from PIL import Image

from ffmpeg_style._engine import read_card
from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError, InputNotFoundError, ModelError
from ffmpeg_style.graphs.card import CARD
from ffmpeg_style.graphs.frozen_graph import GraphRunner, read_graph
from ffmpeg_style.learning import evaluation
from ffmpeg_style.learning import yardstick as module
from ffmpeg_style.learning.evaluation import Criteria, prepare_evaluation, trained_criteria
from ffmpeg_style.learning.export import export
from ffmpeg_style.learning.judge import evaluate
from ffmpeg_style.learning.loss_network import load_loss_network
from ffmpeg_style.learning.losses import perceptual_losses, style_grams
from ffmpeg_style.learning.networks import StyleNetwork, set_weight_values, weight_values
from ffmpeg_style.learning.photographs import find_images, read_image
from ffmpeg_style.learning.report import equal_iterations
from ffmpeg_style.learning.settings import LossWeights
from ffmpeg_style.learning.yardstick import Yardstick

WIDTH, STYLE_SIZE, ITERATIONS = 40, 48, 4
WEIGHTS = {"content": 3.0, "style": 7.0, "total_variation": 1e-5}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Paths of a model of one style and of one of two."""
    folder = tmp_path_factory.mktemp("models")
    trained = {"weights": WEIGHTS, "style_size": STYLE_SIZE}
    for styles in (["wave"], ["wave", "scream"]):
        network = StyleNetwork("fast", styles, width=4).build_weights()
        values = weight_values(network)
        for name in values:
            if name.endswith("gamma"):  # The second style is not the first one.
                values[name][1:] = 3.0
        set_weight_values(network, values)
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
    assert json.loads((tmp_path / "1.json").read_text()) == report
    with Image.open(tmp_path / "1-wave.jpg") as sheet:
        assert sheet.size == (2 * 320, 20 + 6 * 240)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1-wave.jpg", "1.json"]


def test_models_of_many_styles(models, photographs, painting, options, vgg_weights):
    paintings = {"scream": painting, "wave": painting}
    report = evaluate(models[1], paintings, photographs, **options | {"gatys_images": 0})
    loss_network = load_loss_network(vgg_weights)
    photograph = read_image(photographs / "0.jpg", width=WIDTH)
    painted = GraphRunner(read_graph(models[1]))(photograph, [0, 1])
    images = (image[None].astype("float32") for image in (painted, photograph))
    style = read_image(painting, short_side=STYLE_SIZE)[None].astype("float32")
    grams = style_grams(loss_network, style)
    terms = perceptual_losses(loss_network, *images, grams, LossWeights(**WEIGHTS))
    wave, scream = (report["styles"][name] for name in ("wave", "scream"))
    assert scream["images"]["0.jpg"]["total"] == pytest.approx(float(terms["total"][0]), rel=1e-4)
    assert scream["model"]["total"] != pytest.approx(wave["model"]["total"], rel=0.01)
    assert "compared" not in scream


def test_graphs_of_others_are_judged_as_they_are_told(photographs, painting, options, tmp_path):
    model = graphs.float_graph(tmp_path / "m.pb", "1", clipped=False, distractors=True)
    ports = {"input": "image", "output": "painted", "range": "1"}
    how = options | {"gatys_images": 0}
    report = evaluate(model, {"m": painting}, photographs, **how, ports=ports)
    known = graphs.contract_graph(tmp_path / "contract.pb")
    expected = evaluate(known, {"m": painting}, photographs, **how)
    totals = (found["styles"]["m"]["model"]["total"] for found in (report, expected))
    assert next(totals) == pytest.approx(next(totals), rel=1e-3)
    with pytest.raises(ModelError, match="image, mask"):
        evaluate(model, {"m": painting}, photographs, **how)


def with_card(model, path, **changes):
    """A copy of a model whose card says something else."""
    graph = read_graph(model)
    card = next(node for node in graph.node if node.name == CARD)
    values = {**read_card(model), **changes}
    card.attr["value"].tensor.string_val[0] = json.dumps(values).encode()
    path.write_bytes(graph.SerializeToString())
    return path


def test_files_are_named_by_the_models_file(models, photographs, painting, options, tmp_path):
    model = with_card(models[0], tmp_path / "model.pb", name="../escaped")
    output = tmp_path / "deep" / "output"
    options["gatys_images"] = 0
    assert evaluate(model, {"a": painting}, photographs, output=output, **options)["model"] == (
        "../escaped"
    )
    files = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["model-a.jpg", "model.json", "model.pb"]


@pytest.mark.parametrize(
    "trained",
    [
        {"weights": 5},
        {"weights": {"content": None}},
        {"weights": {"brush": 1.0}},
        {"weights": {}, "style_size": "large"},
        "long",
    ],
)
def test_a_card_that_tells_no_weights(trained, models, photographs, painting, tmp_path):
    model = with_card(models[0], tmp_path / "model.pb", trained=trained)
    with pytest.raises(InputError, match="on the model card"):
        evaluate(model, {"a": painting}, photographs)


def test_aim_is_that_of_the_newest_training_on_losses():
    old = {"weights": {"style": 1.0}, "style_size": 100}
    new = {"weights": {"style": 2.0}, "style_size": 200, "start": old}
    assert trained_criteria(new) == Criteria(LossWeights(style=2.0), 200)
    assert trained_criteria({"start": old, "teacher": new}) == Criteria(LossWeights(style=2.0), 200)
    assert trained_criteria({"start": {"start": new}}) == Criteria(LossWeights(style=2.0), 200)
    assert (
        trained_criteria({})
        == trained_criteria(None)
        == Criteria(LossWeights(), evaluation.STYLE_SIZE)
    )


def test_what_the_card_does_not_tell_of_is_said(
    models, photographs, painting, vgg_weights, tmp_path, caplog
):
    trained = {
        "weights": WEIGHTS,
        "style_size": STYLE_SIZE,
        "content_layer": "block3_conv3",
        "loss_network": {"name": "vgg19", "sha256": "0" * 64},
        "paintings": {"wave": {"file": "wave.jpg", "sha256": "1" * 64}},
    }
    model = with_card(models[0], tmp_path / "model.pb", trained=trained)
    given = dict(vgg_weights=vgg_weights, width=WIDTH, gatys_images=0)
    prepared = prepare_evaluation(model, {"wave": painting}, photographs, **given)
    assert prepared.criteria == Criteria(
        LossWeights(**WEIGHTS), STYLE_SIZE, "block3_conv3", "vgg19"
    )
    assert "by others of vgg19" in caplog.text
    assert f"{painting}, which is no painting that it was trained on" in caplog.text


@pytest.mark.parametrize("fault", ["damaged", "dangling", "flat"])
def test_no_photograph_is_judged_where_one_is_bad(
    fault, models, photographs, painting, options, tmp_path
):
    content = tmp_path / "content"
    shutil.copytree(photographs, content)
    if fault == "damaged":
        (content / "z.jpg").write_bytes(b"no picture")
    elif fault == "dangling":
        (content / "z.jpg").symlink_to("nowhere.jpg")
    else:
        Image.new("RGB", (400, 100)).save(content / "z.png")
    output = tmp_path / "output"
    options["cache"] = tmp_path / "cache"
    with pytest.raises((InputError, InputNotFoundError), match=r"z\."):
        evaluate(models[0], {"a": painting}, content, output=output, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["content"]


def test_marks_and_resuming(vgg_weights, painting, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MARKS", (2, 4))
    yardstick = Yardstick(load_loss_network(vgg_weights), LossWeights(), tmp_path)
    images = read_image(photographs / "0.jpg", width=32), read_image(painting, short_side=32)

    class StoppedError(Exception):
        pass

    def stop(path, losses, images):
        assert len(losses) == 3
        write(path, losses, images)
        raise StoppedError

    write = module.write_measurement
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_measurement", stop)
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
    assert not np.array_equal(kept[2], kept[4])
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
        ("model", "missing.pb", "no model"),
        ("model", "text.jpg", "frozen TensorFlow graph"),
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
