"""The benchmark: the filter beside what a user would take instead, on the same clip and weights.

``make bench`` takes 45 minutes; with ``BENCH="--sizes 256x256 --repeats 1"`` it is a short run.
All contenders of a case, one network at one size into one kind of output, are measured in turn
(A B A B ...), so that a slower or faster minute of the machine is shared by all. Writes the pages
of this machine's kind of processor in ``docs/``, and leaves those of other kinds as they are.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

import click
from tqdm import tqdm

from bench.build import MODELS, ROOT, prepare
from bench.contenders import SCRIPTS, SINKS, Case, contenders
from bench.graphs import multiply_adds
from bench.measure import WARM_UP, measure
from bench.report import KINDS, Pages, kind_of, update_pages, write_chart
from ffmpeg_style.errors import StyleError
from ffmpeg_style.ffmpeg.build import TENSORFLOW_LIBRARY
from ffmpeg_style.files import atomic_path
from ffmpeg_style.graphs.tensorflow_library import tensorflow_folder
from ffmpeg_style.learning.processor import cpu_flags, has_bfloat16_matrices

SIZES = ((256, 256), (640, 360), (1280, 720), (1920, 1080))
TRIAL_FRAMES = 6  # of the first run, which finds out how many a measurement takes
MOST_FRAMES = 5000
CLOSE_TIMES = 3  # in a round, for contenders whose difference is smaller than that of two minutes
DISTURBED = 0.1  # share of the processors that others may take; beyond it is measured again


def run_case(case, chosen, tools, repeats, seconds, progress):
    """The contenders in turn, `repeats` times, and a large matrix product with them.

    Returns their figures by name, as lists, and the list of the product's.
    """

    def run(contender, frames):
        progress.set_postfix_str(f"{case.architecture} {case.size} {case.sink} {contender.name}")
        figures = measure(contender, case, tools, frames)
        if figures["others"] > DISTURBED:
            figures = measure(contender, case, tools, frames)
        progress.update()
        return figures

    speeds = {contender.name: run(contender, TRIAL_FRAMES)["fps"] for contender in chosen}
    found = {contender.name: [] for contender in chosen}
    peaks = []
    for _ in range(repeats):
        peaks.append(measure_peak())
        for contender in one_round(chosen):
            frames = int(speeds[contender.name] * seconds)
            frames = WARM_UP + min(max(frames, TRIAL_FRAMES), MOST_FRAMES)
            found[contender.name].append(run(contender, frames))
    return found, peaks


def one_round(chosen):
    """The contenders of a round in their order; those that are close to each other come again."""
    close = [contender for contender in chosen if contender.close]
    return CLOSE_TIMES * close + [contender for contender in chosen if not contender.close]


def measure_peak():
    """GFLOP/s of large matrix products by precision."""
    command = [sys.executable, str(SCRIPTS / "peers.py"), "peak"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def describe_machine():
    """What the figures depend on, as a dict of strings and numbers."""
    from tensorflow import __version__ as tensorflow_version

    information = Path("/proc/cpuinfo").read_text()
    known = [flag for flag, _ in reversed(KINDS.values())]
    memory = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "processor": information.partition("model name")[2].partition("\n")[0].strip("\t :"),
        "processors": len(os.sched_getaffinity(0)),
        "instructions": [flag for flag in known if flag in cpu_flags()],
        "memory_gb": round(memory / 1024**2),
        "system": f"{platform.system()} {platform.machine()}",
        "tensorflow": tensorflow_version,
        "openvino": package_version("openvino"),
        "onnxruntime": package_version("onnxruntime"),
    }


def package_version(name):
    """Of an installed package; None without it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def summary(samples):
    """Median, smallest and largest of each figure over the repeats; of frames/s all of them too."""
    figures = {
        key: {
            "median": statistics.median(sample[key] for sample in samples),
            "min": min(sample[key] for sample in samples),
            "max": max(sample[key] for sample in samples),
        }
        for key in samples[0]
    }
    if "fps" in figures:
        figures["fps"]["samples"] = [sample["fps"] for sample in samples]
    return figures


