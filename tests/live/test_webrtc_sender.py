"""Packets that are packed once and sent to each viewer, by aiortc at the other end."""

import asyncio
import contextlib
import itertools
from types import SimpleNamespace

import pytest
from aioice.ice import StunProtocol
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.clock import current_ntp_time
from aiortc.codecs import depayload
from aiortc.rtp import RtcpSrPacket, is_rtcp

from ffmpeg_style.live.webrtc import adapt, messages
from ffmpeg_style.live.webrtc.broadcast import Broadcast
from ffmpeg_style.live.webrtc.sender import Packer
from ffmpeg_style.live.webrtc.sessions import _send

TIME = 10
"""Seconds after which something that was to happen has not."""


class Client:
    """A peer that keeps what it is sent.

    Attributes:
        packets: of each kind, in the order of their coming.
        reports: of each kind, the sender's.
        told: what `adapt.take_reports` tells of them.
    """

    def __init__(self):
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.packets = {"video": [], "audio": []}
        self.reports = {"video": [], "audio": []}
        self.told = {"video": [], "audio": []}
        for kind in self.packets:
            receiver = self.peer.addTransceiver(kind, "recvonly").receiver
            adapt.take_packets(receiver, lambda _, kind=kind: Keeper(self.packets[kind]))
            receiver._handle_rtcp_packet = self._keeper(self.reports[kind])
            tell = self.told[kind].append
            adapt.take_reports(receiver, lambda *report, tell=tell: tell(report))

    def _keeper(self, reports):
        async def keep(packet):
            reports.extend([packet] * isinstance(packet, RtcpSrPacket))

        return keep


class Keeper:
    """In the place of a jitter buffer."""

    def __init__(self, packets):
        self._packets = packets

    def add(self, packet):
        self._packets.append(packet)
        return False, None


@contextlib.asynccontextmanager
async def watching(broadcast):
    """A `Client` who watches a broadcast, connected by now."""
    viewer, client = broadcast.add(), Client()
    server = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        await client.peer.setLocalDescription(await client.peer.createOffer())
        await server.setRemoteDescription(client.peer.localDescription)
        _send(server, viewer, broadcast.codec)
        await server.setLocalDescription(await server.createAnswer())
        await client.peer.setRemoteDescription(server.localDescription)
        await until(lambda: viewer.video.is_ready and viewer.audio.is_ready)
        yield client
    finally:
        await client.peer.close()
        await server.close()


async def until(is_so):
    """Waits until it is so."""

    async def look():
        while not is_so():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(look(), TIME)


