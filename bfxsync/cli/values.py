"""
Types of values on the command line: times, numbers, lists and JSON, each with an error of one line.

A reader raises `ValueError` with what was expected; `Value` makes a type of click of it.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, List

import click

from bfxsync import OrderFlag, UsageError
from bfxsync._base.numbers import plain_decimal
from bfxsync.checks.times import check_cid_date

Read = Callable[[str], Any]

_AGE = re.compile(r"([1-9][0-9]{0,5})([smhdwDW])")
_AGES_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DIGITS = re.compile("[0-9]{12,14}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ZONE = re.compile(r"(Z|[+-]\d\d:\d\d)$")

_TIMES = "2024-01-31, 2024-01-31T12:00 (UTC), milliseconds since 1970, or an age such as 12h or 7d"


class Value(click.ParamType):
    """A type of click from a reader; a secret value is not part of its error."""

    def __init__(self, name: str, read: Read, *, is_secret: bool = False) -> None:
        self.name = name
        self._read = read
        self._is_secret = is_secret

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the value of a text; defaults are returned as they are."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as exc:
            text = f"expected {self.name}" if self._is_secret else str(exc)
            self.fail(text, param, ctx)


def time_of(text: str, now: datetime | None = None) -> datetime:
    """Return the time that a person has typed; without a zone it is in UTC."""
    text = text.strip()
    age = _AGE.fullmatch(text)
    try:
        if age is not None:
            now = datetime.now(timezone.utc) if now is None else now
            return now - timedelta(seconds=int(age[1]) * _AGES_S[age[2].lower()])
        if _DIGITS.fullmatch(text):
            return datetime.fromtimestamp(int(text) / 1000, timezone.utc)
        if not _DATE.match(text):
            raise ValueError
        # Python 3.9 reads no Z.
        found = datetime.fromisoformat(
            _ZONE.sub(lambda zone: zone[0].replace("Z", "+00:00"), text)
        )
        if found.tzinfo is None:
            found = found.replace(tzinfo=timezone.utc)
        return found.astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"expected {_TIMES}, not {text!r}") from None


def future_of(text: str, now: datetime | None = None) -> datetime:
    """Return a time as `time_of` does, but ``12h`` is in twelve hours."""
    now = datetime.now(timezone.utc) if now is None else now
    found = time_of(text, now)
    return now + (now - found) if _AGE.fullmatch(text.strip()) else found


def number_of(text: str) -> str:
    """Return a number as it is typed: all its digits are sent."""
    try:
        return plain_decimal(text.strip(), "value")
    except UsageError:
        raise ValueError(f"expected a number, not {text!r}") from None


def integer_of(text: str) -> int:
    """Return an integer."""
    if not re.fullmatch("[+-]?[0-9]{1,20}", text.strip()):
        raise ValueError(f"expected an integer, not {text!r}")
    return int(text)


def flags_of(text: str) -> int:
    """Return the sum of flags of an order: a number, or names."""
    if re.fullmatch("[0-9]{1,10}", text):
        return int(text)
    known = OrderFlag.__members__
    value = 0
    for name in re.split("[,|+]", text):
        flag = known.get(name.strip().upper().replace("-", "_"))
        if flag is None:
            raise ValueError(f"expected {', '.join(known)} or a number, not {text!r}")
        value |= flag
    return value


def day_of(text: str) -> str:
    """Return a day as the exchange writes it."""
    try:
        return check_cid_date("value", text)
    except UsageError:
        raise ValueError(f"expected a day such as 2026-01-31, not {text!r}") from None


def object_of(text: str) -> Dict[str, Any]:
    """Return an object of JSON."""
    found = json_of(text)
    if not isinstance(found, dict):
        raise ValueError(
            f"""expected an object such as '{{"name": 1}}', not {text!r}"""
        )
    return found


def json_of(text: str) -> Any:
    """Return any value of JSON."""
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"expected JSON, not {text!r}") from None


def json_or_text(text: str) -> Any:
    """Return a value of JSON, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def list_of(read: Read) -> Callable[[str], List[Any]]:
    """Return a reader of a list: separated by commas, or in JSON."""

    def read_list(text: str) -> List[Any]:
        if text.lstrip().startswith("["):
            found: List[Any] = json_of(text)
            return found
        return [read(part.strip()) for part in text.split(",")]

    return read_list


def json_list_of(text: str) -> List[Any]:
    """Return a list in JSON."""
    found = json_of(text)
    if not isinstance(found, list):
        raise ValueError(f"expected a list in JSON, not {text!r}")
    return found


TIME = Value("time", time_of)
FUTURE = Value("time", future_of)
NUMBER = Value("number", number_of)
DAY = Value("day", day_of)
