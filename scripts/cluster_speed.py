"""How much of one process's speed two workers of one processor each keep: `make cluster-speed`.

A clip in one process and on the workers, in turn; then many small clips on the workers beside one
clip of the same frames.
"""

import argparse
import logging
import subprocess
import tempfile
import time
from pathlib import Path

from distributed import LocalCluster

from ffmpeg_style import stylize
from ffmpeg_style.cluster.client import paint_on_cluster
from ffmpeg_style.cluster.worker import OwnProcessors
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.ffmpeg.sources import Work


def make(path, seconds, size, begin=0):
    """A clip that moves, with sound."""
    pictures = f"testsrc2=s={size}:r=25:d={begin + seconds},trim=start={begin},setpts=PTS-STARTPTS"
    command = [
        ffmpeg_path(),
        "-y",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        f"{pictures},format=yuv420p",
    ]
    command += ["-f", "lavfi", "-i", f"sine=r=48000:d={seconds}", path]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    return path


def timed(function):
    """Seconds that a call takes."""
    begin = time.monotonic()
    function()
    return time.monotonic() - begin


def on_cluster(sources, folder, model, address):
    """Paints sources into a folder."""
    works = [Work(str(source), str(folder / source.name)) for source in sources]
    outcomes = list(paint_on_cluster(works, model, address, overwrite=True, progress=False))
    assert len(outcomes) == len(works) and not any(outcome.error for outcome in outcomes)


def main():
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="wave-fast")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--clip-seconds", type=float, default=4)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    workers = dict(n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=":0")
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(**workers, silence_logs=logging.CRITICAL, plugins=[OwnProcessors(2)]) as local,
    ):
        folder, address = Path(folder), local.scheduler_address
        clip = make(folder / "clip.mp4", options.seconds, options.size)
        for _ in range(options.rounds):
            single = timed(
                lambda: stylize(clip, folder / "single.mp4", options.model, overwrite=True)
            )
            joined = timed(lambda: on_cluster([clip], folder / "out", options.model, address))
            print(
                f"{options.seconds} s: one process {single:.1f} s, two workers {joined:.1f} s:"
                f" {single / joined:.3f} of its throughput",
                flush=True,
            )
        if options.clips:
            clips = [
                make(folder / f"{n}.mp4", options.clip_seconds, options.size, n % 50)
                for n in range(options.clips)
            ]
            total = options.clips * options.clip_seconds
            whole = make(folder / "whole.mp4", total, options.size)
            many = timed(lambda: on_cluster(clips, folder / "many", options.model, address))
            one = timed(lambda: on_cluster([whole], folder / "one", options.model, address))
            print(
                f"{options.clips} clips of {options.clip_seconds:g} s {many:.1f} s, one of"
                f" {total:g} s {one:.1f} s: {one / many:.3f} of its throughput",
                flush=True,
            )


if __name__ == "__main__":
    main()
