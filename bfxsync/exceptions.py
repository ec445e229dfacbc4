"""The general exceptions under the names of bitfinex-api-py; see `bfxsync.errors`."""

from bfxsync.compat.exceptions import (
    BfxBaseException,
    IncompleteCredentialError,
    InvalidCredentialError,
)

__all__ = ["BfxBaseException", "IncompleteCredentialError", "InvalidCredentialError"]
