"""What multiplies here, the processor or a GPU, and in which precisions."""

from pathlib import Path


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware (x86-64 with AVX512_BF16 or AMX)."""
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16"})


def has_bfloat16_matrices() -> bool:
    """Whether it has a matrix unit for bfloat16 (AMX): without one, training in it is slower.

    TensorFlow 2.21 with AVX512_BF16 alone: 88 GFLOP/s a core in a loss network's convolutions, 170
    in float32.
    """
    return "amx_bf16" in cpu_flags()


def cpu_flags() -> set[str]:
    """What Linux says of the processor, as a set of words."""
    try:
        return set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return set()


def fast_precisions() -> tuple[str, ...]:
    """The precisions that the processor multiplies in hardware, by the filter's names."""
    return ("fp32", "bf16") if has_bfloat16() else ("fp32",)


def fast_policy() -> str:
    """The Keras dtype policy that is fastest on the device that Keras trains on."""
    capability = gpu_capability()
    fast = has_bfloat16_matrices() if capability is None else capability >= BFLOAT16_CAPABILITY
    return "mixed_bfloat16" if fast else "float32"


BFLOAT16_CAPABILITY = (8, 0)
"""CUDA's compute capability of the first GPUs that multiply bfloat16 (Ampere)."""


def gpu_capability() -> tuple[int, ...] | None:
    """The CUDA compute capability of the GPU that Keras trains on; None when it is the processor.

    (0, 0) is a GPU that does not tell.
    """
    import keras

    return _CAPABILITIES[keras.backend.backend()]()


def _of_tensorflow():
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return None
    return tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))


def _of_jax():
    import jax

    device = jax.devices()[0]
    if device.platform == "cpu":
        return None
    return tuple(map(int, getattr(device, "compute_capability", "0.0").split(".")))


def _of_torch():
    import torch

    return torch.cuda.get_device_capability() if torch.cuda.is_available() else None


_CAPABILITIES = {"tensorflow": _of_tensorflow, "jax": _of_jax, "torch": _of_torch}
