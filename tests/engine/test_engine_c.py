"""The engine in C: its own tests over a fake TensorFlow, and its programs over the real one.

The tests of `tests/c` are built by `csrc/Makefile`, as they are and under the sanitisers. `paint`
is the program that stands in the comment of `csrc/styletransfer.h`.
"""

import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import graphs
from helpers.engine import build

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "tests" / "c").glob("test_*.c"))
PROGRAMS = [path.stem for path in SOURCES]
STARTERS = re.compile(r"pthread_create|vf_stop\.h")  # vf_stop.c starts one
THREADED = [path.stem for path in SOURCES if STARTERS.search(path.read_text())]
WIDTH, HEIGHT = 30, 20


@pytest.fixture(scope="session")
def plain():
    return build("")


@pytest.fixture(scope="session")
def address_sanitized():
    return build("address,undefined")


@pytest.fixture(scope="session")
def thread_sanitized():
    return build("thread")


@pytest.fixture(scope="session")
def frames():
    return np.random.default_rng(0).integers(0, 256, (5, HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope="session")
def environment():
    """TensorFlow is found, and says what it likes to say."""
    tensorflow = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
    variables = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    return {**variables, "FFMPEG_STYLE_TENSORFLOW": tensorflow}


@pytest.fixture(scope="session")
def paint(plain, environment):
    """Runs `paint`: returns its frames, and its lines on stderr."""

    def run(model, frames, *, width=WIDTH, height=HEIGHT, status=0, **variables):
        result = subprocess.run(
            [plain / "paint", model, str(width), str(height)],
            input=frames.tobytes(),
            capture_output=True,
            env={**environment, **variables},
            timeout=120,
        )
        lines = result.stderr.decode().splitlines()
        assert result.returncode == status, lines
        painted = np.frombuffer(result.stdout, np.uint8)
        return painted.reshape(-1, height, width, 3), lines

    return run


@pytest.mark.parametrize("program", PROGRAMS)
def test_c(program, plain):
    subprocess.run([plain / program, plain], check=True, timeout=120)


@pytest.mark.parametrize("program", PROGRAMS)
def test_memory(program, address_sanitized):
    subprocess.run([address_sanitized / program, address_sanitized], check=True, timeout=900)


@pytest.mark.parametrize("program", THREADED)
def test_races(program, thread_sanitized):
    subprocess.run([thread_sanitized / program, thread_sanitized], check=True, timeout=900)


@pytest.mark.parametrize("program", PROGRAMS)
def test_only_these_start_threads(program, plain):
    """The thread sanitizer has nothing to look at in the others."""
    command = ["nm", "--undefined-only", plain / program]
    symbols = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert bool(re.search(r"\bpthread_create\b", symbols)) == (program in THREADED)


def test_global_names_have_the_prefix(plain):
    command = ["nm", "--extern-only", "--defined-only", str(plain / "libstyletransfer.a")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    names = [line.split()[-1] for line in lines if re.search(r" [A-Z] ", line)]
    assert "ff_style_open" in names
    assert [name for name in names if not name.startswith("ff_style_")] == []


def test_engine_writes_and_ends_nothing(plain):
    """A library leaves both streams, and the end of the program, to its caller.

    One file knows `stderr`: another stream takes its place while TensorFlow is loaded.
    """
    command = ["nm", "--undefined-only", str(plain / "libstyletransfer.a")]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    files = dict(re.findall(r"^(\S+\.o):\n((?:.+\n?)*)", listed, re.MULTILINE))
    forbidden = {"printf", "puts", "putchar", "fprintf", "fwrite", "stdout", "stderr", "fputs"}
    forbidden |= {"abort", "exit", "_exit", "__assert_fail"}
    found = {name: forbidden & set(names.split()) for name, names in files.items()}
    assert {name: names for name, names in found.items() if names} == {"stderr.o": {"stderr"}}


@pytest.mark.parametrize("threads,bf16,gpu", [(1, 0, 0), (200, 1, 0), (4, 0, 1), (1024, 1, 1)])
def test_tensorflow_reads_the_configuration(plain, threads, bf16, gpu):
    from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2

    command = [plain / "print_config", str(threads), str(bf16), str(gpu)]
    content = subprocess.run(command, capture_output=True, check=True).stdout
    expected = config_pb2.ConfigProto(
        intra_op_parallelism_threads=threads,
        inter_op_parallelism_threads=1,
        use_per_session_threads=True,
        allow_soft_placement=True,
    )
    if gpu:
        expected.gpu_options.allow_growth = True
    else:
        expected.device_count["GPU"] = 0
    if bf16:
        rewrite = expected.graph_options.rewrite_options
        rewrite.auto_mixed_precision_onednn_bfloat16 = rewriter_config_pb2.RewriterConfig.ON
    assert config_pb2.ConfigProto.FromString(content) == expected


@pytest.mark.parametrize("half", [False, True])
def test_same_as_a_plain_session(paint, frames, tmp_path, half):
    model = graphs.contract_graph(tmp_path / "model.pb", ["wave", "scream"], half=half)
    painted, lines = paint(model, frames)
    expected = np.stack([graphs.run_graph(model, frame) for frame in frames])
    assert lines == []  # not TensorFlow's either
    np.testing.assert_array_equal(painted, expected)


def test_tensorflow_speaks_when_asked_to(paint, frames, tmp_path):
    model = graphs.contract_graph(tmp_path / "model.pb", ["wave", "scream"])
    assert paint(model, frames, TF_CPP_MIN_LOG_LEVEL="0")[1] != []


@pytest.mark.parametrize("value_range", graphs.RANGES)
@pytest.mark.parametrize("size", [(None, None), (HEIGHT, WIDTH)])
def test_graphs_of_others(paint, frames, tmp_path, value_range, size):
    """Their range shows in the clipping at their end."""
    reference = graphs.contract_graph(tmp_path / "reference.pb")
    model = graphs.float_graph(tmp_path / "model.pb", value_range, size=size)
    painted, lines = paint(model, frames)
    expected = np.stack([graphs.run_graph(reference, frame) for frame in frames])
    assert lines == []
    assert np.abs(painted.astype(int) - expected).max() <= 1  # they don't round


@pytest.mark.parametrize("name", graphs.BAD)
def test_bad_models(paint, frames, tmp_path, name):
    bad = graphs.BAD[name]
    painted, lines = paint(bad.write(tmp_path / "model.pb"), frames, status=1)
    assert len(painted) == 0
    assert len(lines) == 1, lines
    assert [word for word in bad.words if word not in lines[0]] == [], lines[0]


def test_an_output_of_another_size(paint, frames, tmp_path):
    _, lines = paint(graphs.WRONG_SIZE.write(tmp_path / "model.pb"), frames[:1], status=1)
    assert len(lines) == 1
    assert f"{WIDTH}x{HEIGHT}" in lines[0] and f"[1,{HEIGHT - 1},{WIDTH},3]" in lines[0]


def test_a_frame_of_another_size_than_the_graph(paint, frames, tmp_path):
    model = graphs.float_graph(tmp_path / "model.pb", size=(24, 32))
    _, lines = paint(model, frames, status=1)
    assert len(lines) == 1
    assert f"{WIDTH}x{HEIGHT}" in lines[0] and "32x24" in lines[0]


def test_truncated_models(paint, frames, tmp_path):
    model = graphs.contract_graph(tmp_path / "model.pb", ["wave", "scream"])
    for path in graphs.truncations(model, tmp_path):
        painted, lines = paint(path, frames, status=1)
        assert len(painted) == 0
        assert len(lines) == 1, (path, lines)


def test_without_tensorflow(paint, frames, tmp_path):
    """A graph that needs it: the kernel follows from the weights of its styles."""
    model = graphs.contract_graph(tmp_path / "model.pb", ["wave", "scream"])
    _, lines = paint(model, frames, status=1, FFMPEG_STYLE_TENSORFLOW="/nowhere")
    assert len(lines) == 1
    assert "install" in lines[0] and "/nowhere" in lines[0]


def run_bench(plain, environment, *arguments):
    command = [plain / "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def test_bench(plain, environment, tmp_path):
    model = graphs.wide_graph(tmp_path / "model.pb", 8)
    result = run_bench(plain, environment, model, 32, 24, 5, 3, 1)
    report = json.loads(result.stdout)
    assert result.stderr == ""
    assert (report["requests"], report["threads"], report["frames"]) == (3, 1, 5)
    assert report["ms_per_frame"] > 0


def test_bfloat16_only_in_hardware(plain, environment, tmp_path):
    model = graphs.wide_graph(tmp_path / "model.pb")
    result = run_bench(plain, environment, model, 32, 24, 2, 1, 1, "bf16")
    flags = set(re.search(r"^flags.*$", Path("/proc/cpuinfo").read_text(), re.M)[0].split())
    if flags & {"avx512_bf16", "amx_bf16"}:
        assert json.loads(result.stdout)["precision"] == "bf16"
    else:
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1
        assert "precision=bf16 needs a processor with" in result.stderr


def test_builds_without_the_instructions(tmp_path):
    """As where the compiler, or the processor it compiles for, lacks what the convolutions take."""
    for source in (ROOT / "csrc" / "kernels").rglob("*.c"):
        command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wundef", "-Werror"]
        command += ["-DFF_STYLE_HAS_CONV=0", "-c", str(source), "-o", str(tmp_path / "object.o")]
        subprocess.run(command, check=True)


def test_no_such_gpu(plain, environment, tmp_path):
    model = graphs.contract_graph(tmp_path / "model.pb")
    result = run_bench(plain, environment, model, 32, 24, 1, 1, 1, "auto", "gpu:99")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "device=gpu:99" in result.stderr
