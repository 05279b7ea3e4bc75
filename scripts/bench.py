"""The benchmark: the filter beside what a user would take instead, on the same clip and weights.

``bench.py`` measures everything (an hour); ``bench.py --sizes 256x256 --repeats 1`` is a short run.
All contenders of a case, one network at one size into one kind of output, are measured in turn
(A B A B ...), so that a slower or faster minute of the machine is shared by all. Writes
``docs/benchmarks.json``, the figures in ``docs/benchmarks.md``, and ``docs/benchmarks.svg``.
"""

import importlib.util
import json
import os
import platform
import selectors
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
from tqdm import tqdm

from ffmpeg_style.assets import assets_folder
from ffmpeg_style.build import TENSORFLOW_LIBRARY, build
from ffmpeg_style.errors import StyleError
from ffmpeg_style.files import atomic_path
from ffmpeg_style.filter_graph import escape, filter_text
from ffmpeg_style.processor import has_bfloat16
from ffmpeg_style.program import build_folder

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
FOLDER = build_folder() / "bench"

MODELS = {"johnson": "wave", "fast": "wave-fast"}
SIZES = ((256, 256), (640, 360), (1280, 720), (1920, 1080))
SINKS = {
    "null": ("-f", "null", "-"),
    "h264": (
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        "-f",
        "null",
        "-",
    ),
}
CLIP = "flower.mp4"
CLIP_FRAMES = 100
TRIAL_FRAMES = 6  # of the first run, which finds out how many a measurement takes
WARM_UP = 3  # frames that are not measured: TensorFlow optimises the graph in the first
MOST_FRAMES = 600
SAMPLE_EVERY = 0.05  # seconds between two looks at a process's memory and processor time
DISTURBED = 0.1  # share of the processors that others may take; beyond it is measured again


@dataclass(frozen=True)
class Contender:
    """One way to paint a clip.

    Attributes:
        precision: "fp32" or "bf16", for the share of the peak; None: the filter's choice.
        sinks: what it can write to. Contenders that work in memory alone have "null" only.
        command: makes the command line from a `Job`.
    """

    name: str
    precision: str | None
    sinks: tuple[str, ...]
    command: object


@dataclass(frozen=True)
class Case:
    """What all contenders are measured at in turn."""

    architecture: str
    width: int
    height: int
    sink: str

    size = property(lambda self: f"{self.width}x{self.height}")


@dataclass(frozen=True)
class Job:
    """One measurement: a case, with a number of frames and the pipes for marks."""

    case: Case
    tools: object
    frames: int
    taken: int
    painted: int


@dataclass(frozen=True)
class Tools:
    """What was built for the contenders."""

    ffmpeg: Path
    dnn_ffmpeg: Path
    engine: Path
    clips: dict
    models: dict
    float_graphs: dict
    openvino_graphs: dict
    best_config: str


def contenders():
    """All of them, in the order of the tables."""
    both = ("null", "h264")
    found = [
        Contender("styletransfer auto", None, both, filter_command("auto")),
        Contender("styletransfer fp32", "fp32", both, filter_command("fp32")),
        Contender("dnn_processing", "fp32", both, dnn_command(best=False)),
        Contender("dnn_processing best", None, both, dnn_command(best=True)),
        Contender("pipe to Python", "fp32", both, pipe_command),
        Contender("engine alone auto", None, ("null",), engine_command),
    ]
    for precision, name in (("f32", "fp32"), ("bf16", "bf16")):
        for hint in ("latency", "throughput"):
            command = openvino_command(precision, hint.upper())
            found.append(Contender(f"OpenVINO {name} {hint}", name, ("null",), command))
    return found


def filter_command(precision):
    """Commands of the filter with its defaults but for the precision."""

    def command(job):
        painting = filter_text(job.tools.models[job.case.architecture], precision=precision)
        return ffmpeg_command(job, job.tools.ffmpeg, painting)

    return command


