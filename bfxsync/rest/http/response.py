"""
Decoding of REST responses: a value or an error.

Strategy: the exchange's numeric code takes precedence over the HTTP status, as error arrays are
sent with status 200, 400 and 500. The status counts only if there is no code, as in the HTML or
empty responses of gateways.

https://docs.bitfinex.com/docs/requirements-and-limitations
"""

from __future__ import annotations

from typing import Any, NamedTuple, Optional
from urllib.parse import urlsplit

from bfxsync._base.error_codes import error_from_code
from bfxsync._base.headers import retry_after_s
from bfxsync.errors import (
    ApiError,
    BfxError,
    NetworkError,
    NotReady,
    RateLimited,
    RemoteError,
)
from bfxsync.wire.codec import Loads, parse

TOO_MANY_REQUESTS = 429

UNAVAILABLE = frozenset((408, 502, 503, 504, *range(520, 528), 530))
"""Temporary statuses: of the exchange (503), of a gateway that cannot reach it (502, 504; of
Cloudflare 520 to 527, 530), and of a server about to close an idle connection (408)."""

_RATE_LIMIT_CODE = 11010

# Error names that the exchange sends without a numeric code.
_CODE_OF_NAME = {"ERR_RATE_LIMIT": _RATE_LIMIT_CODE}

# An object with no other fields is an error, even with status 200.
_ERROR_FIELDS = frozenset(("code", "error", "error_description", "message"))

# First byte of the exchange's JSON; an HTML page begins differently.
_JSON_BEGINS = b"[{"

_RAW_LENGTH = 1000
_LOCATION_LENGTH = 200


class HttpResponse(NamedTuple):
    """
    A received response.

    Attributes
    ----------
    retry_after, date : str or None
        Values of the headers ``Retry-After`` and ``Date``.
    came_s, came_at : float
        Time at which the headers were received: seconds since 1970, and by `time.monotonic`.
    has_length : bool
        The headers define the end of the body; otherwise truncation cannot be detected.
    location : str or None
        The ``Location`` header; redirects are not followed.
    """

    status: int
    body: bytes
    retry_after: Optional[str] = None
    date: Optional[str] = None
    came_s: float = 0.0
    has_length: bool = True
    location: Optional[str] = None
    came_at: float = 0.0


def read_answer(answer: HttpResponse, loads: Loads, now: float) -> Any:
    """
    Return the decoded value of a response.

    Parameters
    ----------
    now : float
        Seconds since 1970, the reference of a ``Retry-After`` date if there is no ``Date`` header.

    Raises
    ------
    ApiError
        Refused by the exchange or a gateway.
    NetworkError
        Truncated response.
    RemoteError
        Unreadable response.
    """
    try:
        value = parse(loads, answer.body)
    except RemoteError as exc:
        error = _unreadable(answer, now)
        error.http_status = answer.status
        raise error from exc
    refusal = _error_in(value, answer, now)
    if refusal is None:
        return value
    refusal.http_status = answer.status
    raise refusal


def _error_in(value: Any, answer: HttpResponse, now: float) -> ApiError | None:
    is_success = 200 <= answer.status < 300
    if type(value) is list and value and value[0] == "error":
        code, text = (*value[1:3], None, None)[:2]
    elif type(value) is dict and (
        not is_success
        or value.get("error") is not None
        or (value and not value.keys() - _ERROR_FIELDS)
    ):
        code, name = value.get("code"), value.get("error")
        if code is None:
            code = name
        text = value.get("error_description") or value.get("message") or name
    elif is_success:
        return None
    else:
        code = text = None
    return _refusal(code, text, value, answer, now)


def _refusal(
    code: Any, text: Any, raw: Any, answer: HttpResponse, now: float
) -> ApiError:
    """Build the error of a readable response; the code may be a number, a text, or absent."""
    status = answer.status
    number = _number_of(code)
    if not isinstance(text, str) or not text:
        text = code if isinstance(code, str) and code else f"HTTP status {status}"
    if status == TOO_MANY_REQUESTS or number == _RATE_LIMIT_CODE:
        wait_s = retry_after_s(answer.retry_after, answer.date, now)
        return RateLimited(text, code=number, raw=raw, retry_after_s=wait_s)
    if number in UNAVAILABLE or (number is None and status in UNAVAILABLE):
        return NotReady(text, code=number, raw=raw)
    return error_from_code(number, text, raw)


def _number_of(code: Any) -> int | None:
    if isinstance(code, str):
        # Python refuses to parse thousands of digits.
        is_number = code.isdecimal() and len(code) < 20
        return int(code) if is_number else _CODE_OF_NAME.get(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _unreadable(answer: HttpResponse, now: float) -> BfxError:
    """Build the error of a response that is not JSON: HTML, empty, truncated."""
    status, beginning = answer.status, answer.body[:_RAW_LENGTH]
    if status == TOO_MANY_REQUESTS or status in UNAVAILABLE or 400 <= status < 500:
        return _refusal(None, None, beginning, answer, now)
    if not answer.has_length and (not answer.body or answer.body[0] in _JSON_BEGINS):
        return NetworkError("the response is truncated", phase="receive")
    if 300 <= status < 400 and answer.location is not None:
        return RemoteError(
            f"a redirect to {_shown(answer.location)}, which is not followed "
            f"(HTTP status {status})",
            raw=beginning,
        )
    what = "not JSON" if answer.body else "empty"
    return RemoteError(f"the response is {what} (HTTP status {status})", raw=beginning)


def _shown(location: str) -> str:
    """Return a URL for a message, without user, password, query and fragment."""
    try:
        parts = urlsplit(location)
        shown = f"{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "an invalid URL"
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    # As a literal, since it may not come from the exchange.
    return ascii(f"{scheme}{shown}"[:_LOCATION_LENGTH])
