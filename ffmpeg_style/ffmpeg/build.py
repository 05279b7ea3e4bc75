"""The build of the patched ffmpeg: source, patch, configure, compile, install.

Everything is made under `program.build_folder()`: verified tarballs in ``source``, one folder for
each variant in ``work``, and the programs in ``ffmpeg-7.1`` and the like. A build may be killed at
any point and run again: each step, when complete, leaves a stamp with a hash of what went into it,
and a program is put in its place whole, by a rename.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from ffmpeg_style.errors import BuildError, InputError, InputNotFoundError
from ffmpeg_style.ffmpeg import source as ffmpeg_source
from ffmpeg_style.ffmpeg.profiles import (
    PROFILES,
    absent_libraries,
    configure_options,
    missing_packages,
    unknown_libraries,
)
from ffmpeg_style.ffmpeg.reasons import FULL
from ffmpeg_style.files import full_disk
from ffmpeg_style.folders import build_folder, project_folder
from ffmpeg_style.graphs.tensorflow_library import tensorflow_folder
from ffmpeg_style.packages import can_install, install, install_line

FILTER = "vf_styletransfer.c"  # goes into libavfilter
ENGINE = "styletransfer"  # the folder in there that the other files of csrc go into
VERSION = "libavfilter/version.h"
DEFAULT_LIBRARY = f"{ENGINE}/tensorflow/default.h"  # where TensorFlow is looked for
TENSORFLOW_LIBRARY = "libtensorflow_cc.so.2"  # in the wheel's package
LOG_TAIL = 20  # lines of the log that a failure shows
HALF_WRITTEN = 60  # seconds before a kill in which a compiler may have begun what it did not end

_PRODUCED_PROGRAMS = {"ffmpeg", "ffprobe", "ffplay"}  # each first as NAME_g, with its symbols

# A build under make, or under git, is not to inherit their ideas.
_FOREIGN_VARIABLES = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "DESTDIR", "V", "CDPATH"}


@dataclass(frozen=True)
class Build:
    """What is to be built, and where."""

    series: str
    source: Path | None  # a folder or a tarball; None: fetched
    profile: str
    patched: bool
    options: tuple  # more for configure
    prefix: Path

    work = property(lambda self: build_folder() / "work" / self.label)
    tree = property(lambda self: self.work / "ffmpeg")
    log = property(lambda self: self.work / "build.log")
    patch = property(lambda self: project_folder("patches") / f"ffmpeg-{self.series}.patch")
    applied = property(lambda self: self.work / "applied.patch")

    @property
    def label(self):
        """What tells the variants apart: "7.1", "7.1-full", "7.1-unpatched", "7.1-1f3870be"."""
        parts = [self.series, self.profile if self.profile != "demo" else ""]
        parts.append("" if self.patched else "unpatched")
        parts.append(_digest(self.options)[:8] if self.options else "")
        return "-".join(part for part in parts if part)

    @property
    def twin(self):
        """The same build with the patch, in its usual place."""
        twin = replace(self, patched=True)
        return replace(twin, prefix=build_folder() / f"ffmpeg-{twin.label}")

    @property
    def configured_prefix(self):
        """The prefix that configure is told, which ends up in every object file.

        An unpatched build is told that of its twin, to share what the twin has compiled.
        """
        return self.prefix if self.patched else self.twin.prefix


def build(
    series=None,
    source=None,
    profile="demo",
    prefix=None,
    patched=True,
    configure_flags=(),
    jobs=None,
    update=False,
    make_current=True,
):
    """Builds and installs ffmpeg and ffprobe with the styletransfer filter.

    Nothing is done when the same inputs have already been built and installed.

    Args:
        series: of FFmpeg, a key of `ffmpeg_source.SERIES`; None: the source's, else the default.
        source: folder or tarball of FFmpeg's source code; None: fetched, see `ffmpeg_source`.
        profile: "demo", small and quick to build, or "full", for everyday use.
        prefix: folder to install into; None: one under `program.build_folder()`.
        patched: False leaves the filter out, to compare with.
        configure_flags: more options for FFmpeg's configure.
        jobs: compilers at a time; None: one for each processor.
        update: look for a newer release of the series than the one already fetched.
        make_current: make it what `program.ffmpeg_path` finds. Patched builds without a prefix or
            configure_flags of their own only.

    Returns:
        pathlib.Path: the installed ffmpeg.

    Raises:
        InputError, InputNotFoundError: an argument can't be used.
        BuildError: a step failed; the message has the end of the log and its path.
    """
    plan = _plan(series, source, profile, prefix, patched, tuple(configure_flags))
    plan.work.mkdir(parents=True, exist_ok=True)
    with _locked(plan.work) as lock:
        _require_packages()
        ffmpeg = _Steps(plan, lock, jobs or len(os.sched_getaffinity(0))).run(update)
    if make_current and prefix is None and patched and not configure_flags:
        _make_current(plan.prefix)
    return ffmpeg


def _plan(series, source, profile, prefix, patched, options):
    if profile not in PROFILES:
        raise InputError(f"no profile {profile!r}: expected one of {', '.join(PROFILES)}")
    if source is not None:
        source = Path(source).resolve()
        if not source.exists():
            raise InputNotFoundError(f"no FFmpeg source at {source}: no such file or folder")
        series = series or ffmpeg_source.series_of(source)
    series = series or ffmpeg_source.DEFAULT_SERIES
    if series not in ffmpeg_source.SERIES:
        known = ", ".join(ffmpeg_source.SERIES)
        raise InputError(f"no patch for FFmpeg {series}: expected one of the series {known}")
    plan = Build(series, source, profile, patched, options, Path(prefix or ".").resolve())
    if plan.prefix.exists() and not plan.prefix.is_dir():
        raise InputError(f"the prefix {plan.prefix} is not a folder")
    return plan if prefix else replace(plan, prefix=build_folder() / f"ffmpeg-{plan.label}")


class _Steps:
    """The steps of one build, in order. Each does nothing when its inputs have not changed."""

    def __init__(self, plan, lock, jobs):
        self.plan = plan
        self.lock = lock
        self.jobs = jobs
        self.stamps = _Stamps(plan.work / "stamps.json")

    def run(self, update):
        plan = self.plan
        ffmpeg = plan.prefix / "bin" / "ffmpeg"
        origin, identity = self._find_source(update)
        options = [
            f"--prefix={plan.configured_prefix}",
            *configure_options(plan.profile),
            *plan.options,
        ]
        ours = _our_sources() if plan.patched else {}
        source_key = _source_key(plan, identity)
        configure_key = _digest([source_key, options, _compiler()])
        build_key = _digest([configure_key, ours])
        if self.stamps.get("installed") == [build_key, _fingerprints(plan.prefix)]:
            _say(f"{ffmpeg} is up to date")
            return ffmpeg
        with plan.log.open("w", buffering=1, errors="backslashreplace") as self.log:
            self._unpack(origin, identity, source_key)
            self._configure(options, configure_key)
            self._compile(ours)
            self._install()
        self.stamps.set("installed", [build_key, _fingerprints(plan.prefix)])
        _say(f"{ffmpeg} is ready")
        return ffmpeg

    def _find_source(self, update):
        """The tarball or folder to build from, and what tells it from others."""
        source = self.plan.source
        if source is None:
            cache = build_folder() / "source"
            tarball = ffmpeg_source.fetch(self.plan.series, cache, update, _say)
            return tarball.path, tarball.sha256
        if source.is_dir():
            return source, ffmpeg_source.folder_digest(source)
        return source, ffmpeg_source.sha256_of(source)

    def _unpack(self, origin, identity, key):
        """The source code, patched, in `Build.tree`: all of it or none."""
        plan = self.plan
        if self.stamps.get("source") == key:
            return
        _say(f"unpacking {origin.name}")
        self.stamps.clear()
        draft = plan.work / "ffmpeg.draft"
        for leftover in (draft, plan.tree):
            shutil.rmtree(leftover, ignore_errors=True)
        if plan.patched or not self._copy_twin(draft, identity):
            copy = ffmpeg_source.copy_folder if origin.is_dir() else ffmpeg_source.unpack
            copy(origin, draft)
        found = ffmpeg_source.series_of(draft)
        if found != plan.series:
            raise InputError(f"{origin} is FFmpeg {found}, expected {plan.series}")
        if plan.patched:
            plan.applied.write_text(_fitting(plan.patch.read_text(), draft))
            self._patch(
                draft, "--forward", plan.applied, f"{plan.patch.name} does not fit {origin}"
            )
        draft.replace(plan.tree)
        self.stamps.set("source", key)

    def _patch(self, tree, direction, patch, failure):
        command = ["patch", "--strip=1", "--fuzz=0", "--batch", direction, f"--input={patch}"]
        self._run(command, tree, failure)

    def _copy_twin(self, draft, identity):
        """Starts an unpatched build from its complete twin: most of what that compiled fits."""
        twin = self.plan.twin
        if not twin.work.is_dir():
            return False
        with _locked(twin.work):
            stamps = _Stamps(twin.work / "stamps.json")
            is_whole = stamps.get("configured") and not stamps.get("compiling")
            if not is_whole or stamps.get("source") != _source_key(twin, identity):
                return False
            shutil.copytree(twin.tree, draft, symlinks=True)
        failure = f"{twin.patch.name} could not be taken back"
        self._patch(draft, "--reverse", twin.applied, failure)
        _copy_ours({}, draft / "libavfilter")
        return True

    def _configure(self, options, key):
        if self.stamps.get("configured") == key:
            return
        if absent := absent_libraries(self.plan.profile):
            _say(f"left out, for they are not installed here: {', '.join(absent)}")
        _say("configuring (half a minute)")
        self.stamps.set("configured", None)
        unknown = unknown_libraries(self.plan.profile, (self.plan.tree / "configure").read_text())
        if unknown:
            _say(
                f"left out, for FFmpeg {self.plan.series} has no use for them: {', '.join(unknown)}"
            )
        left_out = {f"--enable-{name}" for name in unknown} - set(self.plan.options)
        options = [option for option in options if option not in left_out]
        self._run(["./configure", *options], self.plan.tree, "FFmpeg's configure failed")
        self.stamps.set("configured", key)

    def _compile(self, ours):
        tree = self.plan.tree
        if self.stamps.get("compiling"):
            _drop_half_written(tree)
        _copy_ours(ours, tree / "libavfilter")
        make = ["make", f"-j{self.jobs}", "V="]
        steps = self._run([*make, "--dry-run"], tree, "make failed").count('printf "')
        _say(f"compiling: {steps} steps, {self.jobs} at a time")
        self.stamps.set("compiling", True)
        with tqdm(total=steps, unit="file", disable=None, leave=False) as bar:
            self._run(make, tree, "the compilation failed", lambda line: bar.update())
        self.stamps.set("compiling", None)

    def _install(self):
        """Puts the files into the prefix, each whole: written beside, flushed, renamed."""
        _say(f"installing into {self.plan.prefix}")
        stage = self.plan.work / "stage"
        shutil.rmtree(stage, ignore_errors=True)
        targets = ["install-progs", "install-data", "install-doc"]
        self._run(
            ["make", *targets, f"DESTDIR={stage}", "V="], self.plan.tree, "make install failed"
        )
        staged = stage / self.plan.configured_prefix.relative_to("/")
        for file in sorted(path for path in staged.rglob("*") if path.is_file()):
            _replace(file, self.plan.prefix / file.relative_to(staged))
        shutil.rmtree(stage)

    def _run(self, command, cwd, failure, on_line=None):
        """Runs a command of the build with its output in the log; returns the output.

        The command inherits the lock: when only this process is killed, the next build waits for
        what is still at work in the folder.
        """
        self.log.write(f"$ {shlex.join(command)}\n")
        self.log.flush()
        output = []
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=_environment(self.plan.work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
            pass_fds=[self.lock],
        ) as process:
            try:
                for line in process.stdout:
                    self.log.write(line)
                    output.append(line)
                    if on_line:
                        on_line(line)
            except BaseException:
                process.terminate()  # make ends its compilers
                raise
        if process.returncode:
            raise self._failed(failure, output)
        return "".join(output)

    def _failed(self, failure, output):
        if full := FULL.search("".join(output)):
            return full_disk(self.plan.work, full[0])
        return BuildError(
            f"{failure}:\n{''.join(output[-LOG_TAIL:])}The whole log: {self.plan.log}"
        )


class _Stamps:
    """What is complete, on disk: a stamp is there or not, at whatever point a build is killed."""

    def __init__(self, path):
        self.path = path
        self.stamps = {}
        with contextlib.suppress(OSError, ValueError):
            self.stamps = json.loads(path.read_text())

    def get(self, name):
        return self.stamps.get(name)

    def set(self, name, value):
        self.stamps[name] = value
        self._write()

    def clear(self):
        self.stamps = {}
        self._write()

    def _write(self):
        draft = self.path.with_suffix(".tmp")
        draft.write_text(json.dumps(self.stamps))
        draft.replace(self.path)


@contextlib.contextmanager
def _locked(folder):
    """Holds the folder against other builds; gives the lock's file descriptor."""
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"waiting for another build in {folder}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _say(text):
    print(f"ffmpeg-style: {text}", file=sys.stderr, flush=True)


