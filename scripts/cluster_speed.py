"""How much of the speed of one process two workers of one processor keep: for `make bench-cluster`.

A clip in one process and on the workers, in turn; then many small clips on the workers beside one
clip of the same frames.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from distributed import Client

from ffmpeg_style import stylize
from ffmpeg_style.cluster.client import paint_on_cluster
from ffmpeg_style.cluster.worker import local_workers
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.ffmpeg.sources import Work


def run(*options):
    """Runs ffmpeg."""
    command = [ffmpeg_path(), "-y", "-v", "error", *options]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)


def make(folder, seconds, count, size):
    """A film that moves, with sound, and the clips that it is cut into."""
    film, length = folder / "film.mp4", seconds * count
    pictures = f"testsrc2=s={size}:r=25:d={length},format=yuv420p"
    inputs = ["-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", f"sine=r=48000:d={length}"]
    frames = f"{25 * seconds:g}"
    coding = ["-preset", "ultrafast", "-g", frames, "-keyint_min", frames, "-sc_threshold", "0"]
    run(*inputs, *coding, film)
    clips = folder / "clips"
    clips.mkdir()
    cut = ["-f", "segment", "-segment_time", f"{seconds:g}", "-reset_timestamps", "1"]
    run("-i", film, "-c", "copy", *cut, clips / "%d.mp4")
    return film, sorted(clips.iterdir())


def used():
    """Seconds of processors that this process took, and those that it waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(who)[:2]) for who in whose)


def timed(client, what, function):
    """Seconds that a call takes, and those of processors here and in the workers."""
    begin, before = time.monotonic(), used() + sum(client.run(used).values())
    function()
    took = time.monotonic() - begin, used() + sum(client.run(used).values()) - before
    print(f"{what}: {took[0]:.1f} s, {took[1]:.1f} s of processors", flush=True)
    return took


def compare(one, other):
    """How much of one's throughput the other has, by the clock and by the processors."""
    clock, processors = (first / second for first, second in zip(one, other, strict=True))
    print(f"  {clock:.3f} of its throughput by the clock, {processors:.3f} by the processors")


def on_cluster(sources, folder, model, address):
    """Paints sources into a folder."""
    works = [Work(str(source), str(folder / source.name)) for source in sources]
    outcomes = list(paint_on_cluster(works, model, address, overwrite=True, progress=False))
    assert len(outcomes) == len(works) and not any(outcome.error for outcome in outcomes)


def main():
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="wave-fast")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--clip-seconds", type=float, default=2)
    parser.add_argument("--size", default="640x360")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        local_workers(2) as address,
        Client(address, set_as_default=False) as client,
    ):
        folder = Path(folder)
        film, clips = make(folder, options.clip_seconds, options.clips, options.size)
        clip, target = folder / "clip.mp4", folder / "single.mp4"
        run("-i", film, "-t", f"{options.seconds:g}", "-c", "copy", clip)

        def paint(what, *sources):
            return timed(
                client,
                f"{what} by two workers",
                lambda: on_cluster(sources, folder / "out", options.model, address),
            )

        what = f"{options.seconds:g} s"
        single = timed(
            client, f"{what} by one process", lambda: stylize(clip, target, options.model)
        )
        compare(single, paint(what, clip))
        whole = paint(f"one film of {options.clips * options.clip_seconds:g} s", film)
        compare(whole, paint(f"{options.clips} clips", *clips))


if __name__ == "__main__":
    main()
