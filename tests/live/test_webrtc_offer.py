"""Offers of clients: what is refused, and what is left out."""

import asyncio
import os
import random
import socket
import time

import pytest
from aiortc import RTCPeerConnection
from helpers.live import PATIENCE
from helpers.webrtc import mutated

from ffmpeg_style.errors import InputError
from ffmpeg_style.live.webrtc import adapt
from ffmpeg_style.live.webrtc.camera import WebCamera
from ffmpeg_style.live.webrtc.connection import Connection
from ffmpeg_style.live.webrtc.offer import MAX_SIZE, read_offer

FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)
OFFER = "\r\n".join(
    (
        *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0"),
        *("m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendonly"),
        *(
            "a=ice-ufrag:abcd",
            "a=ice-pwd:" + "x" * 22,
            FINGERPRINT,
            "a=setup:actpass",
            "a=rtcp-mux",
        ),
        *("a=rtpmap:96 VP8/90000", "a=candidate:1 1 udp 99 {address} {port} typ host", ""),
    )
)


def answer(offer):
    """What a camera with that offer is answered."""

    async def negotiate():
        camera = WebCamera("cam", None, None)
        try:
            return await camera.answer(offer.encode())
        finally:
            await camera.close()

    adapt.listen_on("127.0.0.1")
    return asyncio.run(negotiate())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v=0", "v=1"),
        ("m=video 9 UDP/TLS/RTP/SAVPF 96", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"),
        ("m=video", "a=video"),
        ("VP8", "AV1"),
        (FINGERPRINT, ""),
        ("a=ice-pwd", "a=ice-x"),
        ("s=-", "s=" + "x" * MAX_SIZE),
        ("a=mid:0\r\n", "a=mid:0\r\n" + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 5),
        ("a=rtpmap:96 VP8/90000", "a=rtpmap:ninety VP8"),
        ("a=mid:0", "a=mid:" + "0" * 17),
        ("a=mid:0", "a=mid:\U0001f600"),
        ("a=mid:0", "a=mid:" + "\U0001f600" * 32),
    ],
)
def test_offers_that_are_refused(old, new):
    assert "a=recvonly" in answer(OFFER)
    with pytest.raises(InputError, match="expected an"):
        answer(OFFER.replace(old, new))


def test_sessions_have_names_that_cannot_be_guessed():
    async def connect():
        return [Connection().id for _ in range(100)]

    names = asyncio.run(connect())
    assert len(set(names)) == 100
    for place in range(32):  # Each of the characters, of 6 bits, is drawn.
        assert len({name[place] for name in names}) > 30


def test_what_is_not_text_is_refused():
    with pytest.raises(InputError):
        read_offer(b"v=0\r\n\xff\xfe")


def test_offers_that_are_broken_leave_nothing():
    async def negotiate():
        source, outcomes = random.Random(7), set()
        peer = RTCPeerConnection()
        for kind in ("audio", "video"):
            peer.addTransceiver(kind, "sendonly")
        await peer.setLocalDescription(await peer.createOffer())
        offer = peer.localDescription.sdp
        descriptors = len(os.listdir("/proc/self/fd"))
        for _ in range(200):
            camera = WebCamera("cam", None, None)
            try:
                outcomes.add("v=0" in await camera.answer(mutated(offer, source).encode()))
            except InputError as error:
                outcomes.add(str(error))
            await camera.close()
        assert True in outcomes
        assert "expected an SDP offer that can be answered" in outcomes
        await peer.close()
        end = time.monotonic() + PATIENCE
        while asyncio.all_tasks() != {asyncio.current_task()}:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        assert len(os.listdir("/proc/self/fd")) <= descriptors

    adapt.listen_on("127.0.0.1")
    asyncio.run(negotiate())


def test_nothing_is_sent_to_an_address_that_an_offer_names():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.setblocking(False)

        async def negotiate():
            camera = WebCamera("cam", None, None)
            offer = OFFER.format(address="127.0.0.1", port=victim.getsockname()[1])
            await camera.answer(offer.encode())
            await asyncio.sleep(0.5)  # aioice sends a check each 20 ms
            await camera.close()

        adapt.listen_on("127.0.0.1")
        asyncio.run(negotiate())
        with pytest.raises(BlockingIOError):
            victim.recv(100)
