"""``python -m ffmpeg_style``."""

from ffmpeg_style.cli import main

main(prog_name="ffmpeg-style")
