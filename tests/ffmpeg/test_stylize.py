"""Files painted by the patched ffmpeg."""

import fcntl
import io
import json
import os
import pty
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import graphs
from PIL import Image

from ffmpeg_style import Engine, FFmpegError, stylize
from ffmpeg_style.cli import main
from ffmpeg_style.errors import InputError
from ffmpeg_style.ffmpeg import tone_map
from ffmpeg_style.ffmpeg.probe import probe
from ffmpeg_style.ffmpeg.reasons import errors_in


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
            seconds = float(frames / Fraction(rate))
            source = f"testsrc2=s={size}:r={rate}:d={seconds},format={pixels}"
            tone = ["-f", "lavfi", "-i", f"sine=r=48000:d={seconds}"] if sound else []
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
        steady=0,
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


def test_graphs_of_others_are_painted_as_they_are_told(ffmpeg, make, tmp_path):
    """Of a graph with two inputs and outputs, whose values nothing shows."""
    model = graphs.float_graph(tmp_path / "m.pb", "1", clipped=False, distractors=True)
    ports = {"input": "image", "output": "painted", "input_range": "1", "output_range": "1"}
    frame = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    frame.save(tmp_path / "in.png")
    stylize(tmp_path / "in.png", tmp_path / "out.png", model, **ports)
    with Engine(model, **ports) as engine:
        assert np.array_equal(Image.open(tmp_path / "out.png"), engine(np.asarray(frame)))
    words = ["--input", "image", "--output-node", "painted", "--range", "1"]
    words += ["-o", str(tmp_path / "out.mkv"), str(make())]
    result = CliRunner().invoke(main, ["stylize", "--model", str(model), *words])
    assert result.exit_code == 0, result.output
    with pytest.raises(InputError, match="input_range is '2'"):
        stylize(tmp_path / "in.png", tmp_path / "new.png", model, input_range="2")


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


@pytest.mark.parametrize("executor", ["ffmpeg", "pyav"])
def test_a_source_that_was_cut_off_is_told_of(make, model, caplog, shown, tmp_path, executor):
    """FFmpeg says nothing of packets that are not there."""
    whole = make(frames=50, sound=False, options=("-g", "5", "-movflags", "+faststart"))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    _, times = shown(stylize(cut, tmp_path / "out.mp4", model, executor=executor))
    (told,) = [line for line in caplog.messages if "cut off" in line]
    assert told == f"{cut} is damaged or cut off: {len(times)} of 50 frames could be read"
    caplog.clear()
    how = dict(executor=executor, overwrite=True)
    stylize(cut, tmp_path / "out.mp4", model, duration=0.2, **how)
    if executor == "ffmpeg":
        stylize(cut, tmp_path / "out.mp4", model, encoder_options=["-frames:v", "5"], **how)
    late = ("-vf", "select='lt(n,5)+gt(n,40)'", "-fps_mode", "vfr")
    for good in (
        make(frames=50),
        make(frames=50, suffix=".mkv"),
        make(frames=50, suffix=".mkv", sound=False, options=late),
        make(frames=50, suffix=".ts"),
    ):
        stylize(good, tmp_path / f"out{good.suffix}", model, **how)
    assert "cut off" not in caplog.text


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
    options = ["-preset", "nope"]
    with pytest.raises(FFmpegError, match="nope") as raised:
        stylize(source, target, model, overwrite=True, encoder_options=options)
    assert "\n" not in str(raised.value)
    assert "nope" in raised.value.log
    assert target.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [target]


