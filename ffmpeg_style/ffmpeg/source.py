"""FFmpeg's source code: found, verified, and unpacked.

A series, such as 7.1, comes from Debian's source package if this machine is a Debian with a mirror
that has it, else as the official release. Only the tarball as FFmpeg released it is taken, not
Debian's few changes to it: so both ways give the same bytes, and one patch fits both.
"""

import contextlib
import hashlib
import json
import lzma
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from dataclasses import asdict, dataclass
from functools import cmp_to_key
from pathlib import Path

from ffmpeg_style.errors import BuildError, InputError
from ffmpeg_style.files import blocks


@dataclass(frozen=True)
class Series:
    """One series of FFmpeg's releases."""

    debian: str  # the suite of Debian that carries it
    release: str  # the release that is pinned here
    sha256: str  # of that release's ffmpeg-RELEASE.tar.xz


# The sums are those of the tarballs whose signature by FFmpeg's release key
# (FCF986EA15E6E293A5644F10B4322F04D67658D8) was verified when they were written here.
SERIES = {
    "5.1": Series(
        "bookworm", "5.1.9", "d9b593bb2ba93d4b50f74177e0cdcd41747e708596367deed0c30348a71dd176"
    ),
    "7.1": Series(
        "trixie", "7.1.5", "de668509caf9e35e3cd162473441fdb29538c6d96ed080292b3cf9e6fc5d558f"
    ),
    "8.1": Series(
        "sid", "8.1.2", "464beb5e7bf0c311e68b45ae2f04e9cc2af88851abb4082231742a74d97b524c"
    ),
    "9.0": Series(
        "sid", "9.0.2", "8c3850283eb25fa026482078a04051e0be17347b09ef81a0849bec15a96e002e"
    ),
}
DEFAULT_SERIES = "7.1"  # the newest in Debian's stable suite

DEBIAN_SUITES = {
    *("oldoldstable", "oldstable", "stable", "testing", "unstable", "experimental"),
    *("buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid"),
}
OFFICIAL = "https://ffmpeg.org/releases/ffmpeg-{release}.tar.xz"
PACKAGED_KEYRING = "usr/share/keyrings/debian-archive-keyring.gpg"  # in debian-archive-keyring
KEYRING = Path("/", PACKAGED_KEYRING)
MAX_FILES = 100_000  # in an unpacked source; FFmpeg 9.0 has 10,000
MAX_BYTES = 1 << 30  # of them together; FFmpeg 9.0 has 100 MB
_LEFTOVERS = shutil.ignore_patterns(".git", "*.[oad]", "*.so*", "config.h", "config.mak")
TIMEOUT = 60  # seconds without a byte from a server


@dataclass(frozen=True)
class Tarball:
    """A verified tarball of FFmpeg's source."""

    path: Path
    version: str
    sha256: str
    origin: str  # "Debian trixie", "ffmpeg.org"


def sha256_of(path):
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    for block in blocks(path):
        digest.update(block)
    return digest.hexdigest()


# --- One tarball for a series -----------------------------------------------------------------


def fetch(series, cache, update=False, say=print):
    """The verified tarball of a series, from the cache, from Debian or from the official site.

    Args:
        series: a key of `SERIES`.
        cache: folder where tarballs are kept, and a log of what apt said.
        update: look for a newer release even when the cache holds one.
        say: called with a line on what is being done.

    Raises:
        BuildError: neither place has it; the message gives both reasons.
    """
    cached = _cached(series, cache)
    if cached and not update:
        return cached
    cache.mkdir(parents=True, exist_ok=True)
    reasons = []
    with (
        (cache / "apt.log").open("w") as log,
        tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as folder,
    ):
        for place, get in (("Debian", _from_debian), ("ffmpeg.org", _from_official_site)):
            say(f"asking {place} for the source of FFmpeg {series}")
            try:
                return _keep(get(series, Path(folder), log), series, cache)
            except BuildError as error:
                reasons.append(f"{place}: {error}")
    if cached:
        return cached
    raise BuildError(
        f"the source of FFmpeg {series} is not to be had; give a tarball or a folder with --source "
        f"({'; '.join(reasons)})"
    )


def _cached(series, cache):
    record = cache / f"ffmpeg-{series}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        tarball = Tarball(**json.loads(record.read_text()))
        tarball = Tarball(cache / tarball.path, *list(asdict(tarball).values())[1:])
        if sha256_of(tarball.path) == tarball.sha256:
            return tarball
    return None


def _keep(tarball, series, cache):
    """Moves a verified tarball into the cache; the record that makes it count comes last."""
    kept = cache / f"ffmpeg-{tarball.version}.tar.xz"
    tarball.path.replace(kept)
    record = cache / f"ffmpeg-{series}.json"
    draft = record.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(tarball) | {"path": kept.name}, indent=2))
    draft.replace(record)
    return Tarball(kept, tarball.version, tarball.sha256, tarball.origin)


