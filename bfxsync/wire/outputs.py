"""Outputs of a session: actions for its link to perform, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Hashable, Tuple, Union

import attrs

from bfxsync._base.aliases import Mts
from bfxsync._base.enums import ConnectionStatus, LossCause
from bfxsync.errors import BfxError, ClosedError

if TYPE_CHECKING:
    from bfxsync.models.account_trades import AccountTrade
    from bfxsync.models.orders import Order
    from bfxsync.wire.capabilities import Capabilities
    from bfxsync.wire.operations import Operation


@attrs.frozen
class Send:
    """Send this text."""

    text: str


@attrs.define
class Deliver:
    """
    Deliver these updates to the subscription of the token, in order.

    By far the most frequent output; not frozen, as that would triple the cost of creating it.
    """

    token: Hashable
    updates: list[Any]


@attrs.frozen
class Requested:
    """The token's first request was sent: the timeout of a waiting call starts now."""

    token: Hashable


@attrs.frozen
class Delayed:
    """
    Why the token has no data yet; it is requested again automatically.

    The cause of the error when a waiting call times out. It applies until the next `Snapshot`.
    """

    token: Hashable
    error: BfxError


@attrs.frozen
class Acknowledged:
    """The exchange accepted the token's subscription."""

    token: Hashable


@attrs.frozen
class Resolve:
    """
    The token's command succeeded, or failed with this error.

    A working subscription is resolved again if the exchange later refuses it.
    """

    token: Hashable
    error: BfxError | None = None


@attrs.frozen
class Displaced:
    """The token's channel must move to another connection, and has left this one."""

    token: Hashable
    limit: int | None
    """Maximum number of channels on this connection; None if the channel was silent here."""
    is_resolved: bool
    """Whether it had data on an earlier socket."""


@attrs.frozen
class Report:
    """An error that belongs to no waiting call."""

    error: BfxError


@attrs.frozen
class Change:
    """The connection has changed its status."""

    status: ConnectionStatus
    trouble: BfxError | None = attrs.field(default=None, eq=False)
    """Why requests cannot be sent, or the last refusal; the cause of timeouts until it is over."""


@attrs.frozen
class Reopen:
    """Replace the socket, and ignore the rest of the block."""

    reason: str
    cause: LossCause
    code: int = 1006
    """Close code for `disconnected` handlers; 1006 if the exchange sent none."""
    is_final: bool = False
    """In a replay: the recorded client itself closed the connection."""


@attrs.frozen
class Fail:
    """End the client: another connection would fail in the same way."""

    error: BfxError


_OfSubscriptions = Union[Requested, Deliver, Delayed, Acknowledged, Resolve, Displaced]
Output = Union[Send, _OfSubscriptions, Report, Change, Reopen, Fail]


# --- outputs of the session of the account --------------------------------------------------------


@attrs.frozen
class Authenticate:
    """Draw a fresh nonce, and apply `SendAuth` or `AuthUnavailable`."""


@attrs.frozen
class KeyPermissions:
    """The exchange accepted the key; before the change to an open connection."""

    caps: Capabilities | None
    """None if unreadable: then only the exchange knows what the key may do."""


@attrs.frozen
class Authenticated:
    """The exchange accepted the key; after the change to an open connection."""

    body: Dict[str, Any]
    """The event as received; of interest for ``userId``."""


@attrs.frozen(eq=False)
class Settle:
    """
    The fate of the token's operation: complete its reply, unless it is complete already.

    `OutcomeUnknown` is one only for an update whose effect will not become known.
    """

    token: Hashable
    value: Any = None
    """The order or offer, or a list of orders."""
    error: BfxError | None = None


@attrs.frozen(eq=False)
class Observe:
    """A state of the order of a reply, or a fill of it; also after its `Settle`."""

    token: Hashable
    order: Order | None = None
    trade: AccountTrade | None = None
    """Once per trade, without fee; once more with it."""


@attrs.frozen(eq=False)
class Reconcile:
    """Ask REST about an operation in flight at a loss, or without response; never send it again."""

    operation: Operation


@attrs.frozen
class FetchMissed:
    """After a reconnect, fetch the trades since a time, and orders that are no longer open."""

    since_mts: Mts
    order_ids: Tuple[int, ...]


@attrs.frozen(eq=False)
class AccountReplaced:
    """The key is one of another account: end the replies about what was sent to the former one."""

    error: ClosedError


AccountOutput = Union[
    Authenticate,
    KeyPermissions,
    Authenticated,
    Settle,
    Observe,
    Reconcile,
    FetchMissed,
    AccountReplaced,
]
AnyOutput = Union[Output, AccountOutput]