WRONG_OPTIONS = [
    ({"start": 9.5}, ValueError, "no frame to paint from second 9.5 on"),
    ({"start": float("nan")}, ValueError, "expected seconds"),
    ({"duration": -1}, ValueError, "expected seconds"),
    ({"duration": 0}, ValueError, "expected seconds"),
    ({"start": "0:60"}, ValueError, "expected seconds"),
    ({"size": "big"}, ValueError, "size is 'big'"),
    ({"size": (64, 8)}, ValueError, "each from 16"),
    ({"max_height": 8}, ValueError, "max_height is 8"),
    ({"fps": "1/0"}, ValueError, "fps is '1/0'"),
    ({"encoder_options": ["-vf", "hue"]}, ValueError, "-vf would take"),
    ({"encoder_options": ["-filter:v:0", "hue"]}, ValueError, "-filter"),
    ({"encoder_options": ["-filter:0", "hue"]}, ValueError, "-filter"),
    ({"style": "nope"}, ValueError, "style 'nope' is not in the model"),
    ({"style": "a:x"}, ValueError, "weight 'x'"),
    ({"strength": float("nan")}, ValueError, "strength is nan"),
    ({"strength": 1.5}, ValueError, "strength is 1.5"),
    ({"colors": "mine"}, ValueError, "colors is 'mine'"),
    ({"precision": "fp8"}, ValueError, "precision is 'fp8'"),
    ({"requests": 1000}, ValueError, "requests is 1000"),
    ({"threads": 0}, ValueError, "threads is 0"),
    ({"device": "tpu"}, ValueError, "device is 'tpu'"),
    ({"library": "/none.so"}, FileNotFoundError, "/none.so"),
    ({"encoder_options": ["-c:v", "nope"]}, ValueError, "no encoder nope"),
    ({"encoder_options": ["-c", "copy"]}, ValueError, "leave the paint"),
    ({"encoder_options": ["victim"]}, ValueError, "'victim' among"),
    ({"encoder_options": ["-an", "victim"]}, ValueError, "'victim' among"),
    ({"encoder_options": ["-i", "victim"]}, ValueError, "'-i' among"),
    ({"encoder_options": ["-crf"]}, ValueError, "-crf for ffmpeg has no"),
]


def test_options_that_cannot_be_painted_with_are_refused(make, model, tmp_path):
    source, out = make(), tmp_path / "out.mp4"
    for options, error, words in WRONG_OPTIONS:
        with pytest.raises(error, match=words):
            stylize(source, out, model, **options)
    assert not out.exists()


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
        ((source, tmp_path / "out.png", model, {"start": 9}), ValueError, "no frame to paint"),
        ((empty, out, model), ValueError, "is empty"),
        ((source, pipe, model, {"overwrite": True}), ValueError, "is no file"),
        ((source, out, text), ValueError, "text.mp4"),
        ((source, tmp_path / "out.xyz", model), ValueError, "no suffix"),
        (
            (source, tmp_path / "out.webm", model, {"executor": "ffmpeg"}),
            ValueError,
            "--profile full",
        ),
        (
            (source, tmp_path / "out.png", model, {"encoder_options": ["-an"]}),
            ValueError,
            "picture",
        ),
        (("https://example.org/a.mp4", out, model), ValueError, "is a URL"),
    ]:
        options = arguments[3] if arguments[3:] else {}
        with pytest.raises(error, match=words):
            stylize(*arguments[:3], **options)
    assert exists.read_bytes() == b"good"
    assert not out.exists()


def test_a_word_behind_the_target_is_no_output_of_ffmpegs(make, model, tmp_path):
    """As a shell's *.mp4 gives them."""
    victim = tmp_path / "victim.mp4"
    victim.write_bytes(b"good")
    source, target = make(), tmp_path / "new.mp4"
    for words in ([victim], ["--", victim], ["--", "-crf", "20", victim], ["--", "-an", victim]):
        result = run(source, target, "--model", model, *words)
        assert result.returncode == 2
        assert re.search("victim.mp4|no video .*new.mp4", result.stderr)
        assert "Traceback" not in result.stderr
        assert victim.read_bytes() == b"good" and not target.exists()


