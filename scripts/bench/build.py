"""Builds what the benchmark needs: programs, graphs, clips."""

import subprocess
from pathlib import Path

import click
import numpy as np

from bench.contenders import DECODED, Tools
from bench.graphs import session_config, write_float_graph, write_openvino_graph, write_stand_in
from bench.onnx_graph import write_onnx_graph
from bench.peers import onnx_session
from ffmpeg_style import Engine
from ffmpeg_style.ffmpeg.build import TENSORFLOW_LIBRARY, build
from ffmpeg_style.files import atomic_path
from ffmpeg_style.folders import assets_folder, build_folder
from ffmpeg_style.graphs.tensorflow_library import tensorflow_folder
from ffmpeg_style.learning.processor import has_bfloat16

ROOT = Path(__file__).resolve().parents[2]
FOLDER = build_folder() / "bench"

MODELS = {"johnson": "wave", "fast": "wave-fast"}
CLIP = "flower.mp4"
CLIP_FRAMES = 100
MIN_PSNR = 50
"""Of a contender's painting beside the engine's, in dB: the weights are the same."""


def prepare(architectures, sizes, names=()):
    """Builds what is not there yet: programs, clips, graphs; returns `Tools`.

    What takes long is built for the contenders of these names alone.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    ffmpeg = build()
    models, float_graphs, openvino_graphs, onnx_graphs = {}, {}, {}, {}
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
        onnx_graphs[architecture] = FOLDER / f"{architecture}.onnx"
        write_onnx_graph(models[architecture], onnx_graphs[architecture])
    clips = {size: make_clip(ffmpeg, *size) for size in sizes}
    pictures = {size: make_pictures(ffmpeg, clip) for size, clip in clips.items()}
    for architecture in architectures:
        check_onnx_graph(onnx_graphs[architecture], models[architecture], *min(pictures.items()))
    return Tools(
        ffmpeg=ffmpeg,
        dnn_ffmpeg=build_dnn_ffmpeg() if any(map(is_dnn, names)) else None,
        engine=build_engine(),
        clips=clips,
        pictures=pictures,
        models=models,
        float_graphs=float_graphs,
        openvino_graphs=openvino_graphs,
        onnx_graphs=onnx_graphs,
        best_config=session_config(bf16=has_bfloat16()),
    )


def is_dnn(name):
    """Whether a contender is FFmpeg's own filter, whose build takes minutes."""
    return name.startswith("dnn_processing")


def check_onnx_graph(graph, model, size, pictures):
    """A graph with the same weights paints the same picture."""
    width, height = size
    rows = np.fromfile(pictures, np.uint8, 3 * width * height).reshape(height, width, 3)
    frame = np.float32(rows.transpose(2, 0, 1)[None])
    (painted,) = onnx_session(graph, size, 1).run(None, {"frame": frame})
    with Engine(model, precision="fp32") as engine:
        found = psnr(painted[0].transpose(1, 2, 0), engine(rows))
    if found < MIN_PSNR:
        raise click.ClickException(f"{graph} paints {found:.1f} dB from what {model} does")


def psnr(painted, expected):
    """Peak signal to noise ratio of a picture beside one of bytes, in dB."""
    error = np.mean(np.square(painted.astype(float) - expected))
    return 10 * np.log10(255**2 / error)


def build_dnn_ffmpeg():
    """The same source and compiler, with FFmpeg's own filter over this Python's TensorFlow."""
    tensorflow = Path(tensorflow_folder())
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


def make_pictures(ffmpeg, clip):
    """The clip's first frames as rows of RGB, in a file beside it."""
    target = clip.with_suffix(".rgb")
    if not target.exists():
        with atomic_path(target) as draft:
            command = [
                *(str(ffmpeg), "-nostdin", "-y", "-loglevel", "error", "-i", str(clip)),
                *("-frames:v", str(DECODED), "-pix_fmt", "rgb24", "-f", "rawvideo", str(draft)),
            ]
            subprocess.run(command, check=True)
    return target
