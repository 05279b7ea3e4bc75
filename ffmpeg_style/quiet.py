"""TensorFlow's start without what it writes to stderr at each, whatever its log level is."""

import contextlib
import os
import re
import sys
import tempfile

_CHATTER = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:")


def start_tensorflow():
    """Import TensorFlow and find its devices, if it is Keras's backend; say only what matters."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    with _held_stderr():
        import tensorflow

        tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def _held_stderr():
    """Hold back what the process writes to stderr, then write it without TensorFlow's lines."""
    sys.stderr.flush()
    real = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(2, line)
