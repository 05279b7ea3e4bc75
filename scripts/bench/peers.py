"""The contenders of the benchmark that are loops in Python, each run in a process of its own.

Every frame taken in and every frame that is painted writes a line into the pipe, as the filter
`metadata` does for the contenders inside ffmpeg.
"""

import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click
import numpy as np

from ffmpeg_style.learning.processor import fast_precisions

PEAK_SIZES = ((1024, 1024, 1024), (3072, 3072, 3072), (8192, 1024, 1024), (16384, 512, 512))
PEAK_SECONDS = 0.4  # for each


def mark(pipe, name):
    """Tell the benchmark of one more frame taken, or painted."""
    os.write(pipe, f"bench={name}\n".encode())


@click.group()
def main():
    """Started by run.py."""


def contender(function):
    """A subcommand with the options that all loops have."""
    for option in (
        click.option("--model", type=click.Path(path_type=Path), required=True),
        click.option("--size", type=(int, int), required=True),
        click.option("--frames", type=int, required=True),
        click.option("--marks", type=int, required=True),
    ):
        function = option(function)
    return main.command()(function)


@contender
@click.option("--decode", required=True, help="A JSON list: the command that writes RGB.")
@click.option("--encode", required=True, help="A JSON list: the command that reads RGB.")
def pipe(model, size, frames, marks, decode, encode):
    """Ffmpeg decodes into a pipe, TensorFlow paints frame by frame, ffmpeg encodes from a pipe."""
    from ffmpeg_style.graphs.frozen_graph import GraphRunner, read_graph

    width, height = size
    run = GraphRunner(read_graph(model))
    decoder = subprocess.Popen(json.loads(decode), stdout=subprocess.PIPE)
    encoder = subprocess.Popen(json.loads(encode), stdin=subprocess.PIPE)
    for _ in range(frames):
        frame = np.frombuffer(decoder.stdout.read(3 * width * height), np.uint8)
        mark(marks, "taken")
        painted = run(frame.reshape(height, width, 3))
        encoder.stdin.write(painted.tobytes())
        mark(marks, "painted")
    encoder.stdin.close()
    if decoder.wait() or encoder.wait():
        raise click.ClickException("ffmpeg failed")


@contender
@click.option("--pictures", type=click.Path(path_type=Path), required=True, help="Rows of RGB.")
@click.option("--precision", type=click.Choice(["f32", "bf16"]), required=True)
@click.option("--hint", type=click.Choice(["LATENCY", "THROUGHPUT"]), required=True)
def openvino(model, size, frames, marks, pictures, precision, hint):
    """OpenVINO's Python runtime on frames in memory: nothing is decoded or encoded."""
    from openvino import AsyncInferQueue, Core

    width, height = size
    core = Core()
    network = core.read_model(model)
    network.reshape({0: [1, height, width, 3]})
    options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": hint}
    compiled = core.compile_model(network, "CPU", options)
    queue = AsyncInferQueue(compiled, compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    queue.set_callback(lambda request, _: mark(marks, "painted"))
    inputs = np.fromfile(pictures, np.uint8).reshape(-1, 1, height, width, 3) / np.float32(255)
    for index in range(frames):
        mark(marks, "taken")
        queue.start_async({0: inputs[index % len(inputs)]})
    queue.wait_all()


@contender
@click.option("--pictures", type=click.Path(path_type=Path), required=True, help="Rows of RGB.")
@click.option("--parallel", type=int, required=True, help="Frames that are painted at a time.")
def onnx(model, size, frames, marks, pictures, parallel):
    """ONNX Runtime on frames in memory: nothing is decoded or encoded."""
    width, height = size
    session = onnx_session(model, size, parallel)
    rows = np.fromfile(pictures, np.uint8).reshape(-1, 1, height, width, 3)
    inputs = rows.transpose(0, 1, 4, 2, 3).astype(np.float32)

    def paint(index):
        mark(marks, "taken")
        session.run(None, {"frame": inputs[index % len(inputs)]})
        mark(marks, "painted")

    with ThreadPoolExecutor(parallel) as threads:
        list(threads.map(paint, range(frames)))


def onnx_session(graph, size, parallel):
    """A session for frames of one size, so many of them at a time on all processors."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) // parallel
    for name, pixels in zip(("width", "height"), size, strict=True):
        options.add_free_dimension_override_by_name(name, pixels)
    return InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@main.command()
def peak():
    """Prints what TensorFlow's largest matrix products reach, in GFLOP/s, as JSON."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    print(
        json.dumps(
            {
                precision: max(peak_of(precision, *size) for size in PEAK_SIZES)
                for precision in fast_precisions()
            }
        )
    )


def peak_of(precision, rows, columns, depth):
    """GFLOP/s of a large matrix product with all processors."""
    import tensorflow as tf

    dtype = tf.bfloat16 if precision == "bf16" else tf.float32
    left = tf.cast(tf.random.normal([rows, depth]), dtype)
    right = tf.cast(tf.random.normal([depth, columns]), dtype)
    best, end = float("inf"), time.perf_counter() + PEAK_SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        tf.linalg.matmul(left, right)  # on processors it returns when it is done
        best = min(best, time.perf_counter() - start)
    return 2 * rows * columns * depth / best / 1e9


if __name__ == "__main__":
    main()
