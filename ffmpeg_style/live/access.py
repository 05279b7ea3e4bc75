"""Who may do what: names, the key, and tickets for the server's own programs."""

import hmac
import re
import secrets
from pathlib import Path

from ffmpeg_style.errors import InputError, InputNotFoundError

KEY_VARIABLE = "FFMPEG_STYLE_KEY"

PLAY_CAMERA, PUBLISH_CAMERA = "play camera", "publish camera"
PLAY_PAINTED, PUBLISH_PAINTED = "play painted", "publish painted"
"""What tickets are for; each goes with a stream's name."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KEY = re.compile(r"[A-Za-z0-9._~-]{8,128}")


def is_stream_name(text):
    """Whether a text can name a stream: a letter or digit, then up to 63 of these, "_" and "-"."""
    return _NAME.fullmatch(text) is not None


def read_key(path):
    """The key in the first line of a file.

    Raises:
        InputNotFoundError, InputError: there is no such file, or it can't be read.
    """
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputNotFoundError(f"no key file at {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't read a key from {path}") from error
    return lines[0].strip() if lines else ""


def check_key(key):
    """Refuses a key that could not be typed into the address of a camera's app, or is short.

    Raises:
        InputError: without the key in its text.
    """
    if _KEY.fullmatch(key) is None:
        raise InputError(
            f"the key has {len(key)} characters: expected 8 to 128 letters, digits or . _ ~ -"
        )


def is_same(secret, given):
    """Whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(secret.encode(), given.encode("utf-8", "surrogatepass"))


class Tickets:
    """Passes of one use, by which the server's own programs are known to it.

    A painter has its ticket in its command line, where other users of the machine could read it.
    It is used up within a second of the start, and a new one is made for every start.
    """

    def __init__(self):
        self._valid = {}

    def issue(self, *purpose):
        """A new ticket for a purpose: any values."""
        ticket = secrets.token_urlsafe(16)
        self._valid[ticket] = purpose
        return ticket

    def redeem(self, ticket, *purpose):
        """Whether a ticket is valid for the purpose; from now on it no longer is."""
        for known in list(self._valid):
            if is_same(known, ticket) and self._valid[known] == purpose:
                del self._valid[known]
                return True
        return False

    def revoke(self, *tickets):
        """Makes tickets invalid that may not have been used."""
        for ticket in tickets:
            self._valid.pop(ticket, None)
