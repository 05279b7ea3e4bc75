"""The benchmark: its graphs, its tables, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from bench import graphs, report, run

from ffmpeg_style.graphs.frozen_graph import GraphRunner, import_graph, read_graph
from ffmpeg_style.learning.export import export
from ffmpeg_style.learning.networks import StyleNetwork

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "model.pb"
    export(StyleNetwork("fast", width=8).build_weights(), path)
    return path


@pytest.fixture
def frame():
    return np.random.default_rng(1).integers(0, 256, (37, 50, 3), np.uint8)


def test_float_graph_paints_the_same(model, frame, tmp_path):
    graphs.write_float_graph(model, tmp_path / "float.pb")
    with tf.compat.v1.Session(graph=import_graph(read_graph(tmp_path / "float.pb"))) as session:
        painted = session.run("output:0", {"input:0": frame[None] / np.float32(255)})[0]
    assert painted.dtype == np.float32
    assert np.abs(painted * 255 - GraphRunner(read_graph(model))(frame)).max() <= 1


def test_openvino_graph_paints_the_same(model, frame, tmp_path):
    graphs.write_openvino_graph(model, tmp_path / "openvino.pb")
    graph = read_graph(tmp_path / "openvino.pb")
    assert not any(node.op == "FusedBatchNormV3" for node in graph.node)
    with tf.compat.v1.Session(graph=import_graph(graph)) as session:
        painted = session.run("output:0", {"input:0": frame[None] / np.float32(255)})[0]
    assert np.abs(painted * 255 - GraphRunner(read_graph(model))(frame)).max() <= 1


def test_multiply_adds(model):
    # 40x40 with the margin of 12 around a frame of 16x16: half of it is 20, a quarter 10.
    expected = 20 * 20 * 9 * 12 * 8  # conv1
    expected += 10 * 10 * 9 * 8 * 16  # conv2
    expected += 4 * 2 * 10 * 10 * 9 * 16 * 16  # four residual blocks
    expected += 10 * 10 * 16 * 16 * 8  # up1, its kernel of 4x4
    expected += 20 * 20 * 9 * 8 * 12  # output, to squares of 2x2 pixels
    assert graphs.multiply_adds(model, 16, 16) == expected


def case(speeds, sink="null"):
    figures = {key: {"median": 1.0, "min": 1.0, "max": 1.0} for _, key, _ in report.COLUMNS}
    contenders = {
        name: {
            **figures,
            "fps": {"median": speed, "min": speed - 1, "max": speed + 1, "samples": [speed]},
            "others": {"median": 0.0, "min": 0.0, "max": 0.04},
            "precision": "bf16",
        }
        for name, speed in speeds.items()
    }
    return {
        "architecture": "fast",
        "width": 640,
        "height": 360,
        "sink": sink,
        "model": "wave-fast",
        "gigamacs": 1.5,
        "peak_gflops": {
            "fp32": {"median": 200.0, "min": 190.0, "max": 220.0},
            "bf16": {"median": 900.0, "min": 800.0, "max": 1000.0},
        },
        "contenders": contenders,
    }


def results(*cases):
    machine = {"processor": "P", "processors": 2, "instructions": ["avx2"], "memory_gb": 8}
    machine |= {"system": "Linux", "tensorflow": "2", "openvino": "3"}
    return {"date": "2026-01-02", "machine": machine, "cases": list(cases)}


def test_ratios_take_the_faster_hint_and_keep_best_settings_apart():
    speeds = {
        "styletransfer auto": 60.0,
        "dnn_processing": 20.0,
        "dnn_processing best": 40.0,
        "OpenVINO bf16 latency": 30.0,
        "OpenVINO bf16 throughput": 50.0,
    }
    header, _, row = report.ratio_table(results(case(speeds))).splitlines()[-3:]
    cells = dict(
        zip(*([c.strip() for c in line.split("|")] for line in (header, row)), strict=True)
    )
    assert cells["dnn_processing"] == "3.00"
    assert cells["its best settings"] == "1.50"
    assert cells["OpenVINO bf16"] == "1.20"
    assert cells["pipe to Python"] == ""
    assert cells["share of the peak"] == "20 %"  # 180 of 900 GFLOP/s


def test_a_ratio_is_of_what_ran_side_by_side():
    ours = {"samples": [44.0, 11.0, 33.0]}  # the ratio of the medians would be 2.2
    assert report.ratio(ours, {"samples": [40.0, 10.0, 15.0]}) == 1.1
    several_in_a_round = {"samples": [22.0, 20.0, 1.0, 11.0, 10.0, 99.0]}
    assert report.ratio(several_in_a_round, {"samples": [20.0, 22.0]}) == 0.75
    assert report.ratio({"median": 30.0}, {"median": 20.0}) == 1.5  # of an older run


def test_close_contenders_alternate_in_a_round():
    ours = {"styletransfer in memory", "engine alone auto", "styletransfer auto"}
    chosen = [one for one in run.contenders() if one.name in ours]
    names = [one.name for one in run.one_round(chosen)]
    pair = ["styletransfer in memory", "engine alone auto"]
    assert names == [*(run.CLOSE_TIMES * pair), "styletransfer auto"]


def test_peak_is_the_median_of_the_case():
    assert report.share_of_peak(case({"engine": 60.0}), "engine") == "20 %"
    other = case({"engine": 60.0}) | {"gigamacs": 3.0}
    assert report.share_of_peak(other, "engine") == "40 %"
    assert "800 to 1000 GFLOP/s in bf16" in report.machine_text(results(other))


def test_page_keeps_what_people_wrote(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text("Before\n<!-- figures -->\nold\n<!-- end of figures -->\nAfter\n")
    text = report.update_page(results(case({"styletransfer auto": 60.0})), page)
    assert "59.0 to 61.0" in text
    assert "at most 4 %" in text
    written = page.read_text()
    assert written.startswith("Before\n")
    assert written.endswith("\nAfter\n")
    assert text in written
    assert "old" not in written


def test_unknown_contender_is_refused():
    command = [sys.executable, "-m", "bench.run", "--contenders", "nothing"]
    result = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True)
    assert result.returncode == 2
    assert "styletransfer auto" in result.stderr
