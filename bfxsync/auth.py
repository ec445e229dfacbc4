"""
Nonces and signatures, for both transports.

Strategy: one `Signer` for each key, shared by REST and every socket, as the exchange compares
each nonce with the largest that it has seen for that key anywhere.

References
----------
https://docs.bitfinex.com/docs/rest-auth
https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

import hashlib
import hmac
import time
from threading import Lock
from typing import Any, Callable

import attrs

from bfxsync.errors import UsageError

MAX_NONCE = 2**53 - 1
"""The largest that the exchange accepts; nanoseconds since 1970 are beyond it."""


class Nonce:
    """
    Strictly increasing numbers: microseconds since 1970, or one more than the last.

    A clock that is set back changes nothing: the numbers go on from the last one.

    Parameters
    ----------
    clock : callable
        Seconds since 1970.
    last : int
        Where to go on; the next one is larger.
    """

    def __init__(self, clock: Callable[[], float] = time.time, last: int = 0) -> None:
        self._clock = clock
        self._last = last
        # Protects _last: two threads must never get the same number.
        self._lock = Lock()

    def next(self) -> int:
        """
        Return the next number.

        Raises
        ------
        UsageError
            The largest possible one was used; this key can never be used again.
        """
        now = int(self._clock() * 1_000_000)
        with self._lock:
            nonce = max(self._last + 1, now)
            if nonce > MAX_NONCE:
                raise UsageError(
                    f"no nonce is left: the next would be above {MAX_NONCE}"
                )
            self._last = nonce
        return nonce


@attrs.define(eq=False)
class Signer:
    """
    Sign with one API key.

    Attributes
    ----------
    api_key : str
    api_secret : str
    nonce : Nonce
    """

    api_key: str = attrs.field(repr=False)
    api_secret: str = attrs.field(repr=False)
    nonce: Nonce = attrs.field(factory=Nonce, repr=False)

    def __attrs_post_init__(self) -> None:
        for name, value in (("api_key", self.api_key), ("api_secret", self.api_secret)):
            # The value stays out of the message: it may be a secret in the wrong place.
            if not isinstance(value, str) or not value.strip():
                raise UsageError(f"{name} must be text that is not empty")

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
            "bfx-apikey": self.api_key,
            "bfx-signature": self.sign(f"/api/{path}{nonce}{body}"),
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
