"""Builds the extension `ffmpeg_style._engine`; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

ENGINE = Path("csrc")
BINDING = Path("ffmpeg_style")

setup(
    ext_modules=[
        Extension(
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
            # No contraction: the filter in ffmpeg is compiled without it and gives the same bytes.
            extra_compile_args=["-O3", "-std=gnu11", "-ffp-contract=off", "-fvisibility=hidden"],
            extra_link_args=["-pthread", "-ldl", "-lm"],
        )
    ]
)
