"""Files painted by the patched ffmpeg."""

import fcntl
import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
from helpers import graphs
from PIL import Image

from ffmpeg_style import Engine, FFmpegError, stylize
from ffmpeg_style.ffmpeg.video import probe


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return graphs.contract_graph(
        tmp_path_factory.mktemp("model") / "it's: [a] model.pb", ["a", "b"]
    )


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory):
    return graphs.wide_graph(tmp_path_factory.mktemp("model") / "wide.pb", 64)


@pytest.fixture(scope="module")
def make(ffmpeg, tmp_path_factory):
    """Makes a clip, once: of a size, a length in frames, a rate, with or without sound."""
    folder = tmp_path_factory.mktemp("clips")

    def make(size="64x48", frames=10, rate=25, sound=True, suffix=".mp4", options=()):
        clip = folder / f"{abs(hash((size, frames, rate, sound, suffix, options)))}{suffix}"
        if not clip.exists():
            # With subsampled chroma testsrc2 rounds odd sizes.
            pixels = "yuv444p" if any(int(side) % 2 for side in size.split("x")) else "yuv420p"
            source = f"testsrc2=s={size}:r={rate}:d={frames / rate},format={pixels}"
            tone = ["-f", "lavfi", "-i", f"sine=r=48000:d={frames / rate}"] if sound else []
            command = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, *tone, *options, clip]
            subprocess.run(command, check=True)
        return clip

    return make


@pytest.fixture(scope="module")
def shown(ffmpeg):
    """What ffprobe shows of a file: its streams by type, and the times of its frames."""

    def shown(path):
        command = [ffmpeg.with_name("ffprobe"), "-v", "error", "-of", "json", "-show_streams"]
        found = subprocess.run(
            [*command, "-show_frames", f"file:{path}"], capture_output=True, check=True
        )
        values = json.loads(found.stdout)
        streams = {stream["codec_type"]: stream for stream in values["streams"]}
        times = [
            float(frame["best_effort_timestamp_time"])  # AVI has no presentation times
            for frame in values["frames"]
            if frame["media_type"] == "video"
        ]
        return streams, times

    return shown


@pytest.fixture(scope="module")
def packets(ffmpeg):
    """A checksum of a file's audio packets, as they are."""

    def packets(path):
        command = [ffmpeg, "-v", "error", "-i", path, "-map", "0:a", "-c", "copy", "-f", "md5", "-"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    return packets


@pytest.mark.parametrize("size", ["64x48", "16x16", "321x239"])
@pytest.mark.parametrize("rate", ["25", "30000/1001"])
def test_every_frame_keeps_its_place(make, model, shown, tmp_path, size, rate):
    source = make(size, 12, 25, options=("-r", rate))
    target = stylize(source, tmp_path / "out.mp4", model)
    before, times_before = shown(source)
    after, times_after = shown(target)
    assert len(times_after) == len(times_before)
    np.testing.assert_allclose(times_after, times_before, atol=2e-5)
    assert f"{after['video']['width']}x{after['video']['height']}" == size
    assert after["video"]["avg_frame_rate"] == before["video"]["avg_frame_rate"]
    assert after["video"]["codec_name"] == "h264"


def test_a_variable_frame_rate_is_kept(make, model, shown, tmp_path):
    source = make(
        options=("-vf", "settb=1/90000,setpts='(N+N*N/7)/25/TB'", "-enc_time_base", "1:90000")
    )
    _, before = shown(source)
    assert len(set(np.diff(before).round(4))) > 5
    _, after = shown(stylize(source, tmp_path / "out.mp4", model))
    np.testing.assert_allclose(after, before, atol=2e-5)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p"])
def test_a_source_that_changes_loses_no_frame(make, slow_model, shown, tmp_path, pixels):
    """Its first part is yuv420p; every frame is painted at the size of the first."""
    options = ("-pix_fmt", pixels, "-r", "25")
    first = make("64x48", 10, sound=False, suffix=".h264", options=("-pix_fmt", "yuv420p"))
    second = make("98x66", 10, sound=False, suffix=".h264", options=options)
    source = tmp_path / "in.h264"
    source.write_bytes(first.read_bytes() + second.read_bytes() + first.read_bytes())
    streams, times = shown(stylize(source, tmp_path / "out.mp4", slow_model, requests=8))
    assert len(times) == 30 and len(set(np.diff(times).round(4))) == 1
    assert (streams["video"]["width"], streams["video"]["height"]) == (64, 48)


def test_the_painting_is_the_engines(make, model, ffmpeg, tmp_path):
    source = make("64x48", 5, suffix=".mkv", sound=False, options=("-c:v", "ffv1"))
    target = tmp_path / "out.mkv"
    stylize(
        source,
        target,
        model,
        style={"a": 1, "b": 3},
        strength=0.75,
        colors="content",
        precision="fp32",
        requests=3,
        threads=1,
        device="cpu",
        encoder_options=["-c:v", "ffv1", "-pix_fmt", "bgr0"],
    )

    def frames(path):
        raw = [ffmpeg, "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        pixels = subprocess.run(raw, capture_output=True, check=True).stdout
        return np.frombuffer(pixels, np.uint8).reshape(-1, 48, 64, 3)

    settings = {"style": "a:1+b:3", "strength": 0.75, "colors": "content", "precision": "fp32"}
    with Engine(model, **settings) as engine:
        for painted, frame in zip(frames(target), frames(source), strict=True):
            np.testing.assert_array_equal(painted, engine(frame))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".flv"])
