"""The constants of training by what they do: each of them changed makes a test here fail."""

import keras
import numpy as np
import pytest
from keras import ops

from ffmpeg_style.commands.optimize import command as optimize
from ffmpeg_style.commands.train import command as train
from ffmpeg_style.learning.loss_network import load_loss_network
from ffmpeg_style.learning.losses import gram_matrix, perceptual_losses, style_grams
from ffmpeg_style.learning.networks import ConditionalInstanceNorm, StyleNetwork, weight_values
from ffmpeg_style.learning.settings import LossWeights, TrainSettings
from ffmpeg_style.learning.training import DistillationTrainer, compile_trainer


@pytest.fixture(scope="module")
def loss_network(vgg_weights):
    return load_loss_network(vgg_weights)


@pytest.fixture(scope="module")
def pictures():
    """A painted picture, its photograph and a painting."""
    return np.random.default_rng(0).uniform(0, 255, (3, 1, 32, 32, 3)).astype("float32")


def relative(values, targets):
    values, targets = (np.asarray(v, "float64") for v in (values, targets))
    return np.sum((values - targets) ** 2) / np.sum(targets**2)


def test_the_content_is_that_of_conv2_2_and_weighs_5(loss_network, pictures):
    painted, photograph, painting = pictures
    terms = perceptual_losses(
        loss_network, painted, photograph, style_grams(loss_network, painting), LossWeights()
    )
    features = (loss_network(image)["block2_conv2"] for image in (painted, photograph))
    assert float(terms["content"][0]) == pytest.approx(5 * relative(*features), rel=1e-3)


def test_the_style_is_that_of_four_layers_and_weighs_10(loss_network, pictures):
    painted, photograph, painting = pictures
    terms = perceptual_losses(
        loss_network, painted, photograph, style_grams(loss_network, painting), LossWeights()
    )
    features = [loss_network(image) for image in (painted, painting)]
    layers = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv1")
    expected = sum(relative(*(gram_matrix(of[layer]) for of in features)) for layer in layers)
    assert float(terms["style"][0]) == pytest.approx(10 * expected, rel=1e-3)


def test_the_style_layers_of_vgg16_are_those_of_johnson():
    from ffmpeg_style.learning.loss_network import STYLE_LAYERS

    assert STYLE_LAYERS["vgg16"] == ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3")


def test_the_total_variation_weighs_2e_5(loss_network, pictures):
    painted, photograph, painting = pictures
    terms = perceptual_losses(
        loss_network, painted, photograph, style_grams(loss_network, painting), LossWeights()
    )
    image = painted[0].astype("float64")
    steps = sum(np.mean(np.diff(image, axis=axis) ** 2) for axis in (0, 1))
    assert float(terms["total_variation"][0]) == pytest.approx(2e-5 * steps, rel=1e-3)


def optimizer(**settings):
    """The optimizer that training compiles, over a small network."""
    network = StyleNetwork("fast", width=4).build_weights()
    trainer = DistillationTrainer(network, StyleNetwork("fast", width=4).build_weights())
    compile_trainer(trainer, TrainSettings(**settings))
    return trainer.optimizer, network.trainable_variables


def test_gradients_are_clipped_to_a_norm_of_10():
    adam, variables = optimizer()
    for norm, expected in ((1e6, 10.0), (3.0, 3.0)):
        size = sum(np.prod(variable.shape) for variable in variables)
        gradients = [ops.full(variable.shape, norm / size**0.5) for variable in variables]
        clipped = adam._clip_gradients(gradients)
        found = np.sqrt(sum(float(ops.sum(ops.square(gradient))) for gradient in clipped))
        assert found == pytest.approx(expected, rel=1e-3)


def test_the_rate_warms_up_for_100_steps_and_decays_to_a_hundredth():
    rate = keras.optimizers.schedules.deserialize(
        optimizer(steps=5000, rate=0.5)[0].get_config()["learning_rate"]
    )
    shares = {0: 0.1, 50: 0.55, 100: 1.0, 2550: 0.505, 5000: 0.01, 9999: 0.01}
    for step, share in shares.items():
        assert float(rate(step)) == pytest.approx(0.5 * share, rel=1e-3), step
    short = keras.optimizers.schedules.deserialize(
        optimizer(steps=200, rate=0.5)[0].get_config()["learning_rate"]
    )
    assert float(short(20)) == pytest.approx(0.5, rel=1e-3), "a tenth of a short run"


def test_the_filters_of_fast():
    values = weight_values(StyleNetwork("fast").build_weights())
    kernels = {name: value.shape for name, value in values.items() if name.endswith("kernel")}
    inner = {
        f"residual{i}/{part}": (3, 3, 32, 32) for i in range(1, 5) for part in ("first", "second")
    }
    shapes = {
        "conv1": (3, 3, 12, 16),
        "conv2": (3, 3, 16, 32),
        **inner,
        "up1": (3, 3, 32, 16),
        "output": (5, 5, 16, 3),
    }
    assert kernels == {f"{name}/conv/kernel": shape for name, shape in shapes.items()}


def test_a_spike_is_charged_for_beyond_8_deviations():
    norm = ConditionalInstanceNorm(1)
    flat = np.tile([1.0, -1.0], 2048).reshape(1, 64, 64, 1).astype("float32")
    norm(flat, np.ones((1, 1), "float32"))
    assert float(sum(norm.losses)) == 0
    spiked = flat.copy()
    spiked[0, 5, 7] = 15.0
    height = (15.0 - spiked.mean()) / spiked.std()
    assert height > 10
    norm(spiked, np.ones((1, 1), "float32"))
    charged = float(norm.losses[-1])
    assert charged == pytest.approx(0.05 * (height - 8.0) ** 2, rel=1e-2)


def test_commands_have_the_defaults_of_the_package():
    settings, weights = TrainSettings(), LossWeights()
    expected = {
        "content_weight": weights.content,
        "style_weight": weights.style,
        "tv_weight": weights.total_variation,
    }
    names = ("size", "batch", "rate", "style_size", "content_layer", "consistency")
    names += ("average", "precision", "seed", "save_every", "sample_every")
    expected |= {name: getattr(settings, name) for name in names}
    defaults = {option.name: option.default for option in train.params}
    assert {name: defaults[name] for name in expected} == expected
    # Not given, they are those of the settings: it matters whether --steps is, beside --minutes.
    steps = next(option for option in train.params if option.name == "steps")
    assert steps.help == f"[default: {settings.steps}]"
    defaults = {option.name: option.default for option in optimize.params}
    shared = ("content_weight", "style_weight", "tv_weight", "style_size")
    assert {name: defaults[name] for name in shared} == {name: expected[name] for name in shared}
    assert (settings.steps, settings.size, settings.batch, settings.rate) == (20_000, 256, 1, 1e-3)
    assert (settings.consistency, settings.average) == (30, 0)
