"""
The exceptions of bitfinex-api-py 4: under each of its names the class that is raised here instead.

Several names may be one class here, and some are wider than they were: `RequestParameterError` is
every rejection by the exchange, so handle `InvalidCredentialError` before it.
"""

from bfxsync.errors import (
    ApiError,
    AuthError,
    BfxError,
    NetworkError,
    UsageError,
    VersionMismatch,
)

__all__ = [
    "ActionRequiresAuthentication",
    "BfxBaseException",
    "ConnectionNotOpen",
    "GenericError",
    "IncompleteCredentialError",
    "InvalidCredentialError",
    "ReconnectionTimeoutError",
    "RequestParameterError",
    "SubIdError",
    "UnknownChannelError",
    "UnknownEventError",
    "UnknownSubscriptionError",
    "VersionMismatchError",
]

BfxBaseException = BfxError
IncompleteCredentialError = UsageError
InvalidCredentialError = AuthError

# Of REST: its codes 10020 and 10001.
RequestParameterError = ApiError
GenericError = ApiError

# Of the WebSocket.
ActionRequiresAuthentication = UsageError
ConnectionNotOpen = NetworkError
ReconnectionTimeoutError = NetworkError
SubIdError = UsageError
UnknownChannelError = UsageError
UnknownEventError = UsageError
UnknownSubscriptionError = UsageError
VersionMismatchError = VersionMismatch