def test_the_sound_is_copied(make, model, shown, packets, tmp_path, suffix):
    source = make()
    target = stylize(source, tmp_path / f"out{suffix}", model)
    assert shown(target)[0]["audio"]["codec_name"] == "aac"
    assert packets(target) == packets(source)


def test_sound_that_the_container_does_not_take_is_encoded(make, model, shown, tmp_path):
    source = make(suffix=".mkv", options=("-c:a", "pcm_f32le"))
    assert shown(stylize(source, tmp_path / "out.mp4", model))[0]["audio"]["codec_name"] == "aac"
    assert shown(stylize(source, tmp_path / "out.flv", model))[0]["audio"]["codec_name"] == "aac"
    assert shown(stylize(source, tmp_path / "out.ts", model))[0]["audio"]["codec_name"] == "aac"
    streams, times = shown(stylize(source, tmp_path / "out.avi", model))
    assert streams["audio"]["codec_name"] == "pcm_s16le"
    np.testing.assert_allclose(times, np.arange(10) / 25, atol=1e-6)


def test_several_audio_tracks_are_kept(make, model, ffmpeg, tmp_path):
    source = make(options=("-map", "0:v", "-map", "1:a", "-map", "1:a"))
    assert probe(stylize(source, tmp_path / "out.mp4", model)).audio == ("aac", "aac")


def test_a_gif_is_a_gif(make, model, shown, tmp_path):
    streams, times = shown(stylize(make(), tmp_path / "out.gif", model))
    assert streams["video"]["codec_name"] == "gif" and len(times) == 10


