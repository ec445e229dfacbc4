"""The exceptions of the WebSocket under the names of bitfinex-api-py; see `bfxsync.errors`."""

from bfxsync.compat.exceptions import (
    ActionRequiresAuthentication,
    BfxBaseException,
    ConnectionNotOpen,
    ReconnectionTimeoutError,
    SubIdError,
    UnknownChannelError,
    UnknownEventError,
    UnknownSubscriptionError,
    VersionMismatchError,
)

__all__ = [
    "ActionRequiresAuthentication",
    "BfxBaseException",
    "ConnectionNotOpen",
    "ReconnectionTimeoutError",
    "SubIdError",
    "UnknownChannelError",
    "UnknownEventError",
    "UnknownSubscriptionError",
    "VersionMismatchError",
]
