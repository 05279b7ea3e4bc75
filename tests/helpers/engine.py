"""The engine in C, built by `csrc/Makefile`."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(sanitize: str, prefix: str = "") -> Path:
    """Builds the engine and its tests, and returns the folder.

    The prefix is that of the names of a cross compiler's programs.
    """
    tools = [f"CC={prefix}gcc", f"AR={prefix}ar", f"SANITIZE={sanitize}"]
    command = ["make", "--silent", "-C", str(ROOT / "csrc"), *tools]
    subprocess.run([*command, "-j2", "all"], check=True)
    return (
        ROOT / "build" / "engine" / "-".join([f"{prefix}gcc", *filter(None, sanitize.split(","))])
    )
