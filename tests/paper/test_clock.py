from __future__ import annotations

import asyncio
from typing import Any, Callable, Coroutine

import pytest

from bfxsync.errors import UsageError
from bfxsync.paper.server.clock import MAX_SPEED, Clock

MTS = 1_700_000_000_000


class Sources:
    """Sources of time that a test sets."""

    def __init__(self) -> None:
        self.monotonic_s = 50.0
        self.wall_s = MTS / 1000

    def clock(self, **options: Any) -> Clock:
        return Clock(
            monotonic=lambda: self.monotonic_s, wall=lambda: self.wall_s, **options
        )

    def pass_by(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.wall_s += seconds


async def no_drain() -> None:
    """There are no clients."""


def in_loop(
    function: Callable[[Sources], Coroutine[Any, Any, None]],
) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(function(Sources()))

    return run


async def turn() -> None:
    """Another turn of the event loop, in which the clock is read anew."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@in_loop
async def test_by_default_it_shows_the_time_of_day(sources: Sources) -> None:
    clock = sources.clock()
    assert clock.shows_wall and clock.now_mts() == MTS and clock.time() == 0
    sources.pass_by(2.5)
    await turn()
    assert clock.now_mts() == MTS + 2500 and clock.time() == 2.5
    # Somebody sets the time of day: timers do not notice.
    sources.wall_s -= 3600
    await turn()
    assert clock.now_mts() == MTS + 2500 - 3_600_000 and clock.time() == 2.5


@in_loop
async def test_it_is_faster_by_its_speed(sources: Sources) -> None:
    clock = sources.clock(speed=60, begin_mts=MTS - 5)
    sources.pass_by(1.5)
    assert clock.time() == 90
    assert clock.now_mts() == MTS - 5 + 90_000
    assert sources.clock(speed=1e9).speed == MAX_SPEED


@in_loop
async def test_a_turn_of_the_event_loop_has_one_time(sources: Sources) -> None:
    clock = sources.clock()
    assert clock.time() == 0
    sources.pass_by(1)
    assert clock.time() == 0
    await turn()
    assert clock.time() == 1


@in_loop
async def test_a_paused_clock_stands_still_and_goes_on(sources: Sources) -> None:
    clock = sources.clock()
    sources.pass_by(10)
    clock.pause()
    sources.pass_by(100)
    await turn()
    assert clock.now_mts() == MTS + 10_000 and clock.time() == 10
    clock.pause()
    clock.resume()
    clock.resume()
    sources.pass_by(1)
    await turn()
    assert clock.now_mts() == MTS + 11_000 and not clock.shows_wall


@in_loop
async def test_a_clock_paused_from_the_start_begins_at_zero(sources: Sources) -> None:
    def passing() -> float:
        # Real time passes between any two steps of its making.
        sources.pass_by(1)
        return sources.monotonic_s

    clock = Clock(is_paused=True, monotonic=passing, wall=lambda: MTS / 1000)
    assert (clock.time(), clock.now_mts(), clock.shows_wall) == (0, MTS, False)


@in_loop
async def test_a_step_runs_timers_in_their_order(sources: Sources) -> None:
    clock = sources.clock(begin_mts=MTS, is_paused=True)
    seen: list[tuple[str, int]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: seen.append((name, clock.now_mts() - MTS))

    clock.call_later(2, note("c"))
    clock.call_later(1, note("a"))
    clock.call_later(1, note("b"))
    clock.call_later(1.5, note("never")).cancel()
    clock.call_later(2.0, lambda: clock.call_later(0.1, note("d")))
    clock.call_later(-5, note("first"))
    await clock.step(2.5, no_drain)
    assert seen == [
        ("first", 0), ("a", 1000), ("b", 1000), ("c", 2000), ("d", 2100)
    ]  # fmt: skip
    assert clock.now_mts() == MTS + 2500
    clock.call_later(0.5, note("e"))
    await clock.step(0.4, no_drain)
    assert len(seen) == 5
    await clock.step(0.1, no_drain)
    assert seen[5:] == [("e", 3000)]


@in_loop
async def test_it_advances_until_something_is_over(sources: Sources) -> None:
    clock = sources.clock(begin_mts=MTS)
    with pytest.raises(UsageError, match="is not paused"):
        await clock.advance(1, bool, no_drain)
    clock.pause()
    seen: list[int] = []
    for delay_s in (1, 1, 2, 3):
        clock.call_later(delay_s, lambda: seen.append(clock.now_mts() - MTS))
    await clock.advance(9, lambda: len(seen) > 0, no_drain)
    assert seen == [1000, 1000]
    await clock.advance(2.5, lambda: len(seen) > 3, no_drain)
    assert seen[2:] == [2000] and clock.now_mts() == MTS + 2500
    await clock.advance(2.5, lambda: True, no_drain)
    await clock.advance(9, lambda: False, no_drain)
    assert seen[3:] == [3000] and clock.now_mts() == MTS + 9000


@in_loop
async def test_many_small_steps_are_as_one(sources: Sources) -> None:
    def chain(clock: Clock, seen: list[int]) -> None:
        seen.append(clock.now_mts())
        clock.call_later(0.1, lambda: chain(clock, seen))

    found = []
    for count in (1, 100):
        clock = sources.clock(begin_mts=MTS, is_paused=True)
        seen: list[int] = []
        chain(clock, seen)
        for _ in range(count):
            await clock.step(10 / count, no_drain)
        found.append((seen, clock.now_mts()))
    assert found[0] == found[1]


@in_loop
async def test_a_step_waits_for_clients_between_its_timers(sources: Sources) -> None:
    clock = sources.clock(is_paused=True)
    drained = []
    ran = []
    for _ in range(250):
        clock.call_later(1, lambda: ran.append(1))

    async def drain() -> None:
        drained.append(len(ran))

    await clock.step(1, drain)
    assert drained == [100, 200, 250, 250]


@in_loop
async def test_steps_need_a_pause_and_exclude_each_other(sources: Sources) -> None:
    clock = sources.clock()
    with pytest.raises(UsageError, match="is not paused"):
        await clock.step(1, no_drain)
    clock.pause()
    refusals = []

    async def during() -> None:
        for refused in (clock.resume, lambda: clock.step(1, no_drain)):
            with pytest.raises(UsageError, match="in the middle of a step") as caught:
                answer = refused()
                if answer is not None:
                    await answer
            refusals.append(caught)

    await clock.step(1, during)
    assert len(refusals) == 2
    clock.resume()


@in_loop
async def test_an_error_of_a_timer_ends_a_step_only(sources: Sources) -> None:
    clock = sources.clock(is_paused=True)
    clock.call_later(1, lambda: 1 / 0)
    ran = []
    clock.call_later(2, lambda: ran.append(1))
    with pytest.raises(ZeroDivisionError):
        await clock.step(3, no_drain)
    assert clock.time() == 1
    await clock.step(1, no_drain)
    assert ran == [1] and clock.time() == 2


@in_loop
async def test_running_timers_go_on_after_an_error(_: Sources) -> None:
    reported = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: reported.append(context))
    clock = Clock(speed=100)
    done = asyncio.Event()
    clock.call_later(0.1, lambda: 1 / 0)
    clock.call_later(0.2, done.set)
    task = loop.create_task(clock.run(no_drain))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    (context,) = reported
    assert isinstance(context["exception"], ZeroDivisionError)


@in_loop
async def test_a_running_clock_notices_timers_pauses_and_resumes(_: Sources) -> None:
    clock = Clock(speed=1_000)
    task = asyncio.get_running_loop().create_task(clock.run(no_drain))
    await turn()
    for _ in range(2):
        done = asyncio.Event()
        clock.call_later(3_600_000, lambda: None)
        clock.call_later(1, done.set)  # earlier than what it waits for
        await asyncio.wait_for(done.wait(), 30)
        clock.pause()
        done = asyncio.Event()
        clock.call_later(1, done.set)
        await asyncio.sleep(0.01)
        assert not done.is_set()
        clock.resume()
        await asyncio.wait_for(done.wait(), 30)
    task.cancel()


@in_loop
async def test_too_much_to_do_makes_it_fall_behind(_: Sources) -> None:
    now = 0.0

    def monotonic() -> float:
        nonlocal now
        now += 0.001
        return now

    def slow() -> None:
        nonlocal now
        times.append(clock.time())
        now += 0.5
        if len(times) < 150:
            clock.call_later(0.002, slow)
        else:
            done.set()

    times: list[float] = []
    done = asyncio.Event()
    clock = Clock(monotonic=monotonic)
    clock.call_later(0.002, slow)
    task = asyncio.get_running_loop().create_task(clock.run(no_drain))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    assert now > 75 and clock.time() < 10
    assert all(0.0019 < b - a < 0.1 for a, b in zip(times, times[1:]))
