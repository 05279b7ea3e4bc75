"""Videos painted by FFmpeg's libraries: frame by frame what the patched program makes of them."""

import gc
import json
import math
import os
import re
import subprocess
import sys
import threading

import av
import numpy as np
import pytest
from helpers import graphs
from PIL import Image, ImageCms, ImageOps, ImageSequence

from ffmpeg_style import FFmpegError, InputError, stylize
from ffmpeg_style.ffmpeg.probe import UPRIGHT
from ffmpeg_style.ffmpeg.pyav import abilities
from ffmpeg_style.ffmpeg.pyav.execute import _Later
from ffmpeg_style.ffmpeg.pyav.graph import Filters
from ffmpeg_style.pictures import kind_of

LOSSLESS = ("-qp", "0")
TURN = ("-display_rotation:v:0", "90")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

# Of each clip: how it is made, the suffix of its painting, and options of `stylize`. A clip has ten
# frames of 64x48 with sound, unless its options say otherwise.
CLIPS = {
    "plain": ([], ".mp4", {}),
    "odd sides": (["-s", "51x37", "-pix_fmt", "yuv444p"], ".mp4", {}),
    "even and odd": (["-s", "64x37", "-pix_fmt", "yuv444p"], ".mkv", {}),
    "ntsc": (["-r", "30000/1001"], ".mp4", {}),
    "ntsc in matroska": (["-r", "60000/1001"], ".mkv", {}),
    "transport stream": ([], ".ts", {}),
    "avi": ([], ".avi", {}),
    "no times": (["BARE"], ".mp4", {}),
    "wrong times": (["REORDERED"], ".avi", {}),
    "variable rate": (["-vf", "select=not(mod(n\\,3)),setpts=PTS+0.01*N/TB"], ".mp4", {}),
    "10 bits": (["-pix_fmt", "yuv420p10le"], ".mp4", {}),
    "4:4:4": (["-pix_fmt", "yuv444p"], ".mp4", {}),
    "full range": (["-pix_fmt", "yuvj420p"], ".mp4", {}),
    "hdr": (
        [
            *("-vf", "setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084"),
            *("-pix_fmt", "yuv420p10le"),
        ],
        ".mp4",
        {},
    ),
    "wide pixels": (["-vf", "setsar=4/3"], ".mp4", {}),
    "interlaced": (["-vf", "setfield=tff", "-flags", "+ildct+ilme"], ".mp4", {}),
    "high": (["-s", "32x720"], ".mp4", {}),
    "a part": ([], ".mp4", {"start": 0.1, "duration": 0.2}),
    "a part from the begin": ([], ".mkv", {"duration": 0.2}),
    "smaller": (["-s", "128x96"], ".mp4", {"size": 64}),
    "another rate": ([], ".mp4", {"fps": 10}),
    "another encoder": ([], ".mp4", {"encoder_options": ["-c:v", "mpeg4", "-q:v", "1"]}),
    "gif": ([], ".gif", {"encoder_options": []}),
    "turned": (["TURNED"], ".mp4", {}),
    "sounds and words": (["SOUNDS"], ".mkv", {}),
    "sounds and words in mp4": (["SOUNDS"], ".mp4", {}),
    "sound that is encoded": (["-c:a", "pcm_s16le"], ".mp4", {}),
    "cover": (["COVER"], ".mkv", {}),
    "cover in mp4": (["COVER"], ".mp4", {}),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return graphs.contract_graph(tmp_path_factory.mktemp("model") / "a.pb", ["a"])


@pytest.fixture
def clip(ffmpeg, tmp_path):
    """A function of a clip's options: its path."""

    def call(*arguments):
        subprocess.run([ffmpeg, "-v", "error", "-y", *arguments], check=True)

    def clip(options):
        suffix = ".mkv" if "pcm_s16le" in options else ".mov"
        path = tmp_path / f"in{suffix}"
        plain = [] if options and options[0].isupper() else options
        pictures = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.4")
        sound = ("-f", "lavfi", "-i", "sine=r=48000:d=0.4")
        pixels = () if "-pix_fmt" in plain else ("-pix_fmt", "yuv420p")
        size = () if "-s" in plain or "-vf" in plain else ("-s", "64x48")
        encode = ("-c:v", "libx264", "-qp", "6", *pixels, *size)
        call(*pictures, *sound, *encode, *plain, "-metadata", "title=Film", path)
        if options == ["TURNED"]:
            call(*TURN, "-i", path, "-c", "copy", turned := tmp_path / "turned.mov")
            return turned
        if options == ["SOUNDS"]:
            return with_words(path)
        if options in (["BARE"], ["REORDERED"]):
            suffix = ".h264" if options == ["BARE"] else ".avi"
            encode = ("-c:v", "libx264", "-bf", "2", "-b_strategy", "0", "-an")
            call("-i", path, *encode, other := tmp_path / f"in{suffix}")
            return other
        if options == ["COVER"]:
            cover = tmp_path / "cover.jpg"
            Image.new("RGB", (32, 32), "red").save(cover)
            covered = tmp_path / "covered.mp4"
            maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic")
            call("-i", path, "-i", cover, *maps, covered)
            return covered
        return path

    def with_words(path):
        words = tmp_path / "words.srt"
        words.write_text(
            "1\n00:00:00,000 --> 00:00:00,200\nHello\n\n2\n00:00:00,250 --> 00:00:00,300\nyou\n"
        )
        full = tmp_path / "full.mkv"
        maps = ("-map", "0", "-map", "0:a", "-map", "1", "-c", "copy")
        told = ("-metadata:s:a:1", "language=fra", "-metadata:s:s:0", "language=deu")
        call("-i", path, "-i", words, *maps, *told, "-disposition:a:1", "0", full)
        return full

    return clip


@pytest.fixture
def shown(ffmpeg):
    """What ffprobe shows of a file, and its pictures as RGB."""

    def shown(path):
        probe = [ffmpeg.with_name("ffprobe"), "-v", "error", "-of", "json", "-show_streams"]
        what = ("-show_format", "-show_packets", "-show_frames")
        found = json.loads(subprocess.run([*probe, *what, path], capture_output=True).stdout)
        decode = [ffmpeg, "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough"]
        raw = subprocess.run(
            [*decode, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True
        ).stdout
        return found, np.frombuffer(raw, np.uint8)

    return shown


TOLD = (
    *("codec_type", "codec_name", "width", "height", "pix_fmt", "sample_aspect_ratio"),
    *("color_space", "color_primaries", "color_transfer", "color_range", "r_frame_rate"),
    *("sample_rate", "channels", "field_order"),
)


def streams(found):
    return [
        {
            **{name: stream.get(name) for name in TOLD},
            "language": stream.get("tags", {}).get("language", "und"),
            "default": stream["disposition"]["default"],
            "cover": stream["disposition"]["attached_pic"],
        }
        for stream in found["streams"]
    ]


def times(found, kind):
    entries = found["packets_and_frames"]
    return sorted(
        float(entry["pts_time"])
        for entry in entries
        if entry["type"] == "packet" and entry["codec_type"] == kind and "pts_time" in entry
    )


def tags(found):
    """Of the file, without what tells the version of FFmpeg."""
    told = found["format"].get("tags", {})
    return {k: v for k, v in told.items() if k.lower() not in ("encoder", "software")}


def psnr(one, other):
    error = np.mean((one.astype(float) - other) ** 2)
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


@pytest.mark.parametrize("name", CLIPS)
def test_the_libraries_paint_what_the_program_paints(clip, model, shown, tmp_path, name):
    made, suffix, options = CLIPS[name]
    options = {"encoder_options": LOSSLESS} | options
    source = clip(made)
    found, pictures = zip(
        *(
            shown(stylize(source, tmp_path / f"{by}{suffix}", model, executor=by, **options))
            for by in ("ffmpeg", "pyav")
        ),
        strict=True,
    )
    assert streams(found[1]) == streams(found[0])
    for kind in ("video", "audio", "subtitle"):
        assert times(found[1], kind) == pytest.approx(times(found[0], kind), abs=2e-3), kind
    assert tags(found[1]) == tags(found[0])
    assert pictures[1].shape == pictures[0].shape
    assert psnr(*pictures) >= 45


@pytest.mark.parametrize(
    ("encoder", "suffix"),
    [(None, ".webp"), ("libwebp", ".webp"), ("ffv1", ".mkv"), ("utvideo", ".avi")],
)
def test_encoders_that_take_other_pixels_than_the_paintings(clip, model, tmp_path, encoder, suffix):
    """None of them takes rgb24."""
    source, target = clip([]), tmp_path / f"out{suffix}"
    chosen = ["-c:v", encoder] if encoder else []
    stylize(source, target, model, strength=0, executor="pyav", encoder_options=chosen)
    found = []
    for path in (source, target):
        if path.suffix == ".webp":  # FFmpeg's own decoder of moving WebP is not in every PyAV
            with Image.open(path) as picture:
                pages = ImageSequence.Iterator(picture)
                found.append(np.stack([np.asarray(page.convert("RGB")) for page in pages]))
        else:
            with av.open(str(path)) as video:
                pages = video.decode(video=0)
                found.append(np.stack([page.to_ndarray(format="rgb24") for page in pages]))
    assert found[1].shape == found[0].shape == (10, 48, 64, 3)
    assert psnr(*found) >= 20


def test_x264_is_set_as_by_the_program(clip, model, tmp_path):
    source = clip([])

    def settings(by):
        target = stylize(source, tmp_path / f"{by}.mp4", model, executor=by)
        told = re.search(rb"x264 - core.*? - options: ([\x20-\x7e]*)", target.read_bytes())[1]
        return dict(word.split("=") for word in told.decode().split())

    # PyAV by itself has the threads share each frame, in slices.
    found = settings("pyav")
    assert found == settings("ffmpeg")
    assert found["sliced_threads"] == "0"


def test_options_that_are_the_programs_are_refused(clip, model, tmp_path):
    source, target = clip([]), tmp_path / "out.mp4"
    target.write_bytes(b"good")
    for words in (["-nope", "1"], ["-c:a", "aac"], ["-b:s", "1"], ["-q:v", "high"]):
        with pytest.raises(InputError, match=r"build|expected a number"):
            how = dict(encoder_options=words, executor="pyav", overwrite=True)
            stylize(source, target, model, **how)
        assert target.read_bytes() == b"good"
    stylize(source, target, model, **(how | {"encoder_options": ["-crf", "30", "-an"]}))


@pytest.mark.parametrize("executor", ["ffmpeg", "pyav"])
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["-crf", "abc"], "option crf to value abc"),
        (["-preset", "nope"], "nope"),
        (["-pix_fmt", "nope"], "nope"),
        (["-movflags", "nope"], "movflags"),
    ],
)
def test_options_that_are_wrong_are_named(clip, model, tmp_path, executor, words, named):
    with pytest.raises((FFmpegError, InputError), match=named) as raised:
        stylize(clip([]), tmp_path / "out.mp4", model, executor=executor, encoder_options=words)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out.mp4").exists()
    assert av.logging.get_level() is None


