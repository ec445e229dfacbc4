"""Real interrupts at random moments, as a user's Ctrl-C comes."""

from __future__ import annotations

import gc
import random
import signal
import time
import warnings
from typing import Callable

LONGEST_S = 0.0003
"""Before an interrupt comes; at random moments, so that over time each line is met."""

# Python throws away what is raised while an object goes: then none comes any more.
_LOST_S = 0.1
_HANG_S = 20.0


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
