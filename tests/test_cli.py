"""The command line as a whole; each command's own tests are beside its subject's."""

import os
import pkgutil
import signal
import subprocess
import sys

import pytest
from PIL import Image

import ffmpeg_style
from ffmpeg_style import commands
from ffmpeg_style.cli import main

HEAVY = ("keras", "numpy", "tensorflow")


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "ffmpeg_style", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


def test_help_lists_every_command():
    result = run("--help")
    assert result.returncode == 0
    names = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    assert set(main.list_commands(None)) == names
    assert all(f"\n  {name} " in result.stdout for name in names)


def test_a_mistake_is_told_in_one_line(tmp_path):
    """Without the lines that TensorFlow writes as it starts."""
    text = tmp_path / "text.pb"
    text.write_text("no graph")
    for arguments in (("inspect", text), ("export", tmp_path / "none", tmp_path / "out.pb")):
        result = run(*arguments)
        assert result.returncode == 2
        assert result.stderr.startswith("ffmpeg-style: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", main.list_commands(None))
def test_every_command_has_help_and_loads_nothing_heavy_for_it(name):
    code = (
        "import sys; from ffmpeg_style.cli import main\n"
        f"try: main([{name!r}, '--help'])\n"
        f"finally: print('loaded', *(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: ")
    assert result.stderr == "loaded\n"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_command_that_is_stopped_says_by_what(number, code):
    waiting = (
        "import signal, click\n"
        "from ffmpeg_style import cli\n"
        "@click.command()\n"
        "def wait():\n"
        "    print('waiting', flush=True)\n"
        "    signal.pause()\n"
        "cli.CommandModules.get_command = lambda *_: wait\n"
        "cli.main(['wait'])"
    )
    command = [sys.executable, "-c", waiting]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(number)
        assert process.communicate()[1] == b""
    assert process.returncode == code


WITHOUT_TENSORFLOW = """
import sys
from importlib.util import find_spec

specs = [find_spec("tensorflow"), find_spec("keras")]  # they are there, and can't be loaded
sys.modules.update({spec.name: type(sys)(spec.name) for spec in specs})
for spec in specs:
    sys.modules[spec.name].__spec__ = spec
from ffmpeg_style.cli import main; main()
"""


def test_missing_files_are_told_before_tensorflow_loads(photographs, painting, tmp_path):
    none = str(tmp_path / "none")
    for command in (["train", "--output", tmp_path / "run"], ["evaluate", "wave"]):
        for style, content, weights in [
            (none, photographs, painting),
            (painting, none, painting),
            (painting, photographs, none),
        ]:
            files = ["--style", style, "--content", content, "--vgg-weights", weights]
            result = subprocess.run(
                [sys.executable, "-c", WITHOUT_TENSORFLOW, *command, *files],
                capture_output=True,
                text=True,
            )
            assert result.returncode == 2
            assert none in result.stderr and result.stderr.count("\n") == 1


def test_a_wrong_picture_is_told_before_tensorflow_loads(tmp_path):
    """Where nothing heavy can be loaded, the sentence comes all the same."""
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    a, text, out = tmp_path / "a.png", tmp_path / "text.png", tmp_path / "out.png"
    for content, style, output, words in [
        (tmp_path / "none.png", a, out, "none.png"),
        (a, text, out, "text.png"),
        (a, a, tmp_path / "out.xyz", ".png"),
        (a, a, a, "exists already"),
    ]:
        arguments = ["optimize", "--content", content, "--style", style, "--output", output]
        result = subprocess.run(
            [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments], capture_output=True, text=True
        )
        assert result.returncode == 2
        assert words in result.stderr and result.stderr.count("\n") == 1


def test_what_is_no_network_is_told_before_tensorflow_loads(tmp_path):
    (tmp_path / "photo.jpg").write_text("no network")
    arguments = ["freeze", tmp_path / "photo.jpg", tmp_path / "out.pb"]
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "photo.jpg" in result.stderr and result.stderr.count("\n") == 1


def test_version():
    result = run("--version")
    assert result.returncode == 0
    assert ffmpeg_style.__version__ in result.stdout


@pytest.mark.parametrize("arguments", [["paint"], ["stylize"], ["models", "a", "b"]])
def test_a_wrong_command_line_is_explained(arguments):
    result = run(*arguments)
    assert result.returncode == 2
    assert "Usage:" in result.stderr and "Error:" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["a.mp4", "b.mp4", "-crf", "18"], "'-crf'; options for ffmpeg follow --"),
        (["a.mp4", "b.mp4", "-vcodec", "libx264"], "'-vcodec'; options for ffmpeg follow --"),
        (["a.mp4", "--stile", "wave"], "--style"),
        (["stylise", "a.mp4"], "did you mean 'stylize'?"),
        (["-v", "stylize", "a.mp4"], "before its options: ffmpeg-style stylize"),
        (["--style", "a.jpg", "sheet", "b.jpg"], "before its options: ffmpeg-style sheet"),
        (["a.mp4", "--style", "."], "found a folder at ."),
    ],
)
def test_what_was_meant_is_guessed(arguments, hint):
    result = run(*arguments)
    assert result.returncode == 2
    assert hint in result.stderr.replace("\n", " "), result.stderr


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["styl"], "plain,stylize"),
        (["stylize", "--mod"], "plain,--model"),
        (["stylize", "-y", "--mod"], "plain,--model"),
        (["sheet", "--st"], "plain,--style"),
    ],
)
def test_a_shell_completes(words, found):
    line = dict(COMP_WORDS=" ".join(["ffmpeg-style", *words]), COMP_CWORD=str(len(words)))
    result = run(_FFMPEG_STYLE_COMPLETE="bash_complete", **line)
    assert (result.stdout.strip(), result.stderr) == (found, "")


def test_every_public_name_is_there_and_documented():
    for name in ffmpeg_style.__all__:
        assert getattr(ffmpeg_style, name).__doc__.strip()
    with pytest.raises(AttributeError, match="nope"):
        ffmpeg_style.nope  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, ffmpeg_style; print(*(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "\n", result.stderr
