"""The shipped models in products of 16-bit integers, beside float32."""

import numpy as np
import pytest
from engine.test_plan import FLAGS, MIN_PSNR, psnr
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
