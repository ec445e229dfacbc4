"""
Fault injection: the faults that are armed, and how often each has happened.

Strategy: code that can fail calls `Faults.fire` with the fields of its frame or request; an armed
fault that matches is used up once, and counted. The per-frame paths test `Faults.armed` first,
which is mostly empty. Everything here runs on the exchange's thread, except the reading of counts.
"""

from __future__ import annotations

import random
from math import inf
from typing import Any, Mapping

import attrs

from bfxsync._base.describe import also_half_made
from bfxsync.paper.fault_options import SELECTORS, check_options


@attrs.define(eq=False)
class Fault:
    """
    An armed fault, with all its options.

    Attributes
    ----------
    left : float
        How many times it will still happen; may be infinite.
    chance : float
        Probability that the fault happens at each opportunity.
    count : int
        How many times it has happened.
    """

    name: str
    left: float
    options: dict[str, Any]
    chance: float = 1.0
    count: int = 0

    def matches(self, **facts: object) -> bool:
        """Return whether the options match the fields of a channel, endpoint or order."""
        return all(
            self.options.get(name) in (None, facts.get(name, "")) for name in SELECTORS
        )


class InjectedFault:
    """A fault that `bfxsync.paper.PaperExchange.inject` has armed, for any thread."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    @also_half_made
    def __repr__(self) -> str:
        return f"<fault {self.text}: happened {self.count} times>"

    @property
    def name(self) -> str:
        """The name of the fault."""
        return self._fault.name

    @property
    def count(self) -> int:
        """How many times it has happened; of ``silent_channel``, the number of channels."""
        return self._fault.count

    @property
    def text(self) -> str:
        """Its name and the options that limit where it happens."""
        chosen = [
            f" {name}={self._fault.options[name]!r}"
            for name in SELECTORS
            if self._fault.options.get(name) is not None
        ]
        return "".join([self.name, *chosen])


def check_fault(
    name: str,
    times: int | None,
    options: Mapping[str, Any],
    chance: float = 1.0,
    after_s: float = 0.0,
) -> Fault:
    """Validate the arguments of `inject`, and return the fault; may raise `UsageError`."""
    complete = check_options(name, times, options, chance, after_s)
    return Fault(name, inf if times is None else times, complete, chance)


class Faults:
    """
    The armed faults.

    Parameters
    ----------
    counts : dict, optional
        Receives the number of times that each fault has happened, and other counts.
    seed : int, optional
        Of what is left to chance.

    Attributes
    ----------
    armed : dict
        By name, in the order of arming; without those that are used up.
    """

    def __init__(self, counts: dict[str, int] | None = None, seed: int = 1) -> None:
        self.armed: dict[str, list[Fault]] = {}
        self._counts = {} if counts is None else counts
        self._claimed: list[Fault] = []
        self._random = random.Random(seed)

    def arm(self, fault: Fault) -> None:
        """Arm a fault."""
        self.armed.setdefault(fault.name, []).append(fault)

    def clear(self) -> None:
        """Disarm all faults; faults in progress continue."""
        self.armed.clear()
        self._claimed.clear()

    def is_armed(self, name: str, **facts: object) -> bool:
        """Return whether `fire` might return a fault."""
        return self._find(name, facts) is not None

    def fire(self, name: str, **facts: object) -> Fault | None:
        """Use a matching fault, if one is armed, and count it."""
        fault = self._use(name, facts)
        if fault is not None:
            self.happened(fault)
        return fault

    def claim(self, name: str, **facts: object) -> Fault | None:
        """Use a fault that takes time; call `complete` or `give_back` afterwards."""
        fault = self._use(name, facts)
        if fault is not None:
            self._claimed.append(fault)
        return fault

    def complete(self, fault: Fault) -> None:
        """Count a claimed fault."""
        self.happened(fault)
        if fault in self._claimed:
            self._claimed.remove(fault)

    def give_back(self, fault: Fault) -> None:
        """Re-arm a claimed fault that did not happen, unless it has been cleared."""
        if fault in self._claimed:
            self._claimed.remove(fault)
            fault.left += 1
            if fault.left == 1:
                self.arm(fault)

    def happened(self, fault: Fault, times: int = 1) -> None:
        """Count a fault."""
        fault.count += times
        self.count(fault.name, times)

    def count(self, name: str, times: int = 1) -> None:
        """Add to a count."""
        if times:
            self._counts[name] = self._counts.get(name, 0) + times

    def _find(self, name: str, facts: Mapping[str, object]) -> Fault | None:
        for fault in self.armed.get(name, ()):
            if fault.matches(**facts):
                return fault
        return None

    def _use(self, name: str, facts: Mapping[str, object]) -> Fault | None:
        if name not in self.armed:
            return None
        fault = self._find(name, facts)
        if fault is not None and fault.chance < 1:
            fault = fault if self._random.random() < fault.chance else None
        if fault is not None:
            fault.left -= 1
            if not fault.left:
                faults = self.armed[name]
                faults.remove(fault)
                if not faults:
                    del self.armed[name]
        return fault
