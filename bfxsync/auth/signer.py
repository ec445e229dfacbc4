"""
Signatures with an API key, or a token instead, for both transports.

https://docs.bitfinex.com/docs/rest-auth
https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, Protocol

import attrs

from bfxsync._base.hidden import Hidden, hide
from bfxsync.auth.nonce import Nonce, shared_nonce
from bfxsync.errors import UsageError

# Allowed in a request header; a line break would end it.
_VISIBLE = re.compile(r"[!-~]+")


class RestSigner(Protocol):
    """
    Signs REST requests.

    Attributes
    ----------
    identity : str
        Signers with the same identity share nonces and the queue of signed calls.
    nonce : Nonce
    """

    @property
    def identity(self) -> str:
        """Identifies what is shared."""
        ...

    @property
    def nonce(self) -> Nonce:
        """The source of nonces."""
        ...

    def rest_headers(self, path: str, body: str) -> dict[str, str]:
        """Return the headers of a request, with a fresh nonce."""
        ...


@attrs.define(eq=False)
class Signer:
    """
    Signs with one API key.

    Attributes
    ----------
    api_key : str
    api_secret : str
    nonce : Nonce
        By default shared by all signers of this process with the same key.
    """

    api_key: str = attrs.field(repr=False)
    api_secret: str = attrs.field(repr=False)
    nonce: Nonce = attrs.field(repr=False)

    def __init__(
        self, api_key: str, api_secret: str, nonce: Nonce | None = None
    ) -> None:
        # Not attrs' own, whose frame would show them in error reports.
        api_key, api_secret = hide(api_key), hide(api_secret)
        self.__attrs_init__(  # type: ignore[attr-defined]  # pyright: ignore
            api_key, api_secret, nonce or _default_nonce(api_key)
        )

    def __attrs_post_init__(self) -> None:
        for name, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            # Without the value, which may be a misplaced secret.
            if not isinstance(value, str) or not value.strip():
                raise UsageError(f"{name} must be text that is not empty")
            if not _VISIBLE.fullmatch(value):
                raise UsageError(
                    f"{name} has characters that none has: a space or a line break at its end?"
                )

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

        Parameters
        ----------
        path : str
            Path without the leading slash: ``v2/auth/r/wallets``.
        body : str
            Exactly the text that is sent.
        """
        nonce = str(self.nonce.next())
        return {
            "bfx-nonce": nonce,
            "bfx-apikey": Hidden(self.api_key),
            "bfx-signature": Hidden(self.sign(f"/api/{path}{nonce}{body}")),
        }

    def auth_event(self) -> dict[str, Any]:
        """Return the ``auth`` event of a socket, with a fresh nonce; one per connection."""
        nonce = self.nonce.next()
        payload = f"AUTH{nonce}"
        return {
            "event": "auth",
            "apiKey": self.api_key,
            "authNonce": nonce,
            "authPayload": payload,
            "authSig": self.sign(payload),
        }


@attrs.define(eq=False)
class TokenSigner:
    """
    Signs with a token from `generate_token`, which replaces key and signature.

    Attributes
    ----------
    token : str
    nonce : Nonce
        By default shared by all signers of this process with the same token.
    """

    token: str = attrs.field(repr=False)
    nonce: Nonce = attrs.field(repr=False)

    def __init__(self, token: str, nonce: Nonce | None = None) -> None:
        # Not attrs' own, whose frame would show it in error reports.
        token = hide(token)
        self.__attrs_init__(  # type: ignore[attr-defined]  # pyright: ignore
            token, nonce or _default_nonce(token)
        )

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.token, str) or not _VISIBLE.fullmatch(self.token):
            raise UsageError("a token must be text without spaces")

    @property
    def identity(self) -> str:
        """The token."""
        return self.token

    def rest_headers(self, path: str, body: str) -> dict[str, str]:
        """Return the headers of a request, with a fresh nonce; see `Signer.rest_headers`."""
        return {"bfx-nonce": str(self.nonce.next()), "bfx-token": Hidden(self.token)}


def _default_nonce(identity: object) -> Nonce:
    # Values other than text are refused a moment later.
    return shared_nonce(identity) if isinstance(identity, str) else Nonce()
