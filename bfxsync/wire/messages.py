"""
Checks of the messages that a user sends to the other connections of the account.

https://docs.bitfinex.com/reference/ws-auth-input-notification
"""

from __future__ import annotations

from typing import Any

from bfxsync.checks.numbers import check_integer
from bfxsync.checks.texts import check_pattern
from bfxsync.errors import UsageError
from bfxsync.wire.codec import dumps

_IDS = range(0, 2**53)


def check_message_type(name: str, value: object) -> str:
    """Return the type of a message."""
    return check_pattern(name, value, r"ucm-\S+", "be text such as 'ucm-test'")


def check_message_id(name: str, value: object) -> int:
    """Return the id of a message, which every JSON decoder reads exactly."""
    return check_integer(name, value, _IDS)


def check_message_info(name: str, value: Any) -> Any:
    """Return the content of a message, if JSON can express it."""
    try:
        dumps(value)
    except (TypeError, ValueError, RecursionError) as exc:
        raise UsageError(f"{name} must be a JSON value: {exc}") from exc
    return value
