"""The streams that go with the pictures: copied as they are, or encoded anew."""

from fractions import Fraction

import av
from av.subtitles.subtitle import SubtitleSet

MILLISECOND = Fraction(1, 1000)


def kept_stream(kept, source, reader, writer, options):
    """What carries a stream over, for which the target gets one; None for a file attached to it.

    Args:
        kept: how it is kept, a `Kept` of the plan.
        source: the stream.
        reader: the source.
        writer: the target.
        options: of encoders of sound.
    """
    if kept.is_attached:
        suffix, kind = ("jpg", "jpeg") if kept.cover == "mjpeg" else ("png", "png")
        writer.add_attachment(f"cover.{suffix}", f"image/{kind}", _first_packet(reader, source))
        return None
    if source.type == "attachment":
        name = source.metadata.get("filename", "attachment")
        writer.add_attachment(name, source.mimetype or "", source.data)
        return None
    if kept.codec == "copy":
        return Copied(writer.add_stream_from_template(source, opaque=True), source)
    if source.type == "audio":
        return Sound(source, writer, kept.codec or writer.default_audio_codec, options)
    return Subtitles(source, writer, kept.codec)


def _first_packet(reader, stream):
    with av.open(reader.name) as again:
        packets = again.demux(again.streams[stream.index])
        return next((bytes(packet) for packet in packets if packet.size), b"")


def _tell(target, source):
    """Say of a stream what is said of its source: its language, its title, whether it is forced."""
    target.metadata.update(source.metadata)
    target.disposition = source.disposition


class Copied:
    """Packets as they are."""

    error = None

    def __init__(self, target, source):
        self._target = target
        _tell(target, source)

    def take(self, packet):
        """The packets for the target that become of one of the source."""
        packet.stream = self._target
        return [packet]

    def end(self):
        """What is left when the source has ended."""
        return []


class _Decoded:
    """What is decoded to be encoded anew.

    Attributes:
        error: the first of a damaged packet, which is passed over; None where all are whole.
    """

    error = None

    def _decoded(self, packet):
        try:
            return packet.decode()
        except av.FFmpegError as error:
            self.error = self.error or error
            return []


class Sound(_Decoded):
    """Sound in another codec."""

    def __init__(self, source, writer, codec, options):
        context = source.codec_context
        rates = av.codec.Codec(codec, "w").audio_rates or []
        rate = context.sample_rate
        if rates and rate not in rates:
            rate = min(rates, key=lambda other: (other < rate, abs(other - rate)))
        self._target = writer.add_stream(codec, rate, options=options)
        self._target.codec_context.layout = _layout(context)
        _tell(self._target, source)

    def take(self, packet):
        packets = []
        for frame in self._decoded(packet):
            packets += self._target.encode(frame)
        return packets

    def end(self):
        return self._target.encode(None)


def _layout(context):
    """The name of a layout of channels; PCM tells their number alone."""
    usual = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
    count = context.layout.nb_channels
    is_told = not context.layout.name.endswith("channels")
    return context.layout.name if is_told or count > len(usual) else usual[count - 1]


class Subtitles(_Decoded):
    """Subtitles of text in another codec."""

    def __init__(self, source, writer, codec):
        self._target = writer.add_stream(codec)
        source.codec_context.open(strict=False)
        context = self._target.codec_context
        context.time_base = MILLISECOND
        context.subtitle_header = source.codec_context.subtitle_header
        _tell(self._target, source)

    def take(self, packet):
        if packet.pts is None:
            return []
        begin = round(packet.pts * packet.time_base / MILLISECOND)
        length = round((packet.duration or 0) * packet.time_base / MILLISECOND)
        packets = []
        for subtitle in self._decoded(packet):
            lines = SubtitleSet.create(subtitle.ass, 0, length, begin)
            encoded = self._target.codec_context.encode_subtitle(lines)
            encoded.stream, encoded.time_base = self._target, MILLISECOND
            encoded.pts = encoded.dts = begin
            encoded.duration = length
            packets.append(encoded)
        return packets

    def end(self):
        return []
