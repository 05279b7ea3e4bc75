"""Debian's packages, where installing them is ours to do."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence

from ffmpeg_style.errors import BuildError


def install_line(packages: Sequence[str]) -> str:
    """What a user types to install packages."""
    return f"sudo {shlex.join(_install(packages))}"


def can_install() -> bool:
    """Whether this is root, on Debian or one of its kin."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str]) -> None:
    """Install packages.

    Raises:
        BuildError: it failed; the message is apt's.
    """
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], _install(packages)):
        result = subprocess.run(step, env=environment, capture_output=True, text=True)
    if result.returncode:
        raise BuildError(f"{shlex.join(_install(packages))} failed:\n{result.stderr.strip()}")


def _install(packages):
    return ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
