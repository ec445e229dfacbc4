"""
Readers of positional rows.

Strategy: a `Layout` holds one precompiled step for each field: index, whether null is allowed,
and the function that checks and converts the value. Models of every frame try a cheaper screen
first (see `bfxsync.models.market`); only a row that fails there, or a client that wants `Decimal`,
comes here, where every field is checked and an error names the one that is wrong.
JSON's ``true`` and ``false`` pass that screen as 1 and 0, as they do everywhere in Python; the
exchange sends neither in market data.
"""

from __future__ import annotations

import json
import reprlib
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import partial
from math import isfinite
from typing import Any, Callable, Tuple, TypeVar, Union

from bfxsync._base.aliases import NumberType
from bfxsync._base.numbers import EXACT, READERS_OF, decimal_of
from bfxsync.errors import RemoteError
from bfxsync.models.usual_rows import (
    READER,
    UNUSUAL,
    Column,
    ReadUsual,
    compiled,
)

# What the screen can raise: text or null in the sum, a row that is too short or not a list at
# all (a dict raises KeyError from CPython 3.12 on), an integer too long for a float.
SCREEN_ERRORS = (TypeError, LookupError, ArithmeticError, ValueError)

INT64 = 2**63

T = TypeVar("T")

Read = Callable[[Any, NumberType], Any]
"""Converts a value; raises `RemoteError` saying what was expected."""


class Kind(Enum):
    """Kinds of values that a field of a row may hold."""

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

    @property
    def is_optional(self) -> bool:
        """Whether null is allowed."""
        return self is Kind.ANY or self.name.startswith("OPTIONAL_")

    @property
    def of_value(self) -> str:
        """The name of the kind of a value that is not null."""
        return self.name.replace("OPTIONAL_", "")


Field = Tuple[str, int, Union[Kind, Read]]
"""Name, index, and a kind or a reader, which gets None if the row ends before the field."""


class Layout:
    """
    The fields of a row: the index of each, and the kind of its value.

    Parameters
    ----------
    name : str
        The model's name, for error messages.
    fields : Field
        In the order of the model's constructor.
    least : int
        Minimum length of a row, even if all its fields may be null.
    """

    def __init__(self, name: str, *fields: Field, least: int = 0) -> None:
        self.name = name
        self.fields = fields
        self.required: list[int] = [
            place
            for place, (_, _, kind) in enumerate(fields)
            if isinstance(kind, Kind) and not kind.is_optional
        ]
        # Columns after the last required field may be missing in old rows.
        self.length: int = max(
            [least, *(1 + fields[place][1] for place in self.required)],
        )
        self.width: int = max([least, *(1 + index for _, index, _ in fields)])
        """Columns up to the last known one."""
        self._steps = {number: _steps(fields, number) for number in (float, Decimal)}
        # Compiled at the first row, as most layouts are not used by a program.
        self._read_usual: ReadUsual | None = None

    def read(self, row: object, number: NumberType) -> list[Any]:
        """
        Return the checked values in the order of the fields.

        Raises
        ------
        RemoteError
            Not a list, too short, or a field has an unexpected value.
        """
        if not isinstance(row, list):
            raise RemoteError(
                f"{self.name}: expected a list, got {short(row)}", raw=row
            )
        count = len(row)
        if count >= self.width and number is float:
            read_usual = self._read_usual or self._compile()
            try:
                usual = read_usual(row)
            except UNUSUAL:
                usual = None
            if usual is not None:
                return usual
        if count < self.length:
            raise RemoteError(
                f"{self.name}: expected at least {self.length} values, got {count}",
                raw=row,
            )
        values: list[Any] = []
        append = values.append
        name = ""
        try:
            for name, index, is_optional, read, expected in self._steps[number]:
                value = row[index] if index < count else None
                if value is None and is_optional:
                    append(None)
                    continue
                found = read(value)
                if found is None and expected is not None:
                    raise RemoteError(f"expected {expected}, got {short(value)}")
                append(found)
        except RemoteError as exc:
            raise RemoteError(f"{self.name}.{name}: {exc}", raw=row) from None
        return values

    def _compile(self) -> ReadUsual:
        columns = [
            Column(
                index,
                kind.of_value if isinstance(kind, Kind) else READER,
                is_optional,
                read,
            )
            for (_, index, is_optional, read, _), (*_, kind) in zip(
                self._steps[float], self.fields
            )
        ]
        self._read_usual = compiled(columns)
        return self._read_usual


def read_rows(
    read: Callable[[Any, NumberType], T], rows: object, number: NumberType
) -> list[T]:
    """
    Read each row.

    Raises
    ------
    RemoteError
        Not a list; or some rows are unreadable: then `RemoteError.rows` has the others and
        `RemoteError.unreadable` the unreadable ones with their reasons.
    """
    if not isinstance(rows, list):
        raise RemoteError(f"expected a list of rows, got {short(rows)}", raw=rows)
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


def integer(value: object) -> int | None:
    """Return a 64-bit integer, or None; text is accepted, as the exchange sends some as text."""
    if type(value) is int:
        return value if -INT64 <= value < INT64 else None
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
    # The exchange writes 1 and 0 as true and false too.
    return int(value) if isinstance(value, bool) else integer(value)


def _float(value: Any) -> float | None:
    kind = type(value)
    if kind is float or kind is int:
        try:
            plain = float(value)
        except OverflowError:
            return None
    else:
        exact = _decimal(value)
        if exact is None:
            return None
        plain = float(exact)
    return plain if isfinite(plain) else None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    try:
        # A float is converted through its text, which has the digits that were sent.
        exact = decimal_of(value)
    except (InvalidOperation, ArithmeticError, ValueError):
        return None
    return exact if exact.is_finite() else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: object, number: NumberType) -> dict[str, Any] | None:
    # Some endpoints send an object as its JSON text, and an empty one as a list.
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=READERS_OF[number])
        except (ValueError, RecursionError, ArithmeticError):
            return None
    if value == []:
        return {}
    return value if isinstance(value, dict) else None


Step = Tuple[str, int, bool, Callable[[Any], Any], Union[str, None]]


def _steps(fields: tuple[Field, ...], number: NumberType) -> list[Step]:
    """Return for each field: name, index, whether null is allowed, reader, expected kind."""
    readers: dict[str, Callable[[Any], Any]] = {
        "NUMBER": _decimal if number is Decimal else _float,
        "INTEGER": integer,
        "SWITCH": _switch,
        "TEXT": _text,
        "OBJECT": partial(_object, number=number),
        "ANY": lambda value: value,
    }
    steps: list[Step] = []
    for name, index, kind in fields:
        if isinstance(kind, Kind):
            expected = None if kind is Kind.ANY else kind.value
            reader = readers[kind.of_value]
            steps.append((name, index, kind.is_optional, reader, expected))
        else:
            steps.append((name, index, False, _with_number(kind, number), None))
    return steps


def _with_number(read: Read, number: NumberType) -> Callable[[Any], Any]:
    return lambda value: read(value, number)


def short(value: object) -> str:
    """Return a short repr; unlike `repr` it does not follow deep nesting, which may be hostile."""
    return reprlib.repr(value)
