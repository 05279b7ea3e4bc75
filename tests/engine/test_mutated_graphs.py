"""Broken models, each opened and painted with in a process of its own, beside plain TensorFlow."""

import multiprocessing
import resource

import numpy as np
import pytest
import tensorflow as tf
from helpers.mutations import Mutation
from helpers.random_graphs import Lot

from ffmpeg_style import Engine
from ffmpeg_style.errors import StyleError
from ffmpeg_style.graphs.frozen_graph import GraphRunner, read_graph

LOTS, SIZES = 40, ((16, 16), (33, 48))
SEEDS = range(500)
SHORT = {*range(11), 149}
"""These are tried in every run of the tests: 149 ended TensorFlow, and the process."""
MEMORY = 6 << 30
HANGS = 120
"""Seconds after which a process is taken to hang."""


def plainly(path, frame):
    """What TensorFlow itself makes of a frame; None: nothing."""
    try:
        return GraphRunner(read_graph(path))(frame)
    except Exception:
        return None


def paint(path, pipe):
    """In a child: tell what is painted of each size, or why none is; then what TensorFlow does."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    frames = [np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8) for size in SIZES]
    try:
        with Engine(path, precision="fp32", steady=0.0) as engine:
            told, runtime = [next(iter(engine([frame]))) for frame in frames], engine.runtime
    except StyleError as error:
        told, runtime = str(error), ""
    pipe.send((told, runtime))
    if runtime:
        pipe.send([plainly(path, frame) for frame in frames])


@pytest.fixture(scope="module")
def lots(tmp_path_factory):
    """Networks whose pictures are bytes."""
    folder, found = tmp_path_factory.mktemp("lots"), []
    for seed in range(LOTS):
        path = folder / f"{seed}.pb"
        Lot(seed).write(path)
        nodes = {node.name: node for node in read_graph(path).node}
        if nodes["frame"].attr["dtype"].type == 4:
            found.append(path)
    return found


@pytest.fixture(scope="module")
def children():
    """Processes in which TensorFlow is loaded, and has done nothing yet."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tensorflow", "ffmpeg_style._engine"])
    return context


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=[pytest.mark.graphs] * (n not in SHORT)) for n in SEEDS]
)
def test_a_broken_model(seed, lots, children, tmp_path):
    path = tmp_path / "broken.pb"
    Mutation(seed).write(lots[seed % len(lots)], path)
    there, here = children.Pipe(duplex=False)
    child = children.Process(target=paint, args=(path, here))
    child.start()
    here.close()
    try:
        assert there.poll(HANGS), "it hangs"
        told, runtime = there.recv()
        if runtime and is_tame(path):
            compare(told, there)
    except EOFError:
        child.join()
        pytest.fail(f"ended by signal {-child.exitcode}")
    finally:
        child.kill()


def compare(painted, there):
    """Two levels beside plain TensorFlow, which may refuse the graph, hang, or end by itself."""
    if not there.poll(HANGS):
        return
    try:
        expected = there.recv()
    except EOFError:
        return
    for ours, theirs in zip(painted, expected, strict=True):
        if theirs is not None:
            assert ours.shape == theirs.shape
            assert np.abs(ours.astype(int) - theirs).max() <= 2


def is_tame(path):
    """Whether all weights are numbers, and none so large that single precision loses the others."""
    return all(
        np.isfinite(values := tf.make_ndarray(node.attr["value"].tensor)).all()
        and np.abs(values).max(initial=0) < 1e4
        for node in read_graph(path).node
        if node.op == "Const" and node.attr["dtype"].type == 1
    )
