"""What the benchmark's speeds are worth nothing without: precision, memory, the first frame.

``make bench-limits`` measures the shipped models and writes tables into the page of this kind of
processor in ``docs/``:

- how far bfloat16, or integers, are from float32 on the test photographs, as PSNR, where auto takes
  them;
- the memory of ffmpeg with the filter at large sizes, after few frames and after thrice as many;
- the time to the first painted frame, and where it goes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
from PIL import Image

from bench.build import MODELS, ROOT, prepare, psnr
from bench.contenders import Case, Contender, filter_command
from bench.measure import WARM_UP, measure
from bench.report import Pages, kind_of, table, write_between
from ffmpeg_style import Engine
from ffmpeg_style.errors import StyleError
from ffmpeg_style.ffmpeg.build import TENSORFLOW_LIBRARY
from ffmpeg_style.folders import assets_folder
from ffmpeg_style.graphs.tensorflow_library import tensorflow_folder
from ffmpeg_style.learning.processor import cpu_flags

LARGE = ((1920, 1080), (3840, 2160))
FEW, MANY = WARM_UP + 3, 3 * (WARM_UP + 3)
FIRST = (640, 360)
NAMES = {"bf16": "bfloat16", "int16": "16-bit integers"}


def precision_table():
    """What auto takes against float32: the worst and the mean photograph."""
    photographs = sorted((assets_folder() / "content" / "test").glob("*.jpg"))
    frames = [np.asarray(Image.open(path).convert("RGB")) for path in photographs]
    rows = []
    for model in sorted((ROOT / "models").glob("*.pb")):
        with Engine(model, precision="fp32") as exact, Engine(model) as rounded:
            found = [psnr(rounded(frame), exact(frame)) for frame in frames]
        rows.append([model.stem, f"{min(found):.1f}", f"{np.mean(found):.1f}"])
    return table(["model", f"worst of {len(frames)}, dB", "mean, dB"], rows)


def filter_contender(precision):
    """The filter, into nothing."""
    return Contender(precision, None, ("null",), filter_command(precision))


def memory_table(tools):
    """Resident memory of ffmpeg with the filter."""
    rows = []
    for architecture in MODELS:
        for size in LARGE:
            for precision in ("auto", "fp32"):
                case = Case(architecture, *size, "null")
                found = [
                    measure(filter_contender(precision), case, tools, frames)["memory_mb"]
                    for frames in (FEW, MANY)
                ]
                rows.append([architecture, case.size, precision, *(f"{mb:.0f}" for mb in found)])
    frames = [f"MB, {count} frames" for count in (FEW, MANY)]
    return table(["network", "size", "precision", *frames], rows)


def first_frame_table(tools):
    """Seconds from the start of ffmpeg to the first painted frame, and the engine's part."""
    rows = []
    for architecture, model in tools.models.items():
        case = Case(architecture, *FIRST, "null")
        found = [measure(filter_contender("auto"), case, tools, FEW) for _ in range(3)]
        command = [tools.engine, model, *map(str, (*FIRST, 1))]
        engine = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        seconds = (min(each["first_s"] for each in found), engine["open_s"], engine["first_s"])
        rows.append([architecture, *(f"{second:.2f}" for second in seconds)])
    header = ["network", "first frame, s", "TensorFlow and model loaded, s", "one frame, s"]
    return table(header, rows)


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=ROOT / "docs",
    help="Of the page that the tables are written into.",
)
def main(folder):
    """Measure precision, memory and the first frame, and write the tables into a page."""
    os.environ["FFMPEG_STYLE_TENSORFLOW"] = str(Path(tensorflow_folder()) / TENSORFLOW_LIBRARY)
    tools = prepare(MODELS, (FIRST, *LARGE))
    titled = {
        "Memory of ffmpeg with the filter, resident": memory_table(tools),
        f"The first frame, {FIRST[0]}x{FIRST[1]}": first_frame_table(tools),
    }
    with Engine(sorted((ROOT / "models").glob("*.pb"))[0]) as engine:
        precision = engine.precision
    if precision != "fp32":
        titled[f"{NAMES[precision]} against float32, on the test photographs"] = precision_table()
    text = "\n\n".join(f"### {title}\n\n{found}" for title, found in titled.items())
    heading = "## Precision, memory, the first frame"
    write_between(Pages(folder, kind_of(cpu_flags())).page, "limits", f"{heading}\n\n{text}")
    print(text)


if __name__ == "__main__":
    try:
        main()
    except StyleError as error:
        sys.exit(f"bench.limits: {error}")
