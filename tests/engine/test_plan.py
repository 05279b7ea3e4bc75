"""Networks that the engine runs by itself, beside a plain session of TensorFlow.

What it leaves to TensorFlow is painted as well, and the tests say which graphs those are. Where the
processor has no vectors, that is all of them.
"""

import importlib.util
import itertools
import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import graphs
from helpers.engine import build
from helpers.networks import untrained

from ffmpeg_style import Engine
from ffmpeg_style.errors import DeviceError, EngineError, InputError, StyleError
from ffmpeg_style.graphs.frozen_graph import GraphRunner, read_graph
from ffmpeg_style.learning.export import export
from ffmpeg_style.learning.networks import set_weight_values, weight_values
from ffmpeg_style.learning.processor import fast_precisions

tf1 = tf.compat.v1

FLAGS = Path("/proc/cpuinfo").read_text().split()
HAS_VECTORS = {"avx2", "fma"} <= set(FLAGS)
PRECISIONS = ["fp32", *(["bf16"] * ("amx_bf16" in FLAGS)), *(["int16"] * ("avx512_vnni" in FLAGS))]
"""That the engine itself computes in; TensorFlow in float32, on a processor without vectors."""
MIN_PSNR = {"fp32": 55, "bf16": 40, "int16": 50}
SIZES = [(16, 16), (17, 23), (64, 48), (161, 90)]
NETWORKS = [
    (architecture, width, styles, norm)
    for architecture in ("johnson", "fast")
    for width, styles, norm in [
        (8, "a", "instance"),
        (16, "abc", "instance"),
        (16, "a", "batch"),
    ]
]


