"""Enumerations: the exchange's flags, order types and info codes, and our states."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag


class Flag(IntFlag):
    """
    Flags of a WebSocket connection, to be combined with ``|``.

    https://docs.bitfinex.com/docs/flag-values
    """

    TIMESTAMP = 32_768
    """Append the exchange's time in milliseconds to every array frame."""
    SEQ_ALL = 65_536
    """Append sequence numbers to every array frame, to detect lost frames."""
    OB_CHECKSUM = 131_072
    """Send checksums of order books."""
    BULK_UPDATES = 536_870_912
    """Send all book updates of one iteration in one frame."""


class OrderType(str, Enum):
    """
    Order types; equal to the exchange's strings, which may be used instead.

    Types that begin with ``EXCHANGE`` use the exchange wallet, the others margin.

    https://docs.bitfinex.com/docs/order-types
    """

    LIMIT = "LIMIT"
    EXCHANGE_LIMIT = "EXCHANGE LIMIT"
    MARKET = "MARKET"
    EXCHANGE_MARKET = "EXCHANGE MARKET"
    STOP = "STOP"
    EXCHANGE_STOP = "EXCHANGE STOP"
    STOP_LIMIT = "STOP LIMIT"
    EXCHANGE_STOP_LIMIT = "EXCHANGE STOP LIMIT"
    TRAILING_STOP = "TRAILING STOP"
    EXCHANGE_TRAILING_STOP = "EXCHANGE TRAILING STOP"
    FOK = "FOK"
    EXCHANGE_FOK = "EXCHANGE FOK"
    IOC = "IOC"
    EXCHANGE_IOC = "EXCHANGE IOC"

    def __str__(self) -> str:
        return str(self.value)


class OrderFlag(IntFlag):
    """
    Flags of an order, to be combined with ``|``; funding offers support only HIDDEN.

    https://docs.bitfinex.com/docs/flag-values
    """

    HIDDEN = 64
    """Not shown in the book."""
    CLOSE = 512
    """Close the position, if there is one."""
    REDUCE_ONLY = 1024
    """Never increase or reverse a position."""
    POST_ONLY = 4096
    """Cancel the order if it would match immediately."""
    OCO = 16_384
    """One cancels the other: a limit order with a stop order."""
    NO_VAR_RATES = 524_288
    """No funding at variable rates."""


class InfoCode(IntEnum):
    """Codes of `info` events."""

    STOP = 20_051
    """The server is stopping or restarting: reconnect."""
    MAINTENANCE_START = 20_060
    """The trading engine is refreshing its data: pause."""
    MAINTENANCE_END = 20_061
    """The refresh is over: resubscribe."""


class ConnectionStatus(Enum):
    """State of a connection."""

    NEW = "new"
    CONNECTING = "connecting"
    OPEN = "open"
    MAINTENANCE = "maintenance"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"
    FAILED = "failed"


class LossCause(Enum):
    """Why a connection was lost or could not be opened."""

    CLOSED = "closed"
    """The exchange sent a close frame."""
    BROKEN = "broken"
    """The connection ended without a close frame, or the protocol was violated."""
    STALE = "stale"
    """Nothing was received for too long."""
    SEQUENCE = "sequence"
    """A frame was missing or duplicated."""
    RESTART = "restart"
    """The exchange announced a stop or restart (20051)."""
    MAINTENANCE = "maintenance"
    """Maintenance did not end in time."""
    HANDSHAKE = "handshake"
    """The exchange sent no greeting, or did not confirm the flags."""
    AUTHENTICATION = "authentication"
    """The exchange did not answer an authentication, or refused it in a way that may pass."""
    REFUSED = "refused"
    """The handshake was refused with an HTTP status."""
    UNREACHABLE = "unreachable"
    """A connection could not be opened."""


class SubscriptionStatus(Enum):
    """State of a subscription."""

    PENDING = "pending"
    """Requested, no data yet."""
    LIVE = "live"
    """Receiving data, with nothing known to be missing."""
    MAINTENANCE = "maintenance"
    """The exchange is refreshing its data; local data may be stale."""
    GAP = "gap"
    """The connection was lost; a snapshot follows the reconnect."""
    STALE = "stale"
    """
    Relayed data may be outdated, with nothing known to be missing: Redis or the relay is away.
    """
    DEGRADED = "degraded"
    """Receiving data that is known to be wrong; resubscribing did not help."""
    REJECTED = "rejected"
    """Refused by the exchange, or not answered in time."""
    FAILED = "failed"
    """Ended: callbacks raised `max_errors` exceptions, or a joined history could not be read."""
    CLOSED = "closed"
    """Closed by the user."""


class Policy(str, Enum):
    """What happens when a subscription's mailbox is full."""

    RESYNC = "resync"
    """Replace all queued updates by a gap and a snapshot from local state."""
    LATEST = "latest"
    """Keep the newest update for each key (ticker, price level, order)."""
    DROP_OLDEST = "drop_oldest"
    """Replace the oldest updates by a gap."""
