"""
What an API key may do, as the exchange says at authentication.

https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

import json
from typing import Any, Dict

import attrs

from bfxsync.errors import RemoteError, UsageError

_ACTIONS = ("read", "write")


@attrs.frozen
class Capabilities:
    """
    The permissions of the API key: ``caps.can("orders.write")``.

    Examples
    --------
    >>> caps = Capabilities.parse({"orders": {"read": 1, "write": 0}})
    >>> caps.can("orders.read"), caps.can("orders.write"), caps.can("wallets.read")
    (True, False, False)
    """

    raw: Dict[str, Any]
    """By scope (``orders``, ``account``, ``funding``, ``wallets``, …), as sent by the exchange."""

    def can(self, permission: str) -> bool:
        """
        Return whether the key has a permission; False for scopes the exchange did not list.

        Parameters
        ----------
        permission : str
            Scope and action: ``"orders.write"``, ``"wallets.read"``.

        Raises
        ------
        UsageError
            Not of this form.
        """
        scope, _, action = str(permission).partition(".")
        if not isinstance(permission, str) or not scope or action not in _ACTIONS:
            raise UsageError(
                'permission must be a scope and "read" or "write", such as "orders.write", '
                f"not {permission!r}"
            )
        actions = self.raw.get(scope)
        value = actions.get(action) if isinstance(actions, dict) else None
        # Older servers send texts.
        return value in (1, "1")

    @classmethod
    def parse(cls, value: object) -> Capabilities:
        """
        Read the field ``caps``: an object, or its JSON as text in older versions.

        Raises
        ------
        RemoteError
            Neither of both.
        """
        caps = value
        if isinstance(value, str):
            try:
                caps = json.loads(value)
            except (ValueError, RecursionError):
                caps = None
        if not isinstance(caps, dict):
            raise RemoteError("caps is not an object", raw=value)
        return cls(caps)
