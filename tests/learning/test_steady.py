"""Judging a model's steadiness, with painters whose figures are known."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.learning import steady
from ffmpeg_style.learning.export import export
from ffmpeg_style.learning.networks import StyleNetwork


def texture(height=96, width=128, seed=0):
    """Blobs of several pixels, whose motion can be seen."""
    values = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), "uint8")
    return np.asarray(Image.fromarray(values).resize((width, height), Image.BICUBIC))


def moving(steps, count=3):
    """Frames of a texture that moves to the left."""
    wide = texture(width=192)
    return [np.ascontiguousarray(wide[:, i * steps : i * steps + 128]) for i in range(count)]


def twice_as_far(frames):
    """A painter that doubles each difference from grey."""
    return (np.clip(2.0 * frame - 128, 0, 255).astype("uint8") for frame in frames)


def by_turns(frames):
    """A painter that makes every other frame lighter by 16 levels."""
    return (np.minimum(frame, 239) + 16 * (i % 2) for i, frame in enumerate(frames))


def write_sintel(folder, flow, occluded):
    for number, frame in enumerate(moving(3, 2), 1):
        Image.fromarray(frame).save(folder / f"frame_{number:04}.png")
    size = np.array(flow.shape[1::-1], "<i4").tobytes()
    (folder / "flow_0001.flo").write_bytes(b"PIEH" + size + flow.astype("<f4").tobytes())
    Image.fromarray(occluded).save(folder / "occluded_0001.png")


def test_noise_gain_is_what_the_painter_makes_of_noise():
    grey = np.full((96, 128, 3), 128, "uint8")

    assert steady.noise_gain(iter, grey) == pytest.approx(1)
    assert steady.noise_gain(twice_as_far, grey) == pytest.approx(2, rel=0.01)


def test_pan_is_what_the_painter_changes_of_a_moved_photograph():
    assert steady.pan(iter, texture())[0] == 0
    assert steady.pan(by_turns, texture() // 2)[0] == pytest.approx(16 / 255 * (4 / 7) ** 0.5)


def test_warp_error_follows_the_flow_and_leaves_out_what_is_hidden():
    frames = moving(3, 2)
    flow = np.tile(np.float32([-3, 0]), (96, 128, 1))
    seen = np.ones((96, 128), bool)
    seen[:, :3] = False

    assert steady.warp_error(frames, [steady.Pair(0, flow, seen)]) == 0
    assert steady.warp_error(frames, [steady.Pair(0, flow, ~seen)]) > 0.01
    assert steady.warp_error(frames, [steady.Pair(0, 0 * flow, seen)]) > 0.01


def test_estimated_flow_finds_motion_and_distrusts_what_came_in():
    flow, valid = steady.estimate_flow(*moving(4, 2))

    assert valid[16:-16, 16:-16].mean() > 0.95
    assert np.median(flow[16:-16, 16:-16], (0, 1)) == pytest.approx([-4, 0], abs=0.2)
    assert not valid[:, 0].any()


def test_sintel_files_are_the_truth_beside_the_frames(tmp_path):
    flow = np.tile(np.float32([-3, 0]), (96, 128, 1))
    occluded = np.zeros((96, 128), "uint8")
    occluded[:, :3] = 255
    write_sintel(tmp_path, flow, occluded)

    (clip,) = steady.read_clips(tmp_path, width=64)

    assert [frame.shape for frame in clip.frames] == 2 * [(96, 128, 3)]
    assert steady.warp_error(clip.frames, clip.pairs) == 0


def test_a_damaged_flow_is_refused(tmp_path):
    write_sintel(tmp_path, np.zeros((96, 128, 2)), np.zeros((96, 128), "uint8"))
    flow = tmp_path / "flow_0001.flo"
    for damaged in (b"", flow.read_bytes()[:-1], b"GIF8" + flow.read_bytes()[4:]):
        flow.write_bytes(damaged)
        with pytest.raises(InputError, match="expected a flow file"):
            steady.read_clips(tmp_path, width=64)


def test_what_is_no_clip_is_refused(tmp_path):
    with pytest.raises(InputNotFoundError, match="expected a clip"):
        steady.read_clips(tmp_path / "none", width=64)
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(InputError, match="two frames or more"):
        steady.read_clips(tmp_path / "text.mp4", width=64)


def test_evaluate_writes_a_report_and_a_sheet(tmp_path):
    frames = tmp_path / "clip"
    frames.mkdir()
    for number, frame in enumerate(moving(2)):
        Image.fromarray(frame).save(frames / f"{number}.png")
    model = tmp_path / "small.pb"
    export(StyleNetwork("fast", ["wave"], width=4).build_weights(), model, trained={}, name="small")
    arguments = [model, "--steady", "--content", frames, "--video", frames, "--width", 128]
    arguments += ["--output", tmp_path / "out", "--json"]

    result = CliRunner().invoke(main, ["evaluate", *map(str, arguments)])

    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out" / "small-steady.json").read_text())
    assert json.loads(result.stdout) == {"steadiness": report}
    assert report["source"]["noise_gain"] == 1 and report["source"]["warp"]["clip"] < 0.05
    alone = report["styles"]["wave"]["alone"]
    assert alone["noise_gain"] > 0 and alone["mean_warp"] == alone["warp"]["clip"]
    columns = 1 + len(report["styles"]["wave"])
    with Image.open(tmp_path / "out" / "small-wave-steady.png") as sheet:
        assert sheet.width == 128 * columns
    text = steady.table(report)
    assert "warp clip" in text and len({len(row) for row in text.splitlines()}) == 1