@pytest.mark.parametrize("kind", ["RGB", "L", "P", "RGBA", "CMYK"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff"])
def test_photographs(ffmpeg, model, tmp_path, kind, suffix):
    if suffix == ".jpg" and kind in ("P", "RGBA"):
        suffix = ".bmp"
    if suffix == ".png" and kind == "CMYK":
        suffix = ".jpg"
    source = tmp_path / f"in{suffix}"
    random = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(random).resize((51, 33), Image.Resampling.BICUBIC).convert(kind).save(source)
    with Image.open(stylize(source, tmp_path / "out.png", model)) as painted:
        assert painted.size == (51, 33) and painted.format == "PNG"
        assert np.asarray(painted.convert("RGB")).std() > 5
    with Image.open(stylize(source, tmp_path / "out.jpg", model)) as painted:
        assert painted.size == (51, 33) and painted.format == "JPEG"


def test_a_photograph_is_painted_to_the_byte(ffmpeg, model, tmp_path):
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(frame).save(tmp_path / "in.png")
    stylize(tmp_path / "in.png", tmp_path / "out.png", model)
    with Image.open(tmp_path / "out.png") as painted, Engine(model) as engine:
        np.testing.assert_array_equal(np.asarray(painted.convert("RGB")), engine(frame))


def test_a_turned_photograph_is_painted_upright(ffmpeg, model, tmp_path):
    photograph = Image.new("RGB", (64, 32), (200, 30, 30))
    exif = photograph.getexif()
    exif[0x0112] = 6  # orientation: to be turned by 90 degrees
    photograph.save(tmp_path / "in.jpg", exif=exif)
    with Image.open(stylize(tmp_path / "in.jpg", tmp_path / "out.png", model)) as painted:
        assert painted.size == (32, 64)


def test_a_video_becomes_a_photograph_of_its_first_frame(make, model, tmp_path):
    source = make()
    with Image.open(stylize(source, tmp_path / "out.png", model)) as first:
        first = np.asarray(first)
    with Image.open(stylize(source, tmp_path / "later.png", model, start=0.3)) as later:
        assert np.any(np.asarray(later) != first)


def test_a_part_of_a_video(make, model, shown, tmp_path):
    source = make("64x48", 25)
    target = stylize(source, tmp_path / "out.mp4", model, start=0.2, duration=0.4)
    assert len(shown(target)[1]) == 10


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_the_sound_of_a_part_begins_with_its_pictures(make, model, ffmpeg, tmp_path, suffix):
    target = stylize(make(frames=50), tmp_path / f"out{suffix}", model, start=1.2, duration=0.4)
    command = [ffmpeg.with_name("ffprobe"), "-v", "error", "-of", "json", "-show_packets", target]
    found = subprocess.run(command, capture_output=True, check=True).stdout
    times = {"audio": [], "video": []}
    for packet in json.loads(found)["packets"]:
        times[packet["codec_type"]].append(float(packet["pts_time"]))
    assert len(times["video"]) == 10
    assert abs(min(times["audio"]) - min(times["video"])) < 0.05
    assert abs(max(times["audio"]) - max(times["video"])) < 0.05


def test_a_damaged_source_is_told_of(make, model, caplog, shown, tmp_path):
    source = tmp_path / "cut.mkv"
    whole = make(frames=50, sound=False, suffix=".mkv").read_bytes()
    source.write_bytes(whole[: len(whole) * 9 // 10])
    _, times = shown(stylize(source, tmp_path / "out.mp4", model))
    assert 1 < len(times) < 50
    assert "File ended prematurely" in caplog.text


@pytest.mark.parametrize(
    "name", ["a%d", "50% off", "what?", "st*r", "{a,b}", "[1]", "-i", "a:b'c\\"]
)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".mp4"])
def test_any_file_name(make, model, tmp_path, name, suffix):
    source, target = tmp_path / f"{name}{suffix}", tmp_path / f"{name} painted{suffix}"
    if suffix == ".mp4":
        source.write_bytes(make(frames=2).read_bytes())
    else:
        Image.new("RGB", (16, 16)).save(source)
    assert stylize(source, target, model) == target
    assert target.stat().st_size > 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_name_as_long_as_names_can_be(make, model, tmp_path):
    target = tmp_path / ("x" * 251 + ".mp4")
    assert stylize(make(), target, model).stat().st_size > 0


def test_nothing_is_damaged_and_nothing_left_when_it_fails(make, model, tmp_path):
    source, target = make(), tmp_path / "out.mp4"
    target.write_bytes(b"good")
    for settings, words in [
        ({"style": "nope"}, "style 'nope' is not in the model"),
        ({"requests": 1000}, "requests"),
        ({"encoder_options": ["-c:v", "nope"]}, "nope"),
    ]:
        with pytest.raises(FFmpegError, match=words) as raised:
            stylize(source, target, model, overwrite=True, **settings)
        assert "\n" not in str(raised.value)
        assert words in raised.value.log
        assert target.read_bytes() == b"good"
        assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(FFmpegError, match=r"out\.xyz"):
        stylize(source, tmp_path / "out.xyz", model)


def test_what_cannot_be_painted_or_written_is_refused(make, model, tmp_path):
    source = make()
    same = tmp_path / "same.mp4"
    same.hardlink_to(source)
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    sound = make(suffix=".wav", options=("-vn",))
    exists = tmp_path / "exists.mp4"
    exists.write_bytes(b"good")
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    out = tmp_path / "out.mp4"
    for arguments, error, words in [
        ((tmp_path / "nope.mp4", out, model), FileNotFoundError, "no such file"),
        ((tmp_path, out, model), ValueError, "is no file"),
        ((text, out, model), ValueError, r"text\.mp4"),
        ((sound, out, model), ValueError, "no pictures"),
        ((source, source, model), ValueError, "the source itself"),
        ((source, same, model), ValueError, "the source itself"),
        ((source, tmp_path, model), ValueError, "is no file"),
        ((source, tmp_path / "no" / "out.mp4", model), ValueError, "No such file"),
        ((source, exists, model), ValueError, "exists already"),
        ((source, out, "nope"), FileNotFoundError, "no model 'nope'"),
        ((source, out, model, {"start": 9.5}), ValueError, "no frame to paint from second 9.5 on"),
        ((source, tmp_path / "out.png", model, {"start": 9}), ValueError, "no frame to paint"),
        ((source, out, model, {"start": float("nan")}), ValueError, "expected seconds"),
        ((source, out, model, {"duration": -1}), ValueError, "expected seconds"),
        ((source, out, model, {"duration": 0}), ValueError, "expected seconds"),
        ((source, out, model, {"start": "0:30"}), ValueError, "expected seconds"),
        ((empty, out, model), ValueError, "is empty"),
        ((source, out, model, {"encoder_options": ["-vf", "hue"]}), ValueError, "-vf would take"),
        ((source, out, model, {"encoder_options": ["-filter:v:0", "hue"]}), ValueError, "-filter"),
        ((source, out, model, {"encoder_options": ["-filter:0", "hue"]}), ValueError, "-filter"),
        ((source, pipe, model, {"overwrite": True}), ValueError, "is no file"),
    ]:
        options = arguments[3] if arguments[3:] else {}
        with pytest.raises(error, match=words):
            stylize(*arguments[:3], **options)
    assert exists.read_bytes() == b"good"
    assert not out.exists()


def test_without_a_patched_ffmpeg_it_says_how_to_get_one(make, model, tmp_path, monkeypatch):
    source = make()
    monkeypatch.setenv("FFMPEG_STYLE_FFMPEG", str(tmp_path / "ffmpeg"))
    with pytest.raises(FileNotFoundError, match="FFMPEG_STYLE_FFMPEG"):
        stylize(source, tmp_path / "out.mp4", model)


def run(*arguments, **options):
    command = [sys.executable, "-m", "ffmpeg_style", "stylize", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_command(make, model, shown, tmp_path):
    source, target = make(), tmp_path / "out.mp4"
    result = run(source, target, "--model", model, "--style", "b:1+a:0.5", "--colors", "content")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    again = run(source, target, "--model", model)
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1 and "exists already" in again.stderr
    result = run(source, target, "-y", "--model", model, "--", "-c:v", "mpeg4")
    assert result.returncode == 0, result.stderr
    assert shown(target)[0]["video"]["codec_name"] == "mpeg4"
    for option, value in (("--start", "nan"), ("--duration", "inf"), ("--requests", "65")):
        refused = run(source, target, "-y", "--model", model, option, value)
        assert refused.returncode == 2
        assert option in refused.stderr and "Traceback" not in refused.stderr
    failed = run(source, target, "-y", "--model", model, "--style", "nope")
    assert failed.returncode == 1
    assert failed.stderr.startswith("ffmpeg-style: style 'nope' is not in the model")
    assert failed.stderr.count("\n") == 1


def test_command_shows_its_progress_on_a_terminal(make, model, tmp_path):
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    source = make(frames=50)
    command = [sys.executable, "-m", "ffmpeg_style", "stylize", source, tmp_path / "out.mp4"]
    process = subprocess.Popen([*command, "--model", model], stderr=terminal)
    os.close(terminal)
    shown = io.BytesIO()
    try:
        while chunk := os.read(master, 4096):
            shown.write(chunk)
    except OSError:  # the terminal's other side is closed
        pass
    os.close(master)
    assert process.wait() == 0
    assert b"50/50" in shown.getvalue() and b"out.mp4" in shown.getvalue()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_stopped_leaves_nothing(make, slow_model, tmp_path, number):
    source = make("320x240", 500)
    target = tmp_path / "out.mp4"
    target.write_bytes(b"good")
    command = [sys.executable, "-m", "ffmpeg_style", "stylize", source, target, "-y"]
    process = subprocess.Popen([*command, "--model", slow_model], stderr=subprocess.PIPE)
    until(lambda: any(draft.stat().st_size for draft in tmp_path.glob(".ffmpeg-style-*")))
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert b"Traceback" not in stderr
    assert target.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [target]


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
