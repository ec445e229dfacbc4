"""Checks of lists, mappings and optional values."""

from __future__ import annotations

from typing import Any, Callable, Mapping, TypeVar

from bfxsync._base.plain import plain_items
from bfxsync.errors import UsageError

C = TypeVar("C")


def optional(check: Callable[..., C], name: str, value: object, *rest: Any) -> C | None:
    """Apply a check, unless the value is None."""
    return None if value is None else check(name, value, *rest)


def check_items(
    name: str, values: object, check: Callable[..., C], *rest: Any
) -> list[C]:
    """
    Return the items of a list, each converted by `check(name, item, *rest)`.

    An empty list is refused, as the exchange would read it as "all".
    """
    found = None if isinstance(values, Mapping) else plain_items(values)
    if found is None:
        raise UsageError(f"{name} must be a list, not {values!r}")
    if not found:
        raise UsageError(f"{name} must not be empty")
    return [check(name, value, *rest) for value in found]


def check_list(name: str, values: object, check: Callable[[object], str]) -> list[str]:
    """Return the checked texts of a non-empty list, without duplicates."""
    found = plain_items(values)
    if found is None:
        raise UsageError(f"{name} must be a list of texts, not {values!r}")
    items = list(dict.fromkeys(map(check, found)))
    if not items:
        raise UsageError(f"{name} must not be empty")
    return items


def check_object(name: str, value: object) -> dict[str, Any]:
    """Return a JSON object as a dict, whose keys are texts."""
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    raise UsageError(f"{name} must be a dict with texts as keys, not {value!r}")


def check_tfa(name: str, value: object) -> dict[str, Any]:
    """Return a second factor as a JSON object; as a secret it is not part of the message."""
    if (
        isinstance(value, Mapping)
        and value
        and all(isinstance(key, str) for key in value)
    ):
        return {key: item for key, item in value.items() if item is not None}
    raise UsageError(f"{name} must be a non-empty dict with texts as keys")
