"""Errors that a user can mend. Each is also the builtin exception a caller would expect."""


class StyleError(Exception):
    """What was expected, what was found and what to do, in one sentence."""

    exit_code = 2


class InputError(StyleError, ValueError):
    """A file, a folder or an option is not what it should be."""


class InputNotFoundError(StyleError, FileNotFoundError):
    """A file or a folder that is needed is not there."""


class BuildError(StyleError, RuntimeError):
    """A step of the ffmpeg build failed, though it was asked for rightly."""

    exit_code = 1
