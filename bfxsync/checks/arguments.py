"""What users of REST pass: checked at their line, before anything is sent."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from math import isfinite
from typing import Callable, Dict, Optional, Sequence, Union

from bfxsync._base.aliases import Mts
from bfxsync._base.plain import plain_integer, plain_items, plain_text
from bfxsync.errors import UsageError
from bfxsync.wire.channels import check_symbol

Time = Union[Mts, datetime, str, None]
"""Milliseconds UTC, or a `datetime.datetime` that knows its time zone. Text is the digits of
milliseconds, as the official client has it, and nothing else."""

Params = Dict[str, Optional[int]]

ALL = "ALL"

PERIODS = range(2, 121)
"""Days for which funding can be had."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)

# Read as milliseconds, the seconds of 2001 to 5138 are days in the early seventies, long before
# the exchange; what is beyond the second number is microseconds or nanoseconds.
_SECONDS = range(10**9, 10**11)
_BEYOND = 10**14

_MOST_ROWS = 10**9
_DIGITS = re.compile(r"[0-9]{1,20}")
_CURRENCY = re.compile(r"[A-Z0-9]{2,}")


def check_choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """
    Return the text if it is one of those allowed.

    Raises
    ------
    UsageError
        It is not.
    """
    if isinstance(value, str) and value in allowed:
        # An enum of the user's own may be text as well, and may print as something else.
        return allowed[allowed.index(value)]
    raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def check_integer(name: str, value: object, allowed: range) -> int:
    """
    Return the integer if it is in the range.

    Raises
    ------
    UsageError
        It is not.
    """
    # bool is an int too, but certainly a mistake here.
    whole = plain_integer(value)
    if whole is not None and whole in allowed:
        return whole
    raise UsageError(
        f"{name} must be an integer from {allowed[0]} to {allowed[-1]}, not {value!r}"
    )


def check_time(name: str, value: object) -> Mts | None:
    """
    Return a time in milliseconds since 1970-01-01 UTC, or None.

    Parameters
    ----------
    name : str
        What the error's message calls it.
    value : int, float, datetime, str or None
        Milliseconds, also as text, or a `datetime.datetime` that knows its time zone; what is
        less than a millisecond is cut.

    Raises
    ------
    UsageError
        It is neither, has no time zone, or is plainly in seconds or microseconds.
    """
    if value is None:
        return None
    mts: int | None
    if isinstance(value, datetime):
        mts = (check_datetime(name, value) - _EPOCH) // _MILLISECOND
    elif isinstance(value, str) and _DIGITS.fullmatch(value):
        mts = int(value)
    elif isinstance(value, float):
        # As time.time() * 1000 gives it. A float of 0 is more likely a mistake than 1970.
        mts = int(value) if isfinite(value) else None
        if mts is not None and abs(mts) < _SECONDS[-1]:
            raise _seconds(name, value)
    else:
        mts = plain_integer(value)
    if mts is None:
        raise UsageError(
            f"{name} must be milliseconds as int, or a datetime with time zone, "
            f"not {value!r}"
        )
    if mts in _SECONDS:
        raise _seconds(name, mts)
    if not 0 <= mts < _BEYOND:
        raise UsageError(f"{name} must be milliseconds since 1970, not {mts}")
    return mts


