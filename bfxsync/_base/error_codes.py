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

# The live exchange sends few subscription codes other than 10300; the others are documented.
_CODES: dict[type[ApiError], tuple[int, ...]] = {
    NotReady: (10008, 11000, 20060),
    SubscriptionRejected: (10011, 10012, *range(10300, 10306), 10400, 10401),
    AuthError: (*range(10100, 10105), *range(10111, 10114), 10200, 10201),
    NonceTooSmall: (10114,),
    RateLimited: (11010,),
}
_CLASS_OF_CODE = {code: kind for kind, codes in _CODES.items() for code in codes}


def error_from_code(
    code: int | None,
    message: str,
    raw: object = None,
    default: type[ApiError] = ApiError,
) -> ApiError:
    """Build an error of the class for `code`, or of `default` for an unknown code."""
    return _CLASS_OF_CODE.get(code or 0, default)(message, code=code, raw=raw)
