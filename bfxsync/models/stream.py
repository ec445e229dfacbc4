"""What a subscription tells about itself, between its data and in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, List

import attrs

from bfxsync._base.describe import few
from bfxsync._base.enums import SubscriptionStatus

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T_co = TypeVar("T_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    T_co = TypeVar("T_co", covariant=True)


@attrs.define
class Snapshot(Generic[T_co]):
    """
    The state from which the updates that follow go on.

    It comes at the start, and after every `Gap`.

    Attributes
    ----------
    rows : list
        Of `Ticker` (one or none), `Trade` (oldest first) or `BookUpdate` (bids from the
        best, then asks from the best), or their funding and raw kinds; may be empty.
    has_hole : bool
        Of trades, after a loss: none of the rows was known before, so others may have been
        missed that are older than all of them. The exchange's history on REST has those.
    """

    rows: List[T_co] = attrs.field(repr=few)
    has_hole: bool = False


@attrs.define
class Gap:
    """
    Data is missing here; a `Snapshot` follows as soon as there is one.

    Attributes
    ----------
    reason : str
        For people: what happened.
    dropped : int
        Updates that had come and were thrown away because the consumer was too slow. What
        the exchange sent while the link was down cannot be counted.
    """

    reason: str
    dropped: int = 0


@attrs.define
class Status:
    """
    A change that is neither a gap nor a snapshot, such as the exchange's maintenance.

    Attributes
    ----------
    status : SubscriptionStatus
    """

    status: SubscriptionStatus


@attrs.define
class Degraded:
    """
    The data goes on, but cannot be trusted: a checksum did not match, or rows were unreadable.

    Attributes
    ----------
    reason : str
        For people.
    """

    reason: str


@attrs.define
class Checksum:
    """
    The exchange's checksum of a book.

    Attributes
    ----------
    value : int
        CRC-32 as a signed 32-bit integer.
    """

    value: int
