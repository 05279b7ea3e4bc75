"""Builds the extension `ffmpeg_style._engine`; everything else is in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import Extension, setup

ENGINE = Path("csrc")
BINDING = Path("ffmpeg_style")

ENGINE_EXTENSION = Extension(
    "ffmpeg_style._engine",
    sources=[
        str(BINDING / "_engine.pyx"),
        *sorted(str(path) for path in ENGINE.glob("*/**/*.c")),
    ],
    depends=[
        str(BINDING / "_engine.pxd"),
        *sorted(str(path) for path in ENGINE.rglob("*.h")),
    ],
    include_dirs=[str(ENGINE)],
    extra_compile_args=[
        *("-O3", "-std=gnu11", "-fvisibility=hidden"),
        # Python has overflows wrap, which keeps compilers from making vectors of many loops.
        *("-fno-wrapv", "-fstrict-overflow"),
        "-ffp-contract=off",  # the filter in ffmpeg is compiled without it and gives the same bytes
    ],
    extra_link_args=["-pthread", "-ldl", "-lm"],
)

# An editable install leaves it to `make`, which compiles what has changed: pip would compile all of
# it, and again for each extra.
setup(ext_modules=[] if "editable_wheel" in sys.argv else [ENGINE_EXTENSION])
