"""
What the file of a shared budget contains: windows by key, and the processes that use it.

Strategy: times are those of the wall clock, which survives a restart of the machine but may be set.
So the state also has the time of a clock that only runs. If both clocks have advanced differently
since the state was written, the wall clock was set, and all times move with it. A clock that was
restarted with the machine, or that stood still during a suspend, makes times move too far, so that
the next requests wait for at most one window.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, NamedTuple

from bfxsync.shared_limits.window import LONGEST_WINDOW_S, Slot, Window

SEEN_S = 60.0
"""A process counts for this time after its last request."""

FORMAT = "bfxsync shared budget 1"

# Slewing of the clock is slower.
_STEP_S = 0.5

# The longest block is a day, and waiting requests come after it.
_FURTHEST_S = 7 * 86_400.0
_LATEST = 1e11


class Now(NamedTuple):
    """One moment on two clocks."""

    wall: float
    """Seconds since 1970."""
    running: float
    """Seconds on a clock that is never set."""


class State(NamedTuple):
    """The content of the file."""

    windows: Mapping[str, Window] = {}
    processes: Mapping[str, float] = {}
    """When each process has asked last."""
    id: str = ""
    """Chosen when the file was created, so that another file in its place is noticed."""

    def seen(self, process: str, now: float) -> State:
        """Note that a process asks, and forget those that have ended."""
        processes = {
            name: at for name, at in self.processes.items() if at + SEEN_S > now
        }
        return self._replace(processes={**processes, process: now})

    def with_window(self, key: str, window: Window, now: float) -> State:
        """Replace a window, and drop those that were not used lately."""
        windows = {**self.windows, key: window}
        return self._replace(
            windows={
                name: each
                for name, each in windows.items()
                if each.blocked_until > now
                or (each.slots and each.slots[-1].at + LONGEST_WINDOW_S > now)
            }
        )

    def encode(self, now: Now) -> bytes:
        """Return the content of the file."""
        windows = {
            key: {"blocked_until": window.blocked_until, "slots": window.slots}
            for key, window in self.windows.items()
        }
        content = {
            "format": FORMAT,
            "id": self.id,
            "wall": now.wall,
            "running": now.running,
            "processes": dict(self.processes),
            "windows": windows,
        }
        return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def decode(data: bytes, now: Now) -> State:
    """
    Read the content of the file, with times that fit the clock of now.

    Raises `ValueError` if it is anything else.
    """
    try:
        content = json.loads(data, parse_constant=_no_number)
        if content["format"] != FORMAT:
            raise ValueError("another format")
        then = Now(_time(content["wall"]), _time(content["running"]))
        step_s, latest = _step(then, now), then.wall + _FURTHEST_S
        windows: Dict[str, Window] = {}
        for key, each in content["windows"].items():
            slots = sorted(
                Slot(_time(at, latest), str(owner)) for at, owner in each["slots"]
            )
            window = Window(tuple(slots), _time(each["blocked_until"], latest))
            windows[key] = window.shifted(step_s) if step_s else window
        processes = {
            str(name): _time(at, latest) + step_s
            for name, at in content["processes"].items()
        }
    except (
        ArithmeticError,
        AttributeError,
        KeyError,
        RecursionError,
        TypeError,
    ) as exc:
        raise ValueError("another format") from exc
    return State(windows, processes, str(content.get("id", "")))


def _time(value: Any, latest: float = _LATEST) -> float:
    """Return a time of the file; one that is absurd (also infinite) raises `ValueError`."""
    seconds = float(value)
    if not -_LATEST < seconds < latest:
        raise ValueError(f"{seconds} is no time")
    return seconds


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no time")


def _step(then: Now, now: Now) -> float:
    """Return by how much the wall clock was set since then."""
    passed_s = now.running - then.running
    if passed_s < 0:
        # The machine was restarted. At least no time may run backwards.
        passed_s = max(now.wall - then.wall, 0.0)
    step_s = now.wall - then.wall - passed_s
    return step_s if abs(step_s) > _STEP_S else 0.0
