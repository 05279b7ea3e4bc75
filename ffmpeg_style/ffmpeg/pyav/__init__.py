"""FFmpeg's libraries by PyAV: what the built ffmpeg does as a program, without it."""
