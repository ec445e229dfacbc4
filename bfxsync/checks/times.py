"""Checks of times, dates and durations, and the query parameters of a history."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from math import isfinite
from typing import Dict, Optional, Union

from bfxsync._base.aliases import Mts
from bfxsync._base.plain import plain_integer, plain_real, plain_text
from bfxsync.checks.numbers import check_integer, check_sign
from bfxsync.errors import UsageError

Time = Union[Mts, datetime, str, None]
"""Milliseconds UTC, as an integer or (like in the official client) as text, or a
`datetime.datetime` with a time zone."""

Params = Dict[str, Optional[int]]

MAX_TIMEOUT_S = 86_400.0

SORTS = {1: "oldest first", -1: "newest first"}

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)

# Seconds of the years 2001 to 5138. As milliseconds they would be dates in the early seventies,
# long before the exchange existed. Numbers above the maximum are microseconds or nanoseconds.
_SECONDS = range(10**9, 10**11)
_BEYOND = 10**14

_MOST_ROWS = 10**9
_DIGITS = r"[0-9]{1,20}"
_DATE = r"\d{4}-\d\d-\d\d"
_TIF = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
_MOMENT = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?"


def check_time(name: str, value: object) -> Mts | None:
    """
    Return a time in milliseconds since 1970-01-01 UTC, or None.

    It may be passed as milliseconds (number or text) or as a `datetime` with a time zone; fractions
    of a millisecond are truncated. Numbers that look like seconds or microseconds are refused.
    """
    if value is None:
        return None
    mts: int | None
    if isinstance(value, datetime):
        mts = (check_datetime(name, value) - _EPOCH) // _MILLISECOND
    elif isinstance(value, str) and re.fullmatch(_DIGITS, value):
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
            f"{name} must be an int of milliseconds or a datetime with a time zone, "
            f"not {value!r}"
        )
    if mts in _SECONDS:
        raise _seconds(name, mts)
    if not 0 <= mts < _BEYOND:
        raise UsageError(f"{name} must be milliseconds since 1970, not {mts}")
    return mts


def check_datetime(name: str, value: datetime) -> datetime:
    """Convert a datetime with a time zone, such as a `pandas.Timestamp`, to a `datetime` in UTC."""
    # Only NaT of pandas, which is a datetime too, differs from itself.
    if value != value:
        raise UsageError(f"{name} must be a time, not {value!r}")
    if value.utcoffset() is None:
        raise UsageError(
            f"{name} must have a time zone, as in "
            f"datetime(2024, 1, 1, tzinfo=timezone.utc); {value!r} has none"
        )
    try:
        # In UTC, as pandas 1 subtracts no times of other zones. The difference may be a
        # `pandas.Timedelta`, whose nanoseconds are truncated.
        past = value.astimezone(timezone.utc) - _EPOCH
        return _EPOCH + timedelta(microseconds=int(past // _MICROSECOND))
    except (OverflowError, TypeError, ValueError):
        raise UsageError(f"{name} is out of range: {value!r}") from None


def _seconds(name: str, value: float) -> UsageError:
    return UsageError(
        f"{name} must be milliseconds since 1970, not {value!r}, which looks like seconds: "
        "multiply it by 1000"
    )


def check_cid_date(name: str, value: object) -> str:
    """Return the UTC date of a client id in the exchange's format: ``2026-01-31``."""
    if isinstance(value, datetime):
        return f"{check_datetime(name, value):%Y-%m-%d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and re.fullmatch(_DATE, value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise UsageError(f"{name} must be a date such as '2026-01-31', not {value!r}")


def check_moment(name: str, value: object) -> str:
    """Return a date, or an aware datetime, as ISO text."""
    if isinstance(value, datetime):
        moment = check_datetime(name, value)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    text = plain_text(value)
    if text is not None and re.fullmatch(_MOMENT, text):
        return text
    raise UsageError(
        f"{name} must be a datetime with a time zone, a date, or a text such as "
        f"'2026-01-31', not {value!r}"
    )


def check_tif(name: str, value: object) -> str:
    """Return the expiry of an order in the exchange's format: UTC, whole seconds."""
    text = plain_text(value)
    if text is not None and re.fullmatch(_TIF, text):
        try:
            datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return text
    if not isinstance(value, datetime):
        raise UsageError(
            f"{name} must be a datetime with a time zone, as in "
            "datetime.now(timezone.utc) + timedelta(hours=1), or a text in UTC such as "
            f"'2026-01-31 12:00:00', not {value!r}"
        )
    moment = check_datetime(name, value)
    try:
        # Rounded up: an order must not expire early.
        moment += timedelta(microseconds=-moment.microsecond % 1_000_000)
    except OverflowError:
        raise UsageError(f"{name} is out of range: {value!r}") from None
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def check_seconds(name: str, value: object) -> float:
    """Return a positive number of seconds, at most a day."""
    seconds = plain_real(value)
    # NaN is in no range.
    if seconds is not None and 0 < seconds <= MAX_TIMEOUT_S:
        return seconds
    raise UsageError(
        f"{name} must be a positive number of seconds, at most a day, not {value!r}"
    )


def check_seconds_or_zero(name: str, value: object) -> float:
    """Return a non-negative number of seconds, at most a day."""
    seconds = plain_real(value)
    if seconds is not None and 0 <= seconds <= MAX_TIMEOUT_S:
        return seconds
    raise UsageError(
        f"{name} must be a number of seconds, at most a day, not {value!r}"
    )


def check_timeouts(
    timeout: object, name: str = "timeout"
) -> tuple[float, float, float]:
    """Return the connect, read and total timeouts from one number or three."""
    if not isinstance(timeout, tuple):
        total_s = check_seconds(name, timeout)
        return total_s, total_s, total_s
    if len(timeout) != 3:
        raise UsageError(
            f"{name} must be one number, or (connect, read, total), not {timeout!r}"
        )
    connect_s, read_s, total_s = (check_seconds(name, part) for part in timeout)
    return connect_s, read_s, total_s


def page_params(
    start: object = None,
    end: object = None,
    limit: object = None,
    sort: object = None,
    *,
    maximum: int = _MOST_ROWS,
) -> Params:
    """
    Return the query parameters that select the rows of a history.

    Refused are a start after the end, and a limit above the endpoint's maximum, as the exchange
    refuses both.
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
        params["sort"] = check_sign("sort", sort, SORTS)
    return params
