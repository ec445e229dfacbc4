"""
Who asks: keys, their signatures and nonces, and tokens that stand in for them.

Strategy: what is signed is taken from the bytes that came: the path as it stands in the request,
and the body as it is. So a client that signs something else than it sends is found out.

References
----------
https://docs.bitfinex.com/docs/rest-auth
"""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from typing import Callable, Iterable, Mapping

import attrs

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.account_settings import SCOPES
from bfxsync.paper.engine.refusals import Invalid

AUTH_FAILED, NONCE = 10100, 10114

LARGEST_NONCE = 2**53 - 1
LONGEST_TTL_S = 86_400

_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
# What the capabilities of a token are for.
_CAPS = {
    "a": ("account", "history"),
    "o": ("orders", "positions"),
    "f": ("funding",),
    "s": ("settings",),
    "w": ("wallets",),
    "wd": ("withdraw",),
    "bp": ("bfxpay",),
}


@attrs.define(eq=False)
class Caller:
    """
    A key, or a token.

    Attributes
    ----------
    rights : mapping
        By scope, of ``r`` and ``w``.
    last_nonce : int
        The largest so far: each has its own.
    expires_mts : int or None
    """

    account: Account
    rights: Mapping[str, str]
    last_nonce: int = 0
    expires_mts: int | None = None

    def may(self, scope: str, right: str) -> bool:
        """Say whether it has a right."""
        return right in self.rights.get(scope, "")


class Keys:
    """
    All keys and tokens.

    Parameters
    ----------
    accounts : iterable of Account
    now_mts : callable
    """

    def __init__(self, accounts: Iterable[Account], now_mts: Callable[[], int]) -> None:
        self._now_mts = now_mts
        self._callers: dict[str, Caller] = {}
        self._tokens: dict[str, Caller] = {}
        for account in accounts:
            given = account.settings.permissions
            rights = {scope: given.get(scope, "rw") for scope in SCOPES}
            self._callers[account.settings.api_key] = Caller(account, rights)

    def admit(self, path: str, headers: Mapping[str, str], body: bytes) -> Caller:
        """
        Return whose request this is.

        Parameters
        ----------
        path : str
            As it was sent, without the leading slash and without a query.

        Raises
        ------
        Invalid
            Nobody's, or its nonce is not larger than the last one.
        """
        token = headers.get("bfx-token")
        nonce = headers.get("bfx-nonce", "")
        if token is not None:
            caller = self._tokens.get(token)
            if caller is None or self._now_mts() >= (caller.expires_mts or 0):
                self._tokens.pop(token, None)
                raise Invalid("token: invalid", AUTH_FAILED)
        else:
            caller = self._callers.get(headers.get("bfx-apikey", ""))
            if caller is None:
                raise Invalid("apikey: invalid", AUTH_FAILED)
            secret = caller.account.settings.api_secret.encode()
            message = _bytes(f"/api/{path}{nonce}") + body
            expected = hmac.new(secret, message, hashlib.sha384).hexdigest()
            found = headers.get("bfx-signature", "")
            if not hmac.compare_digest(_bytes(found), _bytes(expected)):
                raise Invalid("apikey: digest invalid", AUTH_FAILED)
        if not _DIGITS.fullmatch(nonce) or int(nonce) > LARGEST_NONCE:
            raise Invalid("nonce: invalid", NONCE)
        if int(nonce) <= caller.last_nonce:
            raise Invalid("nonce: small", NONCE)
        caller.last_nonce = int(nonce)
        return caller

    def new_token(
        self, caller: Caller, ttl_s: int, caps: object, may_write: bool
    ) -> str:
        """
        Make a token that may do a part of what a caller may.

        Raises
        ------
        Invalid
            Impossible capabilities.
        """
        names = list(_CAPS) if caps is None else caps
        if not isinstance(names, list) or not all(
            isinstance(name, str) and name in _CAPS for name in names
        ):
            raise Invalid("caps: invalid", 10020)
        scopes = [scope for name in names for scope in _CAPS[name]]
        rights = {
            scope: "".join(
                right
                for right in ("rw" if may_write else "r")
                if caller.may(scope, right)
            )
            for scope in scopes
        }
        self._drop_expired()
        token = f"pub:api:{uuid.uuid4()}-paper"
        expires = self._now_mts() + ttl_s * 1000
        self._tokens[token] = Caller(caller.account, rights, 0, expires)
        return token

    def _drop_expired(self) -> None:
        now = self._now_mts()
        for token, caller in list(self._tokens.items()):
            if now >= (caller.expires_mts or 0):
                del self._tokens[token]

    def forget_token(self, caller: Caller, token: object) -> None:
        """Let a token of the same account be worth nothing any more."""
        found = self._tokens.get(token) if isinstance(token, str) else None
        if found is None or found.account is not caller.account:
            raise Invalid("token: invalid", 10020)
        del self._tokens[str(token)]


def _bytes(text: str) -> bytes:
    # As it came: the server reads what is no UTF-8 into surrogates.
    return text.encode("utf-8", "surrogateescape")
