"""Neural style transfer on video, inside ffmpeg and from Python."""

__version__ = "0.1.0"
