"""
Fault injection: the known faults, those that are armed, and how often each has happened.

Strategy: code that can fail calls `Faults.fire` with the facts of what it does; an armed fault
that matches is used up once, and counted. The per-frame paths test `Faults.armed` first, which is
mostly empty. Everything here runs on the exchange's thread, except `check_fault` and the reading of
counts.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple

import attrs

from bfxsync.errors import UsageError
from bfxsync.paper.markets.chart import CandleKey

SILENT_CHANNEL = "silent_channel"
NO_CODE = 1005
"""Stands for a close frame without a code, as in RFC 6455."""
_MAX_REASON_BYTES = 123
CHANNELS = ("ticker", "trades", "book", "candles", "status")


class Option(NamedTuple):
    """An option of a fault; the default None matches everything, errors say what is `wanted`."""

    default: Any
    wanted: str
    is_valid: Callable[[Any], bool]


def _encoded(value: object) -> bytes | None:
    """Encode text as it is sent, with surrogates for single bytes; None if that is impossible."""
    try:
        return (
            value.encode("utf-8", "surrogateescape") if isinstance(value, str) else None
        )
    except UnicodeEncodeError:
        return None


def _is_name(value: object) -> bool:
    return isinstance(value, str)


def _is_int(value: object) -> bool:
    return type(value) is int


def _is_refusal(status: object) -> bool:
    return _is_int(status) and status in range(300, 600)


def _is_delay(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e6


_SYMBOL = {"symbol": Option(None, "a symbol", _is_name)}
_CHANNEL = {
    "channel": Option(None, f"one of {', '.join(CHANNELS)}", CHANNELS.__contains__),
    **_SYMBOL,
    "key": Option(None, "the key of candles or of a status", _is_name),
}
_PATH = {"path": Option(None, "the path of an endpoint", _is_name)}

FAULTS: Mapping[str, Mapping[str, Option]] = {
    "sequence_hole": {},
    "duplicate_frame": _CHANNEL,
    "wrong_checksum": _SYMBOL,
    "lost_book_update": _SYMBOL,
    "late_ack": {**_CHANNEL, "delay_s": Option(1.0, "seconds", _is_delay)},
    "reordered_acks": {},
    "refuse_subscribe": {**_CHANNEL, "code": Option(10300, "a number", _is_int)},
    "duplicate_subscribe": _CHANNEL,
    "no_answer": _CHANNEL,
    "garbage": {
        "text": Option('{"event":', "text", lambda text: _encoded(text) is not None)
    },
    "refuse_handshake": {
        "status": Option(503, "a status from 300 to 599", _is_refusal)
    },
    "lost_request": _PATH,
    "lost_answer": _PATH,
    SILENT_CHANNEL: _CHANNEL,
}
"""Options by fault; `bfxsync.paper.PaperExchange.inject` documents them."""


@attrs.define(eq=False)
class Fault:
    """An armed fault, with all its options, and how many times it will still happen."""

    name: str
    left: int
    options: dict[str, Any]

    def matches(
        self, channel: str = "", symbol: str = "", key: str = "", path: str = ""
    ) -> bool:
        """Return whether its options match the facts of a channel or endpoint."""
        facts = {"channel": channel, "symbol": symbol, "key": key, "path": path}
        return all(self.options.get(name) in (None, facts[name]) for name in facts)


def check_fault(name: str, times: int, options: Mapping[str, Any]) -> Fault:
    """
    Validate the arguments of `inject`, and return the fault.

    Raises
    ------
    UsageError
        Unknown fault or option, or an invalid value.
    """
    known = FAULTS.get(name)
    if known is None:
        raise UsageError(f"fault must be one of {', '.join(FAULTS)}, not {name!r}")
    if type(times) is not int or times < 1:
        raise UsageError(f"times must be a positive number, not {times!r}")
    if name == SILENT_CHANNEL and times != 1:
        raise UsageError(
            f"{name} affects all matching channels immediately: it takes no times"
        )
    complete = {option: known[option].default for option in known}
    for option, value in options.items():
        if option not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"{name} has no option {option!r}; {has}")
        if value is None and known[option].default is None:
            continue
        if not known[option].is_valid(value):
            raise UsageError(f"{option} must be {known[option].wanted}, not {value!r}")
        complete[option] = value
    candles = CandleKey.parse(complete.get("key"))
    if candles is not None:  # in its normal form, as facts have it
        complete["key"] = candles.text
    return Fault(name, times, complete)


def check_close(code: int | None, reason: str, reset: bool) -> None:
    """Check the arguments of `drop_connections`."""
    if code is not None and not (type(code) is int and 1000 <= code <= 4999):
        raise UsageError(f"code must be from 1000 to 4999, not {code!r}")
    if reason and code in (None, NO_CODE):
        raise UsageError("reason needs a code")
    sent = _encoded(reason)
    if sent is None or len(sent) > _MAX_REASON_BYTES:
        raise UsageError(
            f"reason must be text of at most {_MAX_REASON_BYTES} bytes, not {reason!r}"
        )
    if reset and code is not None:
        raise UsageError("reset sends no close frame, so it takes no code")


class Faults:
    """
    The armed faults.

    Parameters
    ----------
    counts : dict, optional
        Receives how often each fault has happened, and other counts.

    Attributes
    ----------
    armed : dict
        By name, in the order of arming; without those that are used up.
    """

    def __init__(self, counts: dict[str, int] | None = None) -> None:
        self.armed: dict[str, list[Fault]] = {}
        self._counts = {} if counts is None else counts
        self._claimed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Arm a fault."""
        self.armed.setdefault(fault.name, []).append(fault)

    def clear(self) -> None:
        """Disarm all faults; those in progress go on."""
        self.armed.clear()
        self._claimed.clear()

    def is_armed(self, name: str, **facts: str) -> bool:
        """Return whether `fire` would return a fault."""
        return self._find(name, facts) is not None

    def fire(self, name: str, **facts: str) -> Fault | None:
        """Use a matching fault, if one is armed, and count it."""
        fault = self._use(name, facts)
        if fault is not None:
            self.count(name)
        return fault

    def claim(self, name: str) -> Fault | None:
        """Use a fault that takes time; call `complete` or `give_back` afterwards."""
        fault = self._use(name, {})
        if fault is not None:
            self._claimed.append(fault)
        return fault

    def complete(self, fault: Fault) -> None:
        """Count a claimed fault."""
        self.count(fault.name)
        if fault in self._claimed:
            self._claimed.remove(fault)

    def give_back(self, fault: Fault) -> None:
        """Re-arm a claimed fault that did not happen, unless it has been cleared."""
        if fault in self._claimed:
            self._claimed.remove(fault)
            fault.left += 1
            if fault.left == 1:
                self.arm(fault)

    def count(self, name: str, times: int = 1) -> None:
        """Add to a count."""
        if times:
            self._counts[name] = self._counts.get(name, 0) + times

    def _find(self, name: str, facts: Mapping[str, str]) -> Fault | None:
        for fault in self.armed.get(name, ()):
            if fault.matches(**facts):
                return fault
        return None

    def _use(self, name: str, facts: Mapping[str, str]) -> Fault | None:
        fault = self._find(name, facts)
        if fault is not None:
            fault.left -= 1
            if not fault.left:
                faults = self.armed[name]
                faults.remove(fault)
                if not faults:
                    del self.armed[name]
        return fault
