"""
The interface of sessions, and the commands of users to them.

A token identifies the user's object. It is opaque to the session and comes back in the outputs.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Hashable,
    Mapping,
    Protocol,
    Sequence,
    Tuple,
    Union,
)

import attrs

from bfxsync.errors import BfxError
from bfxsync.wire.channels import Channel
from bfxsync.wire.outputs import AnyOutput

if TYPE_CHECKING:
    from bfxsync.models.account_trades import AccountTrade
    from bfxsync.models.orders import Order
    from bfxsync.wire.operations import Operation


@attrs.frozen
class Subscribe:
    """
    Keep this channel subscribed.

    It is requested until it has data, is refused, or is unsubscribed. A repetition for the same
    token has no effect.
    """

    token: Hashable
    channel: Channel
    is_resolved: bool = False
    """Whether it had data before, on another connection."""


@attrs.frozen
class Unsubscribe:
    """End the subscription."""

    token: Hashable


@attrs.frozen
class Resubscribe:
    """Subscribe the channel again, with the same arguments."""

    token: Hashable
    reason: str = "requested by the user"


@attrs.frozen
class Ping:
    """Send a ping, and wait for its pong until `expires`."""

    token: Hashable
    expires: float


Command = Union[Subscribe, Unsubscribe, Resubscribe, Ping]


# --- commands to the session of the account -------------------------------------------------------


@attrs.frozen
class SendAuth:
    """Authenticate with this event, which has a fresh nonce; the response to `Authenticate`."""

    event: Mapping[str, Any] = attrs.field(repr=False)
    """As `Signer.auth_event` builds it; the session adds filters and options."""


@attrs.frozen
class AuthUnavailable:
    """There is no key or nonce to authenticate with; the response to `Authenticate`."""

    error: BfxError


@attrs.frozen(eq=False)
class SendOperations:
    """
    Send these operations in one message; several as one ``ox_multi``, 75 at most.

    They are held until the account can be used for the first time. After a loss they are refused,
    unless `may_queue`.
    """

    operations: Tuple[Operation, ...]
    expires: float
    """When they are dropped if they could not be sent, by the clock of the session."""
    may_queue: bool = False
    """Whether to hold them while the link is down, too."""
    buffer_until: float | None = None
    """Until when others may be sent in the same message; None to send them at once."""


@attrs.frozen
class SendCalc:
    """Ask the exchange to calculate values; there is no response but updates."""

    names: Tuple[str, ...]
    """``wallet_margin_BTC``, ``position_tBTCUSD``, ``margin_base``, ``balance``, …"""
    token: Hashable = None
    """Settled once they have been sent, or if they cannot be."""


@attrs.frozen
class SendMessage:
    """Send a notification to the other sockets of the account, if the link is up."""

    type: str
    """Begins with ``ucm-``."""
    info: Any
    message_id: int | None = None
    token: Hashable = None
    """Settled once it has been sent, or if it cannot be."""


@attrs.frozen(eq=False)
class Reconciled:
    """What REST says about an operation whose fate was unknown; the response to `Reconcile`."""

    operation: Operation
    value: Any = None
    """The order or offer, or a list of orders; None with an error."""
    error: BfxError | None = None
    """`NotExecuted` or `OrderNotPlaced` if that is its fate, otherwise why it is still unknown."""


@attrs.frozen
class RestoreTrades:
    """Trades during an outage, found by REST; the response to `FetchMissed`."""

    trades: Sequence[AccountTrade]
    """From the oldest; known ones are ignored."""


@attrs.frozen
class RestoreOrders:
    """Orders closed during an outage, found by REST; the response to `FetchMissed`."""

    orders: Sequence[Order]


AccountCommand = Union[
    SendAuth,
    AuthUnavailable,
    SendOperations,
    SendCalc,
    SendMessage,
    Reconciled,
    RestoreTrades,
    RestoreOrders,
]
AnyCommand = Union[Command, AccountCommand]


class SessionProtocol(Protocol):
    """
    The subscriptions of one link: commands in, outputs out, without I/O or a clock.

    `wire.session.Session` communicates with the exchange over a socket,
    `recording.session.RecordedSession` replays a recording.
    """

    @property
    def frame_count(self) -> int:
        """Messages received so far."""
        ...

    @property
    def ping_s(self) -> float | None:
        """Duration of the last ping that was answered, in seconds."""

    def apply(self, command: Command, now: float) -> Sequence[AnyOutput]:
        """Execute a command of the user."""
        ...

    def lose(self, reason: str) -> Sequence[AnyOutput]:
        """Handle the end of the link; subscriptions are kept."""
        ...
