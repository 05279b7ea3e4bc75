"""A WebRTC connection of one client, from its offer to its end."""

import asyncio
import contextlib
import logging
import secrets

from aiortc import RTCConfiguration, RTCPeerConnection

from ffmpeg_style.errors import InputError
from ffmpeg_style.live.webrtc.offer import read_offer

CONNECT_TIME = 15
"""Seconds in which a client must be connected after its offer was answered."""
ANSWER_TIME = 5
"""Seconds that answering may take."""
CLOSE_TIME = 5

log = logging.getLogger(__name__)


class Connection:
    """One client's connection.

    Attributes:
        id: can't be guessed; the client ends the connection by it.
        peer: the `RTCPeerConnection`; no server but this one has a part in it.
        ended: an `asyncio.Event`, set when the connection is at its end, whoever ended it.
    """

    def __init__(self):
        self.id = secrets.token_urlsafe(24)
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peer.on("connectionstatechange", self._note_state)
        self.ended = asyncio.Event()
        self._connected = asyncio.Event()
        self._patience = None

    async def answer(self, data, prepare):
        """Answers an offer.

        Args:
            data: the offer, as bytes.
            prepare: function of no arguments that is called in between, when the transceivers of
                what is offered are there.

        Returns:
            str: the answer, as SDP.

        Raises:
            InputError: the offer is none, or not one that can be answered.
        """
        offer = read_offer(data)
        try:
            await asyncio.wait_for(self._answer(offer, prepare), ANSWER_TIME)
        except InputError:
            raise
        except Exception as error:  # aiortc's parser raises whatever an offer makes it trip over.
            log.info("an offer was refused: %s: %s", type(error).__name__, error)
            raise InputError("expected an SDP offer that can be answered") from error
        self._patience = asyncio.create_task(self._give_up_late())
        return self.peer.localDescription.sdp

    async def _answer(self, offer, prepare):
        await self.peer.setRemoteDescription(offer)
        prepare()
        await self.peer.setLocalDescription(await self.peer.createAnswer())

    async def _give_up_late(self):
        try:
            await asyncio.wait_for(self._connected.wait(), CONNECT_TIME)
        except asyncio.TimeoutError:
            self.ended.set()

    def _note_state(self):
        if self.peer.connectionState == "connected":
            self._connected.set()
        elif self.peer.connectionState in ("failed", "closed"):
            self.ended.set()

    async def close(self):
        """Ends the connection."""
        self.ended.set()
        if self._patience:
            self._patience.cancel()
        # An offer that was refused may leave aiortc without a transport, which it trips over then.
        with contextlib.suppress(asyncio.TimeoutError, AttributeError):
            await asyncio.wait_for(self.peer.close(), CLOSE_TIME)
