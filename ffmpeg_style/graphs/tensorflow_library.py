"""Where this Python's TensorFlow is, whose C library the engine loads."""

import importlib.util


def tensorflow_folder():
    """The folder of the installed tensorflow package, found without importing it; None without."""
    spec = importlib.util.find_spec("tensorflow")
    return spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else None