def test_mistakes_are_told_without_ffmpeg_or_tensorflow(make, model, tmp_path):
    environment = os.environ | {"FFMPEG_STYLE_FFMPEG": "/none", "FFMPEG_STYLE_TENSORFLOW": "/none"}
    for option, value in (("--style", "nope"), ("--device", "tpu"), ("--threads", "4096")):
        arguments = (make(), tmp_path / "out.mp4", "--model", model, option, value)
        result = run(*arguments, env=environment)
        assert result.returncode == 2 and value in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    """Paints every frame as it is."""
    return graphs.contract_graph(tmp_path_factory.mktemp("model") / "same.pb", ["a"])


@pytest.fixture(scope="module")
def colours(ffmpeg):
    """The colours of a video's first frame as players show them, uint8 ``[H,W,3]``."""

    def colours(path, size, number=0):
        command = [ffmpeg, "-v", "error", "-i", path, "-vf", f"select=eq(n\\,{number})"]
        pixels = subprocess.run(
            [*command, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
            capture_output=True,
            check=True,
        ).stdout
        return np.frombuffer(pixels, np.uint8).reshape(size[1], size[0], 3)

    return colours


def tags(video):
    names = ("color_space", "color_primaries", "color_transfer", "color_range")
    return tuple(video.get(name) for name in names)


@pytest.mark.parametrize(
    ("size", "standard", "pixels"),
    [
        ("1280x32", "bt709", "bgr0"),
        ("32x720", "bt709", "yuv420p"),
        ("1280x32", "bt709", "yuvj420p"),
        ("640x360", "smpte170m", "bgr0"),
        ("640x360", "smpte170m", "yuv420p"),
    ],
)
def test_colours_are_tagged_and_right(
    make, identity, shown, colours, tmp_path, size, standard, pixels
):
    """Of sources that are RGB, of limited and of full range, none of which says its matrix."""
    width, height = map(int, size.split("x"))
    is_full = pixels == "yuvj420p"  # as JPEG, which is of BT.601 at any size
    matrix = "bt709" if standard == "bt709" and not is_full else "bt601"
    convert = "format=rgb24,drawbox=c=0x40c020:t=fill"
    if pixels != "bgr0":
        convert += f",scale=out_color_matrix={matrix}:out_range={'pc' if is_full else 'tv'}"
    convert += f",format={pixels},setparams=colorspace={'gbr' if pixels == 'bgr0' else 'unknown'}"
    encode = ("-c:v", "mjpeg", "-q:v", "1") if is_full else ("-c:v", "ffv1")
    source = make(size, 2, suffix=".mkv", options=("-vf", convert, *encode), sound=False)
    target = stylize(source, tmp_path / "out.mp4", identity, strength=0)
    video = shown(target)[0]["video"]
    assert tags(video) == (standard, standard, standard, "tv")
    error = colours(target, (width, height)).astype(int) - (0x40, 0xC0, 0x20)
    assert abs(error).max() <= 6  # 23 by the wrong matrix, 18 by the wrong range


def hdr_clip(ffmpeg, path, transfer, light):
    """Grey of an even light, in cd/m2, as PQ or HLG, BT.2020, 10 bits."""
    code = {"smpte2084": tone_map._pq_of_light, "arib-std-b67": hlg_of_light}[transfer](light)
    luma = round(64 + 876 * float(code))
    frame = np.full((64, 64), luma, "<u2").tobytes() + np.full((64, 32), 512, "<u2").tobytes()
    told = f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}:range=tv"
    raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "64x64", "-i", "-")
    keep = ("-vf", told, "-c:v", "libx264", "-qp", "0", path)
    subprocess.run([ffmpeg, "-v", "error", *raw, *keep], input=frame * 2, check=True)
    return path


