"""Recordings and the virtual camera."""

import subprocess

import pytest
from helpers import graphs
from helpers.live import LiveServer, end, wait_for

from ffmpeg_style.errors import InputError, InputNotFoundError
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.live.outputs import camera_picture, check_outputs
from ffmpeg_style.live.settings import Settings


def test_recording_is_whole_after_a_kill(tmp_path):
    folder = tmp_path / "recordings"
    model = graphs.contract_graph(tmp_path / "model.pb")
    server = LiveServer(tmp_path, model, "--private", "--record", folder)
    camera = server.publish("cam")
    try:
        wait_for(lambda: server.is_painting("cam", 30))
        (path,) = wait_for(lambda: [p for p in folder.glob("cam-*.mp4") if p.stat().st_size > 9999])
        server.process.kill()
        server.process.wait()
    finally:
        end(camera)
    probe = ["-v", "error", "-count_frames", "-of", "csv=p=0", "-show_entries"]
    entries = "stream=codec_name,nb_read_frames"
    found = subprocess.run(
        [ffmpeg_path("ffprobe"), *probe, entries, path], capture_output=True, text=True
    )
    assert found.stderr == ""
    codecs = dict(line.split(",") for line in found.stdout.split())
    assert int(codecs["h264"]) > 5
    assert int(codecs["aac"]) > 5


def test_virtual_camera_shows_the_whole_picture_in_one_size(tmp_path):
    """Up to the device: what would be written to it."""
    path = tmp_path / "frame.yuv"
    upright = ["-f", "lavfi", "-i", "color=red:size=96x160:rate=5:duration=1"]
    output = [*camera_picture(), "-frames:v", "1", "-f", "rawvideo", path]
    subprocess.run([ffmpeg_path(), "-v", "error", *upright, *output], check=True)
    frame = path.read_bytes()
    assert len(frame) == 1280 * 720 * 3 // 2
    middle = frame[1280 * 360 : 1280 * 361]
    assert middle[0] == middle[400] == 16, "black at the sides"
    assert middle[640] > 50


def settings(tmp_path, **options):
    """Of a server that would have outputs."""
    paths = dict(ffmpeg=tmp_path, model=tmp_path, state=tmp_path)
    return Settings(**paths, styles=(), controls=None, **options)


def test_outputs_that_can_not_be_are_refused(tmp_path):
    with pytest.raises(InputNotFoundError, match="no device /dev/video99: make one by"):
        check_outputs(settings(tmp_path, virtual_camera=tmp_path.__class__("/dev/video99")))
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="expected a v4l2loopback device"):
        check_outputs(settings(tmp_path, virtual_camera=file))
    with pytest.raises(InputError, match="can't record to"):
        check_outputs(settings(tmp_path, record=file / "folder"))
