"""The documentation: the site builds with every link right, and its examples are true."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from PIL import Image

from ffmpeg_style.cli import main

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def typed():
    """Every line of an example that begins with ffmpeg-style, with the file that has it."""
    for path in PAGES:
        for block in blocks(path, "sh"):
            for line in block.replace("\\\n", "").splitlines():
                if line.startswith("ffmpeg-style "):
                    yield pytest.param(line, id=f"{path.name}: {line[:60]}")


@pytest.mark.parametrize("line", list(typed()))
def test_a_line_of_the_shell_is_one_that_is_understood(line):
    """Its command is there, and so are its options, with values that they take."""
    words = shlex.split(line, comments=True)[1:]
    words = words[: words.index("<")] if "<" in words else words
    with click.Context(main) as context:
        words = main.parse_args(context, words) or context.args
        name, command, rest = main.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert command is not None, name
        command.make_context(name, rest, parent=context, resilient_parsing=False)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=str)
def test_examples_in_python_run(page, tmp_path, ffmpeg):
    Image.new("RGB", (48, 32), "teal").save(tmp_path / "photo.jpg")
    clip = ("-f", "lavfi", "-i", "testsrc2=s=48x32:d=0.2,format=yuv420p", tmp_path / "in.mp4")
    subprocess.run([ffmpeg, "-v", "error", *clip], check=True)
    (tmp_path / "models").symlink_to(PROJECT / "models")
    for code in blocks(page, "python"):
        result = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "painted.mp4").stat().st_size


def test_links_of_the_repository_lead_to_files():
    for page in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("models/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)[)#]", page.read_text()):
            assert ":" in link or (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_site_builds_and_every_link_is_right(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]
    result = subprocess.run(
        [*command, tmp_path / "site"], cwd=PROJECT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    python = (tmp_path / "site" / "python" / "index.html").read_text()
    assert "steady" in python and "Engine.submit" in python and "list_models" in python
