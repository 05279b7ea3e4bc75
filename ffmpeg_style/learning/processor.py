"""What the processor can do."""

from pathlib import Path


def has_bfloat16():
    """Whether the processor multiplies bfloat16 in hardware (x86-64 with AVX512_BF16 or AMX)."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def fast_precisions():
    """The precisions that the processor multiplies in hardware, by the filter's names."""
    return ("fp32", "bf16") if has_bfloat16() else ("fp32",)
