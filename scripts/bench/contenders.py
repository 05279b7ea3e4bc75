"""The contenders of the benchmark, and the commands that start them."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ffmpeg_style.ffmpeg.filter_graph import escape, filter_text
from ffmpeg_style.learning.processor import fast_precisions

SCRIPTS = Path(__file__).resolve().parent
SINKS = {
    "null": ("-f", "null", "-"),
    "h264": (
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        "-f",
        "null",
        "-",
    ),
}

DECODED = 8
"""Frames that a contender which paints from memory has there."""


@dataclass(frozen=True)
class Contender:
    """One way to paint a clip.

    Attributes:
        precision: "fp32", "bf16" or "int16", for the share of the peak; None: the filter's choice.
        sinks: what it can write to. Contenders that work in memory alone have "null" only.
        command: makes the command line from a `Job`.
        close: it is compared to within a few percent.
    """

    name: str
    precision: str | None
    sinks: tuple[str, ...]
    command: object
    close: bool = False


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
    """One measurement: a case, with a number of frames and the pipe for marks."""

    case: Case
    tools: object
    frames: int
    marks: int


@dataclass(frozen=True)
class Tools:
    """What was built for the contenders."""

    ffmpeg: Path
    dnn_ffmpeg: Path
    engine: Path
    clips: dict
    pictures: dict
    models: dict
    float_graphs: dict
    openvino_graphs: dict
    onnx_graphs: dict
    best_config: str


def contenders():
    """All of them, in the order in which they run; what is compared closely stands together."""
    both = ("null", "h264")
    return [
        Contender(
            "styletransfer in memory",
            None,
            ("null",),
            filter_command("auto", steady=0, decoded=True),
            close=True,
        ),
        Contender("engine alone auto", None, ("null",), engine_command, close=True),
        Contender("styletransfer auto", None, both, filter_command("auto"), close=True),
        Contender(
            "styletransfer steady=0", None, both, filter_command("auto", steady=0), close=True
        ),
        *openvino_contenders("bf16"),
        Contender("styletransfer fp32", "fp32", both, filter_command("fp32")),
        *openvino_contenders("fp32"),
        *onnx_contenders(),
        Contender("dnn_processing", "fp32", both, dnn_command(best=False)),
        Contender("dnn_processing best", None, both, dnn_command(best=True)),
        Contender("pipe to Python", "fp32", both, pipe_command),
    ]


def openvino_contenders(precision):
    """One for each of its hints; none where the processor has no such arithmetic."""
    if precision not in fast_precisions():
        return
    for hint in ("latency", "throughput"):
        command = openvino_command({"fp32": "f32"}.get(precision, precision), hint.upper())
        yield Contender(f"OpenVINO {precision} {hint}", precision, ("null",), command)


def onnx_contenders():
    """All processors for one frame, or one for each: it has float32 alone."""
    for hint, parallel in (("latency", 1), ("throughput", len(os.sched_getaffinity(0)))):
        yield Contender(f"ONNX Runtime {hint}", "fp32", ("null",), onnx_command(parallel))


def filter_command(precision, steady=None, decoded=False):
    """Commands of the filter with its defaults but for the precision, and for ``steady``.

    With ``decoded``, a few frames are decoded and converted once, and come again and again.
    """

    def command(job):
        model = job.tools.models[job.case.architecture]
        painting = filter_text(model, precision=precision, steady=steady)
        before = ("format=rgb24", f"loop=loop=-1:size={DECODED}") if decoded else ()
        return ffmpeg_command(job, job.tools.ffmpeg, painting, before)

    return command


def dnn_command(best):
    """Commands of FFmpeg's filter, as it comes or with the best settings found."""

    def command(job):
        graph = escape(job.tools.float_graphs[job.case.architecture])
        painting = f"dnn_processing=dnn_backend=tensorflow:model={graph}:input=input:output=output"
        if best:
            requests = max(2, len(os.sched_getaffinity(0)))
            painting += f":nireq={requests}:async=1:sess_config={job.tools.best_config}"
        command = ffmpeg_command(job, job.tools.dnn_ffmpeg, f"format=rgb24,{painting}")
        return ["env", "TF_ENABLE_ONEDNN_OPTS=1", *command] if best else command

    return command


def ffmpeg_command(job, ffmpeg, painting, before=()):
    """Ffmpeg with a filter between two that mark each frame as it passes, behind others."""
    mark = rf"metadata=print:key=bench:direct=1:file=pipe\\:{job.marks}"
    taken = ("metadata=add:key=bench:value=taken", mark)
    painted = ("metadata=modify:key=bench:value=painted", mark)
    filters = (*before, trim(job), *taken, painting, *painted)
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
        pictures = str(pictures_of(job))
        options = ("--pictures", pictures, "--precision", precision, "--hint", hint)
        return peer_command(job, "openvino", graph, *options)

    return command


def onnx_command(parallel):
    """Commands of ONNX Runtime with so many frames at a time."""

    def command(job):
        graph = job.tools.onnx_graphs[job.case.architecture]
        options = ("--pictures", str(pictures_of(job)), "--parallel", str(parallel))
        return peer_command(job, "onnx", graph, *options)

    return command


def peer_command(job, name, model, *options):
    """A command of peers.py."""
    case = job.case
    return [
        *(sys.executable, str(SCRIPTS / "peers.py"), name),
        *("--model", str(model)),
        *("--size", str(case.width), str(case.height), "--frames", str(job.frames)),
        *("--marks", str(job.marks), *options),
    ]


def engine_command(job):
    """The engine in a loop in C, with its defaults; to it, each frame is a picture by itself."""
    case = job.case
    model = str(job.tools.models[case.architecture])
    numbers = map(str, (case.width, case.height, job.frames, 0, 0))
    settings = ("auto", "cpu", str(job.marks))
    return [str(job.tools.engine), model, *numbers, *settings, str(pictures_of(job))]


def pictures_of(job):
    """The file of the clip's first frames, for those that paint from memory."""
    return job.tools.pictures[job.case.width, job.case.height]