def _from_official_site(series, folder, log):
    release, sha256 = SERIES[series].release, SERIES[series].sha256
    path = folder / "ffmpeg.tar.xz"
    try:
        with (
            urllib.request.urlopen(OFFICIAL.format(release=release), timeout=TIMEOUT) as answer,
            path.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
    except (OSError, urllib.error.URLError) as error:
        raise BuildError(f"release {release}: {getattr(error, 'reason', error)}") from error
    found = sha256_of(path)
    if found != sha256:
        raise BuildError(f"release {release} has SHA-256 {found}, expected {sha256}")
    return Tarball(path, release, sha256, "ffmpeg.org")


# --- Debian's source package --------------------------------------------------------------------


class AptRoot:
    """An apt with sources, lists and caches of its own, which leaves the machine's alone.

    It goes through the machine's proxies and mirrors, and verifies as apt does: the signature of
    the suite, the sum of its index, the sum of the file.
    """

    def __init__(self, folder, sources, log):
        self.log = log
        self.folder = folder
        self.downloads = folder / "download"
        for name in ("lists/partial", "cache/archives/partial", "download"):
            (folder / name).mkdir(parents=True)
        (folder / "sources.list").write_text("".join(f"{line}\n" for line in sources))
        (folder / "status").touch()
        # The hooks are the machine's: some clean its cache, some tell its desktop.
        (folder / "apt.conf").write_text(
            f'Dir::Etc::SourceList "{folder}/sources.list";\n'
            'Dir::Etc::SourceParts "/dev/null";\n'
            f'Dir::State "{folder}";\n'
            f'Dir::State::Lists "{folder}/lists";\n'
            f'Dir::State::Status "{folder}/status";\n'
            f'Dir::Cache "{folder}/cache";\n'
            f'Acquire::http::Timeout "{TIMEOUT}";\n'
            # No change to apt's own user, which may have no right to write into the folder.
            'APT::Sandbox::User "root";\n'
            "#clear APT::Update::Pre-Invoke;\n"
            "#clear APT::Update::Post-Invoke;\n"
            "#clear APT::Update::Post-Invoke-Success;\n"
        )

    def run(self, *command):
        """Runs one of apt's programs in the root; returns what it printed: (output, errors)."""
        program, *arguments = command
        result = subprocess.run(
            [program, "-c", self.folder / "apt.conf", *arguments],
            cwd=self.downloads,
            env=os.environ | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        self.log.write(f"$ {shlex.join(map(str, command))}\n{result.stderr}")
        return result.stdout, result.stderr

    def update(self):
        """Fetches and verifies the lists; returns apt's complaints."""
        _, stderr = self.run("apt-get", "-q", "update")
        return [line for line in stderr.splitlines() if line.startswith(("E:", "W:"))]

    def tarballs_of(self, package, version):
        """The upstream tarballs of a source package, oldest first.

        Args:
            package: its name.
            version: regular expression for upstream's version.

        Returns:
            list of (package's version, upstream's version, file name, SHA-256).
        """
        index, _ = self.run("apt-cache", "showsrc", "--only-source", package)
        tarball = re.compile(
            rf"^ ([0-9a-f]{{64}}) \d+ ({package}_({version})\.orig\.tar\.xz)$", re.M
        )
        found = set()
        for entry in index.split("\n\n"):
            full_version = re.search(r"^Version: (\S+)$", entry, re.M)
            for sha256, name, upstream in tarball.findall(entry):
                found.add((full_version[1], upstream, name, sha256))
        return sorted(found, key=cmp_to_key(lambda a, b: self._compare(a[0], b[0])))

    @staticmethod
    def _compare(version, other):
        newer = subprocess.run(["dpkg", "--compare-versions", version, "gt", other]).returncode == 0
        return 1 if newer else -1


def _debian_mirrors():
    """The mirrors of Debian that this machine's apt uses.

    Returns:
        {"": {(address, suite)}, "-security": {(address, suite)}}, less what there is none of.
    """
    try:
        command = ["apt-get", "--print-uris", "update"]
        answer = subprocess.run(command, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return {}
    mirrors = {}
    index = r"^'(\S+)/dists/((\w+?)(?:-updates|(-security))?)/main/binary-"
    for address, suite, name, kind in re.findall(index, answer, re.MULTILINE):
        if name in DEBIAN_SUITES:
            mirrors.setdefault(kind, set()).add((address, suite))
    return mirrors


def _source_line(kind, address, suite, keyring):
    # Whatever else is a mirror to this machine: what counts is Debian's own signature.
    signed_by = f"[signed-by={keyring}] " if keyring.exists() else ""
    return f"{kind} {signed_by}{address} {suite} main"


def _newest_keyring(mirrors, folder, log):
    """Debian's newest keyring, got by the keys that are here: it has the newer suites' keys."""
    here = [mirror for kind in mirrors.values() for mirror in kind]
    root = AptRoot(folder, [_source_line("deb", *mirror, KEYRING) for mirror in here], log)
    root.update()
    root.run("apt-get", "-q", "download", "debian-archive-keyring")
    for package in root.downloads.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, folder / "package"])
    return folder / "package" / PACKAGED_KEYRING


def _from_debian(series, folder, log):
    mirrors = _debian_mirrors()
    if not mirrors:
        raise BuildError("this machine's apt has no mirror of Debian")
    try:
        return _from_suite(series, mirrors, KEYRING, folder / "apt", log)
    except BuildError:
        keyring = _newest_keyring(mirrors, folder / "keyring", log)
        if not keyring.exists():
            raise
        return _from_suite(series, mirrors, keyring, folder / "apt-again", log)


def _from_suite(series, mirrors, keyring, folder, log):
    """The newest tarball of the series in the suite that has it."""
    suite = SERIES[series].debian
    sources = {
        _source_line("deb-src", address, suite + ending, keyring)
        for ending, kind in (("", ""), ("-updates", ""), ("-security", "-security"))
        for address, _ in mirrors.get(kind, ())
        if suite != "sid" or not ending
    }
    root = AptRoot(folder, sorted(sources), log)
    complaints = root.update()
    versions = root.tarballs_of("ffmpeg", rf"{re.escape(series)}(?:\.\d+)*")
    if not versions:
        raise BuildError(complaints[0] if complaints else f"{suite} has no FFmpeg {series}")
    package, version, name, sha256 = versions[-1]
    root.run("apt-get", "-q", "source", "--download-only", "--tar-only", f"ffmpeg={package}")
    path = root.downloads / name
    if not path.exists() or sha256_of(path) != sha256:
        raise BuildError(f"{suite}'s ffmpeg {package} could not be fetched whole")
    return Tarball(path, version, sha256, f"Debian {suite}")


# --- Unpacking ----------------------------------------------------------------------------------


def unpack(tarball, target):
    """Unpacks a tarball of source code from anywhere into a new folder.

    The tarball is a guest: only folders and ordinary files, nothing outside of the one folder at
    its top, no more than `MAX_FILES` and `MAX_BYTES`. Links, which FFmpeg has none of, are refused.

    Raises:
        InputError: it is no such tarball; the message names the entry. `target` is then not made.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as draft:
        with _readable(tarball), tarfile.open(tarball) as archive:
            _extract(archive, draft)
        tops = list(Path(draft).iterdir())
        if len(tops) != 1 or not (tops[0] / "configure").is_file():
            raise InputError(
                f"{tarball} holds no source code of FFmpeg: expected one folder with a configure"
            )
        tops[0].replace(target)


@contextlib.contextmanager
def _readable(tarball):
    """Turns what the readers of tar, gzip, bzip2 and xz raise about a bad file into one kind."""
    try:
        yield
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        reason = str(error).partition("\n")[0].rstrip(": ")
        raise InputError(f"{tarball} can't be unpacked: {reason}") from error


def _extract(archive, folder):
    files = size = 0
    for member in archive:
        files, size = files + 1, size + member.size
        if not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name!r} is neither a file nor a folder")
        if files > MAX_FILES or size > MAX_BYTES:
            raise tarfile.TarError(f"it holds more than {MAX_FILES} files or {MAX_BYTES} bytes")
        archive.extract(member, folder, filter="data")


def copy_folder(source, target):
    """Copies a folder of source code to a new one, without what git and a build left there."""
    if not (source / "configure").is_file():
        raise InputError(f"{source} holds no source code of FFmpeg: it has no configure")
    shutil.copytree(source, target, ignore=_LEFTOVERS, symlinks=True)


def folder_digest(folder):
    """Tells a state of a source folder from others, by the names, sizes and times of its files."""
    digest = hashlib.sha256()
    for path, folders, names in os.walk(folder):
        ignored = _LEFTOVERS(path, folders + names)
        folders[:] = sorted(set(folders) - ignored)
        for name in sorted(set(names) - ignored):
            status = Path(path, name).lstat()
            digest.update(f"{path}/{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def series_of(source):
    """The series of a source folder or tarball, from the RELEASE in it: "7.1"."""
    try:
        release = (source / "RELEASE").read_text() if source.is_dir() else _read_release(source)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source} holds no source code of FFmpeg: no RELEASE") from error
    return ".".join(release.strip().split(".")[:2])


def _read_release(tarball):
    with _readable(tarball), tarfile.open(tarball) as archive:
        for member in archive:
            if member.isfile() and re.fullmatch(r"[^/]+/RELEASE", member.name):
                return archive.extractfile(member).read(64).decode()
    raise FileNotFoundError("RELEASE")
