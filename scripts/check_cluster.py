"""A film on a cluster whose parts are killed: `make check-cluster`.

Workers are killed ten times, the client five times, the scheduler three times, and once the disk is
full; what launchers do on real clusters is done here: what ended is started again. In the end the
film must be that of one machine, and no finished piece painted again but for those that were lost:
those that were painted, and had not got their name yet. That is one piece for a worker that ends,
and one for each worker where the command or the scheduler ends: what works goes on then, beside the
one that the next command orders. Most often it is none.
"""

import argparse
import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from ffmpeg_style import stylize
from ffmpeg_style.cluster.client import WORK
from ffmpeg_style.ffmpeg.program import ffmpeg_path

LOSSLESS = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast", "-bf", "2")
COUNTING = """#!/bin/sh
case "$*" in *styletransfer=*) ;; *) exec {ffmpeg} "$@" ;; esac
while [ "$(ls -d {pieces}/*/[!.]* 2> /dev/null | wc -l)" -ge "$(cat {gate})" ]; do sleep 0.1; done
setpriv --pdeathsig KILL -- {ffmpeg} "$@" && echo "$*" >> {log}
"""
MOST = 10**6
"""Pieces: more than there are."""
WORKERS = 2


class Cluster:
    """A scheduler and workers, started again when they end."""

    def __init__(self, workers, environment):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
        self._commands = {
            "scheduler": [*dask, "--port", port, "--dashboard-address", "127.0.0.1:0"]
        }
        for number in range(workers):
            worker = [sys.executable, "-m", "distributed.cli.dask_worker", self.address]
            options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60"]
            self._commands[f"worker {number}"] = [*worker, *options]
        self._environment = environment
        self._processes = {}
        self.keep()

    def keep(self):
        """Starts what is not running."""
        for name, command in self._commands.items():
            if name not in self._processes or self._processes[name].poll() is not None:
                self._processes[name] = subprocess.Popen(
                    command,
                    env=self._environment,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def kill(self, name):
        """As a machine that loses its power."""
        self._processes[name].kill()
        self._processes[name].wait()

    def close(self):
        """Ends all of it."""
        self._commands = {}
        for process in self._processes.values():
            process.kill()
            process.wait()


class Gate:
    """No painting begins once there are so many pieces: a fast machine is not done too early."""

    def __init__(self, path):
        self.path = path
        self.open(MOST)

    def open(self, pieces):
        """Lets paintings begin until there are so many pieces."""
        draft = self.path.with_suffix(".draft")
        draft.write_text(str(pieces))
        draft.replace(self.path)


def counting_ffmpeg(folder, pieces, gate):
    """An ffmpeg that waits at a gate, and notes each painting that it has finished.

    Returns its path and that of the notes.
    """
    real, log = ffmpeg_path(), folder / "painted.log"
    (folder / "bin").mkdir()
    script = folder / "bin" / "ffmpeg"
    script.write_text(COUNTING.format(ffmpeg=real, log=log, pieces=pieces, gate=gate.path))
    script.chmod(0o755)
    (folder / "bin" / "ffprobe").symlink_to(real.with_name("ffprobe"))
    log.touch()
    return script, log


def frames(path):
    """A checksum and the time of each decoded frame."""
    command = [ffmpeg_path(), "-v", "error", "-i", path, "-map", "0:v:0", "-f", "framemd5", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


class Story:
    """What happens to a film, and how often."""

    def __init__(self, folder, source, target, model, environment, gate):
        self._target, self._work, self._gate = target, target.parent / WORK / "pieces", gate
        self._cluster = Cluster(WORKERS, environment)
        self._command = [
            *(sys.executable, "-m", "ffmpeg_style", "stylize", source, "-o", target),
            *("--model", model, "--steady", "0", "--cluster", self._cluster.address),
            *("--piece", "1", "--", *LOSSLESS),
        ]
        self._environment, self._log = environment, folder / "client.log"
        self._client = None

    def start_client(self):
        """Gives the order, again where it was given."""
        with self._log.open("w") as log:
            self._client = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def finished(self):
        """How many pieces are there."""
        return len(list(self._work.glob("*/[!.]*"))) if self._work.exists() else 0

    def go(self, kills, limit):
        """Kills one thing after each piece or two, until the film is there."""
        self._gate.open(1 if kills else MOST)
        self.start_client()
        deadline, seen = time.monotonic() + limit, 0
        while self._client.poll() is None or self._client.returncode != 0:
            assert time.monotonic() < deadline, f"it hangs: {self._log.read_text()}"
            assert not self._target.exists() or not kills, "the film is there too early"
            self._cluster.keep()
            if self._client.poll() is not None:
                print("the client said:", self._log.read_text().strip().splitlines()[-1:])
                self.start_client()
            if kills and self.finished() > seen:
                time.sleep(random.uniform(0, 0.5))
                self._happen(kills.pop(0))
                seen = self.finished()
                self._gate.open(seen + 1 if kills else MOST)
            time.sleep(0.05)
        assert not kills, f"the film was there before {kills}"

    def _happen(self, what):
        print(f"{self.finished()} pieces are there: {what} is killed", flush=True)
        if what == "client":
            os.killpg(self._client.pid, signal.SIGKILL)
            self._client.wait()
        else:
            self._cluster.kill(what)

    def close(self):
        """Ends all of it."""
        self._cluster.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._client.pid, signal.SIGKILL)


def full_disk(folder, environment, source, model):
    """What a full disk says; the folder is a file system of three megabytes."""
    place = folder / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], check=True)
    try:
        command = [
            sys.executable,
            "-m",
            "ffmpeg_style",
            "stylize",
            source,
            "-o",
            place / "film.mkv",
        ]
        command += ["--model", model, "--cluster", "local:2", "--piece", "2", "--steady", "0"]
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        names = [path.name for path in place.iterdir() if path.name != WORK]
        return result.returncode, result.stderr.strip().splitlines()[-1], names
    finally:
        subprocess.run(["umount", place], check=True)


