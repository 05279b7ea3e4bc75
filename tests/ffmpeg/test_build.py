"""The build of ffmpeg: its source, its steps, and what a kill in the middle leaves behind.

The steps are tried on a miniature of FFmpeg, a configure and a Makefile of a few lines that take no
time and stop where a test wants. The real one is what every other test of the filter runs.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from ffmpeg_style.errors import BuildError, InputError
from ffmpeg_style.ffmpeg import build as ffmpeg_build
from ffmpeg_style.ffmpeg import profiles as build_profiles
from ffmpeg_style.ffmpeg import source as ffmpeg_source
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.folders import build_folder, project_folder

# --- Sources ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def release():
    """The verified tarball of the default series, as the build keeps it."""
    return ffmpeg_source.fetch(ffmpeg_source.DEFAULT_SERIES, build_folder() / "source")


def test_debian_has_the_default_series(tmp_path):
    """A fetch through the private apt root gives the released bytes, and leaves apt's own alone."""
    theirs = [Path("/etc/apt"), Path("/var/lib/apt/lists"), Path("/var/cache/apt")]
    before = {path: path.lstat().st_mtime_ns for top in theirs for path in top.rglob("*")}

    tarball = ffmpeg_source.fetch(ffmpeg_source.DEFAULT_SERIES, tmp_path)

    series = ffmpeg_source.SERIES[ffmpeg_source.DEFAULT_SERIES]
    assert tarball.origin == f"Debian {series.debian}"
    assert ffmpeg_source.sha256_of(tarball.path) == tarball.sha256
    if tarball.version == series.release:
        assert tarball.sha256 == series.sha256
    assert before == {path: path.lstat().st_mtime_ns for top in theirs for path in top.rglob("*")}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "apt.log",
        f"ffmpeg-{tarball.version}.tar.xz",
        f"ffmpeg-{ffmpeg_source.DEFAULT_SERIES}.json",
    ]


def test_patch_applies_without_fuzz(release, tmp_path):
    """To the real source, by patch and by git."""
    tree = tmp_path / "ffmpeg"
    ffmpeg_source.unpack(release.path, tree)
    patch = project_folder("patches") / f"ffmpeg-{ffmpeg_source.DEFAULT_SERIES}.patch"
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path)}
    subprocess.run(["git", "apply", "--check", patch], cwd=tree, env=environment, check=True)
    command = ["patch", "-p1", "--fuzz=0", "--batch", f"--input={patch}"]
    subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)
    assert not list(tree.rglob("*.rej"))


@pytest.mark.parametrize("series", ffmpeg_source.SERIES)
def test_patch_leaves_a_version_that_a_release_has_brought_itself(series, tmp_path):
    patch = (project_folder("patches") / f"ffmpeg-{series}.patch").read_text()
    version = tmp_path / "libavfilter" / "version.h"
    version.parent.mkdir()
    version.write_text("\n".join(re.findall(r"^[ -](#define LIBAVFILTER.*)$", patch, re.MULTILINE)))
    assert ffmpeg_build._fitting(patch, tmp_path) == patch
    version.write_text(re.sub(r"(MINOR +)\d+", r"\g<1>99", version.read_text()))
    fitting = ffmpeg_build._fitting(patch, tmp_path)
    assert "version.h b/" not in fitting
    assert fitting.count("diff --git ") == patch.count("diff --git ") - 1


def test_patches_say_the_same():
    """The series' patches differ only in the type of a filter, in versions and in their context."""
    added = {}
    for series in ffmpeg_source.SERIES:
        text = (project_folder("patches") / f"ffmpeg-{series}.patch").read_text()
        lines = [line for line in text.splitlines() if re.match(r"\+(?!\+\+ |#define LIB)", line)]
        added[series] = [line.replace("FFFilter", "AVFilter") for line in lines]
        assert "+- styletransfer filter" in lines
        assert re.search(r"^\+#define LIBAVFILTER_VERSION_MINOR +\d+$", text, re.MULTILINE)
    assert added["5.1"] == added["7.1"] == added["8.1"] == added["9.0"]
    assert len(added["7.1"]) > 100


