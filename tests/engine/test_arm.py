"""The engine on ARM of 64 bits: compiled for it, and run under qemu's emulation of two processors.

One has bfloat16, the other has not. What an emulator says nothing of is how fast it is.
"""

import subprocess

import numpy as np
import pytest
from helpers.engine import ROOT, build
from PIL import Image

from ffmpeg_style import Engine
from ffmpeg_style.free_photographs import free_photographs

pytestmark = pytest.mark.arm

CPUS = ["cortex-a72", "max"]
PROGRAMS = sorted(path.stem for path in (ROOT / "tests" / "c").glob("test_*.c"))
SIZE = (161, 90)


@pytest.fixture(scope="module")
def built():
    return build("", "aarch64-linux-gnu-")


def run(cpu, program, *arguments, **options):
    """Runs a program on an emulated processor; returns what it wrote."""
    command = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-cpu", cpu, program, *arguments]
    result = subprocess.run(list(map(str, command)), capture_output=True, timeout=900, **options)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_in_c(built, program, cpu):
    run(cpu, built / program, built)


@pytest.fixture(scope="module", params=["wave", "wave-fast"])
def painted(request):
    """A model, a photograph, and its painting on the processor of this machine, in float32."""
    model = ROOT / "models" / f"{request.param}.pb"
    photograph = Image.open(free_photographs("this test")[0]).convert("RGB").resize(SIZE)
    frame = np.asarray(photograph)
    with Engine(model, precision="fp32") as engine:
        return model, frame, engine(frame).astype(int)


def paint(built, cpu, model, frame):
    painting = run(cpu, built / "paint", model, *SIZE, input=frame.tobytes())
    return np.frombuffer(painting, np.uint8).reshape(frame.shape).astype(int)


def test_the_same_painting(built, painted):
    model, frame, expected = painted
    assert np.abs(paint(built, "cortex-a72", model, frame) - expected).max() <= 1


def test_a_painting_in_bfloat16(built, painted):
    """It is what the engine takes where there is some; as near to float32 as anywhere."""
    model, frame, expected = painted
    difference = paint(built, "max", model, frame) - expected
    assert 0 < np.mean(difference**2) <= 255**2 / 10**5  # 50 dB
