"""What must hold of every model that is read from a row, by a table of its fields."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Dict, NamedTuple, Tuple

import attrs
import pytest

from bfxsync.errors import RemoteError

NUMBERS = pytest.mark.parametrize("number", [float, Decimal])

HOSTILE = {
    "int": [1.5, "x", [1], {}, True, 2**63],
    "switch": [1.5, "x", [1], {}, 2**63],
    "number": ["x", "", [1], {}, True, float("nan")],
    "text": [1, 1.5, ["x"], {}, True],
    "object": [1, 1.5, ["x"], "x", "[1]", "1", True],
    "any": [],
}


class Case(NamedTuple):
    """
    A model and a row of it.

    Attributes
    ----------
    model : type
    text : str
        The row on the wire, with a value at each index below.
    fields : dict
        Name and kind at each index, in the order of the model's fields: ``int``, ``switch``,
        ``number``, ``text``, ``object`` or ``any``, with ``?`` behind if it may be null.
    """

    model: Any
    text: str
    fields: Dict[int, Tuple[str, str]]


def read(text: str, number: Any = float) -> list[Any]:
    row: list[Any] = json.loads(text, parse_float=number)
    return row


def check_reads(case: Case, number: Any) -> None:
    """A row becomes a model, whose fields are what was sent, in this order."""
    row = read(case.text, number)
    found = case.model.from_row(row, number)
    assert type(found) is case.model
    assert not hasattr(found, "__dict__")
    names = [field.name for field in attrs.fields(case.model)]
    assert names == [name for name, _ in case.fields.values()]
    for index, (name, kind) in case.fields.items():
        value, sent = getattr(found, name), row[index]
        assert sent is not None, f"nothing at {index}"
        if kind.startswith("number"):
            assert type(value) is number
            assert str(value) == str(number(sent))
        elif kind.startswith("int"):
            # A flag is an integer too.
            assert isinstance(value, int) and not isinstance(value, bool)
            assert value == sent
        else:
            assert type(value) is type(sent)
            assert value == sent
    assert case.model.from_row(read(case.text)) == case.model.from_row(
        read(case.text), float
    )


def check_nulls(case: Case) -> None:
    """Null is None or an error, and never zero."""
    for index, (name, kind) in case.fields.items():
        row = read(case.text)
        row[index] = None
        if kind.endswith("?"):
            assert getattr(case.model.from_row(row), name) is None
        elif kind != "any":
            with pytest.raises(RemoteError, match=rf"\.{name}: .* got None"):
                case.model.from_row(row)


def check_lengths(case: Case) -> None:
    """A row may end after what must be there, and may grow."""
    row = read(case.text)
    needed = [i for i, (_, kind) in case.fields.items() if not kind.endswith("?")]
    shortest = 1 + max(needed, default=-1)
    for length in range(len(row)):
        if length < shortest:
            with pytest.raises(RemoteError, match=f"at least {shortest} values"):
                case.model.from_row(row[:length])
        else:
            found = case.model.from_row(row[:length])
            for index, (name, _) in case.fields.items():
                assert (getattr(found, name) is None) is (index >= length)


def check_hostile(case: Case) -> None:
    """Whatever stands in a field, it is read or is a typed error."""
    for index, (_, kind) in case.fields.items():
        for bad in HOSTILE[kind.rstrip("?")]:
            row = read(case.text)
            row[index] = bad
            with pytest.raises(RemoteError):
                case.model.from_row(row)


def check_any_row(case: Case, row: Any, number: Any) -> None:
    """Any JSON is read or is a typed error that holds it."""
    try:
        found = case.model.from_row(row, number)
    except RemoteError as error:
        assert error.raw is row
    else:
        assert type(found) is case.model


def check_tolerant(case: Case) -> None:
    """The row of a notification may lack anything."""
    length = 1 + max(case.fields)
    for row in ([], [None] * length, [None] * (length + 3)):
        found = case.model.from_partial_row(row)
        assert type(found).__name__ in (
            case.model.__name__,
            f"Partial{case.model.__name__}",
        )
        assert all(getattr(found, name) is None for name, _ in case.fields.values())
    whole = read(case.text)
    assert case.model.from_partial_row(whole) == case.model.from_row(whole)