def test_what_cannot_be_read_is_one_sentence(model, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(InputError, match=r"text\.mp4 is no video .*: Invalid data") as raised:
        stylize(text, tmp_path / "out.mp4", model, executor="pyav")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == [text]


@pytest.mark.parametrize("executor", ["ffmpeg", "pyav"])
@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("text.jpg", b"no picture", r"text\.jpg holds no picture that can be read"),
        ("text.png", b"no picture", r"text\.png holds no picture that can be read"),
        ("cut.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", r"cut\.jpg holds no picture"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', r"can't decode .*a\.svg"),
        ("pipe.mp4", None, r"pipe\.mp4 is no file"),
    ],
)
def test_what_is_no_picture_is_one_sentence(
    ffmpeg, model, tmp_path, executor, name, content, reason
):
    source = tmp_path / name
    if content is None:
        os.mkfifo(source)
        assert kind_of(source) == ("", 0)
    else:
        source.write_bytes(content)
    with pytest.raises(InputError, match=reason) as raised:
        stylize(source, tmp_path / "out.mp4", model, executor=executor)
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == [source]


def test_a_photograph_with_a_colour_profile_becomes_a_video(model, tmp_path):
    """PyAV frees the profile's name twice where the side data of PNG's frames is looked at."""
    source = tmp_path / "photo.mp4"
    Image.new("RGB", (32, 32), "red").save(source, "JPEG", icc_profile=PROFILE)
    target = stylize(source, tmp_path / "out.mp4", model, executor="pyav")
    gc.collect()
    with av.open(target) as painted:
        assert [frame.width for frame in painted.decode(video=0)] == [32]


