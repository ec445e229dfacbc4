"""
What may go wrong on purpose: which faults there are, which are armed, how often each happened.

Strategy: whoever is about to do something asks `Faults.take` whether it shall go wrong this time,
and says what it is about; that uses one of the fault's times up, and counts it. The places where
frames pass by look at `Faults.armed` first, as nothing is armed most of the time. Everything here
happens on the exchange's thread, but for `check`, and for reading the counts.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple

from bfxsync.errors import UsageError
from bfxsync.paper.markets.chart import CandleKey
from bfxsync.paper.text import to_bytes

SILENT_CHANNEL = "silent_channel"
CHANNELS = ("ticker", "trades", "book", "candles", "status")


class Option(NamedTuple):
    """
    What may be said about a fault.

    Attributes
    ----------
    default : object
        None where a fault then concerns everything.
    wanted : str
        What a value must be, in words.
    is_right : callable
        Looks at a value.
    """

    default: Any
    wanted: str
    is_right: Callable[[Any], bool]


def is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        to_bytes(value)
    except UnicodeEncodeError:
        return False
    return True


def _is_delay(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e6  # type: ignore[operator]


def _is_name(value: object) -> bool:
    return isinstance(value, str)


def _is_int(value: object) -> bool:
    return type(value) is int


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
    "garbage": {"text": Option('{"event":', "text", is_text)},
    "refuse_handshake": {
        "status": Option(
            503,
            "a status from 300 to 599",
            lambda status: _is_int(status) and 300 <= status <= 599,
        )
    },
    "lost_request": _PATH,
    "lost_answer": _PATH,
    SILENT_CHANNEL: _CHANNEL,
}
"""Their options by name; `bfxsync.paper.PaperExchange.inject` says what they do."""


class Fault:
    """
    An armed fault.

    Attributes
    ----------
    name : str
    options : dict
        All of them, defaults filled in.
    left : int
        How often it is still to happen.
    """

    def __init__(self, name: str, times: int, options: dict[str, Any]) -> None:
        self.name = name
        self.options = options
        self.left = times

    def concerns(
        self, channel: str = "", symbol: str = "", key: str = "", path: str = ""
    ) -> bool:
        """Say whether it is about this channel, or this endpoint."""
        facts = {"channel": channel, "symbol": symbol, "key": key, "path": path}
        return all(self.options.get(name) in (None, facts[name]) for name in facts)


def check(name: str, times: int, options: Mapping[str, Any]) -> Fault:
    """
    Return the fault that a user asks for.

    Raises
    ------
    UsageError
        There is no such fault, or it has no such option, or a value is impossible.
    """
    known = FAULTS.get(name)
    if known is None:
        raise UsageError(f"no fault {name!r}; there are {', '.join(FAULTS)}")
    if type(times) is not int or times < 1:
        raise UsageError(f"times must be a positive number, not {times!r}")
    if name == SILENT_CHANNEL and times != 1:
        raise UsageError(f"{name} happens at once, to all that match: it has no times")
    complete = {option: known[option].default for option in known}
    for option, value in options.items():
        if option not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise UsageError(f"{name} has no option {option!r}; {has}")
        if value is None and known[option].default is None:
            continue
        if not known[option].is_right(value):
            raise UsageError(f"{option} must be {known[option].wanted}, not {value!r}")
        complete[option] = value
    candles = CandleKey.parse(complete.get("key"))
    if candles is not None:  # the one of its spellings that the exchange goes by
        complete["key"] = candles.text
    return Fault(name, times, complete)


class Faults:
    """
    The armed ones.

    Parameters
    ----------
    counts : dict, optional
        By fault, how often it has happened; what else is worth counting goes there too.

    Attributes
    ----------
    armed : dict
        By name, in the order in which they were armed; only what is still to happen.
    """

    def __init__(self, counts: dict[str, int] | None = None) -> None:
        self.armed: dict[str, list[Fault]] = {}
        self._counts = {} if counts is None else counts
        self._claimed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Let it happen from now on."""
        self.armed.setdefault(fault.name, []).append(fault)

    def clear(self) -> None:
        """Let nothing go wrong any more; what has begun goes on."""
        self.armed.clear()
        self._claimed.clear()

    def is_armed(self, name: str, **about: str) -> bool:
        """Say whether `take` would return one."""
        return self._find(name, about) is not None

    def take(self, name: str, **about: str) -> Fault | None:
        """Return the fault that happens now, and count it; None if all goes well."""
        fault = self._use(name, about)
        if fault is not None:
            self.count(name)
        return fault

    def claim(self, name: str) -> Fault | None:
        """Return a fault that begins now; `complete` or `give_back` must follow."""
        fault = self._use(name, {})
        if fault is not None:
            self._claimed.append(fault)
        return fault

    def complete(self, fault: Fault) -> None:
        """Count a fault that had begun."""
        self.count(fault.name)
        self._release(fault)

    def give_back(self, fault: Fault) -> None:
        """Let a fault that had begun happen another time, as it came to nothing."""
        if self._release(fault):
            fault.left += 1
            if fault.left == 1:
                self.arm(fault)

    def count(self, name: str, times: int = 1) -> None:
        """Note that something went wrong."""
        if times:
            self._counts[name] = self._counts.get(name, 0) + times

    def _find(self, name: str, about: Mapping[str, str]) -> Fault | None:
        for fault in self.armed.get(name, ()):
            if fault.concerns(**about):
                return fault
        return None

    def _use(self, name: str, about: Mapping[str, str]) -> Fault | None:
        fault = self._find(name, about)
        if fault is not None:
            fault.left -= 1
            if not fault.left:
                faults = self.armed[name]
                faults.remove(fault)
                if not faults:
                    del self.armed[name]
        return fault

    def _release(self, fault: Fault) -> bool:
        """Return whether it is still wanted: not cleared meanwhile."""
        if fault not in self._claimed:
            return False
        self._claimed.remove(fault)
        return True