def test_documentation_names_every_option():
    """The manual of the patch against the options that the filter has."""
    patch = project_folder("patches") / f"ffmpeg-{ffmpeg_source.DEFAULT_SERIES}.patch"
    manual = set(re.findall(r"^\+@item (\w+)$", patch.read_text(), re.MULTILINE))
    command = [ffmpeg_path(), "-v", "error", "-h", "filter=styletransfer"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"^   (\w+) +<", answer, re.MULTILINE))
    assert {"model", "style", "strength", "late", "library"} <= options
    assert options <= manual


@pytest.mark.parametrize("form", ["deb822", "one line"])
def test_mirrors_are_read_from_apt(form, tmp_path, monkeypatch):
    """In both of its formats; third parties and switched-off entries are passed over."""
    if form == "deb822":
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "debian.sources").write_text(
            "Types: deb\nURIs: http://mirror.invalid/debian\nSuites: trixie trixie-updates\n"
            "Components: main\nSigned-By: /nowhere/keyring.gpg\n\n"
            "Types: deb\nURIs: http://safe.invalid/\nSuites: trixie-security\nComponents: main\n\n"
            "Types: deb\nURIs: http://off.invalid/debian\nSuites: trixie\nComponents: main\n"
            "Enabled: no\n\n"
            "Types: deb\nURIs: http://third.invalid/node\nSuites: nodistro\nComponents: main\n"
        )
    else:
        (tmp_path / "sources.list").write_text(
            "deb [signed-by=/nowhere/keyring.gpg] http://mirror.invalid/debian trixie main\n"
            "deb http://mirror.invalid/debian trixie-updates main contrib\n"
            "deb http://safe.invalid trixie-security main\n"
            "# deb http://off.invalid/debian trixie main\n"
            "deb http://third.invalid/docker trixie stable\n"
        )
    (tmp_path / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{tmp_path}/sources.list";\n'
        f'Dir::Etc::SourceParts "{tmp_path}/parts";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    assert ffmpeg_source._debian_mirrors() == {
        "": {
            ("http://mirror.invalid/debian", "trixie"),
            ("http://mirror.invalid/debian", "trixie-updates"),
        },
        "-security": {("http://safe.invalid", "trixie-security")},
    }


def test_official_release_must_have_the_pinned_sum(tmp_path, monkeypatch):
    """Where Debian has nothing, the pinned release is taken, if and only if its bytes are right."""
    served = tmp_path / "ffmpeg-7.1.5.tar.xz"
    served.write_bytes(b"not what was released")
    monkeypatch.setattr(ffmpeg_source, "OFFICIAL", f"file://{tmp_path}/ffmpeg-{{release}}.tar.xz")
    monkeypatch.setattr(ffmpeg_source, "_debian_mirrors", dict)
    cache = tmp_path / "cache"
    with pytest.raises(BuildError, match=r"no mirror of Debian.*SHA-256 .* expected de668509"):
        ffmpeg_source.fetch("7.1", cache)
    assert not list(cache.glob("ffmpeg-*"))

    pinned = ffmpeg_source.Series("trixie", "7.1.5", ffmpeg_source.sha256_of(served))
    monkeypatch.setitem(ffmpeg_source.SERIES, "7.1", pinned)
    tarball = ffmpeg_source.fetch("7.1", cache)
    assert (tarball.version, tarball.origin) == ("7.1.5", "ffmpeg.org")

    served.unlink()
    assert ffmpeg_source.fetch("7.1", cache) == tarball, "the cache is not asked"
    tarball.path.write_bytes(b"rotten")
    with pytest.raises(BuildError, match="give a tarball or a folder with --source"):
        ffmpeg_source.fetch("7.1", cache)


# --- Tarballs from anywhere ---------------------------------------------------------------------


def _member(name, content=b"", kind=tarfile.REGTYPE, link=""):
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname, member.mode = len(content), kind, link, 0o755
    return member, io.BytesIO(content)


def _tarball(path, *members):
    with tarfile.open(path, "w:xz") as archive:
        for member, content in members:
            archive.addfile(member, content)
    return path