def hlg_of_light(light):
    scene = (light / 1000) ** (1 / 1.2)
    high = 0.17883277 * np.log(12 * max(scene, 0.1) - 0.28466892) + 0.55991073
    return np.sqrt(3 * scene) if scene <= 1 / 12 else high


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_becomes_sdr(ffmpeg, identity, shown, colours, tmp_path, caplog, transfer):
    """Middle grey keeps its light, 203 cd/m2 for white; the brightest is white."""
    for light in (26, 1000):
        source = hdr_clip(ffmpeg, tmp_path / f"{light}.mp4", transfer, light)
        target = stylize(source, tmp_path / f"{light}-sdr.mp4", identity, strength=0)
        video = shown(target)[0]["video"]
        assert tags(video) == ("smpte170m", "bt709", "bt709", "tv")
        assert video["pix_fmt"] == "yuv420p10le"
        expected = 255 * min(light / 203, 1) ** (1 / 2.4)
        assert abs(colours(target, (64, 64)) - expected).max() < 4
        assert "is HDR" in caplog.text and "10 bits" in caplog.text


def test_interlaced_frames_are_made_whole(make, identity, shown, colours, tmp_path, caplog):
    """Two fields of different moments, black and white, make a comb."""
    comb = "geq=lum='255*mod(Y,2)':cb=128:cr=128,setfield=tff"
    options = ("-vf", comb, "-c:v", "libx264", "-flags", "+ildct+ilme", "-qp", "4")
    source = make("64x64", 4, suffix=".ts", options=options, sound=False)
    target = stylize(source, tmp_path / "out.mp4", identity, strength=0)
    assert "interlaced" in caplog.text
    assert len(shown(target)[1]) == 4
    before, after = (colours(path, (64, 64), 1)[8:-8].astype(int) for path in (source, target))
    assert abs(np.diff(before, axis=0)).mean() > 200 > 20 > abs(np.diff(after, axis=0)).mean()


@pytest.mark.parametrize(
    ("rate", "suffix"),
    [("24000/1001", ".mp4"), ("60000/1001", ".mkv"), ("24000/1001", ".ts"), ("25", ".mkv")],
)
def test_frame_rates_stay_exact(make, identity, shown, tmp_path, rate, suffix):
    options = () if suffix == ".mp4" else ("-c:v", "libx264")
    source = make("32x32", 30, rate, sound=suffix == ".mkv", suffix=suffix, options=options)
    video = shown(stylize(source, tmp_path / "out.mp4", identity))[0]["video"]
    assert Fraction(video["avg_frame_rate"]) == Fraction(video["r_frame_rate"]) == Fraction(rate)
    assert int(video["nb_frames"]) == 30


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_the_last_frame_of_an_animation_keeps_its_time(identity, shown, tmp_path, kind):
    frames = [Image.new("RGB", (32, 32), (40 * n, 200, 10)) for n in range(4)]
    source, times = tmp_path / f"in.{kind.lower()}", [100, 200, 100, 700]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(
        source, kind, save_all=True, append_images=frames[1:], duration=times, **lossless
    )
    for suffix in (".gif", ".apng", ".mp4"):
        target = stylize(source, tmp_path / f"out{suffix}", identity)
        streams, _ = shown(target)
        if suffix == ".mp4":
            assert float(streams["video"]["duration"]) == pytest.approx(1.1, abs=0.011)
        else:
            with Image.open(target) as image:
                assert image.n_frames == 4
                image.seek(3)
                assert image.info["duration"] == 700


def test_a_camera_that_is_turned_is_padded_not_squeezed(make, identity, colours, tmp_path):
    """A square in a wide picture, and in a high one, is a square in the painting."""
    parts = []
    for size in ("128x64", "64x128"):
        square = "drawbox=c=black:t=fill,drawbox=x=iw/2-16:y=ih/2-16:w=32:h=32:c=white:t=fill"
        options = ("-vf", square, "-pix_fmt", "yuv420p")
        parts.append(make(size, 5, sound=False, suffix=".h264", options=options).read_bytes())
    source = tmp_path / "in.h264"
    source.write_bytes(b"".join(parts))
    target = stylize(source, tmp_path / "out.mp4", identity, strength=0)
    for number, side in ((0, 32), (9, 16)):
        white = colours(target, (128, 64), number)[..., 1] > 128
        assert abs(white.sum(axis=0).max() - side) <= 1 and abs(white.sum(axis=1).max() - side) <= 1


