"""Makes the wheel that has the patched ffmpeg in it, for `make wheel-ffmpeg`: needs a FOLDER.

It is a package of its own, ffmpeg-style-ffmpeg, under the GPL, as FFmpeg with x264 is. The
libraries that the programs need, but for those of every Linux, are put into it by auditwheel.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ffmpeg_style import StyleError, __version__
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.folders import project_folder

PACKAGE = "ffmpeg_style_ffmpeg"
PROJECT = """\
[build-system]
requires = ["setuptools>=77,<85"]
build-backend = "setuptools.build_meta"

[project]
name = "ffmpeg-style-ffmpeg"
version = "{version}"
description = "FFmpeg {ffmpeg} with the styletransfer filter, as programs, for ffmpeg-style"
readme = "README.md"
license = "GPL-2.0-or-later"
requires-python = ">=3.10"

[tool.setuptools]
packages = ["{package}"]

[tool.setuptools.package-data]
{package} = ["bin/*", "source/*"]
"""
README = """\
# ffmpeg-style-ffmpeg

FFmpeg {ffmpeg} with the `styletransfer` filter, as `{package}/bin/ffmpeg`. With ffmpeg-style:

    ffmpeg-style ffmpeg -i in.mp4 -vf styletransfer=wave.pb out.mp4

It is under the GPL, version 2 or later, as it has x264 in it. Its source is FFmpeg {ffmpeg} as
released, the patch in `{package}/source`, and the files of ffmpeg-style {version} in `csrc/`, which
are under the LGPL 2.1 or later. It was configured by:

    {configuration}
"""
SETUP = """\
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py


class WithPrograms(build_py):
    def run(self):
        super().run()
        for program in Path(self.build_lib).glob("*/bin/*"):
            program.chmod(0o755)


class OfOneMachine(Distribution):
    def has_ext_modules(self):
        return True


class ForAnyPython(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(distclass=OfOneMachine, cmdclass={"bdist_wheel": ForAnyPython, "build_py": WithPrograms})
"""


def main(folder):
    """Writes the wheel into the folder and says its path."""
    programs = [ffmpeg_path(), ffmpeg_path("ffprobe")]
    told = subprocess.run([programs[0], "-version"], capture_output=True, text=True).stdout
    values = {
        "version": __version__,
        "ffmpeg": told.split()[2],
        "configuration": told.partition("configuration: ")[2].splitlines()[0],
        "package": PACKAGE,
    }
    with tempfile.TemporaryDirectory() as place:
        lay_out(Path(place), programs, values)
        wheel = build(Path(place))
        repaired = Path(place, "repaired")
        run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", repaired, wheel)
        Path(folder).mkdir(parents=True, exist_ok=True)
        for path in repaired.iterdir():
            print(shutil.copy(path, folder))


def lay_out(place, programs, values):
    """The package's source."""
    bin_folder, source = place / PACKAGE / "bin", place / PACKAGE / "source"
    bin_folder.mkdir(parents=True)
    source.mkdir()
    (place / PACKAGE / "__init__.py").write_text('"""FFmpeg with the styletransfer filter."""\n')
    for program in programs:
        shutil.copy(program, bin_folder / program.name)
        run("strip", bin_folder / program.name)
    series = ".".join(values["ffmpeg"].split(".")[:2])
    shutil.copy(project_folder("patches") / f"ffmpeg-{series}.patch", source)
    (place / "pyproject.toml").write_text(PROJECT.format(**values))
    (place / "README.md").write_text(README.format(**values))
    (place / "setup.py").write_text(SETUP)


def build(place):
    """The wheel as it is built, for this machine alone."""
    command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*command, "--wheel-dir", place / "built", place)
    return next((place / "built").glob("*.whl"))


def run(program, *arguments):
    """Runs a program."""
    subprocess.run([program, *map(str, arguments)], check=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except StyleError as error:
        sys.exit(f"wheel-ffmpeg: {error}")