def _digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _fitting(patch, tree):
    """The patch, without its new version of libavfilter where a release has brought one itself."""
    parts = re.split(r"(?m)^(?=diff --git )", patch)
    version = next(part for part in parts if part.startswith(f"diff --git a/{VERSION} "))
    numbers = re.findall(r"^-(#define .*)$", version, re.MULTILINE)
    file = tree / VERSION
    if file.is_file() and not set(numbers) <= set(file.read_text().splitlines()):
        parts.remove(version)
    return "".join(parts)


def _source_key(plan, identity):
    return _digest([identity, plan.patch.read_text() if plan.patched else ""])


def _environment(work):
    """The environment, less what a make or a git around this build would tell its own."""
    environment = {key: value for key, value in os.environ.items() if key not in _FOREIGN_VARIABLES}
    return environment | {"LC_ALL": "C", "GIT_CEILING_DIRECTORIES": str(work)}


def _compiler():
    return subprocess.run(["gcc", "--version"], capture_output=True, text=True).stdout


def _tensorflow_library():
    """The library of this Python's TensorFlow; "" without one."""
    library = Path(tensorflow_folder() or "") / TENSORFLOW_LIBRARY
    return str(library) if library.is_absolute() and library.exists() else ""


def _our_sources():
    """The filter and its engine: {path in libavfilter: text}."""
    csrc = project_folder("csrc")
    files = {
        f"{ENGINE}/{path.relative_to(csrc).as_posix()}": path.read_text()
        for path in sorted(csrc.rglob("*.[ch]"))
    }
    files[FILTER] = files.pop(f"{ENGINE}/{FILTER}")
    files[f"{ENGINE}/Makefile"] = (csrc / "libavfilter.mak").read_text()
    library = json.dumps(_tensorflow_library(), ensure_ascii=False)  # written like a string in C
    files[DEFAULT_LIBRARY] = f"#define FF_STYLE_TENSORFLOW_DEFAULT {library}\n"
    return files


