"""The shipped models in products of 16-bit integers, beside float32."""

import numpy as np
import pytest
from engine.test_plan import FLAGS, MIN_PSNR, draw, psnr, tf
from PIL import Image

from ffmpeg_style import Engine
from ffmpeg_style.catalog import list_models
from ffmpeg_style.errors import DeviceError
from ffmpeg_style.free_photographs import free_photographs

HAS_INTEGERS = "avx512_vnni" in FLAGS


@pytest.fixture(scope="module")
def photograph():
    with Image.open(free_photographs("this test")[0]) as image:
        return np.asarray(image.convert("RGB").resize((200, 136)))


@pytest.mark.parametrize("model", [model.name for model in list_models()])
def test_shipped_models(photograph, model):
    if not HAS_INTEGERS:
        with pytest.raises(DeviceError, match="the processor lacks AVX512_VNNI"):
            Engine(model, precision="int16")
        return
    with Engine(model, precision="fp32") as exact, Engine(model, precision="int16") as engine:
        expected, painting = exact(photograph), engine(photograph)
        assert engine.precision == "int16"
    assert psnr(expected, painting) >= MIN_PSNR["int16"]
    assert not np.array_equal(expected, painting)


def test_what_auto_takes():
    matrices = "amx_bf16" in FLAGS
    with Engine("wave-fast") as engine:
        assert engine.precision == ("bf16" if matrices else "int16" if HAS_INTEGERS else "fp32")


@pytest.mark.skipif(not HAS_INTEGERS, reason="the processor lacks AVX512_VNNI")
@pytest.mark.parametrize("place", ["between convolutions", "kept for a sum"])
def test_features_that_halves_cannot_hold(tmp_path, photograph, place):
    """Such a frame is painted with floats between its convolutions, and only such a frame."""

    def far(x, pen):
        scale = np.full(16, 1.5e5 if place == "kept for a sum" else 3e4, np.float32)
        x = pen.norm(pen.conv(x, 16), scale=scale)
        if place == "kept for a sum":
            x = x + pen.norm(pen.conv(x, 16))
        return pen.norm(pen.conv(pen.norm(pen.conv(x, 16)), 16))

    path = draw(tmp_path / "far.pb", far)
    with Engine(path, precision="fp32") as exact, Engine(path, precision="int16") as engine:
        expected, painting = exact(photograph), engine(photograph)
        engine(np.zeros_like(photograph))
        np.testing.assert_array_equal(engine(photograph), painting)
    assert expected.std() > 20
    assert psnr(expected, painting) >= 60


@pytest.mark.skipif(not HAS_INTEGERS, reason="the processor lacks AVX512_VNNI")
@pytest.mark.parametrize("far", [1, 1000])
def test_convolutions_behind_no_norm(tmp_path, photograph, far):
    """Nothing tells how large their values are: all but that of the pixels are of floats."""

    def drawing(x, pen):
        x = tf.nn.relu(pen.conv(far * x, 32))
        for _ in range(3):
            x = tf.nn.relu(pen.conv(1.4 * x, 32))
        return pen.conv(x / far, 3)

    path = draw(tmp_path / "plain.pb", drawing)
    with Engine(path, precision="fp32") as exact, Engine(path, precision="int16") as engine:
        expected, painting = exact(photograph), engine(photograph)
    assert expected.std() > 20
    assert psnr(expected, painting) >= 70
