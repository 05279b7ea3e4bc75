"""The optimisation of pixels, on small pictures."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ffmpeg_style.cli import main
from ffmpeg_style.learning.gatys import TERMS, Objective, first_pixels, optimize
from ffmpeg_style.learning.loss_network import load_loss_network
from ffmpeg_style.learning.losses import perceptual_losses, style_grams
from ffmpeg_style.learning.photographs import read_image
from ffmpeg_style.learning.settings import LossWeights

WEIGHTS = LossWeights()


@pytest.fixture(scope="module")
def loss_network(vgg_weights):
    return load_loss_network(vgg_weights)


@pytest.fixture(scope="module")
def grams(loss_network, painting):
    return style_grams(loss_network, read_image(painting)[None].astype("float32"))


@pytest.fixture(scope="module")
def photograph(photographs):
    return read_image(photographs / "0.jpg", width=40)


def total(loss_network, grams, photograph, image):
    """The total loss by the function that training uses."""
    images = image.astype("float32").reshape(1, *photograph.shape)
    contents = photograph[None].astype("float32")
    return float(perceptual_losses(loss_network, images, contents, grams, WEIGHTS)["total"][0])


def test_gradient_is_that_of_the_training_loss(loss_network, grams, photograph):
    objective = Objective(loss_network, photograph, grams, WEIGHTS)
    random = np.random.default_rng(5)
    pixels = random.uniform(50, 200, photograph.size)
    value, gradient = objective(pixels)
    assert value == pytest.approx(total(loss_network, grams, photograph, pixels), rel=1e-5)
    step = 2 * gradient / np.sqrt(np.mean(gradient**2))
    above, below = (total(loss_network, grams, photograph, pixels + s) for s in (step, -step))
    assert above - below == pytest.approx(2 * step @ gradient, rel=0.05)


def test_losses_fall_from_noise(loss_network, grams, photograph):
    seen = []
    image, losses = optimize(
        loss_network,
        photograph,
        grams,
        WEIGHTS,
        iterations=15,
        watch=lambda losses, image: seen.append((len(losses), image().dtype)),
    )
    assert image.shape == photograph.shape
    assert image.dtype == np.uint8
    assert losses.shape == (16, len(TERMS))
    assert seen == [(count, np.uint8) for count in range(1, 17)]
    assert (np.diff(losses[:, -1]) < 0).all(), "each iteration of L-BFGS goes down"
    assert losses[-1, -1] < 0.5 * losses[0, -1]
    np.testing.assert_allclose(losses[:, :3].sum(axis=1), losses[:, 3], rtol=1e-5)
    # Rounding to bytes is all that lies between the last losses and the image.
    found = total(loss_network, grams, photograph, image)
    assert losses[-1, -1] == pytest.approx(found, rel=0.05)


def test_noise_depends_on_the_seed_alone(photograph):
    first, again, other = (first_pixels(photograph, "noise", seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.min() >= 0
    assert first.max() <= 255


def test_start_from_the_photograph(loss_network, grams, photograph):
    _, losses = optimize(loss_network, photograph, grams, WEIGHTS, iterations=3, start="content")
    assert losses[0][0] == pytest.approx(0, abs=1e-6)
    assert losses[-1, -1] < losses[0, -1]


def test_unknown_start(loss_network, grams, photograph):
    with pytest.raises(ValueError, match="paper"):
        optimize(loss_network, photograph, grams, WEIGHTS, start="paper")


@pytest.fixture
def arguments(photographs, painting, vgg_weights, tmp_path):
    """Options of a small `ffmpeg-style optimize`, by name."""
    return {
        "--content": photographs / "1.jpg",
        "--style": painting,
        "--vgg-weights": vgg_weights,
        "--output": tmp_path / "out.png",
        "--iterations": 2,
        "--width": 48,
        "--style-size": 48,
    }


def run(arguments, *more):
    options = (str(x) for pair in arguments.items() for x in pair)
    return CliRunner().invoke(main, ["optimize", *options, *more])


@pytest.mark.parametrize("start", ["noise", "content"])
def test_command(start, arguments):
    result = run({**arguments, "--start": start})
    assert result.exit_code == 0, result.output
    with Image.open(arguments["--output"]) as image:
        assert image.size == (48, 38)
    assert "total" in result.output


def test_an_image_that_exists_is_kept(arguments, tmp_path):
    arguments["--output"] = arguments["--content"]
    before = arguments["--content"].read_bytes()
    result = run(arguments)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    result = run(arguments, "-y")
    assert result.exit_code == 2
    assert "the source itself" in result.stderr
    assert arguments["--content"].read_bytes() == before
    arguments["--output"] = tmp_path / "old.png"
    arguments["--output"].write_bytes(b"old")
    assert run(arguments, "-y").exit_code == 0
    with Image.open(arguments["--output"]) as image:
        assert image.size == (48, 38)


@pytest.mark.parametrize("option", ["--width", "--style-size"])
def test_more_pixels_than_memory(option, arguments):
    result = run({**arguments, option: 1_000_000})
    assert result.exit_code == 2
    assert "4.2 million pixels" in result.stderr
    assert result.stderr.count("\n") == 1


def test_photograph_of_too_many_pixels(arguments, tmp_path):
    del arguments["--width"]
    Image.new("RGB", (2048, 2049)).save(tmp_path / "large.png")
    result = run({**arguments, "--content": tmp_path / "large.png"})
    assert result.exit_code == 2
    assert "large.png at 2048x2049" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--content", "missing.jpg", "no file"),
        ("--style", "text.jpg", "unreadable"),
        ("--vgg-weights", "missing.npz", "VGG"),
        ("--vgg-weights", "other.npz", "another network"),
        ("--output", "out.txt", "out.txt"),
        ("--output", "text.jpg/out.png", "folder"),
        ("--output", "missing/out.png", "folder"),
    ],
)
def test_refusals(option, value, word, arguments, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    np.savez(tmp_path / "other.npz", kernel=np.zeros(3))
    before = sorted(tmp_path.iterdir())
    result = run({**arguments, option: tmp_path / value})
    assert result.exit_code == 2
    assert word in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(tmp_path.iterdir()) == before
