"""Where this reaches behind aiortc's interface: all of it is here, and why.

aiortc offers no way to take encoded frames from a receiver, to hear that a viewer asks for a key
frame or how much its network carries, to tell viewers when a packet was filmed, to choose the
addresses that are listened on, or to wait longer than half a second for a client's sign of life.
"""

import ipaddress

import aioice.ice
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtcrtpsender import RTCRtpSender
from aiortc.rtp import RtcpSrPacket

RETRANSMISSIONS = 2
"""Of a question to a client that aioice asks but once."""
CONSENT_FAILURES = 4
"""Missed answers after which a client is gone: some 35 s."""


def take_packets(receiver, make_buffer):
    """Puts a buffer of our own in the place of a receiver's jitter buffer.

    Args:
        receiver: an `RTCRtpReceiver`.
        make_buffer: function of (a function from payload types to codecs' names) that returns an
            object with aiortc's ``JitterBuffer.add``.
    """
    codecs = _private(receiver, RTCRtpReceiver, "codecs")

    def codec_of(payload_type):
        codec = codecs.get(payload_type)
        return codec.name if codec else ""

    _set_private(receiver, RTCRtpReceiver, "jitter_buffer", make_buffer(codec_of))


def follow_viewer(sender, codec, viewer):
    """Tells a viewer what its browser asks for: a key frame, or another bit rate.

    Args:
        sender: an `RTCRtpSender` that is given packets.
        codec: theirs, "VP8" or "H264".
        viewer: has ``ask_for_key_frame()`` and ``note_bitrate(bits per second)``.
    """
    sender._send_keyframe = viewer.ask_for_key_frame
    encoder = _Vp8Packer() if codec == "VP8" else _H264Packer()
    encoder.viewer = viewer
    _set_private(sender, RTCRtpSender, "encoder", encoder)


def tell_filming_time(sender, track):
    """Has a sender's reports tell when its packets were filmed, where aiortc tells when they left.

    By that, browsers play sound and picture together, however long the picture took to be painted.

    Args:
        sender: an `RTCRtpSender`.
        track: has the ``lateness``, in seconds, of the packet that the sender took last.
    """
    send = sender._send_rtcp

    async def send_rtcp(packets):
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                packet.sender_info.ntp_timestamp -= int(track.lateness * (1 << 32))
        await send(packets)

    sender._send_rtcp = send_rtcp


def allow_codecs(transceiver, *names):
    """Has a transceiver negotiate these codecs alone, such as "VP8", in this order."""
    codecs = RTCRtpSender.getCapabilities(transceiver.kind).codecs
    allowed = [codec for name in (*names, "rtx") for codec in codecs if codec.name == name]
    transceiver.setCodecPreferences(allowed)


class _Packer:
    """Of an encoder, what packs frames that are encoded already."""

    viewer = None

    @property
    def target_bitrate(self):
        return 0

    @target_bitrate.setter
    def target_bitrate(self, bitrate):
        self.viewer.note_bitrate(bitrate)


class _Vp8Packer(_Packer, Vp8Encoder):
    pass


class _H264Packer(_Packer, H264Encoder):
    pass


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


def listen_on(host):
    """Makes all WebRTC connections listen on one IP address, or on all for "0.0.0.0" and "::"."""
    address = ipaddress.ip_address(host)

    def addresses(use_ipv4, use_ipv6):
        if not address.is_unspecified:
            return [host]
        return [*_all_addresses(True, address.version == 6), "127.0.0.1"]

    aioice.ice.get_host_addresses = addresses


_all_addresses = aioice.ice.get_host_addresses


def _private(instance, kind, name):
    return instance.__dict__[f"_{kind.__name__}__{name}"]


def _set_private(instance, kind, name, value):
    _private(instance, kind, name)  # So that an aiortc which has it no longer is noticed.
    instance.__dict__[f"_{kind.__name__}__{name}"] = value
