"""Enumerations: the exchange's flags, order types and info codes, and our states."""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag


class Flag(IntFlag):
    """
    Options of a WebSocket connection, to be added up.

    References
    ----------
    https://docs.bitfinex.com/docs/flag-values
    """

    TIMESTAMP = 32_768
    """The exchange's clock (ms) at the end of every array frame."""
    SEQ_ALL = 65_536
    """A number at the end of every array frame, so that a lost frame is noticed."""
    OB_CHECKSUM = 131_072
    """Checksums of the order books."""
    BULK_UPDATES = 536_870_912
    """All book updates of one iteration in one frame."""


class OrderType(str, Enum):
    """
    Kinds of orders; equal to the exchange's texts, which may be used instead.

    Those that begin with ``EXCHANGE`` use the exchange wallet, the others margin.

    References
    ----------
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
    Options of an order (funding offers know HIDDEN only), to be added up.

    References
    ----------
    https://docs.bitfinex.com/docs/flag-values
    """

    HIDDEN = 64
    """Not shown in the book."""
    CLOSE = 512
    """Close the position, if there is one."""
    REDUCE_ONLY = 1024
    """It must not make a position larger or turn it around."""
    POST_ONLY = 4096
    """It must not match at once; it is cancelled instead."""
    OCO = 16_384
    """One cancels the other: a limit order together with a stop order."""
    NO_VAR_RATES = 524_288
    """No funding at variable rates."""


class InfoCode(IntEnum):
    """Codes of `info` events."""

    STOP = 20_051
    """The server stops or restarts: connect anew."""
    MAINTENANCE_START = 20_060
    """The trading engine refreshes its data: pause."""
    MAINTENANCE_END = 20_061
    """The refresh is over: subscribe anew."""


class ConnectionStatus(Enum):
    """How a connection is; read it from any thread."""

    NEW = "new"
    CONNECTING = "connecting"
    OPEN = "open"
    MAINTENANCE = "maintenance"
    RECONNECTING = "reconnecting"
    CLOSED = "closed"
    FAILED = "failed"


class LossCause(Enum):
    """Why a connection had to be made anew."""

    CLOSED = "closed"
    """The exchange sent a close frame."""
    BROKEN = "broken"
    """It ended without a close frame, or the protocol was broken."""
    STALE = "stale"
    """Nothing came for too long."""
    SEQUENCE = "sequence"
    """A frame was missing or came twice."""
    RESTART = "restart"
    """The exchange announced that it stops or restarts (20051)."""
    MAINTENANCE = "maintenance"
    """A maintenance did not end in time."""
    HANDSHAKE = "handshake"
    """The exchange did not greet, or did not answer to the flags."""
    REFUSED = "refused"
    """A new connection was answered with an HTTP status."""
    UNREACHABLE = "unreachable"
    """A new connection could not be made."""


class SubscriptionStatus(Enum):
    """How a subscription is; read it from any thread."""

    PENDING = "pending"
    """Wanted, and no data yet."""
    LIVE = "live"
    """Data has come, and nothing is known to be missing."""
    MAINTENANCE = "maintenance"
    """The exchange is refreshing its data; what is known may be old."""
    GAP = "gap"
    """The link was lost; a snapshot comes when it is back."""
    DEGRADED = "degraded"
    """Data goes on, but it is known to be wrong, and subscribing anew did not help."""
    REJECTED = "rejected"
    """The exchange refused it, or did not answer in time."""
    CLOSED = "closed"
    """It was ended by the user."""


class Policy(str, Enum):
    """What happens when a subscription's mailbox is full."""

    RESYNC = "resync"
    """Drop what is queued; a gap and a snapshot from local state take its place."""
    LATEST = "latest"
    """Keep the newest update for each key (ticker, price level, order)."""
    DROP_OLDEST = "drop_oldest"
    """Drop the oldest; a gap stands in their place."""
