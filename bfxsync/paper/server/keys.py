"""
Authentication: API keys with signatures and nonces, and tokens created with keys.

Strategy: a signature is checked over the received bytes, the path and body of the request, so that
a client that signs other bytes than it sends is refused. REST and WebSocket share one nonce per
key. Of a token only a digest is kept, which may be in a journal.

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
from bfxsync.paper.engine.errors import PARAMETERS, Invalid
from bfxsync.paper.engine.units import Row
from bfxsync.paper.server.wire_json import to_bytes
from bfxsync.paper.settings import SCOPES, PaperAccount

AUTH_FAILED, NONCE = 10100, 10114
NO_RIGHT = "api_key: permission invalid"

LARGEST_NONCE = 2**53 - 1
LONGEST_TTL_S = 86_400

_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
# The scopes that each capability of a token covers.
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
class Credential:
    """
    An API key, or a token, which expires and signs nothing.

    Attributes
    ----------
    rights : mapping
        ``r`` and ``w`` by scope.
    last_nonce : int
        The largest nonce so far; each key and token has its own.
    """

    account: Account
    rights: Mapping[str, str]
    secret: str = attrs.field(default="", repr=False)
    last_nonce: int = 0
    expires_mts: int = 0

    def allows(self, scope: str, right: str) -> bool:
        """Return whether the credential has a right."""
        return right in self.rights.get(scope, "")


class KeyStore:
    """All keys and tokens."""

    def __init__(
        self, owners: Iterable[tuple[PaperAccount, Account]], now_mts: Callable[[], int]
    ) -> None:
        self._now_mts = now_mts
        self._keys: dict[str, Credential] = {}
        # By their digests.
        self._tokens: dict[str, Credential] = {}
        for settings, account in owners:
            given = settings.permissions
            rights = {scope: given.get(scope, "rw") for scope in SCOPES}
            self._keys[settings.api_key] = Credential(
                account, rights, settings.api_secret
            )

    def state(self) -> dict[str, Row]:
        """
        Return the state to restore after a restart: nonces by key, and tokens by digest.

        A nonce that was used may not be used again.
        """
        found: dict[str, Row] = {
            key: [each.last_nonce]
            for key, each in self._keys.items()
            if each.last_nonce
        }
        names = {each.account: key for key, each in self._keys.items()}
        for digest, each in self._tokens.items():
            key, rights = names[each.account], dict(each.rights)
            found[digest] = [each.last_nonce, key, rights, each.expires_mts]
        return found

    def restore(self, state: Mapping[str, Row]) -> None:
        """Restore the nonces and tokens of a `state`."""
        for name, (nonce, *token) in state.items():
            if token:
                key, rights, expires_mts = token
                self._tokens[name] = Credential(
                    self._keys[key].account, rights, "", nonce, expires_mts
                )
            else:
                self._keys[name].last_nonce = nonce

    def owner(self, api_key: object) -> Account | None:
        """Return the account of a key, without authentication."""
        found = self._keys.get(api_key) if isinstance(api_key, str) else None
        return None if found is None else found.account

    def authenticate(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> Credential:
        """
        Return the key or token of a REST request.

        Parameters
        ----------
        path : str
            As sent, without the leading slash and without a query.

        Raises
        ------
        Invalid
            Unknown key or token, wrong signature, or a nonce that is not larger than the last one.
        """
        token, nonce = headers.get("bfx-token"), headers.get("bfx-nonce", "")
        if token is not None:
            found = self.find_token(token)
            _advance(found, nonce)
            return found
        message = to_bytes(f"/api/{path}{nonce}") + body
        key, signature = headers.get("bfx-apikey"), headers.get("bfx-signature", "")
        return self.verify(key, message, signature, nonce)

    def verify(
        self, api_key: object, message: bytes, signature: str, nonce: object
    ) -> Credential:
        """
        Return the key that has signed a message, and advance its nonce.

        Raises
        ------
        Invalid
            Unknown key, wrong signature, or a nonce that is not larger than the last one.
        """
        found = self._keys.get(api_key) if isinstance(api_key, str) else None
        if found is None:
            raise Invalid("apikey: invalid", AUTH_FAILED)
        expected = hmac.new(found.secret.encode(), message, hashlib.sha384)
        if not hmac.compare_digest(to_bytes(signature), expected.hexdigest().encode()):
            raise Invalid("apikey: digest invalid", AUTH_FAILED)
        _advance(found, nonce)
        return found

    def find_token(self, token: object) -> Credential:
        """Return a token; raises `Invalid` if it is unknown or has expired."""
        found = self._tokens.get(_digest(token))
        if found is None or self._now_mts() >= found.expires_mts:
            self._tokens.pop(_digest(token), None)
            raise Invalid("token: invalid", AUTH_FAILED)
        return found

    def new_token(
        self, parent: Credential, ttl_s: int, caps: object, may_write: bool
    ) -> str:
        """Create a token with those rights of a key or token that the capabilities cover."""
        names = list(_CAPS) if caps is None else caps
        if not isinstance(names, list) or not all(
            isinstance(name, str) and name in _CAPS for name in names
        ):
            raise Invalid("caps: invalid", PARAMETERS)
        wanted = "rw" if may_write else "r"
        rights = {
            scope: "".join(right for right in wanted if parent.allows(scope, right))
            for name in names
            for scope in _CAPS[name]
        }
        now = self._now_mts()
        self._tokens = {
            digest: held
            for digest, held in self._tokens.items()
            if now < held.expires_mts
        }
        token = f"pub:api:{uuid.uuid4()}-paper"
        self._tokens[_digest(token)] = Credential(
            parent.account, rights, expires_mts=now + ttl_s * 1000
        )
        return token

    def delete_token(self, parent: Credential, token: object) -> None:
        """Revoke a token of the same account."""
        found = self._tokens.get(_digest(token))
        if found is None or found.account is not parent.account:
            raise Invalid("token: invalid", PARAMETERS)
        del self._tokens[_digest(token)]


def _digest(token: object) -> str:
    return hashlib.sha256(to_bytes(str(token))).hexdigest()


def _advance(credential: Credential, nonce: object) -> None:
    """Check a nonce, an integer or its digits, and store it as the largest one."""
    text = str(nonce) if type(nonce) in (int, str) else ""
    if not _DIGITS.fullmatch(text) or int(text) > LARGEST_NONCE:
        raise Invalid("nonce: invalid", NONCE)
    if int(text) <= credential.last_nonce:
        raise Invalid("nonce: small", NONCE)
    credential.last_nonce = int(text)
