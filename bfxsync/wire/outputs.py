"""Outputs of a session: actions for its link to perform, in order."""

from __future__ import annotations

from typing import Any, Hashable, Union

from bfxsync._base.enums import ConnectionStatus, LossCause
from bfxsync._base.records import field, frozen, record
from bfxsync.errors import BfxError


@frozen
class Send:
    """Send this text."""

    text: str


@record
class Deliver:
    """
    Deliver these updates to the subscription of the token, in order.

    By far the most frequent output; not frozen, as that would triple the cost of creating it.
    """

    token: Hashable
    updates: list[Any]


@frozen
class Requested:
    """The token's first request was sent: the timeout of a waiting call starts now."""

    token: Hashable


@frozen
class Delayed:
    """
    Why the token has no data yet; it is requested again automatically.

    The cause of the error when a waiting call times out. It applies until the next `Snapshot`.
    """

    token: Hashable
    error: BfxError


@frozen
class Acknowledged:
    """The exchange accepted the token's subscription."""

    token: Hashable


@frozen
class Resolve:
    """
    The token's command succeeded, or failed with this error.

    A working subscription is resolved again if the exchange later refuses it.
    """

    token: Hashable
    error: BfxError | None = None


@frozen
class Displaced:
    """The token's channel must move to another connection, and has left this one."""

    token: Hashable
    limit: int | None
    """Maximum number of channels on this connection; None if the channel was silent here."""
    is_resolved: bool
    """Whether it had data on an earlier socket."""


@frozen
class Report:
    """An error that belongs to no waiting call."""

    error: BfxError


@frozen
class Change:
    """The connection has changed its status."""

    status: ConnectionStatus
    trouble: BfxError | None = field(default=None, eq=False)
    """Why requests cannot be sent, or the last refusal; the cause of timeouts until it is over."""


@frozen
class Reopen:
    """Replace the socket, and ignore the rest of the block."""

    reason: str
    cause: LossCause
    code: int = 1006
    """Close code for `disconnected` handlers; 1006 if the exchange sent none."""
    is_final: bool = False
    """In a replay: the recorded client itself closed the connection."""


@frozen
class Fail:
    """End the client: another connection would fail in the same way."""

    error: BfxError


_OfSubscriptions = Union[Requested, Deliver, Delayed, Acknowledged, Resolve, Displaced]
Output = Union[Send, _OfSubscriptions, Report, Change, Reopen, Fail]
