"""
The numeric codes of the exchange, and the class of error for each.

https://docs.bitfinex.com/docs/abbreviations-glossary
"""

from __future__ import annotations

from bfxsync.errors import (
    ApiError,
    AuthError,
    NonceTooSmall,
    NotReady,
    RateLimited,
    SubscriptionRejected,
)

# Of the subscription codes the live exchange sends almost only 10300; the others are documented.
_CLASS_OF_CODE: dict[int, type[ApiError]] = {
    10008: NotReady,
    10011: SubscriptionRejected,
    10012: SubscriptionRejected,
    10100: AuthError,
    10101: AuthError,
    10102: AuthError,
    10103: AuthError,
    10104: AuthError,
    10111: AuthError,
    10112: AuthError,
    10113: AuthError,
    10114: NonceTooSmall,
    10200: AuthError,
    10201: AuthError,
    10300: SubscriptionRejected,
    10301: SubscriptionRejected,
    10302: SubscriptionRejected,
    10303: SubscriptionRejected,
    10304: SubscriptionRejected,
    10305: SubscriptionRejected,
    10400: SubscriptionRejected,
    10401: SubscriptionRejected,
    11000: NotReady,
    11010: RateLimited,
    20060: NotReady,
}


def error_from_code(
    code: int | None,
    message: str,
    raw: object = None,
    default: type[ApiError] = ApiError,
) -> ApiError:
    """Build the error of the class for `code`; of `default` for an unknown one."""
    return _CLASS_OF_CODE.get(code or 0, default)(message, code=code, raw=raw)
