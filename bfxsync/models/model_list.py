"""
Lists and dicts of models of one class, with tables of them.

Strategy: they know their class and number type, so that an empty one has the columns of a full one.
In all else they are plain lists and dicts: equal to them, and pickled as such.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, SupportsIndex, TypeVar, overload

from bfxsync._base.aliases import NumberType
from bfxsync._base.html import html_of
from bfxsync.dataframes import TableSource, Tabular

K = TypeVar("K")
M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., Any])


class ModelList(List[M], Tabular):
    """A list of models of one class; a slice of it is one as well. ``df()`` is its DataFrame."""

    __slots__ = ("_model", "_number")

    _repr_html_ = html_of

    def __init__(
        self, rows: Iterable[M], model: Any, number: NumberType = float
    ) -> None:
        super().__init__(rows)
        self._model = model
        self._number: NumberType = number

    @overload
    def __getitem__(self, index: SupportsIndex) -> M: ...
    @overload
    def __getitem__(self, index: slice) -> ModelList[M]: ...

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        if isinstance(index, slice):
            return ModelList(found, self._model, self._number)
        return found

    def copy(self) -> ModelList[M]:
        """Return a shallow copy."""
        return self[:]

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return list, (list(self),)

    def _table_source(self) -> TableSource:
        return TableSource(self._model, self, self._number)


class ModelDict(Dict[K, M], Tabular):
    """Models of one class by symbol; ``df()`` is the DataFrame of its values."""

    __slots__ = ("_model", "_number")

    _repr_html_ = html_of

    def __init__(self, items: Any, model: Any, number: NumberType = float) -> None:
        super().__init__(items)
        self._model = model
        self._number: NumberType = number

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return dict, (dict(self),)

    def _table_source(self) -> TableSource:
        return TableSource(self._model, self.values(), self._number)


def reader_of(model: Any, read: F) -> F:
    """Return a function that returns a model, so that `model_of` knows the model."""
    named: Any = read
    named.model = model
    return read


def model_of(read: Any) -> Any:
    """Return the model that a function returns: one of `reader_of`, or a method of the model."""
    return getattr(read, "model", None) or read.__self__