def dnn_command(best):
    """Commands of FFmpeg's filter, as it comes or with the best settings found."""

    def command(job):
        graph = escape(job.tools.float_graphs[job.case.architecture])
        painting = f"dnn_processing=dnn_backend=tensorflow:model={graph}:input=input:output=output"
        if best:
            painting += f":nireq=2:async=1:sess_config={job.tools.best_config}"
        return ffmpeg_command(job, job.tools.dnn_ffmpeg, f"format=rgb24,{painting}")

    return command


def ffmpeg_command(job, ffmpeg, painting):
    """Ffmpeg with a filter between two that mark each frame as it passes."""
    marks = [
        rf"metadata=print:direct=1:file=pipe\\:{descriptor}"
        for descriptor in (job.taken, job.painted)
    ]
    # A frame without metadata would leave no mark.
    filters = (trim(job), "metadata=add:key=bench:value=1", marks[0], painting, marks[1])
    return [
        *(str(ffmpeg), *input_options(job)),
        *("-vf", ",".join(filters), *SINKS[job.case.sink]),
    ]


def input_options(job):
    """Ffmpeg's options in front of its output: the clip, over and over."""
    clip = job.tools.clips[job.case.width, job.case.height]
    return ("-nostdin", "-y", "-loglevel", "error", "-stream_loop", "-1", "-i", str(clip))


def trim(job):
    """The filter that ends the clip, which goes on for ever, after the job's frames."""
    return f"trim=end_frame={job.frames}"


def pipe_command(job):
    """The loop in Python between two ffmpegs."""
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24")
    ffmpeg = str(job.tools.ffmpeg)
    decode = [ffmpeg, *input_options(job), "-vf", trim(job), *raw, "pipe:1"]
    encode = [ffmpeg, "-y", "-loglevel", "error", *raw, "-s", job.case.size, "-r", "25"]
    encode += ["-i", "pipe:0", *SINKS[job.case.sink]]
    commands = ("--decode", json.dumps(decode), "--encode", json.dumps(encode))
    return peer_command(job, "pipe", job.tools.models[job.case.architecture], *commands)


def openvino_command(precision, hint):
    """Commands of OpenVINO with one of its hints."""

    def command(job):
        graph = job.tools.openvino_graphs[job.case.architecture]
        return peer_command(job, "openvino", graph, "--precision", precision, "--hint", hint)

    return command


def peer_command(job, name, model, *options):
    """A command of bench_peers.py."""
    case = job.case
    return [
        *(sys.executable, str(SCRIPTS / "bench_peers.py"), name),
        *("--model", str(model)),
        *("--size", str(case.width), str(case.height), "--frames", str(job.frames)),
        *("--marks", str(job.taken), str(job.painted), *options),
    ]


def engine_command(job):
    """The engine in a loop in C, with its defaults."""
    case = job.case
    model = str(job.tools.models[case.architecture])
    numbers = map(str, (case.width, case.height, job.frames, 0, 0))
    marks = map(str, (job.taken, job.painted))
    return [str(job.tools.engine), model, *numbers, "auto", "cpu", *marks]


class Process:
    """A running contender: its marks, and what it and its children take of the machine."""

    def __init__(self, command, pipes):
        self.start = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=pipes,
        )
        self.command = command
        self.cpu = 0.0
        self.memory = {}

    def look(self):
        """Updates `cpu`, seconds, and `memory`, the peak of each process in MB."""
        cpu, waiting = 0, [self.process.pid]
        while waiting:
            pid = waiting.pop()
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                status = Path(f"/proc/{pid}/status").read_text()
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            except OSError:
                continue
            cpu += sum(map(int, fields[11:15]))  # with the children that have ended
            if "VmHWM:" in status:
                self.memory[pid] = int(status.partition("VmHWM:")[2].split()[0]) / 1024
            waiting += map(int, children.split())
        self.cpu = max(self.cpu, cpu / os.sysconf("SC_CLK_TCK"))

    def end(self):
        _, errors = self.process.communicate()
        if self.process.returncode:
            text = errors.decode(errors="replace").strip()
            raise click.ClickException(f"{' '.join(self.command)} failed:\n{text}")


