"""Files that are whole or not there."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from ffmpeg_style.errors import StorageError
from ffmpeg_style.files import (
    DRAFT,
    SECONDS_OF_SILENCE,
    atomic_path,
    atomic_write,
    remove_dead_drafts,
)

WRITER = """
import signal, sys
from ffmpeg_style.files import atomic_write
with atomic_write(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("half", flush=True)
    signal.pause()
"""


def test_drafts_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path):
    living, dead = (
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / name], stdout=subprocess.PIPE)
        for name in ("living", "dead")
    )
    try:
        assert living.stdout.readline() == dead.stdout.readline() == b"half\n"
        dead.kill()
        dead.wait()
        assert len(list(tmp_path.glob(f"{DRAFT}*"))) == 2
        with atomic_write(tmp_path / "other") as file:
            file.write(b"whole")
            assert len(list(tmp_path.glob(f"{DRAFT}*"))) == 2, "its own and the living one's"
    finally:
        living.kill()
        dead.kill()
        living.communicate()
        dead.communicate()
    assert (tmp_path / "other").read_bytes() == b"whole"


def test_a_draft_of_another_machine_is_removed_when_it_was_silent_for_long(tmp_path):
    """Its lock is not seen on a folder that machines share."""
    draft = tmp_path / f"{DRAFT}00000000-abc.mp4"
    draft.write_bytes(b"half")
    remove_dead_drafts(tmp_path)
    assert draft.exists()
    os.utime(draft, (time.time(), time.time() - SECONDS_OF_SILENCE - 60))
    remove_dead_drafts(tmp_path)
    assert not draft.exists()


def test_a_full_disk_is_one_sentence_and_the_old_file_stays(tmp_path):
    target = tmp_path / "good"
    target.write_bytes(b"good")
    full = pytest.raises(StorageError, match=r"good can't be written: .*; make room")
    with full, atomic_path(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert target.read_bytes() == b"good" and list(tmp_path.iterdir()) == [target]


def test_a_command_on_a_full_disk_ends_with_one_sentence(tmp_path):
    """A limit of the process stands in for the disk's."""
    code = (
        "import os, sys, click\n"
        "from ffmpeg_style import cli\n"
        "@cli.main.command('fill')\n"
        "def fill():\n"
        "    open(sys.argv[2], 'wb').write(bytes(100_000))\n"
        "cli.CommandModules.get_command = lambda *_: fill\n"
        "cli.main(['fill'])"
    )

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    result = subprocess.run(
        [sys.executable, "-c", code, "fill", tmp_path / "file"],
        preexec_fn=limit,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "File too large" in result.stderr and result.stderr.count("\n") == 1