def test_what_goes_with_the_pictures_is_kept_or_named(ffmpeg, make, model, tmp_path, caplog):
    text = tmp_path / "words.srt"
    text.write_text("1\n00:00:00,000 --> 00:00:00,300\nHello\n")
    font = tmp_path / "font.ttf"
    font.write_bytes(b"font")
    source = tmp_path / "in.mkv"
    clip = make()
    tags = ("-metadata", "creation_time=2020-02-02T02:02:02Z", "-metadata", "title=Film")
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-metadata:s:s:0", "language=fra")
    attach = ("-attach", font, "-metadata:s:t:0", "mimetype=font/ttf")
    command = [ffmpeg, "-v", "error", "-i", clip, "-i", text, *maps, *attach, *tags, source]
    subprocess.run(command, check=True)
    found = probe(stylize(source, tmp_path / "out.mkv", model))
    assert [stream.kind for stream in found.streams] == ["audio", "subtitle", "attachment"]
    assert found.streams[1].tags["language"] == "fra"
    assert found.tags["creation_time"].startswith("2020-02-02T02:02:02")
    assert caplog.text == ""
    found = probe(stylize(source, tmp_path / "out.mp4", model))
    assert [(s.kind, s.codec) for s in found.streams] == [
        ("audio", "aac"),
        ("subtitle", "mov_text"),
    ]
    assert found.tags["creation_time"].startswith("2020-02-02T02:02:02")
    assert "out.mp4 can't hold, and goes without: attachment font.ttf" in caplog.text
    stylize(source, tmp_path / "out.avi", model)
    assert "out.avi can't hold, and goes without: subtitle fra subrip, attachment" in caplog.text


def test_date_and_place_of_a_phones_video_are_kept(ffmpeg, make, model, tmp_path):
    source, phone = tmp_path / "in.mov", "com.apple.quicktime."
    told = ("location.ISO6709=+48.1000+011.5000/", "make=Maker")
    tags = [word for tag in told for word in ("-metadata", phone + tag)]
    keep = ("-c", "copy", "-movflags", "use_metadata_tags", *tags, source)
    subprocess.run([ffmpeg, "-v", "error", "-i", make(), *keep], check=True)
    assert f"{phone}make" in probe(source).tags
    for suffix in (".mp4", ".mov", ".mkv"):
        found = probe(stylize(source, tmp_path / f"out{suffix}", model)).tags
        assert found["location"] == "+48.1000+011.5000/"


def test_what_this_ffmpeg_lacks_is_told_with_what_to_do(ffmpeg, model, tmp_path):
    """A stream of AV1 by its header alone: a build for the quick start has no decoder for it."""
    header = struct.pack("<4s2H4s2H4I", b"DKIF", 0, 32, b"AV01", 64, 48, 25, 1, 1, 0)
    source = tmp_path / "in.ivf"
    source.write_bytes(header + struct.pack("<IQ", 2, 0) + b"\x12\x00")
    abilities = subprocess.run([ffmpeg, "-h", "decoder=av1"], capture_output=True, text=True)
    if "Decoder " not in abilities.stdout:
        with pytest.raises(ValueError, match=r"can't decode .*in\.ivf.*--profile full"):
            stylize(source, tmp_path / "out.mp4", model, executor="ffmpeg")


