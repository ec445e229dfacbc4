"""
What the values of a row may be.

Strategy: a model's ``from_row`` is called for every message, so it screens its row with one
``sum()``: that raises for text, null and lists. Only a row that fails there, or a client that
wants `Decimal`, comes here, where every field is looked at and an error names what was wrong.
JSON's ``true`` and ``false`` pass that screen as 1 and 0, as they do everywhere in Python; the
exchange sends neither in market data.
"""

from __future__ import annotations

import json
import reprlib
from decimal import Decimal, InvalidOperation
from enum import Enum
from math import isfinite
from typing import Any, Callable, TypeVar

from bfxsync._base.aliases import Number, NumberType
from bfxsync._base.numbers import EXACT, READERS_OF, decimal_of
from bfxsync.errors import RemoteError

# What the screen can raise: text or null in the sum, a row that is too short or no list at
# all (a dict raises KeyError from CPython 3.12 on), an integer too long for a float.
SCREEN_ERRORS = (TypeError, LookupError, ArithmeticError, ValueError)

INT64 = 2**63

T = TypeVar("T")


class Kind(Enum):
    """What one field of a row is."""

    NUMBER = "a number"
    OPTIONAL_NUMBER = "a number or null"
    INTEGER = "an integer"
    OPTIONAL_INTEGER = "an integer or null"
    SWITCH = "1 or 0, true or false"
    OPTIONAL_SWITCH = "1 or 0, true, false or null"
    TEXT = "text"
    OPTIONAL_TEXT = "text or null"
    OPTIONAL_OBJECT = "an object, its text, or null"
    ANY = "anything"


_OPTIONAL = (
    Kind.OPTIONAL_NUMBER,
    Kind.OPTIONAL_INTEGER,
    Kind.OPTIONAL_SWITCH,
    Kind.OPTIONAL_TEXT,
    Kind.OPTIONAL_OBJECT,
    Kind.ANY,
)

_MAY_BE_MISSING = {
    Kind.NUMBER: Kind.OPTIONAL_NUMBER,
    Kind.INTEGER: Kind.OPTIONAL_INTEGER,
    Kind.SWITCH: Kind.OPTIONAL_SWITCH,
    Kind.TEXT: Kind.OPTIONAL_TEXT,
}


class Layout:
    """
    The fields of a row: which index, and what may stand there.

    Parameters
    ----------
    name : str
        The model's name, for messages.
    fields : tuple of (str, int, Kind)
        Name, index and kind, in the order of the model's constructor.
    least : int
        Values that a row has at least, where fields that may be null must be there all the same.
    """

    def __init__(
        self, name: str, *fields: tuple[str, int, Kind], least: int = 0
    ) -> None:
        self.name = name
        self.fields = fields
        # What comes after the last field that must be there may be missing in old rows.
        self.length = 1 + max(
            (index for _, index, kind in fields if kind not in _OPTIONAL),
            default=least - 1,
        )

    def tolerant(self) -> Layout:
        """
        Return the same layout for rows in which anything may be missing.

        The exchange acknowledges a write with what it has of the row at that moment.
        """
        return Layout(
            self.name,
            *(
                (name, index, _MAY_BE_MISSING.get(kind, kind))
                for name, index, kind in self.fields
            ),
        )

    def read(self, row: object, number: NumberType) -> list[Any]:
        """
        Return the checked values in the order of the fields.

        Raises
        ------
        RemoteError
            The row is no list, is too short, or holds something else than it must.
        """
        if not isinstance(row, list):
            raise RemoteError(
                f"{self.name}: expected a list, got {_short(row)}", raw=row
            )
        if len(row) < self.length:
            raise RemoteError(
                f"{self.name}: expected at least {self.length} values, got {len(row)}",
                raw=row,
            )
        values: list[Any] = []
        for name, index, kind in self.fields:
            value = row[index] if index < len(row) else None
            if value is None and kind in _OPTIONAL:
                values.append(None)
                continue
            read = _READERS[kind](value, number)
            if read is None:
                raise RemoteError(
                    f"{self.name}.{name}: expected {kind.value}, got {_short(value)}",
                    raw=row,
                )
            values.append(read)
        return values


def read_rows(
    read: Callable[[Any, NumberType], T], rows: object, number: NumberType
) -> list[T]:
    """
    Return what `read` makes of each row.

    Raises
    ------
    RemoteError
        It is no list; or a row cannot be read: then the error has the others as `rows`, and the
        unreadable ones with their reasons as `unreadable`.
    """
    if not isinstance(rows, list):
        raise RemoteError(f"expected a list of rows, got {_short(rows)}", raw=rows)
    readable: list[T] = []
    unreadable: list[tuple[Any, str]] = []
    for row in rows:
        try:
            readable.append(read(row, number))
        except RemoteError as exc:
            unreadable.append((row, str(exc)))
    if unreadable:
        row, reason = unreadable[0]
        raise RemoteError(
            f"{len(unreadable)} of {len(rows)} rows cannot be read: {reason}",
            raw=row,
            rows=readable,
            unreadable=unreadable,
        )
    return readable


def _integer(value: object) -> int | None:
    """Return an integer of 64 bits, or None; text is accepted, as an old flag sent it."""
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            return None
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    elif (
        isinstance(value, Decimal)
        and value.is_finite()
        and value == value.to_integral_value(context=EXACT)
    ):
        value = int(value) if value.adjusted() < 19 else None
    if type(value) is not int or not -INT64 <= value < INT64:
        return None
    return value


def _switch(value: object) -> int | None:
    """Return an integer; the exchange writes 1 and 0 as true and false too."""
    return int(value) if isinstance(value, bool) else _integer(value)


def _number(value: object, number: NumberType) -> Number | None:
    """Return a finite number of the wanted type, or None; text is accepted as above."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    try:
        # A float that must become a Decimal goes through its text: that is what was sent.
        read = decimal_of(value)
        if number is Decimal:
            return read if read.is_finite() else None
        plain = float(read)
    except (InvalidOperation, ArithmeticError, ValueError):
        return None
    return plain if isfinite(plain) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: object, number: NumberType) -> dict[str, Any] | None:
    """Return an object; some endpoints send it as its JSON text, and an empty one as a list."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=READERS_OF[number])
        except (ValueError, RecursionError, ArithmeticError):
            return None
    if value == []:
        return {}
    return value if isinstance(value, dict) else None


_READERS: dict[Kind, Callable[[Any, NumberType], Any]] = {
    Kind.NUMBER: _number,
    Kind.OPTIONAL_NUMBER: _number,
    Kind.INTEGER: lambda value, _: _integer(value),
    Kind.OPTIONAL_INTEGER: lambda value, _: _integer(value),
    Kind.SWITCH: lambda value, _: _switch(value),
    Kind.OPTIONAL_SWITCH: lambda value, _: _switch(value),
    Kind.TEXT: lambda value, _: _text(value),
    Kind.OPTIONAL_TEXT: lambda value, _: _text(value),
    Kind.OPTIONAL_OBJECT: _object,
    Kind.ANY: lambda value, _: value,
}


def _short(value: object) -> str:
    # Unlike repr it does not follow deep nesting, which may be hostile.
    return reprlib.repr(value)
