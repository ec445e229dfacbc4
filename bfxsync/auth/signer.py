"""
Signs requests with an API key or a token, for both transports.

https://docs.bitfinex.com/docs/rest-auth
https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, Protocol

from bfxsync._base.hidden import Hidden, hide
from bfxsync.auth.nonce import Nonce, shared_nonce
from bfxsync.errors import UsageError

# Allowed in a request header; a line break would end it.
_VISIBLE = re.compile(r"[!-~]+")


class RestSigner(Protocol):
    """Signs REST requests, and authenticates WebSocket connections."""

    @property
    def identity(self) -> str:
        """The key or token; all its signers share nonces and the queue of signed calls."""
        ...

    @property
    def nonce(self) -> Nonce:
        """Source of nonces."""
        ...

    def rest_headers(self, path: str, body: str) -> dict[str, str]:
        """Return the headers of a request, with a fresh nonce."""
        ...

    def auth_event(self, nonce: int | None = None) -> dict[str, Any]:
        """Return the ``auth`` event of a WebSocket connection."""
        ...


class Signer:
    """
    Signs with an API key.

    Attributes
    ----------
    api_key : str
    api_secret : str
    nonce : Nonce
        By default shared by all signers of this process with the same key.
    """

    def __init__(
        self, api_key: str, api_secret: str, nonce: Nonce | None = None
    ) -> None:
        # Replaced by masked values, as error reports show the variables of a frame.
        api_key, api_secret = hide(api_key), hide(api_secret)
        for name, value in (("api_key", api_key), ("api_secret", api_secret)):
            # The message omits the value, which may be a misplaced secret.
            if not isinstance(value, str) or not value.strip():
                raise UsageError(f"{name} must be non-empty text")
            if not _VISIBLE.fullmatch(value):
                raise UsageError(
                    f"{name} has invalid characters; is there a space or line break at its end?"
                )
        self.api_key: str = api_key
        self.api_secret: str = api_secret
        self.nonce: Nonce = nonce or shared_nonce(api_key)

    @property
    def identity(self) -> str:
        """The API key."""
        return self.api_key

    def sign(self, message: str) -> str:
        """Return the HMAC-SHA384 of the message, as lower-case hexadecimal digits."""
        return hmac.new(
            self.api_secret.encode(), message.encode(), hashlib.sha384
        ).hexdigest()

    def rest_headers(self, path: str, body: str) -> dict[str, str]:
        """
        Return the headers of a signed request, with a fresh nonce.

        `path` has no leading slash: ``v2/auth/r/wallets``. `body` must be the exact text sent.
        """
        nonce = str(self.nonce.next())
        return {
            "bfx-nonce": nonce,
            "bfx-apikey": Hidden(self.api_key),
            "bfx-signature": Hidden(self.sign(f"/api/{path}{nonce}{body}")),
        }

    def auth_event(self, nonce: int | None = None) -> dict[str, Any]:
        """
        Return an ``auth`` event for one WebSocket connection.

        `nonce` is a fresh one, as `Nonce.draw` delivers it on an I/O thread; by default the next.
        """
        nonce = self.nonce.next() if nonce is None else nonce
        payload = f"AUTH{nonce}"
        return {
            "event": "auth",
            "apiKey": self.api_key,
            "authNonce": nonce,
            "authPayload": payload,
            "authSig": self.sign(payload),
        }


class TokenSigner:
    """
    Authenticates with a token from `generate_token` instead of key and signature.

    Attributes
    ----------
    token : str
    nonce : Nonce
        By default shared by all signers of this process with the same token.
    """

    def __init__(self, token: str, nonce: Nonce | None = None) -> None:
        # Replaced by a masked value, as error reports show the variables of a frame.
        token = hide(token)
        if not isinstance(token, str) or not _VISIBLE.fullmatch(token):
            raise UsageError("auth_token must be text without spaces")
        self.token: str = token
        self.nonce: Nonce = nonce or shared_nonce(token)

    @property
    def identity(self) -> str:
        """The token."""
        return self.token

    def rest_headers(self, path: str, body: str) -> dict[str, str]:
        """Return the headers of a request, with a fresh nonce; see `Signer.rest_headers`."""
        return {"bfx-nonce": str(self.nonce.next()), "bfx-token": Hidden(self.token)}

    def auth_event(self, nonce: int | None = None) -> dict[str, Any]:
        """Return an ``auth`` event for a WebSocket connection; it contains no nonce."""
        return {"event": "auth", "token": self.token}
