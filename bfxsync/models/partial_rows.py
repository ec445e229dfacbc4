"""
Rows of notifications, in which anything may be missing.

Strategy: the exchange acknowledges a write with what it knows of the row at that moment. A row with
everything that the model requires is a model; any other is its partial counterpart, whose fields
are annotated ``| None``, so that a type checker objects to arithmetic with what may not be there.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from bfxsync._base.aliases import NumberType
from bfxsync.models.model import (
    Model,
    RestModel,
    annotation_text,
    at,
    define,
    fields_of,
    keep_extra,
)

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda decorator: decorator


M = TypeVar("M", bound=Model)
W = TypeVar("W", bound=Model)


@dataclass_transform(field_specifiers=(at,))
def partial_of(whole: Any, *known: str) -> Callable[[type[M]], type[M]]:
    """
    Make the partial counterpart of a model.

    The class names the fields of `whole` again, for type checkers: in the same order, each with
    its type ``| None``. Their indexes and texts are those of `whole`;
    a field that a `moment` belongs to is written ``= at()``.

    Parameters
    ----------
    whole : type
    known : str
        Fields that are always there, and keep their type.

    Raises
    ------
    TypeError
        A field differs.
    """

    def partial(cls: type[M]) -> type[M]:
        made = define(cls)
        expected = []
        for field in fields_of(whole):
            text = annotation_text(field.type)
            is_fixed = field.name in known or text.endswith(" | None")
            expected.append((field.name, text if is_fixed else f"{text} | None"))
        found = [(f.name, annotation_text(f.type)) for f in fields_of(made)]
        for ours, theirs in zip_longest(found, expected):
            if ours != theirs:
                raise TypeError(f"{made.__name__}: expected {theirs}, got {ours}")
        made._layout, made._whole = whole._layout.tolerant(), whole
        return made

    return partial


def read_whole_or_partial(
    whole: type[W], partial: type[M], row: Any, number: NumberType
) -> W | M:
    """Return `whole` if everything that it requires is there, else `partial`."""
    values = partial._layout.read(row, number)
    is_whole = all(values[place] is not None for place in whole._layout.required)
    found = whole(*values) if is_whole else partial(*values)
    if isinstance(found, RestModel):
        keep_extra(found, row)
    return found
