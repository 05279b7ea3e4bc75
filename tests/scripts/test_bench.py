"""The benchmark: its graphs, its tables, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx.reference
import pytest
import tensorflow as tf
from bench import graphs, onnx_graph, report, run

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


@pytest.mark.parametrize("architecture", ["johnson", "fast"])
def test_onnx_graph_paints_the_same(frame, tmp_path, architecture):
    model = tmp_path / "model.pb"
    export(StyleNetwork(architecture, width=4).build_weights(), model)
    onnx_graph.write_onnx_graph(model, tmp_path / "model.onnx")
    run = onnx.reference.ReferenceEvaluator(str(tmp_path / "model.onnx")).run
    frame = frame[:17, :22]  # it is slow
    (painted,) = run(None, {"frame": np.float32(frame.transpose(2, 0, 1)[None])})
    expected = GraphRunner(read_graph(model))(frame)
    assert np.abs(painted[0].transpose(1, 2, 0) - expected).max() <= 1


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
        "ONNX Runtime latency": 24.0,
        "ONNX Runtime throughput": 16.0,
    }
    header, _, row = report.ratio_table(results(case(speeds))).splitlines()[-3:]
    cells = dict(
        zip(*([c.strip() for c in line.split("|")] for line in (header, row)), strict=True)
    )
    assert cells["dnn_processing"] == "3.00"
    assert cells["its best settings"] == "1.50"
    assert cells["OpenVINO bf16"] == "1.20"
    assert cells["ONNX Runtime"] == "2.50"
    assert "pipe to Python" not in cells
    assert cells["share of the peak"] == "20 %"  # 180 of 900 GFLOP/s


def test_a_ratio_is_of_what_ran_side_by_side():
    ours = {"samples": [44.0, 11.0, 33.0]}  # the ratio of the medians would be 2.2
    assert report.ratio(ours, {"samples": [40.0, 10.0, 15.0]}) == 1.1
    several_in_a_round = {"samples": [22.0, 20.0, 1.0, 11.0, 10.0, 99.0]}
    assert report.ratio(several_in_a_round, {"samples": [20.0, 22.0]}) == 0.75
    assert report.ratio({"median": 30.0}, {"median": 20.0}) == 1.5  # of an older run


def test_close_contenders_alternate_in_a_round():
    close = ["styletransfer in memory", "engine alone auto", "styletransfer auto"]
    close += ["styletransfer steady=0"]
    chosen = [one for one in run.contenders() if one.name in {*close, "styletransfer fp32"}]
    names = [one.name for one in run.one_round(chosen)]
    assert names == [*(run.CLOSE_TIMES * close), "styletransfer fp32"]


def test_peak_is_the_median_of_the_case():
    assert report.share_of_peak(case({"engine": 60.0}), "engine") == "20 %"
    other = case({"engine": 60.0}) | {"gigamacs": 3.0}
    assert report.share_of_peak(other, "engine") == "40 %"
    assert "800 to 1000 GFLOP/s in bf16" in report.machine_text(results(other))
    other["contenders"]["engine"]["precision"] = "int16"
    assert not report.share_of_peak(other, "engine")


def update(folder, kind, speed):
    pages = report.Pages(folder, kind)
    pages.results.write_text(json.dumps(results(case({"styletransfer auto": speed}))))
    return pages, report.update_pages(pages)


def test_page_keeps_what_people_wrote(tmp_path):
    text = "Before\n<!-- figures -->\nold\n<!-- end of figures -->\nAfter\n"
    for name in ("benchmarks.md", "benchmarks-avx2.md"):
        (tmp_path / name).write_text(text)
    pages, told = update(tmp_path, "avx2", 60.0)
    assert "59.0 to 61.0" in told
    assert "at most 4 %" in told
    for page in (pages.page, pages.overview):
        written = page.read_text()
        assert written.startswith("Before\n")
        assert written.endswith("\nAfter\n")
        assert "old" not in written
    assert told in pages.page.read_text()


def test_a_run_replaces_its_own_kind_of_processor_alone(tmp_path):
    slow, _ = update(tmp_path, "avx2", 60.0)
    before = slow.page.read_text()
    fast, _ = update(tmp_path, "amx", 120.0)
    update(tmp_path, "amx", 180.0)
    rows = [line for line in fast.overview.read_text().splitlines() if line.startswith("| fast")]
    shares = [row.split("|")[-2].strip() for row in rows]
    assert shares == ["60 %", "20 %"]  # the best kind first
    assert slow.page.read_text() == before
    assert "181.0" in fast.page.read_text()


def test_kinds_of_processors():
    xeon = {"avx2", "avx512f", "avx512_vnni", "amx_bf16"}
    assert report.kind_of(xeon) == "amx"
    assert report.kind_of(xeon - {"amx_bf16"}) == "avx512_vnni"
    assert report.kind_of({"avx2"}) == "avx2"
    assert report.kind_of({"asimd", "bf16"}) == "neon"


def test_unknown_contender_is_refused():
    command = [sys.executable, "-m", "bench.run", "--contenders", "nothing"]
    result = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True)
    assert result.returncode == 2
    assert "styletransfer auto" in result.stderr
