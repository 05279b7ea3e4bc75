"""The base network: any painting's style in a few numbers, learned from a folder of paintings."""

import shutil

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import ops
from PIL import Image

from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError
from ffmpeg_style.graphs.frozen_graph import GraphRunner, read_graph
from ffmpeg_style.learning import base, run
from ffmpeg_style.learning.base import (
    PaintingBatches,
    PaintingSet,
    fit_predictor,
    packed,
    part_of,
    principal_styles,
    style_factors,
    train_base,
    unpacked,
)
from ffmpeg_style.learning.checkpoint import newest_checkpoint
from ffmpeg_style.learning.export import export
from ffmpeg_style.learning.loss_network import load_loss_network
from ffmpeg_style.learning.losses import style_grams
from ffmpeg_style.learning.networks import StyleNetwork, set_weight_values, weight_values
from ffmpeg_style.learning.photographs import Photographs, find_images, read_image
from ffmpeg_style.learning.settings import TrainSettings
from ffmpeg_style.learning.training import adapt_styles
from ffmpeg_style.learning.weights import StoredNetwork, load_network, read_network

NETWORK = dict(architecture="fast", width=4)
SETTINGS = dict(size=32, style_size=64, precision="float32", average=0.5, save_every=2)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Squares that fit the paintings of these tests, a short vector, and a cache of their own."""
    monkeypatch.setattr(base, "SHOWN", 32)
    monkeypatch.setattr(run, "VECTOR", 6)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def paintings(tmp_path_factory):
    """Five paintings: noise of one colour each, from fine to coarse."""
    folder = tmp_path_factory.mktemp("collection")
    random = np.random.default_rng(3)
    for index, name in enumerate("abcde"):
        noise = random.uniform(0, 255, (8 * 2**index // 2 + 4, 40, 3)) * random.uniform(0, 1, 3)
        Image.fromarray(noise.astype("uint8")).resize((90, 70)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def known(paintings, vgg_weights):
    paths = [path for path in find_images(paintings) if path.stem != "c"]
    return PaintingSet(paths, load_loss_network(vgg_weights), 64, progress=False)


def test_half_of_a_gram_matrix_is_all_of_it():
    gram = np.arange(16, dtype="float32").reshape(4, 4)
    gram += gram.T
    np.testing.assert_array_equal(unpacked(packed(gram)), gram)


def test_gram_matrices_are_reckoned_once(known, vgg_weights, monkeypatch):
    loss_network = load_loss_network(vgg_weights)
    assert [path.stem for path in known.paths] == list("abde")
    image = known.read(1)[None].astype("float32")
    kept = known.grams(1)
    for one, gram in zip(kept, style_grams(loss_network, image), strict=True):
        np.testing.assert_allclose(one, np.asarray(gram)[0], rtol=1e-5)
    monkeypatch.setattr(base, "style_grams", None)
    again = PaintingSet(known.paths, loss_network, 64, progress=False)
    assert again.files == known.files
    monkeypatch.undo()
    known.files[1].write_bytes(known.files[1].read_bytes()[:100])
    np.testing.assert_allclose(known.grams(1)[0], kept[0], rtol=1e-5)
    np.testing.assert_allclose(again.grams(1)[0], kept[0], rtol=1e-5)


def test_paintings_to_leave_out_are_there(paintings, photographs, tmp_path):
    with pytest.raises(InputError, match="found no f"):
        run.prepare_base(tmp_path, paintings, photographs, left_out=["c", "f"])


def test_items_depend_on_seed_and_step_and_show_all_paintings(known, photographs):
    factors = np.arange(len(known), dtype="float32")
    styles = np.arange(24, dtype="float32").reshape(4, 6)
    data = [
        PaintingBatches(
            Photographs(photographs, 32, batch=2, seed=5, pairs=True), known, 2, factors, styles
        )
        for _ in range(2)
    ]
    assert data[0][3].keys() == {
        "images",
        "moved",
        "flow",
        "paintings",
        "grams",
        "factors",
        "styles",
    }
    for name, value in data[0][3].items():
        for one, other in zip(value, data[1][3][name], strict=True):
            np.testing.assert_array_equal(one, other)
    item = data[0][4]
    assert item["images"].shape == (2, 32, 32, 3) and item["paintings"].shape == (4, 32, 32, 3)
    assert sorted(item["factors"]) == [0, 1, 2, 3]
    np.testing.assert_array_equal(item["styles"][:, 0], 6 * item["factors"])
    assert [gram.shape[0] for gram in item["grams"]] == [4] * 4


def test_a_part_of_a_painting_smaller_than_it_is_shown():
    part = part_of(np.full((20, 80, 3), 7, "uint8"), np.random.default_rng(0))
    assert part.shape == (32, 32, 3) and (part == 7).all()


def test_factors_ease_the_paintings_that_are_far_from_photographs(known):
    near = [gram[None] for gram in known.grams(0)]
    factors = style_factors(known, near)
    assert factors.argmax() == 0 and factors.min() >= base.EASE_RANGE[0]


def test_a_fitted_predictor_tells_the_paintings_apart(known):
    styles = principal_styles(known, 6)
    assert styles.shape == (4, 6)
    # Of random features so small not every draw tells all four apart.
    keras.utils.set_random_seed(0)
    predictor = StyleNetwork(vector=6, **NETWORK).build_weights().predictor
    assert fit_predictor(predictor, known, styles, progress=False) < 0.5
    found = [np.asarray(predictor(known.read(index)[None]))[0] for index in range(4)]
    nearest = [np.square(styles - style).sum(axis=1).argmin() for style in found]
    assert nearest == [0, 1, 2, 3]


def test_the_norms_follow_the_vector_linearly():
    network = StyleNetwork(vector=2, **NETWORK).build_weights()
    values = weight_values(network)
    random = np.random.default_rng(0)
    norms = {name: value for name, value in values.items() if "/norm/" in name}
    values |= {name: random.uniform(0, 1, value.shape) for name, value in norms.items()}
    set_weight_values(network, values)
    one = StyleNetwork(**NETWORK).build_weights()
    vector = np.array([[0.5, -2]], "float32")
    set_weight_values(
        one,
        {
            name: np.array([[1, 0.5, -2]]) @ values[name] if name in norms else values[name]
            for name in weight_values(one)
        },
    )
    image = random.uniform(0, 255, (1, 32, 36, 3)).astype("float32")
    ones = np.ones((1, 1), "float32")
    np.testing.assert_allclose(network((image, vector)), one((image, ones)), atol=1e-2)
    with pytest.raises(InputError, match="instance norm"):
        StyleNetwork("fast", vector=2, norm="batch")


def test_a_run_goes_on_as_if_it_had_never_stopped(tmp_path, paintings, photographs, vgg_weights):
    shared = dict(network=NETWORK, vgg_weights=vgg_weights, left_out=["c"], progress=False)
    # The rate of a step depends on the number of all.
    shared["settings"] = TrainSettings(steps=4, rate=1e-4, sample_every=4, **SETTINGS)
    train_base(tmp_path / "whole", paintings, photographs, **shared)
    (tmp_path / "half").mkdir()
    shutil.copy(tmp_path / "whole" / "checkpoint-00000002.npz", tmp_path / "half")
    train_base(tmp_path / "half", paintings, photographs, **shared)
    once, twice = (newest_checkpoint(tmp_path / name) for name in ("whole", "half"))
    for name, value in once[1].items():
        np.testing.assert_allclose(twice[1][name], value, atol=1e-5)
    for one, other in zip(once[2], twice[2], strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-5)
    header, weights, _ = once
    assert header["training"]["left_out"] == ["c"]
    assert header["training"]["data"] == "6 photographs, 4 paintings"
    stored = read_network(tmp_path / "whole")
    assert stored.settings["vector"] == 6 and stored.trained["consistency"] > 0
    network = load_network(tmp_path / "whole")
    vector = network.predictor(np.zeros((1, 40, 50, 3), "uint8"))
    assert network((np.zeros((1, 20, 20, 3)), vector)).shape == (1, 20, 20, 3)
    assert all(np.isfinite(value).all() for value in weights.values())


def test_options_that_do_not_go_together(tmp_path):
    one, all_of_them = ["--style", "a=a.jpg"], ["--paintings", "folder"]
    for options, expected in (
        ([], "either --style or --paintings"),
        ([*one, *all_of_them], "either --style or --paintings"),
        ([*one, "--leave-out", "names"], "with --paintings alone"),
        ([*all_of_them, "--teacher", "run"], "with --style alone"),
        ([*all_of_them, "--leave-out", str(tmp_path / "none")], "names to leave out"),
    ):
        result = CliRunner().invoke(main, ["train", "--content", "photographs", *options])
        assert result.exit_code == 2 and expected in result.output, result.output


@pytest.fixture(scope="module")
def any_painting():
    """A network for any painting whose norms depend on it."""
    network = StyleNetwork(vector=6, **NETWORK).build_weights()
    values = weight_values(network)
    random = np.random.default_rng(1)
    for name in values:
        if "/norm/" in name:
            values[name] = random.normal(0, 0.3, values[name].shape) + (np.arange(7) == 0)[:, None]
    set_weight_values(network, values)
    return network


def test_an_exported_graph_looks_at_a_painting_and_paints_after_it(any_painting, tmp_path):
    random = np.random.default_rng(0)
    painting = random.integers(0, 256, (50, 61, 3), dtype=np.uint8)
    frame = random.integers(0, 256, (33, 40, 3), dtype=np.uint8)
    card = export(any_painting, tmp_path / "any.pb")
    assert card["vector"] == 6 and card["styles"] == ["any"]
    runner = GraphRunner(read_graph(tmp_path / "any.pb"))
    vector = runner.painting_vector(painting)
    expected = np.asarray(any_painting.predictor(painting[None]))
    np.testing.assert_allclose(vector, expected[0], atol=2e-2)
    painted = np.asarray(any_painting((frame[None], expected)))[0].clip(0, 255)
    assert np.abs(runner(frame, style_vector=vector) - painted).max() <= 2
    assert not np.array_equal(runner(frame), runner(frame, style_vector=vector))


def test_an_exported_graph_is_read_back(any_painting, tmp_path):
    export(any_painting, tmp_path / "any.pb")
    again = load_network(tmp_path / "any.pb")
    assert again.settings == any_painting.settings
    for name, value in weight_values(any_painting).items():
        np.testing.assert_allclose(weight_values(again)[name], value, atol=1e-2)


def test_a_painting_makes_a_model_of_one_style(any_painting, tmp_path, painting):
    export(any_painting, tmp_path / "any.pb")
    arguments = ["export", str(tmp_path / "any.pb"), str(tmp_path / "one.pb")]
    result = CliRunner().invoke(main, [*arguments, "--style", f"stripes={painting}"])
    assert result.exit_code == 0, result.output
    whole, one = (GraphRunner(read_graph(tmp_path / name)) for name in ("any.pb", "one.pb"))
    vector = whole.painting_vector(read_image(painting, short_side=512))
    frame = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    difference = one(frame).astype(int) - whole(frame, style_vector=vector)
    assert np.abs(difference).max() <= 1
    assert read_network(tmp_path / "one.pb").settings["styles"] == ["stripes"]


def test_a_run_from_it_begins_at_the_predicted_style(any_painting, painting):
    stored = StoredNetwork(any_painting.settings, weight_values(any_painting), {})
    adapted = adapt_styles(stored, {"stripes": painting})
    shown = read_image(painting, short_side=512)[None]
    rows = np.append(1.0, ops.convert_to_numpy(any_painting.predictor(shown)))[None]
    for name, value in weight_values(any_painting).items():
        if "/norm/" in name:
            np.testing.assert_allclose(adapted[name], rows @ value, rtol=1e-4, atol=1e-4)
        elif not name.startswith("predictor/"):
            np.testing.assert_array_equal(adapted[name], value)
    assert not any(name.startswith("predictor/") for name in adapted)
