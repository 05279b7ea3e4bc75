"""What the filter costs those who don't use it: ``startup.py [RUNS]``.

Builds ffmpeg with the patch and without, from the same source with the same options, and measures
`ffmpeg -version` and a short job without the filter with both in turn. Fails if a median differs by
more than LIMIT.
"""

import statistics
import subprocess
import sys
import time

from ffmpeg_style.ffmpeg.build import build

RUNS = 100
LIMIT = 0.020  # seconds
COMMANDS = {
    "ffmpeg -version": ("-version",),
    "a job of 10 frames": (
        *("-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.4"),
        *("-vf", "hue=s=0", "-c:v", "libx264", "-preset", "ultrafast", "-f", "null", "-"),
    ),
}


def main(runs):
    """Prints a line for each command; returns whether all are within the limit."""
    programs = {"unpatched": build(patched=False), "patched": build()}
    worst = 0
    for name, arguments in COMMANDS.items():
        seconds = {kind: [] for kind in programs}
        for _ in range(runs):
            for kind, program in programs.items():
                seconds[kind].append(time_of([program, *arguments]))
        median = {kind: statistics.median(values) for kind, values in seconds.items()}
        difference = median["patched"] - median["unpatched"]
        worst = max(worst, difference)
        print(
            f"{name}: unpatched {median['unpatched'] * 1000:.1f} ms, "
            f"patched {median['patched'] * 1000:.1f} ms, difference {difference * 1000:+.1f} ms"
        )
    return worst <= LIMIT


def time_of(command):
    """Seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    if not main(int(sys.argv[1]) if sys.argv[1:] else RUNS):
        sys.exit(f"startup: more than {LIMIT * 1000:.0f} ms slower than the unpatched ffmpeg")
