"""The perceptual losses against their definitions, and the loss network against Keras's VGG."""

import keras
import numpy as np
import pytest
from keras import ops

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.learning.loss_network import convolve, load_loss_network
from ffmpeg_style.learning.losses import (
    content_loss,
    gram_matrix,
    grid_loss,
    perceptual_losses,
    style_grams,
    total_variation_loss,
)
from ffmpeg_style.learning.settings import LossWeights
from ffmpeg_style.learning.vgg import expected_shapes


def test_gram_matrix_is_its_definition():
    features = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    expected = np.einsum("bhwc,bhwd->bcd", features, features) / (3 * 4 * 5)
    np.testing.assert_allclose(gram_matrix(features), expected, rtol=1e-4, atol=1e-6)


def test_content_loss_is_relative():
    target = np.ones((1, 2, 2, 3), "float32")
    np.testing.assert_allclose(content_loss(target * 0, target), [1.0], rtol=1e-5)
    np.testing.assert_allclose(content_loss(target, target), [0.0])
    np.testing.assert_allclose(content_loss(target * 200, target * 100), [1.0], rtol=1e-5)


def test_total_variation_is_the_mean_of_squared_steps():
    stripes = np.zeros((1, 4, 4, 3), "float32")
    stripes[:, :, ::2] = 10
    np.testing.assert_allclose(total_variation_loss(stripes), [100.0])


def stripes(period, size=61):
    """A picture of grey waves with an amplitude of 10 levels."""
    wave = 127.5 + 10 * np.sin(2 * np.pi * (np.arange(size) + 0.5) / period)
    return np.broadcast_to(wave[None, None, :, None], (1, size, size, 3)).astype("float32")


def test_grid_loss_is_of_one_period_alone():
    across = stripes(4)
    for image in (across, np.swapaxes(across, 1, 2)):
        np.testing.assert_allclose(grid_loss(image), [10 / np.sqrt(2)], rtol=0.01)
    slope = np.broadcast_to(np.arange(61.0)[None, :, None, None] * 4, across.shape)
    for image in (across * 0 + 99, slope, stripes(3.2), stripes(5.33), stripes(16)):
        np.testing.assert_allclose(grid_loss(image), [0.1], atol=0.02)
    noise = np.random.default_rng(0).normal(127, 10, (1, 260, 260, 3)).astype("float32")
    assert float(grid_loss(noise)[0]) < 0.5, "the remainder of other textures is taken off"


def test_grid_loss_judges_each_image_and_each_place():
    images = np.concatenate([stripes(4), stripes(16)])
    alone = ops.convert_to_numpy(grid_loss(images[:1]))
    np.testing.assert_allclose(grid_loss(images)[:1], alone, rtol=1e-5)
    turned = np.concatenate([images[:1, :32], 255 - images[:1, :32]], axis=1)
    assert float(grid_loss(turned)[0]) > 0.8 * alone[0], "two places of one grid do not cancel"


def test_losses_of_a_picture_against_itself_vanish(vgg_weights):
    loss_network = load_loss_network(vgg_weights)
    image = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    grams = style_grams(loss_network, image)
    terms = perceptual_losses(loss_network, image, image, grams, LossWeights())
    assert float(terms["content"][0]) == 0
    assert float(terms["style"][0]) == 0
    np.testing.assert_allclose(terms["total"], terms["total_variation"])


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_features_are_those_of_keras(name, tmp_path):
    """The same weights in Keras's own network give the same features, by .h5 and by .npz."""
    build = dict(vgg16=keras.applications.VGG16, vgg19=keras.applications.VGG19)[name]
    vgg = build(include_top=False, weights=None, input_shape=(32, 32, 3))
    vgg.save_weights(tmp_path / "vgg.weights.h5")
    arrays = {
        f"{layer.name}/{weight.name}": ops.convert_to_numpy(weight.value)
        for layer in vgg.layers
        for weight in layer.weights
    }
    np.savez(tmp_path / "vgg.npz", **arrays)
    vgg.save(tmp_path / "vgg.h5")
    loss_network = load_loss_network(tmp_path / "vgg.npz")
    assert loss_network.name == name
    for other in ("vgg.weights.h5", "vgg.h5"):
        same = load_loss_network(tmp_path / other)
        assert same.name == name
        for key, value in loss_network.weights.items():
            np.testing.assert_array_equal(same.weights[key], value, err_msg=f"{key} of {other}")
    image = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    last = loss_network.style_layers[-1]
    reference = keras.Model(vgg.input, vgg.get_layer(last).output)
    prepared = keras.applications.vgg16.preprocess_input(image.copy())
    np.testing.assert_allclose(loss_network(image)[last], reference(prepared), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 4, 7, 28])
def test_large_images_are_taken_in_bands(rows, monkeypatch):
    random = np.random.default_rng(0)
    image = random.uniform(-1, 1, (2, 31, 20, 8)).astype("float32")
    kernel = random.uniform(-1, 1, (3, 3, 8, 16)).astype("float32")
    expected = convolve(image, kernel)
    monkeypatch.setattr("ffmpeg_style.learning.loss_network.BAND_BYTES", 36 * (rows + 2) * 20 * 8)
    np.testing.assert_allclose(convolve(image, kernel), expected, atol=1e-5)


def test_losses_in_bfloat16_are_near_those_in_float32(vgg_weights):
    random = np.random.default_rng(0)
    images, contents, style = random.uniform(0, 255, (3, 1, 64, 64, 3)).astype("float32")
    totals = {}
    for dtype in ("float32", "bfloat16"):
        loss_network = load_loss_network(vgg_weights, dtype)
        grams = style_grams(loss_network, style)
        terms = perceptual_losses(loss_network, images, contents, grams, LossWeights())
        totals[dtype] = float(terms["total"][0])
    assert totals["bfloat16"] == pytest.approx(totals["float32"], rel=0.02)


def test_a_download_that_fails_without_a_word(monkeypatch, tmp_path):
    def fail(**arguments):
        raise ConnectionError

    monkeypatch.setenv("FFMPEG_STYLE_ASSETS", str(tmp_path))
    monkeypatch.setattr(keras.applications, "VGG16", fail)
    with pytest.raises(InputNotFoundError, match=r"downloaded \(ConnectionError\)"):
        load_loss_network()


def test_unknown_layer(vgg_weights):
    with pytest.raises(ValueError, match="block9"):
        load_loss_network(vgg_weights)(np.zeros((1, 32, 32, 3), "float32"), last="block9_conv1")


def test_weights_that_are_not_there_or_damaged(tmp_path, vgg_weights):
    with pytest.raises(InputNotFoundError, match="no such file"):
        load_loss_network(tmp_path / "none.npz")
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(vgg_weights.read_bytes()[:100_000])
    with pytest.raises(InputError, match="unreadable"):
        load_loss_network(damaged)


def test_old_keras_h5_names(tmp_path):
    import h5py

    with h5py.File(tmp_path / "vgg.h5", "w") as file:
        for name, shape in expected_shapes("vgg16").items():
            layer, kind = name.split("/")
            suffix = {"kernel": "W", "bias": "b"}[kind]
            file[f"{layer}/{layer}_{suffix}_1:0"] = np.zeros(shape, "float32")
            file[f"optimizer_weights/Adam/{layer}/{kind}:0"] = np.ones(shape, "float32")
    loss_network = load_loss_network(tmp_path / "vgg.h5")
    assert not any(ops.convert_to_numpy(value).any() for value in loss_network.weights.values())
