"""Who may know whom: in C by what is included, in Python by what is imported, at any depth."""

import ast
import re
from pathlib import Path

import ffmpeg_style

PACKAGE = Path(ffmpeg_style.__file__).parent
CSRC = PACKAGE.parent / "csrc"

C_KNOWS = {
    "base": set(),
    "graph": {"base", "kernels"},
    "kernels": {"base"},
    "plan": {"base", "graph", "kernels"},
    "tensorflow": {"base", "graph", "kernels", "plan"},
    "engine": {"base", "graph", "kernels", "plan", "steady", "tensorflow"},
    "steady": {"base", "graph", "kernels"},
}
"""Folders of csrc. The types in `styletransfer.h` are everybody's, the filter's only way in."""

PYTHON_KNOWS = {
    "graphs": {"top"},
    "learning": {"graphs", "top"},
    "ffmpeg": {"graphs", "top"},
    "cluster": {"ffmpeg", "graphs", "top"},
    "app": {"ffmpeg", "graphs", "top"},
    "live": {"ffmpeg", "graphs", "top"},
    "commands": {"app", "cluster", "ffmpeg", "graphs", "learning", "live", "top"},
    "top": set(),
}
"""Folders of the package; "top" are the modules beside them, which all may use."""

ENTRANCES = {"__init__", "__main__", "cli"}
"""Modules at the top that are above all."""


def test_c_files_include_what_is_below_them():
    wrong = []
    for path in sorted(CSRC.rglob("*.[ch]")):
        folder = path.relative_to(CSRC).parts[0]
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
            included = (path.parent / name).resolve()
            if folder.startswith("vf_"):
                known = not name.startswith("styletransfer/") or name.count("/") == 1
            elif not included.is_file() or included.parent == CSRC:
                known = name == "default.h" or included.name == "styletransfer.h"
            else:
                other = included.relative_to(CSRC).parts[0]
                known = other == folder or other in C_KNOWS[folder]
            if not known:
                wrong.append(f"{path.relative_to(CSRC)} includes {name}")
    assert not wrong, "an arrow goes up: " + "; ".join(wrong)


def modules():
    """The package's modules by name, without the binding."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in paths}


def imported(path, known):
    """Names of the package's modules that a file imports, in functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.startswith("ffmpeg_style.") and (short := name[13:]) in known:
                yield short


def folder_of(module):
    return module.split(".")[0] if "." in module else "top"


def test_python_modules_import_what_is_below_them():
    known = modules()
    wrong = [
        f"{module} imports {other}"
        for module, path in known.items()
        if module not in ENTRANCES
        for other in imported(path, known)
        if folder_of(other) not in {folder_of(module), *PYTHON_KNOWS[folder_of(module)]}
    ]
    assert not wrong, "an arrow goes up: " + "; ".join(wrong)


def test_no_python_module_imports_itself_over_others():
    known = modules()
    below = {module: set(imported(path, known)) - {module} for module, path in known.items()}
    while leaves := {module for module, others in below.items() if not others & below.keys()}:
        for module in leaves:
            del below[module]
    assert not below, f"in a circle, or above one: {', '.join(sorted(below))}"
