"""
Signatures with a key's secret, or a token in place of them, for both transports.

References
----------
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

# What can stand in a request's head; a line break there would end it.
_VISIBLE = re.compile(r"[!-~]+")


class RestSigner(Protocol):
    """
    What can sign for REST.

    Attributes
    ----------
    identity : str
        Those with the same one share a nonce, and a place in line.
    nonce : Nonce
    """

    @property
    def identity(self) -> str:
        """What is shared belongs to it."""
        ...

    @property
    def nonce(self) -> Nonce:
        """Where its numbers come from."""
        ...

    def rest_headers(self, path: str, body: str) -> dict[str, str]:
        """Return the headers of a request, with a fresh nonce."""
        ...


@attrs.define(eq=False)
class Signer:
    """
    Sign with one API key.

    Attributes
    ----------
    api_key : str
    api_secret : str
    nonce : Nonce
        By default the one that all signers of this process with the same key share.
    """

    api_key: str = attrs.field(repr=False)
    api_secret: str = attrs.field(repr=False)
    nonce: Nonce = attrs.field(repr=False)

    def __init__(
        self, api_key: str, api_secret: str, nonce: Nonce | None = None
    ) -> None:
        # Not that of attrs, whose frame would show them to a report of an error.
        api_key, api_secret = hide(api_key), hide(api_secret)
        self.__attrs_init__(  # type: ignore[attr-defined]  # pyright: ignore
            api_key, api_secret, nonce or _default_nonce(api_key)
        )

    def __attrs_post_init__(self) -> None:
        for name, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            # The value stays out of the message: it may be a secret in the wrong place.
            if not isinstance(value, str) or not value.strip():
                raise UsageError(f"{name} must be text that is not empty")
            if not _VISIBLE.fullmatch(value):
                raise UsageError(
                    f"{name} has characters that none has: a space or a line break at its end?"
                )

    @property
    def identity(self) -> str:
        """The key: what its signers share belongs to it."""
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
            After the host, without the leading slash: ``v2/auth/r/wallets``.
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
        """Return the auth message of a socket, with a fresh nonce: make one per connection."""
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
    Sign with a token, which `generate_token` returns: it stands in for key and signature.

    Attributes
    ----------
    token : str
    nonce : Nonce
        By default the one that all signers of this process with the same token share.
    """

    token: str = attrs.field(repr=False)
    nonce: Nonce = attrs.field(repr=False)

    def __init__(self, token: str, nonce: Nonce | None = None) -> None:
        # Not that of attrs, whose frame would show it to a report of an error.
        token = hide(token)
        self.__attrs_init__(  # type: ignore[attr-defined]  # pyright: ignore
            token, nonce or _default_nonce(token)
        )

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.token, str) or not _VISIBLE.fullmatch(self.token):
            raise UsageError("a token must be text without spaces")

    @property
    def identity(self) -> str:
        """The token: what its signers share belongs to it."""
        return self.token

    def rest_headers(self, path: str, body: str) -> dict[str, str]:
        """Return the headers of a request, with a fresh nonce; see `Signer.rest_headers`."""
        return {"bfx-nonce": str(self.nonce.next()), "bfx-token": Hidden(self.token)}


def _default_nonce(identity: object) -> Nonce:
    # What is no text is refused a moment later.
    return shared_nonce(identity) if isinstance(identity, str) else Nonce()
