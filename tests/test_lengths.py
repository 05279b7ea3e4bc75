"""A file of C is read in one sitting, a function on one screen."""

import ast
import re
from pathlib import Path

import pytest

import ffmpeg_style

PACKAGE = Path(ffmpeg_style.__file__).parent
REPOSITORY = PACKAGE.parent
MOST_LINES = 600  # of a file of C
MOST_OF_A_FUNCTION = 60  # without its docstring


def functions_of_c(path):
    """What begins in the first column with a brace and ends with one, as FFmpeg's style has it."""
    text = path.read_text()
    for match in re.finditer(r"^(\w[^;{}]*\b(\w+)\([^;{}]*)\n\{\n(.*?)^\}", text, re.M | re.S):
        yield match[2], match[0].count("\n") + 1


def functions_of_python(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield node.name, node.end_lineno - body[0].lineno + 1 if body else 0


def test_files_of_c_are_short():
    lines = {path: path.read_text().count("\n") for path in (REPOSITORY / "csrc").rglob("*.[ch]")}
    assert len(lines) > 50
    assert not {str(path): count for path, count in lines.items() if count > MOST_LINES}


def test_lines_of_the_filter_are_as_long_as_those_of_ffmpeg():
    paths = [*(REPOSITORY / "csrc").glob("vf_*.[ch]")]
    assert len(paths) > 2
    lines = [line for path in paths for line in path.read_text().splitlines()]
    assert not [line for line in lines if len(line) > 80]


@pytest.mark.parametrize(
    ("folders", "pattern", "functions"),
    [
        (["csrc", "tests"], "*.[ch]", functions_of_c),
        (["ffmpeg_style", "scripts", "tests"], "*.py", functions_of_python),
    ],
)
def test_functions_are_short(folders, pattern, functions):
    paths = [path for folder in folders for path in (REPOSITORY / folder).rglob(pattern)]
    lines = {f"{path}: {name}": count for path in paths for name, count in functions(path)}
    assert len(lines) > 500
    assert not {name: count for name, count in lines.items() if count > MOST_OF_A_FUNCTION}
