"""Where this reaches behind aiortc's interface: all of it is here and in `sender`, and why.

aiortc offers no way to take encoded frames or reports from a receiver, to choose the addresses that
are listened on, or to wait longer than half a second for a client's sign of life; and asyncio none
to say how long a datagram can be.
"""

import ipaddress

import aioice.ice
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.rtp import RtcpSrPacket

RETRANSMISSIONS = 2
"""Of a question to a client that aioice asks but once."""
CONSENT_FAILURES = 4
"""Missed answers after which a client is gone: some 35 s."""
MAX_DATAGRAM = 9216
"""Bytes: more than there is in an Ethernet frame, jumbo frames among them."""


def take_packets(receiver, make_buffer):
    """Puts a buffer of our own in the place of a receiver's jitter buffer.

    Args:
        receiver: an `RTCRtpReceiver`.
        make_buffer: function of (a function from payload types to codecs' names) that returns an
            object with aiortc's ``JitterBuffer.add``.
    """
    codecs = private(receiver, RTCRtpReceiver, "codecs")

    def codec_of(payload_type):
        codec = codecs.get(payload_type)
        return codec.name if codec else ""

    set_private(receiver, RTCRtpReceiver, "jitter_buffer", make_buffer(codec_of))


def take_reports(receiver, take):
    """Has a sender's reports told as well.

    Args:
        receiver: an `RTCRtpReceiver`.
        take: function of (seconds by the sender's clock, the RTP timestamp of that moment).
    """
    handle = receiver._handle_rtcp_packet

    async def handle_and_tell(packet):
        if isinstance(packet, RtcpSrPacket):
            take(packet.sender_info.ntp_timestamp / (1 << 32), packet.sender_info.rtp_timestamp)
        await handle(packet)

    receiver._handle_rtcp_packet = handle_and_tell


def allow_codecs(transceiver, *names):
    """Has a transceiver negotiate these codecs alone, such as "VP8", in this order."""
    codecs = RTCRtpSender.getCapabilities(transceiver.kind).codecs
    allowed = [codec for name in (*names, "rtx") for codec in codecs if codec.name == name]
    transceiver.setCodecPreferences(allowed)


def wait_for_signs_of_life():
    """Has all WebRTC connections ask a client three times, in 3.5 s, before they miss its answer.

    By RFC 7675 a connection ends when a client has not answered for 30 s. aioice asks it six times
    meanwhile, each time for half a second: where 20 browsers play on a busy machine, all six
    answers came later than that, and the camera's connection was given up while it sent.
    """
    aioice.ice.CONSENT_FAILURES = CONSENT_FAILURES
    aioice.ice.StunProtocol.request = _request


async def _request(self, *args, retransmissions=None, **options):
    patience = RETRANSMISSIONS if retransmissions == 0 else retransmissions
    return await _impatient_request(self, *args, retransmissions=patience, **options)


_impatient_request = aioice.ice.StunProtocol.request


def read_short_datagrams():
    """Has asyncio ask for no more memory for a datagram than one can take.

    It asks for 256 KiB, of which it gives back what is left over. So much is free at the end of the
    heap alone: what lives a little longer stays there, with a hole before it, and the heap grows.
    """
    aioice.ice.StunProtocol.connection_made = _connection_made


def _connection_made(self, transport):
    transport.max_size = MAX_DATAGRAM
    _connection_made_at_length(self, transport)


_connection_made_at_length = aioice.ice.StunProtocol.connection_made


def listen_on(host):
    """Makes all WebRTC connections listen on one IP address, or on all for "0.0.0.0" and "::"."""
    address = ipaddress.ip_address(host)

    def addresses(use_ipv4, use_ipv6):
        if not address.is_unspecified:
            return [host]
        return [*_all_addresses(True, address.version == 6), "127.0.0.1"]

    aioice.ice.get_host_addresses = addresses


_all_addresses = aioice.ice.get_host_addresses


def private(instance, kind, name):
    """What an object of aiortc's class `kind` has by a name that begins with two underscores."""
    return instance.__dict__[f"_{kind.__name__}__{name}"]


def set_private(instance, kind, name, value):
    """Sets it; a KeyError where aiortc has no such thing any more."""
    private(instance, kind, name)
    instance.__dict__[f"_{kind.__name__}__{name}"] = value
