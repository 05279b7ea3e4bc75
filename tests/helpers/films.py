"""Short videos, and what two of them differ by: their frames, packets, and what goes with them."""

import json
import re
import subprocess

import av

from ffmpeg_style.ffmpeg.program import ffmpeg_path


def write_clip(path, pictures, rate=25):
    """An H.264 video of pictures, uint8 [H,W,3]; by PyAV, where no ffmpeg was built too."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate, pix_fmt="yuv420p")
        stream.height, stream.width = pictures[0].shape[:2]
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))


def frames(path):
    """A checksum and the time of each decoded frame, as lines of text."""
    command = [ffmpeg_path(), "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode"]
    command += ["passthrough", "-enc_time_base", "demux", "-f", "framemd5", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def count_frames(path):
    """How many frames are decoded."""
    return sum(not line.startswith("#") for line in frames(path).splitlines())


def psnr(path, other):
    """How alike two videos are, frame by frame, in dB; 100 where they are the same."""
    command = [ffmpeg_path(), "-v", "error", "-i", path, "-i", other, "-lavfi"]
    command += ["psnr=stats_file=-", "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return [min(float(level), 100) for level in re.findall(r"psnr_avg:(\S+)", told)]


def shown(path, *what):
    """What ffprobe tells in JSON."""
    command = [ffmpeg_path("ffprobe"), "-v", "error", "-of", "json", "-show_data_hash", "md5"]
    found = subprocess.run([*command, *what, path], capture_output=True, check=True)
    return json.loads(found.stdout)


def told(path):
    """All that is told of a file's streams, chapters and tags, but for sizes."""
    values = shown(path, "-show_streams", "-show_format", "-show_chapters")
    for part in [values["format"], *values["streams"]]:
        for name in ("filename", "size", "bit_rate", "extradata_hash"):
            part.pop(name, None)
    return values


def packets(path):
    """The times of all packets; of those that are no pictures, their content too."""
    names = ("stream_index", "pts", "dts", "duration")
    return [
        [packet.get(name) for name in names]
        + ([packet["data_hash"]] if packet["codec_type"] != "video" else [])
        for packet in shown(path, "-show_packets")["packets"]
    ]


def assert_same(film, other):
    """Nothing that a player could tell is different."""
    assert frames(film) == frames(other)
    assert sorted(map(str, packets(film))) == sorted(map(str, packets(other)))
    assert told(film) == told(other)


def coded(path):
    """A checksum of what the packets of each stream hold."""
    command = [ffmpeg_path(), "-v", "error", "-i", path, "-map", "0", "-c", "copy"]
    command += ["-f", "streamhash", "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def assert_equal(film, other):
    """The files are the same to the byte; but for a number drawn by lot, which Matroska has."""
    if film.suffix != ".mkv":
        assert film.read_bytes() == other.read_bytes()
    else:
        assert_same(film, other)
        assert coded(film) == coded(other)
