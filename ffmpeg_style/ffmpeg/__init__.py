"""The patched ffmpeg: its build, and files painted by it."""
