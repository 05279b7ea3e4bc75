"""The server's log, on stderr, without the key in it."""

import logging
import re

_TICKET = re.compile(r"ticket=[\w-]+")


class _Redacting(logging.Formatter):
    def __init__(self, key):
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._key = key

    def format(self, record):
        text = _TICKET.sub("ticket=***", super().format(record))
        return text.replace(self._key, "***") if self._key else text


def start_log(verbose, key):
    """Begins to log; `key` is a str that never shows, or None."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacting(key))
    logger = logging.getLogger("ffmpeg_style.live")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    logger.propagate = False
