"""How much of one process's speed two workers of one processor each keep: `make cluster-speed`.

A clip in one process and on the workers, in turn; then many small clips on the workers beside one
clip of the same frames.
"""

import argparse
import logging
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from distributed import Client, LocalCluster

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


def used():
    """Seconds of processors that this process took, and those that it waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in whose)


def timed(client, function):
    """Seconds that a call takes, and those of processors here and in the workers."""
    begin, before = time.monotonic(), used() + sum(client.run(used).values())
    function()
    return time.monotonic() - begin, used() + sum(client.run(used).values()) - before


def compare(what, one, other):
    """How much of one's throughput the other has, by the clock and by the processors."""
    print(
        f"{what}: {one[0]:.1f} and {other[0]:.1f} s, {one[0] / other[0]:.3f} of its throughput;"
        f" processors {one[1]:.1f} and {other[1]:.1f} s, {one[1] / other[1]:.3f}",
        flush=True,
    )


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
        Client(local, set_as_default=False) as client,
    ):
        folder, address = Path(folder), local.scheduler_address
        clip = make(folder / "clip.mp4", options.seconds, options.size)
        target = folder / "single.mp4"
        for _ in range(options.rounds):
            single = timed(client, lambda: stylize(clip, target, options.model, overwrite=True))
            joined = timed(client, lambda: on_cluster([clip], folder / "a", options.model, address))
            compare(f"{options.seconds} s by one process, by two workers", single, joined)
        if options.clips:
            seconds = options.clip_seconds
            clips = [
                make(folder / f"{n}.mp4", seconds, options.size, n % 50)
                for n in range(options.clips)
            ]
            whole = make(folder / "whole.mp4", options.clips * seconds, options.size)
            many = timed(client, lambda: on_cluster(clips, folder / "b", options.model, address))
            one = timed(client, lambda: on_cluster([whole], folder / "c", options.model, address))
            compare(f"a clip of {options.clips * seconds:g} s, {options.clips} clips", one, many)


if __name__ == "__main__":
    main()
