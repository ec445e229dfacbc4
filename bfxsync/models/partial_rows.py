"""
Rows of notifications, in which anything may be missing.

Strategy: the exchange acknowledges a write with the fields of the row that it knows at that time. A
row with all required fields becomes a model, any other its partial counterpart. Both share one
table of fields, in a base class that is generic in the type of a missing value: ``int | N`` is
`int` in `Order`, where N is `NoReturn`, and ``int | None`` in `PartialOrder`, where N is None, so
that a type checker reports arithmetic with values that may be missing.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from bfxsync._base.aliases import NumberType
from bfxsync.models.model import Model, RestModel, keep_extra
from bfxsync.models.moments import Moment

if TYPE_CHECKING:
    from typing_extensions import Self

M = TypeVar("M", bound=Model)
N = TypeVar("N", bound=None)
N_co = TypeVar("N_co", bound=None, covariant=True)
W = TypeVar("W", bound=Model)


class WholeOrPartial(Generic[N_co]):
    """The fields of a model and of its partial counterpart."""

    __slots__ = ()


class PartialMoment(Moment[Any]):
    """A `Moment` of a field that may be missing in the partial counterpart."""

    if TYPE_CHECKING:

        @overload
        def __get__(self, model: None, owner: type) -> Self: ...
        @overload
        def __get__(self, model: WholeOrPartial[N], owner: type) -> datetime | N: ...

        def __get__(self, model: Any, owner: type) -> Any: ...


def read_whole_or_partial(
    whole: type[W], partial: type[M], row: Any, number: NumberType
) -> W | M:
    """Return a `whole` if the row has all required fields, else a `partial`."""
    values = partial._layout.read(row, number)
    is_whole = all(values[place] is not None for place in whole._layout.required)
    found = whole(*values) if is_whole else partial(*values)
    if isinstance(found, RestModel):
        keep_extra(found, row)
    return found