def measure(contender, case, tools, frames):
    """One run of a contender: a dict of figures."""
    taken, painted = os.pipe(), os.pipe()
    job = Job(case, tools, frames, taken[1], painted[1])
    process = Process(contender.command(job), (taken[1], painted[1]))
    os.close(taken[1])
    os.close(painted[1])
    marks = Marks(process, taken[0], painted[0])
    try:
        marks.listen()
    finally:
        process.end()
    return marks.figures(frames)


class Marks:
    """Listens to a contender's two pipes, with a line (``frame...``) for each frame."""

    def __init__(self, process, taken, painted):
        self.process = process
        self.pipes = {taken: "taken", painted: "painted"}
        self.counts = {"taken": 0, "painted": 0}
        self.times = []  # of each painted frame
        self.usage = []  # at each painted frame: the contender's processor time, everybody's
        self.delays = []

    def listen(self):
        """Until both pipes are closed."""
        looked = 0
        with selectors.DefaultSelector() as selector:
            for pipe in self.pipes:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    lines = os.read(key.fd, 65536)
                    if not lines:
                        selector.unregister(key.fd)
                        os.close(key.fd)
                        continue
                    now = time.perf_counter()
                    if now - looked > SAMPLE_EVERY or self.counts["painted"] < WARM_UP + 1:
                        self.process.look()
                        self.busy = busy_time()
                        looked = now
                    self.note(self.pipes[key.fd], lines.count(b"frame"), now)

    def note(self, name, count, now):
        """A pipe has told of more frames."""
        self.counts[name] += count
        if name == "painted":
            for _ in range(count):
                self.times.append(now)
                self.usage.append((self.process.cpu, self.busy, now))
                self.delays.append(self.counts["taken"] - len(self.times))

    def figures(self, frames):
        """Frames/s and the like, from the frame after the warm-up to the last."""
        if len(self.times) != frames:
            raise click.ClickException(
                f"expected {frames} frames, found {len(self.times)}: "
                f"{' '.join(self.process.command)}"
            )
        seconds = self.times[-1] - self.times[WARM_UP - 1]
        count = frames - WARM_UP
        (own, busy, start), (own_end, busy_end, end) = self.usage[WARM_UP - 1], self.usage[-1]
        own, busy = own_end - own, busy_end - busy
        processors = len(os.sched_getaffinity(0))
        return {
            "frames": count,
            "fps": count / seconds,
            "cpu_s": own / count,
            "memory_mb": sum(self.process.memory.values()),
            "first_s": self.times[0] - self.process.start,
            "latency_frames": statistics.median(self.delays[WARM_UP:]),
            "others": max(0, busy - own) / max(end - start, 0.1) / processors,
        }


