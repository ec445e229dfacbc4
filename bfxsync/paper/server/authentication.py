"""
The auth event of the WebSocket: its credential, its filter and its options.

Strategy: the signature is checked over `authPayload` as sent, since clients differ in what they
sign. Some also send their secret: no part of the message may be logged, recorded or echoed.

https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

from typing import Any, Mapping

import attrs

from bfxsync.paper.engine.errors import PARAMETERS, Invalid
from bfxsync.paper.server.account_filter import AccountFilter
from bfxsync.paper.server.keys import Credential, KeyStore
from bfxsync.paper.server.wire_json import to_bytes
from bfxsync.paper.settings import SCOPES

PAYLOAD, SIGNATURE = 10111, 10112
_CANCEL_ORDERS = 4


@attrs.frozen
class Login:
    """
    An accepted auth event.

    Attributes
    ----------
    cancels_orders : bool
        Cancel all orders of the account when the socket closes (``dms``).
    """

    credential: Credential
    filter: AccountFilter
    cancels_orders: bool

    def caps(self) -> dict[str, dict[str, int]]:
        """Return the rights in the form of the acknowledgement."""
        allows = self.credential.allows
        return {
            scope: {"read": int(allows(scope, "r")), "write": int(allows(scope, "w"))}
            for scope in SCOPES
        }


def log_in(request: Mapping[str, Any], keys: KeyStore) -> Login:
    """
    Check an auth event, with a token or with a key and its signature; other keys are ignored.

    Raises
    ------
    Invalid
        The event is refused; has the numeric code.
    """
    names = request.get("filter")
    if names is not None and not isinstance(names, list):
        raise Invalid("filter: invalid", PARAMETERS)
    if request.get("token") is not None:
        credential = keys.find_token(request["token"])
    else:
        payload, signature = request.get("authPayload"), request.get("authSig")
        if not (isinstance(payload, str) and payload.isascii()):
            raise Invalid("auth: payload invalid", PAYLOAD)
        if not (isinstance(signature, str) and signature.isascii()):
            raise Invalid("auth: signature invalid", SIGNATURE)
        credential = keys.verify(
            request.get("apiKey"),
            to_bytes(payload),
            signature,
            request.get("authNonce"),
        )
    cancels = request.get("dms") == _CANCEL_ORDERS and credential.allows("orders", "w")
    return Login(credential, AccountFilter(names, credential), cancels)