def picture(height, width, seed=0):
    """Smooth colours, and a little noise."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (5, 6, 3)).astype("float32")
    smooth = tf.image.resize(coarse, (height, width), "bicubic").numpy()
    return (smooth + random.uniform(-10, 10, smooth.shape)).clip(0, 255).astype("uint8")


def psnr(expected, found):
    error = np.mean(np.square(expected.astype(float) - found))
    return 10 * np.log10(255**2 / error) if error else np.inf


@pytest.fixture
def open_engine():
    """Opens an engine that is closed at the end."""
    engines = []

    def make(path, **settings):
        engines.append(Engine(path, **{"requests": 1, **settings}))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


EXPECTED_RUNTIME = "own" if HAS_VECTORS else "tensorflow"
"""What runs a network whose every operation the engine knows."""


def refuses_integers(path):
    """Those are beyond TensorFlow, which runs this graph."""
    with pytest.raises(DeviceError, match="precision=int16: the engine does not run"):
        Engine(path, precision="int16")
    with Engine(path, precision="fp32") as engine:
        assert engine.runtime == "tensorflow"


@pytest.fixture
def compare(open_engine):
    """Paints frames as the engine chooses to and in a plain session, and expects the same."""

    def check(path, frames, contrast=20, own=True, **settings):
        run = plain_session(path)
        for precision in PRECISIONS:
            if not own and precision == "int16":
                refuses_integers(path)
                continue
            engine = open_engine(path, precision=precision, **settings)
            assert engine.runtime == (EXPECTED_RUNTIME if own else "tensorflow")
            for frame in frames:
                painting, expected = engine(frame), run(frame)
                assert expected.std() > contrast, "a flat picture would prove nothing"
                assert psnr(expected, painting) >= MIN_PSNR[precision]
                if engine.runtime == "own" and precision == "fp32":
                    assert np.abs(expected.astype(int) - painting).max() <= 1

    return check


def plain_session(path):
    """What TensorFlow itself makes of a frame, in single precision."""
    runner = GraphRunner(read_graph(path))

    def run(frame, mix=None):
        painting = runner(frame, mix)
        if painting.dtype == np.uint8:
            return painting
        return (255 * painting).clip(0, 255).round().astype(np.uint8)

    return run


def contrasted(network):
    """The network with a stronger last convolution: a random one's pictures are pale."""
    values = weight_values(network)
    return set_weight_values(
        network,
        {name: value * (6 if name.startswith("output/") else 1) for name, value in values.items()},
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The file of an exported network, by its settings."""
    folder = tmp_path_factory.mktemp("exported")

    def make(architecture, width, styles, norm):
        path = folder / f"{architecture}-{width}-{styles}-{norm}.pb"
        if not path.exists():
            network = untrained(architecture, tuple(styles), norm, width=width)
            contrasted(network)
            export(network, path)
        return path

    return make


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda settings: "-".join(map(str, settings)))
def test_exported_networks(exported, compare, settings):
    frames = [picture(*size, seed) for seed, size in enumerate(SIZES)]
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    compare(exported(*settings), [*frames, noise])


@pytest.mark.parametrize("level", [0, 99, 255])
@pytest.mark.parametrize("architecture", ["johnson", "fast"])
def test_a_flat_frame(exported, compare, architecture, level):
    """Its features hardly vary, which is hard on a norm."""
    frame = np.full((120, 160, 3), level, np.uint8)
    compare(exported(architecture, 8, "a", "instance"), [frame], contrast=1)


@pytest.mark.parametrize("name", ["wave", "wave-fast"])
def test_shipped_models(compare, name):
    path = Path(__file__).parents[2] / "models" / f"{name}.pb"
    compare(path, [picture(*size) for size in SIZES])


@pytest.mark.parametrize("name", ["wave", "wave-fast"])
def test_on_a_processor_of_another_kind(name):
    """What is left there: norms in single precision."""
    path = Path(__file__).parents[2] / "models" / f"{name}.pb"
    tensorflow = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
    frame = picture(90, 161)
    painted = subprocess.run(
        [build("") / "paint_plainly", path, "161", "90"],
        input=frame.tobytes(),
        capture_output=True,
        env={**os.environ, "FFMPEG_STYLE_TENSORFLOW": tensorflow},
        timeout=60,
        check=True,
    ).stdout
    painting = np.frombuffer(painted, np.uint8).reshape(frame.shape)
    assert psnr(plain_session(path)(frame), painting) >= MIN_PSNR["fp32"]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("architecture", ["johnson", "fast"])
def test_a_mix_that_changes(exported, open_engine, architecture, precision):
    path = exported(architecture, 16, "abc", "instance")
    engine = open_engine(path, precision=precision)
    assert engine.runtime == EXPECTED_RUNTIME
    run, frame = plain_session(path), picture(48, 64)
    paintings = []
    for style, mix in [
        ("a", [1, 0, 0]),
        ("b", [0, 1, 0]),
        ("a:0.5+c:0.5", [0.5, 0, 0.5]),
        ("c", [0, 0, 1]),
        ({"a": 1, "b": 3}, [0.25, 0.75, 0]),
        ("a", [1, 0, 0]),
    ]:
        engine.style = style
        paintings.append(engine(frame))
        assert psnr(run(frame, mix), paintings[-1]) >= MIN_PSNR[precision]
    np.testing.assert_array_equal(paintings[0], paintings[-1])
    for one, other in itertools.combinations(paintings[:-1], 2):
        assert psnr(one, other) < 30


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_frame_gives_the_same_bits(exported, open_engine, precision):
    engine = open_engine(exported("johnson", 16, "abc", "instance"), precision=precision)
    frame, other = picture(64, 48), picture(33, 70)
    painted = engine(frame)
    for _ in range(3):
        engine(other)
        np.testing.assert_array_equal(engine(frame), painted)


def test_engines_side_by_side(exported, open_engine):
    """Different models in one process, TensorFlow's operations among them, paint as alone."""
    plans = [
        (exported("johnson", 8, "a", "instance"), dict(precision=PRECISIONS[-1])),
        (exported("johnson", 16, "abc", "instance"), dict(precision=PRECISIONS[-1], requests=2)),
        (exported("fast", 16, "a", "batch"), dict(precision=PRECISIONS[-1])),
        (exported("fast", 8, "a", "instance"), dict(precision=PRECISIONS[-1], threads=2)),
        (exported("fast", 8, "a", "instance"), dict(precision="fp32", requests=2)),
    ]
    engines = [open_engine(path, steady=0, **settings) for path, settings in plans]
    frames = [picture(40, 64, seed) for seed in range(6)]
    alone = [[engine(frame) for frame in frames] for engine in engines]
    together = [None] * len(engines)

    def work(index):
        together[index] = list(engines[index](frames))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(engines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for expected, found in zip(alone, together, strict=True):
        np.testing.assert_array_equal(found, expected)


def node_of(graph, name):
    return next(node for node in graph.node if node.name == name)


# Graphs made by hand. A drawing is a function of the pixels, in -1..1, and of a Pen, which draws
# convolutions and norms with random weights; it gives features with three channels or more.


class Pen:
    """Draws nodes into a graph, with random weights."""

    def __init__(self):
        self.random = np.random.default_rng(5)

    def kernel(self, rows, columns, channels, filters):
        spread = (rows * columns * channels) ** -0.5
        return self.random.normal(0, spread, (rows, columns, channels, filters)).astype("float32")

    def conv(self, x, filters, size=3, strides=1, padding="SAME", name=None, kernel=None, **more):
        rows, columns = np.broadcast_to(size, 2)
        if kernel is None:
            kernel = self.kernel(rows, columns, int(x.shape[-1]), filters)
        return tf.nn.conv2d(x, kernel, strides, padding, name=name, **more)

    def double(self, x, filters, size=4, strides=2, name=None, less=0):
        kernel = 2 * self.kernel(size, size, int(x.shape[-1]), filters)
        kernel = np.swapaxes(kernel, 2, 3)
        _, height, width, _ = tf.unstack(tf.shape(x))
        shape = [1, height * strides - less, width * strides - less, filters]
        return tf.nn.conv2d_transpose(x, kernel, shape, strides, "SAME", name=name)

    def norm(self, x, name=None, every=False, channels=None, **more):
        channels = channels or int(x.shape[-1])
        settings = dict(mean=[], variance=[], epsilon=1e-5, is_training=True)
        gamma = self.random.uniform(0.5, 1.5, channels).astype("float32")
        beta = self.random.uniform(-0.5, 0.5, channels).astype("float32")
        settings |= dict(scale=gamma, offset=beta)
        norm = tf.raw_ops.FusedBatchNormV3(x=x, name=name, **{**settings, **more})
        return norm if every else norm.y


def scaled(frame):
    return (tf.cast(frame, tf.float32) - 127.5) / 127.5


def round_tanh(features):
    return tf.cast(tf.round(tf.tanh(features[..., :3]) * 127.5 + 127.5), tf.uint8, name="styled")


def draw(path, drawing, begin=scaled, end=round_tanh, styles=("drawing",)):
    """Writes the graph of a drawing, with a card as this project's graphs have it."""
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.uint8, [1, None, None, 3], name="frame")
        end(drawing(begin(frame), Pen()))
        content = {
            "format": "ffmpeg-style/1",
            "name": "drawing",
            "architecture": "test",
            "styles": list(styles),
            "trained": {},
            "licence": "CC0-1.0",
        }
        tf.constant(json.dumps(content), name="model_card")
    return graphs.save(graph, path)


def of_any_size(drawing, multiple=12):
    """The drawing for frames of any size, which the engine tries one of: padded, and cropped."""

    def drawn(x, pen):
        height, width = tf.unstack(tf.shape(x, name="frame_size"))[1:3]
        x = tf.pad(x, [[0, 0], [0, -height % multiple], [0, -width % multiple], [0, 0]])
        return drawing(x, pen)[:, :height, :width]

    return drawn


def reshaped(features, shape, channels, name):
    """A Reshape whose channels the graph knows: those that the convolution behind it takes."""
    wide = tf.reshape(features, shape, name=name)
    wide.set_shape([1, None, None, channels])
    return wide


def _norm_taken_twice(x, pen):
    norm = pen.norm(pen.conv(x, 8), "taken")
    return pen.conv(norm, 8) + tf.abs(norm)


def _relu_taken_twice(x, pen):
    relu = tf.nn.relu(pen.norm(pen.conv(x, 8), "norm"), name="taken")
    return pen.conv(relu, 8, name="behind") + tf.abs(relu)


def _norm_under_two_convolutions(x, pen):
    relu = tf.nn.relu(pen.norm(pen.conv(x, 8), "norm"), name="relu")
    return pen.conv(relu, 8, 1) - pen.conv(relu, 8, 5)


def _conv_taken_twice(x, pen):
    conv = pen.conv(x, 8, name="taken")
    return pen.conv(pen.norm(conv, "norm"), 8) + pen.conv(conv, 8)


def _norm_without_relu(x, pen):
    return pen.conv(pen.norm(pen.conv(x, 8), "norm"), 3)


def _norm_at_the_end(x, pen):
    return tf.nn.relu(pen.norm(pen.conv(x, 8), "norm"), name="relu") - 0.5


def _relu_then_sum(x, pen):
    first = pen.conv(x, 8, name="first")
    relu = tf.nn.relu(pen.norm(pen.conv(first, 8), "norm"), name="relu")
    return pen.conv(tf.add(relu, first, name="sum"), 8)


def _sum_the_other_way_round(x, pen):
    first = pen.conv(x, 8, name="first")
    relu = tf.nn.relu(pen.norm(pen.conv(first, 8), "norm"), name="relu")
    return pen.conv(tf.add(first, relu, name="sum"), 8)


def _sum_then_relu(x, pen):
    first = pen.conv(x, 8)
    total = tf.add(pen.norm(pen.conv(first, 8), "norm"), first, name="sum")
    return pen.conv(tf.nn.relu(total, name="relu"), 8)


def _sum_of_two_norms(x, pen):
    norms = [pen.norm(pen.conv(x, 8, size), f"norm{size}") for size in (3, 5)]
    return pen.conv(tf.add(*norms, name="sum"), 8)


def _sum_of_a_norm_and_itself(x, pen):
    norm = pen.norm(pen.conv(x, 8), "norm")
    return pen.conv(tf.add(norm, norm, name="sum"), 8)


def _sums_of_sums(x, pen):
    for index in range(8):
        shortcut = pen.conv(x, 12, 1) if index % 3 == 0 else x
        inner = tf.nn.relu(pen.norm(pen.conv(x, 12)))
        x = shortcut + 0.3 * x[..., :1] if index % 4 == 3 else shortcut
        x = tf.add(x, pen.norm(pen.conv(inner, 12), f"norm{index}"), name=f"sum{index}")
    return pen.conv(x, 8) / 2


def _add_that_is_not_ours(x, pen):
    norm = pen.norm(pen.conv(x, 8), "norm")
    return pen.conv(tf.raw_ops.Add(x=norm, y=tf.abs(norm), name="sum"), 8)


def _reshape_for_a_convolution(x, pen):
    relu = tf.nn.relu(pen.norm(pen.conv(x, 8), "norm"), name="relu")
    _, height, width, _ = tf.unstack(tf.shape(relu, name="shape"))
    rows = reshaped(relu, [1, height, width // 4, 32], 32, "reshape")
    rows = pen.conv(rows, 32, (3, 1))
    return tf.reshape(rows, [1, height, width, 8])


def _reshape_to_fewer_channels(x, pen):
    """Then the norm's channels go on over several pixels."""
    relu = tf.nn.relu(pen.norm(pen.conv(x, 12), "norm"), name="relu")
    _, height, width, _ = tf.unstack(tf.shape(relu))
    rows = reshaped(relu, [1, height, 3 * width, 4], 4, "reshape")
    return tf.reshape(pen.conv(rows, 4), [1, height, width, 12])


def _reshape_across_rows(x, pen):
    relu = tf.nn.relu(pen.norm(pen.conv(x, 20), "norm"), name="relu")
    _, height, width, _ = tf.unstack(tf.shape(relu))
    rows = reshaped(relu, [1, height * width, 4, 5], 5, "reshape")
    return tf.reshape(pen.conv(rows, 5), [1, height, width, 20])


def _reshape_taken_elsewhere(x, pen):
    relu = tf.nn.relu(pen.norm(pen.conv(x, 8), "norm"), name="relu")
    _, height, width, _ = tf.unstack(tf.shape(relu))
    rows = reshaped(relu, [1, height, width // 2, 16], 16, "reshape")
    return tf.reshape(pen.conv(rows, 16) + tf.abs(rows), [1, height, width, 8])


def _reshape_of_a_reshape(x, pen):
    relu = tf.nn.relu(pen.norm(pen.conv(x, 8), "norm"), name="relu")
    _, height, width, _ = tf.unstack(tf.shape(relu))
    rows = tf.reshape(relu, [1, height, width // 2, 16], name="inner")
    rows = reshaped(rows, [1, height, width // 4, 32], 32, "outer")
    return tf.reshape(pen.conv(rows, 32), [1, height, width, 8])


def _reshape_of_a_plain_convolution(x, pen):
    conv = pen.conv(x, 8, name="plain")
    _, height, width, _ = tf.unstack(tf.shape(conv, name="shape"))
    rows = reshaped(conv, [1, height, width // 4, 32], 32, "reshape")
    return tf.reshape(pen.conv(rows, 32, 1), [1, height, width, 8])


def _sum_for_strides(x, pen):
    """The first convolution reads some of its rows only, and keeps them all."""
    first = pen.conv(x, 8)
    total = tf.add(pen.norm(pen.conv(first, 8), "norm"), first, name="sum")
    small = pen.conv(total, 8, 1, 3)
    return pen.conv(total, 8) + tf.reduce_mean(small, [1, 2], keepdims=True)


def _sum_for_a_kernel(x, pen):
    """Of the two convolutions that take it, one waits for the other."""
    first = pen.conv(x, 8)
    total = tf.add(pen.norm(pen.conv(first, 8), "norm"), first, name="sum")
    mean = tf.reduce_mean(pen.conv(total, 8, name="asked"), [0, 1, 2])
    kernel = pen.kernel(3, 3, 8, 8) * (1 + mean)
    return pen.conv(total, 8, kernel=kernel, name="waiting")


def _sum_of_a_reshape(x, pen):
    """The Reshape is needed as it is, and so is what it reshapes."""
    relu = tf.nn.relu(pen.norm(pen.conv(x, 8, name="first"), "norm"), name="relu")
    same = reshaped(relu, tf.shape(relu), 8, "reshape")
    return tf.add(pen.norm(pen.conv(relu, 8), "inner"), same, name="sum")


def _strides(x, pen):
    x = tf.nn.relu(pen.norm(pen.conv(x, 8, 3, 2), "norm1"))
    x = pen.norm(pen.double(x, 8), "norm2")
    return tf.nn.relu(pen.norm(pen.conv(x, 8, 1), "norm3")) - 0.5


def _stride_3(x, pen):
    """And back, by a nearest-neighbour resize."""
    small = pen.conv(x, 8, 3, 3)
    return tf.image.resize(pen.norm(small, "norm"), tf.shape(x)[1:3], "nearest")


def _stride_beyond_the_kernel(x, pen):
    small = pen.conv(x, 8, 2, 5)
    return tf.image.resize(pen.norm(small, "norm"), tf.shape(x)[1:3], "nearest")


def _even_kernels(x, pen):
    x = tf.nn.relu(pen.norm(pen.conv(x, 7, (2, 4)), "norm1"))
    return pen.norm(pen.conv(x, 17, (5, 2)), "norm2")


def _kernel_larger_than_the_image(x, pen):
    return pen.norm(pen.conv(x, 5, (41, 61)), "norm")


def _many_filters(x, pen):
    x = tf.nn.relu(pen.norm(pen.conv(x, 49, 3), "norm1"))
    return pen.norm(pen.conv(x, 100, 1), "norm2")


def _doublings(x, pen):
    x = tf.nn.relu(pen.norm(pen.conv(x, 8, 3, 4), "norm1"))
    x = tf.nn.relu(pen.norm(pen.double(x, 40, 6), "norm2"))
    x = pen.norm(pen.double(x, 8, 2), "norm3")
    return x


def _kernel_of_features(x, pen):
    """A kernel that depends on the frame, and on a convolution of it."""
    mean = tf.reduce_mean(pen.conv(x, 8, name="asked"), [1, 2])
    kernel = tf.reshape(mean, [1, 1, 1, 8]) + pen.kernel(3, 3, 8, 8)
    return pen.norm(pen.conv(pen.conv(x, 8), 8, kernel=kernel), "norm")


def _kernel_that_is_a_convolution(x, pen):
    """Ours gives no bfloat16 to who expects a kernel."""
    kernel = pen.conv(tf.constant(pen.kernel(3, 3, 3, 8))[None, ..., 0, :], 8, 1, name="kernel")
    kernel = tf.reshape(kernel, [3, 3, 1, 8], name="reshaped")
    return pen.norm(pen.conv(x[..., :1], 8, kernel=kernel), "norm")


def _gamma_of_the_frame(x, pen):
    """Not of features: TensorFlow ends the process over that in bfloat16, on Intel's processors."""
    gamma = tf.gather(1 + tf.reduce_mean(tf.abs(x), [0, 1, 2]), np.arange(8) % 3, name="gamma")
    return pen.norm(pen.conv(x, 8), "norm", scale=gamma, offset=0.1 * gamma)


def _second_output_of_a_split(x, pen):
    parts = tf.split(pen.conv(x, 16), 2, axis=-1, name="split")
    return pen.conv(parts[1], 8) + pen.conv(parts[0], 8)


def _plain_convolutions(x, pen):
    for _ in range(4):
        x = pen.conv(x, 8)
    return tf.nn.bias_add(x, np.linspace(-1, 1, 8, dtype="float32"))


def _epsilon_matters(x, pen):
    """Features that vary less than their epsilon."""
    return 10 * pen.norm(pen.conv(x / 10, 8), "norm", epsilon=0.1)


def _frozen_norm(x, pen):
    mean = np.linspace(-0.2, 0.2, 8, dtype="float32")
    variance = np.linspace(0.5, 1, 8, dtype="float32")
    norm = pen.norm(pen.conv(x, 8), "norm", mean=mean, variance=variance, is_training=False)
    return pen.conv(norm, 8)


def _statistics_taken(x, pen):
    norm = pen.norm(pen.conv(x, 8), "norm", every=True)
    return pen.conv(norm.y, 8) + norm.batch_mean


def _statistics_taken_alone(x, pen):
    conv = pen.conv(x, 8)
    norm = pen.norm(conv, "norm", every=True)
    return pen.conv(tf.abs(x), 8) + norm.batch_variance


def _norm_of_the_frame(x, pen):
    return pen.conv(pen.norm(x, "norm"), 8)


def _relu_behind_a_convolution(x, pen):
    return pen.conv(tf.nn.relu(pen.conv(x, 8), name="relu"), 8)


def _valid_and_dilated(x, pen):
    """What is not ours stays, beside a convolution that is."""
    x = pen.conv(x, 8, dilations=2, name="dilated")
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    x = pen.norm(pen.conv(x, 8, padding="VALID", name="valid"), "norm")
    x = pen.conv(x, 8, padding=[[0, 0], [2, 0], [1, 1], [0, 0]], name="explicit")
    return pen.conv(x, 8, name="ours")


def _other_doublings(x, pen):
    x = pen.conv(x, 8, 3, 2)
    x = pen.double(x, 8, 3, 1, name="same")
    small = pen.conv(x, 8, 3, 2)
    return pen.double(small, 8, 5, 4, name="fourfold")


# What the engine leaves to TensorFlow.
LEFT = {
    _norm_taken_twice,
    _relu_taken_twice,
    _sum_for_a_kernel,
    _sums_of_sums,
    _add_that_is_not_ours,
    _reshape_taken_elsewhere,
    _stride_beyond_the_kernel,
    _kernel_of_features,
    _kernel_that_is_a_convolution,
    _gamma_of_the_frame,
    _second_output_of_a_split,
    _statistics_taken,
    _statistics_taken_alone,
    _valid_and_dilated,
    _other_doublings,
}
DRAWINGS = [
    _norm_taken_twice,
    _relu_taken_twice,
    _norm_under_two_convolutions,
    _conv_taken_twice,
    _norm_without_relu,
    _norm_at_the_end,
    _relu_then_sum,
    _sum_the_other_way_round,
    _sum_for_strides,
    _sum_for_a_kernel,
    _sum_then_relu,
    _sum_of_two_norms,
    _sum_of_a_norm_and_itself,
    _sums_of_sums,
    _add_that_is_not_ours,
    _reshape_for_a_convolution,
    _reshape_to_fewer_channels,
    _reshape_across_rows,
    _reshape_taken_elsewhere,
    _reshape_of_a_reshape,
    _reshape_of_a_plain_convolution,
    _sum_of_a_reshape,
    _strides,
    _stride_3,
    _stride_beyond_the_kernel,
    _even_kernels,
    _kernel_larger_than_the_image,
    _many_filters,
    _doublings,
    _kernel_of_features,
    _kernel_that_is_a_convolution,
    _gamma_of_the_frame,
    _second_output_of_a_split,
    _plain_convolutions,
    _epsilon_matters,
    _frozen_norm,
    _statistics_taken,
    _statistics_taken_alone,
    _norm_of_the_frame,
    _relu_behind_a_convolution,
    _valid_and_dilated,
    _other_doublings,
]


def name_of(drawing):
    return drawing.__name__.strip("_")


@pytest.mark.parametrize("drawing", DRAWINGS, ids=name_of)
def test_drawings(compare, tmp_path, drawing):
    path = draw(tmp_path / "model.pb", of_any_size(drawing))
    frames = [picture(*size, seed) for seed, size in enumerate([(16, 16), (19, 36), (48, 64)])]
    compare(path, frames, own=drawing not in LEFT)


def _network(x, pen):
    return pen.norm(pen.conv(x, 8, name="first"), "norm")


def ending(middle=127.5, gain=150.0, low=0.0, high=255.0, change=lambda x: x, begin=lambda x: x):
    """The end of this project's graphs."""

    def end(features):
        tanh = tf.tanh(begin(features[..., :3]), name="tanh")
        clipped = tf.clip_by_value(tf.add(tanh * gain, middle, name="add"), low, high)
        tf.cast(change(tf.round(clipped)), tf.uint8, name="styled")

    return end


def beginning(offset=127.5, change=lambda pixels, x: x):
    """The beginning of this project's graphs."""

    def begin(frame):
        pixels = tf.cast(frame, tf.float32, name="cast")
        return change(pixels, tf.subtract(pixels, np.float32(offset), name="sub"))

    return begin


def _other_way_round(features):
    """Constants as the first operand."""
    clipped = tf.clip_by_value(127.5 + 127.5 * tf.tanh(features[..., :3]), 0, 255)
    tf.cast(tf.round(clipped), tf.uint8, name="styled")


def biased(move=lambda x: x, shape=lambda x: x):
    """A bias, and what moves its pixels about."""

    def begin(features):
        kernel = np.eye(3, dtype="float32").reshape(1, 1, 3, 3)
        features = tf.nn.conv2d(features, kernel, 1, "SAME")
        bias = tf.nn.bias_add(features, np.array([0.4, -0.2, 0.1], "float32"), name="bias")
        return shape(move(bias))

    return begin


def _twice_and_back(x, index=tf.int32):
    """The picture upright, as a list of its pixels, and as it was."""
    across = tf.transpose(x, tf.constant([0, 2, 1, 3], index), name="across")
    pixels = tf.reshape(across, [1, 1, -1, 3], name="pixels")
    back = tf.transpose(tf.reshape(pixels, tf.shape(across)), [0, 2, 1, 3])
    return tf.slice(back, [0, 0, 0, 0], tf.shape(x), name="slice")


LEFT_ENDS = {
    "bias that is used twice",
    "moved bias that is used twice",
    "another operation",
    "abs of pixels",
}
ENDS = {
    "bias": (beginning(), ending(begin=biased())),
    "moved bias": (beginning(), ending(begin=biased(_twice_and_back))),
    "bias that is used twice": (
        beginning(),
        ending(begin=biased(lambda x: _twice_and_back(x) + tf.reduce_mean(x))),
    ),
    "bias moved by numbers of 64 bits": (
        beginning(),
        ending(begin=biased(lambda x: _twice_and_back(x, tf.int64))),
    ),
    "moved bias that is used twice": (
        beginning(),
        ending(begin=biased(_twice_and_back, lambda x: x * tf.reduce_mean(x))),
    ),
    "as ours": (beginning(), ending()),
    "low contrast": (beginning(90), ending(gain=90.0, middle=100.0)),
    "narrow limits": (beginning(), ending(low=30.0, high=200.0)),
    "another operation": (beginning(), ending(change=tf.abs)),
    "constants first": (beginning(), _other_way_round),
    "sum of pixels": (beginning(change=lambda p, x: x + p), ending()),
    "abs of pixels": (beginning(change=lambda p, x: tf.abs(x)), ending()),
    "from a constant": (lambda frame: 127.5 - tf.cast(frame, tf.float32), ending()),
    "no change": (lambda frame: tf.cast(frame, tf.float32), ending()),
}


@pytest.mark.parametrize("name", ENDS)
def test_ends(compare, tmp_path, name):
    begin, end = ENDS[name]
    path = draw(tmp_path / "model.pb", _network, begin, end)
    compare(
        path, [picture(*size) for size in [(16, 16), (17, 23), (48, 64)]], own=name not in LEFT_ENDS
    )


def _by_colour(*factors):
    return lambda x: x * np.array(factors, "float32")


def _clipped(low, high, rounded=tf.round):
    """An end without a tanh, whose limits are as they are told."""

    def end(features):
        pixels = _by_colour(np.nan, 60, np.inf)(features[..., :3]) + 127.5
        limits = dict(clip_value_min=np.float32(low), clip_value_max=np.float32(high))
        pixels = rounded(tf.raw_ops.ClipByValue(t=pixels, **limits))
        tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8, name="styled")

    return end


LIMITED_ENDS = {
    "tanh of what is no number": ending(begin=_by_colour(np.nan, 1, np.inf)),
    "truncated": _clipped(20, 220, tf.identity),
    "limits": _clipped(20, 220),
    "crossed limits": _clipped(200, 60),
    "negative limits": _clipped(-200, 90),
    "limits below 0": _clipped(-200, -90),
}


@pytest.mark.parametrize("name", LIMITED_ENDS)
def test_what_is_no_number_and_limits_that_make_no_sense(compare, tmp_path, name):
    """NaN becomes 0, as TensorFlow has it, and the low one of crossed limits wins."""
    path = draw(tmp_path / "model.pb", _network, beginning(), LIMITED_ENDS[name])
    compare(path, [picture(17, 23)], contrast=-1)


def bordered(source=lambda frame: frame, before=slice(1, 6), axis=2, along=None, index=tf.int32):
    """A frame with slices of its own, reversed, in front and behind; by default of its columns."""

    def begin(frame):
        inner = [slice(None)] * axis
        numbers = tf.constant([axis], index)
        in_front = source(frame)[(*inner, before)]
        in_front = tf.raw_ops.ReverseV2(tensor=in_front, axis=numbers if along is None else along)
        behind = tf.raw_ops.ReverseV2(tensor=frame[(*inner, slice(-3, -2))], axis=numbers)
        wide = tf.raw_ops.ConcatV2(
            values=[in_front, frame, behind], axis=tf.constant(axis, index), name="wide"
        )
        return beginning()(wide)

    return begin


def cropped_to_frame(features):
    size = tf.shape(tf1.get_default_graph().get_tensor_by_name("frame:0"))
    round_tanh(tf.slice(features, [0, 0, 0, 0], [1, size[1], size[2], -1]))


BORDERS = {
    "columns": bordered(),
    "rows": bordered(axis=1),
    "no border": bordered(before=slice(4, 4)),
    "of another image": bordered(source=lambda frame: 255 - frame),
    "from the beginning": bordered(before=slice(None, 6)),
    "all columns": bordered(before=slice(None)),
    "numbers of 64 bits": bordered(index=tf.int64),
}


@pytest.mark.parametrize("name", BORDERS)
def test_borders(compare, tmp_path, name):
    """The picture is as much larger as the frame was made, and cropped again."""
    path = draw(tmp_path / "model.pb", _network, BORDERS[name], cropped_to_frame)
    frames = [picture(*size) for size in [(16, 16), (17, 23), (48, 64)]]
    compare(path, frames, own=name != "of another image")


def test_pixels_that_something_else_takes(compare, tmp_path):
    def drawing(x, pen):
        return pen.norm(pen.conv(x, 8), "norm") - tf.reduce_mean(x) / 100

    path = draw(tmp_path / "model.pb", drawing, beginning())
    compare(path, [picture(20, 36)], own=False)


def test_gamma_of_a_convolution(tmp_path):
    """In bfloat16 TensorFlow ends the process over it."""

    def drawing(x, pen):
        gamma = tf.reduce_mean(pen.conv(x, 8), axis=[0, 1, 2])
        return tf.raw_ops.FusedBatchNormV3(
            x=pen.conv(x, 8), scale=gamma, offset=gamma, mean=[], variance=[], is_training=True
        ).y

    path = draw(tmp_path / "model.pb", drawing)
    frame = picture(20, 36)
    with Engine(path, requests=1) as engine:
        assert psnr(plain_session(path)(frame), engine(frame)) >= MIN_PSNR[engine.precision]
    if "bf16" in fast_precisions():
        with pytest.raises(InputError, match="precision=bf16 is beyond TensorFlow"):
            Engine(path, precision="bf16", runtime="tensorflow")


def test_rounding(compare, tmp_path):
    """Every level of a tanh is met, and none is off by more than one."""

    def drawing(x, pen):
        return pen.conv(x, 3, 1, kernel=0.008 * np.eye(3, dtype="float32")[None, None])

    path = draw(tmp_path / "model.pb", drawing, beginning(128), ending())
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    compare(path, [levels])
    with Engine(path, precision=PRECISIONS[-1]) as engine:
        difference = plain_session(path)(levels).astype(int) - engine(levels)
    assert np.abs(difference).max() <= 1


def test_float_output_of_a_norm(compare, tmp_path):
    """A graph with a card may end in a norm: nothing is joined with what the engine looks for."""

    def drawing(x, pen):
        return tf.sigmoid(pen.norm(pen.conv(x, 3), "norm")) * 255

    path = draw(tmp_path / "model.pb", drawing)
    graph = read_graph(path)
    for node in graph.node:
        node.name = "was_styled" if node.name == "styled" else node.name
    graph.node.add(op="Relu", name="styled", input=["norm"]).attr[
        "T"
    ].type = tf.float32.as_datatype_enum
    path.write_bytes(graph.SerializeToString())
    compare(path, [picture(20, 36)], range="1")


@pytest.mark.parametrize("behind", [False, True], ids=["alone", "under-a-convolution"])
def test_output_that_is_one_of_ours(compare, tmp_path, behind):
    """`styled` is the ReLU behind a norm; under a convolution alone, that would be left to it."""

    def drawing(x, pen):
        painted = tf.nn.relu(pen.norm(pen.conv(x, 3), "norm"), name="painted")
        return pen.conv(painted, 3) if behind else x

    path = draw(tmp_path / "model.pb", drawing)
    graph = read_graph(path)
    for node in graph.node:
        node.name = {"styled": "was_styled", "painted": "styled"}.get(node.name, node.name)
        node.input[:] = ["styled" if source == "painted" else source for source in node.input]
    path.write_bytes(graph.SerializeToString())
    compare(path, [picture(20, 36)], range="1")


# Changes of a written graph of `_norm_at_the_end`, whose convolution is `Conv2D`.


def _without_defaults(graph):
    for name, attrs in {
        "norm": ["data_format", "exponential_avg_factor", "is_training"],
        "Conv2D": ["data_format", "dilations", "explicit_paddings", "use_cudnn_on_gpu"],
    }.items():
        for attr in attrs:
            del node_of(graph, name).attr[attr]


def _without_epsilon(graph):
    """Its default, 1e-4, matters beside features this small."""
    del node_of(graph, "norm").attr["epsilon"]
    kernel = next(node for node in graph.node if node.name == node_of(graph, "Conv2D").input[1])
    values = tf.make_ndarray(kernel.attr["value"].tensor) / 100
    kernel.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))


def _outputs_by_number(graph):
    for name in ("norm", "relu", "Conv2D"):
        node_of(graph, name).input[0] += ":0"


def _in_another_order(graph):
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(reversed(nodes))


def _control_input(graph):
    node_of(graph, "norm").input.append("^frame")


def _control_input_elsewhere(graph):
    node_of(graph, "styled").input.append("^relu")


def _colocated(graph):
    node_of(graph, "styled").attr["_class"].list.s.append(b"loc:@norm")


CHANGES = {
    _without_defaults: True,
    _without_epsilon: True,
    _outputs_by_number: True,
    _in_another_order: True,
    _control_input: False,
    _control_input_elsewhere: False,
    _colocated: True,
}


@pytest.mark.parametrize("change", CHANGES, ids=name_of)
def test_changed_graphs(compare, tmp_path, change):
    """By the engine or, where it does not know what they mean, by TensorFlow."""
    path = draw(tmp_path / "model.pb", _norm_at_the_end)
    graph = read_graph(path)
    change(graph)
    path.write_bytes(graph.SerializeToString())
    compare(path, [picture(20, 36)], own=CHANGES[change])


def test_convolutions_in_another_order(tmp_path):
    """The first is not to keep what another takes that it waits for."""
    path = draw(tmp_path / "model.pb", _sum_for_a_kernel)
    graph = read_graph(path)
    _in_another_order(graph)
    path.write_bytes(graph.SerializeToString())
    with Engine(path) as engine:
        frame = picture(20, 36)
        assert psnr(plain_session(path)(frame), engine(frame)) >= MIN_PSNR[engine.precision]


# What no graph of this project has: that it is not so is known only when a frame is painted.


def _sum_with(shape):
    def drawing(x, pen):
        norm = pen.norm(pen.conv(x, 8), "norm")
        return pen.conv(tf.add(norm, np.full(shape, 0.3, "float32"), name="sum"), 8)

    return drawing


def _sum_of_a_narrow_norm(x, pen):
    return pen.conv(pen.norm(pen.conv(x, 1), "norm") + pen.conv(x, 8), 8)


def _odd_doubling(x, pen):
    """Behind the padding that the frame's size asks for, the size of the frame again."""
    height, width = tf.unstack(tf.shape(x, name="frame_size"))[1:3]
    kernel = np.swapaxes(pen.kernel(4, 4, 8, 8), 2, 3)
    small = pen.conv(x, 8, 3, 2)
    return 2 * tf.nn.conv2d_transpose(small, kernel, [1, height, width, 8], 2, "SAME")


def _odd_kernel(x, pen):
    return pen.double(pen.conv(x, 8, 3, 2), 8, 3)[:, : tf.shape(x)[1], : tf.shape(x)[2]]


def _batch_of_two(x, pen):
    both = pen.norm(pen.conv(tf.concat([x, x[:, ::-1]], 0), 8))
    return both[:1] + both[1:]


def _groups(x, pen):
    return pen.conv(pen.conv(x, 8), 8, kernel=pen.kernel(3, 3, 4, 8))


def _wrong_gamma(count):
    def drawing(x, pen):
        gamma = tf1.placeholder_with_default(np.ones(count, "float32"), [None])
        return pen.norm(pen.conv(x, 8), scale=gamma, offset=gamma)

    return drawing


def _beta_of_4(x, pen):
    beta = tf1.placeholder_with_default(np.ones(4, "float32"), [None])
    return pen.norm(pen.conv(x, 8), offset=beta)


ODD = {
    "sum with channels": _sum_with([8]),
    "sum with one pixel": _sum_with([1, 1, 1, 8]),
    "sum with a number": _sum_with([]),
    "sum of a narrow norm": _sum_of_a_narrow_norm,
    "odd doubling": _odd_doubling,
    "odd kernel": _odd_kernel,
    "batch of two": _batch_of_two,
    "groups": _groups,
    **{f"gamma of {count}": _wrong_gamma(count) for count in (1, 4, 9, 16)},
    "beta of 4": _beta_of_4,
}
ODD_ENDS = {
    "offset by channel": (beginning([100, 120, 140]), ending()),
    "offset of a pixel": (beginning([[[[100, 120, 140]]]]), ending()),
    "gain by channel": (beginning(), ending(gain=np.float32([100, 120, 140]))),
    "limit by channel": (beginning(), ending(high=np.float32([200, 220, 240]))),
    "limits beyond bytes": (beginning(), ending(gain=120.0, low=-1.0, high=300.0)),
    "border with gaps": (bordered(before=slice(1, 6, 2)), cropped_to_frame),
    "border reversed across": (bordered(along=[1]), cropped_to_frame),
    "border reversed twice": (bordered(along=[1, 2]), cropped_to_frame),
    "more than a picture": (beginning(), ending(change=lambda x: tf.reshape(x, tf.shape(x)))),
}


BEYOND = {"sum of a narrow norm", "batch of two", "groups", "limit by channel"}
BEYOND |= {name for name in ODD if name.startswith(("gamma of", "beta of"))}
"""Those that TensorFlow runs."""


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", [*ODD, *ODD_ENDS])
def test_odd_graphs(open_engine, tmp_path, name, precision):
    """The picture that TensorFlow paints, or an error of one line; and the engine lives on."""
    begin, end = ODD_ENDS.get(name, (scaled, round_tanh))
    path = draw(tmp_path / "model.pb", ODD.get(name, _network), begin, end)
    if precision == "int16" and name in BEYOND:
        refuses_integers(path)
        return
    engine = open_engine(path, precision=precision)
    run = plain_session(path)
    for size in [(16, 16), (17, 35), (16, 16)]:
        frame = picture(*size)
        try:
            found = engine(frame)
        except StyleError as error:
            assert "\n" not in str(error)
            assert "expected" in str(error) or "must have" in str(error)
        else:
            assert psnr(run(frame), found) >= MIN_PSNR[precision]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_frame_that_fails_leaves_the_engine_usable(open_engine, tmp_path, precision):
    """A sum that broadcasts for some sizes only."""

    def drawing(x, pen):
        norm = pen.norm(pen.conv(x, 8), "norm")
        return pen.conv(tf.add(norm, pen.conv(x[:, :20], 8), name="sum"), 8)

    path = draw(tmp_path / "model.pb", drawing)
    if precision == "int16":
        refuses_integers(path)
        return
    engine = open_engine(path, precision=precision)
    painted = engine(picture(20, 36))
    with pytest.raises(EngineError):
        engine(picture(24, 36))
    np.testing.assert_array_equal(engine(picture(20, 36)), painted)


# Forms in which others write their networks.


def _moments(power):
    """lengstrom's norms."""

    def norm(x, pen, axes=(1, 2)):
        mean, variance = tf.nn.moments(x, list(axes), keepdims=True)
        channels = int(x.shape[6 - sum(axes)])
        shape = [1, 1, 1, channels] if axes == (1, 2) else [1, channels, 1, 1]
        gamma, beta = pen.random.uniform(0.5, 1.5, (2, *shape)).astype("float32")
        deviation = tf.pow(variance + 1e-3, 0.5) if power else tf.sqrt(variance + 1e-3)
        return gamma * ((x - mean) / deviation) + beta

    return norm


def _batch_normalization(x, pen):
    """Magenta's norms."""
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    gamma, beta = pen.random.uniform(0.5, 1.5, (2, int(x.shape[-1]))).astype("float32")
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)


def _square_of_a_difference(x, pen):
    difference = x - tf.reduce_mean(x, [1, 2], keepdims=True)
    variance = tf.reduce_mean(tf.square(difference), [1, 2], keepdims=True)
    gamma, beta = pen.random.uniform(0.5, 1.5, (2, int(x.shape[-1]))).astype("float32")
    return difference * tf.math.rsqrt(variance + 1e-5) * gamma + beta


def _fused(x, pen):
    return pen.norm(x)


def _frozen(x, pen):
    channels = int(x.shape[-1])
    mean, variance = pen.random.uniform(0.2, 1, (2, channels)).astype("float32")
    return pen.norm(x, mean=mean, variance=variance, is_training=False)


NORMS = {
    "moments": _moments(False),
    "power": _moments(True),
    "batch-normalization": _batch_normalization,
    "square": _square_of_a_difference,
    "fused": _fused,
}


def _check_floats(path, drawing, sizes, value_range="255", shape=(1, None, None, 3)):
    """Paints a graph without a card that takes and gives floats."""
    with tf.Graph().as_default() as graph:
        frame = tf1.placeholder(tf.float32, shape, name="frame")
        tf.identity(drawing(frame, Pen()), name="styled")
    run = GraphRunner(read_graph(graphs.save(graph, path)))
    unit = 255 if value_range == "1" else 1
    with Engine(path, range=value_range, precision="fp32") as engine:
        assert engine.runtime == EXPECTED_RUNTIME
        for size in sizes:
            frame = picture(*size)
            expected = (run((frame / unit).astype("float32")) * unit).clip(0, 255)
            assert expected.std() > 20, "a flat picture would prove nothing"
            assert np.abs(expected - engine(frame)).max() <= 1


@pytest.mark.parametrize("norm", NORMS)
def test_lengstroms_form(tmp_path, norm):
    """Floats of 0..255, transposed convolutions with kernels of odd size, a scaled tanh."""

    def drawing(frame, pen):
        def conv(x, filters, size, stride=1):
            return tf.nn.relu(NORMS[norm](pen.conv(x, filters, size, stride), pen))

        x = conv(conv(frame, 16, 9), 24, 3, 2)
        x = x + NORMS[norm](pen.conv(conv(x, 24, 3), 24), pen)
        x = tf.nn.relu(NORMS[norm](pen.double(x, 16, 3), pen))
        _, height, width, _ = tf.unstack(tf.shape(frame))
        x = tf.slice(x, [0, 0, 0, 0], [1, height, width, 16])
        return tf.tanh(NORMS[norm](pen.conv(x, 3, 9), pen)) * 150 + 255.0 / 2

    _check_floats(tmp_path / "model.pb", drawing, [(16, 16), (18, 24), (33, 48)])


def test_magentas_form(tmp_path):
    """Mirrored borders, VALID convolutions, pixels doubled, a sigmoid; 0..1 in and out."""

    def drawing(frame, pen):
        def conv(x, filters, size, stride=1, last=False):
            half = size // 2
            x = tf.pad(x, [[0, 0], [half, half], [half, half], [0, 0]], "REFLECT")
            x = _batch_normalization(pen.conv(x, filters, size, stride, "VALID"), pen)
            return tf.sigmoid(x) if last else tf.nn.relu(x)

        x = conv(conv(frame, 16, 9), 24, 3, 2)
        x = x + conv(conv(x, 24, 3), 24, 3)
        size = tf.shape(x)[1:3] * 2
        x = conv(tf1.image.resize_nearest_neighbor(x, size), 16, 3)
        return conv(x, 3, 9, last=True)[:, : tf.shape(frame)[1], : tf.shape(frame)[2]]

    _check_floats(tmp_path / "model.pb", drawing, [(16, 16), (17, 23), (48, 33)], "1")


def test_channels_first_inside(compare, tmp_path):
    def drawing(x, pen):
        x = tf.transpose(x, [0, 3, 1, 2])
        x = pen.conv(x, 16, kernel=pen.kernel(9, 9, 3, 16), data_format="NCHW")
        x = tf.nn.relu(_moments(False)(x, pen, (2, 3)))
        y = pen.conv(x, 16, kernel=pen.kernel(3, 3, 16, 16), data_format="NCHW")
        y = tf.nn.bias_add(y, np.linspace(-1, 1, 16, dtype="float32"), data_format="NCHW")
        x = x + pen.norm(y, channels=16, data_format="NCHW")
        x = tf.pad(x, [[0, 0], [0, 0], [1, 1], [1, 1]], "SYMMETRIC")
        x = pen.conv(x, 3, padding="VALID", kernel=pen.kernel(3, 3, 16, 3), data_format="NCHW")
        return tf.transpose(x, [0, 2, 3, 1])

    path = draw(tmp_path / "model.pb", drawing)
    compare(path, [picture(*size) for size in [(16, 16), (17, 23), (33, 48)]])


def test_style_vector(open_engine, tmp_path):
    """Scale and offset of each norm are a part of what two dense layers make of a vector."""

    def drawing(x, pen):
        vector = tf1.placeholder_with_default(np.float32([1, 0]), [2], name="style_weights")
        hidden = tf.nn.relu(tf.matmul(vector[None], pen.random.normal(0, 1, (2, 24)).astype("f")))
        numbers = tf.matmul(hidden, pen.random.normal(0, 0.2, (24, 48)).astype("f"))[0]
        for first in (0, 24):
            gamma, beta = numbers[first : first + 12], numbers[first + 12 : first + 24]
            x = tf.nn.relu(pen.norm(pen.conv(x, 12), scale=1 + gamma, offset=beta))
        return pen.conv(x, 3)

    path = draw(tmp_path / "model.pb", drawing, styles="ab")
    engine = open_engine(path, precision="fp32")
    assert engine.runtime == EXPECTED_RUNTIME
    for style, mix in [("a", [1, 0]), ("a:0.5+b:0.5", [0.5, 0.5])]:
        engine.style = style
        frame = picture(33, 48)
        assert np.abs(plain_session(path)(frame, mix).astype(int) - engine(frame)).max() <= 1


def test_relu6_padding_and_a_cast_that_truncates(compare, tmp_path):
    def drawing(x, pen):
        x = tf.nn.relu6(_frozen(pen.conv(x[..., ::-1], 16), pen))
        x = tf.pad(x, [[0, 0], [1, 1], [2, 2], [0, 0]])
        return pen.conv(x, 3, (3, 5), padding="VALID")

    def end(features):
        tf.cast(tf.clip_by_value(features * 250 + 127, 0, 255), tf.uint8, name="styled")

    path = draw(tmp_path / "model.pb", drawing, end=end)
    compare(path, [picture(*size) for size in [(16, 16), (33, 48)]])


def test_a_fixed_size(tmp_path):
    def drawing(frame, pen):
        x = tf.nn.relu(pen.norm(pen.conv(frame - [120.0, 115.0, 100.0], 8)))
        return tf.clip_by_value(pen.conv(x, 3) * 60 + 127, 0, 255)

    _check_floats(tmp_path / "model.pb", drawing, [(24, 40)], shape=(1, 24, 40, 3))


# What runs a model


@pytest.mark.skipif(not HAS_VECTORS, reason="TensorFlow runs all models here")
def test_without_tensorflow(tmp_path):
    """Shipped models need no library, and what else is asked for says what it misses."""
    script = """
import sys
import numpy as np
from ffmpeg_style import Engine
from ffmpeg_style.errors import LibraryError

frame = np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)
for model in sys.argv[2:]:
    with Engine(model) as engine:
        assert engine.runtime == "own" and engine.library is None and engine.version is None
        engine(frame)
    try:
        Engine(model, runtime="tensorflow")
    except LibraryError as error:
        print(error)
assert "tensorflow" not in sys.modules
"""
    models = sorted((Path(__file__).parents[2] / "models").glob("*.pb"))
    environment = {**os.environ, "FFMPEG_STYLE_TENSORFLOW": "/nowhere"}
    command = [sys.executable, "-c", script, "-", *map(str, models)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("/nowhere") == len(models)


def test_runtime(exported, tmp_path, caplog):
    known = exported("fast", 8, "a", "instance")
    other = draw(tmp_path / "model.pb", lambda x, pen: tf.abs(pen.conv(x, 3)))
    with caplog.at_level(logging.INFO, "ffmpeg_style"), Engine(other) as engine:
        assert engine.runtime == "tensorflow"
    assert any("node 'Abs' (Abs)" in message for message in caplog.messages)
    with Engine(known, runtime="tensorflow") as engine:
        assert engine.runtime == "tensorflow" and engine.version[0].isdecimal()
    with pytest.raises(DeviceError, match=r"runtime=own.*take runtime=auto or tensorflow"):
        Engine(other, runtime="own")
    with pytest.raises(InputError, match="runtime is 'cpu'; expected auto, own, tensorflow"):
        Engine(known, runtime="cpu")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_bytes_for_any_number_of_requests(exported, precision):
    path = exported("johnson", 16, "abc", "instance")
    frames = [picture(33, 46, seed) for seed in range(6)]
    paintings = []
    for settings in [
        dict(requests=1, threads=1),
        dict(requests=1, threads=3),
        dict(requests=5),
        dict(requests=2, threads=2),
    ]:
        with Engine(path, precision=precision, **settings) as engine:
            paintings.append(list(engine(frames)))
    for painted in paintings[1:]:
        np.testing.assert_array_equal(painted, paintings[0])
