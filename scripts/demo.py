"""Paints a real clip and says where the result is: ``demo.py FOLDER``, which `make demo` runs.

The clip is one of the videos in FOLDER; where there is none, slow pans over photographs that
scikit-image ships.
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image

from ffmpeg_style import StyleError, find_model, stylize
from ffmpeg_style.ffmpeg.program import ffmpeg_path
from ffmpeg_style.files import atomic_path
from ffmpeg_style.folders import build_folder
from ffmpeg_style.free_photographs import free_photographs

MODEL = "composition-vii-fast"
PREFERRED = "flower.mp4"
PHOTOGRAPHS = 3
WIDTH, HEIGHT, RATE = 640, 360, 25
SECONDS = 3  # for each photograph
ZOOM = 0.75  # part of the photograph that a frame shows


def main(videos):
    """Paints the clip unless that is done already."""
    folder = build_folder() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    clip = choose_clip(Path(videos)) or make_clip(folder / "photographs.mp4")
    target = folder / f"{clip.stem}-{MODEL}.mp4"
    if not is_newer(target, [clip, find_model(MODEL), ffmpeg_path()]):
        stylize(clip, target, MODEL, overwrite=True)
    print(f"The clip:     {clip}\nThe painting: {target}")


def choose_clip(folder):
    """A video of the folder, None when it has none."""
    clips = sorted(folder.glob("*.mp4"), key=lambda clip: (clip.name != PREFERRED, clip.name))
    return clips[0] if clips else None


def is_newer(target, sources):
    """Whether the target is there and was written after all of its sources."""
    return target.exists() and all(
        source.stat().st_mtime < target.stat().st_mtime for source in sources
    )


def make_clip(target):
    """Writes the clip of pans, unless it is there."""
    if target.exists():
        return target
    with atomic_path(target) as draft:
        command = [
            *(ffmpeg_path(), "-y", "-loglevel", "error"),
            *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE)),
            *("-i", "pipe:0", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", draft),
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            for frame in pans():
                process.stdin.write(frame.tobytes())
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    return target


def pans():
    """The frames: over each photograph from its top left to its bottom right."""
    count = SECONDS * RATE
    for path in free_photographs("the demo")[-PHOTOGRAPHS:]:
        photograph = Image.open(path).convert("RGB")
        width = ZOOM * min(photograph.width, photograph.height * WIDTH / HEIGHT)
        height = width * HEIGHT / WIDTH
        for index in range(count):
            x = (photograph.width - width) * index / (count - 1)
            y = (photograph.height - height) * index / (count - 1)
            box = (x, y, x + width, y + height)
            yield photograph.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except StyleError as error:
        sys.exit(f"demo: {error}")
