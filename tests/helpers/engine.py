"""The engine in C, built by `csrc/Makefile`."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(sanitize: str) -> Path:
    """Builds the engine and its tests, and returns the folder."""
    command = ["make", "--silent", "-C", str(ROOT / "csrc"), "CC=gcc", f"SANITIZE={sanitize}"]
    subprocess.run([*command, "-j2", "all"], check=True)
    return ROOT / "build" / "engine" / "-".join(["gcc", *filter(None, sanitize.split(","))])