def frames(client, codec):
    """(timestamp, bytes) of what a client was sent, put together again."""
    packets = sorted(client.packets["video"], key=lambda packet: packet.sequence_number)
    numbers = [packet.sequence_number for packet in packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for timestamp, group in itertools.groupby(packets, lambda packet: packet.timestamp):
        group = list(group)
        assert [packet.marker for packet in group] == [0] * (len(group) - 1) + [1]
        assert {packet.extensions.mid for packet in group} == {"0"}
        assert all(packet.extensions.abs_send_time is not None for packet in group)
        parts = (depayload(SimpleNamespace(name=codec), packet.payload) for packet in group)
        yield timestamp, b"".join(parts)


def are_there(client, count):
    """Whether so many frames have come."""
    return sum(packet.marker for packet in client.packets["video"]) == count


@pytest.mark.parametrize("codec", messages.CODECS)
def test_each_viewer_gets_every_frame_whole(codec):
    sent = [b"\0\0\0\1\x65" + bytes([i]) * 5000 for i in range(1, 4)]  # For H.264, a picture.

    async def watch():
        broadcast = Broadcast(lambda _: None, codec)
        async with watching(broadcast) as one, watching(broadcast) as other:
            for number, data in enumerate(sent):
                broadcast.video(number * 6000, data, number == 0, 0)
                broadcast.audio(number * 960, bytes([number]), 0)
            for client in (one, other):
                await until(lambda client=client: are_there(client, 3))
                await until(lambda client=client: len(client.packets["audio"]) == 3)
            return one, other

    for client in asyncio.run(watch()):
        times, pictures = zip(*frames(client, codec), strict=True)
        assert list(pictures) == sent
        assert [(time - times[0]) % (1 << 32) for time in times] == [0, 6000, 12000]
        assert [packet.payload for packet in client.packets["audio"]] == [b"\0", b"\1", b"\2"]


def test_frame_that_cannot_be_packed_is_left_out():
    assert Packer().frame("H264", 0, b"\0\0\0\1", 0).payloads == []


def test_packet_that_was_lost_is_sent_again(monkeypatch):
    receive, came = StunProtocol.datagram_received, []

    def lose_one(self, data, address):
        if data[0] >> 6 == 2 and not is_rtcp(data):
            came.append(data)
            if len(came) == 2:
                return
        receive(self, data, address)

    async def watch():
        broadcast = Broadcast(lambda _: None)
        async with watching(broadcast) as client:
            monkeypatch.setattr(StunProtocol, "datagram_received", lose_one)
            broadcast.video(0, bytes(5000), True, 0)
            await until(lambda: len(client.packets["video"]) == len(came) - 1 > 3)
            return client

    ((_, picture),) = frames(asyncio.run(watch()), "VP8")
    assert picture == bytes(5000)


def test_reports_tell_when_a_frame_was_filmed():
    async def watch():
        broadcast = Broadcast(lambda _: None)
        async with watching(broadcast) as client:
            before = current_ntp_time()
            broadcast.video(90000, bytes(3000), True, 0.25)
            after = current_ntp_time()
            await until(lambda: any(r.sender_info.packet_count for r in client.reports["video"]))
            return before, after, client

    before, after, client = asyncio.run(watch())
    info = client.reports["video"][-1].sender_info
    assert before <= info.ntp_timestamp + (1 << 30) <= after
    assert info.rtp_timestamp == client.packets["video"][0].timestamp
    assert info.packet_count == len(client.packets["video"]) == 3
    assert client.told["video"][-1] == (info.ntp_timestamp / 2**32, info.rtp_timestamp)


def test_sender_is_not_ready_while_its_network_is_full(monkeypatch):
    async def watch():
        told = []
        broadcast = Broadcast(told.append)
        async with watching(broadcast) as client:
            (viewer,) = broadcast.viewers
            broadcast.video(0, bytes(100), True, 0)
            transport = viewer.video._route()[0]
            with monkeypatch.context() as patch:
                patch.setattr(transport, "get_write_buffer_size", lambda: 1)
                assert not viewer.video.is_ready and not viewer.audio.is_ready
                broadcast.video(6000, bytes(200), False, 0)
                broadcast.audio(960, b"lost", 0)
            assert viewer.video.is_ready and viewer.audio.is_ready
            broadcast.video(12000, bytes(300), True, 0)
            broadcast.audio(1920, b"sound", 0)
            await until(lambda: are_there(client, 2))
            await until(lambda: client.packets["audio"])
            return client

    client = asyncio.run(watch())
    assert [len(picture) for _, picture in frames(client, "VP8")] == [100, 300]
    assert [packet.payload for packet in client.packets["audio"]] == [b"sound"]


def test_sound_that_no_packet_holds_is_left_out():
    async def watch():
        broadcast = Broadcast(lambda _: None)
        async with watching(broadcast) as client:
            for number, size in enumerate((1281, 1500, 1280)):
                broadcast.audio(number * 960, bytes(size), 0)
            await until(lambda: client.packets["audio"])
            return client

    client = asyncio.run(watch())
    assert [len(packet.payload) for packet in client.packets["audio"]] == [1280]


def test_viewer_who_cannot_be_sent_to_keeps_nothing_from_the_others(caplog):
    def fail(packets):
        raise ValueError("too long")

    broadcast, sent = Broadcast(lambda _: None), []
    for send in (fail, sent.append):
        viewer = broadcast.add()
        viewer.video = viewer.audio = SimpleNamespace(is_ready=True, send=send)
    broadcast.audio(0, b"sound", 0)
    for pts in (1, 2):
        broadcast.video(pts, b"key", True, 0)
    assert [packets.timestamp for packets in sent] == [0, 1, 2]
    assert [record.exc_info[0] for record in caplog.records] == [ValueError]


def test_source_keeps_its_order_when_the_painting_gets_quicker():
    sent = []

    async def film():
        broadcast = Broadcast(lambda _: None)
        viewer = broadcast.add()
        viewer.video = SimpleNamespace(is_ready=True, send=lambda packets: sent.append(packets))
        for pts, delay in enumerate((0.06, 0.03, 0.01)):
            broadcast.video_later(delay, pts, b"frame", pts == 0)
        await until(lambda: len(sent) == 3)

    asyncio.run(film())
    assert [packets.timestamp for packets in sent] == [0, 1, 2]


def test_viewer_whose_network_is_full_goes_on_with_a_key_frame():
    sent, told = [], []
    broadcast = Broadcast(told.append)
    viewer = broadcast.add()
    assert told.pop() == {"viewers": 1, "key_frame": True}
    broadcast.video(0, b"key", True, 0)  # Nobody is connected, and nothing asked for.
    viewer.video = SimpleNamespace(is_ready=True, send=lambda packets: sent.append(packets))
    broadcast.video(1, b"delta", False, 0)
    assert (sent, told) == ([], [{"key_frame": True}])
    broadcast.video(2, b"key", True, 0)
    viewer.video.is_ready = False
    broadcast.video(3, b"delta", False, 0)
    viewer.video.is_ready = True
    broadcast.video(4, b"delta", False, 0)
    broadcast.video(5, b"key", True, 0)
    assert [packets.timestamp for packets in sent] == [2, 5]
