"""What a session wants done, in order."""

from __future__ import annotations

from typing import Any, Hashable, Union

import attrs

from bfxsync.errors import BfxError
from bfxsync.types import ConnectionStatus, LossCause


@attrs.frozen
class Send:
    """Put this text on the wire."""

    text: str


@attrs.define
class Deliver:
    """
    Hand these updates, in order, to whoever holds the token.

    The one output of the everyday case; not frozen, as that costs three times as much to make.
    """

    token: Hashable
    updates: list[Any]


@attrs.frozen
class Asked:
    """The token's request went out for the first time: its timeout counts from now."""

    token: Hashable


@attrs.frozen
class Acknowledged:
    """The exchange accepted the token's subscription."""

    token: Hashable


@attrs.frozen
class Resolve:
    """
    What the token waits for is decided: it succeeded, or failed with this error.

    A subscription that worked once is resolved again if the exchange later refuses it.
    """

    token: Hashable
    error: BfxError | None = None


@attrs.frozen
class Displaced:
    """
    The token's channel has no room on this connection, and is no longer wanted here.

    Attributes
    ----------
    limit : int
        How many channels had room.
    timeout_s : float
    is_resolved : bool
        It worked before, on an earlier socket.
    """

    token: Hashable
    limit: int
    timeout_s: float
    is_resolved: bool


@attrs.frozen
class Report:
    """Something went wrong that belongs to no waiting call."""

    error: BfxError


@attrs.frozen
class Change:
    """The connection is in this state now."""

    status: ConnectionStatus


@attrs.frozen
class Reopen:
    """
    Close this socket and open another one; what follows it in the block is void.

    `code` is what the user is told, as if the exchange had closed with it.
    """

    reason: str
    cause: LossCause
    code: int = 1006


@attrs.frozen
class Fail:
    """Stop for good: another connection would end the same way."""

    error: BfxError


Output = Union[
    Send,
    Asked,
    Deliver,
    Acknowledged,
    Resolve,
    Displaced,
    Report,
    Change,
    Reopen,
    Fail,
]
