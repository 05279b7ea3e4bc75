"""Who may do what: names, the key, and tickets for the server's own programs."""

import asyncio
import collections
import hmac
import ipaddress
import re
import secrets
import time
from pathlib import Path

from ffmpeg_style.errors import InputError, InputNotFoundError

KEY_VARIABLE = "FFMPEG_STYLE_KEY"

PLAY_CAMERA, PUBLISH_CAMERA = "play camera", "publish camera"
PLAY_PAINTED, PUBLISH_PAINTED = "play painted", "publish painted"
"""What tickets are for; each goes with a stream's name."""

FREE_GUESSES = 10
"""Wrong keys from one network that are answered at once, within `GUESS_MEMORY`."""
GUESS_MEMORY = 60
"""Seconds for which a wrong key is held against the network that it came from."""
GUESS_TIME = 1
"""Seconds that each further try takes."""
MAX_GUESSES_WAITING = 5
"""Tries from one network that wait; more are refused unseen."""
MAX_NETWORKS = 10_000
"""Networks that are remembered."""

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
        raise InputNotFoundError(
            f"no key file at {path}: write a key of 8 to 128 letters, digits or . _ ~ - into it"
        ) from error
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


class KeyGuard:
    """Compares what is given with the key; those who guess have to wait.

    After `FREE_GUESSES` wrong ones within `GUESS_MEMORY` each further try from the same network
    takes `GUESS_TIME`, one after the other, even with the right key.

    Args:
        key: a str; None: everyone may do everything.
    """

    def __init__(self, key):
        self._key = key
        self._wrong = collections.OrderedDict()
        self._queues = {}

    async def knows(self, given, address):
        """Whether a client may do what the key is for.

        Args:
            given: a str; an empty one is no guess.
            address: the client's IP address, as text.
        """
        if self._key is None:
            return True
        if not given:
            return False
        network = _network(address)
        if len(self._recent(network)) >= FREE_GUESSES and not await self._wait(network):
            return False
        if is_same(self._key, given):
            return True
        self._note(network)
        return False

    async def _wait(self, network):
        """Waits its turn; returns False where too many wait already."""
        lock, waiting = self._queues.get(network, (asyncio.Lock(), 0))
        if waiting >= MAX_GUESSES_WAITING:
            return False
        self._queues[network] = lock, waiting + 1
        try:
            async with lock:
                await asyncio.sleep(GUESS_TIME)
        finally:
            lock, waiting = self._queues.pop(network)
            if waiting > 1:
                self._queues[network] = lock, waiting - 1
        return True

    def _recent(self, network):
        moments = self._wrong.get(network, ())
        return [moment for moment in moments if moment > time.monotonic() - GUESS_MEMORY]

    def _note(self, network):
        recent = self._recent(network)
        self._wrong[network] = [*recent[1 - FREE_GUESSES :], time.monotonic()]
        self._wrong.move_to_end(network)
        if len(self._wrong) > MAX_NETWORKS:
            self._wrong.popitem(last=False)


def _network(address):
    """What one client can take its addresses from: one of IPv4, a /64 of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return found if found.version == 4 else ipaddress.ip_network(f"{found}/64", strict=False)


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
