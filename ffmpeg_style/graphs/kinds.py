"""The kinds of files that others keep networks in, told by their names, without TensorFlow."""

from pathlib import Path

from ffmpeg_style.errors import InputError

KERAS = (".h5", ".hdf5", ".keras")
_KINDS = {*KERAS, ".meta", ".pbtxt"}


def check_kind(source: Path) -> None:
    """Raise InputError unless `freezing.freeze` takes such a file."""
    if not (source.is_dir() or source.name == "saved_model.pb" or source.suffix in _KINDS):
        raise InputError(
            f"expected a SavedModel's folder, a .keras, a .h5, a .meta or a .pbtxt, found {source}"
        )
