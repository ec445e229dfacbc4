"""Interrupts as by a user's Ctrl-C: real ones at random moments, or before each bytecode."""

from __future__ import annotations

import gc
import random
import signal
import sys
import time
import warnings
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Set

import bfxsync

LONGEST_S = 0.0003
"""Before an interrupt comes; at random moments, so that over time each line is met."""

# Python throws away what is raised while an object goes: then none comes any more.
_LOST_S = 0.1
_HANG_S = 20.0

_PACKAGE = str(Path(bfxsync.__file__).parent)


def interrupted(
    work: Callable[[], object], times: int, longest_s: float = LONGEST_S
) -> None:
    """
    Run it again and again on the main thread, until it was interrupted so often.

    The signal is that of a timer, which is met at any moment and in any wait; what is called is
    the handler of Ctrl-C. What runs into a lock that nobody releases is interrupted for a second
    time, and fails.
    """
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    # That of pytest-timeout.
    timer = signal.setitimer(signal.ITIMER_REAL, 0)
    # Hypothesis looks on while garbage is collected, where interrupts are thrown away.
    gc.disable()
    started = time.monotonic()
    try:
        for _ in range(times):
            began = time.monotonic()
            # Twice, as an interrupt at the very end of a block may slip past its own handler.
            try:
                _run_until_interrupted(work, longest_s)
            except KeyboardInterrupt:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert time.monotonic() - began < _HANG_S, "it hung"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.enable()
        with warnings.catch_warnings():
            # A socket whose closing was interrupted goes here, and not in another test.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        signal.signal(signal.SIGALRM, handler)
        if timer[0]:
            rest_s = max(timer[0] - (time.monotonic() - started), 0.1)
            signal.setitimer(signal.ITIMER_REAL, rest_s, timer[1])


def _run_until_interrupted(work: Callable[[], object], longest_s: float) -> None:
    began = time.monotonic()
    try:
        delay_s = random.uniform(0.000_005, longest_s)
        signal.setitimer(signal.ITIMER_REAL, delay_s, _HANG_S)
        while time.monotonic() - began < _LOST_S:
            work()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _ctrl_c() -> None:
    raise KeyboardInterrupt


def interrupted_before_each_bytecode(
    work: Callable[[], object], handler: Callable[[], object] = _ctrl_c
) -> Set[str]:
    """
    Run it until it ends by itself: the first time interrupted before the first bytecode of ours.

    The second time before the second one, and so on. `handler` is the signal handler. Returns the
    names of the functions that were interrupted. Stricter than any Python, which looks for signals
    at some bytecodes only.
    """
    names: Set[str] = set()
    for number in count(1):
        steps = count(1)

        def trace(frame: FrameType, event: str, _: object) -> Any:
            if not frame.f_code.co_filename.startswith(_PACKAGE):
                return None
            frame.f_trace_opcodes = True
            if event == "opcode" and next(steps) == number:
                names.add(frame.f_code.co_name)
                handler()
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            work()
            if next(steps) <= number:
                return names
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
    raise AssertionError("count() has no end")