def busy_time():
    """Seconds that all processors together have worked since the machine started."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, interrupts, soft_interrupts, *_ = map(int, fields)
    ticks = user + nice + system + interrupts + soft_interrupts
    return ticks / os.sysconf("SC_CLK_TCK")


def run_case(case, chosen, tools, repeats, seconds, progress):
    """All contenders in turn, `repeats` times; returns their figures by name, as lists."""
    chosen = [contender for contender in chosen if case.sink in contender.sinks]
    counts, found = {}, {contender.name: [] for contender in chosen}
    for contender in chosen:
        progress.set_postfix_str(f"{case.architecture} {case.size} {case.sink} {contender.name}")
        trial = measure(contender, case, tools, TRIAL_FRAMES)
        frames = int(trial["fps"] * seconds)
        counts[contender.name] = WARM_UP + min(max(frames, TRIAL_FRAMES), MOST_FRAMES)
        progress.update()
    for _ in range(repeats):
        for contender in chosen:
            progress.set_postfix_str(
                f"{case.architecture} {case.size} {case.sink} {contender.name}"
            )
            figures = measure(contender, case, tools, counts[contender.name])
            if figures["others"] > DISTURBED:
                figures = measure(contender, case, tools, counts[contender.name])
            found[contender.name].append(figures)
            progress.update()
    return found


def prepare(architectures, sizes):
    """Builds what is not there yet: programs, clips, graphs; returns `Tools`."""
    from bench_graphs import session_config, write_float_graph, write_openvino_graph, write_stand_in

    FOLDER.mkdir(parents=True, exist_ok=True)
    ffmpeg = build()
    models, float_graphs, openvino_graphs = {}, {}, {}
    for architecture in architectures:
        shipped = ROOT / "models" / f"{MODELS[architecture]}.pb"
        stand_in = FOLDER / f"untrained-{architecture}.pb"
        if not shipped.exists():
            write_stand_in(architecture, stand_in)
        models[architecture] = shipped if shipped.exists() else stand_in
        float_graphs[architecture] = FOLDER / f"{architecture}-float.pb"
        write_float_graph(models[architecture], float_graphs[architecture])
        openvino_graphs[architecture] = FOLDER / f"{architecture}-openvino.pb"
        write_openvino_graph(models[architecture], openvino_graphs[architecture])
    return Tools(
        ffmpeg=ffmpeg,
        dnn_ffmpeg=build_dnn_ffmpeg(),
        engine=build_engine(),
        clips={size: make_clip(ffmpeg, *size) for size in sizes},
        models=models,
        float_graphs=float_graphs,
        openvino_graphs=openvino_graphs,
        best_config=session_config(bf16=has_bfloat16()),
    )


def tensorflow_folder():
    """Of this Python's TensorFlow, which all contenders but OpenVINO run."""
    return Path(importlib.util.find_spec("tensorflow").submodule_search_locations[0])


def build_dnn_ffmpeg():
    """The same source and compiler, with FFmpeg's own filter over this Python's TensorFlow."""
    tensorflow = tensorflow_folder()
    linked = FOLDER / "tensorflow"
    linked.mkdir(exist_ok=True)
    libraries = [tensorflow / TENSORFLOW_LIBRARY, tensorflow / "libtensorflow_framework.so.2"]
    # configure asks for -ltensorflow, and a wheel has that in two files of other names.
    (linked / "libtensorflow.so").write_text(f"INPUT({' '.join(map(str, libraries))})\n")
    return build(
        patched=False,
        configure_flags=[
            *("--enable-libtensorflow", "--enable-filter=dnn_processing"),
            f"--extra-cflags=-I{tensorflow}/include",
            f"--extra-ldflags=-L{linked} -Wl,-rpath,{tensorflow}",
        ],
    )


