"""What there is on this machine: versions, the processor, models, programs, and what is missing."""

import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

from ffmpeg_style import __version__
from ffmpeg_style.catalog import DEFAULT_MODEL, list_models
from ffmpeg_style.errors import StyleError
from ffmpeg_style.extras import EXTRAS, missing

INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "amx_bf16", "asimd", "bf16")
"""Of a processor, by the kernel's names, those that the engine's kernels are written for."""


def information() -> dict[str, Any]:
    """All of it, by name, as values that JSON has."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "engine": _engine(),
        "models": [model.name for model in list_models()],
        "packages": {name: _version(name) for name in ("numpy", "pillow", "av", "tensorflow")},
        "libraries": _libraries(),
        "missing": {extra: absent for extra in sorted(EXTRAS) if (absent := missing(extra))},
    }


def _processor():
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    name = re.search(r"model name\s*: (.*)", text)
    flags = re.search(r"(?:flags|Features)\s*: (.*)", text)
    known = flags[1].split() if flags else []
    return {
        "name": name[1] if name else platform.processor() or platform.machine(),
        "count": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "instructions": [name for name in INSTRUCTIONS if name in known],
    }


def _engine():
    """How the engine would run the model that is taken where none is named."""
    from ffmpeg_style import Engine

    try:
        with Engine(DEFAULT_MODEL) as engine:
            names = ("runtime", "precision", "device", "requests")
            return {"model": DEFAULT_MODEL, **{name: getattr(engine, name) for name in names}}
    except StyleError as error:
        return {"model": DEFAULT_MODEL, "error": str(error)}


def _libraries():
    """Of FFmpeg: the version that PyAV brings."""
    try:
        import av
    except ImportError:
        return None
    return av.ffmpeg_version_info


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
