"""The key: who guesses it has to wait, and what it opened is closed again."""

import asyncio

import pytest

from ffmpeg_style.live import access
from ffmpeg_style.live.access import FREE_GUESSES, MAX_GUESSES_WAITING, KeyGuard

KEY, ATTACKER, OWNER = "correct-horse", "192.0.2.1", "192.0.2.2"


@pytest.fixture
def clock(monkeypatch):
    """Seconds that have passed, as the guard sees them: waiting takes no time here."""
    clock = [100.0]
    give_way = asyncio.sleep

    async def sleep(seconds):
        await give_way(0)
        clock[0] += seconds

    monkeypatch.setattr(access.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(access.asyncio, "sleep", sleep)
    return clock


def test_guesses_slow_down_and_are_forgiven(clock):
    async def guess():
        guard = KeyGuard(KEY)
        for _ in range(FREE_GUESSES):
            assert not await guard.knows("wrong", ATTACKER)
        assert clock[0] == 100
        for _ in range(20):
            assert not await guard.knows("wrong", ATTACKER)
        assert clock[0] == 100 + 20 * access.GUESS_TIME
        assert await guard.knows(KEY, ATTACKER), "the right key, late"
        before = clock[0]
        assert await guard.knows(KEY, OWNER)
        assert clock[0] == before, "others are not held up"
        clock[0] += access.GUESS_MEMORY
        before = clock[0]
        assert await guard.knows(KEY, ATTACKER)
        assert clock[0] == before

    asyncio.run(guess())


def test_guesses_at_once_are_answered_one_after_the_other(clock):
    async def guess():
        guard = KeyGuard(KEY)
        for _ in range(FREE_GUESSES):
            await guard.knows("wrong", "2001:db8::1")
        answers = await asyncio.gather(*(guard.knows(KEY, f"2001:db8::{i}") for i in range(100)))
        assert sum(answers) <= MAX_GUESSES_WAITING
        assert clock[0] == 100 + access.GUESS_TIME * sum(answers)

    asyncio.run(guess())


def test_nothing_is_no_guess(clock):
    async def ask():
        guard = KeyGuard(KEY)
        for _ in range(3 * FREE_GUESSES):
            assert not await guard.knows("", ATTACKER)
        assert await guard.knows(KEY, ATTACKER)
        assert clock[0] == 100
        assert await KeyGuard(None).knows("", ATTACKER)

    asyncio.run(ask())
