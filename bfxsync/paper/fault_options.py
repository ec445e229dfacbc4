"""The known faults with their options, and checks of the arguments of callers."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple

from bfxsync.errors import UsageError
from bfxsync.paper.markets.chart import CandleKey

SILENT_CHANNEL = "silent_channel"
NO_CODE = 1005
"""Stands for a close frame without a code, as in RFC 6455."""
_MAX_REASON_BYTES = 123
_LONGEST_S = 1e6
CHANNELS = ("ticker", "trades", "book", "candles", "status")
INPUTS = ("on", "ou", "oc", "oc_multi", "fon", "foc")
EVENTS = tuple("on ou oc te tu pn pu pc wu fon fou foc fte ftu".split())


class Option(NamedTuple):
    """An option of a fault. The default None matches everything; `wanted` is for errors."""

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
    return type(value) in (int, float) and 0 <= value < _LONGEST_S


def _is_ratio(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < 1


def _is_error_code(value: Any) -> bool:
    return _is_int(value) and 10_000 <= value < 100_000


def _is_offset(value: Any) -> bool:
    return type(value) in (int, float) and 1 <= abs(value) < _LONGEST_S


def _is_text(value: object) -> bool:
    return _encoded(value) is not None


_SYMBOL = {"symbol": Option(None, "a symbol", _is_name)}
_CHANNEL = {
    "channel": Option(None, f"one of {', '.join(CHANNELS)}", CHANNELS.__contains__),
    **_SYMBOL,
    "key": Option(None, "the key of candles or of a status", _is_name),
}

PUBLIC_FAULTS: Mapping[str, Mapping[str, Option]] = {
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
        "text": Option('{"event":', "text", _is_text),
    },
    "refuse_handshake": {
        "status": Option(503, "a status from 300 to 599", _is_refusal)
    },
    SILENT_CHANNEL: _CHANNEL,
}

_PATH = {"path": Option(None, "the path of an endpoint", _is_name)}
_ACCOUNT = {"account": Option(None, "the api_key of an account", _is_name), **_SYMBOL}
_INPUT = {
    "input": Option(None, f"one of {', '.join(INPUTS)}", INPUTS.__contains__),
    "cid": Option(None, "a number", _is_int),
    **_ACCOUNT,
}
_EVENT = {
    "event": Option(None, f"one of {', '.join(EVENTS)}", EVENTS.__contains__),
    "cid": Option(None, "a number", _is_int),
    **_ACCOUNT,
}
_DELAY = {"delay_s": Option(1.0, "seconds", _is_delay)}

ACCOUNT_FAULTS: Mapping[str, Mapping[str, Option]] = {
    "lost_request": _PATH,
    "lost_answer": _PATH,
    "late_answer": {**_PATH, **_DELAY},
    "duplicate_answer": _PATH,
    "interim_answer": {
        **_PATH,
        "status": Option(103, "100, 102 or 103", (100, 102, 103).__contains__),
    },
    "missing_date": _PATH,
    "wrong_date": {
        **_PATH,
        "offset_s": Option(-3_600, "seconds, 1 or more, before or after", _is_offset),
    },
    "late_history": {**_PATH, **_DELAY},
    "small_nonce": _PATH,
    "reject_order": {
        **_INPUT,
        "code": Option(10_001, "a number of five digits", _is_error_code),
        "text": Option("Invalid order: rejected", "text", _is_text),
    },
    "partial_fill": {
        **_ACCOUNT,
        "cid": _INPUT["cid"],
        "ratio": Option(0.5, "between 0 and 1", _is_ratio),
    },
    "maintenance": {
        **_INPUT,
        "executed": Option(True, "True or False", (True, False).__contains__),
        "length_s": Option(1.0, "seconds", _is_delay),
    },
}
CHANNEL_FAULTS: Mapping[str, Mapping[str, Option]] = {
    "lost_notification": _INPUT,
    "late_notification": {**_INPUT, **_DELAY},
    "duplicate_notification": _INPUT,
    "notification_after_events": _INPUT,
    "lost_event": _EVENT,
    "duplicate_event": _EVENT,
    "cut_before_input": _INPUT,
    "cut_after_input": _INPUT,
    "cut_after_notification": _INPUT,
    "cut_after_on": {**_ACCOUNT, "cid": _INPUT["cid"]},
}
FAULTS: Mapping[str, Mapping[str, Option]] = {
    **PUBLIC_FAULTS,
    **ACCOUNT_FAULTS,
    **CHANNEL_FAULTS,
}
"""Options by fault; `bfxsync.paper.PaperExchange.inject` documents them."""

SELECTORS = ("channel", "symbol", "key", "path", "account", "input", "cid", "event")
"""The options that limit where a fault happens."""


def check_options(
    name: str,
    times: int | None,
    options: Mapping[str, Any],
    chance: float = 1.0,
    after_s: float = 0.0,
) -> dict[str, Any]:
    """
    Validate the arguments of `inject`, and return all options, with their defaults.

    Raises
    ------
    UsageError
        Unknown fault or option, or an invalid value.
    """
    known = FAULTS.get(name)
    if known is None:
        raise UsageError(f"fault must be one of {', '.join(FAULTS)}, not {name!r}")
    if times is not None and (type(times) is not int or times < 1):
        raise UsageError(f"times must be a positive number or None, not {times!r}")
    if chance != 1 and not _is_ratio(chance):
        raise UsageError(f"chance must be above 0 and at most 1, not {chance!r}")
    if not _is_delay(after_s):
        raise UsageError(f"after_s must be seconds, not {after_s!r}")
    if name == SILENT_CHANNEL and (times, chance) != (1, 1):
        raise UsageError(
            f"{name} affects all matching channels at once: it takes no times and no chance"
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
    if candles is not None:  # in its normal form, like the fields to match
        complete["key"] = candles.text
    return complete


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
