"""
Readers of JSON objects, and of rows with rows or objects in them.

The exchange sends merchants, Thalex and recurring orders as objects with names in camel case, not
as rows. Their values are read with the kinds of `bfxsync.models.rows`, and with the readers below
for booleans, lists of texts, and nested objects, which rows rarely have.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any, Optional, Tuple, Union

from bfxsync._base.aliases import NumberType
from bfxsync._base.enums import OrderFlag
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Field, Kind, Layout, Read, integer, short

ObjectField = Tuple[str, Tuple[str, ...], Union[Kind, Read]]


class ObjectLayout(Layout):
    """
    The fields of an object: keys and kinds of values. Other keys are ignored.

    Parameters
    ----------
    fields : tuple of (str, tuple of str, Kind or callable)
        Name, key or alternative keys, and a kind or a reader.
    any_spelling : bool
        Ignore capitals and underscores in keys.
    needs_any : bool
        Refuse an object that has none of the fields.
    """

    def __init__(
        self,
        name: str,
        *fields: ObjectField,
        any_spelling: bool = False,
        needs_any: bool = False,
    ) -> None:
        super().__init__(
            name, *((field, i, kind) for i, (field, _, kind) in enumerate(fields))
        )
        self._any_spelling = any_spelling
        self._needs_any = needs_any
        self._keys = [
            tuple(map(_folded, keys)) if any_spelling else keys for _, keys, _ in fields
        ]

    def read(self, row: object, number: NumberType) -> list[Any]:
        """Return the checked values in the order of the fields, as `Layout.read` does."""
        if not isinstance(row, dict):
            raise RemoteError(
                f"{self.name}: expected an object, got {short(row)}", raw=row
            )
        found = row
        if self._any_spelling:
            found = {_folded(key): value for key, value in row.items()}
        try:
            values = super().read(
                [
                    next((found[key] for key in keys if key in found), None)
                    for keys in self._keys
                ],
                number,
            )
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=row) from None
        if self._needs_any and all(value is None for value in values):
            raise RemoteError(f"{self.name}: none of its fields is present", raw=row)
        return values


class NestedLayout(Layout):
    """
    The fields of a row with nested rows or objects.

    Parameters
    ----------
    fields : tuple of (str, tuple, Kind or callable)
        Name, path (the index in the row, then the index or key in the nested value, …), and kind.
        Fields of the same nested row must be adjacent.
    optional_parts : tuple of int
        Indexes of nested rows that may be missing or null, as objects may; then all their fields
        are missing.
    """

    def __init__(
        self,
        name: str,
        *fields: tuple[str, tuple[Any, ...], Kind | Read],
        optional_parts: tuple[int, ...] = (),
    ) -> None:
        outer: list[Field] = []
        self._inner: list[tuple[Layout, object] | None] = []
        for index, group in groupby(fields, lambda field: field[1][0]):
            members = list(group)
            first, path, kind = members[0]
            inner = [(field, path[1:], kind) for field, path, kind in members]
            if len(path) == 1:
                self._inner.append(None)
            elif isinstance(path[1], str):
                kind = Kind.OPTIONAL_OBJECT
                self._inner.append((ObjectLayout(name, *inner), {}))
            else:
                kind = Kind.ANY
                missing: object = [] if index in optional_parts else None
                self._inner.append((NestedLayout(name, *inner), missing))
            outer.append((first, index, kind))
        super().__init__(name, *outer)

    def read(self, row: object, number: NumberType) -> list[Any]:
        """Return the checked values in the order of the fields, as `Layout.read` does."""
        found: list[Any] = []
        for inner, part in zip(self._inner, super().read(row, number)):
            if inner is None:
                found.append(part)
                continue
            layout, missing = inner
            try:
                found += layout.read(missing if part is None else part, number)
            except RemoteError as exc:
                raise RemoteError(str(exc), raw=row) from None
        return found


def switch(value: object, number: NumberType = float) -> Optional[bool]:
    """Return True, False or None; 1 and 0 are accepted too."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise RemoteError(f"expected true, false or null, got {short(value)}")


def truth(value: object, number: NumberType = float) -> bool:
    """Return True or False; 1 and 0 are accepted too."""
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise RemoteError(f"expected true or false, got {short(value)}")


_NO_FLAGS = OrderFlag(0)


def flags(value: object, number: NumberType = float) -> Optional[OrderFlag]:
    """Return the flags of an order, or None; unknown bits are kept."""
    if value is None:
        return None
    found = integer(value)
    if found is None:
        raise RemoteError(f"expected an integer or null, got {short(value)}")
    # Without flags, as most: a call of the class takes as long as four fields.
    return OrderFlag(found) if found else _NO_FLAGS


def texts(value: object, number: NumberType = float) -> Optional[list[str]]:
    """Return a list of texts, or None."""
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise RemoteError(f"expected a list of texts or null, got {short(value)}")


def anything_in_a_list(value: object, number: NumberType) -> Optional[list[Any]]:
    """Return a list of any values, or None."""
    if value is None or isinstance(value, list):
        return value
    raise RemoteError(f"expected a list or null, got {short(value)}")


def _folded(key: str) -> str:
    return key.replace("_", "").lower()


def one_of(read: Read) -> Read:
    """Return a reader of one object, or null."""

    def read_one(value: object, number: NumberType) -> Any:
        return None if value is None else read(value, number)

    return read_one


def list_of(read: Read, is_required: bool = False) -> Read:
    """Return a reader of a list of objects, or null."""

    def read_list(value: object, number: NumberType) -> Any:
        if value is None and is_required:
            raise RemoteError("expected a list, got None")
        found = anything_in_a_list(value, number)
        return None if found is None else [read(item, number) for item in found]

    return read_list


def numbers(value: object, number: NumberType) -> dict[str, Any]:
    """Return an object whose values are all numbers, such as amounts by currency."""
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise RemoteError(f"expected an object, got {short(value)}")
    names = list(value)
    layout = Layout(
        "numbers", *((name, index, Kind.NUMBER) for index, name in enumerate(names))
    )
    return dict(zip(names, layout.read(list(value.values()), number)))
