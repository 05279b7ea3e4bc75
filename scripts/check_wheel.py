"""Paints a photograph and a video with an installed ffmpeg-style, as its new user does."""

import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image


def main():
    """Fails where either is not painted, or the video has lost its sound."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        random = np.random.default_rng(1)
        pixels = np.kron(
            random.integers(0, 256, (9, 16, 3), np.uint8), np.ones((20, 20, 1), np.uint8)
        )
        Image.fromarray(pixels).save(folder / "photo.jpg")
        write_clip(folder / "clip.mp4", pixels)
        command = (sys.executable, "-m", "ffmpeg_style")
        for name in ("photo.jpg", "clip.mp4"):
            subprocess.run([*command, name], cwd=folder, check=True)
        assert Image.open(folder / "photo-wave-fast.jpg").size == (320, 180)
        with av.open(str(folder / "clip-wave-fast.mp4")) as container:
            assert [stream.codec.canonical_name for stream in container.streams] == ["h264", "aac"]
            frames = list(container.decode(video=0))
        assert len(frames) == 10 and (frames[0].width, frames[0].height) == (320, 180)
    print("painted: a photograph, and a video with its sound")


def write_clip(path, pixels):
    """Ten frames and a tone."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", 25, width=320, height=180, pix_fmt="yuv420p")
        sound = container.add_stream("aac", 48000, layout="mono")
        for _ in range(10):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels))))
        tone = np.sin(np.arange(19200) * 0.05, dtype=np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(sound.encode(frame))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))


if __name__ == "__main__":
    main()