def _copy_ours(files, libavfilter):
    """Makes libavfilter hold just these files of ours; make compiles again what has changed."""
    for path in [libavfilter / FILTER, *(libavfilter / ENGINE).rglob("*.[ch]")]:
        if path.relative_to(libavfilter).as_posix() not in files:
            path.unlink(missing_ok=True)
    for name, text in files.items():
        path = libavfilter / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _drop_half_written(tree):
    """Deletes what make made in the minute before it was killed: any of it may be half a file."""
    products = {
        path: path.stat().st_mtime
        for path in tree.rglob("*")
        if path.suffix in {".o", ".a", ".d"} or path.name.removesuffix("_g") in _PRODUCED_PROGRAMS
    }
    last = max(products.values(), default=0)
    for path, written in products.items():
        if written >= last - HALF_WRITTEN:
            path.unlink()


def _replace(file, target):
    """Copies a file over another: whoever opens `target` gets the old or the new one, whole."""
    draft = target.with_name(f".{target.name}.draft")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, draft)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InputError(
            f"can't install {target}: {error.strerror}; choose another --prefix"
        ) from error


def _fingerprints(prefix):
    """Tells the installed programs from others: their sizes and times, none for a missing one."""
    found = []
    for name in ("ffmpeg", "ffprobe"):
        with contextlib.suppress(OSError):
            status = (prefix / "bin" / name).stat()
            found.append([name, status.st_size, status.st_mtime_ns])
    return found


def _make_current(prefix):
    """Makes the prefix the one where `program.ffmpeg_path` looks."""
    link = build_folder() / "current"
    draft = link.with_name(f".current-{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(prefix.name)
    draft.replace(link)


def _require_packages():
    """Installs the system's packages that are missing, where that is ours to do."""
    missing = missing_packages()
    if not missing:
        return
    if not can_install():
        raise InputError(
            f"the build needs packages that are not installed: {install_line(missing)}"
        )
    _say(f"installing {' '.join(missing)}")
    install(missing)