HOSTILE = {
    "up and out": [_member("ffmpeg/../../evil", b"x")],
    "absolute": [_member("/tmp/ffmpeg-style-evil", b"x")],
    "link out": [_member("ffmpeg/l", kind=tarfile.SYMTYPE, link="../.."), _member("ffmpeg/l/evil")],
    "link within": [_member("ffmpeg/l", kind=tarfile.SYMTYPE, link="configure")],
    "hard link": [_member("ffmpeg/evil", kind=tarfile.LNKTYPE, link="/etc/passwd")],
    "device": [_member("ffmpeg/null", kind=tarfile.CHRTYPE)],
    "pipe": [_member("ffmpeg/pipe", kind=tarfile.FIFOTYPE)],
    "two folders": [_member("evil/file", b"x")],
    "file on top": [_member("evil", b"x")],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_tarball_is_refused(members, tmp_path):
    tarball = _tarball(tmp_path / "in.tar.xz", _member("ffmpeg/configure", b"#!/bin/sh"), *members)
    inside = tmp_path / "room" / "inside"
    inside.mkdir(parents=True)
    with pytest.raises(InputError, match=re.escape(str(tarball))):
        ffmpeg_source.unpack(tarball, inside / "source")
    assert list(inside.iterdir()) == []
    assert {path.name for path in tmp_path.rglob("*")} == {"in.tar.xz", "room", "inside"}
    assert not Path("/tmp/ffmpeg-style-evil").exists()


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILES", 3), ("MAX_BYTES", 100)])
def test_tarball_beyond_the_limits_is_refused(limit, value, tmp_path, monkeypatch):
    monkeypatch.setattr(ffmpeg_source, limit, value)
    files = [_member(f"ffmpeg/{index}", b"0123456789" * 5) for index in range(4)]
    tarball = _tarball(tmp_path / "in.tar.xz", _member("ffmpeg/configure"), *files)
    with pytest.raises(InputError, match="more than"):
        ffmpeg_source.unpack(tarball, tmp_path / "source")
    assert not (tmp_path / "source").exists()


def test_truncated_tarball_is_refused(release, tmp_path):
    content = release.path.read_bytes()
    for keep in (0, 1, 100, 5000, len(content) // 50):
        tarball = tmp_path / "in.tar.xz"
        tarball.write_bytes(content[:keep])
        with pytest.raises(InputError, match=re.escape(str(tarball))):
            ffmpeg_source.unpack(tarball, tmp_path / "source")
        assert [path.name for path in tmp_path.iterdir()] == ["in.tar.xz"]


# --- The steps ----------------------------------------------------------------------------------

CONFIGURE = """#!/bin/sh
echo configure >> "$MINIATURE_STEPS"
for option; do case $option in --prefix=*) prefix=${option#*=};; esac; done
./stop-at configure
echo "PREFIX = $prefix" > miniature.mak
"""

MAKEFILE = """
include miniature.mak
all: ffmpeg ffprobe
%.o: %.c
\t@printf "CC\\t%s\\n" $@; echo $@ >> $$MINIATURE_STEPS
\t@printf half > $@; ./stop-at $@; cp $< $@
ffmpeg ffprobe: one.o two.o
\t@printf "LD\\t%s\\n" $@; echo $@ >> $$MINIATURE_STEPS
\t@printf half > $@; ./stop-at $@; (echo '#!/bin/cat'; cat $^) > $@; chmod +x $@
install-progs: all
\t@mkdir -p $(DESTDIR)$(PREFIX)/bin
\t@printf half > $(DESTDIR)$(PREFIX)/bin/ffmpeg; ./stop-at install
\t@cp ffmpeg ffprobe $(DESTDIR)$(PREFIX)/bin
install-data install-doc:
"""

STOP_AT = """#!/bin/sh
[ "$MINIATURE_STOP" = "$1" ] || exit 0
touch "$MINIATURE_STEPS.stopped"
exec sleep 60
"""


class Miniature:
    """A source folder like FFmpeg's, whose build a test can stop at a point and look into."""

    def __init__(self, folder):
        self.source, self.build, self.prefix = folder / "source", folder / "build", folder / "out"
        self.steps_file = folder / "steps"
        self.source.mkdir()
        for name, text in {
            "RELEASE": "7.1.9\n",
            "configure": CONFIGURE,
            "Makefile": MAKEFILE,
            "stop-at": STOP_AT,
            "one.c": "one\n",
            "two.c": "two\n",
        }.items():
            (self.source / name).write_text(text)
            (self.source / name).chmod(0o755)

    def start(self, stop=""):
        """The build in a process group of its own, which stops at a point if one is given."""
        program = (
            "import sys, pathlib\n"
            "from ffmpeg_style.ffmpeg import build\n"
            "build.build_folder = lambda: pathlib.Path(sys.argv[1])\n"
            "build.build(source=sys.argv[2], prefix=sys.argv[3], patched=False, jobs=1)\n"
        )
        return subprocess.Popen(
            [sys.executable, "-c", program, self.build, self.source, self.prefix],
            env=os.environ | {"MINIATURE_STEPS": str(self.steps_file), "MINIATURE_STOP": stop},
            start_new_session=True,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self):
        """A whole build: its exit status, its messages, and the steps that the tools took."""
        self.steps_file.write_text("")
        with self.start() as process:
            messages = process.stderr.read()
        return process.returncode, messages, self.steps_file.read_text().split()

    def wait_for_stop(self):
        stopped = Path(f"{self.steps_file}.stopped")
        deadline = time.monotonic() + 30
        while not stopped.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        stopped.unlink()

    def installed(self, name="ffmpeg"):
        program = self.prefix / "bin" / name
        return program.read_text() if program.exists() else None


@pytest.fixture
def miniature(tmp_path):
    return Miniature(tmp_path)


COMPLETE = "#!/bin/cat\none\ntwo\n"
EVERY_STEP = ["configure", "one.o", "two.o", "ffmpeg", "ffprobe"]


def test_second_build_does_nothing(miniature):
    assert miniature.run()[::2] == (0, EVERY_STEP)
    assert miniature.installed() == miniature.installed("ffprobe") == COMPLETE
    before = (miniature.prefix / "bin" / "ffmpeg").stat()
    status, messages, steps = miniature.run()
    assert (status, steps) == (0, [])
    assert "is up to date" in messages
    assert (miniature.prefix / "bin" / "ffmpeg").stat() == before


def test_lost_program_is_installed_again(miniature):
    miniature.run()
    (miniature.prefix / "bin" / "ffprobe").unlink()
    assert miniature.run()[::2] == (0, [])
    assert miniature.installed("ffprobe") == COMPLETE


@pytest.mark.parametrize("point", ["configure", "two.o", "ffmpeg", "install"])
def test_killed_build_goes_on(point, miniature):
    """After SIGKILL of all of it at any point: no half program, and the next run completes it."""
    with miniature.start(stop=point) as process:
        miniature.wait_for_stop()
        os.killpg(process.pid, signal.SIGKILL)
    assert miniature.installed() is None
    assert miniature.run()[0] == 0
    assert miniature.installed() == miniature.installed("ffprobe") == COMPLETE
    assert miniature.run()[::2] == (0, [])


def test_half_written_program_is_linked_again(miniature):
    """Also when all that it is made of has been complete for longer than the killed minute."""
    with miniature.start(stop="ffprobe") as process:
        miniature.wait_for_stop()
        os.killpg(process.pid, signal.SIGKILL)
    (tree,) = miniature.build.glob("work/*/ffmpeg")
    for seconds, pattern in enumerate(["*.c", "*.o", "ffmpeg"]):
        for path in tree.glob(pattern):
            os.utime(path, (seconds, seconds))
    (tree / "just made.o").touch()
    assert miniature.run()[0] == 0
    assert miniature.installed() == miniature.installed("ffprobe") == COMPLETE


def test_killed_rebuild_leaves_the_old_program(miniature):
    miniature.run()
    (miniature.source / "two.c").write_text("zwei\n")
    with miniature.start(stop="install") as process:
        miniature.wait_for_stop()
        os.killpg(process.pid, signal.SIGKILL)
    assert miniature.installed() == COMPLETE
    miniature.run()
    assert miniature.installed() == COMPLETE.replace("two", "zwei")


def test_build_waits_for_what_a_killed_one_left_at_work(miniature):
    """When only the Python process is killed, its make goes on; two must not work in one folder."""
    with miniature.start(stop="two.o") as orphaned:
        miniature.wait_for_stop()
        orphaned.kill()
    with miniature.start() as waiting:
        assert "waiting for another build" in waiting.stderr.readline()
        os.killpg(orphaned.pid, signal.SIGKILL)
        waiting.communicate(timeout=30)
    assert waiting.returncode == 0
    assert miniature.installed() == COMPLETE


def test_failed_compilation_shows_the_log_and_keeps_the_old_program(miniature):
    miniature.run()
    makefile = miniature.source / "Makefile"
    makefile.write_text(MAKEFILE.replace("cp $< $@", "echo two.c:1: error: odd >&2; false"))
    status, messages, _ = miniature.run()
    assert status == 1
    assert "the compilation failed" in messages
    assert "two.c:1: error: odd" in messages or "one.c" in messages
    assert str(miniature.build / "work" / "7.1-unpatched" / "build.log") in messages
    assert miniature.installed() == COMPLETE
    makefile.write_text(MAKEFILE)
    assert miniature.run()[0] == 0


def test_patch_that_does_not_fit_is_an_error(miniature, monkeypatch):
    monkeypatch.setattr(ffmpeg_build, "build_folder", lambda: miniature.build)
    with pytest.raises(BuildError, match=r"ffmpeg-7\.1\.patch does not fit"):
        ffmpeg_build.build(source=miniature.source, prefix=miniature.prefix)
    assert not miniature.prefix.exists()


def test_half_written_install_keeps_the_old_file(tmp_path, monkeypatch):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("old")
    new.write_text("new")

    def fill_the_disk(source, target):
        Path(target).write_text("n")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy", fill_the_disk)
    with pytest.raises(InputError, match="No space left on device"):
        ffmpeg_build._replace(new, old)
    assert old.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_makefile_lists_every_source():
    csrc = project_folder("csrc")
    sources = {f"{path.relative_to(csrc).with_suffix('.o')}" for path in csrc.rglob("*.c")}
    assert set(re.findall(r"[\w/]+\.o", (csrc / "libavfilter.mak").read_text())) == sources


def test_makefile_rounds_as_any_compiler_does(tmp_path):
    ours = ["vf_styletransfer.o", "styletransfer/vf_pace.o", "styletransfer/kernels/x86/avx2.o"]
    (tmp_path / "Makefile").write_text(
        "SUBDIR := libavfilter/\nCFLAGS := -O3\n"
        f"include {project_folder('csrc')}/libavfilter.mak\n%.o:\n\t@echo $@ $(CFLAGS)\n"
    )
    targets = [f"libavfilter/{name}" for name in [*ours, "vf_scale.o"]]
    command = ["make", "-s", "-C", tmp_path, *targets]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines == [
        *(f"libavfilter/{name} -O3 -ffp-contract=off" for name in ours),
        "libavfilter/vf_scale.o -O3",
    ]


def test_only_what_changed_in_csrc_is_copied(tmp_path):
    files = {"vf_styletransfer.c": "a", "styletransfer/x.c": "b", "styletransfer/y.h": "c"}
    ffmpeg_build._copy_ours(files, tmp_path)
    (tmp_path / "styletransfer" / "Makefile").touch()
    before = (tmp_path / "styletransfer" / "x.c").stat()
    del files["styletransfer/y.h"]
    ffmpeg_build._copy_ours(files | {"vf_styletransfer.c": "A"}, tmp_path)
    assert (tmp_path / "styletransfer" / "x.c").stat() == before
    assert (tmp_path / "vf_styletransfer.c").read_text() == "A"
    assert sorted(path.name for path in (tmp_path / "styletransfer").iterdir()) == [
        "Makefile",
        "x.c",
    ]


# --- What a user gets wrong ---------------------------------------------------------------------


def _command(*arguments):
    program = "from ffmpeg_style.cli import main; main(prog_name='ffmpeg-style')"
    return subprocess.run(
        [sys.executable, "-c", program, "build", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_bad_sources_are_one_line(miniature, tmp_path):
    text, empty, old = tmp_path / "notes.txt", tmp_path / "empty", tmp_path / "old"
    text.write_text("no tarball")
    empty.mkdir()
    shutil.copytree(miniature.source, old)
    (old / "RELEASE").write_text("4.4.2\n")
    for source, reason in {
        text: "can't be unpacked",
        empty: "holds no source code of FFmpeg",
        old: "no patch for FFmpeg 4.4: expected one of the series 5.1, 7.1, 8.1, 9.0",
    }.items():
        result = _command("--source", source)
        assert result.returncode == 2, result.stderr
        assert result.stderr.count("\n") == 1
        assert reason in result.stderr


def test_bad_options_name_the_reason(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for arguments, reason in {
        ("--series", "4.4"): "'4.4' is not one of '5.1', '7.1', '8.1', '9.0'",
        ("--profile", "huge"): "'huge' is not one of 'demo', 'full'",
        ("--source", tmp_path / "nothing"): "does not exist",
        ("--prefix", file): "is a file",
        ("--jobs", "0"): "0 is not in the range",
    }.items():
        result = _command(*arguments)
        assert result.returncode == 2
        assert reason in result.stderr
        assert "Traceback" not in result.stderr


def test_missing_packages_are_one_line_to_copy(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(build_profiles, "_PROGRAMS", {"no-such-assembler": "nasm"})
    monkeypatch.setattr(build_profiles, "_MODULES", {"no-such-module": "libx264-dev"})
    expected = r"sudo apt-get install --yes --no-install-recommends nasm libx264-dev$"
    with pytest.raises(InputError, match=expected):
        ffmpeg_build._require_packages()


def test_full_takes_the_libraries_that_are_there(monkeypatch):
    monkeypatch.setattr(
        build_profiles,
        "_FULL_LIBRARIES",
        {"libx": "x264", "liby": "no-such-module", "libz": "zlib.h", "libq": "no/such.h"},
    )
    assert {"--enable-libx", "--enable-libz"} <= set(build_profiles.configure_options("full"))
    assert not {"--enable-liby", "--enable-libq"} & set(build_profiles.configure_options("full"))
    assert build_profiles.absent_libraries("full") == ["liby", "libq"]
    assert build_profiles.absent_libraries("demo") == []


def test_libraries_that_a_series_does_not_know_are_left_out(release, tmp_path, monkeypatch):
    ffmpeg_source.unpack(release.path, tmp_path / "ffmpeg")
    configure = (tmp_path / "ffmpeg" / "configure").read_text()
    assert build_profiles.unknown_libraries("full", configure) == []
    libraries = {**build_profiles._FULL_LIBRARIES, "libfuture": "zlib.h"}
    monkeypatch.setattr(build_profiles, "_FULL_LIBRARIES", libraries)
    assert build_profiles.unknown_libraries("full", configure) == ["libfuture"]
    assert build_profiles.unknown_libraries("demo", configure) == []


# --- The real program ---------------------------------------------------------------------------


def test_program_without_tensorflow_in_its_libraries():
    answer = subprocess.run(["ldd", ffmpeg_path()], capture_output=True, text=True, check=True)
    assert "libx264" in answer.stdout
    assert "tensorflow" not in answer.stdout


def test_program_finds_the_tensorflow_of_this_python():
    library = ffmpeg_build._tensorflow_library()
    assert Path(library).is_file()
    assert library.encode() in ffmpeg_path().read_bytes()


def test_program_prints_its_configuration():
    answer = subprocess.run([ffmpeg_path(), "-version"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("ffmpeg version ")
    assert "--enable-libx264" in answer.stdout


def test_unpatched_build_has_all_but_the_filter():
    """From the same source and with the same options: what the filter costs can be measured."""
    unpatched = ffmpeg_build.build(patched=False)
    patched = ffmpeg_build.build()

    def ask(program, *arguments):
        command = [program, "-v", "error", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert ask(unpatched, "-buildconf") == ask(patched, "-buildconf")
    filters = set(ask(unpatched, "-filters").splitlines())
    added = set(ask(patched, "-filters").splitlines()) - filters
    assert len(added) == 1
    assert "styletransfer" in added.pop()
    assert ffmpeg_path().resolve() == patched.resolve()


def test_filter_in_ffmpegs_own_tools(ffmpeg, check_in_tree):
    check_in_tree(ffmpeg_source.DEFAULT_SERIES)