def results_of(case, samples, tools, peaks):
    """The JSON of one case."""
    model = tools.models[case.architecture]
    operations = multiply_adds(model, case.width, case.height)
    figures = {name: summary(values) for name, values in samples.items()}
    precisions = {contender.name: contender.precision for contender in contenders()}
    for name, values in figures.items():
        values["precision"] = precisions[name] or chosen_precision()
    return {
        "architecture": case.architecture,
        "width": case.width,
        "height": case.height,
        "sink": case.sink,
        "model": model.stem,
        "gigamacs": operations / 1e9,
        "peak_gflops": summary(peaks),
        "contenders": figures,
    }


def chosen_precision():
    """What the filter takes by itself."""
    if has_bfloat16_matrices():
        return "bf16"
    return "int16" if "avx512_vnni" in cpu_flags() else "fp32"


def size_of(text):
    """(width, height) of "640x360"."""
    try:
        width, height = map(int, text.split("x"))
    except ValueError:
        raise click.BadParameter(f"expected WIDTHxHEIGHT, found {text!r}") from None
    return width, height


def sizes_of(context, parameter, value):
    """The option ``--sizes``."""
    return [size_of(text) for text in value.split(",")]


def names_of(context, parameter, value):
    """The contenders whose names begin with one of the words; all without any."""
    words = [word.strip().lower() for word in value.split(",")]
    found = [c for c in contenders() if any(c.name.lower().startswith(word) for word in words)]
    if not found:
        known = ", ".join(contender.name for contender in contenders())
        raise click.BadParameter(f"expected beginnings of {known}; found {value!r}")
    return found


@click.command()
@click.option("--sizes", callback=sizes_of, default=",".join(f"{w}x{h}" for w, h in SIZES))
@click.option("--networks", default=",".join(MODELS), help="johnson, fast or both.")
@click.option("--contenders", "chosen", callback=names_of, default="", help="Beginnings of names.")
@click.option("--sinks", default=",".join(SINKS), help="null, h264 or both.")
@click.option("--repeats", default=3, show_default=True, help="Rounds of A B A B.")
@click.option("--seconds", default=2.0, show_default=True, help="Of each measurement.")
@click.option(
    "--add", is_flag=True, help="Keep the cases of earlier runs that this one leaves out."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=ROOT / "docs",
    help="Of the pages.",
)
def main(sizes, networks, chosen, sinks, repeats, seconds, add, folder):
    """Measure the filter and its contenders, and write the pages of this kind of processor."""
    architectures = networks.split(",")
    cases = [
        Case(architecture, *size, sink)
        for architecture in architectures
        for size in sizes
        for sink in sinks.split(",")
    ]
    # All take this library: the engine's own program may have been built without one.
    os.environ["FFMPEG_STYLE_TENSORFLOW"] = str(Path(tensorflow_folder()) / TENSORFLOW_LIBRARY)
    tools = prepare(architectures, sizes, [one.name for one in chosen])
    machine = describe_machine()
    results = {"date": date.today().isoformat(), "machine": machine, "cases": []}
    pages = Pages(folder, kind_of(machine["instructions"]))
    if add and pages.results.exists():
        results["cases"] = json.loads(pages.results.read_text())["cases"]
    able = {case: [one for one in chosen if case.sink in one.sinks] for case in cases}
    steps = sum(len(some) + repeats * len(one_round(some)) for some in able.values())
    with tqdm(total=steps, unit="run", disable=None) as progress:
        for case in cases:
            samples, peaks = run_case(case, able[case], tools, repeats, seconds, progress)
            found = results_of(case, samples, tools, peaks)
            others = [case for case in results["cases"] if place_of(case) != place_of(found)]
            results["cases"] = sorted([*others, found], key=place_of)
            with atomic_path(pages.results) as draft:
                Path(draft).write_text(json.dumps(results, indent=1) + "\n")
    write_chart(results, pages.chart)
    print(update_pages(pages))


def place_of(case):
    """What tells the results of one case from others', and their order."""
    return list(MODELS).index(case["architecture"]), case["width"], case["height"], case["sink"]


if __name__ == "__main__":
    try:
        main()
    except StyleError as error:
        sys.exit(f"bench: {error}")
