"""Checks of ids: the exchange's, client ids, groups."""

from __future__ import annotations

import re
from typing import Mapping

from bfxsync.checks.containers import check_items
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.texts import check_pattern
from bfxsync.errors import UsageError

REST_GIDS = range(0, 2**45)
WSS_GIDS = range(0, 2**32)
"""Group ids of orders that the WebSocket accepts: int32 on its pages, int45 on those of REST."""

_IDS = range(1, 2**63)
_CLIENT_IDS = range(0, 2**45)
_KEEP = range(1, 3)

_DIGITS = re.compile("[1-9][0-9]{0,18}")

# Dots alone would mean another path.
_TEXT_ID = r"(?a)(?!\.+$)[\w.:,@+~-]+"


def check_id(name: str, value: object) -> int:
    """Return an id of the exchange: a positive integer."""
    return check_integer(name, value, _IDS)


def check_ids(name: str, values: object) -> list[int]:
    """Return a list of the exchange's ids."""
    return check_items(name, values, check_id)


def check_cid(name: str, value: object) -> int:
    """Return an order's client id: 45 bits."""
    return check_integer(name, value, _CLIENT_IDS)


def check_gid(name: str, value: object, gids: range = REST_GIDS) -> int:
    """Return the id of a group of orders, which a transport accepts."""
    return check_integer(name, value, gids)


def check_text_id(name: str, value: object) -> str:
    """Return an id that is text and needs no escaping in a path."""
    return check_pattern(name, value, _TEXT_ID, "be the text of an id")


def check_keep_changes(name: str, value: object) -> dict[str, int]:
    """Return which loans or credits are kept (1) or returned (2), by the text of their id."""
    if not isinstance(value, Mapping) or not value:
        raise UsageError(
            f"{name} must be a dict of ids, and not empty; it is {value!r}"
        )
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
