"""The networks' shapes, norms and weights."""

import numpy as np
import pytest
from keras import ops

from ffmpeg_style.errors import InputError
from ffmpeg_style.learning.networks import (
    StyleNetwork,
    set_weight_values,
    space_to_depth,
    weight_values,
)

ONE = np.ones((1, 1), "float32")


def picture(height, width, seed=0):
    random = np.random.default_rng(seed)
    return random.uniform(0, 255, (1, height, width, 3)).astype("float32")


@pytest.mark.parametrize("architecture", ["johnson", "fast"])
@pytest.mark.parametrize("size", [(16, 16), (17, 31), (64, 48), (33, 70)])
def test_output_has_the_size_of_the_input(architecture, size):
    network = StyleNetwork(architecture, width=4).build_weights()
    painted = ops.convert_to_numpy(network((picture(*size), ONE)))
    assert painted.shape == (1, *size, 3)
    assert np.isfinite(painted).all()


def test_johnson_is_the_network_of_the_paper():
    """Supplementary table 1: 1,679,235 weights with biases; here norms stand for the biases."""
    values = weight_values(StyleNetwork("johnson").build_weights())
    kernels = {name: value.shape for name, value in values.items() if name.endswith("kernel")}
    assert kernels["conv1/conv/kernel"] == (9, 9, 3, 32)
    assert kernels["conv2/conv/kernel"] == (3, 3, 32, 64)
    assert kernels["conv3/conv/kernel"] == (3, 3, 64, 128)
    assert kernels["residual5/second/conv/kernel"] == (3, 3, 128, 128)
    assert kernels["up1/conv/kernel"] == (3, 3, 128, 64)
    assert kernels["up2/conv/kernel"] == (3, 3, 64, 32)
    assert kernels["output/conv/kernel"] == (9, 9, 32, 3)
    assert len(kernels) == 16


def test_instance_norm_forgets_contrast():
    network = StyleNetwork("fast", width=4).build_weights()
    image = picture(32, 32)
    pale = 127.5 + (image - 127.5) * 0.5
    # The first convolution is linear and the norm behind it takes the scale away.
    np.testing.assert_allclose(network((image, ONE)), network((pale, ONE)), atol=0.5)


def test_style_weights_choose_and_mix_the_norms():
    network = StyleNetwork("johnson", styles=("a", "b"), width=4).build_weights()
    values = weight_values(network)
    for name in values:
        if name.endswith("gamma"):
            values[name][1] = 2.0
    set_weight_values(network, values)
    image = picture(32, 32)
    first = ops.convert_to_numpy(network((image, np.array([[1, 0]], "float32"))))
    second = ops.convert_to_numpy(network((image, np.array([[0, 1]], "float32"))))
    mixed = ops.convert_to_numpy(network((image, np.array([[0.5, 0.5]], "float32"))))
    assert np.abs(first - second).max() > 1
    assert np.abs(mixed - first).max() > 0.1 and np.abs(mixed - second).max() > 0.1


def test_each_image_of_a_batch_is_on_its_own():
    network = StyleNetwork("johnson", width=4).build_weights()
    images = np.concatenate([picture(32, 32, 1), picture(32, 32, 2)])
    both = ops.convert_to_numpy(network((images, np.ones((2, 1), "float32"))))
    alone = ops.convert_to_numpy(network((images[1:], ONE)))
    np.testing.assert_allclose(both[1:], alone, atol=0.05)


def test_space_to_depth_is_tensorflows():
    import tensorflow as tf

    image = picture(8, 12)
    packed = ops.convert_to_numpy(space_to_depth(image, 2))
    np.testing.assert_array_equal(packed, tf.nn.space_to_depth(image, 2))


@pytest.mark.parametrize("architecture", ["johnson", "fast"])
def test_flat_parts_stay_flat_whatever_the_weights(architecture):
    """No grid from strides and doublings, in the middle of each half of a step."""
    network = StyleNetwork(architecture, width=4).build_weights()
    random = np.random.default_rng(3)
    for weight in network.trainable_weights:
        weight.assign(random.normal(0.0, 0.3, weight.shape))
    step = np.full((1, 240, 480, 3), 40, "float32")
    step[:, :, 240:] = (200, 120, 60)
    painted = ops.convert_to_numpy(network((step, ONE)))[0]
    for left in (116, 356):
        assert np.ptp(painted[116:124, left : left + 8], axis=(0, 1)).max() < 0.01


def test_weights_of_another_shape_are_refused_and_nothing_changes():
    network = StyleNetwork("johnson", width=4).build_weights()
    before = weight_values(network)
    for other in (StyleNetwork("fast", width=4), StyleNetwork("johnson", width=8)):
        with pytest.raises(InputError, match="expected"):
            set_weight_values(network, weight_values(other.build_weights()))
    for name, value in weight_values(network).items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(architecture="vgg"), "johnson or fast"),
        (dict(architecture="fast", norm="layer"), "instance or batch"),
        (dict(architecture="fast", styles=("a", "b"), norm="batch"), "one style"),
        (dict(architecture="fast", styles=("a+b",)), "letters"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        StyleNetwork(**arguments)
