"""What the processor can do."""

from pathlib import Path


def has_bfloat16():
    """Whether the processor multiplies bfloat16 in hardware (x86-64 with AVX512_BF16 or AMX)."""
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16"})


def has_bfloat16_matrices():
    """Whether it has a matrix unit for bfloat16 (AMX): without one, training in it is slower.

    TensorFlow 2.21 with AVX512_BF16 alone: 88 GFLOP/s a core in a loss network's convolutions, 170
    in float32.
    """
    return "amx_bf16" in cpu_flags()


def cpu_flags():
    """What Linux says of the processor, as a set of words."""
    try:
        return set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return set()


def fast_precisions():
    """The precisions that the processor multiplies in hardware, by the filter's names."""
    return ("fp32", "bf16") if has_bfloat16() else ("fp32",)