def build_engine():
    """The program that calls the engine in a loop from C."""
    command = ["make", "-C", str(ROOT / "csrc"), "all"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise click.ClickException(f"the engine's programs can't be built:\n{result.stderr}")
    return build_folder() / "engine" / "gcc" / "bench"


def make_clip(ffmpeg, width, height):
    """A clip of one size: a video of the assets, else a test picture that moves."""
    target = FOLDER / f"clip-{width}x{height}.mp4"
    if target.exists():
        return target
    video = assets_folder() / "video" / CLIP
    pattern = ("-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r=25")
    source = ("-stream_loop", "-1", "-i", str(video)) if video.exists() else pattern
    fill = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    with atomic_path(target) as draft:
        command = [
            *(str(ffmpeg), "-nostdin", "-y", "-loglevel", "error", *source, "-an"),
            *("-vf", f"{fill},setsar=1", "-frames:v", str(CLIP_FRAMES)),
            *("-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", str(draft)),
        ]
        subprocess.run(command, check=True)
    return target


def measure_peak():
    """GFLOP/s of large matrix products by precision."""
    command = [sys.executable, str(SCRIPTS / "bench_peers.py"), "peak"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def describe_machine():
    """What the figures depend on, as a dict of strings and numbers."""
    from tensorflow import __version__ as tensorflow_version

    information = Path("/proc/cpuinfo").read_text()
    flags = set(information.partition("flags")[2].partition("\n")[0].split())
    interesting = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    memory = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "processor": information.partition("model name")[2].partition("\n")[0].strip("\t :"),
        "processors": len(os.sched_getaffinity(0)),
        "instructions": [flag for flag in interesting if flag in flags],
        "memory_gb": round(memory / 1024**2),
        "system": f"{platform.system()} {platform.machine()}",
        "tensorflow": tensorflow_version,
        "openvino": package_version("openvino"),
    }


def package_version(name):
    """Of an installed package; None without it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def summary(samples):
    """Median, smallest and largest of each figure over the repeats."""
    return {
        key: {
            "median": statistics.median(sample[key] for sample in samples),
            "min": min(sample[key] for sample in samples),
            "max": max(sample[key] for sample in samples),
        }
        for key in samples[0]
    }


def results_of(case, samples, tools, peaks):
    """The JSON of one case."""
    from bench_graphs import multiply_adds

    model = tools.models[case.architecture]
    operations = multiply_adds(model, case.width, case.height)
    figures = {name: summary(values) for name, values in samples.items()}
    precisions = {contender.name: contender.precision for contender in contenders()}
    for name, values in figures.items():
        values["precision"] = precisions[name] or ("bf16" if has_bfloat16() else "fp32")
    return {
        "architecture": case.architecture,
        "width": case.width,
        "height": case.height,
        "sink": case.sink,
        "model": model.stem,
        "gigamacs": operations / 1e9,
        "peak_gflops": peaks,
        "contenders": figures,
    }


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
@click.option("--seconds", default=4.0, show_default=True, help="Of each measurement.")
@click.option(
    "--add", is_flag=True, help="Keep the cases of earlier runs that this one leaves out."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=ROOT / "docs" / "benchmarks.json",
    help="The JSON; the page and the chart go beside it.",
)
def main(sizes, networks, chosen, sinks, repeats, seconds, add, output):
    """Measure the filter and its contenders, and write docs/benchmarks.* anew."""
    from bench_report import update_page, write_chart

    architectures = networks.split(",")
    cases = [
        Case(architecture, *size, sink)
        for architecture in architectures
        for size in sizes
        for sink in sinks.split(",")
    ]
    # All take this library: the engine's own program may have been built without one.
    os.environ["FFMPEG_STYLE_TENSORFLOW"] = str(tensorflow_folder() / TENSORFLOW_LIBRARY)
    tools = prepare(architectures, sizes)
    results = {"date": date.today().isoformat(), "machine": describe_machine(), "cases": []}
    if add and output.exists():
        results["cases"] = json.loads(output.read_text())["cases"]
    steps = sum(case.sink in contender.sinks for case in cases for contender in chosen)
    with tqdm(total=steps * (1 + repeats), unit="run", disable=None) as progress:
        for case in cases:
            peaks = measure_peak()
            samples = run_case(case, chosen, tools, repeats, seconds, progress)
            found = results_of(case, samples, tools, peaks)
            others = [case for case in results["cases"] if place_of(case) != place_of(found)]
            results["cases"] = sorted([*others, found], key=place_of)
            with atomic_path(output) as draft:
                Path(draft).write_text(json.dumps(results, indent=1) + "\n")
    write_chart(results, output.with_suffix(".svg"))
    print(update_page(results, output.with_suffix(".md")))


def place_of(case):
    """What tells the results of one case from others', and their order."""
    return list(MODELS).index(case["architecture"]), case["width"], case["height"], case["sink"]


if __name__ == "__main__":
    try:
        main()
    except StyleError as error:
        sys.exit(f"bench: {error}")
