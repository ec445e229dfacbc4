"""
The fields of a model with their texts, for `help()` and docs/reference/models.rst.

Strategy: Python drops the text below a field, so it is read from the source on first use.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from typing import Any, Dict, Iterator, NamedTuple, TypeVar

import attrs

from bfxsync.models.moments import Moment

C = TypeVar("C", bound=type)


class FieldText(NamedTuple):
    """One field of a model, as documents show it."""

    name: str
    annotation: str
    place: str
    """Index in the row, key in the object, or empty."""
    text: str
    """Its meaning; may be empty."""


def field_texts(model: Any) -> Iterator[FieldText]:
    """Yield the fields of a model in their order, then its `datetime` properties."""
    texts: Dict[str, str] = {}
    for part in reversed(model.__mro__):
        texts.update(_texts_of(part.__module__).get(part.__name__, {}))
    for field in attrs.fields(model):
        places = field.metadata.get("path") or field.metadata.get("keys") or ()
        separator = "." if "path" in field.metadata else " / "
        place = separator.join(map(str, places))
        yield FieldText(field.name, str(field.type), place, texts.get(field.name, ""))
    annotations = {field.name: str(field.type) for field in attrs.fields(model)}
    members = {k: v for part in reversed(model.__mro__) for k, v in vars(part).items()}
    for name, found in members.items():
        if isinstance(found, Moment):
            optional = " | None" if "None" in annotations[found.field_name] else ""
            yield FieldText(name, f"datetime{optional}", "", str(found.__doc__))


def documented(cls: C) -> C:
    """Add a section "Attributes" to the docstring of an attrs class, as models have it."""
    setattr(cls, "__doc__", GeneratedDoc(cls, cls.__doc__))
    return cls


class GeneratedDoc:
    """A `__doc__` with a section "Attributes", made when it is read."""

    def __init__(self, model: Any, text: str | None) -> None:
        self._model = model
        self._text = inspect.cleandoc(text or "")

    def __get__(self, instance: object, owner: object = None) -> str:
        lines = [self._text, "", "Attributes", "----------"]
        for name, annotation, _, text in field_texts(self._model):
            lines.append(f"{name} : {annotation.replace(' | ', ' or ')}")
            lines.extend(f"    {line}" for line in text.splitlines())
        return "\n".join(lines)


@functools.lru_cache(maxsize=None)
def _texts_of(module: str) -> Dict[str, Dict[str, str]]:
    """Return the texts below the fields of each class of a module."""
    try:
        source = inspect.getsource(sys.modules[module])
    except (OSError, TypeError, KeyError):
        return {}  # a program without its source
    return {
        node.name: dict(_texts_in(node))
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def _texts_in(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in zip(node.body, node.body[1:]):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            yield field.target.id, inspect.cleandoc(str(below.value.value))
