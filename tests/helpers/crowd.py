"""Many who watch a stream by WHEP, whose processors are not those of this machine.

    python -m helpers.crowd http://127.0.0.1:8080/streams/NAME/whep COUNT

They answer as browsers do and count what comes, but they decrypt none of it: that is the work of
20 machines, not of the one that serves them. They stay until stdin ends, and tell the lowest count.
"""

import asyncio
import sys
from collections import Counter

import aiohttp
from aioice.ice import StunProtocol
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtp import is_rtcp

received = Counter()
"""Packets of picture and sound, by the connection that they came to."""


def count_media():
    """Has packets of picture and sound counted, and not looked into."""
    take = StunProtocol.datagram_received

    def datagram_received(self, data, address):
        if data[0] >> 6 == 2 and not is_rtcp(data):
            received[self.receiver] += 1
        else:
            take(self, data, address)

    StunProtocol.datagram_received = datagram_received


async def watch(client, address):
    """One of them: its `RTCPeerConnection`."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in ("video", "audio"):
        peer.addTransceiver(kind, "recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    headers = {"Content-Type": "application/sdp"}
    async with client.post(
        address, data=peer.localDescription.sdp, headers=headers, raise_for_status=True
    ) as answer:
        await peer.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
    return peer


async def main(address, count):
    """All of them, until stdin ends."""
    count_media()
    async with aiohttp.ClientSession() as client:
        peers = [await watch(client, address) for _ in range(int(count))]
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        print(min(received.values()) if len(received) == len(peers) else 0)
        for peer in peers:
            await peer.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
