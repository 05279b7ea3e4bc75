"""Errors that a user can mend. Each is also the builtin exception a caller would expect."""


class StyleError(Exception):
    """What was expected, what was found and what to do, in one sentence."""

    exit_code = 2


class InputError(StyleError, ValueError):
    """A file, a folder or an option is not what it should be."""


class LackingError(InputError):
    """An ffmpeg has no decoder, encoder or container for a file, which another build may have."""


class InputNotFoundError(StyleError, FileNotFoundError):
    """A file or a folder that is needed is not there."""


class StoppedError(StyleError, InterruptedError):
    """A signal ended long work; what was done so far is kept."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number

    def __new__(cls, message: str, signal_number: int) -> "StoppedError":
        return super().__new__(cls, message)  # An OSError of two arguments would be an errno.


class BuildError(StyleError, RuntimeError):
    """A step of the ffmpeg build failed, though it was asked for rightly."""

    exit_code = 1


class InputTypeError(StyleError, TypeError):
    """An argument is of another type than it should be."""


class InputPermissionError(StyleError, PermissionError):
    """A file or a folder may not be read or written."""


class StorageError(StyleError, OSError):
    """There is no room for a file: the disk, or the user's share of it, is full."""

    exit_code = 1


class ModelError(InputError):
    """A file is no style graph, or one that the engine can't or won't run."""


class LibraryError(StyleError, OSError):
    """There is no TensorFlow library that the engine can use."""


class PackageError(StyleError, ImportError):
    """A Python package is not installed that only some of the commands need."""


UNCOMPILED = (
    "ffmpeg_style's engine is not compiled for this Python: "
    "type `make` in the checkout, or `pip install .`"
)
"""What a `PackageError` says where ``ffmpeg_style._engine`` is not there."""


class DeviceError(StyleError, RuntimeError):
    """The machine lacks the GPU, or the bfloat16 in hardware, that was asked for."""


class OutOfMemoryError(StyleError, MemoryError):
    """There was too little memory for a model or a frame."""


class EngineError(StyleError, RuntimeError):
    """A frame could not be painted, though everything about it was as it should be."""

    exit_code = 1


class ClusterError(StyleError, RuntimeError):
    """The machines of a cluster can't be reached, or one of them lacks what it needs."""

    exit_code = 1
    worker = ""
    """The address of the one that lacks something."""
    reason = ""
    """What its system said of a clip, which may be the clip's fault."""


class FFmpegError(StyleError, RuntimeError):
    """ffmpeg ended without success; the message is its own reason."""

    exit_code = 1
    log = ""
    """All that ffmpeg said."""
    was_killed = False
    """By someone, or by the system, which may have run out of memory."""
