"""Many who watch a stream by WHEP and decode nothing, so that one machine bears them.

    python -m helpers.crowd http://127.0.0.1:8080/streams/NAME/whep COUNT

They stay until stdin ends.
"""

import asyncio
import sys

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from ffmpeg_style.live.webrtc import adapt
from ffmpeg_style.live.webrtc.assembler import PacketTap


async def watch(client, address):
    """One of them: its `RTCPeerConnection`."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in ("video", "audio"):
        receiver = peer.addTransceiver(kind, "recvonly").receiver
        adapt.take_packets(receiver, lambda _: PacketTap(lambda *_: None))
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Content-Type": "application/sdp"}
    async with client.post(
        address, data=peer.localDescription.sdp, headers=headers, raise_for_status=True
    ) as answer:
        await peer.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
    return peer


async def main(address, count):
    """All of them, until stdin ends."""
    async with aiohttp.ClientSession() as client:
        peers = [await watch(client, address) for _ in range(int(count))]
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for peer in peers:
            await peer.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
