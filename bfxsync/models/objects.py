"""
What the values of an object may be.

Merchants, Thalex and recurring orders come as objects with names in camel case, not as rows. They
are read with the kinds of `bfxsync.models.rows`, and with the readers below for what rows do not
have: switches, lists of texts, and objects within objects.
"""

from __future__ import annotations

import reprlib
from typing import Any, Callable, Optional, Tuple, Union

from bfxsync._base.aliases import NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.rows import Kind, Layout

Read = Callable[[Any, NumberType], Any]
"""Returns what a value means; raises `RemoteError` with what it should be."""

Field = Tuple[str, str, Union[Kind, Read]]


class ObjectLayout:
    """
    The fields of an object: which key, and what may stand there. Other keys are ignored.

    Parameters
    ----------
    name : str
        The model's name, for messages.
    fields : tuple of (str, str, Kind or callable)
        Name, key, and a kind or a reader; in the order of the model's constructor.
    """

    def __init__(self, name: str, *fields: Field) -> None:
        self.name = name
        self.fields = fields
        self._keys = [key for _, key, _ in fields]
        self._layout = Layout(
            name,
            *(
                (field, index, kind if isinstance(kind, Kind) else Kind.ANY)
                for index, (field, _, kind) in enumerate(fields)
            ),
        )
        self._readers = [
            (index, field, kind)
            for index, (field, _, kind) in enumerate(fields)
            if not isinstance(kind, Kind)
        ]

    def tolerant(self) -> ObjectLayout:
        """Return the same layout for objects in which anything may be missing."""
        kinds = {name: kind for name, _, kind in self._layout.tolerant().fields}
        return ObjectLayout(
            self.name,
            *(
                (name, key, kinds[name] if isinstance(kind, Kind) else kind)
                for name, key, kind in self.fields
            ),
        )

    def read(self, fields: object, number: NumberType) -> list[Any]:
        """
        Return the checked values in the order of the fields.

        Raises
        ------
        RemoteError
            It is no object, or holds something else than it must.
        """
        if not isinstance(fields, dict):
            raise RemoteError(
                f"{self.name}: expected an object, got {reprlib.repr(fields)}",
                raw=fields,
            )
        try:
            values = self._layout.read([fields.get(key) for key in self._keys], number)
            for index, field, read in self._readers:
                try:
                    values[index] = read(values[index], number)
                except RemoteError as exc:
                    raise RemoteError(f"{self.name}.{field}: {exc}") from None
        except RemoteError as exc:
            raise RemoteError(str(exc), raw=fields) from None
        return values

    def read_some(self, fields: object, number: NumberType) -> list[Any]:
        """
        Do as `read` does, of an object in which there is at least one of the fields.

        Raises
        ------
        RemoteError
            It is none, or has none of them.
        """
        values = self.read(fields, number)
        if all(value is None for value in values):
            raise RemoteError(f"{self.name}: nothing of it is there", raw=fields)
        return values


def switch(value: object, number: NumberType = float) -> Optional[bool]:
    """Return True, False or None; 1 and 0 are switches too."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    raise RemoteError(f"expected true, false or null, got {reprlib.repr(value)}")


def texts(value: object, number: NumberType = float) -> Optional[list[str]]:
    """Return a list of texts, or None."""
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise RemoteError(f"expected a list of texts or null, got {reprlib.repr(value)}")


def one_of(read: Read) -> Read:
    """Return what reads an object, or null."""

    def read_one(value: object, number: NumberType) -> Any:
        return None if value is None else read(value, number)

    return read_one


def list_of(read: Read) -> Read:
    """Return what reads a list of objects, or null."""

    def read_list(value: object, number: NumberType) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            raise RemoteError(f"expected a list or null, got {reprlib.repr(value)}")
        return [read(item, number) for item in value]

    return read_list


def numbers(value: object, number: NumberType) -> dict[str, Any]:
    """Return an object of which every value is a number: of what there is by currency."""
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise RemoteError(f"expected an object, got {reprlib.repr(value)}")
    names = list(value)
    layout = Layout(
        "numbers", *((name, index, Kind.NUMBER) for index, name in enumerate(names))
    )
    return dict(zip(names, layout.read(list(value.values()), number)))
