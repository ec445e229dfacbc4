"""Checks of the exchange's ids, client ids and group ids."""

from __future__ import annotations

import re
from typing import Mapping

from bfxsync.checks.containers import check_items
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.texts import check_pattern
from bfxsync.errors import UsageError

REST_GIDS = range(0, 2**45)
WSS_GIDS = range(0, 2**32)
"""Group ids of orders on the WebSocket: documented as int32 there, as int45 for REST."""

_IDS = range(1, 2**63)
_CLIENT_IDS = range(0, 2**45)
_KEEP = range(1, 3)

_DIGITS = re.compile("[1-9][0-9]{0,18}")

# A text of dots only would mean another path.
_TEXT_ID = r"(?a)(?!\.+$)[\w.:,@+~-]+"


def check_id(name: str, value: object) -> int:
    """Return an id of the exchange: a positive integer."""
    return check_integer(name, value, _IDS)


def check_ids(name: str, values: object) -> list[int]:
    """Return a list of the exchange's ids."""
    return check_items(name, values, check_id)


def check_cid(name: str, value: object) -> int:
    """Return a client order id, of at most 45 bits."""
    return check_integer(name, value, _CLIENT_IDS)


def check_gid(name: str, value: object, gids: range = REST_GIDS) -> int:
    """Return the group id of an order, if the transport accepts it."""
    return check_integer(name, value, gids)


def check_text_id(name: str, value: object) -> str:
    """Return a text id that needs no escaping in a path."""
    return check_pattern(name, value, _TEXT_ID, "be a text id")


def check_keep_changes(name: str, value: object) -> dict[str, int]:
    """Return which loans or credits to keep (1) or return (2), by their id as text."""
    if not isinstance(value, Mapping) or not value:
        raise UsageError(f"{name} must be a non-empty dict of ids, not {value!r}")
    changes = {}
    for id, keep in value.items():
        # Keys of a JSON object are always text.
        if isinstance(id, str) and _DIGITS.fullmatch(id):
            id = int(id)
        key = str(check_id(f"an id of {name}", id))
        if key in changes:
            raise UsageError(f"{name} has {key} twice, as a number and as text")
        changes[key] = check_integer(f"a value of {name}", keep, _KEEP)
    return changes
