"""TensorFlow's start without what it writes to stderr at each, whatever its log level is."""

import contextlib
import os
import shutil
import subprocess

_CHATTER = "^(WARNING: All log messages before absl|[IWE][0-9]{4} [0-9][0-9]:[0-9][0-9]:)"


def start_tensorflow():
    """Import TensorFlow and find its devices, if it is Keras's backend; say only what matters."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    with filtered_stderr():
        import tensorflow

        tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def filtered_stderr():
    """Pass what the process writes to stderr through grep, which outlives the process's own end."""
    if shutil.which("grep") is None:  # as in a container of little more than Python
        yield
        return
    try:
        real = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    grep = subprocess.Popen(["grep", "-avE", _CHATTER], stdin=subprocess.PIPE, stdout=real)
    os.dup2(grep.stdin.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(real, 2)
        os.close(real)
        grep.stdin.close()
        grep.wait()