def check_datetime(name: str, value: datetime) -> datetime:
    """
    Return a datetime as one of Python's own, in UTC: pandas has a class of its own.

    Raises
    ------
    UsageError
        It has no time zone, or is no time (NaT of pandas is a datetime too).
    """
    # Nothing else differs from itself.
    if value != value:
        raise UsageError(f"{name} must be a time, not {value!r}")
    if value.utcoffset() is None:
        raise UsageError(
            f"{name} must have a time zone, as in "
            f"datetime(2024, 1, 1, tzinfo=timezone.utc); {value!r} has none"
        )
    try:
        # Of pandas, a difference has a class of its own too, and its nanoseconds are cut.
        return _EPOCH + timedelta(microseconds=int((value - _EPOCH) // _MICROSECOND))
    except (OverflowError, TypeError, ValueError):
        raise UsageError(f"{name} is out of range: {value!r}") from None


def _seconds(name: str, value: float) -> UsageError:
    return UsageError(
        f"{name} must be milliseconds since 1970, and {value!r} looks like seconds: "
        "multiply it by 1000"
    )


def page_params(
    *,
    start: object = None,
    end: object = None,
    limit: object = None,
    sort: object = None,
    maximum: int = _MOST_ROWS,
) -> Params:
    """
    Return what chooses the rows of a history, as the query has it.

    Raises
    ------
    UsageError
        A time is none (`check_time`); the start is after the end; the limit is not positive, or
        above the endpoint's maximum (the exchange would refuse it too); the sort is neither 1
        (oldest first) nor -1 (newest first).
    """
    params: Params = {
        "start": check_time("start", start),
        "end": check_time("end", end),
        "limit": None,
        "sort": None,
    }
    first, last = params["start"], params["end"]
    if first is not None and last is not None and first > last:
        raise UsageError(f"start ({first}) must not be after end ({last})")
    if limit is not None:
        params["limit"] = check_integer("limit", limit, range(1, maximum + 1))
    if sort is not None:
        direction = plain_integer(sort)
        if direction not in (1, -1):
            raise UsageError(
                f"sort must be 1 (oldest first) or -1 (newest first), not {sort!r}"
            )
        params["sort"] = direction
    return params


def check_pair(symbol: object) -> str:
    """
    Return the symbol of a pair or a derivative, such as ``tBTCUSD`` or ``tBTCF0:USTF0``.

    Raises
    ------
    UsageError
        It is none.
    """
    checked = check_symbol(symbol)
    if not checked.startswith("t"):
        raise UsageError(f"symbol must be that of a pair ('t…'), not {symbol!r}")
    return checked


def check_funding(symbol: object) -> str:
    """
    Return the symbol of a funding currency, such as ``fUSD``.

    Raises
    ------
    UsageError
        It is none.
    """
    checked = check_symbol(symbol)
    if not checked.startswith("f"):
        raise UsageError(
            f"symbol must be that of a funding currency ('f…'), not {symbol!r}"
        )
    return checked


def check_currency(name: str, currency: object) -> str:
    """
    Return the currency, which has no prefix: ``USD``, ``UST``.

    Raises
    ------
    UsageError
        It is none.
    """
    text = plain_text(currency)
    if text is not None and _CURRENCY.fullmatch(text):
        return text
    raise UsageError(
        f"{name} must be a currency in capitals such as 'USD', not {currency!r}"
    )


def check_list(name: str, values: object, check: Callable[[object], str]) -> list[str]:
    """
    Return the checked items of a list, each once, as the answer names them anyway.

    Raises
    ------
    UsageError
        It is empty; it is one text (whose letters would be taken for items); an item is wrong.
    """
    found = plain_items(values)
    if found is None:
        raise UsageError(f"{name} must be a list of texts, not {values!r}")
    items = list(dict.fromkeys(map(check, found)))
    if not items:
        raise UsageError(f"{name} must not be empty")
    return items


def check_symbols(
    name: str, symbols: object, check: Callable[[object], str] = check_symbol
) -> str:
    """
    Return the symbols with commas between them, or ``ALL`` for all.

    Raises
    ------
    UsageError
        They are neither a list (`check_list`) nor ``"ALL"``.
    """
    if isinstance(symbols, str) and symbols == ALL:
        return ALL
    items = check_list(name, symbols, lambda symbol: _symbol_or_all(symbol, check))
    if items == [ALL]:
        return ALL
    return ",".join(map(check, items))


def _symbol_or_all(symbol: object, check: Callable[[object], str]) -> str:
    return ALL if isinstance(symbol, str) and symbol == ALL else check(symbol)
