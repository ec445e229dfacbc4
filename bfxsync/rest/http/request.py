"""Builds the URL and body of a request from checked arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Optional, Tuple
from urllib.parse import urlencode, urlsplit

from bfxsync._base.describe import type_name
from bfxsync._base.hidden import Hidden, HiddenBytes, hidden_in
from bfxsync._base.numbers import plain_decimal
from bfxsync._base.plain import plain_text
from bfxsync.errors import UsageError
from bfxsync.wire.codec import dumps, plain_json

_METHODS = ("GET", "POST")

# A segment of dots only would lead to another path.
_PART = r"(?!\.+(?:/|$))[\w.:,@+~-]+"
_PATH = re.compile(f"{_PART}(?:/{_PART})*", re.ASCII)

SIGNED = "auth/"
"""Prefix of paths that need a signature."""


class Request(NamedTuple):
    """
    A request to send.

    Attributes
    ----------
    body : bytes or None
        JSON.
    signed_path : str or None
        The path without its leading slash, which is signed; None for an unsigned request.
    secrets : tuple of str
        Values in the body that must not be shown.
    """

    method: str
    url: str
    body: Optional[bytes]
    signed_path: Optional[str] = None
    secrets: Tuple[str, ...] = ()

    @property
    def signed_body(self) -> str:
        """The body as text, which is signed."""
        text = (self.body or b"").decode()
        return Hidden(text) if self.secrets else text


def request_of(
    host: str,
    method: object,
    path: object,
    params: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Request:
    """
    Return the request for a path of the host.

    None values are left out of query and body; numbers are written without exponent.
    """
    if not isinstance(method, str) or method not in _METHODS:
        raise UsageError(f"method must be 'GET' or 'POST', not {method!r}")
    text = plain_text(path)
    if text is None or not _PATH.fullmatch(text):
        raise UsageError(
            "path must look like 'ticker/tBTCUSD' and have no query, which is passed as params, "
            f"not {path!r}"
        )
    for name, value in (("params", params), ("body", body)):
        if value is not None and not isinstance(value, Mapping):
            # The message omits the value, which may hold a secret.
            raise UsageError(f"{name} must be a dict, not a {type_name(value)}")
    path, url = text, f"{host}/{text}"
    signed_path = None
    if path.startswith(SIGNED):
        if method != "POST" or params:
            raise UsageError(
                f"a path that begins with {SIGNED!r} must be a POST with a body and without params"
            )
        signed_path = urlsplit(url).path[1:]
        body = body or {}
    if params:
        query = {
            name: plain_decimal(value, name) if text is None else text
            for name, value in params.items()
            for text in [plain_text(value)]
            if value is not None
        }
        if query:
            # Colons and commas unescaped, as in the exchange's documentation.
            url += "?" + urlencode(query, safe=":,")
    if body is None:
        return Request(str(method), url, None)
    if method == "GET":
        raise UsageError("a GET must not have a body")
    given = {name: value for name, value in body.items() if value is not None}
    try:
        text = dumps(plain_json(given))
    except (TypeError, ValueError, RecursionError) as exc:
        raise UsageError(f"the body cannot be written as JSON: {exc}") from exc
    secrets = tuple(hidden_in(given))
    data = HiddenBytes(text.encode()) if secrets else text.encode()
    return Request(str(method), url, data, signed_path, secrets)
