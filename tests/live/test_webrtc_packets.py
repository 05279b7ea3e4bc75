"""Frames from packets, moments from timestamps, and what viewers tell of their networks."""

import asyncio
import itertools
import subprocess
import tracemalloc
from types import SimpleNamespace

import aioice
import pytest

from ffmpeg_style.live import children
from ffmpeg_style.live.webrtc import adapt, messages
from ffmpeg_style.live.webrtc.assembler import PATIENCE, FrameAssembler
from ffmpeg_style.live.webrtc.broadcast import Broadcast
from ffmpeg_style.live.webrtc.timeline import STEP, WINDOW, Timeline

KEY, DELTA = b"\x00", b"\x01"  # VP8 tells by the first bit of a frame


class Clock:
    """A clock that is set."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def frames():
    """(RTP timestamp, bytes, is_key) of what was delivered."""
    return []


@pytest.fixture
def assembler(frames, clock):
    return FrameAssembler(lambda codec, *frame: frames.append(frame), lambda _: "VP8", clock)


def packets(sequence, timestamp, kind, parts=3):
    """The packets of a VP8 frame."""
    for index in range(parts):
        begins = index == 0
        data = kind + bytes([index]) if begins else bytes([index])
        yield SimpleNamespace(
            sequence_number=(sequence + index) % (1 << 16),
            timestamp=timestamp,
            marker=int(index == parts - 1),
            payload_type=96,
            payload=(b"\x10" if begins else b"\x00") + data,
            _data=data,
        )


def test_frame_is_given_away_with_its_last_packet(assembler, frames):
    first, middle, last = packets(65534, 10, KEY)
    assembler.add(first)
    assembler.add(last)
    assert not frames
    assembler.add(middle)
    assert frames == [(10, KEY + b"\0\1\2", True)]
    for packet in packets(1, 20, DELTA):
        assert assembler.add(packet) == (False, None)
    assert frames[1] == (20, DELTA + b"\0\1\2", False)


def test_nothing_is_given_before_a_key_frame(assembler, frames, clock):
    asked = [assembler.add(packet)[0] for packet in packets(5, 10, DELTA)]
    assert asked == [True, False, False], "once in a while is enough"
    clock.now += 1
    assert assembler.add(next(packets(8, 20, DELTA)))[0]
    for packet in packets(20, 30, KEY):
        assembler.add(packet)
    assert [frame[2] for frame in frames] == [True]


def test_loss_is_waited_for_and_then_skipped(assembler, frames, clock):
    for packet in packets(0, 0, KEY):
        assembler.add(packet)
    lost, *rest = packets(3, 10, DELTA)
    for packet in rest:
        assembler.add(packet)
    clock.now += PATIENCE / 2
    assembler.add(lost)
    assert len(frames) == 2, "sent again in time"

    for packet in list(packets(6, 20, DELTA))[1:]:
        assembler.add(packet)
    clock.now += 2 * PATIENCE
    assert assembler.add(next(packets(9, 30, DELTA)))[0], "a key frame is asked for"
    assert assembler.skipped == 1
    for packet in (*packets(12, 40, DELTA), *packets(15, 50, KEY), *packets(18, 60, DELTA)):
        assembler.add(packet)
    assert [frame[0] for frame in frames] == [0, 10, 50, 60]


def test_what_is_held_has_a_limit(assembler):
    for packet in packets(0, 0, KEY):
        assembler.add(packet)
    for number in range(4, 60000, 3):
        for packet in packets(number, number, DELTA):
            assembler.add(packet)
    assert len(assembler._packets) < 1100


def test_timeline_follows_the_quickest_arrival_over_a_wrap():
    timeline = Timeline(90000, [])
    start = (1 << 32) - 90000
    moments = [
        timeline.moment((start + i * 9000) % (1 << 32), 50 + i / 10 + (0.2 if i % 3 else 0.05))
        for i in range(30)
    ]
    steps = [b - a for a, b in itertools.pairwise(moments[1:])]
    assert moments[-1] == pytest.approx(52.95)
    assert steps == pytest.approx([0.1] * 28)


class Sender:
    """Sound and picture of one sender: what is sent at one moment has one moment, if all is well.

    Attributes:
        now: this machine's clock.
        stalled: seconds for which the sound card's clock has stood still.
    """

    def __init__(self, clock=3.9e9):
        kinds = []
        self.picture, self.sound = Timeline(90000, kinds), Timeline(48000, kinds)
        self.now = 50.0
        self.stalled = 0.0
        self._clock = clock

    def moments(self, picture_late=0.02, sound_late=0.01):
        """A moment later, those of what is sent then, by picture and sound."""
        self.now += 0.02
        return (
            self.picture.moment(self._picture, self.now + picture_late),
            self.sound.moment(self._sound, self.now + sound_late),
        )

    def report(self, clock=0.0):
        """Reports, with such an error of the clock that sound is reported by."""
        self.picture.report(self._clock + self.now, self._picture)
        self.sound.report(self._clock + self.now + clock, self._sound)

    @property
    def _picture(self):
        return int(self.now * 90000) % (1 << 32)

    @property
    def _sound(self):
        return int((self.now - self.stalled) * 48000) % (1 << 32)


def test_sound_that_was_lost_is_put_right_by_the_next_report():
    sender = Sender()
    sender.moments()
    sender.report()
    sender.moments()
    sender.stalled = 0.4
    picture, sound = sender.moments()
    assert sound == pytest.approx(picture - 0.4, abs=0.03), "nothing can be known by now"
    sender.report()
    for _ in range(3):
        picture, sound = sender.moments()
        assert sound == pytest.approx(sender.now + 0.01, abs=1e-4)
        assert picture == pytest.approx(sound, abs=STEP + 1e-4)


def test_picture_that_takes_long_to_be_encoded_is_in_step_with_its_sound():
    sender = Sender()
    picture, sound = sender.moments(picture_late=0.12)
    assert picture - sound == pytest.approx(0.11, abs=1e-4), "each for itself"
    sender.report()
    sender.moments(picture_late=0.12)
    picture, sound = sender.moments(picture_late=0.12)
    assert picture == pytest.approx(sound, abs=1e-4)


def test_small_errors_of_reports_leave_no_gaps_in_sound():
    sender = Sender()
    sender.moments()
    sender.report()
    _, last = sender.moments()
    for error in (0.002, -0.003, 0.004, 0.0):
        sender.report(error)
        _, sound = sender.moments()
        assert sound - last == pytest.approx(0.02, abs=1e-4)
        last = sound


@pytest.mark.parametrize("error", [-4e9, 3600.0, -30.0])
def test_reports_by_another_clock_leave_each_kind_to_itself(error):
    sender = Sender()
    sender.moments()
    sender.report(error)
    for _ in range(3):
        picture, sound = sender.moments()
        assert picture == pytest.approx(sender.now + 0.02, abs=1e-4)
        assert sound == pytest.approx(sender.now + 0.01, abs=1e-4)


def test_sound_that_ended_is_forgotten():
    sender = Sender()
    sender.moments(sound_late=-0.3)  # Sound came quicker than any picture.
    sender.report()
    sender.moments(sound_late=-0.3)
    sender.now += WINDOW + 1
    moment = sender.picture.moment(sender._picture, sender.now + 0.02)
    assert moment == pytest.approx(sender.now + 0.02, abs=1e-4)


def test_reports_that_tell_nothing_are_not_heard():
    timeline = Timeline(90000, [])
    timeline.report(3.9e9, 5)  # Before anything came.
    timeline.moment(1_000_000, 50)
    timeline.report(0, 1_000_000)
    timeline.report(3.9e9, 900_000_000)  # Not of these packets.
    assert timeline.moment(1_090_000, 51) == pytest.approx(51)
    assert timeline.moment(1_180_000, 52.5) == pytest.approx(52)


def test_slowest_viewer_decides_the_bit_rate():
    async def watch():
        told = []
        broadcast = Broadcast(told.append)
        slow, quick = broadcast.add(), broadcast.add()
        quick.note_bitrate(2_000_000)
        slow.note_bitrate(400_000)
        assert told[-1] == {"bitrate": 400_000}
        broadcast.remove(slow)
        assert told[-1] == {"viewers": 1, "bitrate": 2_000_000}

    asyncio.run(watch())


def test_client_whose_answers_are_late_stays(monkeypatch):
    for module, name, value in (
        (aioice.ice, "CONSENT_INTERVAL", 0.01),
        (aioice.ice, "CONSENT_FAILURES", 6),
        (aioice.stun, "RETRY_RTO", 0.02),
        (aioice.ice.StunProtocol, "request", aioice.ice.StunProtocol.request),
    ):
        monkeypatch.setattr(module, name, value)

    async def stays():
        """Whether a connection outlives half a second of answers that take 0.05 s."""
        here, there = await connected()
        answer = there.request_received

        def answer_late(*request):
            asyncio.get_running_loop().call_later(0.05, answer, *request)

        there.request_received = answer_late
        await asyncio.sleep(0.5)
        lives = bool(here._nominated)
        await asyncio.gather(here.close(), there.close())
        return lives

    assert not asyncio.run(stays())
    adapt.wait_for_signs_of_life()
    assert asyncio.run(stays())


def test_datagram_takes_no_more_memory_than_there_is_in_one(monkeypatch):
    made = aioice.ice.StunProtocol.connection_made
    monkeypatch.setattr(aioice.ice.StunProtocol, "connection_made", made)
    adapt.read_short_datagrams()
    datagram = bytes(range(250)) * 6

    async def receive():
        here, there = await connected()

        async def send():
            await there.send(datagram)
            assert await here.recv() == datagram

        taken = await memory_of(send)
        await asyncio.gather(here.close(), there.close())
        return taken

    assert asyncio.run(receive()) < 1 << 16


def test_output_of_a_program_takes_no_more_memory_than_there_is_in_a_pipe():
    async def receive():
        process = await children.start(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        async def send():
            process.stdin.write(b"message")
            assert await process.stdout.readexactly(7) == b"message"

        taken = await memory_of(send)
        await children.end(process)
        return taken

    assert asyncio.run(receive()) < 1 << 17


async def memory_of(work):
    """Bytes that it takes for a while: the least of several times, as other threads take some."""
    peaks = []
    for _ in range(5):
        tracemalloc.start()
        await work()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return min(peaks)


async def connected():
    """Two ends of a connection."""
    here, there = aioice.Connection(ice_controlling=True), aioice.Connection(False)
    for one, other in ((here, there), (there, here)):
        await one.gather_candidates()
        other.remote_username, other.remote_password = one.local_username, one.local_password
    for one, other in ((here, there), (there, here)):
        for candidate in one.local_candidates:
            await other.add_remote_candidate(candidate)
        await other.add_remote_candidate(None)
    await asyncio.gather(here.connect(), there.connect())
    return here, there


def test_messages_are_read_as_they_were_written():
    async def read():
        reader = asyncio.StreamReader()
        reader.feed_data(messages.pack(messages.VIDEO, -5, b"frame", 1) + b"cut")
        reader.feed_eof()
        return await messages.read(reader), await messages.read(reader)

    assert asyncio.run(read()) == ((messages.VIDEO, 1, -5, b"frame"), None)
