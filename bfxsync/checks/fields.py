"""Checks of the fields of a subscription to any channel."""

from __future__ import annotations

from math import isfinite
from typing import Any, Mapping

from bfxsync._base.plain import (
    plain_bool,
    plain_integer,
    plain_items,
    plain_real,
    plain_text,
)
from bfxsync.checks.containers import check_object
from bfxsync.checks.texts import check_token
from bfxsync.errors import UsageError

# Fields of every request and answer.
_OWN = ("event", "channel", "subId", "chanId")


def check_channel(channel: object) -> str:
    """Return the name of a channel; unknown names are allowed."""
    return check_token("channel", channel)


def check_fields(fields: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields of a request as JSON values, by name."""
    for name in _OWN:
        if name in fields:
            raise UsageError(f"{name!r} is set by the client and must not be a field")
    return {name: _check_field(name, fields[name]) for name in sorted(fields)}


def _check_field(name: str, value: object) -> Any:
    for plain in (plain_text, plain_bool, plain_integer, plain_real):
        found = plain(value)
        if found is not None and (not isinstance(found, float) or isfinite(found)):
            return found
    if isinstance(value, Mapping):
        items = check_object(name, value)
        return {key: _check_field(name, item) for key, item in items.items()}
    listed = plain_items(value)
    if listed is None:
        raise UsageError(
            f"{name} must be text, a finite number, a bool, or a list or dict of these, "
            f"not {value!r}"
        )
    return [_check_field(name, item) for item in listed]
