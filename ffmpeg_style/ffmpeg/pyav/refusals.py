"""Why FFmpeg's libraries would not begin to encode, which PyAV keeps to itself."""

from collections.abc import Mapping, Sequence
from threading import Lock

import av

from ffmpeg_style.errors import FFmpegError
from ffmpeg_style.ffmpeg.reasons import reason_in

_logging = Lock()
"""The level of the libraries' log is one for the process."""


def refusal(
    error: av.FFmpegError,
    context: av.VideoCodecContext,
    options: Mapping[str, str],
    chosen: Sequence[str],
) -> FFmpegError:
    """The error to raise where a file could not be begun.

    Args:
        error: PyAV's, which tells no more than a number does.
        context: of the encoder of the pictures.
        options: that it was given.
        chosen: the user's own.
    """
    log = _log(context, options)
    reason = error.strerror or str(error)
    if log:
        reason = reason_in(log, {})
    elif chosen:
        reason = f"{reason}; the options given: {' '.join(chosen)}"
    told = FFmpegError(reason)
    told.log = log or str(error)
    return told


def _log(context, options):
    """What an encoder says that is opened once more: a log is listened to for this alone.

    Threads that log wait for Python's lock, and may be waited for under it.
    """
    again = av.CodecContext.create(context.name, "w")
    again.width, again.height, again.pix_fmt = context.width, context.height, context.pix_fmt
    again.time_base, again.framerate = context.time_base, context.framerate
    again.options = dict(options)
    with _logging:
        level = av.logging.get_level()
        av.logging.set_level(av.logging.ERROR)
        try:
            with av.logging.Capture() as lines:
                again.open()
        except av.FFmpegError:
            pass
        finally:
            av.logging.set_level(level)
    return "\n".join(message.rstrip("\n") for _, _, message in lines)