def turned_pictures(path, orientation):
    """A video of photographs, or an animation, 64x48; and the first picture as it is to be seen."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    y, x = np.mgrid[0:48, 0:64]
    picture = Image.fromarray(np.stack([x * 4, y * 5, x + y], axis=-1).astype(np.uint8))
    others = [picture.point(lambda value, n=n: value // n) for n in (2, 3)]
    how = dict(exif=exif, icc_profile=PROFILE)
    if path.suffix == ".png":
        picture.save(path, save_all=True, append_images=others, duration=100, **how)
    else:
        with path.open("wb") as file:
            for one in (picture, *others):
                one.save(file, "JPEG", quality=95, **how)
    return path, np.asarray(ImageOps.exif_transpose(Image.open(path)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_put_upright_from_every_orientation(orientation, tmp_path):
    """Mirrored ones too, of which the angle tells nothing."""
    for name in ("in.png", "in.mjpeg"):
        source, upright = turned_pictures(tmp_path / name, orientation)
        with av.open(source) as video:
            frame = next(video.decode(video=0))
            decoder = video.streams.video[0].codec_context.name
        ours = ",".join(UPRIGHT.get(orientation, ["null"]))
        for filters in (
            Filters("null", decoder=decoder, pixels="rgb24"),
            Filters(ours, pixels="rgb24"),  # as for an ffmpeg that turns no PNG
        ):
            found = [*filters.push(frame), *filters.flush()][0].to_ndarray()
            assert found.shape == upright.shape
            assert np.abs(found.astype(int) - upright).max() <= 6  # of JPEG
    gc.collect()


@pytest.mark.parametrize("by", ["ffmpeg", "pyav"])
@pytest.mark.parametrize("suffix, orientation", [(".png", 2), (".png", 5), (".mjpeg", 7)])
def test_pictures_of_a_turned_camera(model, shown, tmp_path, suffix, orientation, by):
    """FFmpeg before 8 turns no PNG by itself, and PyAV 18 tells of nothing beside EXIF data."""
    source, upright = turned_pictures(tmp_path / f"in{suffix}", orientation)
    how = dict(encoder_options=LOSSLESS, strength=0, executor=by)
    found, pixels = shown(stylize(source, tmp_path / "out.mp4", model, **how))
    height, width, _ = upright.shape
    assert (found["streams"][0]["width"], found["streams"][0]["height"]) == (width, height)
    assert psnr(pixels.reshape(-1, height, width, 3)[0], upright) >= 30


def test_what_fails_behind_the_engine_is_not_gone_on_with():
    done, gate = [], threading.Event()

    def work(number):
        gate.wait(60)
        done.append(number)
        if number == 1:
            raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"), _Later() as later:
        for number in range(4):
            later.do(work, number)
        gate.set()
    assert done == [0, 1]


def test_a_damaged_video_goes_on(clip, model, shown, tmp_path, caplog):
    source = clip(["-g", "1", "-an"])
    data = bytearray(source.read_bytes())
    at = data.index(b"mdat") + 4 + len(data) // 3
    data[at : at + 300] = bytes(300)
    source.write_bytes(data)
    target = stylize(source, tmp_path / "out.mp4", model, executor="pyav")
    assert len(times(shown(target)[0], "video")) >= 8


def test_damaged_sound_goes_on(clip, model, shown, tmp_path, caplog):
    source = clip([])
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        at, size = packets[4].pos, packets[4].size
    data = bytearray(source.read_bytes())
    data[at : at + size] = b"\xff" * size
    source.write_bytes(data)
    how = dict(encoder_options=["-c:v", "mpeg4"], executor="pyav")
    found, _ = shown(stylize(source, tmp_path / "out.avi", model, **how))
    assert len(times(found, "audio")) >= len(packets) - 4
    assert "went on after this error" in caplog.text


def test_a_source_that_changes_loses_no_frame(ffmpeg, model, shown, tmp_path):
    parts = []
    for number, size in enumerate(("64x48", "96x32")):
        part = tmp_path / f"{number}.ts"
        made = ("-f", "lavfi", "-i", f"testsrc2=s={size}:d=0.2,format=yuv420p", "-c:v", "libx264")
        subprocess.run([ffmpeg, "-v", "error", *made, part], check=True)
        parts.append(part.read_bytes())
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(parts))
    found, _ = shown(stylize(source, tmp_path / "out.mp4", model, executor="pyav"))
    assert found["streams"][0]["nb_frames"] == "10"


def test_no_program_is_needed(clip, model, tmp_path):
    """Where no ffmpeg was built and none is installed, a name alone paints."""
    source = clip([])
    code = (
        "from ffmpeg_style import cli\nfrom ffmpeg_style.ffmpeg import program\n"
        f"program.build_folder = lambda: program.Path({str(tmp_path / 'none')!r})\ncli.main()"
    )
    environment = {"PATH": "", "PYTHONPATH": ":".join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", code, str(source), "--model", str(model)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{tmp_path / 'in-a.mov'}\n"


def test_what_the_program_lacks_the_libraries_do(clip, model, shown, tmp_path):
    """A build for the quick start writes no WebM."""
    found, _ = shown(stylize(clip([]), tmp_path / "out.mkv", model, encoder_options=["-an"]))
    target = stylize(clip([]), tmp_path / "out.webm", model, encoder_options=["-an"])
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.codec.canonical_name == "vp9"
        assert sum(1 for _ in container.decode(video=0)) == len(times(found, "video"))


def test_abilities():
    assert abilities.has_encoder("libx264") and not abilities.has_encoder("nope")
    assert abilities.has_decoder("h264") and not abilities.has_decoder("")
    assert abilities.has_muxer("mp4") and not abilities.has_muxer("nope")
    assert "yuv420p" in abilities.encoder_formats("libx264")
    assert abilities.default_encoder("avi") == "mpeg4"
    with pytest.raises(InputError, match="no encoder nope"):
        abilities.encoder_formats("nope")
