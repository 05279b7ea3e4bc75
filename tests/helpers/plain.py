"""A Python that has nothing but what is asked for."""

import importlib.metadata
import venv
from pathlib import Path

from packaging.requirements import Requirement


def distributions(requirements):
    """What pip installs for some requirements, by name."""
    found, waiting = {}, [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name not in found:
            found[requirement.name] = importlib.metadata.distribution(requirement.name)
            waiting += map(Requirement, found[requirement.name].requires or ())
    return found


def plain_python(folder, requirements, *packages):
    """Makes a virtual environment of links to what is installed here.

    Args:
        folder: to make.
        requirements: as pip takes them; what they need comes along.
        packages: folders of further ones.

    Returns:
        pathlib.Path: its Python.
    """
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for package in packages:
        (site / package.name).symlink_to(package)
    for distribution in distributions(requirements).values():
        for name in {Path(file).parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            (site / name).symlink_to(distribution.locate_file(name))
    return folder / "bin" / "python"