def test_a_cover_is_kept(ffmpeg, make, model, tmp_path):
    cover = tmp_path / "cover.jpg"
    Image.new("RGB", (32, 32), "red").save(cover)
    source = tmp_path / "in.mp4"
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
    subprocess.run([ffmpeg, "-v", "error", "-i", make(), "-i", cover, *maps, source], check=True)
    for suffix in (".mp4", ".mkv"):
        options = ["-c:v", "mpeg4"]
        target = stylize(source, tmp_path / f"out{suffix}", model, encoder_options=options)
        covers = [stream for stream in probe(target).streams if stream.is_cover]
        assert [stream.codec for stream in covers] == ["mjpeg"]


def test_transparency_of_a_video(identity, tmp_path):
    frames = [Image.new("RGBA", (32, 32), (200, 30, 30, 0)) for _ in range(2)]
    for frame in frames:
        frame.paste((30, 30, 200, 255), (0, 0, 16, 32))
    source = tmp_path / "in.png"
    frames[1].putpixel((0, 0), (0, 0, 0, 255))
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100)
    stylize(source, tmp_path / "out.apng", identity, strength=0)
    with Image.open(tmp_path / "out.apng") as image:
        painted = np.asarray(image.convert("RGBA"))
    assert (painted[16, 8] == (30, 30, 200, 255)).all() and painted[16, 24, 3] == 0
    stylize(source, tmp_path / "out.mkv", identity, strength=0, encoder_options=["-c:v", "png"])
    stylize(source, tmp_path / "out.jpg", identity, strength=0)
    with Image.open(tmp_path / "out.jpg") as image:
        assert min(image.getpixel((24, 16))) > 250


def test_a_photograph_keeps_what_is_known_of_it(model, tmp_path, caplog):
    exif = Image.Exif()
    exif[0x0132] = "2024:05:06 07:08:09"
    Image.new("RGBA", (32, 32), (9, 9, 9, 90)).save(tmp_path / "in.png", exif=exif.tobytes())
    with Image.open(stylize(tmp_path / "in.png", tmp_path / "out.png", model)) as painted:
        assert painted.mode == "RGBA" and painted.getexif()[0x0132] == "2024:05:06 07:08:09"
    assert caplog.text == ""
    stylize(tmp_path / "in.png", tmp_path / "out.bmp", model)
    assert "out.bmp can't hold, and goes without: transparency" in caplog.text
    assert "date, place and camera" in caplog.text


def test_command_paints_a_photograph_without_a_word(model, tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "in.png")
    result = run(tmp_path / "in.png", tmp_path / "out.jpg", "--model", model)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "out.jpg").stat().st_size


def test_h264_is_of_a_good_quality(make, model, tmp_path):
    """X264 writes its settings into the stream."""
    assert b" crf=20.0 " in stylize(make(), tmp_path / "a.mp4", model).read_bytes()
    options = ["-b:v", "300k"]
    painted = stylize(make(), tmp_path / "b.mp4", model, encoder_options=options)
    assert b" bitrate=300 " in painted.read_bytes()


def test_a_gif_keeps_the_colours_of_every_frame(ffmpeg, make, identity, colours, tmp_path):
    """Frames of many shades, each of another hue: more than one palette for all could hold."""
    hue = "geq=r='X*4*eq(N,0)+Y*5*eq(N,2)':g='Y*5*eq(N,0)+X*4*eq(N,1)':b='Y*5*eq(N,1)+X*4*eq(N,2)'"
    options = ("-vf", f"format=gbrp,{hue}", "-c:v", "ffv1")
    source = make("64x48", 3, suffix=".mkv", sound=False, options=options)
    target = stylize(source, tmp_path / "out.gif", identity, strength=0)
    for number in range(3):
        before, after = (colours(path, (64, 48), number) for path in (source, target))
        error = np.sqrt(np.mean((before.astype(float) - after) ** 2))
        assert error < 7.5, number  # 6.3 with a palette for each frame, 11 with one for all