def main():
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="wave-fast")
    parser.add_argument("--workers", type=int, default=10, help="how often workers are killed")
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--schedulers", type=int, default=3)
    parser.add_argument("--limit", type=int, default=900, help="seconds until it is taken to hang")
    options = parser.parse_args()
    kills = [f"worker {n % WORKERS}" for n in range(options.workers)]
    kills += ["client"] * options.clients + ["scheduler"] * options.schedulers
    random.Random(1).shuffle(kills)
    seconds = 2 * (len(kills) + 4)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        source, single, joined = (folder / name for name in ("in.mp4", "single.mkv", "out.mkv"))
        make = ["-f", "lavfi", "-i", f"testsrc2=s=160x96:r=25:d={seconds},format=yuv420p"]
        make += ["-f", "lavfi", "-i", f"sine=r=48000:d={seconds}", "-g", "50", "-bf", "3", source]
        subprocess.run([ffmpeg_path(), "-v", "error", *make], check=True)
        stylize(source, single, options.model, steady=0, encoder_options=LOSSLESS)
        gate = Gate(folder / "gate")
        script, log = counting_ffmpeg(folder, folder / WORK / "pieces", gate)
        environment = os.environ | {"FFMPEG_STYLE_FFMPEG": str(script)}
        if options.workers >= 10:
            code, says, left = full_disk(folder, environment, source, options.model)
            print(f"a full disk: {says}")
            assert code == 1 and "No space left on device" in says and not left
            log.write_text("")
        story = Story(folder, source, joined, options.model, environment, gate)
        begin = time.monotonic()
        try:
            story.go(list(kills), options.limit)
        finally:
            story.close()
        ends = re.findall(r"trim=\S*?end=[\d.]+|trim=start=[\d.]+", log.read_text())
        again = {end: times for end, times in Counter(ends).items() if times > 1}
        assert frames(joined) == frames(single), "the film is not that of one machine"
        print(
            f"{len(kills)} kills in {time.monotonic() - begin:.0f} s: the same film;"
            f" {len(set(ends))} pieces, {sum(again.values()) - len(again)} painted again"
        )
        lost = sum(1 if kill.startswith("worker") else WORKERS for kill in kills)
        assert sum(again.values()) - len(again) <= lost


if __name__ == "__main__":
    main()
