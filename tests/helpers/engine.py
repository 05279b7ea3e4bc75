"""The engine in C, built by `csrc/Makefile`."""

import fcntl
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(sanitize: str, prefix: str = "") -> Path:
    """Builds the engine and its tests, and returns the folder.

    The prefix is that of the names of a cross compiler's programs. Tests that run at the same time
    wait for each other.
    """
    tools = [f"CC={prefix}gcc", f"AR={prefix}ar", f"SANITIZE={sanitize}"]
    command = ["make", "--silent", "-C", str(ROOT / "csrc"), *tools]
    variant = "-".join([f"{prefix}gcc", *filter(None, sanitize.split(","))])
    folder = ROOT / "build" / "engine" / variant
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([*command, "-j2", "all"], check=True)
    return folder
