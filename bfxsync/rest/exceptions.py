"""The exceptions of REST under the names of bitfinex-api-py; see `bfxsync.errors`."""

from bfxsync.compat.exceptions import (
    BfxBaseException,
    GenericError,
    RequestParameterError,
)

__all__ = ["BfxBaseException", "GenericError", "RequestParameterError"]
