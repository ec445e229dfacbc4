"""What a session wants done, in order."""

from __future__ import annotations

from typing import Any, Hashable, Union

import attrs

from bfxsync._base.enums import ConnectionStatus, LossCause
from bfxsync.errors import BfxError


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
    """The token's request went out for the first time: a waiting call's timeout starts now."""

    token: Hashable


@attrs.frozen
class Delayed:
    """
    Why the token still has no data; it is requested again by itself.

    A waiting call whose timeout passes raises an error with this cause. It is over with the next
    `Snapshot`.
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
    What the token waits for is decided: it succeeded, or failed with this error.

    A subscription that worked once is resolved again if the exchange later refuses it.
    """

    token: Hashable
    error: BfxError | None = None


@attrs.frozen
class Displaced:
    """
    The token's channel must move to another connection, and is no longer wanted here.

    Attributes
    ----------
    limit : int or None
        How many channels had room; None if it moves because it stays silent on this one.
    is_resolved : bool
        It worked before, on an earlier socket.
    """

    token: Hashable
    limit: int | None
    is_resolved: bool


@attrs.frozen
class Report:
    """Something went wrong that belongs to no waiting call."""

    error: BfxError


@attrs.frozen
class Change:
    """
    The connection is in this state now.

    Attributes
    ----------
    status : ConnectionStatus
    trouble : BfxError or None
        Why requests are held back, or what was refused; the cause that waiting calls name.
    """

    status: ConnectionStatus
    trouble: BfxError | None = attrs.field(default=None, eq=False)


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
    Delayed,
    Acknowledged,
    Resolve,
    Displaced,
    Report,
    Change,
    Reopen,
    Fail,
]