def test_ffmpeg_dies_with_its_parent_and_the_next_clears_away(make, slow_model, model, tmp_path):
    source, target = make("320x240", 500), tmp_path / "out.mp4"
    command = [sys.executable, "-m", "ffmpeg_style", "stylize", source, target, "--quiet"]
    process = subprocess.Popen([*command, "--model", slow_model], stderr=subprocess.DEVNULL)
    until(lambda: any(draft.stat().st_size for draft in tmp_path.glob(".ffmpeg-style-*")))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    process.kill()
    process.wait()
    until(lambda: not any(is_running(child) for child in children))
    assert len(list(tmp_path.iterdir())) == 1
    stylize(make(), target, model)
    assert list(tmp_path.iterdir()) == [target]


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_full_disk_is_one_sentence(make, model, tmp_path):
    """A limit of the process stands in for the disk's."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))  # noqa: E731
    result = run(make(), tmp_path / "out.mp4", "--model", model, preexec_fn=limit)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "out.mp4 can't be written" in result.stderr
    assert list(tmp_path.iterdir()) == []


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
    result = run(source, "-o", target, "-y", "--model", model, "--", "-c:v", "mpeg4")
    assert result.returncode == 0, result.stderr
    assert shown(target)[0]["video"]["codec_name"] == "mpeg4"
    for option, value in (("--start", "nan"), ("--duration", "inf"), ("--requests", "65")):
        refused = run(source, "-o", target, "-y", "--model", model, option, value)
        assert refused.returncode == 2
        assert option in refused.stderr and "Traceback" not in refused.stderr
    failed = run(source, "-o", target, "-y", "--model", model, "--style", "nope")
    assert failed.returncode == 2
    assert failed.stderr.startswith("ffmpeg-style: style 'nope' is not in the model")
    assert failed.stderr.count("\n") == 1
    for style, models in ("scream", "museum or scream or scream-fast"), ("wave+scream", "museum"):
        failed = run(source, "-o", target, "-y", "--style", style)
        assert failed.returncode == 2
        assert failed.stderr.endswith(f"--model {models}\n") and failed.stderr.count("\n") == 1


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
    command = [sys.executable, "-m", "ffmpeg_style", "stylize", source, "-o", target, "-y"]
    process = subprocess.Popen([*command, "--model", slow_model], stderr=subprocess.PIPE)
    until(lambda: any(draft.stat().st_size for draft in tmp_path.glob(".ffmpeg-style-*")))
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert b"Traceback" not in stderr
    assert target.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [target]


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def paint(folder, *arguments, **options):
    """``ffmpeg-style`` without a command, in a folder."""
    command = [sys.executable, "-m", "ffmpeg_style", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, cwd=folder, **options)


def test_files_are_painted_without_a_command(make, model, shown, tmp_path):
    """As people guess it: beside the source, once, and never over anything."""
    for name in ("a.png", "b.png"):
        Image.new("RGB", (48, 32), (9, 99, 199)).save(tmp_path / name)
    shutil.copy(make(), tmp_path / "clip.mp4")
    first = paint(tmp_path, "a.png")
    assert (first.returncode, first.stdout) == (0, b"a-wave-fast.png\n"), first.stderr
    painted = (tmp_path / "a-wave-fast.png").read_bytes()
    again = paint(tmp_path, "--model", "wave-fast", "--json", *sorted(os.listdir(tmp_path)))
    assert again.returncode == 0, again.stderr
    told = [json.loads(line) for line in again.stdout.splitlines()]
    assert [(one["source"], one["status"]) for one in told] == [
        ("a.png", "done"),
        ("b.png", "painted"),
        ("clip.mp4", "painted"),
    ]
    assert (tmp_path / "a-wave-fast.png").read_bytes() == painted
    assert "audio" in shown(tmp_path / "clip-wave-fast.mp4")[0]


def test_one_bad_file_keeps_no_other(model, tmp_path):
    Image.new("RGB", (48, 32)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    result = paint(tmp_path, "a.png", "b.png", "-o", "out", "--model", model)
    assert result.returncode in (1, 2) and b"Traceback" not in result.stderr
    assert b"b.png" in result.stderr and b"1 of 2 files" in result.stderr
    assert os.listdir(tmp_path / "out") == ["a.png"]


def test_every_style_of_a_model_has_a_name_of_its_own(model, tmp_path):
    Image.new("RGB", (48, 32)).save(tmp_path / "a.png")
    for style, name in [((), "a-wave-fast"), (("--model", model), "a-it's: [a] model")]:
        result = paint(tmp_path, "a.png", *style)
        assert result.stdout == f"{name}.png\n".encode(), result.stderr
    for style, name in [("b", "b"), ("0", "a"), ("b:0.7+a:0.3", "b-a")]:
        result = paint(tmp_path, "a.png", "--model", model, "--style", style)
        assert result.stdout == f"a-it's: [a] model-{name}.png\n".encode(), result.stderr


def test_json_tells_of_mistakes_too(model, tmp_path):
    (tmp_path / "out.png").write_text("good")
    for words, named in [
        (("nope.png",), "nope.png: no such file"),
        (("out.png", "--model", "nope"), "no model 'nope'"),
    ]:
        result = paint(tmp_path, *words, "--json")
        (line,) = result.stdout.splitlines()
        told = json.loads(line)
        assert result.returncode == 2
        assert (told["source"], told["status"]) == (words[0], "failed")
        assert named in told["error"]


def test_pipes_of_a_photograph_and_a_video(make, model, tmp_path):
    photograph = io.BytesIO()
    Image.new("RGB", (48, 32)).save(photograph, "PNG")
    result = paint(tmp_path, "stylize", "-", "--model", model, input=photograph.getvalue())
    assert result.returncode == 0 and result.stderr == b""
    assert Image.open(io.BytesIO(result.stdout)).size == (48, 32)
    video = make().read_bytes()
    for kind, mark in ((), b"\x1a\x45\xdf\xa3"), (("--format", "ts"), b"\x47"):
        result = paint(tmp_path, "-", "--model", model, *kind, input=video)
        assert result.returncode == 0 and result.stdout.startswith(mark), result.stderr
    result = paint(tmp_path, "-", "--model", model, "--format", "gif", input=video)
    assert result.stderr == (
        b"ffmpeg-style: the standard output can't hold, and goes without: audio aac\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_sizes_and_rates(make, model, shown, tmp_path):
    source = make("128x72", 25)
    photograph = tmp_path / "a.png"
    Image.new("RGB", (301, 200)).save(photograph)
    for options, size in [
        ({"size": 64}, (64, 36)),
        ({"size": "50x50"}, (50, 28)),
        ({"max_height": 36}, (64, 36)),
        ({"max_height": 900}, (128, 72)),
    ]:
        target = stylize(source, tmp_path / "out.mp4", model, overwrite=True, **options)
        video = shown(target)[0]["video"]
        assert (video["width"], video["height"]) == size
    target = stylize(source, tmp_path / "out.mp4", model, overwrite=True, fps="10")
    assert len(shown(target)[1]) == 10
    target = stylize(photograph, tmp_path / "out.png", model, size=100)
    assert Image.open(target).size == (100, 66)
    still = stylize(source, tmp_path / "still.png", model, size=64, start="0:00.5")
    assert Image.open(still).size == (64, 36)


def test_what_encoders_say_of_themselves_is_no_error():
    talk = "x265 [info]: HEVC encoder version 3.5\nSvt[info]: ----------\n"
    talk += "x265 [warning]: halving the quality\nSvt[warn]: no threads\nSvt[warning]: few\n"
    talk += "\nencoded 100 frames in 0.20s (503.46 fps), 7.65 kb/s, Avg QP:28.53\n"
    assert errors_in(f"{talk}[mp4 @ 0x1] wrong\n") == "[mp4 @ 0x1] wrong\n"
