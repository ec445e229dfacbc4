"""Events of a subscription, delivered between its data and in the same order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, List, Union

import attrs

from bfxsync._base.describe import elided_repr
from bfxsync._base.enums import SubscriptionStatus
from bfxsync._base.html import html_of
from bfxsync.models.market import FundingTrade, Trade
from bfxsync.models.reference import documented
from bfxsync.models.status import Candle

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T_co = TypeVar("T_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    T_co = TypeVar("T_co", covariant=True)


@documented
@attrs.define
class Snapshot(Generic[T_co]):
    """The state that the following updates apply to: the first event, and after every `Gap`."""

    _repr_html_ = html_of

    rows: List[T_co] = attrs.field(repr=elided_repr)
    """
    `Ticker` (one or none), `Trade` (oldest first) or `BookUpdate` (bids from the best, then asks
    from the best), or their funding and raw kinds; `RawRow` in the exchange's order; may be empty.
    For an account, an `AccountUpdate` with a list for each kind (``os``, ``ps``, ``ws``, …), then
    one for each calculated value that is known (``bu``, ``miu``, ``fiu``).
    """
    has_hole: bool = False
    """
    For trades after a gap: none of the rows was known before, so older trades may be missing; the
    REST history has them. For `RawRow`: there were more rows than are kept. For an account: a kind
    is missing, or has a row that cannot be read.
    """


@documented
@attrs.define
class Gap:
    """Data is missing at this point; a `Snapshot` follows as soon as data is complete again."""

    reason: str
    """Human-readable cause."""
    dropped: int = 0
    """
    Number of updates that were received and dropped because the consumer was too slow. Data that
    the exchange sent while the connection was down cannot be counted.
    """
    since: datetime | None = attrs.field(default=None, eq=False)
    """
    Time (UTC) of the channel's last frame before the gap. For a slow consumer: arrival time of the
    first dropped update.
    """
    until: datetime | None = attrs.field(default=None, eq=False)
    """
    Time (UTC) when data was complete again. None during the gap; set before the `Snapshot` after it
    is delivered.
    """


@documented
@attrs.define
class Status:
    """A change of the subscription's status other than a gap or a snapshot, such as maintenance."""

    status: SubscriptionStatus


@documented
@attrs.define
class Degraded:
    """Data continues but cannot be trusted: checksum mismatch or unreadable rows."""

    reason: str
    """Human-readable cause."""


@attrs.define
class ChannelHeartbeat:
    """A heartbeat of a public channel, for the event `heartbeat`."""


@attrs.define
class AccountMessage:
    """A message of the account as it came, for the event `account_message`."""

    content: Any


@documented
@attrs.define
class CandleCorrected:
    """A closed candle of a joined history has changed."""

    candle: Candle
    """Its new state."""
    previous: Candle | None
    """Its former state; None if there was none, as its interval had no trades."""


@documented
@attrs.define
class LateTrade:
    """A trade of a joined history that came too late to be delivered in order."""

    trade: Union[Trade, FundingTrade]
    """The trade, which is older than the last one that was delivered."""


@documented
@attrs.define
class Checksum:
    """The exchange's checksum of a book."""

    value: int
    """CRC-32 as a signed 32-bit integer."""
