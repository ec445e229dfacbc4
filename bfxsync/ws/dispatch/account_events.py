"""
Events of the account: their names, and the routes from updates to handlers.

Names and arguments are those of ``bitfinex-api-py``; unlike there, snapshot events come after every
reconnect, and funding trades have events.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Hashable

import attrs

from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.stream import AccountMessage, Snapshot

_OBJECTS = {
    "order": ("snapshot", "new", "update", "cancel"),
    "position": ("snapshot", "new", "update", "close"),
    "funding_offer": ("snapshot", "new", "update", "cancel"),
    "funding_credit": ("snapshot", "new", "update", "close"),
    "funding_loan": ("snapshot", "new", "update", "close"),
    "wallet": ("snapshot", "update"),
}

ACCOUNT_UPDATE_EVENTS = frozenset(
    (
        *(f"{name}_{kind}" for name, kinds in _OBJECTS.items() for kind in kinds),
        *(f"{name}-req-notification" for name in ("on", "ou", "oc", "fon", "foc")),
        "balance_update",
        "base_margin_info",
        "funding_info_update",
        "funding_trade_execution",
        "funding_trade_execution_update",
        "notification",
        "symbol_margin_info",
        "trade_execution",
        "trade_execution_update",
    )
)
"""Events of `AccountUpdate`; called with its data."""

AUTHENTICATED = "authenticated"
"""Called with the event of the exchange, after each authentication."""

ACCOUNT_MESSAGE = "account_message"
"""Called with every message about the account as it came; see `WebSocketClient.on`."""

ACCOUNT_EVENTS = ACCOUNT_UPDATE_EVENTS | {AUTHENTICATED, ACCOUNT_MESSAGE}
"""All events of the account, with one argument."""

ACCOUNT_SNAPSHOTS = frozenset(
    name for name in ACCOUNT_UPDATE_EVENTS if name.endswith("_snapshot")
)
"""Events with the whole state of one kind."""

_FILLS = frozenset(("te", "tu", "fte", "ftu"))


def key_of(update: AccountUpdate) -> Hashable:
    """Return what identifies an update; see `UpdateKind.key`."""
    data: Any = update.data
    code = update.code
    if code == "n":
        # None replaces another; its id is unique while it is in a queue.
        return code, id(update)
    if code in _FILLS:
        return code, data.id
    kind = code[:-1]
    if isinstance(data, list):
        return kind, None
    for name in ("id", "symbol"):
        if hasattr(data, name):
            return kind, getattr(data, name)
    if hasattr(data, "currency"):
        return kind, (data.wallet_type, data.currency)
    return kind, None


@attrs.frozen(eq=False)
class PresentState:
    """The present state, for a handler that was registered after its snapshot."""

    event: str
    handler: Callable[[Any], object]
    snapshot: Snapshot[AccountUpdate]

    def emit(self) -> None:
        """Call the handler."""
        for update in self.snapshot.rows:
            data = update.data
            if update.event == self.event and isinstance(data, list):
                self.handler(list(data))


def account_routes(
    emit: Callable[[str, Any], object],
) -> Dict[type, Callable[[Any], object]]:
    """Return, for each class that the channel delivers, a function that calls `emit`."""

    def emit_update(update: AccountUpdate) -> None:
        emit(update.event, update.data)

    def emit_snapshot(snapshot: Snapshot[AccountUpdate]) -> None:
        for update in snapshot.rows:
            # The calculated values are not new.
            if isinstance(update.data, list):
                emit(update.event, list(update.data))

    def emit_message(message: AccountMessage) -> None:
        emit(ACCOUNT_MESSAGE, message.content)

    return {
        AccountMessage: emit_message,
        AccountUpdate: emit_update,
        Snapshot: emit_snapshot,
        PresentState: PresentState.emit,
    }
